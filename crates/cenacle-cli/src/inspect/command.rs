//! `cenacle inspect`: what it takes on the command line, and what it prints.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use clap::{
    Args, ValueEnum as _,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use serde::Serialize;

use super::{
    Content, Inspected, Length, NotDecodable, Shape,
    hex_dump::HexDump,
    input::{Input, InputError},
    inspect,
};
use crate::output::{FAILED, OK, USAGE, complain, finish};

/// Show what is inside an MLS message, key package, tree or other structure
///
/// Reads raw bytes, hexadecimal or base64, from a file, from standard input or from the command line itself, and prints every
/// field with the names of RFC 9420. A ratchet tree is drawn. Nothing is verified but that the bytes are the one canonical
/// encoding of the structure; where they are not, the first wrong byte is pointed at.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectArgs {
    /// A file, `-` for standard input, or the bytes themselves in hexadecimal or base64
    #[arg(value_name = "FILE|-|HEX")]
    input: Option<String>,
    /// The structure it is; without this, the first that fits is taken
    #[arg(long = "as", value_name = "STRUCTURE", default_value = "auto", value_parser = choices())]
    shape: Choice,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print all bytes of long values
    #[arg(long)]
    full: bool,
}

/// Bytes of an argument that may have been meant as the name of a file.
const LONGEST_NAME: usize = 80;

const EXAMPLES: &str = "\
Examples:
  A file, whatever is in it:
    cenacle inspect welcome.bin
  Bytes from a log, as hexadecimal or base64:
    cenacle inspect 000100014061...
    cenacle inspect AAEAAkBh...
  From another program, as JSON, to be searched:
    curl -s https://example.org/key-package | cenacle inspect - --json | jq .value.key_package.leaf_node
  A bare tree, when the guess is wrong:
    cenacle inspect tree.bin --as ratchet-tree

Exit status: 0 if it could be decoded, 1 if not, 2 for a wrong command line.";

/// `None` to take the first structure that fits.
#[derive(Clone, Copy, Debug)]
struct Choice(Option<Shape>);

fn choices() -> impl TypedValueParser<Value = Choice> {
    let auto = PossibleValue::new("auto").help("The first of these that fits");
    let named = Shape::ALL.iter().filter_map(Shape::to_possible_value);
    PossibleValuesParser::new([auto].into_iter().chain(named)).map(|name| Choice(Shape::from_str(&name, false).ok()))
}

/// What `--json` prints.
#[derive(Serialize)]
#[serde(untagged)]
enum Output<'a> {
    Inspected { structure: &'static str, bytes: usize, also: Vec<&'static str>, value: &'a Content },
    NotDecodable { error: Fault, bytes: usize },
}

#[derive(Serialize)]
struct Fault {
    structure: &'static str,
    offset: usize,
    reason: String,
}

impl InspectArgs {
    /// Does what was asked.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let input = match Input::read(self.input.as_deref()) {
            Ok(input) => input,
            Err(error @ InputError::Empty) => return complain(&error, FAILED).into(),
            Err(error) => return complain(&error, USAGE).into(),
        };
        finish(match inspect(&input.bytes, self.shape.0) {
            Ok(inspected) => self.show(&inspected, &input),
            Err(error) => self.refuse(&error, &input),
        })
    }

    /// The argument, if it was taken for bytes but is short enough for the name of a file.
    fn no_file(&self) -> Option<&str> {
        let argument = self.input.as_deref().filter(|argument| *argument != "-" && argument.len() <= LONGEST_NAME);
        argument.filter(|argument| !Path::new(argument).exists())
    }

    fn show(&self, inspected: &Inspected, input: &Input) -> io::Result<u8> {
        let Inspected { shape, value, others } = inspected;
        let (bytes, spelling) = (input.bytes.len(), input.spelling.name());
        let also: Vec<_> = others.iter().map(|other| other.name()).collect();
        let mut out = io::stdout().lock();
        if self.json {
            let output = Output::Inspected { structure: shape.name(), bytes, also, value: value.content() };
            serde_json::to_writer_pretty(&mut out, &output)?;
            writeln!(out)?;
        } else {
            let also = if also.is_empty() { String::new() } else { format!("; could also be: {}", also.join(", ")) };
            writeln!(out, "{bytes} bytes ({spelling}), decoded as {}{also}", shape.name())?;
            let length = if self.full { Length::Full } else { Length::Short };
            out.write_all(value.to_text(length).as_bytes())?;
        }
        out.flush()?;
        Ok(OK)
    }

    fn refuse(&self, refusal: &NotDecodable, input: &Input) -> io::Result<u8> {
        let NotDecodable { shape, error, tried } = refusal;
        let Input { bytes, spelling } = input;
        if self.json {
            let fault = Fault { structure: shape.name(), offset: error.offset, reason: error.to_string() };
            let output = Output::NotDecodable { error: fault, bytes: bytes.len() };
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &output)?;
            writeln!(out)?;
            return Ok(FAILED);
        }
        let (length, spelling, shape) = (bytes.len(), spelling.name(), shape.name());
        let no_file = self.no_file().map_or_else(String::new, |name| format!(" (there is no file {name})"));
        let what = if *tried == 1 {
            format!("{length} bytes ({spelling}) are no {shape}")
        } else {
            format!("{length} bytes ({spelling}) are none of {tried} structures; {shape} came furthest")
        };
        let dump = HexDump { bytes, offset: error.offset };
        Ok(complain(&format_args!("{what}{no_file}:\n{error}\n{dump}"), FAILED))
    }
}
