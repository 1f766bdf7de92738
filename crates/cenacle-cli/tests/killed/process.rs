//! A process of the program, which is killed with the test if not before.

use core::time::Duration;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::Value;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn cenacle(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// A process that is killed with the test, if not before.
pub(crate) struct Process {
    child: Child,
    /// None once it was told to end.
    stdin: Option<ChildStdin>,
    pub(crate) lines: Receiver<Value>,
}

impl Process {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = cenacle(args).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            // A line that a kill cut short says nothing.
            let lines = stdout.lines().map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok());
            lines.map(|line| send.send(line)).take_while(Result::is_ok).for_each(drop);
        });
        Self { stdin: child.stdin.take(), child, lines }
    }

    pub(crate) fn say(&mut self, line: &str) {
        // It may have ended; what was not taken was not promised.
        drop(self.stdin.as_mut().map(|stdin| writeln!(stdin, "{line}")));
    }

    /// Kills it and gives what it said last.
    pub(crate) fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }

    /// Ends standard input, and gives what it says until it has ended, and whether that was a good end.
    pub(crate) fn end(mut self) -> (Vec<Value>, bool) {
        drop(self.stdin.take());
        let said = core::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok()).collect();
        // Its output has ended, and with it the process.
        (said, self.child.wait().unwrap().success())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A server with data of its own, on the same address in all its lives.
pub(crate) struct Server {
    data: String,
    address: String,
    process: Option<Process>,
}

impl Server {
    /// A server that keeps its data in this directory.
    pub(crate) fn new(data: &Path) -> Self {
        let mut server = Self { data: data.to_str().unwrap().into(), address: "127.0.0.1:0".into(), process: None };
        server.revive();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills it; whether it lived.
    pub(crate) fn kill(&mut self) -> bool {
        self.process.take().map(Process::kill).is_some()
    }

    /// Starts it, if it is dead.
    pub(crate) fn revive(&mut self) {
        if self.process.is_none() {
            let process = Process::start(&["serve", "--listen", &self.address, "--json", "--data", &self.data]);
            let url = process.lines.recv_timeout(PATIENCE).unwrap()["url"].as_str().unwrap().to_owned();
            self.address = url.trim_start_matches("http://").to_owned();
            self.process = Some(process);
        }
    }
}
