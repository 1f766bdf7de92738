//! The clock of all measurements: what passes outside the process, and what the process itself uses up.

use core::time::Duration;
use std::time::Instant;

/// What one repetition cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of the whole process, all threads taken together; `None` where the system does not tell.
    pub cpu: Option<Duration>,
}

/// Runs from its start to its stop.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Option<Duration>,
}

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        let cpu = process_cpu_time();
        Self { wall: Instant::now(), cpu }
    }

    /// What has passed since the start.
    #[must_use]
    pub fn stop(&self) -> Cost {
        let wall = self.wall.elapsed();
        let cpu = process_cpu_time().zip(self.cpu).map(|(now, start)| now.saturating_sub(start));
        Cost { wall, cpu }
    }
}

#[cfg(unix)]
fn process_cpu_time() -> Option<Duration> {
    rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).try_into().ok()
}

#[cfg(not(unix))]
const fn process_cpu_time() -> Option<Duration> {
    None
}
