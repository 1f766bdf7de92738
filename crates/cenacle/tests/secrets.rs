//! RFC 9420 §9.2 for a client as applications use it: in a process of its own, with its state in a file. After each of its
//! steps neither its memory nor its files have anything of the secrets that it made and no longer holds, by its own count.
//! What each of them is, and that it must be gone, is shown for the protocol core in `cenacle-testkit`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests fail by panicking")]

extern crate alloc;

mod common;

use alloc::collections::{BTreeMap, BTreeSet};
use core::{fmt::Write as _, time::Duration};
use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread::sleep,
};

use cenacle::{Client, Config, Conversation};
use cenacle_crypto::census;
use cenacle_scan::{Wanted, process};
use common::{World, joined, next_text};
use tempfile::tempdir;

const SERVER: &str = "CENACLE_SECRETS_SERVER";
const STATE: &str = "CENACLE_SECRETS_STATE";

/// Not a test by itself: the client that is searched. It does what standard input says, and nothing while it waits.
#[test]
#[ignore = "started by the test that searches it"]
fn client_that_is_searched() {
    let server = env::var(SERVER).unwrap();
    census::begin();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config::new(server).data(env::var_os(STATE).unwrap()).poll_interval(Duration::from_secs(3600));
    let client = runtime.block_on(Client::open(config)).unwrap();
    println!("\ndone");
    for line in io::stdin().lines() {
        let line = line.unwrap();
        let (order, rest) = line.split_once(' ').unwrap_or((&line, ""));
        if order == "close" {
            runtime.block_on(client.close());
            println!("done");
            return;
        }
        runtime.block_on(obey(&client, order, rest));
        println!("done");
    }
}

async fn obey(client: &Client, order: &str, rest: &str) {
    match order {
        "register" => drop(client.register(rest).await.unwrap()),
        "create" => drop(client.create_conversation(rest).await.unwrap()),
        "census" => {
            for held in census::changes() {
                let mut line = String::new();
                held.masked.iter().for_each(|byte| write!(line, "{byte:02x}").unwrap());
                println!("held {} {line} {:?}", held.holders, held.name);
            }
        }
        order => {
            let room = the_conversation(client).await;
            match order {
                "sync" => client.sync().await.unwrap(),
                "invite" => room.invite(rest).await.unwrap(),
                "remove" => room.remove(rest).await.unwrap(),
                "send" => drop(room.send(rest).await.unwrap()),
                "rotate" => room.rotate().await.unwrap(),
                other => panic!("what is {other}?"),
            }
        }
    }
}

async fn the_conversation(client: &Client) -> Conversation {
    client.conversations().await.unwrap().pop().unwrap()
}

/// The client, as the test has it.
struct Suspect {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    live: BTreeSet<Vec<u8>>,
    wanted: Wanted,
    names: BTreeMap<Vec<u8>, (usize, String)>,
}

impl Suspect {
    fn start(server: &str, state: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "client_that_is_searched", "--ignored", "--nocapture", "--test-threads=1"])
            .env(SERVER, server)
            .env(STATE, state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut suspect =
            Self { child, to, from, live: BTreeSet::new(), wanted: Wanted::default(), names: BTreeMap::new() };
        suspect.answer("open");
        suspect
    }

    fn order(&mut self, order: &str) -> Vec<String> {
        writeln!(self.to, "{order}").unwrap();
        self.answer(order)
    }

    fn answer(&mut self, order: &str) -> Vec<String> {
        let mut answer = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the client died: {order}");
            match line.trim_end() {
                "done" => return answer,
                other => answer.push(other.to_owned()),
            }
        }
    }

    /// Does it, and is searched.
    fn does(&mut self, order: &str, folder: &Path) {
        self.order(order);
        for line in self.order("census") {
            let Some(held) = line.strip_prefix("held ") else { continue };
            let mut words = held.splitn(3, ' ');
            let (holders, masked, name) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let value = census::unmasked(&hex(masked));
            if holders == "0" {
                self.live.remove(&value);
                if !self.names.contains_key(&value) {
                    let number = self.wanted.add(&value);
                    self.names.insert(value, (number, name.to_owned()));
                }
            } else {
                self.live.insert(value);
            }
        }
        // The client has a thread of its own, which may be at work: on a hint, on its key packages. What it leaves behind is
        // there as well when it has ended.
        let mut found = self.search(folder);
        for _ in 0..50 {
            if found.is_empty() {
                break;
            }
            sleep(Duration::from_millis(100));
            found = self.search(folder);
        }
        assert!(found.is_empty(), "{order}: {} traces\n  {}", found.len(), found.join("\n  "));
    }

    fn search(&self, folder: &Path) -> Vec<String> {
        let keys = row_keys(folder);
        let live = |piece: &[u8]| self.live.iter().any(|live| live.windows(piece.len()).any(|window| window == piece));
        let name = |value: usize| {
            let (value, (_, name)) = self.names.iter().find(|(_, (number, _))| *number == value).unwrap();
            format!("{} bytes, {name}", value.len())
        };
        let mut found = Vec::new();
        for trace in process::search(self.child.id(), &self.wanted).unwrap().found {
            let piece = self.wanted.value(trace.hit.value).get(trace.hit.piece.clone()).unwrap();
            if !live(piece) {
                found.push(format!("{}: {trace}", name(trace.hit.value)));
            }
        }
        for (path, hit) in self.wanted.find_in_files(folder).unwrap() {
            if !keys.contains(self.wanted.value(hit.value)) {
                found.push(format!("{}: {} {hit:?}", name(hit.value), path.display()));
            }
        }
        found
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// The keys of the rows there are, which the process holds only while it uses them.
fn row_keys(folder: &Path) -> BTreeSet<Vec<u8>> {
    fs::read(folder.join("state.db-keys")).unwrap().chunks(32).map(<[u8]>::to_vec).collect()
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_forgets() {
    let world = World::new().await;
    let (bob, _carol) = (world.client("bob").await, world.client("carol").await);
    let mut to_bob = bob.events();
    let folder = tempdir().unwrap();
    let (state, folder) = (folder.path().join("state.db"), folder.path());
    let mut alice = Suspect::start(&world.url(), &state);
    alice.does("register alice", folder);
    alice.does("create a conversation", folder);
    alice.does("invite bob", folder);
    let bobs = joined(&bob, &mut to_bob).await;
    alice.does("invite carol", folder);
    for n in 0..6 {
        let text = format!("message {n} of alice, long enough not to be taken for a key by anybody who counts bytes");
        alice.does(&format!("send {text}"), folder);
        assert_eq!(next_text(&mut to_bob).await, text);
        let text = format!("message {n} of bob, long enough not to be taken for a key by anybody who counts bytes");
        bobs.send(&text).await.unwrap();
        bobs.send(&text).await.unwrap();
        alice.does("sync", folder);
        alice.does("rotate", folder);
        bob.sync().await.unwrap();
        bobs.rotate().await.unwrap();
        alice.does("sync", folder);
    }
    alice.does("remove carol", folder);
    let (live, gone) = (alice.live.len(), alice.wanted.len());
    println!("{live} secrets are held, {gone} were, and are not found");
    assert!(live > 30 && gone > 1_000, "{live}, {gone}");
    let keys = row_keys(folder);
    alice.order("close");
    let found = alice.wanted.find_in_files(folder).unwrap();
    let of_no_row = found.iter().find(|(_, hit)| !keys.contains(alice.wanted.value(hit.value)));
    assert!(of_no_row.is_none(), "in a closed file: {of_no_row:?}");
}
