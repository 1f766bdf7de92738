//! What lines mean, and what may reach a terminal.

use super::{
    command::{Command, read},
    printer::plain,
};

#[test]
fn lines_without_a_slash_are_said() {
    assert_eq!(read("  hello there "), Ok(Some(Command::Say("hello there".into()))));
    assert_eq!(read("//etc is a directory"), Ok(Some(Command::Say("/etc is a directory".into()))));
    assert_eq!(read("   "), Ok(None));
}

#[test]
fn commands_take_the_rest_of_their_line() {
    assert_eq!(read("/new old friends"), Ok(Some(Command::New("old friends".into()))));
    assert_eq!(read("/invite  bob "), Ok(Some(Command::Invite("bob".into()))));
    assert_eq!(read("/send my photo.jpg"), Ok(Some(Command::Send("my photo.jpg".into()))));
    assert_eq!(read("/switch"), Ok(Some(Command::Switch(None))));
    assert_eq!(read("/rejoin"), Ok(Some(Command::Rejoin(Vec::new()))));
    assert_eq!(read("/rejoin bob  carol"), Ok(Some(Command::Rejoin(vec!["bob".into(), "carol".into()]))));
    let save = Command::Save { to: "here.jpg".into(), name: Some("my photo.jpg".into()) };
    assert_eq!(read("/save here.jpg my photo.jpg"), Ok(Some(save)));
    assert_eq!(read("/save here.jpg"), Ok(Some(Command::Save { to: "here.jpg".into(), name: None })));
}

#[test]
fn wrong_usage_says_what_is_right() {
    assert_eq!(read("/invite"), Err("write /invite NAME".into()));
    assert_eq!(read("/quit now"), Err("write /quit, and nothing behind it".into()));
    assert!(read("/invit bob").is_err_and(|reason| reason.contains("/help")));
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    assert_eq!(plain("red: \u{1b}[31m\u{9b}2J\ttab"), "red: \u{fffd}[31m\u{fffd}2J\u{fffd}tab");
    assert_eq!(plain("Grüße 👋"), "Grüße 👋");
}
