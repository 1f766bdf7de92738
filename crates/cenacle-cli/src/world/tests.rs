//! What the command line takes.

use cenacle_world::Behaviour;

use super::{behaviours, suite_number};

#[test]
fn ways_to_be_dishonest_are_named() {
    assert!(behaviours("none").unwrap().list.is_empty());
    assert_eq!(behaviours("all").unwrap().list, Behaviour::ALL);
    let two = behaviours("fork, drop").unwrap();
    assert_eq!(
        (two.list.len(), &*two.named),
        (2, "fork,drop"),
        "as one word, for the command that does the same again"
    );
    let refused = behaviours("fork,rude").unwrap_err();
    assert!(refused.contains("fork") && refused.contains("all"), "{refused}");
}

#[test]
fn suites_are_those_of_the_provider() {
    assert_eq!(suite_number("3"), Ok(3));
    assert!(suite_number("99").unwrap_err().starts_with("one of 1"));
    assert!(suite_number("x").is_err());
}
