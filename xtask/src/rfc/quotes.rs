//! Whether the quotes in the comments are the RFC's words. The text is not part of the project: `CENACLE_RFC9420` names a
//! copy of its kramdown source, from the working group's repository `mls-protocol`. Compared with it too are the numbers
//! and titles of the sections, and that those called informative demand nothing.

use alloc::collections::BTreeSet;
use std::{env, fs};

use super::{
    citations::{Citation, Comment, RFC, citations, comments, context},
    sections::{Content, SECTIONS, positions},
    sources::{Source, read},
};
use crate::structure::root;

/// The variable that names the text.
const TEXT: &str = "CENACLE_RFC9420";

/// Quotes shorter than this that do not directly follow their section are names, not rules.
const LEAST_WORDS: usize = 4;

/// Compares all quotes.
pub(crate) fn check() -> Result<(), Vec<String>> {
    let path = env::var_os(TEXT).ok_or_else(|| vec![format!("{TEXT} does not name the text of RFC 9420")])?;
    let text = fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])?;
    let chapters = chapters(&text);
    let mut problems = compare_sections(&chapters);
    let mut compared = 0;
    for source in read(root()) {
        compared += check_source(&source, &chapters, &mut problems);
    }
    if problems.is_empty() {
        println!("{compared} quotes: all are the words of RFC 9420");
        Ok(())
    } else {
        Err(problems)
    }
}

/// A section of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chapter {
    pub(crate) number: String,
    pub(crate) title: String,
    /// Its own text, without that of the sections in it, normalised.
    pub(crate) text: String,
}

/// Takes the kramdown source apart and numbers its sections.
pub(crate) fn chapters(source: &str) -> Vec<Chapter> {
    let mut found: Vec<Chapter> = Vec::new();
    let (mut started, mut back, mut fenced) = (false, false, false);
    let mut counters: Vec<u8> = Vec::new();
    let mut body = Vec::new();
    for line in source.lines() {
        started |= line == "--- middle";
        if line == "--- back" {
            (back, counters) = (true, Vec::new());
        }
        fenced ^= line.starts_with("~~~");
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        if !started || fenced || depth == 0 || !line.get(depth..).is_some_and(|rest| rest.starts_with(' ')) {
            body.push(line);
            continue;
        }
        close(&mut found, &mut body);
        counters.resize(depth, 0);
        if let Some(counter) = counters.last_mut() {
            *counter += 1;
        }
        let title = line.trim_start_matches('#').split(" {#").next().unwrap_or_default().trim();
        found.push(Chapter { number: number(&counters, back), title: title.to_owned(), text: String::new() });
    }
    close(&mut found, &mut body);
    found
}

/// Gives the lines that were collected to the section they belong to.
fn close(found: &mut [Chapter], body: &mut Vec<&str>) {
    if let Some(chapter) = found.last_mut() {
        chapter.text = normalise(&body.join("\n"));
    }
    body.clear();
}

fn number(counters: &[u8], back: bool) -> String {
    let mut parts = counters.iter();
    let first = parts.next().copied().unwrap_or_default();
    let first = if back { char::from(b'@'.saturating_add(first)).to_string() } else { first.to_string() };
    parts.fold(first, |number, part| format!("{number}.{part}"))
}

