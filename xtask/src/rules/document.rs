//! The table as a document.

use alloc::collections::BTreeMap;
use core::{fmt::Write as _, ops::RangeInclusive};

use super::collect::{Entry, Shown};

const OPENING: &str = "\
# What RFC 9420 asks of whoever receives, and the test of each

Each of the checks that [RFC 9420](https://www.rfc-editor.org/rfc/rfc9420.html) asks for, by number, and the test that breaks
it and nothing else: the input is refused, with the error named here; state and store are as before; the same input without
the fault is accepted, and the group goes on. Inputs are made by the forge of `cenacle-testkit`, which has an encoder, a tree, a
key schedule and a signer of its own. This file is made by `cargo xtask rules` out of the tests; `cargo xtask rules --check`
fails where a number has neither test nor reason, or has two, and where no test of these names a variant of `cenacle_mls::Rule`.

A rule without a test says why: mostly, because types cannot hold what it forbids.
";

/// The whole document.
pub(crate) fn render(groups: &[(&str, RangeInclusive<u16>)], entries: &BTreeMap<u16, Entry>) -> String {
    let mut page = OPENING.to_owned();
    for (title, numbers) in groups {
        let written =
            writeln!(page, "\n## {title}\n\n| rule | § | what is asked | refused with | test |\n|---|---|---|---|---|");
        debug_assert!(written.is_ok(), "a string takes every line");
        for id in numbers.clone() {
            if let Some(entry) = entries.get(&id) {
                row(&mut page, entry);
            }
        }
    }
    page
}

fn row(page: &mut String, entry: &Entry) {
    let Entry { id, sections, check, names, shown } = entry;
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let shown = match shown {
        Shown::By { test, file, .. } => format!("[{}](../{file})", test.replace('_', "\\_")),
        Shown::Reason(reason) => format!("*{reason}*"),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    let written = writeln!(
        page,
        "| {id} | {} | {} | {} | {} |",
        sections.join(", "),
        cell(check),
        names.join(", "),
        cell(&shown)
    );
    debug_assert!(written.is_ok(), "a string takes every line");
}
