//! What is read out of the tests of rules, and what is missed.

use super::{
    collect::{Entry, Shown, reasons, tests_of},
    judge,
};

const SOURCE: &str = r#"
/// §6.1, §6.2: Something is so.
/// More of it.
#[test]
fn r043_something() {
    trial.refuses(&bad, Rule::GroupIdMatches);
    assert_eq!(found, Error::Invalid(Rule::SenderIsMember));
    trial.refuses(&bad, Error::Stale(Epoch(3)));
    trial.refuses(&bad, Rule::GroupIdMatches);
}

/// §6: Not a test.
fn r044_helper() {}

/// Without a section.
#[test]
fn r045_words() {
    let x = parse().unwrap().expect("it joins");
    trial.joins(x.check);
}

const WRONG: Error = Error::Future(Epoch(4));

fn try_it(trial: &Trial) {
    trial.refuses(&bad, WRONG);
}

/// §6: By a helper.
#[test]
fn r046_helped() {
    try_it(&trial);
}

/// §6: By one that all share.
#[test]
fn r047_helped() {
    trial.refuses(&bad, missing());
}
"#;

const SHARED: &str = "
pub(crate) fn missing() -> Error {
    Error::Missing(Need::Psk(id))
}
";

fn entry(id: u16, names: &[&str]) -> Entry {
    Entry {
        id,
        sections: vec!["6".to_owned()],
        check: "so".to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        shown: Shown::Reason("because".to_owned()),
    }
}

#[test]
fn a_test_is_read_by_name_comment_and_body() {
    let found = tests_of("a.rs", SOURCE, SHARED);
    assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [43, 45, 46, 47]);
    assert_eq!(found[0].sections, ["6.1", "6.2"]);
    assert_eq!(found[0].check, "Something is so");
    assert_eq!(found[0].names, ["Rule::GroupIdMatches", "Rule::SenderIsMember", "Error::Stale"]);
    assert!(found[1].sections.is_empty() && found[1].names.is_empty());
}

#[test]
fn what_helpers_and_constants_say_counts_and_what_must_not_fail_does_not() {
    let found = tests_of("a.rs", SOURCE, SHARED);
    let asserts = found.iter().map(|entry| matches!(entry.shown, Shown::By { asserts: true, .. }));
    assert_eq!(asserts.collect::<Vec<_>>(), [true, false, true, true]);
    assert_eq!(found[2].names, ["Error::Future"]);
    assert_eq!(found[3].names, ["Need::Psk"]);
}

#[test]
fn a_reason_may_go_on_in_the_next_line() {
    let found = reasons(
        "Unbreakable {\n    id: 7,\n    section: \"2.1\",\n    check: \"c\",\n    reason: \"a \\\n        b\",\n}",
    );
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, &*found[0].check), (7, "c"));
    assert_eq!(found[0].shown, Shown::Reason("a b".to_owned()));
}

#[test]
fn what_is_missing_or_said_twice_is_found() {
    let all = || (1..=295).map(|id| entry(id, &[]));
    let mut problems = Vec::new();
    judge(all().collect(), &[], &mut problems);
    assert_eq!(problems, [""; 0]);
    let rules = ["First".to_owned(), "Second".to_owned()];
    let mut found: Vec<Entry> = all().filter(|entry| entry.id != 9).collect();
    found.extend([entry(300, &["Rule::First"]), entry(8, &[])]);
    found.extend(tests_of("a.rs", SOURCE, SHARED).into_iter().skip(1).take(1));
    found[0].sections = vec!["99".to_owned()];
    judge(found, &rules, &mut problems);
    let expected = [
        "RFC 9420 has no §99",
        "there is no rule 300",
        "rule 8 has both",
        "the comment of r045_words in a.rs",
        "r045_words in a.rs asserts nothing",
        "rule 45 has both",
        "rule 9 has neither",
        "no test of a rule names Rule::Second",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    assert!(problems.iter().zip(expected).all(|(problem, start)| problem.starts_with(start)), "{problems:#?}");
}
