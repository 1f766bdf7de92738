//! Killing somebody, or the server, while they come back with an old copy of their state: all is as if nobody had been killed.

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

fn start(args: &[&str], data: &Path) -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.args(args).arg("--data").arg(data).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, BufReader::new(stdout).lines())
}

/// A person's process, asked as the demo asks.
struct Person {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Person {
    fn start(server: &str, name: &str, data: &Path) -> Self {
        let (child, stdin, lines) = start(&["demo-person", "--server", server, "--name", name], data);
        let mut person = Self { child, stdin, lines };
        assert_eq!(person.next(), json!("ready"));
        person
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    fn ask(&mut self, ask: &Value) -> Value {
        writeln!(self.stdin, "{}", json!({"id": 1, "ask": ask})).unwrap();
        let answer = self.next();
        let reply = &answer["answer"]["answer"]["Ok"];
        assert!(!reply.is_null(), "{ask}: {answer}");
        reply.clone()
    }

    fn status(&mut self) -> Value {
        self.ask(&json!("status"))["status"].clone()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn whoever_is_killed_before_they_say_that_they_came_back_does_not_come_back_twice() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["serve", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes"];
    let (mut server, server_stdin, mut lines) = start(&options, &folder.path().join("server"));
    let announced: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let url = announced["url"].as_str().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };

    let mut alice = Person::start(url, "alice", &path("alice"));
    let mut bob = Person::start(url, "bob", &path("bob"));
    alice.ask(&json!({"begin": {"title": "a test"}}));
    alice.ask(&json!({"invite": "bob"}));
    bob.ask(&json!({"network": true}));
    let key = bob.status()["view"]["members"]["bob"].as_str().unwrap().to_owned();
    let backup = path("backup");
    bob.ask(&json!({"copy": {"to": &backup}}));
    bob.ask(&json!({"rotate": key}));
    bob.kill();
    fs::remove_file(path("bob-wal")).unwrap_or_default();
    fs::copy(&backup, path("bob")).unwrap();

    let mut bob = Person::start(url, "bob", &path("bob"));
    // Killed before that is answered, and asked again.
    assert_eq!(bob.ask(&json!("go_on"))["lost"], json!({"is_old": true, "said": 0}));
    bob.kill();
    let mut bob = Person::start(url, "bob", &path("bob"));
    assert_eq!(bob.ask(&json!("go_on"))["lost"], json!({"is_old": true, "said": 0}));
    bob.ask(&json!({"rejoin": key}));
    let view = bob.status()["view"].clone();
    assert_ne!(view["members"]["bob"], json!(key));
    for _ in 0..2 {
        bob.kill();
        bob = Person::start(url, "bob", &path("bob"));
        bob.ask(&json!({"rejoin": key}));
        assert_eq!(bob.status()["view"], view);
    }
    alice.ask(&json!({"network": true}));
    let status = alice.status();
    assert_eq!((&status["view"], &status["history"]), (&view, &json!([])));

    bob.kill();
    alice.kill();
    drop(server_stdin);
    assert!(server.wait().unwrap().success());
}

/// Kills whoever a restored backup needs as soon as they are there, then a little later each time.
#[cfg(target_os = "linux")]
#[test]
fn a_backup_is_restored_whoever_is_killed_meanwhile() {
    use core::time::Duration;
    use std::thread;

    use crate::{demo, signal};

    /// The numbers of the demo's processes with these words in their command.
    fn processes(demo: u32, words: &str) -> Vec<u64> {
        let read = |id: &str, file: &str| fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let ids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        let ours = ids.filter(|id| id.parse::<u64>().is_ok()).filter(|id| {
            let is_child = read(id, "status").lines().any(|line| *line == format!("PPid:\t{demo}"));
            is_child && read(id, "cmdline").replace('\0', " ").contains(words)
        });
        ours.map(|id| id.parse().unwrap()).collect()
    }

    for words in ["--name bob", "serve --listen"] {
        let script = "alice: one\nbob: two\nbob restores a backup\nbob: three\nbob restores a backup\nalice: four\n";
        let mut child = demo(&["--script", "-", "--json"]).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut events: Vec<Value> = Vec::new();
        // Until the step before.
        while events.len() < 4 {
            events.push(serde_json::from_str(&lines.next().unwrap()).unwrap());
        }
        let demo = child.id();
        let killer = thread::spawn(move || {
            // The person's first process has to make the copy; the server's need not live on.
            let mut seen = if words.starts_with("serve") { Vec::new() } else { processes(demo, words) };
            let mut killed = 0;
            for _ in 0..4_000 {
                let fresh: Vec<_> = processes(demo, words).into_iter().filter(|id| !seen.contains(id)).collect();
                seen.extend(&fresh);
                for id in fresh {
                    thread::sleep(Duration::from_millis([0, 15, 40, 80, 150, 300][killed]));
                    killed += usize::from(signal("-KILL", id));
                    if killed == 6 {
                        return killed;
                    }
                }
                thread::sleep(Duration::from_millis(1));
            }
            killed
        });
        events.extend(lines.map(|line| serde_json::from_str(&line).unwrap()));
        let killed = killer.join().unwrap();
        assert!(child.wait().unwrap().success(), "{words}: {events:?}");
        let end = events.last().unwrap();
        assert_eq!((&end["event"], &end["complete"]), (&"end".into(), &true.into()));
        assert!(killed > 2, "{killed} kills of {words} only");
    }
}
