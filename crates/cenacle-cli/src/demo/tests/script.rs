//! What lines mean, and what is said about those that mean nothing.

use crate::demo::script::{Act, Closed, DEFAULT, Deed, Point, Step, read};

fn one(text: &str) -> Result<Step, String> {
    read(text).map(|mut lines| lines.remove(0).step).map_err(|mut nonsense| nonsense.remove(0).reason)
}

fn act(who: &str, deed: Deed) -> Act {
    Act { who: who.parse().unwrap(), deed }
}

#[test]
fn each_kind_of_line_is_read() {
    let (bob, dave) = ("bob".parse().unwrap(), "dave".parse().unwrap());
    let invite = || act("alice", Deed::Invite("dave".parse().unwrap()));
    let rotates = |who| act(who, Deed::Rotate);
    let cases = [
        ("bob: well: yes", Step::Say { who: bob, text: "well: yes".into() }),
        ("alice invites dave", Step::Commit(invite())),
        ("alice removes dave", Step::Commit(act("alice", Deed::Remove("dave".parse().unwrap())))),
        ("alice rotates", Step::Commit(rotates("alice"))),
        ("alice and bob rotate together", Step::Together(rotates("alice"), rotates("bob"))),
        ("bob rotates and alice invites dave", Step::Together(rotates("bob"), invite())),
        ("bob goes offline", Step::Offline("bob".parse().unwrap())),
        ("bob comes back", Step::Online("bob".parse().unwrap())),
        ("bob restores a backup", Step::Restore("bob".parse().unwrap())),
        ("kill bob while committing", Step::Kill { act: rotates("bob"), point: None }),
        (
            "kill alice while inviting dave before the merge",
            Step::Kill { act: invite(), point: Some(Point::BeforeMerge) },
        ),
        ("bob sends a 3 KiB file", Step::SendFile { who: "bob".parse().unwrap(), bytes: 3072 }),
        ("bob sends 0 bytes file", Step::SendFile { who: "bob".parse().unwrap(), bytes: 0 }),
        ("check dave cannot read before", Step::Check { who: dave, closed: Closed::Before }),
        ("check bob cannot read after", Step::Check { who: "bob".parse().unwrap(), closed: Closed::After }),
    ];
    for (text, step) in cases {
        assert_eq!(one(text), Ok(step), "{text}");
    }
}

#[test]
fn nonsense_is_told_with_the_number_of_its_line() {
    let nonsense = read("# comment\n\nalice: hi\nalice invtes bob\nAlice: hi\n").unwrap_err();
    assert_eq!(nonsense.iter().map(|line| line.number).collect::<Vec<_>>(), [4, 5]);
    assert!(nonsense[0].to_string().contains("\"alice invtes bob\""));
    for text in [
        "alice:",
        "kill bob while sleeping",
        "kill bob while committing at noon",
        "bob sends 99 MiB file",
        "bob sends many KiB file",
        "bob sends 1 litre file",
        "check: one two",
        "alice rotates and bob rotates and carol rotates",
        "check dave can read",
    ] {
        assert!(one(text).is_err(), "{text}");
    }
}

#[test]
fn the_points_of_the_command_line_are_those_of_the_language() {
    for (words, point) in [
        ("before the post", Point::BeforePost),
        ("after the post", Point::AfterPost),
        ("before the merge", Point::BeforeMerge),
        ("at random", Point::Random),
    ] {
        let read = one(&format!("kill bob while committing {words}"));
        assert_eq!(read, Ok(Step::Kill { act: act("bob", Deed::Rotate), point: Some(point) }));
        assert_eq!(point.to_string(), words);
    }
}

#[test]
fn the_script_that_ships_has_a_line_of_each_kind() {
    let lines = read(DEFAULT).unwrap();
    let has = |is: fn(&Step) -> bool| assert!(lines.iter().any(|line| is(&line.step)));
    has(|step| matches!(step, Step::Say { .. }));
    has(|step| matches!(step, Step::Commit(Act { deed: Deed::Rotate, .. })));
    has(|step| matches!(step, Step::Commit(Act { deed: Deed::Invite(_), .. })));
    has(|step| matches!(step, Step::Commit(Act { deed: Deed::Remove(_), .. })));
    has(|step| matches!(step, Step::Together(..)));
    has(|step| matches!(step, Step::Offline(_)));
    has(|step| matches!(step, Step::Online(_)));
    has(|step| matches!(step, Step::Restore(_)));
    has(|step| matches!(step, Step::Kill { point: None, .. }));
    has(|step| matches!(step, Step::SendFile { bytes, .. } if *bytes == 1 << 20));
    has(|step| matches!(step, Step::Check { closed: Closed::Before, .. }));
    has(|step| matches!(step, Step::Check { closed: Closed::After, .. }));
}
