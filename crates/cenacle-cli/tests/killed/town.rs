//! Some chats and their server, killed at random moments while people talk, come and go.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;
use std::thread;

use cenacle_testkit::world::{Dice, long_run, seeds};
use serde_json::Value;

use crate::process::{Process, Server};

/// Members for as long as the story lasts; the first begins the conversation.
const STAYING: [&str; 3] = ["alice", "bob", "carol"];
/// Comes and goes.
const GUEST: &str = "dave";

/// What somebody was told.
#[derive(Default)]
struct Promised {
    /// Messages that were shown, in this order.
    shown: Vec<String>,
    /// Own messages that were called delivered.
    delivered: BTreeSet<String>,
    /// What went wrong.
    trouble: Vec<Value>,
}

impl Promised {
    fn note(&mut self, event: Value) {
        let id = || event["id"].as_str().unwrap().to_owned();
        match event["event"].as_str().unwrap() {
            "message" => self.shown.push(id()),
            "delivered" => drop(self.delivered.insert(id())),
            "error" | "sync_failed" | "rejected" | "not_delivered" | "dropped" | "missed" => self.trouble.push(event),
            _ => {}
        }
    }
}

struct Town {
    folder: tempfile::TempDir,
    server: Server,
    people: BTreeMap<&'static str, Process>,
    promised: BTreeMap<&'static str, Promised>,
    /// How many messages were given to be said.
    said: usize,
    kills: usize,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::new(&folder.path().join("server"));
        Self { folder, server, people: BTreeMap::new(), promised: BTreeMap::new(), said: 0, kills: 0 }
    }

    fn start(&self, name: &str) -> Process {
        let (url, data) = (self.server.url(), self.folder.path().join("chat"));
        Process::start(&["chat", "--server", &url, "--as", name, "--json", "--data", data.to_str().unwrap()])
    }

    /// Notes what everybody was told.
    fn listen(&mut self) {
        for (name, process) in &self.people {
            let promised = self.promised.entry(name).or_default();
            process.lines.try_iter().for_each(|event| promised.note(event));
        }
    }

    fn kill(&mut self, name: &'static str) {
        if let Some(process) = self.people.remove(name) {
            let last = process.kill();
            last.into_iter().for_each(|event| self.promised.entry(name).or_default().note(event));
            self.kills += 1;
        }
    }

    fn say(&mut self, name: &str, line: &str) {
        if let Some(process) = self.people.get_mut(name) {
            process.say(line);
        }
    }

    /// Something happens, as chance has it.
    fn step(&mut self, dice: &mut Dice) {
        let who = *dice.pick(&STAYING).unwrap();
        match dice.below(100) {
            0..45 => {
                self.said += 1;
                let text = format!("{who} {}", self.said);
                self.say(who, &text);
            }
            45..53 => self.say(who, "/rotate"),
            53..57 => self.say("alice", &format!("/invite {GUEST}")),
            57..60 => self.say("bob", &format!("/remove {GUEST}")),
            60..64 => self.say(GUEST, "I am here"),
            64..74 => self.kill(who),
            74..77 => self.kill(GUEST),
            77..81 => self.kills += usize::from(self.server.kill()),
            _ => self.revive(dice.below(3)),
        }
        thread::sleep(Duration::from_millis(dice.below(60) as u64));
        self.listen();
    }

    /// Starts whoever is dead: the server first, then `count` others.
    fn revive(&mut self, count: usize) {
        self.server.revive();
        let dead = STAYING.into_iter().chain([GUEST]).filter(|name| !self.people.contains_key(name));
        for name in dead.take(count).collect::<Vec<_>>() {
            self.people.insert(name, self.start(name));
        }
    }

    /// Everybody once, alone, from the beginning to a good end: what they say.
    fn visit(&mut self, name: &'static str, lines: &[&str]) -> (Vec<Value>, bool) {
        let mut process = self.start(name);
        lines.iter().for_each(|line| process.say(line));
        let (said, is_good) = process.end();
        said.iter().for_each(|event| self.promised.entry(name).or_default().note(event.clone()));
        (said, is_good)
    }
}

