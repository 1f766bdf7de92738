//! Where the bytes come from: a file, standard input or the argument itself; raw, hexadecimal or base64.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Why there are no bytes to look at.
#[derive(Debug)]
pub(crate) enum InputError {
    /// The argument names no file and spells no bytes.
    NeitherFileNorBytes(String),
    /// There is nothing in it.
    Empty,
    /// There is more of it than is looked at.
    TooLong,
    /// The file or standard input cannot be read.
    Io(io::Error),
}

impl core::fmt::Display for InputError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NeitherFileNorBytes(argument) => {
                let start: String = argument.chars().take(60).collect();
                write!(f, "{start:?}: there is no such file, and it is neither hexadecimal nor base64")
            }
            Self::Empty => f.write_str("the input is empty"),
            Self::TooLong => f.write_str("the input is longer than 1 GiB"),
            Self::Io(error) => write!(f, "cannot read the input: {error}"),
        }
    }
}

/// What there is to look at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Input {
    pub(crate) bytes: Vec<u8>,
    pub(crate) spelling: Spelling,
}

/// How the bytes were spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    Raw,
    Hexadecimal,
    Base64,
}

impl Spelling {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Hexadecimal => "hexadecimal",
            Self::Base64 => "base64",
        }
    }
}

/// More than the tree of any group takes.
const MAX_BYTES: u64 = 1 << 30;

fn all_of(source: impl Read) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let read = source.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(InputError::Io)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) { Ok(bytes) } else { Err(InputError::TooLong) }
}

impl Input {
    /// What the argument stands for: none or `-` for standard input, a path, or the bytes spelled out.
    pub(crate) fn read(argument: Option<&str>) -> Result<Self, InputError> {
        let input = match argument {
            None | Some("-") => Self::of_content(all_of(io::stdin().lock())?),
            Some(path) if Path::new(path).exists() => {
                Self::of_content(all_of(fs::File::open(path).map_err(InputError::Io)?)?)
            }
            Some(text) => Self::of_text(text).ok_or_else(|| InputError::NeitherFileNorBytes(text.into()))?,
        };
        if input.bytes.is_empty() { Err(InputError::Empty) } else { Ok(input) }
    }

    /// What a file's text spells, or the file as it is.
    pub(crate) fn of_content(bytes: Vec<u8>) -> Self {
        let spelled = core::str::from_utf8(&bytes).ok().and_then(Self::of_text);
        spelled.unwrap_or(Self { bytes, spelling: Spelling::Raw })
    }

    /// Bytes spelled in hexadecimal or, if that is not it, in either alphabet of base64, padded or not.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|letter| !letter.is_whitespace() && *letter != ':').collect();
        let text = text.strip_prefix("0x").unwrap_or(&text).trim_matches('"');
        if let Ok(bytes) = hex::decode(text) {
            return Some(Self { bytes, spelling: Spelling::Hexadecimal });
        }
        let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let alphabets = [alphabet::STANDARD, alphabet::URL_SAFE];
        let bytes = alphabets.iter().find_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok())?;
        Some(Self { bytes, spelling: Spelling::Base64 })
    }
}
