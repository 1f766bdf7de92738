//! The map as a document.

use alloc::collections::BTreeSet;
use core::fmt::Write as _;

use super::{
    Entry, Place,
    sections::{Content, SECTIONS, Section},
};

const OPENING: &str = "\
# RFC 9420, section by section

Where each section of [RFC 9420](https://www.rfc-editor.org/rfc/rfc9420.html) is carried, and what holds it there. This
file is made by `cargo xtask rfc` out of the citations in the code, and `cargo xtask ci` fails where it differs from
them, where a citation names a section that does not exist, and where a section with rules has no module and no reason.

- *Carried by*: modules that cite the section. A section without one says why in words.
- *Rules*: the variants of `cenacle_mls::Rule` that the section states. A rule with \\* is named by no test.
- *Held by*: tests that cite the section or name one of its rules, and official test vectors (*in italics*) that cover it.
  What exercises everything is not repeated in each line: the live peers, random worlds, insiders, damage and crashes of
  `cenacle-testkit`.

Names are paths in a crate, without `src/` and the extension.
";

/// The whole document, of one entry for each section.
pub(crate) fn render(entries: &[Entry]) -> String {
    let mut page = OPENING.to_owned();
    for (section, entry) in SECTIONS.iter().zip(entries) {
        if !section.0.contains('.') {
            heading(&mut page, section);
        }
        row(&mut page, section, entry);
    }
    page
}

fn heading(page: &mut String, (number, title, _): &Section) {
    let kind = if number.starts_with(char::is_alphabetic) { "Appendix " } else { "" };
    let written = writeln!(
        page,
        "\n## {kind}{number} {title}\n\n| § | section | carried by | rules | held by |\n|---|---|---|---|---|"
    );
    debug_assert!(written.is_ok(), "a string takes every line");
}

fn row(page: &mut String, (number, title, content): &Section, entry: &Entry) {
    let carried = match content {
        Content::Informative(what) | Content::NotHere(what) if entry.modules.is_empty() => (*what).to_owned(),
        Content::Informative(_) | Content::NotHere(_) | Content::Rules => places(&entry.modules),
    };
    let mark = |tested: bool| if tested { "" } else { "\\*" };
    let rules: Vec<_> = entry.rules.iter().map(|(rule, tested)| format!("`{rule}`{}", mark(*tested))).collect();
    let mut held = places(&entry.tests);
    if !entry.vectors.is_empty() {
        let separator = if held.is_empty() { "" } else { "; " };
        held = format!("{held}{separator}*{}*", entry.vectors.join(", "));
    }
    let written = writeln!(page, "| {number} | {title} | {carried} | {} | {held} |", rules.join(", "));
    debug_assert!(written.is_ok(), "a string takes every line");
}

/// Modules with their crates: `crate` once, then its modules.
fn places(places: &BTreeSet<Place>) -> String {
    let mut text = String::new();
    let mut last = "";
    for (crate_name, name) in places {
        if crate_name == last {
            text.push_str(", ");
        } else {
            text.push_str(if last.is_empty() { "" } else { "; " });
            text.push_str(crate_name);
            text.push(' ');
            last = crate_name;
        }
        text.push('`');
        text.push_str(name);
        text.push('`');
    }
    text
}
