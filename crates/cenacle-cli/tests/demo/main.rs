//! `cenacle demo` as a person runs it: real processes, real kills. Whether MLS does what it should is decided by the demo's
//! own checks; here it is checked that they were made, that they are all there are, and that nobody stays behind.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

mod restored;

use core::time::Duration;
use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Instant,
};

use serde_json::Value;

fn demo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.arg("demo").args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Plays a script from standard input.
fn play(script: &str, args: &[&str]) -> Output {
    let mut child = demo(&[&["--script", "-"], args].concat()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Plays a script that must hold, and gives its events.
fn play_well(script: &str, args: &[&str]) -> Vec<Value> {
    let output = play(script, &[&["--json"], args].concat());
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    let events: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = events.last().unwrap();
    assert_eq!((&end["event"], &end["complete"]), (&"end".into(), &true.into()));
    let checks: usize = steps(&events).map(|step| step["checks"].as_array().unwrap().len()).sum();
    assert_eq!(end["checks"], checks);
    assert!(checks >= 3 * steps(&events).count());
    events
}

fn steps(events: &[Value]) -> impl Iterator<Item = &Value> {
    events.iter().filter(|event| event["event"] == "step")
}

/// What a step's own checks say, beside the three of every step.
fn special<'a>(events: &'a [Value], line: &str) -> Vec<&'a str> {
    let step = steps(events).find(|step| step["text"] == line).unwrap_or_else(|| panic!("no step {line:?}"));
    step["checks"].as_array().unwrap().iter().skip(3).map(|check| check["check"].as_str().unwrap()).collect()
}

#[test]
fn the_default_conversation_holds() {
    let output = demo(&[]).stdin(Stdio::null()).output().unwrap();
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    let last = told.lines().last().unwrap();
    let count = last.strip_prefix("all ").and_then(|rest| rest.strip_suffix(" checks held")).unwrap();
    assert!(count.parse::<u32>().unwrap() > 80, "{last}");
    assert!(!told.contains('\x1b'), "colours are for terminals");
    for expected in [
        "✓ both came true: alice rotates, bob rotates",
        "✓ the file is the same, byte by byte, at alice, bob, carol",
        "✓ the server gives dave none of 8 records",
        "✓ handed to dave, none of them opens",
        "✓ the same means open what dave may read, 1 record",
        "SIGKILL after the post: bob restarted",
        "✓ bob notices that the state is an old copy",
        "✓ bob says nothing with it, and rejoins",
        "╭───┴───╮",
    ] {
        assert!(told.contains(expected), "{expected} is missing in\n{told}");
    }
}

