//! Runs targets on a corpus and its mutations, with a stable compiler. An execution is made of the seed and its number, so a
//! run can be made again; what breaks is written to a file, too.

use core::{cell::RefCell, panic::AssertUnwindSafe, time::Duration};
use std::{
    fs, io,
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    time::Instant,
};

use crate::{
    Target, corpus,
    mutate::{self, Random},
};

/// When to stop: what comes first.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// After so many executions.
    pub executions: Option<u64>,
    /// After so much time.
    pub time: Option<Duration>,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    /// How often the target was run, its corpus as it is included.
    pub executions: u64,
    /// How long that took.
    pub time: Duration,
    /// How many inputs it began with.
    pub corpus: usize,
    /// The longest execution, and its number.
    pub slowest: (Duration, u64),
}

/// What broke.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The panic's message and place.
    pub message: String,
    /// The execution's number.
    pub execution: u64,
    /// The input.
    pub input: Vec<u8>,
    /// Where it was written.
    pub file: PathBuf,
}

/// Between two looks at the clock.
const LOOK_EVERY: u64 = 64;

thread_local!(static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) });

/// Panics are told by the runner and not at once.
pub fn catch_panics() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let what = info.payload_as_str().unwrap_or("a panic without words").to_owned();
        let place = info.location().map_or_else(String::new, |place| format!(" ({place})"));
        LAST_PANIC.with_borrow_mut(|last| *last = what + &place);
    }));
}

/// Does what may panic; the panic's message then.
fn caught<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(f)).map_err(|_| LAST_PANIC.with_borrow(Clone::clone))
}

/// A target's own seeds.
///
/// # Errors
/// When making them panics; its message.
pub fn seeds(target: &Target) -> Result<Vec<Vec<u8>>, String> {
    caught(target.seeds)
}

/// Runs one input.
///
/// # Errors
/// When the target panics; its message.
pub fn try_input(target: &Target, input: &[u8]) -> Result<(), String> {
    caught(|| (target.run)(input))
}

/// Runs a target: its corpus as it is, then mutations. `tell` is told now and then how far it is.
///
/// # Errors
/// The first input that breaks something.
///
/// # Panics
/// When the input cannot be written to `failures`.
pub fn run(
    target: &Target,
    (seed, bounds): (u64, Bounds),
    inputs: &[Vec<u8>],
    failures: &Path,
    tell: &mut dyn FnMut(&Report),
) -> Result<Report, Box<Broken>> {
    let start = Instant::now();
    let mut report = Report { executions: 0, time: Duration::ZERO, corpus: inputs.len(), slowest: (Duration::ZERO, 0) };
    let (mut input, mut told, mut before) = (Vec::new(), start, start);
    loop {
        let number = report.executions;
        if bounds.executions.is_some_and(|most| number >= most) {
            break;
        }
        match usize::try_from(number).ok().and_then(|number| inputs.get(number)) {
            Some(genuine) => input.clone_from(genuine),
            None => mutate::make(&mut input, inputs, target.longest, &mut Random::of(seed, number)),
        }
        if let Err(message) = try_input(target, &input) {
            let file = write_failure(target, &input, failures).expect("the input can be written");
            return Err(Box::new(Broken { message, execution: number, input, file }));
        }
        report.executions += 1;
        if number.is_multiple_of(LOOK_EVERY) {
            let now = Instant::now();
            report.slowest = report.slowest.max((now - before, number));
            before = now;
            report.time = now - start;
            if now - told > Duration::from_secs(5) {
                told = now;
                tell(&report);
            }
            if bounds.time.is_some_and(|most| report.time >= most) {
                break;
            }
        }
    }
    report.time = start.elapsed();
    Ok(report)
}

/// Writes an input that broke something to a file of its own.
fn write_failure(target: &Target, input: &[u8], failures: &Path) -> io::Result<PathBuf> {
    let folder = failures.join(target.name);
    fs::create_dir_all(&folder)?;
    let file = folder.join(corpus::name_of(input));
    fs::write(&file, input)?;
    Ok(file)
}
