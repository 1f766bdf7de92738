//! The results: lines of JSON as they come, and a table at the end.

use std::io::{self, Write};

use cenacle_cli::bench::{Measured, Operation, Tree, Value};

/// The name of the sums of primitives among the peers.
pub(crate) const FLOOR: &str = "floor";
/// Cenacle's.
pub(crate) const OURS: &str = "cenacle";

/// One result.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub(crate) peer: &'static str,
    pub(crate) n: u32,
    pub(crate) tree: Tree,
    pub(crate) measured: Measured,
}

impl Line {
    /// The figure that is compared: CPU or wall time in microseconds, or bytes. Where CPU time is unknown, wall time stands in.
    fn figure(&self, by_wall_time: bool) -> Option<f64> {
        match self.measured.value {
            Value::Micros { wall, cpu } => Some(cpu.filter(|_| !by_wall_time).unwrap_or(wall)),
            Value::Bytes(bytes) => bytes,
        }
    }

    /// Prints it as a JSON object.
    pub(crate) fn print_json(&self) -> io::Result<()> {
        let Self { peer, n, tree, measured } = self;
        let mut line = serde_json::json!({
            "peer": peer, "n": n, "tree": tree.name(), "op": measured.operation.name(), "count": measured.count,
        });
        let results: Vec<(&str, serde_json::Value)> = match measured.value {
            Value::Micros { wall, cpu } => {
                vec![("median_us", tidy(wall).into()), ("median_cpu_us", cpu.map(tidy).into())]
            }
            Value::Bytes(bytes) => vec![("bytes", bytes.map(whole).into())],
        };
        if let Some(line) = line.as_object_mut() {
            line.extend(results.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{line}")?;
        out.flush()
    }
}

/// To a nanosecond.
fn tidy(micros: f64) -> f64 {
    (micros * 1e3).round() / 1e3
}

/// Bytes without a fraction.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size, far below 2^53")]
pub(crate) fn whole(bytes: f64) -> u64 {
    bytes.round() as u64
}

/// A number as a person reads it.
fn shown(figure: Option<f64>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure < 100.0 => format!("{figure:.1}"),
        Some(figure) => {
            let digits = format!("{figure:.0}");
            let mut grouped = String::new();
            for (place, digit) in digits.chars().enumerate() {
                if place > 0 && (digits.len() - place) % 3 == 0 {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            grouped
        }
    }
}

fn ratio(above: Option<f64>, below: Option<f64>) -> String {
    match above.zip(below).filter(|(_, below)| *below > 0.0) {
        None => "-".to_owned(),
        Some((above, below)) if above / below < 10.0 => format!("{:.2}", above / below),
        Some((above, below)) => format!("{:.0}", above / below),
    }
}

/// All results, in the order in which they came.
pub(crate) struct Report {
    pub(crate) lines: Vec<Line>,
    /// Compares wall time instead of CPU time.
    pub(crate) by_wall_time: bool,
}

impl Report {
    fn find(&self, peer: &str, n: u32, tree: Tree, operation: Operation) -> Option<f64> {
        let same = |line: &&Line| {
            line.peer == peer && (line.n, line.tree) == (n, tree) && line.measured.operation == operation
        };
        self.lines.iter().find(same)?.figure(self.by_wall_time)
    }

    /// The costs of one peer by group size.
    pub(crate) fn costs(&self, peer: &str, tree: Tree, operation: Operation) -> Vec<(f64, f64)> {
        let wanted = |line: &&Line| line.peer == peer && line.tree == tree && line.measured.operation == operation;
        let cost = |line: &Line| Some((f64::from(line.n), line.figure(self.by_wall_time)?));
        let mut costs: Vec<_> =
            self.lines.iter().filter(wanted).filter_map(cost).filter(|(_, cost)| *cost > 0.0).collect();
        costs.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
        costs
    }

    /// The table for one group: a row for each operation, a column for each peer and two ratios.
    pub(crate) fn print_table(&self, n: u32, tree: Tree, operations: &[Operation], peers: &[&str]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let time = if self.by_wall_time { "wall time" } else { "CPU time" };
        writeln!(out, "\n{n} members, {} tree; µs of {time}, or bytes", tree.name())?;
        write!(out, "{:<20} {OURS:>13}", "operation")?;
        for peer in peers {
            write!(out, " {peer:>16}")?;
        }
        writeln!(out, " {FLOOR:>13} {:>11} {:>11}", "best/ours", "ours/floor")?;
        for operation in operations {
            let figure = |peer: &str| self.find(peer, n, tree, *operation);
            let (ours, floor) = (figure(OURS), figure(FLOOR));
            let best = peers.iter().filter_map(|peer| figure(peer)).min_by(f64::total_cmp);
            write!(out, "{:<20} {:>13}", operation.name(), shown(ours))?;
            for peer in peers {
                write!(out, " {:>16}", shown(figure(peer)))?;
            }
            writeln!(out, " {:>13} {:>11} {:>11}", shown(floor), ratio(best, ours), ratio(ours, floor))?;
        }
        out.flush()
    }
}
