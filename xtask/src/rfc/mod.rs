//! Which module carries each section of RFC 9420 and which tests hold it: read from the citations in the comments,
//! written to `docs/rfc9420.md`, and compared with it.

mod citations;
mod document;
mod quotes;
mod sections;
pub(crate) mod sources;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeSet;
use std::{fs, path::PathBuf};

pub(crate) use quotes::check as check_quotes;
pub(crate) use sections::position;

use crate::structure::root;
use citations::{RFC, citations, comments, context};
use sections::{Content, SECTIONS, VECTOR_CODE, VECTORS, positions};
use sources::{Role, Source};

/// A crate and a module or test in it.
pub(crate) type Place = (String, String);

/// What is known of one section.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) modules: BTreeSet<Place>,
    /// Rules, and whether a test names them.
    pub(crate) rules: Vec<(String, bool)>,
    pub(crate) tests: BTreeSet<Place>,
    pub(crate) vectors: Vec<&'static str>,
}

/// Writes the document.
pub(crate) fn write() -> Result<(), Vec<String>> {
    let (page, problems) = map();
    fs::write(path(), page).map_err(|error| vec![format!("{}: {error}", path().display())])?;
    println!("{} sections written to {}", SECTIONS.len(), path().display());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Compares the document with the code.
pub(crate) fn check() -> Result<(), Vec<String>> {
    let (page, mut problems) = map();
    if fs::read_to_string(path()).ok().as_deref() != Some(&*page) {
        problems.push("docs/rfc9420.md differs from the citations in the code: run `cargo xtask rfc`".to_owned());
    }
    if problems.is_empty() {
        println!("{} sections: the map of RFC 9420 holds", SECTIONS.len());
        Ok(())
    } else {
        Err(problems)
    }
}

fn path() -> PathBuf {
    root().join("docs/rfc9420.md")
}

/// The document, and all that is wrong with what it was made of.
fn map() -> (String, Vec<String>) {
    let sources = sources::read(root());
    let mut problems = Vec::new();
    let mut entries: Vec<Entry> = SECTIONS.iter().map(|_| Entry::default()).collect();
    for source in &sources {
        add_citations(source, &mut entries, &mut problems);
    }
    add_rules(&sources, &mut entries, &mut problems);
    add_vectors(&sources, &mut entries, &mut problems);
    for ((number, title, content), entry) in SECTIONS.iter().zip(&entries) {
        match (content, entry.modules.first()) {
            (Content::Rules, None) => {
                problems.push(format!("no module cites §{number} ({title}), and sections.rs gives no reason"));
            }
            (Content::NotHere(_), Some((crate_name, module))) => {
                problems.push(format!("{crate_name} {module} cites §{number}, which sections.rs says is not here"));
            }
            (Content::Rules | Content::Informative(_) | Content::NotHere(_), _) => {}
        }
    }
    (document::render(&entries), problems)
}

fn add_citations(source: &Source, entries: &mut [Entry], problems: &mut Vec<String>) {
    let comments = comments(&source.text);
    let context = context(&comments);
    for comment in &comments {
        for citation in citations(&comment.text, context).iter().filter(|citation| citation.rfc == RFC) {
            match positions(&citation.first, citation.last.as_deref()) {
                Ok(cited) => cited.into_iter().for_each(|at| source.add_to(entries.get_mut(at))),
                Err(problem) => problems.push(format!("{}:{}: {problem}", source.path, comment.line)),
            }
        }
    }
}

impl Source {
    fn add_to(&self, entry: Option<&mut Entry>) {
        let Some(entry) = entry else { return };
        let place = || (self.crate_name.clone(), self.name.clone());
        match self.role {
            Role::Module => entry.modules.insert(place()),
            Role::Test => entry.tests.insert(place()),
            Role::Unlisted => false,
        };
    }
}

fn add_rules(sources: &[Source], entries: &mut [Entry], problems: &mut Vec<String>) {
    let rules: Vec<_> = sources.iter().flat_map(|source| sources::rules(&source.text)).collect();
    if rules.is_empty() {
        problems.push("no source declares the rules of the core".to_owned());
    }
    for rule in rules {
        let Some(entry) = position(&rule.section).and_then(|at| entries.get_mut(at)) else {
            problems.push(format!("RFC 9420 has no §{}, which rule {} names", rule.section, rule.name));
            continue;
        };
        let tests = sources.iter().filter(|source| source.role == Role::Test);
        let mut tested = false;
        for test in tests.filter(|test| sources::names_rule(&test.text, &rule.name)) {
            tested = true;
            test.add_to(Some(&mut *entry));
        }
        entry.rules.push((rule.name, tested));
    }
}

fn add_vectors(sources: &[Source], entries: &mut [Entry], problems: &mut Vec<String>) {
    let code = || sources.iter().filter(|source| source.crate_name == VECTOR_CODE);
    for (kind, covered) in VECTORS {
        let named = format!("\"{kind}\"");
        if !code().any(|source| source.text.contains(&named)) {
            problems.push(format!("no source of {VECTOR_CODE} names the vectors {kind}"));
        }
        for citation in citations(covered, RFC) {
            match positions(&citation.first, citation.last.as_deref()) {
                Ok(cited) => push_vectors(entries, &cited, kind),
                Err(problem) => problems.push(format!("vectors {kind}: {problem}")),
            }
        }
    }
}

fn push_vectors(entries: &mut [Entry], covered: &[usize], kind: &'static str) {
    for at in covered {
        if let Some(entry) = entries.get_mut(*at) {
            entry.vectors.push(kind);
        }
    }
}
