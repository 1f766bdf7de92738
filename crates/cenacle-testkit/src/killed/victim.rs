//! The test's end of the pipe: a process, what must be in its file, and how it dies.

use alloc::collections::BTreeSet;
use core::{fmt, time::Duration};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Instant,
};

use cenacle_codec::{Decode as _, Reader};
use cenacle_mls::delta::{Change, Delta, Store as _};
use cenacle_store::{MemoryStore, Snapshot};

use super::{
    files::{Files, Tear},
    pipe::MARK,
};
use crate::world::Dice;

/// How long anything may take that is going to happen at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of a write, and of the process that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done, and the process lives.
    Spared,
    /// The process is killed before it.
    Before,
    /// It is done; the process is killed before it knows.
    After,
    /// The process is killed this long after it was given leave, wherever it is then.
    During(Duration),
    /// The power fails meanwhile: the files are in a random state between before and after.
    Torn(u64),
}

impl Fate {
    /// Death at a random moment of a write: mostly soon, and sometimes so late that the write is done.
    #[must_use]
    pub fn during(dice: &mut Dice) -> Self {
        let within = [200, 2_000, 40_000][dice.below(3)];
        Self::During(Duration::from_micros(u64::try_from(dice.below(within)).unwrap()))
    }

    /// A random loss of power.
    #[must_use]
    pub fn torn(dice: &mut Dice) -> Self {
        Self::Torn(u64::try_from(dice.below(usize::MAX)).unwrap())
    }
}

/// The process was killed. Whether what it was asked for is done is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed;

/// What was done to a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Writes that it began.
    pub begun: u64,
    /// Writes that were found to be done.
    pub done: u64,
    /// Writes that were spared.
    pub spared: u64,
    /// Kills before a write.
    pub before: u64,
    /// Kills after a write.
    pub after: u64,
    /// Kills during a write.
    pub during: u64,
    /// Power failures during a write.
    pub torn: u64,
    /// Kills at any other moment.
    pub anywhere: u64,
    /// Encryptions that left the process, each under a key of its own.
    pub seals: usize,
}

impl Tally {
    /// All kills.
    #[must_use]
    pub const fn kills(&self) -> u64 {
        self.before + self.after + self.during + self.torn + self.anywhere
    }
}

/// A line from the process.
enum Line {
    /// It is about to write this.
    Write(Vec<u8>),
    /// It has written.
    Written,
    /// It encrypted with this key.
    Seal(Vec<u8>),
    /// It answered.
    Said(String),
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let (_, line) = line.split_once(MARK)?;
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bytes = || hex::decode(rest).unwrap();
        Some(match what {
            "write" => Self::Write(bytes()),
            "written" => Self::Written,
            "seal" => Self::Seal(bytes()),
            "said" => Self::Said(rest.to_owned()),
            _ => panic!("the process says {line:?}"),
        })
    }
}

/// A process that lives.
struct Living {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Line>,
}

impl Living {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = stdout.lines().map_while(Result::ok).filter_map(|line| Line::read(&line));
            lines.map(|line| send.send(line)).take_while(Result::is_ok).for_each(drop);
        });
        Self { stdin: child.stdin.take().unwrap(), child, lines }
    }

    fn tell(&mut self, line: &str) {
        // A process that has ended is noticed by the line that does not come.
        drop(writeln!(self.stdin, "{line}"));
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A process that is killed again and again, and what must be true of it.
pub struct Victim {
    command: Box<dyn Fn() -> Command + Send>,
    path: PathBuf,
    living: Option<Living>,
    fates: Box<dyn Iterator<Item = Fate> + Send>,
    /// Until when it lives, if it is to die at a moment of its own.
    deadline: Option<Instant>,
    /// What must be in its file.
    rows: MemoryStore,
    /// Keys of encryptions whose ciphertexts have not left the process.
    sealed: Vec<Vec<u8>>,
    /// Keys of all others.
    used: BTreeSet<Vec<u8>>,
    tally: Tally,
    /// Whether all writes are spared for now.
    pub merciful: bool,
    /// The files before and after each spared write, and what it wrote, if they are wanted.
    pub record: Option<Vec<(Files, Delta, Files)>>,
}

impl fmt::Debug for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Victim").field("path", &self.path).field("tally", &self.tally()).finish_non_exhaustive()
    }
}