/// Words alone: no markup, no quotation marks, one space between words, and references without their number.
pub(crate) fn normalise(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once("{{") {
        plain.push_str(before);
        plain.push_str("Section 0");
        rest = reference.split_once("}}").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    let mut plain = plain.replace("<sup>d+1</sup>", "^(d+1)").replace("<sup>", "^").replace("</sup>", "");
    plain.retain(|character| !matches!(character, '*' | '_' | '`' | '"' | '\\'));
    let mut words = Vec::new();
    let mut after_section = false;
    for word in plain.split_whitespace() {
        let bare = word.trim_start_matches('(');
        words.push(if after_section { unnumbered(word) } else { word.to_owned() });
        after_section = matches!(bare, "Section" | "Appendix");
    }
    words.join(" ").replace("Appendix 0", "Section 0")
}

/// The number of a section as 0, and what stands behind it.
fn unnumbered(word: &str) -> String {
    let number = word.trim_end_matches(|character: char| !character.is_alphanumeric());
    format!("0{}", word.get(number.len()..).unwrap_or_default())
}

fn compare_sections(chapters: &[Chapter]) -> Vec<String> {
    let mut problems = Vec::new();
    if chapters.len() < SECTIONS.len() {
        problems.push(format!("the text has {} sections, the table {}", chapters.len(), SECTIONS.len()));
    }
    for ((number, title, content), chapter) in SECTIONS.iter().zip(chapters) {
        if chapter.number != *number || chapter.title != *title {
            problems.push(format!("§{number} {title} is §{} {} in the text", chapter.number, chapter.title));
        }
        let demands = ["MUST", "SHOULD", "REQUIRED", "RECOMMENDED"].iter().any(|word| chapter.text.contains(word));
        if demands && matches!(content, Content::Informative(_)) {
            problems.push(format!("§{number} {title} is not informative: it has MUST or SHOULD"));
        }
    }
    problems
}

/// Compares the quotes of one file; how many there are.
fn check_source(source: &Source, chapters: &[Chapter], problems: &mut Vec<String>) -> usize {
    let comments = comments(&source.text);
    let context = context(&comments);
    let mut cited = Cited { rfc: 0, sections: BTreeSet::new() };
    let mut compared = 0;
    for comment in &comments {
        let citations = citations(&comment.text, context);
        let ours = citations.iter().filter(|citation| citation.rfc == RFC);
        cited.sections.extend(ours.flat_map(sections_of));
        for quote in quotes(&comment.text) {
            let Some(among) = sections_for(&quote, comment, &citations, &cited) else { continue };
            compared += 1;
            if let Some(problem) = misquoted(quote.text, &among, chapters) {
                problems.push(format!("{}:{}: {problem}", source.path, comment.line));
            }
        }
        cited.rfc = citations.last().map_or(cited.rfc, |citation| citation.rfc);
    }
    compared
}

fn sections_of(citation: &Citation) -> Vec<usize> {
    positions(&citation.first, citation.last.as_deref()).unwrap_or_default()
}

/// What a file has cited so far.
struct Cited {
    /// The RFC of the last citation.
    rfc: u32,
    /// The sections of RFC 9420.
    sections: BTreeSet<usize>,
}

/// The sections a quote may be from: those cited last before it in its comment, or else, where a comment is a quote, any
/// that the file has cited so far. `None` if it is no quote of RFC 9420.
fn sections_for(quote: &Quote<'_>, comment: &Comment, citations: &[Citation], cited: &Cited) -> Option<Vec<usize>> {
    let long = quote.text.split_whitespace().count() >= LEAST_WORDS;
    let Some(citation) = citations.iter().rev().find(|citation| citation.end <= quote.start) else {
        let opens = comment.text.starts_with('"');
        return (cited.rfc == RFC && opens && long).then(|| cited.sections.iter().copied().collect());
    };
    let direct = comment.text.get(citation.end..quote.start) == Some(": ");
    (citation.rfc == RFC && (direct || long)).then(|| sections_of(citation))
}

/// What is wrong with a quote, if anything.
pub(crate) fn misquoted(quote: &str, among: &[usize], chapters: &[Chapter]) -> Option<String> {
    let pieces = fragments(quote);
    let holds = |at: &usize| chapters.get(*at).is_some_and(|chapter| in_order(&chapter.text, &pieces));
    if among.iter().any(holds) {
        return None;
    }
    let elsewhere: Vec<_> =
        chapters.iter().filter(|chapter| in_order(&chapter.text, &pieces)).map(|chapter| &*chapter.number).collect();
    let cited: Vec<_> = among.iter().filter_map(|at| SECTIONS.get(*at)).map(|section| section.0).collect();
    Some(if elsewhere.is_empty() {
        format!("RFC 9420 does not say \"{quote}\"")
    } else {
        format!("\"{quote}\" is in §{}, not in §{}", elsewhere.join(", §"), cited.join(", §"))
    })
}

/// The pieces of a quote between its ellipses.
pub(crate) fn fragments(quote: &str) -> Vec<String> {
    let quote = quote.replace("[...]", "…").replace("[…]", "…").replace("...", "…");
    quote.split('…').map(normalise).filter(|piece| !piece.is_empty()).collect()
}

/// Whether a text has all the pieces, one behind the other. The first letter of each may be a capital or not, as the
/// sentence around the quote asks.
pub(crate) fn in_order(text: &str, pieces: &[String]) -> bool {
    let mut rest = text;
    pieces.iter().all(|piece| {
        let after = [piece.clone(), other_case(piece)].iter().find_map(|piece| Some(rest.split_once(piece)?.1));
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

fn other_case(piece: &str) -> String {
    let mut letters = piece.chars();
    let Some(first) = letters.next() else { return String::new() };
    let other = if first.is_ascii_uppercase() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() };
    format!("{other}{}", letters.as_str())
}

/// Words between quotation marks, with the position of the first mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Quote<'a> {
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

/// The outermost quotes of a comment.
pub(crate) fn quotes(text: &str) -> Vec<Quote<'_>> {
    let mut found = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut previous = ' ';
    for (at, character) in text.char_indices() {
        if character == '"' {
            let opens = previous.is_whitespace() || matches!(previous, '(' | '[');
            match depth {
                0 if opens => (start, depth) = (at, 1),
                0 => {}
                _ if opens => depth += 1,
                1 => {
                    found.push(Quote { start, text: text.get(start + 1..at).unwrap_or_default() });
                    depth = 0;
                }
                _ => depth -= 1,
            }
        }
        previous = character;
    }
    found
}
