//! `cenacle serve` and `cenacle chat` as programs run them: through pipes. Two people talk, leave, come back and find what
//! was said.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

use core::time::Duration;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::Value;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn cenacle(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A process that is ended with the test.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { stdin: child.stdin.take(), child, lines }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits for an event of this name.
    fn event(&self, name: &str) -> Value {
        loop {
            let event: Value = serde_json::from_str(&self.line()).unwrap();
            assert_ne!(event["event"], "error", "{event}");
            if event["event"] == name {
                return event;
            }
        }
    }

    /// Ends standard input and waits for the end; whether it was a good one.
    fn end(mut self) -> bool {
        drop(self.stdin.take());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A server with a file of its own, and its address.
fn serve(data: &Path) -> (Process, String) {
    let data = data.to_str().unwrap();
    let args = ["serve", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes", "--data", data];
    let server = Process::start(cenacle(&args));
    let announced: Value = serde_json::from_str(&server.line()).unwrap();
    (server, announced["url"].as_str().unwrap().to_owned())
}

struct World {
    folder: tempfile::TempDir,
    url: String,
    server: Option<Process>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (server, url) = serve(&folder.path().join("server"));
        Self { folder, url, server: Some(server) }
    }

    fn command(&self, name: &str, args: &[&str]) -> Command {
        let data = self.folder.path().join("chat");
        let fixed = ["chat", "--server", &self.url, "--as", name, "--data", data.to_str().unwrap()];
        cenacle(&[&fixed, args].concat())
    }

    fn chat(&self, name: &str) -> Process {
        Process::start(self.command(name, &["--json"]))
    }

    /// A chat that is given all its lines at once.
    fn pipe(&self, name: &str, lines: impl AsRef<[u8]>, args: &[&str]) -> Output {
        let mut child = self.command(name, args).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_ref()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Alice's conversation with Bob in it, both online.
fn friends(world: &World) -> (Process, Process) {
    let mut bob = world.chat("bob");
    // An answer says that he is registered.
    bob.say("/help");
    bob.event("help");
    let mut alice = world.chat("alice");
    alice.say("/new friends");
    assert_eq!(alice.event("created")["title"], "friends");
    alice.say("/invite bob");
    assert_eq!(alice.event("members")["added"][0], "bob");
    assert_eq!(bob.event("joined")["title"], "friends");
    (alice, bob)
}

#[test]
fn two_people_talk_and_find_it_again() {
    let world = World::new();
    let (mut alice, mut bob) = friends(&world);
    alice.say("hello, bob");
    let heard = bob.event("message");
    assert_eq!((&heard["from"], &heard["text"]), (&"alice".into(), &"hello, bob".into()));
    bob.say("//hello, alice");
    assert_eq!(alice.event("message")["text"], "/hello, alice");
    assert!(alice.end() && bob.end());

    for name in ["alice", "bob"] {
        let history = world.pipe(name, "/history\n", &[]);
        assert!(history.status.success(), "{}", text(&history.stderr));
        assert_eq!(text(&history.stdout), "alice: hello, bob\nbob: /hello, alice\n");
    }
    // And what is said to somebody who is away is there when they come back.
    assert!(world.pipe("bob", "are you there?\n", &[]).status.success());
    let alice = world.chat("alice");
    assert_eq!(alice.event("message")["text"], "are you there?");
    assert!(alice.end());
}

#[test]
fn it_goes_on_receiving_as_long_as_it_was_told_to() {
    let world = World::new();
    let (mut alice, bob) = friends(&world);
    assert!(bob.end());
    let mut bob = Process::start(world.command("bob", &["--json", "--wait", "600"]));
    drop(bob.stdin.take());
    alice.say("still there?");
    assert_eq!(bob.event("message")["text"], "still there?");
    assert!(alice.end());
    assert!(bob.child.try_wait().unwrap().is_none());
}

#[test]
fn a_file_arrives_as_it_was_sent() {
    let world = World::new();
    let (mut alice, mut bob) = friends(&world);
    let (sent, saved) = (world.folder.path().join("some photo.bin"), world.folder.path().join("saved.bin"));
    let content: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&sent, &content).unwrap();
    alice.say(&format!("/send {}", sent.display()));
    assert_eq!(bob.event("file")["file"]["name"], "some photo.bin");
    bob.say(&format!("/save {} some photo.bin", saved.display()));
    bob.event("saved");
    assert_eq!(std::fs::read(&saved).unwrap(), content);
    // A file that is there is not overwritten.
    bob.say(&format!("/save {}", saved.display()));
    let refusal: Value = serde_json::from_str(&bob.line()).unwrap();
    assert_eq!(refusal["event"], "error");
    assert!(alice.end());
    assert!(!bob.end());
}

#[test]
fn members_keys_and_removal() {
    let world = World::new();
    let (mut alice, mut bob) = friends(&world);
    bob.say("/rotate");
    bob.event("rotated");
    assert_eq!(alice.event("epoch")["epoch"], 1);
    assert_eq!(alice.event("epoch")["epoch"], 2);
    alice.say("/tree");
    let picture = alice.event("tree")["picture"].as_str().unwrap().to_owned();
    assert!(picture.contains("alice") && picture.contains("bob"), "{picture}");
    alice.say("/members");
    let names = [alice.event("member"), alice.event("member")].map(|member| member["name"].clone());
    assert_eq!(names, ["alice", "bob"]);
    alice.say("/invite bob");
    assert_eq!(alice.event("already_member")["name"], "bob");
    alice.say("/remove bob");
    assert_eq!(bob.event("removed")["by"], "alice");
    alice.say("he is gone");
    bob.say("am I?");
    let refusal: Value = serde_json::from_str(&bob.line()).unwrap();
    assert_eq!(refusal["event"], "error");
    assert!(alice.end());
    drop(bob);
    // He can start again and reads what he could, and nothing since.
    let history = world.pipe("bob", "/history\n", &[]);
    assert_eq!((history.status.success(), text(&history.stdout)), (true, String::new()), "{}", text(&history.stderr));
}

#[test]
fn what_is_said_without_a_server_is_sent_when_there_is_one() {
    let mut world = World::new();
    let (alice, bob) = friends(&world);
    assert!(alice.end() && bob.end());
    assert!(world.server.take().unwrap().end());
    let offline = world.pipe("alice", "from the train\n", &[]);
    assert_eq!(offline.status.code(), Some(1));
    assert!(text(&offline.stdout).contains("not sent yet: 1 of your messages"), "{}", text(&offline.stdout));
    // The address is another one: the file is what counts.
    let (server, url) = serve(&world.folder.path().join("server"));
    (world.server, world.url) = (Some(server), url);
    assert!(world.pipe("alice", "", &[]).status.success());
    let bob = world.pipe("bob", "/history\n", &[]);
    assert!(text(&bob.stdout).ends_with("alice: from the train\n"), "{}", text(&bob.stdout));
}

#[test]
fn what_the_server_refuses_does_not_wait() {
    let world = World::new();
    let (alice, bob) = friends(&world);
    assert!(alice.end() && bob.end());
    // More than the server takes.
    let refused = world.pipe("alice", format!("{}\n", "x".repeat(4 << 20)), &[]);
    assert!(text(&refused.stdout).contains("a message was not delivered"), "{}", text(&refused.stderr));
    assert!(!text(&refused.stdout).contains("not sent yet"));
    let history = world.pipe("alice", "/history\n", &[]);
    assert!(
        history.status.success() && text(&history.stdout).ends_with("x (not delivered)\n"),
        "{}",
        text(&history.stderr)
    );
}

#[test]
fn a_terminal_is_shown_no_escape_sequences() {
    let world = World::new();
    let (mut alice, bob) = friends(&world);
    alice.say("\u{1b}[2Jgone");
    assert_eq!(bob.event("message")["text"], "\u{1b}[2Jgone");
    assert!(alice.end() && bob.end());
    assert_eq!(text(&world.pipe("bob", "/history\n", &[]).stdout), "alice: \u{fffd}[2Jgone\n");
}

#[test]
fn wrong_usage_is_explained() {
    let world = World::new();
    let file = world.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let data = file.join("data");
    let args = ["chat", "--server", &world.url, "--as", "alice", "--data", data.to_str().unwrap()];
    let output = cenacle(&args).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(data.to_str().unwrap()), "{}", text(&output.stderr));
    let output = world.pipe("alice", "hello\n/invit bob\n/new\n/switch nowhere\n/new here\n/send /no/such/file\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for expected in
        ["! /no/such/file cannot be used: ", "/new TITLE", "/help lists them", "write /new TITLE", "/switch lists them"]
    {
        assert!(told.contains(expected), "{expected:?} is missing in\n{told}");
    }
    // What is no text, what has no end, and what would be read to its end for nothing.
    let large = world.folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(15 * 1024 * 1024 + 1).unwrap();
    let lines = [b"caf\xe9\n/send /dev/zero\n/send ", large.to_str().unwrap().as_bytes(), b"\n/help me\n"].concat();
    let output = world.pipe("alice", lines, &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for expected in ["not UTF-8", "! /dev/zero cannot be used: more than 15 MiB", "large cannot be used", "write /help"]
    {
        assert!(told.contains(expected), "{expected:?} is missing in\n{told}");
    }
    let capital = world.pipe("Alice", "", &[]);
    assert_eq!(capital.status.code(), Some(2));
    assert!(text(&capital.stderr).contains("a-z"));
    for (server, expected) in [
        ("nonsense", "http://127.0.0.1:8443"),
        ("http://example.org", "loopback"),
        ("https://127.0.0.1:8443", "proxy or tunnel"),
    ] {
        let data = world.folder.path().join("none");
        let args = ["chat", "--server", server, "--as", "alice", "--data", data.to_str().unwrap()];
        let output = cenacle(&args).stdin(Stdio::null()).output().unwrap();
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(expected) && told.contains(server), "{told}");
        assert!(!data.exists());
    }
    // The name is taken by whoever had it first.
    let data = world.folder.path().join("elsewhere");
    let args = ["chat", "--server", &world.url, "--as", "alice", "--data", data.to_str().unwrap()];
    let thief = cenacle(&args).stdin(Stdio::null()).output().unwrap();
    assert_eq!(thief.status.code(), Some(1));
    assert!(text(&thief.stderr).contains("taken"), "{}", text(&thief.stderr));
}

#[test]
fn a_state_is_not_taken_to_another_server() {
    let mut world = World::new();
    let (alice, bob) = friends(&world);
    assert!(alice.end() && bob.end());
    let (other, url) = serve(&world.folder.path().join("other"));
    let own = core::mem::replace(&mut world.url, url);
    let lost = world.pipe("alice", "hello?\n", &[]);
    assert_eq!(lost.status.code(), Some(1));
    let told = text(&lost.stderr);
    assert!(told.contains("belongs to another server") && told.contains("--server"), "{told}");
    drop(other);
    world.url = own;
    assert!(world.pipe("alice", "hello!\n", &[]).status.success());
}

#[test]
fn the_server_stays_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let output = cenacle(&["serve", "--listen", "0.0.0.0:0", "--data", data]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("proxy with TLS"), "{}", text(&output.stderr));
    let output = cenacle(&["serve", "--listen", "here", "--data", data]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("127.0.0.1:8443"), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn the_server_ends_when_it_is_told_to() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let mut server = Process::start(cenacle(&["serve", "--listen", "127.0.0.1:0", "--data", data]));
        assert!(server.line().starts_with("serving http://127.0.0.1:"));
        let told = Command::new("kill").args([signal, &server.child.id().to_string()]).status().unwrap();
        assert!(told.success() && server.child.wait().unwrap().success());
    }
}

/// Bob's state is put back to what it was before he said something.
fn restored(world: &World) -> Process {
    let (mut alice, bob) = friends(world);
    assert!(bob.end());
    let (file, copy) = (world.folder.path().join("chat/bob.sqlite"), world.folder.path().join("copy.sqlite"));
    std::fs::copy(&file, &copy).unwrap();
    assert!(world.pipe("bob", "this is forgotten\n", &[]).status.success());
    assert_eq!(alice.event("message")["text"], "this is forgotten");
    alice.say("and this missed");
    alice.event("delivered");
    std::fs::copy(&copy, &file).unwrap();
    alice
}

#[test]
fn a_restored_backup_says_nothing_before_it_has_rejoined() {
    let world = World::new();
    let mut alice = restored(&world);
    let refused = world.pipe("bob", "with old keys\n/verify\n", &[]);
    let told = text(&refused.stdout);
    assert_eq!(refused.status.code(), Some(1));
    let lost: Vec<&str> = told.lines().filter(|line| line.contains("old copy")).collect();
    assert!(lost.len() == 3 && lost[0].starts_with("* ") && lost[0].contains("/rejoin"), "{told}");

    let mut bob = world.chat("bob");
    bob.event("lost");
    bob.say("/rejoin");
    assert_eq!(bob.event("rejoined")["unread"], 2);
    assert_eq!(alice.event("member_rejoined")["name"], "bob");
    bob.say("here I am");
    assert_eq!(alice.event("message")["text"], "here I am");
    bob.say("/verify");
    alice.say("/verify");
    let (bobs, alices) = (bob.event("safety_code"), alice.event("safety_code"));
    assert_eq!((&bobs["code"], &bobs["epoch"]), (&alices["code"], &alices["epoch"]));
    assert!(alice.end() && bob.end());
}

#[test]
fn a_restored_backup_rejoins_by_itself_where_that_is_wanted() {
    let world = World::new();
    let alice = restored(&world);
    let output = world.pipe("bob", "here I am\n", &["--recover"]);
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(alice.event("member_rejoined")["name"], "bob");
    assert_eq!(alice.event("message")["text"], "here I am");
    assert!(alice.end());
}
