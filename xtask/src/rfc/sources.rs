//! The sources as the map of the RFC sees them: which file is a module, which holds tests, and the rules of the core.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::structure::{shown, sources};

/// What a file is to the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Part of what is shipped.
    Module,
    /// Tests, or what only tests use.
    Test,
    /// Its citations are checked but not listed: the verifiers of the official vectors, which have their own table,
    /// and the list of rules, which names sections without carrying them.
    Unlisted,
}

/// One file.
pub(crate) struct Source {
    /// Path below the workspace.
    pub(crate) path: String,
    pub(crate) crate_name: String,
    /// Path in the crate: without `src/`, the extension, and a last `mod`.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) text: String,
}

/// A rule of the core and the section it is from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) section: String,
}

/// The sources and tests of all crates.
pub(crate) fn read(root: &Path) -> Vec<Source> {
    let files = sources(&root.join("crates"));
    files.iter().filter_map(|file| source(root, file)).collect()
}

fn source(root: &Path, file: &PathBuf) -> Option<Source> {
    let path = shown(root, file);
    let text = fs::read_to_string(file).ok()?;
    let (crate_name, below) = path.strip_prefix("crates/")?.split_once('/')?;
    if !below.starts_with("src/") && !below.starts_with("tests/") {
        return None;
    }
    let role = if declared_rules(&text).is_some() { Role::Unlisted } else { role(crate_name, below) };
    Some(Source { crate_name: crate_name.to_owned(), name: name(below), role, text, path: path.clone() })
}

pub(crate) fn role(crate_name: &str, below: &str) -> Role {
    let is_test = |part: &str| matches!(part, "tests" | "tests.rs" | "testing.rs" | "conformance");
    if crate_name == "cenacle-testkit" || below.split('/').any(is_test) {
        Role::Test
    } else if crate_name == "cenacle-cli" && below.starts_with("src/vectors/") {
        Role::Unlisted
    } else {
        Role::Module
    }
}

pub(crate) fn name(below: &str) -> String {
    let name = below.strip_prefix("src/").unwrap_or(below);
    let name = name.strip_suffix(".rs").unwrap_or(name);
    let folder = name.strip_suffix("/mod").or_else(|| name.strip_suffix("/main"));
    folder.unwrap_or(name).to_owned()
}

/// The text of the list of rules, if a source holds it.
fn declared_rules(text: &str) -> Option<&str> {
    let (_, list) = text.split_once("\nrules! {\n")?;
    list.split_once("\n}").map(|(list, _)| list)
}

/// The rules that a source declares.
pub(crate) fn rules(text: &str) -> Vec<Rule> {
    let lines = declared_rules(text).unwrap_or_default().lines();
    let entries = lines.filter_map(|line| line.trim().strip_suffix("\";")?.split_once(", \""));
    entries.map(|(name, section)| Rule { name: name.to_owned(), section: section.to_owned() }).collect()
}

/// Whether a source names a rule.
pub(crate) fn names_rule(text: &str, rule: &str) -> bool {
    let wanted = format!("Rule::{rule}");
    text.match_indices(&wanted).any(|(at, _)| {
        let next = text.get(at + wanted.len()..).and_then(|rest| rest.chars().next());
        !next.is_some_and(char::is_alphanumeric)
    })
}
