//! Printing. A reader that went away (`cenacle ... | head`) ends a command quietly instead of by a panic.

use std::{
    io::{self, Write},
    process::ExitCode,
};

/// Everything was as it should be.
pub(crate) const OK: u8 = 0;
/// What was looked at is not as it should be.
pub(crate) const FAILED: u8 = 1;
/// The command line makes no sense; clap uses the same number.
pub(crate) const USAGE: u8 = 2;

/// Ends a command with what it came to, or with why it could not print.
pub(crate) fn finish(outcome: io::Result<u8>) -> ExitCode {
    match outcome {
        Ok(code) => code.into(),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => OK.into(),
        Err(error) => complain(&error, FAILED).into(),
    }
}

/// Says on standard error what is wrong, and gives `code` back.
pub(crate) fn complain(message: &dyn core::fmt::Display, code: u8) -> u8 {
    // There is nowhere left to report that standard error is closed.
    writeln!(io::stderr(), "cenacle: {message}").map_or(code, |()| code)
}
