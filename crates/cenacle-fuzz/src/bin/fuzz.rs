//! The fuzz targets from the command line, without a nightly compiler.

use core::time::Duration;
use std::{
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use cenacle_fuzz::{
    TARGETS, Target, corpus,
    runner::{self, Bounds, Report},
    target,
};
use clap::{Args, Parser, Subcommand};

/// Fuzzes Cenacle: runs inputs and their mutations through everything that takes bytes from others.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the targets
    List,
    /// Runs a target, or all of them, on its corpus and mutations of it
    Run(Run),
    /// Runs a target on files, those that a run or cargo-fuzz wrote perhaps
    Replay(Replay),
    /// Writes a corpus for each target: what is made here, and what the working group's vectors hold
    Corpus(Corpus),
}

#[derive(Args)]
struct Run {
    /// The target's name, or `all`
    #[arg(long, default_value = "all")]
    target: String,
    /// Stop after so many executions of each target
    #[arg(long)]
    executions: Option<u64>,
    /// Stop after so many seconds with each target [default: 60, if no number of executions is given]
    #[arg(long)]
    seconds: Option<u64>,
    /// Makes a run again that printed this seed [default: the time]
    #[arg(long)]
    seed: Option<u64>,
    /// How many targets are run at a time
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Where corpora are, one folder for each target [default: fuzz/corpus]
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Where inputs are written that break something
    #[arg(long, default_value = "fuzz/artifacts")]
    failures: PathBuf,
}

#[derive(Args)]
struct Replay {
    /// The target's name
    #[arg(long)]
    target: String,
    /// The inputs
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct Corpus {
    /// A folder of vectors [default: $CENACLE_VECTORS, or shared/vectors beside the checkout]
    #[arg(long)]
    vectors: Option<PathBuf>,
    /// Where to write [default: fuzz/corpus]
    #[arg(long)]
    to: Option<PathBuf>,
}

type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::List => list(),
        Command::Run(run) => run.start(),
        Command::Replay(replay) => replay.start(),
        Command::Corpus(corpus) => corpus.write(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!("fuzz: {problem}"));
            ExitCode::FAILURE
        }
    }
}

/// Progress and results go to standard error; who does not listen misses them.
fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").unwrap_or_default();
}

fn list() -> Outcome {
    let mut out = std::io::stdout().lock();
    for Target { name, about, .. } in TARGETS {
        writeln!(out, "{name:<12}{about}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn named(name: &str) -> Result<&'static Target, String> {
    target(name).ok_or_else(|| format!("there is no target {name}; `list` names them"))
}

impl Run {
    fn start(&self) -> Outcome {
        let targets = if self.target == "all" { TARGETS.iter().collect() } else { vec![named(&self.target)?] };
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let seed = self.seed.unwrap_or_else(now);
        let seconds = self.seconds.or(if self.executions.is_none() { Some(60) } else { None });
        let bounds = Bounds { executions: self.executions, time: seconds.map(Duration::from_secs) };
        say(&format!("seed {seed}"));
        runner::catch_panics();
        // Each job takes every so-manieth target.
        let jobs = self.jobs.clamp(1, targets.len());
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let job = |first: usize| {
                let targets = targets.iter().skip(first).step_by(jobs);
                scope.spawn(move || targets.map(|target| self.run(target, seed, bounds)).collect::<Vec<_>>())
            };
            let handles: Vec<_> = (0..jobs).map(job).collect();
            let ended = |handle: thread::ScopedJoinHandle<'_, Vec<Outcome>>| handle.join();
            handles
                .into_iter()
                .flat_map(|handle| ended(handle).unwrap_or_else(|_| vec![Err("a job ended".into())]))
                .collect()
        });
        let broken: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
        if broken.is_empty() { Ok(()) } else { Err(broken.join("\nfuzz: ")) }
    }

    fn run(&self, target: &Target, seed: u64, bounds: Bounds) -> Outcome {
        let folder = self.corpus.clone().unwrap_or_else(corpus::folder);
        let seeds = runner::seeds(target).map_err(|message| format!("{}: no seeds: {message}", target.name))?;
        let inputs = corpus::load(target, seeds, &folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut tell = |report: &Report| say(&line(target, report));
        match runner::run(target, (seed, bounds), &inputs, &self.failures, &mut tell) {
            Ok(report) => {
                say(&format!("{}, done", line(target, &report)));
                Ok(())
            }
            Err(broken) => Err(format!(
                "{}: execution {} of seed {seed}: {}\nfuzz: the input is in {}: fuzz replay --target {} {}",
                target.name,
                broken.execution,
                broken.message,
                broken.file.display(),
                target.name,
                broken.file.display()
            )),
        }
    }
}

fn line(target: &Target, report: &Report) -> String {
    let Report { executions, time, corpus, slowest } = report;
    let rate = u128::from(*executions) * 1_000 / time.as_millis().max(1);
    format!(
        "{:<12}{executions} executions in {:.1} s ({rate}/s), {corpus} seeds, 64 in at most {} ms",
        target.name,
        time.as_secs_f32(),
        slowest.0.as_millis()
    )
}

impl Replay {
    fn start(&self) -> Outcome {
        let target = named(&self.target)?;
        for file in &self.files {
            let input = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            say(&format!("{}: {} bytes", file.display(), input.len()));
            (target.run)(&input);
        }
        Ok(())
    }
}

impl Corpus {
    fn write(&self) -> Outcome {
        let vectors = self.vectors.clone().unwrap_or_else(corpus::official_vectors);
        let found = vectors.is_dir().then_some(vectors.as_path());
        if found.is_none() {
            say(&format!("there are no vectors in {}: only what is made here is written", vectors.display()));
        }
        let to = self.to.clone().unwrap_or_else(corpus::folder);
        let counts = corpus::write(found, &to).map_err(|error| error.to_string())?;
        counts.iter().for_each(|(name, count)| say(&format!("{name:<12}{count} inputs")));
        Ok(())
    }
}
