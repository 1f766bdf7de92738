//! Citations in comments: `RFC 9420 §7.3`, lists and ranges of sections, appendices, and a bare `§7.3` where it is clear
//! which RFC is meant: the one named last in the same comment, or else the one the file opens with.

/// The RFC whose sections the project follows.
pub(crate) const RFC: u32 = 9420;

/// Comment lines that follow each other, without their slashes, as one line of text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Line of the file, counted from 1, on which it starts.
    pub(crate) line: usize,
    /// Whether it describes the file (`//!`).
    pub(crate) header: bool,
    pub(crate) text: String,
}

/// Sections cited in a comment, and where in its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) rfc: u32,
    pub(crate) first: String,
    /// The other end of a range.
    pub(crate) last: Option<String>,
    /// Byte position behind it.
    pub(crate) end: usize,
}

/// All comments of a source.
pub(crate) fn comments(source: &str) -> Vec<Comment> {
    let mut found: Vec<Comment> = Vec::new();
    let mut previous = None;
    for (index, line) in source.lines().enumerate() {
        let whole_line = split_comment(line.trim_start());
        let Some((marker, text)) = whole_line.or_else(|| trailing(line)) else {
            previous = None;
            continue;
        };
        let text = text.trim();
        match found.last_mut() {
            Some(comment) if whole_line.is_some() && previous == Some(marker) => {
                comment.text.push(' ');
                comment.text.push_str(text);
            }
            _ => found.push(Comment { line: index + 1, header: marker == "//!", text: text.to_owned() }),
        }
        // A comment behind code stands alone.
        previous = whole_line.map(|(marker, _)| marker);
    }
    found
}

/// The marker and the text of a line that starts with a comment.
fn split_comment(line: &str) -> Option<(&str, &str)> {
    ["//!", "///", "//"].into_iter().find_map(|marker| Some((marker, line.strip_prefix(marker)?)))
}

/// The comment behind code on the same line, if it is not inside a string.
fn trailing(line: &str) -> Option<(&str, &str)> {
    let (code, comment) = line.split_once(" // ")?;
    (code.matches('"').count() % 2 == 0).then_some(("//", comment))
}

/// The RFC that bare sections of a file mean: 9420 if the file's header names it or no other, else the header's first.
pub(crate) fn context(comments: &[Comment]) -> u32 {
    let header = comments.iter().filter(|comment| comment.header);
    let named: Vec<u32> = header.flat_map(|comment| rfcs(&comment.text)).collect();
    if named.contains(&RFC) { RFC } else { named.first().copied().unwrap_or(RFC) }
}

fn rfcs(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    while !cursor.rest().is_empty() {
        match cursor.rfc() {
            Some(number) => found.push(number),
            None => cursor.skip(),
        }
    }
    found
}

/// All citations of a comment. Bare ones before any RFC is named are of `context`.
pub(crate) fn citations(text: &str, context: u32) -> Vec<Citation> {
    let mut found = Vec::new();
    let mut cursor = Cursor { text, at: 0 };
    let mut rfc = context;
    while !cursor.rest().is_empty() {
        if let Some(number) = cursor.rfc() {
            rfc = number;
        } else if cursor.eat("§") {
            if let Some(first) = cursor.number() {
                let last = cursor.range_end(&first);
                found.push(Citation { rfc, first, last, end: cursor.at });
            }
        } else if cursor.eat("Appendix ") || cursor.eat("Appendices ") || cursor.eat("App. ") {
            while let Some(letter) = cursor.letter() {
                found.push(Citation { rfc, first: letter, last: None, end: cursor.at });
                if !cursor.eat(" and ") && !cursor.eat(", ") {
                    break;
                }
            }
        } else {
            cursor.skip();
        }
    }
    found
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self) {
        self.at += self.rest().chars().next().map_or(1, char::len_utf8);
    }

    fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    fn digits(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).filter(|digits| !digits.is_empty())
    }

    /// `RFC 9420`.
    fn rfc(&mut self) -> Option<u32> {
        let start = self.at;
        let number = if self.eat("RFC ") { self.digits().and_then(|digits| digits.parse().ok()) } else { None };
        if number.is_none() {
            self.at = start;
        }
        number
    }

    /// `12.4.3.1`; a full stop behind it is not part of it.
    fn number(&mut self) -> Option<String> {
        let mut number = self.digits()?.to_owned();
        loop {
            let start = self.at;
            let component = if self.eat(".") { self.digits() } else { None };
            let Some(component) = component else {
                self.at = start;
                return Some(number);
            };
            number.push('.');
            number.push_str(component);
        }
    }

    /// `-§7.6`, `-12.1.3`, ` to 6.3`: the end of a range from `first`, on the same level.
    fn range_end(&mut self, first: &str) -> Option<String> {
        let start = self.at;
        let joined = ["-", "–", " to "].into_iter().any(|word| self.eat(word));
        let marked = joined && self.eat("§");
        let last = if joined { self.number() } else { None };
        let depth = first.matches('.').count();
        let fits = |last: &String| last.matches('.').count() == depth && (marked || depth > 0);
        let last = last.filter(fits);
        if last.is_none() {
            self.at = start;
        }
        last
    }

    /// The letter of an appendix, alone or with the number of a section in it.
    fn letter(&mut self) -> Option<String> {
        let mut characters = self.rest().chars();
        let letter = characters.next().filter(char::is_ascii_uppercase)?;
        if characters.next().is_some_and(char::is_alphanumeric) {
            return None;
        }
        self.at += letter.len_utf8();
        Some(letter.to_string())
    }
}