fn of<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["event"] == name)
}

/// A history as a list of identifiers and texts, all of them in their places of the log.
fn history(events: &[Value]) -> Vec<(String, String)> {
    let entries = of(events, "history").map(|entry| {
        assert!(entry["seq"].is_u64(), "still waiting: {entry}");
        (entry["id"].as_str().unwrap().to_owned(), entry["text"].as_str().unwrap().to_owned())
    });
    entries.collect()
}

/// Whether trouble is of the kind that a dead server brings, or an order that made no sense.
fn is_passing(event: &Value) -> bool {
    let reason = event["reason"].as_str().unwrap();
    ["cannot be reached", "is not in the conversation", "tried again by itself"]
        .iter()
        .any(|kind| reason.contains(kind))
}

fn chaos(seed: u64, steps: usize) {
    let mut dice = Dice::new(seed);
    let mut town = Town::new();
    for name in STAYING.into_iter().rev().chain([GUEST]) {
        let lines: &[&str] = if name == "alice" { &["/new town", "/invite bob", "/invite carol"] } else { &["/help"] };
        assert!(town.visit(name, lines).1, "seed {seed}: {name}");
    }
    town.revive(4);
    for _ in 0..steps {
        town.step(&mut dice);
    }
    town.revive(0);
    let (said, kills) = (town.said, town.kills);
    STAYING.into_iter().chain([GUEST]).for_each(|name| town.kill(name));
    // Each posts what waits and does what is wanted, one after the other; then nothing is left to be done.
    for _ in 0..2 {
        STAYING.into_iter().chain([GUEST]).for_each(|name| drop(town.visit(name, &[])));
    }
    let views: Vec<_> = STAYING.map(|name| town.visit(name, &["/members", "/history"]).0).into();
    let shared = |view: &[Value]| {
        let epochs: Vec<_> = of(view, "epoch").filter(|event| event["authenticator"].is_string()).cloned().collect();
        (epochs, of(view, "member").cloned().collect::<Vec<_>>(), history(view))
    };
    let views: Vec<_> = views.iter().map(|view| shared(view)).collect();
    println!("seed {seed}: {kills} kills, {said} messages given, {} arrived, {}", views[0].2.len(), views[0].0[0]);
    for (name, view) in STAYING.iter().zip(&views) {
        assert_eq!(view, &views[0], "seed {seed}: {name} and alice do not agree");
    }
    let texts: BTreeSet<_> = views[0].2.iter().map(|(_, text)| text).filter(|text| *text != "I am here").collect();
    let entries = views[0].2.iter().filter(|(_, text)| text != "I am here").count();
    assert_eq!(texts.len(), entries, "seed {seed}: something was said twice");
    let ids: BTreeSet<_> = views[0].2.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), views[0].2.len(), "seed {seed}: something is there twice");
    for (name, promised) in &town.promised {
        let once: BTreeSet<_> = promised.shown.iter().cloned().collect();
        assert_eq!(once.len(), promised.shown.len(), "seed {seed}: {name} was shown something twice");
        if *name != GUEST {
            let trouble: Vec<_> = promised.trouble.iter().filter(|event| !is_passing(event)).collect();
            assert!(trouble.is_empty(), "seed {seed}: {name}: {trouble:#?}");
            assert!(once.is_subset(&ids), "seed {seed}: {name} was shown what is not there");
            assert!(promised.delivered.is_subset(&ids), "seed {seed}: {name} was promised what is not there");
        }
    }
}

#[test]
fn all_agree_whoever_was_killed_and_when() {
    for seed in seeds(20) {
        chaos(seed, if long_run() { 600 } else { 120 });
    }
}
