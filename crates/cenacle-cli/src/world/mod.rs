//! Groups that never were: `cenacle world`. A simulation of `cenacle-world` for each seed, with a report of what was done, what
//! went wrong on purpose and what came of it; a difference that nothing explains ends a run, with the command that shows it
//! again.

mod report;

use alloc::sync::Arc;
use std::{
    io::{self, Write},
    process::ExitCode,
};

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_world::{Behaviour, Config, Recovery, Report, Simulation};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::{FAILED, OK, finish};

/// Simulate a group of many members by seed, in virtual time, and judge all that comes of it
///
/// Members do everything the protocol has, over a service that loses, repeats and reorders; they collide, restart, are away for
/// long and are restored from old backups. A model that knows nothing of trees and keys says who must read what and who must
/// agree with whom. The same command gives the same run, event for event.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WorldArgs {
    /// What chance decides
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many seeds to run, from this one on
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many members the group keeps, 3 to 10,000
    #[arg(long, value_name = "M", default_value_t = 50, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    members: u32,
    /// How many commits are accepted before the end
    #[arg(long, value_name = "E", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    epochs: u64,
    /// In which ways the service is dishonest: `all`, `none`, or some of drop, delay, duplicate, reorder, withhold, fork,
    /// stale-group-info, wrong-welcome, replace-key-package and replay, separated by commas
    #[arg(long, value_name = "LIST", default_value = "none", value_parser = behaviours)]
    dishonest: Dishonest,
    /// Members stop when they see that something is wrong, instead of joining anew; once all have, the run ends
    #[arg(long)]
    stop: bool,
    /// Number of the cipher suite, one of the pure-Rust provider's: 1, 2, 3, 5, 7
    #[arg(long, value_name = "SUITE", default_value_t = 1, value_parser = suite_number)]
    suite: u16,
    /// Print one JSON object for each seed
    #[arg(long)]
    json: bool,
    /// Tell every event on standard error, with its virtual time in milliseconds
    #[arg(long)]
    trace: bool,
}

const EXAMPLES: &str = "\
Examples:
  Fifty members through a hundred epochs:
    cenacle world
  A hundred groups of twenty, over a service that does its worst:
    cenacle world --seeds 100 --members 20 --dishonest all
  A service that shows members different logs and forgets what it said:
    cenacle world --seed 7 --dishonest fork,stale-group-info --json
  All that happened, event for event:
    cenacle world --seed 7 --members 10 --trace 2> events

Exit status: 0 if everything that came is explained, 1 if something is not, 2 for a wrong command line.";

/// Ways to be dishonest, as they were named.
#[derive(Clone, Debug)]
struct Dishonest {
    named: String,
    list: Vec<Behaviour>,
}

fn behaviours(text: &str) -> Result<Dishonest, String> {
    let list: Result<Vec<Behaviour>, _> = match text {
        "none" => Ok(Vec::new()),
        "all" => Ok(Behaviour::ALL.to_vec()),
        list => list.split(',').map(|name| name.trim().parse::<Behaviour>()).collect(),
    };
    let named = text.replace(' ', "");
    list.map(|list| Dishonest { named, list }).map_err(|error| format!("{error}, or all, or none"))
}

fn suite_number(text: &str) -> Result<u16, String> {
    let known =
        RustCryptoProvider.cipher_suites().iter().map(|suite| suite.0.to_string()).collect::<Vec<_>>().join(", ");
    let number = text.parse().map_err(|_| format!("one of {known}"))?;
    RustCryptoProvider.suite(CipherSuite(number)).map(|_| number).ok_or_else(|| format!("one of {known}"))
}

impl WorldArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        finish(self.run_seeds())
    }

    fn run_seeds(&self) -> io::Result<u8> {
        let Some(suite) = RustCryptoProvider.suite(CipherSuite(self.suite)) else { return Ok(FAILED) };
        let mut code = OK;
        // The seed after the last is the first.
        for seed in (0..self.seeds).map(|number| self.seed.wrapping_add(number)) {
            let report = self.simulate(seed, Arc::clone(&suite));
            if report.finding.is_some() {
                code = FAILED;
            }
            let shown = if self.json { report::json(&report, &self.replay(seed)) } else { self.text(&report, seed) };
            writeln!(io::stdout(), "{shown}")?;
        }
        Ok(code)
    }

    fn simulate(&self, seed: u64, suite: Arc<dyn Suite>) -> Report {
        let recovery = if self.stop { Recovery::Stop } else { Recovery::Resync };
        let config = Config { members: self.members, epochs: self.epochs, recovery, ..Config::of_seed(seed) };
        let simulation = Simulation::new(config.over(self.dishonest.list.iter().copied()), suite);
        if self.trace {
            let told = |millis, event: &str| drop(writeln!(io::stderr(), "{millis:>12} {event}"));
            return simulation.traced(told).run();
        }
        let bar = ProgressBar::new(self.epochs);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_bar} {pos}/{len} epochs, {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(format!("seed {seed}"));
        let report = simulation.run_watched(&mut |progress| bar.set_position(progress.epochs));
        bar.finish_and_clear();
        report
    }

    /// The whole report of one seed, a line of each of many.
    fn text(&self, report: &Report, seed: u64) -> String {
        if self.seeds == 1 || report.finding.is_some() {
            report::text(report, &self.replay(seed))
        } else {
            report::line(report)
        }
    }

    /// The command that does the same again.
    fn replay(&self, seed: u64) -> String {
        let Self { members, epochs, suite, .. } = self;
        let mut command = format!("cenacle world --seed {seed} --members {members} --epochs {epochs}");
        if !self.dishonest.list.is_empty() {
            command.push_str(" --dishonest ");
            command.push_str(&self.dishonest.named);
        }
        if *suite != 1 {
            command.push_str(&format!(" --suite {suite}"));
        }
        if self.stop {
            command.push_str(" --stop");
        }
        command
    }
}

#[cfg(test)]
mod tests;