impl Victim {
    /// A process that `command` starts, which keeps its state in the file at `path`, and the fates of its writes, over all
    /// lives. When there are no more, all are spared.
    pub fn new(
        path: PathBuf,
        command: impl Fn() -> Command + Send + 'static,
        fates: impl Iterator<Item = Fate> + Send + 'static,
    ) -> Self {
        Self {
            command: Box::new(command),
            path,
            living: None,
            fates: Box::new(fates),
            deadline: None,
            rows: MemoryStore::default(),
            sealed: Vec::new(),
            used: BTreeSet::new(),
            tally: Tally::default(),
            merciful: false,
            record: None,
        }
    }

    /// What was done to it so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally { seals: self.used.len(), ..self.tally }
    }

    /// Has the process die after this time, whatever it does then, unless it is to die already.
    pub fn die_after(&mut self, time: Duration) {
        self.deadline.get_or_insert_with(|| Instant::now() + time);
    }

    /// Gives an order and waits for the answer. A process that is dead is started first.
    ///
    /// # Errors
    /// It was killed before it answered.
    pub fn ask(&mut self, order: &str) -> Result<String, Killed> {
        let command = &self.command;
        self.living.get_or_insert_with(|| Living::start(command())).tell(&format!("ask {order}"));
        loop {
            match self.next()? {
                Line::Write(changes) => self.write(&changes)?,
                Line::Written => panic!("the process wrote without leave"),
                Line::Seal(key) => self.sealed.push(key),
                Line::Said(answer) => {
                    self.release();
                    return Ok(answer);
                }
            }
        }
    }

    /// The next line, unless the process is to die first.
    fn next(&mut self) -> Result<Line, Killed> {
        let deadline = self.deadline;
        let wait = deadline.map_or(PATIENCE, |deadline| deadline.saturating_duration_since(Instant::now()));
        match self.living.as_ref().expect("it lives").lines.recv_timeout(wait) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) if deadline.is_some() => {
                self.tally.anywhere += 1;
                // It may have answered, which was not read yet. A write was not given leave.
                let has_answered = self.kill();
                self.find(&[]);
                if has_answered {
                    self.release();
                }
                self.sealed.clear();
                Err(Killed)
            }
            Err(RecvTimeoutError::Timeout) => panic!("the process does not answer"),
            Err(RecvTimeoutError::Disconnected) => panic!("the process ended by itself"),
        }
    }

    /// What was encrypted has left the process, or will when what it stored is found: no key of it was used before.
    fn release(&mut self) {
        for key in self.sealed.drain(..) {
            assert!(self.used.insert(key), "a key was used twice");
        }
    }

    /// Kills the process. It may have encrypted something since it was last heard, and have answered: whether it has.
    fn kill(&mut self) -> bool {
        let mut living = self.living.take().expect("it lives");
        living.child.kill().unwrap();
        living.child.wait().unwrap();
        self.deadline = None;
        let mut has_answered = false;
        for line in living.lines.iter() {
            match line {
                Line::Seal(key) => self.sealed.push(key),
                Line::Said(_) => has_answered = true,
                Line::Write(_) | Line::Written => {}
            }
        }
        has_answered
    }

    fn leave(&mut self) {
        self.living.as_mut().expect("it lives").tell("go");
    }

    /// Waits until a write is done.
    fn written(&mut self) {
        loop {
            match self.living.as_ref().expect("it lives").lines.recv_timeout(PATIENCE) {
                Ok(Line::Written) => return,
                Ok(Line::Seal(key)) => self.sealed.push(key),
                Ok(Line::Write(_) | Line::Said(_)) | Err(_) => panic!("the process does not finish its write"),
            }
        }
    }

    /// A write that says once more what is there already is spared: killing it again and again would stop all progress.
    fn fate_of(&mut self, delta: &Delta) -> Fate {
        let before = self.rows.snapshot();
        if self.merciful || !delta.is_empty() && applied(&before, delta) == before {
            return Fate::Spared;
        }
        self.fates.next().unwrap_or(Fate::Spared)
    }

    /// A write and its fate.
    fn write(&mut self, changes: &[u8]) -> Result<(), Killed> {
        self.tally.begun += 1;
        let after = [delta(changes)];
        match self.fate_of(&after[0]) {
            Fate::Before => {
                self.tally.before += 1;
                self.kill();
                self.find(&[]);
                self.sealed.clear();
                return Err(Killed);
            }
            Fate::Spared => {
                self.tally.spared += 1;
                let before = self.record.is_some().then(|| Files::read(&self.path));
                self.leave();
                self.written();
                if let (Some(record), Some(before)) = (&mut self.record, before) {
                    record.push((before, delta(changes), Files::read(&self.path)));
                }
                self.done(&after[0]);
                self.leave();
                return Ok(());
            }
            Fate::After => {
                self.tally.after += 1;
                self.leave();
                self.written();
                self.kill();
                self.done(&after[0]);
                self.find(&[]);
                return Err(Killed);
            }
            Fate::During(time) => {
                self.tally.during += 1;
                self.leave();
                thread::sleep(time);
                self.kill();
            }
            Fate::Torn(seed) => {
                self.tally.torn += 1;
                let before = Files::read(&self.path);
                self.leave();
                self.written();
                let after = Files::read(&self.path);
                self.kill();
                torn(&before, &after, &mut Dice::new(seed)).write(&self.path);
            }
        }
        if self.find(&after) {
            self.done(&after[0])
        } else {
            self.sealed.clear()
        }
        Err(Killed)
    }

    /// A write is done.
    fn done(&mut self, delta: &Delta) {
        self.tally.done += 1;
        self.rows.apply(delta).unwrap_or_else(|never| match never {});
        self.release();
    }

    /// Looks into a copy of the file: it holds what it must, or that and one of `perhaps`; whether it is the latter.
    fn find(&self, perhaps: &[Delta]) -> bool {
        let found = Files::read(&self.path).rows();
        let found = found.unwrap_or_else(|error| panic!("after {} writes: {error}", self.tally.begun));
        let before = self.rows.snapshot();
        if perhaps.iter().any(|delta| found == applied(&before, delta)) {
            return true;
        }
        assert!(found == before, "the file holds neither what was there before write {} nor after", self.tally.begun);
        false
    }
}

