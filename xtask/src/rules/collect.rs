//! What sources say of rules: tests named `r<number>_…`, and reasons.

/// What is known of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: u16,
    pub(crate) sections: Vec<String>,
    /// What it asks for, in words.
    pub(crate) check: String,
    /// Errors that the test names, `Rule::EpochCounts` for one, each once.
    pub(crate) names: Vec<String>,
    pub(crate) shown: Shown,
}

/// How a rule is shown to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A test in a file.
    By { test: String, file: String, asserts: bool },
    /// Not by a test, for this reason.
    Reason(String),
}

impl Entry {
    /// What to call it in a report.
    pub(crate) fn place(&self) -> String {
        match &self.shown {
            Shown::By { test, file, .. } => format!("{test} in {file}"),
            Shown::Reason(_) => format!("the reason for rule {}", self.id),
        }
    }
}

/// Types of errors whose values a test names.
const ERRORS: &[&str] = &["Rule", "What", "Error", "Misuse", "Need", "Unsupported", "Distrust", "DecodeErrorKind"];

/// Values of `Error` that hold a value of another of these types.
const CARRIERS: &[&str] = &["Invalid", "Unverified", "Decode", "Missing", "Misuse", "Unsupported"];

/// What a test that asserts something calls.
const ASSERTIONS: &[&str] = &["assert", "refuse", "accept", "panic!", "join", "unwrap", "expect", "check"];

/// The tests of rules in a source.
pub(crate) fn tests_of(file: &str, text: &str) -> Vec<Entry> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((test, id)) = named(line) else { continue };
        let above = || lines.iter().take(at).rev().map(|line| line.trim());
        let is_test = above().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        if !is_test.clone().any(|line| line == "#[test]") {
            continue;
        }
        let comment: Vec<&str> = is_test.filter_map(|line| line.strip_prefix("///")).collect();
        let first = comment.last().map(|line| line.trim()).unwrap_or_default();
        let (sections, check) = headline(first);
        let indent = line.len() - line.trim_start().len();
        let end = |line: &&&str| !(line.trim() == "}" && line.len() - 1 == indent);
        let body: Vec<&str> = lines.iter().skip(at).take_while(end).copied().collect();
        let body = body.join("\n");
        let asserts = ASSERTIONS.iter().any(|call| body.contains(call));
        let shown = Shown::By { test: test.to_owned(), file: file.to_owned(), asserts };
        found.push(Entry { id, sections, check, names: errors(&body), shown });
    }
    found
}

/// `fn r043_words() {`: the name and the number.
fn named(line: &str) -> Option<(&str, u16)> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    let (number, words) = name.strip_prefix('r')?.split_once('_')?;
    let id = number.parse().ok().filter(|_| number.len() == 3 && !words.is_empty())?;
    Some((name, id))
}

/// `§6.1, §6.2: What is asked for.`: the sections and the words.
fn headline(line: &str) -> (Vec<String>, String) {
    let Some((sections, check)) = line.split_once(": ") else { return Default::default() };
    let sections: Option<Vec<String>> = sections
        .split(", ")
        .map(|section| {
            let number = section.strip_prefix('§')?;
            Some(number.to_owned()).filter(|number| number.starts_with(|first: char| first.is_ascii_digit()))
        })
        .collect();
    sections.map(|sections| (sections, check.trim_end_matches('.').to_owned())).unwrap_or_default()
}

/// Values of errors that a text names, in the order in which they come, each once.
fn errors(text: &str) -> Vec<String> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for kind in ERRORS {
        let wanted = format!("{kind}::");
        for (at, _) in text.match_indices(&wanted) {
            let before = text.get(..at).and_then(|before| before.chars().last());
            if before.is_some_and(|before| before.is_alphanumeric() || before == '_') {
                continue;
            }
            let rest = text.get(at + wanted.len()..).unwrap_or_default();
            let length = rest.find(|next: char| !next.is_alphanumeric()).unwrap_or(rest.len());
            let value = rest.get(..length).unwrap_or_default();
            // What only holds another of these says nothing by itself; constants and functions are no values.
            let carries = *kind == "Error" && CARRIERS.contains(&value);
            if value.starts_with(char::is_uppercase) && !carries {
                found.push((at, format!("{wanted}{value}")));
            }
        }
    }
    found.sort();
    let mut names: Vec<String> = Vec::new();
    for (_, name) in found {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The reasons of rules that no test can break.
pub(crate) fn reasons(text: &str) -> Vec<Entry> {
    let mut parts = text.split("\n").map(str::trim).collect::<Vec<_>>().join("\n");
    // A string that goes on in the next line.
    parts = parts.replace("\\\n", "");
    let blocks = parts.split("id: ").skip(1);
    blocks
        .filter_map(|block| {
            let id = block.split_once(',')?.0.trim().parse().ok()?;
            let field = |name: &str| {
                let (_, rest) = block.split_once(&format!("{name}: "))?;
                let (_, rest) = rest.split_once('"')?;
                rest.split_once("\",").map(|(value, _)| value.replace("\\\"", "\""))
            };
            let sections = field("section")?.split(", ").map(str::to_owned).collect();
            let shown = Shown::Reason(field("reason")?);
            Some(Entry { id, sections, check: field("check")?, names: Vec::new(), shown })
        })
        .collect()
}
