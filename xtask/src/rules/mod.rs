//! The table of rules: which test breaks each of the 295 checks that RFC 9420 asks for, read from the names and comments of
//! the tests and from the list of rules that no test can break, written to `docs/rules.md`, and compared with it.

mod collect;
mod document;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use core::ops::RangeInclusive;
use std::{fs, path::PathBuf};

use crate::{
    rfc::{position, sources},
    structure::root,
};
use collect::{Entry, Shown, reasons, tests_of};

/// The numbers of all rules.
const ALL: RangeInclusive<u16> = 1..=295;

/// What the rules are about, by their numbers.
const GROUPS: &[(&str, RangeInclusive<u16>)] = &[
    ("Codec and primitive encoding (§2.1, §5.1, §5.2)", 1..=30),
    ("Credentials and the Authentication Service (§5.3)", 31..=42),
    ("Framing and content authentication (§6, §6.1)", 43..=70),
    ("PrivateMessage and sender data (§6.3, §9)", 71..=93),
    ("Leaf nodes (§7.2, §7.3)", 94..=117),
    ("Tree, update path and hashes (§7.4 to §7.9, §12.4.3.3)", 118..=153),
    ("Key schedule, transcript, PSKs, exporter, deletion (§8, §9.2)", 154..=180),
    ("Key packages (§10, §10.1, §16.8)", 181..=192),
    ("Proposals, one by one (§12.1)", 193..=212),
    ("Proposal lists and commits (§12.2 to §12.4)", 213..=254),
    ("Welcome, GroupInfo, external joins (§12.4.3)", 255..=289),
    ("Extensions and GREASE (§13)", 290..=295),
];

/// Where the rules that no test can break are listed.
const REASONS: &str = "crates/cenacle-testkit/src/rules.rs";

/// What the tests of rules are made with.
const SHARED: &str = "crates/cenacle-testkit/tests/rules/common/made.rs";

/// Writes the document.
pub(crate) fn write() -> Result<(), Vec<String>> {
    let (page, problems) = table();
    fs::write(path(), page).map_err(|error| vec![format!("{}: {error}", path().display())])?;
    println!("{} rules written to {}", ALL.count(), path().display());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Compares the document with the tests.
pub(crate) fn check() -> Result<(), Vec<String>> {
    let (page, mut problems) = table();
    if fs::read_to_string(path()).ok().as_deref() != Some(&*page) {
        problems.push("docs/rules.md differs from the tests: run `cargo xtask rules`".to_owned());
    }
    if problems.is_empty() {
        println!("{} rules: each has its test or its reason", ALL.count());
        Ok(())
    } else {
        Err(problems)
    }
}

fn path() -> PathBuf {
    root().join("docs/rules.md")
}

/// The document, and all that is missing or said twice.
fn table() -> (String, Vec<String>) {
    let sources = sources::read(root());
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let shared = sources.iter().find(|source| source.path == SHARED).map(|source| &*source.text).unwrap_or_default();
    for source in &sources {
        found.extend(tests_of(&source.path, &source.text, shared));
        if source.path == REASONS {
            found.extend(reasons(&source.text));
        }
    }
    let rules: Vec<String> =
        sources.iter().flat_map(|source| sources::rules(&source.text)).map(|rule| rule.name).collect();
    let entries = judge(found, &rules, &mut problems);
    (document::render(GROUPS, &entries), problems)
}

/// Each rule's entry; what is wrong with them goes to `problems`.
fn judge(found: Vec<Entry>, rules: &[String], problems: &mut Vec<String>) -> BTreeMap<u16, Entry> {
    let mut entries: BTreeMap<u16, Entry> = BTreeMap::new();
    let named = |entry: &Entry| entry.names.clone();
    let all_names: Vec<String> = found.iter().flat_map(named).collect();
    for entry in found {
        if !ALL.contains(&entry.id) {
            problems.push(format!("there is no rule {}, which {} is for", entry.id, entry.place()));
            continue;
        }
        if entry.sections.is_empty() || entry.check.is_empty() {
            problems.push(format!("the comment of {} does not begin with `§<section>: <check>`", entry.place()));
        }
        for section in entry.sections.iter().filter(|section| position(section).is_none()) {
            problems.push(format!("RFC 9420 has no §{section}, which {} names", entry.place()));
        }
        if let Shown::By { asserts: false, .. } = entry.shown {
            problems.push(format!("{} asserts nothing", entry.place()));
        }
        if let Some(other) = entries.get(&entry.id) {
            problems.push(format!("rule {} has both {} and {}", entry.id, other.place(), entry.place()));
        }
        entries.insert(entry.id, entry);
    }
    for id in ALL.filter(|id| !entries.contains_key(id)) {
        problems.push(format!("rule {id} has neither a test nor a reason"));
    }
    for rule in rules {
        let name = format!("Rule::{rule}");
        if !all_names.contains(&name) {
            problems.push(format!("no test of a rule names {name}"));
        }
    }
    entries
}
