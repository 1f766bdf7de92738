//! A line on the terminal that says what is being built or measured. Nothing is drawn where standard error is no terminal.

use core::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// The line; erased when dropped.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts, with what stays the same throughout.
    #[must_use]
    pub fn new(what: String) -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}, {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// What is going on now.
    pub fn say(&self, now: String) {
        self.0.set_message(now);
    }

    /// Prints something else while the line is away.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
