//! What ends a demo before its last line: not a check that does not hold, but a process or a file that does not do its part.

use core::{fmt, time::Duration};
use std::io;

/// Why the demo cannot go on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A file or a process of the system failed.
    Io { doing: &'static str, error: io::Error },
    /// No answer in time.
    Late { who: String, doing: String, after: Duration },
    /// A process ended by itself.
    Gone { who: String, doing: String },
    /// A person's process says that it could not do what it was asked.
    Refused { who: String, doing: String, why: String },
    /// A process says something that makes no sense.
    NotUnderstood { who: String, said: String },
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// The transcript cannot be printed.
    Print(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
            Self::Late { who, doing, after } => write!(f, "{who} did not {doing} within {} s", after.as_secs()),
            Self::Gone { who, doing } => write!(f, "the process of {who} ended by itself when it was to {doing}"),
            Self::Refused { who, doing, why } => write!(f, "{who} could not {doing}: {why}"),
            Self::NotUnderstood { who, said } => write!(f, "the process of {who} said {said:?}, which makes no sense"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Print(error) => write!(f, "the transcript cannot be printed: {error}"),
        }
    }
}

impl core::error::Error for Trouble {}
