//! `cenacle demo`: a server and some people, each a process of its own, form a group and talk after a script, while one is
//! offline, two change the group at once, somebody is killed in the middle of a commit, and others try to read what they
//! should not. After each line everybody's view is checked against the story.

mod company;
mod judge;
mod person;
mod play;
mod protocol;
mod report;
mod script;
mod story;
#[cfg(test)]
mod tests;
mod trouble;

use std::{
    fs,
    io::{self, IsTerminal as _, Read as _},
    path::PathBuf,
    process::ExitCode,
    time::Instant,
};

use clap::Args;
use tokio::runtime;

pub use person::DemoPersonArgs;

use crate::{
    output::{FAILED, USAGE, complain, finish},
    signals::asked_to_stop,
};
use company::Company;
use play::Play;
use report::Report;
use script::{LANGUAGE, Line, Point};
use story::Story;
use trouble::Trouble;

/// Watch a group of people talk, with everything that can go wrong
///
/// Starts a server and one process for each person, each with its own state file, and plays a script: who says what, who goes
/// offline, who is invited, removed or killed. After each line everybody's epoch, keys, members and messages are compared. The
/// script that ships with the program shows all there is; `cenacle demo --print-script` prints it. Kill its processes if you
/// like: one that is killed is started again with its files, the transcript says so, and the story goes on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = after_long_help())]
pub struct DemoArgs {
    /// Script to play; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Print the script that is played without --script
    #[arg(long, conflicts_with_all = ["script", "keep", "json", "kill_at"])]
    print_script: bool,
    /// Keep the files of the server and of the people
    #[arg(long)]
    keep: bool,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Where a commit is when its process is killed, if the script does not say [default: after-post]
    #[arg(long, value_name = "POINT")]
    kill_at: Option<Point>,
}

const EXAMPLES: &str = "\
Examples:
  The conversation that ships with the program:
    cenacle demo
  Killed at any moment; a different one each time:
    cenacle demo --kill-at random
  One's own story:
    cenacle demo --print-script > mine.script
    cenacle demo --script mine.script
  From standard input:
    echo 'alice and bob rotate together' | cenacle demo --script -
  For a program (events: start, step, stopped, end):
    cenacle demo --json

Exit status: 0 if every check held, 1 if not, 2 for a wrong command line or script, 130 if interrupted.";

fn after_long_help() -> String {
    format!("A script, one step a line:\n{LANGUAGE}\n\n{EXAMPLES}")
}

/// Ctrl-C, as a shell reports it.
const INTERRUPTED: u8 = 130;

impl DemoArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        if self.print_script {
            return finish(
                io::Write::write_all(&mut io::stdout(), script::DEFAULT.as_bytes()).map(|()| crate::output::OK),
            );
        }
        let (lines, story) = match self.read() {
            Ok(read) => read,
            Err(complaint) => return complain(&complaint, USAGE).into(),
        };
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, FAILED).into(),
        };
        finish(runtime.block_on(self.perform(&lines, story)))
    }

    fn read(&self) -> Result<(Vec<Line>, Story), String> {
        let text = match &self.script {
            None => script::DEFAULT.to_owned(),
            Some(path) if path.as_os_str() == "-" => {
                if io::stdin().is_terminal() {
                    return Err("standard input is a terminal: give the script by a pipe or a file".to_owned());
                }
                let mut text = String::new();
                io::stdin().read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
                text
            }
            Some(path) => fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let read = script::read(&text).and_then(|lines| Ok((Story::begin(&lines)?, lines)));
        let (story, lines) = read.map_err(|nonsense| {
            let each: Vec<_> = nonsense.iter().map(|line| format!("  {line}")).collect();
            format!("the script makes no sense:\n{}\nWhat is understood:\n{LANGUAGE}", each.join("\n"))
        })?;
        if lines.is_empty() { Err("the script is empty".to_owned()) } else { Ok((lines, story)) }
    }

    async fn perform(&self, lines: &[Line], story: Story) -> io::Result<u8> {
        let stop = asked_to_stop()?;
        let folder = tempfile::Builder::new().prefix("cenacle-demo-").disable_cleanup(self.keep).tempdir()?;
        let (started, mut report) = (Instant::now(), Report::new(self.json, story.everybody()));
        let mut company = None;
        let played = {
            let playing = async {
                let company = company.insert(Company::gather(story.everybody(), folder.path()).await?);
                let folder = folder.path().display().to_string();
                report
                    .begin(company.server_url(), &folder, self.keep, &company.process_ids())
                    .map_err(Trouble::Print)?;
                Play::new(company, &mut report, story, lines, self.kill_at).play(lines).await
            };
            tokio::select! {
                played = playing => played,
                () = stop => Err(Trouble::Interrupted),
            }
        };
        // Whatever happened, nobody stays behind.
        if let Some(company) = company {
            company.end().await;
        }
        let complete = match &played {
            Ok(()) => true,
            Err(Trouble::Print(error)) => return Err(io::Error::new(error.kind(), error.to_string())),
            Err(trouble) => {
                report.stopped(&trouble.to_string())?;
                false
            }
        };
        let is_good = report.end(started.elapsed(), complete)?;
        Ok(match played {
            Err(Trouble::Interrupted) => INTERRUPTED,
            Ok(()) | Err(_) if is_good => crate::output::OK,
            Ok(()) | Err(_) => FAILED,
        })
    }
}
