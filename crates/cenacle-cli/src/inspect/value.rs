//! What there is to show, as a tree of named values that does not know where it comes from: rendered as indented text for
//! people or as JSON for programs.

use core::fmt::{self, Write as _};

use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// A value with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    name: String,
    content: Content,
}

/// A value without its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing there: an absent optional value, or a blank node.
    Absent,
    /// A number, with words about it that only people need.
    Number(u64, String),
    /// A code point with its registered name, if it has one.
    CodePoint(u64, Option<&'static str>),
    /// Words.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Lines that only people need; not in JSON.
    Drawing(String),
    /// Named parts, in the order of the wire.
    Struct(Vec<Value>),
    /// Parts of one kind, whose names are their positions.
    List(Vec<Content>),
}

/// How much of long values to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// The beginning of bytes; long lists of code points without names.
    Short,
    /// All.
    Full,
}

const SHORT_BYTES: usize = 16;
/// From how many code points on a list does without their names.
const LONG_LIST: usize = 3;
const INDENT: &str = "  ";

impl Value {
    /// A named value.
    pub fn new(name: impl Into<String>, content: Content) -> Self {
        Self { name: name.into(), content }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Indented text, a line for each value, ending with a line break.
    #[must_use]
    pub fn to_text(&self, length: Length) -> String {
        let mut text = Text { out: String::new(), length };
        // Writing to a string does not fail.
        text.value(&self.name, &self.content, 0).map_or_else(|fmt::Error| String::new(), |()| text.out)
    }
}

/// Text in the making.
struct Text {
    out: String,
    length: Length,
}

impl Text {
    fn value(&mut self, name: &str, content: &Content, depth: usize) -> fmt::Result {
        write!(self.out, "{}{name}:", INDENT.repeat(depth))?;
        match content {
            Content::Struct(parts) => {
                self.out.push('\n');
                parts.iter().try_for_each(|part| self.value(&part.name, &part.content, depth + 1))
            }
            Content::List(items) => self.list(items, depth),
            Content::Drawing(lines) => {
                self.out.push('\n');
                lines.lines().try_for_each(|line| writeln!(self.out, "{}{line}", INDENT.repeat(depth + 1)))
            }
            Content::Absent | Content::Number(..) | Content::CodePoint(..) | Content::Text(_) | Content::Bytes(_) => {
                self.out.push(' ');
                self.scalar(content)?;
                self.out.push('\n');
                Ok(())
            }
        }
    }

    fn list(&mut self, items: &[Content], depth: usize) -> fmt::Result {
        if items.is_empty() {
            return writeln!(self.out, " none");
        }
        if !items.iter().any(Content::needs_lines) {
            let numbers_only = self.length == Length::Short && items.len() > LONG_LIST;
            for (index, item) in items.iter().enumerate() {
                self.out.push_str(if index == 0 { " " } else { ", " });
                if let Content::CodePoint(number, _) = item
                    && numbers_only
                {
                    write!(self.out, "{number:#06x}")?;
                } else {
                    self.scalar(item)?;
                }
            }
            self.out.push('\n');
            return Ok(());
        }
        writeln!(self.out, " {}", items.len())?;
        items.iter().enumerate().try_for_each(|(index, item)| self.value(&format!("[{index}]"), item, depth + 1))
    }

    /// A value that fits the line of its name.
    fn scalar(&mut self, content: &Content) -> fmt::Result {
        match content {
            Content::Absent => self.out.write_str("-"),
            Content::Number(number, words) if words.is_empty() => write!(self.out, "{number}"),
            Content::Number(number, words) => write!(self.out, "{number} ({words})"),
            Content::CodePoint(number, name) => match name {
                Some(name) => write!(self.out, "{name} ({number:#06x})"),
                None if is_grease(*number) => write!(self.out, "GREASE ({number:#06x})"),
                None => write!(self.out, "unknown ({number:#06x})"),
            },
            Content::Text(text) | Content::Drawing(text) => self.out.write_str(text),
            Content::Bytes(bytes) => self.bytes(bytes),
            Content::Struct(parts) => write!(self.out, "{} parts", parts.len()),
            Content::List(items) => write!(self.out, "{} items", items.len()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) -> fmt::Result {
        if bytes.is_empty() {
            return self.out.write_str("empty");
        }
        write!(self.out, "{} bytes ", bytes.len())?;
        match bytes.get(..SHORT_BYTES) {
            Some(start) if self.length == Length::Short && bytes.len() > SHORT_BYTES => {
                write!(self.out, "{}…", hex::encode(start))
            }
            _ => self.out.write_str(&hex::encode(bytes)),
        }
        .and_then(|()| readable(bytes).map_or(Ok(()), |text| write!(self.out, " {text:?}")))
    }
}

impl Content {
    /// Whether it cannot share a line with others.
    fn needs_lines(&self) -> bool {
        match self {
            Self::Struct(_) | Self::List(_) | Self::Bytes(_) | Self::Drawing(_) => true,
            Self::Absent | Self::Number(..) | Self::CodePoint(..) | Self::Text(_) => false,
        }
    }
}

/// RFC 9420 §13.5: values that some list only so that others get used to unknown ones.
const fn is_grease(number: u64) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 12 == number >> 4 & 0xf && number <= 0xeaea
}

/// Bytes that someone surely meant as text.
fn readable(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?;
    let plain = |letter: char| !letter.is_control();
    (text.len() <= 64 && text.len() > 1 && text.chars().all(plain)).then_some(text)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry(&self.name, &self.content)?;
        map.end()
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent => to.serialize_none(),
            Self::Number(number, _) => to.serialize_u64(*number),
            Self::CodePoint(number, name) => {
                let mut map = to.serialize_map(Some(2))?;
                map.serialize_entry("value", number)?;
                map.serialize_entry("name", name)?;
                map.end()
            }
            Self::Text(text) | Self::Drawing(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_str(&hex::encode(bytes)),
            Self::Struct(parts) => {
                let lasting = parts.iter().filter(|part| !matches!(part.content, Self::Drawing(_)));
                to.collect_map(lasting.map(|part| (&part.name, &part.content)))
            }
            Self::List(items) => to.collect_seq(items),
        }
    }
}
