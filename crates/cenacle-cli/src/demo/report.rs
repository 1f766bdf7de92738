//! What the demo prints: a transcript for people, or one JSON object a line. It also counts the checks.

use core::time::Duration;
use std::{
    env,
    io::{self, IsTerminal as _, Stdout, Write as _},
};

use cenacle_service::wire::AccountName;
use serde_json::json;

use super::{judge::Check, protocol::View, script::Line};

/// What one step came to.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    pub(super) line: &'a Line,
    pub(super) view: Option<&'a View>,
    pub(super) took: Duration,
    /// The three checks of every step.
    pub(super) usual: Vec<Check>,
    /// Those of this step alone.
    pub(super) special: Vec<Check>,
    pub(super) notes: Vec<String>,
    /// The tree, if it changed.
    pub(super) picture: Option<String>,
}

#[derive(Debug)]
pub(super) struct Report {
    out: Stdout,
    json: bool,
    colours: bool,
    people: Vec<AccountName>,
    steps: u32,
    checks: u32,
    /// Checks that did not hold, with their lines.
    failed: Vec<String>,
}

const DIM: &str = "2";
const BOLD: &str = "1";
const GOOD: &str = "32";
const BAD: &str = "31";
/// One for each person, over again if they are many.
const PEOPLE: [&str; 6] = ["36", "33", "35", "34", "32", "31"];
/// Columns for what was written in the script.
const TEXT_COLUMNS: usize = 72;

impl Report {
    pub(super) fn new(json: bool, people: &[AccountName]) -> Self {
        let out = io::stdout();
        // https://no-color.org: any value but none turns colours off.
        let is_wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colours = !json && is_wanted && out.is_terminal();
        Self { out, json, colours, people: people.to_vec(), steps: 0, checks: 0, failed: Vec::new() }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn say(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// The first lines. The folder is named only if it will be `kept`.
    pub(super) fn begin(
        &self,
        url: &str,
        folder: &str,
        kept: bool,
        processes: &[(String, Option<u32>)],
    ) -> io::Result<()> {
        if self.json {
            let processes: serde_json::Map<_, _> =
                processes.iter().map(|(name, id)| (name.clone(), json!(id))).collect();
            let line = json!({ "event": "start", "server": url, "folder": folder, "processes": processes });
            return self.say(&line.to_string());
        }
        let names =
            processes.iter().map(|(name, id)| format!("{name} {}", id.map_or_else(String::new, |id| id.to_string())));
        let people = self.people.len();
        self.say(&format!("{people} people and a server at {url}, each a process of its own"))?;
        if kept {
            self.say(&format!("their files stay in {folder}"))?;
        }
        self.say(&self.paint(DIM, &names.collect::<Vec<_>>().join(" · ")))
    }

    pub(super) fn step(&mut self, outcome: &Outcome<'_>) -> io::Result<()> {
        let number = outcome.line.number;
        self.steps += 1;
        for check in outcome.usual.iter().chain(&outcome.special) {
            self.checks += 1;
            if let Some(fault) = &check.fault {
                let place = if number == 0 { "the beginning".to_owned() } else { format!("line {number}") };
                self.failed.push(format!("{place}: {} ({fault})", check.what));
            }
        }
        if self.json { self.say(&Self::step_json(outcome)) } else { self.say(&self.step_text(outcome)) }
    }

    fn step_json(outcome: &Outcome<'_>) -> String {
        let Outcome { line, view, took, usual, special, notes, picture } = outcome;
        let checks: Vec<_> = usual
            .iter()
            .chain(special)
            .map(|check| json!({ "check": check.what, "held": check.holds(), "fault": check.fault }))
            .collect();
        json!({
            "event": "step", "line": line.number, "text": line.text, "ms": took.as_secs_f64() * 1e3,
            "epoch": view.map(|view| view.epoch), "authenticator": view.map(|view| &view.authenticator),
            "members": view.map(|view| view.members.keys().collect::<Vec<_>>()),
            "checks": checks, "notes": notes, "tree": picture,
        })
        .to_string()
    }

    fn step_text(&self, outcome: &Outcome<'_>) -> String {
        let Outcome { line, view, took, usual, special, notes, picture } = outcome;
        let number = if line.number == 0 { String::new() } else { line.number.to_string() };
        let epoch = view.map_or_else(String::new, |view| {
            let short: String = view.authenticator.chars().take(8).collect();
            format!("epoch {:<3} {short}", view.epoch)
        });
        let mark = if usual.iter().all(Check::holds) { self.paint(GOOD, "✓") } else { self.paint(BAD, "✗") };
        let padding = " ".repeat(TEXT_COLUMNS.saturating_sub(line.text.chars().count()));
        let figures = self.paint(DIM, &format!("{epoch}  {:>5} ms", took.as_millis()));
        let mut text = format!("{:>4}  {}{padding} {mark} {figures}", number, self.painted(line));
        for note in notes {
            text.push_str(&format!("\n      {}", self.paint(DIM, note)));
        }
        for row in picture.iter().flat_map(|picture| picture.lines()) {
            text.push_str(&format!("\n      {}", self.paint(DIM, row)));
        }
        for check in usual.iter().filter(|check| !check.holds()).chain(special) {
            let (colour, mark) = if check.holds() { (GOOD, "✓") } else { (BAD, "✗") };
            let fault = check.fault.as_ref().map_or_else(String::new, |fault| format!(": {fault}"));
            text.push_str(&format!("\n      {} {}{fault}", self.paint(colour, mark), check.what));
        }
        text
    }

    /// A line of the script: names in their colours, what takes more than words in bold.
    fn painted(&self, line: &Line) -> String {
        let (first, rest) = line.text.split_at(line.text.find([':', ' ']).unwrap_or(line.text.len()));
        let position = self.people.iter().position(|name| name.as_str() == first);
        let colour = position.and_then(|position| PEOPLE.get(position % PEOPLE.len()));
        match colour {
            Some(colour) if rest.starts_with(':') => format!("{}{rest}", self.paint(colour, first)),
            Some(_) | None => self.paint(BOLD, &line.text),
        }
    }

    /// The demo was stopped by something else than its end.
    pub(super) fn stopped(&self, reason: &str) -> io::Result<()> {
        if self.json {
            return self.say(&json!({ "event": "stopped", "reason": reason }).to_string());
        }
        self.say(&self.paint(BAD, &format!("stopped: {reason}")))
    }

    /// The last lines. Says whether all is as it should be.
    pub(super) fn end(&self, took: Duration, is_complete: bool) -> io::Result<bool> {
        let (steps, checks, failed) = (self.steps, self.checks, self.failed.len());
        let is_good = is_complete && self.failed.is_empty() && checks > 0;
        if self.json {
            let line = json!({
                "event": "end", "steps": steps, "checks": checks, "failed": self.failed, "complete": is_complete,
                "seconds": took.as_secs_f64(),
            });
            self.say(&line.to_string())?;
            return Ok(is_good);
        }
        self.say(&self.paint(DIM, &format!("{steps} steps in {:.1} s", took.as_secs_f64())))?;
        let verdict = match (is_complete, failed) {
            (true, 0) => format!("all {checks} checks held"),
            (false, 0) => format!("not complete: {checks} checks held until then"),
            (_, failed) => format!("{failed} of {checks} checks failed: {}", self.failed.join("; ")),
        };
        self.say(&self.paint(if is_good { GOOD } else { BAD }, &verdict))?;
        Ok(is_good)
    }
}
