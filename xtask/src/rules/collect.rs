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

/// How the names of what a test calls to assert something begin. What merely must not fail (`unwrap`, `expect`) and what
/// everything else is set up by (`joins`, `passes`) is not among them.
const ASSERTIONS: &[&str] = &["assert", "refuse", "accept"];

/// The tests of rules in a source. A test says what the functions and constants that it names say, of its own file and of
/// the one that all share.
pub(crate) fn tests_of(file: &str, text: &str, shared: &str) -> Vec<Entry> {
    let lines: Vec<&str> = text.lines().collect();
    let mut helpers = helpers_in(&lines);
    helpers.extend(helpers_in(&shared.lines().collect::<Vec<_>>()));
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
        let body = item(&lines, at);
        let said = with_helpers(&body, &helpers);
        let shown = Shown::By { test: test.to_owned(), file: file.to_owned(), asserts: asserts(&said) };
        // The errors of a helper that others share are this test's where it names none.
        let own = errors(&body);
        let names = if own.is_empty() { errors(&said) } else { own };
        found.push(Entry { id, sections, check, names, shown });
    }
    found
}

/// An item from its first line to the line that ends it.
fn item(lines: &[&str], at: usize) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = lines.get(at).copied().unwrap_or_default();
    let ends = |line: &str| indent(line) == indent(first) && (line.ends_with('}') || line.ends_with(';'));
    let length = lines.iter().skip(at).position(|line| ends(line)).map_or(lines.len(), |last| last + 1);
    lines.iter().skip(at).take(length).copied().collect::<Vec<_>>().join("\n")
}

/// The functions and constants of a file that are no tests of rules, by their names.
fn helpers_in(lines: &[&str]) -> Vec<(String, String)> {
    let name = |line: &str| {
        let words = line.trim_start().trim_start_matches("pub(super) ").trim_start_matches("pub(crate) ");
        let rest = words.strip_prefix("const ").unwrap_or(words);
        let rest = rest.strip_prefix("fn ").or_else(|| (rest.len() < words.len()).then_some(rest))?;
        let length = rest.find(|next: char| !next.is_alphanumeric() && next != '_')?;
        rest.get(..length).map(str::to_owned)
    };
    let helper = |(at, line): (usize, &&str)| {
        let name = name(line).filter(|_| named(line).is_none())?;
        Some((name, item(lines, at)))
    };
    lines.iter().enumerate().filter_map(helper).collect()
}

/// A text with the helpers that it names, and those that they name.
fn with_helpers(body: &str, helpers: &[(String, String)]) -> String {
    let mut said = body.to_owned();
    let mut left: Vec<_> = helpers.iter().collect();
    while let Some(at) = left.iter().position(|(name, _)| words(&said).any(|word| word == name)) {
        said.push('\n');
        said.push_str(&left.swap_remove(at).1);
    }
    said
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|next: char| !next.is_alphanumeric() && next != '_')
}

/// Whether one of the calls in a text asserts something: `assert_eq!(`, `trial.refuses(`.
fn asserts(text: &str) -> bool {
    let called = |before: &str| {
        let before = before.strip_suffix('!').unwrap_or(before);
        let start = before.rfind(|next: char| !next.is_alphanumeric() && next != '_').map_or(0, |at| at + 1);
        let defined = before.get(..start).is_some_and(|before| before.trim_end().ends_with("fn"));
        let name = before.get(start..).unwrap_or_default();
        !defined && ASSERTIONS.iter().any(|begin| name.starts_with(begin))
    };
    text.match_indices('(').any(|(at, _)| text.get(..at).is_some_and(called))
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
