//! A line on the terminal that shows a long work is alive. Nothing is drawn where standard error is no terminal.

use core::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows how far a file is; erased when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Starts at no vector of `total`.
    pub(crate) fn new(name: &str, provider: &str, total: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(total).unwrap_or(u64::MAX));
        let template = "{spinner} {prefix} {wide_bar} {pos}/{len} vectors, {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_prefix(format!("{name} ({provider})"));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(bar)
    }

    /// One vector more is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