/// Reads a delta from the encodings of its changes.
fn delta(changes: &[u8]) -> Delta {
    let (mut delta, mut from) = (Delta::new(), Reader::new(changes));
    while !from.is_empty() {
        match Change::decode(&mut from).expect("a change") {
            Change::Put(key, value) => delta.put(key, value),
            Change::Delete(key) => delta.delete(key),
            Change::DeletePrefix(key) => delta.delete_prefix(key),
        }
    }
    delta
}

/// The rows after a delta.
fn applied(rows: &Snapshot, delta: &Delta) -> Snapshot {
    let mut store = MemoryStore::default();
    let mut all = Delta::new();
    rows.rows().for_each(|(key, value)| all.put(key.clone(), value.duplicate()));
    for delta in [&all, delta] {
        store.apply(delta).unwrap_or_else(|never| match never {});
    }
    store.snapshot()
}

/// The files in a random state on their way.
fn torn(before: &Files, after: &Files, dice: &mut Dice) -> Files {
    let mut stages = before.stages(after);
    stages.retain(|stage| !stage.positions().is_empty());
    let stage = dice.pick(&stages);
    let torn = stage.and_then(|stage| Some(stage.torn(Tear::random(&stage.positions(), dice)?)));
    torn.unwrap_or_else(|| after.clone())
}