#[test]
fn absence_removal_and_return_hold_together() {
    let script = "
        alice: one
        bob: two
        carol: three
        bob goes offline
        bob: said to a group that removes me
        alice removes bob
        carol: bob is out and does not know
        bob comes back
        check bob cannot read after
        eve goes offline
        alice invites eve and carol rotates
        alice: eve is in and does not know
        eve comes back
        eve: hello all
        check eve cannot read before
        carol goes offline
        carol: in a tunnel
        alice sends 300 KiB file
        kill alice while inviting bob before the merge
        bob: back
        carol comes back
        carol sends 0 bytes file
        alice removes eve and carol rotates
    ";
    let events = play_well(script, &[]);
    let members = |line: &str| {
        let step = steps(&events).find(|step| step["text"] == line).unwrap();
        step["members"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(members("bob: back"), ["alice", "bob", "carol", "eve"]);
    assert_eq!(members("alice removes eve and carol rotates"), ["alice", "bob", "carol"]);
    // Carol fetches the file that was sent while she was away.
    assert_eq!(special(&events, "carol comes back"), ["the file is the same, byte by byte, at carol"]);
    assert_eq!(special(&events, "check bob cannot read after").len(), 3);
    assert!(special(&events, "check eve cannot read before").len() >= 2);
}

#[test]
fn two_people_and_one_line_are_enough() {
    let events = play_well("alice and bob rotate together", &[]);
    let epochs: Vec<_> = steps(&events).map(|step| step["epoch"].as_u64().unwrap()).collect();
    assert_eq!(epochs, [1, 3]);
    assert_eq!(special(&events, "alice and bob rotate together"), ["both came true: alice rotates, bob rotates"]);
}

#[test]
fn a_kill_at_each_point_loses_nothing() {
    let script = "
        alice: one
        bob: two
        kill bob while committing
        bob: three
        kill alice while inviting carol
        carol: four
        kill bob while removing carol
        alice: five
    ";
    for point in ["before-post", "after-post", "before-merge", "random"] {
        let events = play_well(script, &["--kill-at", point]);
        let notes: Vec<_> = steps(&events).filter_map(|step| step["notes"][0].as_str()).collect();
        assert_eq!(notes.len(), 3);
        let words = point.replacen('-', " the ", 1);
        assert!(
            point == "random" || notes.iter().all(|note| note.starts_with(&format!("SIGKILL {words}:"))),
            "{notes:?}"
        );
        assert_eq!(steps(&events).last().unwrap()["epoch"], 4);
    }
}

#[test]
fn a_backup_is_restored_again_and_again() {
    let script = "
        alice: one
        bob: two
        bob restores a backup
        bob: three
        alice restores a backup
        bob restores a backup
        alice: four
    ";
    let events = play_well(script, &[]);
    assert_eq!(special(&events, "alice restores a backup").len(), 2);
    assert_eq!(steps(&events).last().unwrap()["epoch"], 7);
}

/// What was said offline is taken as it was encrypted for a few epochs, and encrypted anew after that: at no distance may it
/// get lost between the two.
#[test]
fn what_is_said_late_arrives() {
    for commits in 1..=7 {
        let rotations = "alice rotates\n".repeat(commits);
        let script = format!("alice: hi\nbob goes offline\nbob: said long ago\n{rotations}bob comes back\nbob: hi");
        play_well(&script, &[]);
    }
}

#[test]
fn nonsense_is_refused_before_anything_starts() {
    let output = play("alice: hi\n\nalice invtes bob\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let complaint = text(&output.stderr);
    assert!(
        complaint.contains("line 3: \"alice invtes bob\"") && complaint.contains("alice invites dave"),
        "{complaint}"
    );
    assert_eq!(play("", &[]).status.code(), Some(2));
    let missing = demo(&["--script", "/nonexistent/script"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn the_files_are_kept_on_request_only() {
    for keep in [false, true] {
        let events = play_well("alice: hi", if keep { &["--keep"] } else { &[] });
        let folder = Path::new(events[0]["folder"].as_str().unwrap());
        assert_eq!(folder.join("alice.sqlite").exists(), keep);
        if keep {
            std::fs::remove_dir_all(folder).unwrap();
        }
    }
}

#[cfg(unix)]
fn signal(name: &str, process: u64) -> bool {
    Command::new("kill").args([name, &process.to_string()]).stderr(Stdio::null()).status().unwrap().success()
}

/// Starts a demo that takes a while, does something to it, and gives its exit code and its last event but one.
#[cfg(unix)]
fn disturb(disturbance: impl FnOnce(u64, &Value)) -> (Option<i32>, Value) {
    let script: String = (0..2000).map(|number| format!("alice: {number}\nbob: {number}\n")).collect();
    let mut child = demo(&["--script", "-", "--json"]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || lines.next().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let start = next().unwrap();
    assert_eq!(next().unwrap()["event"], "step");
    disturbance(child.id().into(), &start);
    let rest: Vec<Value> = core::iter::from_fn(&mut next).collect();
    let code = child.wait().unwrap().code();
    for (name, process) in start["processes"].as_object().unwrap() {
        let deadline = Instant::now() + Duration::from_secs(10);
        while signal("-0", process.as_u64().unwrap()) {
            assert!(Instant::now() < deadline, "{name} stayed behind");
            thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(!Path::new(start["folder"].as_str().unwrap()).exists());
    assert_eq!(rest.last().unwrap()["complete"], false);
    (code, rest[rest.len() - 2].clone())
}

#[cfg(unix)]
#[test]
fn nobody_stays_behind_when_it_is_interrupted() {
    for name in ["-INT", "-TERM"] {
        let (code, stopped) = disturb(|demo, _| assert!(signal(name, demo)));
        assert_eq!((code, stopped["reason"].as_str().unwrap()), (Some(130), "interrupted"));
    }
}

/// Kills somebody after every other step.
#[cfg(unix)]
#[test]
fn whoever_is_killed_from_outside_is_started_again() {
    let script: String = (0..12)
        .map(|number| format!("alice: {number}\nbob rotates\ncarol: {number}\nalice rotates and bob rotates\n"))
        .collect();
    let mut child = demo(&["--script", "-", "--json"]).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut events = Vec::new();
    let mut victims = ["server", "bob", "alice", "carol", "bob"].into_iter().cycle();
    // Those that were there at the beginning have one life less, and their numbers are known.
    let mut alive: Vec<(String, u64)> = Vec::new();
    for line in lines {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if event["event"] == "start" {
            let processes = event["processes"].as_object().unwrap();
            alive = processes.iter().map(|(name, id)| (name.clone(), id.as_u64().unwrap())).collect();
        } else if events.len() % 7 == 3 {
            let victim = victims.next().unwrap();
            if let Some(place) = alive.iter().position(|(name, _)| name == victim) {
                assert!(signal("-KILL", alive.swap_remove(place).1));
            }
        }
        events.push(event);
    }
    assert!(child.wait().unwrap().success());
    assert!(alive.is_empty(), "nobody killed {alive:?}");
    let end = events.last().unwrap();
    assert_eq!((&end["event"], &end["complete"]), (&"end".into(), &true.into()));
    let notes = steps(&events).flat_map(|step| step["notes"].as_array().unwrap());
    assert_eq!(notes.filter(|note| note.as_str().unwrap().contains("killed from outside")).count(), 4);
}

#[cfg(unix)]
#[test]
fn a_process_that_dies_by_a_fault_of_its_own_is_not_overlooked() {
    for who in ["bob", "server"] {
        // What a failed assertion of a library looks like.
        let (code, stopped) = disturb(|_, start| assert!(signal("-ABRT", start["processes"][who].as_u64().unwrap())));
        assert_eq!((code, &stopped["event"]), (Some(1), &"stopped".into()));
    }
}
