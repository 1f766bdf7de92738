//! What is read out of comments, and how it is compared with the RFC.

mod citations;
mod quotes;
mod sources;

use super::{Entry, document::render, map, sections::SECTIONS};

#[test]
fn every_section_has_a_row() {
    let (page, _) = map();
    assert!(SECTIONS.iter().all(|(number, title, _)| page.contains(&format!("| {number} | {title} |"))));
}

#[test]
fn a_row_names_each_crate_once() {
    let mut entries: Vec<Entry> = SECTIONS.iter().map(|_| Entry::default()).collect();
    let place = |crate_name: &str, name: &str| (crate_name.to_owned(), name.to_owned());
    entries[0].modules = [place("a", "x"), place("b", "z"), place("a", "y")].into();
    entries[0].rules = vec![("First".to_owned(), true), ("Second".to_owned(), false)];
    entries[0].tests = [place("a", "tests")].into();
    entries[0].vectors = vec!["treekem", "welcome"];
    let row = "| 1 | Introduction | a `x`, `y`; b `z` | `First`, `Second`\\* | a `tests`; *treekem, welcome* |\n";
    assert!(render(&entries).contains(row));
}
