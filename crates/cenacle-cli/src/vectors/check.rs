//! What a vector's verification comes to: nothing, or a [`Failure`] that says where in the vector and what differed.
//! Places are collected from the inside out while an error travels up.

use core::fmt;

use cenacle_codec::{Decode, DecodeError, Encode, EncodeError};
use cenacle_crypto::CryptoError;
use cenacle_mls::Error;

/// Whether a vector holds.
pub(crate) type Check = Result<(), Failure>;

/// Where a vector does not hold, and how.
#[derive(Clone, Debug)]
pub struct Failure {
    /// From the outermost part of the vector to the innermost.
    places: Vec<String>,
    difference: Difference,
}

/// How a vector does not hold.
#[derive(Clone, Debug)]
enum Difference {
    /// A value is another than the vector's.
    Value { found: String, expected: String },
    /// Something the vector calls for was refused.
    Refused(String),
    /// Something that must be refused was not.
    NotRefused,
    /// The vector itself cannot be read.
    Unreadable(String),
}

impl Failure {
    /// Something was refused, for a reason that is told.
    pub(crate) fn refused(reason: &dyn fmt::Display) -> Self {
        Difference::Refused(reason.to_string()).into()
    }

    /// Something was accepted that must not be.
    pub(crate) fn not_refused() -> Self {
        Difference::NotRefused.into()
    }

    /// The vector cannot be read.
    pub(crate) fn unreadable(reason: &dyn fmt::Display) -> Self {
        Difference::Unreadable(reason.to_string()).into()
    }

    fn within(mut self, place: &dyn fmt::Display) -> Self {
        self.places.insert(0, place.to_string());
        self
    }
}

impl From<Difference> for Failure {
    fn from(difference: Difference) -> Self {
        Self { places: Vec::new(), difference }
    }
}

macro_rules! refusals {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::refused(&error)
            }
        }
    )*};
}
refusals!(CryptoError, DecodeError, EncodeError, Error);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in &self.places {
            write!(f, "{place}: ")?;
        }
        match &self.difference {
            Difference::Value { found, expected } => write!(f, "is {found}, should be {expected}"),
            Difference::Refused(reason) => write!(f, "refused: {reason}"),
            Difference::NotRefused => f.write_str("accepted, should be refused"),
            Difference::Unreadable(reason) => write!(f, "unreadable: {reason}"),
        }
    }
}

impl core::error::Error for Failure {}

/// Adds the place to whatever went wrong there.
pub(crate) trait At<T> {
    /// Names the part of the vector that was looked at.
    fn at(self, place: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> At<T> for Result<T, E> {
    fn at(self, place: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| error.into().within(&place))
    }
}

/// Compares bytes.
pub(crate) fn same_bytes(place: impl fmt::Display, found: &[u8], expected: &[u8]) -> Check {
    if found == expected {
        return Ok(());
    }
    let [found, expected] = [found, expected].map(short_hex);
    Err(Difference::Value { found, expected }).at(place)
}

/// Compares any other values.
pub(crate) fn same<T: PartialEq + fmt::Debug>(place: impl fmt::Display, found: T, expected: T) -> Check {
    if found == expected {
        return Ok(());
    }
    let [found, expected] = [found, expected].map(|value| format!("{value:?}"));
    Err(Difference::Value { found, expected }).at(place)
}

/// Expects a refusal.
pub(crate) fn refused<T, E>(place: impl fmt::Display, result: &Result<T, E>) -> Check {
    if result.is_err() { Ok(()) } else { Err(Failure::not_refused()).at(place) }
}

/// Decodes a whole field, and demands that encoding gives the same bytes again.
pub(crate) fn round_trip<T: Decode + Encode>(place: &str, bytes: &[u8]) -> Result<T, Failure> {
    let value = T::from_bytes(bytes).at(place)?;
    same_bytes(format_args!("{place}: encoded again"), &value.to_bytes().at(place)?, bytes)?;
    Ok(value)
}

/// Hexadecimal, cut where it no longer helps to tell values apart.
fn short_hex(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 12;
    match bytes.get(..SHOWN_BYTES) {
        Some(start) if bytes.len() > SHOWN_BYTES => format!("{}… ({} bytes)", hex::encode(start), bytes.len()),
        _ if bytes.is_empty() => "empty".to_owned(),
        _ => hex::encode(bytes),
    }
}
