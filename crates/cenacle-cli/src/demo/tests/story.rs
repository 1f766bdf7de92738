//! Who is in, who is entitled to what, and which stories cannot be.

use cenacle_service::wire::AccountName;

use crate::demo::{
    script::{Closed, DEFAULT, read},
    story::Story,
};

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

/// The story after a script.
fn told(script: &str) -> Story {
    let lines = read(script).unwrap();
    let mut story = Story::begin(&lines).unwrap();
    lines.iter().for_each(|line| story.go_on(line).unwrap());
    story
}

fn refused(script: &str) -> Vec<(usize, String)> {
    let nonsense = Story::begin(&read(script).unwrap()).unwrap_err();
    nonsense.into_iter().map(|line| (line.number, line.reason)).collect()
}

#[test]
fn the_script_that_ships_can_be_played() {
    let lines = read(DEFAULT).unwrap();
    let story = Story::begin(&lines).unwrap();
    assert_eq!(story.founder(), Some(&name("alice")));
    assert_eq!(story.members(), [name("alice"), name("bob"), name("carol")].into());
}

#[test]
fn whoever_acts_before_being_invited_is_in_from_the_beginning() {
    let story = Story::begin(&read("eve goes offline\nalice invites eve\nbob: hi\ndan goes offline").unwrap()).unwrap();
    assert_eq!(story.founder(), Some(&name("alice")));
    assert_eq!(story.members(), [name("alice"), name("bob"), name("dan")].into());
    assert_eq!(story.everybody().len(), 4);
}

#[test]
fn members_of_the_moment_are_entitled() {
    let story = told("alice: one\nalice invites bob\nalice: two\nalice removes bob\nalice: three\nalice invites bob");
    let read = |who: &AccountName| story.entitled(who).count();
    assert_eq!((read(&name("alice")), read(&name("bob"))), (3, 1));
    assert_eq!(story.closed_to(&name("bob"), Closed::Before), [0, 2]);
    assert_eq!(story.witness(&[0, 2]), Some((&name("alice"), vec![0, 2])));
}

#[test]
fn what_is_said_offline_is_said_on_coming_back() {
    let script = "alice: one\nbob goes offline\nbob: two\ncarol: three\nalice invites dave\n";
    assert_eq!(told(script).entries.len(), 2);
    let story = told(&format!("{script}bob comes back"));
    let froms: Vec<_> = story.entries.iter().map(|entry| entry.from.as_str()).collect();
    assert_eq!(froms, ["alice", "carol", "bob"]);
    // Encrypted before Dave came: not for him.
    assert_eq!(story.entitled(&name("dave")).count(), 0);
    let rotations = "carol rotates\n".repeat(5);
    let late = told(&format!("{script}{rotations}bob comes back"));
    assert_eq!(late.entitled(&name("dave")).count(), 1);
    // Whoever is removed meanwhile has nobody left to say it to.
    assert_eq!(told("alice: one\nbob goes offline\nbob: two\nalice removes bob\nbob comes back").entries.len(), 1);
}

#[test]
fn impossible_lines_are_refused_before_anything_starts() {
    for (script, reason) in [
        ("alice: hi\nalice removes alice", "cannot remove themselves"),
        ("alice invites bob\nalice invites bob", "in the group already"),
        ("alice removes bob\nbob: hi", "not in the group any more"),
        ("alice invites bob\nbob goes offline\nbob rotates", "can only say something"),
        ("alice: hi\nalice comes back", "is not offline"),
        ("alice: hi\nalice goes offline\nalice restores a backup", "can only say something"),
        ("alice goes offline\nalice goes offline", "offline already"),
        ("alice: hi\nalice rotates and alice rotates", "two things"),
        ("alice removes bob and bob removes alice", "one would remove the other"),
        ("alice removes carol and bob removes carol", "the same person"),
        ("alice: hi\ncheck alice cannot read before", "nothing was said before"),
        ("bob: hi\nalice: hi\ncheck bob cannot read after", "was not removed"),
        ("alice removes bob\ncheck bob cannot read after", "nothing was said since"),
        ("bob: hi\nbob goes offline\nbob sends 1 KiB file", "can only say something"),
    ] {
        let refused = refused(script);
        assert_eq!(refused.len(), 1, "{script}");
        assert_eq!(refused[0].0, script.lines().count(), "{script}");
        assert!(refused[0].1.contains(reason), "{script}: {}", refused[0].1);
    }
}

#[test]
fn not_more_people_than_the_machine_can_bear() {
    let script: String = (0..13).map(|number| format!("p{number}: hi\n")).collect();
    assert!(refused(&script)[0].1.contains("more than 12"));
}
