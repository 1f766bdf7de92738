//! Every check speaks up when what it is about is not so.

use cenacle_service::wire::AccountName;

use crate::demo::{
    judge::{Check, Forbidden, Views, judge, not_come_true},
    protocol::{Heard, Pried, Record, Status, View, What},
    script::{Act, Deed, read},
    story::Story,
};

fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

/// Alice and Bob, who said one thing each, and Carol, who was removed between.
fn world() -> (Story, Views) {
    let lines = read("alice: one\nalice removes carol\nbob: two").unwrap();
    let mut story = Story::begin(&lines).unwrap();
    lines.iter().for_each(|line| story.go_on(line).unwrap());
    let heard = |from: &str, seq, text: &str| Heard { from: from.into(), seq, what: What::Text(text.into()) };
    let members = [("alice".to_owned(), "a1".to_owned()), ("bob".to_owned(), "b1".to_owned())].into();
    let view = View { epoch: 3, authenticator: "5ec7".into(), members };
    let member = Status {
        group: Some("g".into()),
        view: Some(view),
        history: vec![heard("alice", 4, "one"), heard("bob", 6, "two")],
    };
    let removed = Status { group: Some("g".into()), view: None, history: vec![heard("alice", 4, "one")] };
    (story, [(name("alice"), member.clone()), (name("bob"), member), (name("carol"), removed)].into())
}

/// The faults of a world that was changed: one epoch, members, messages.
fn faults(change: impl FnOnce(&mut Views)) -> [bool; 3] {
    let (story, mut views) = world();
    change(&mut views);
    let checks = judge(&story, &views, 3);
    [0, 1, 2].map(|position: usize| !checks[position].holds())
}

fn status<'a>(views: &'a mut Views, who: &str) -> &'a mut Status {
    views.get_mut(&name(who)).unwrap()
}

#[test]
fn a_good_world_has_no_faults() {
    assert_eq!(faults(|_| {}), [false; 3]);
}

#[test]
fn epochs_and_authenticators_must_agree() {
    let view = |views: &mut Views, change: fn(&mut View)| change(status(views, "bob").view.as_mut().unwrap());
    assert_eq!(faults(|views| view(views, |view| view.epoch = 4)), [true, false, false]);
    assert_eq!(faults(|views| view(views, |view| view.authenticator = "0".into())), [true, false, false]);
    let (story, views) = world();
    assert!(!judge(&story, &views, 4)[0].holds(), "all agree on an epoch that should not be");
}

#[test]
fn members_must_agree_and_know_their_place() {
    let members = |views: &mut Views, key: &str| {
        status(views, "bob").view.as_mut().unwrap().members.insert("bob".into(), key.into());
    };
    assert_eq!(faults(|views| members(views, "b2")), [false, true, false]);
    assert_eq!(faults(|views| status(views, "bob").view = None), [true, true, false]);
    let still_in = |views: &mut Views| status(views, "carol").view = status(views, "bob").view.clone();
    assert_eq!(faults(still_in), [false, true, false]);
    let stranger = |views: &mut Views| {
        for who in ["alice", "bob"] {
            status(views, who).view.as_mut().unwrap().members.insert("mallory".into(), "m1".into());
        }
    };
    assert_eq!(faults(stranger), [false, true, false]);
}

#[test]
fn messages_must_be_there_once_in_order_unchanged_and_with_nobody_else() {
    let only_messages = [false, false, true];
    assert_eq!(faults(|views| drop(status(views, "bob").history.pop())), only_messages, "lost");
    let twice = |views: &mut Views| {
        let history = &mut status(views, "bob").history;
        history.push(history[1].clone());
    };
    assert_eq!(faults(twice), only_messages, "twice");
    assert_eq!(faults(|views| status(views, "bob").history.reverse()), only_messages, "out of order");
    let changed = |views: &mut Views| status(views, "bob").history[0].what = What::Text("won".into());
    assert_eq!(faults(changed), only_messages, "changed");
    let forged = |views: &mut Views| status(views, "bob").history[0].from = "bob".into();
    assert_eq!(faults(forged), only_messages, "from somebody else");
    let overheard = |views: &mut Views| {
        let second = status(views, "bob").history[1].clone();
        status(views, "carol").history.push(second);
    };
    assert_eq!(faults(overheard), only_messages, "read by one who was removed");
}

#[test]
fn a_commit_shows_in_the_next_epoch() {
    let (_, views) = world();
    let before = views[&name("bob")].view.clone().unwrap();
    let mut after = View { epoch: 4, ..before.clone() };
    let act = |deed| Act { who: name("alice"), deed };
    assert!(not_come_true(&act(Deed::Rotate), &before, &after).is_some());
    assert!(not_come_true(&act(Deed::Invite(name("dave"))), &before, &after).is_some());
    assert!(not_come_true(&act(Deed::Remove(name("bob"))), &before, &after).is_some());
    after.members = [("alice".to_owned(), "a2".to_owned()), ("dave".to_owned(), "d1".to_owned())].into();
    assert_eq!(not_come_true(&act(Deed::Rotate), &before, &after), None);
    assert_eq!(not_come_true(&act(Deed::Invite(name("dave"))), &before, &after), None);
    assert_eq!(not_come_true(&act(Deed::Remove(name("bob"))), &before, &after), None);
}

#[test]
fn what_opens_and_should_not_is_found() {
    let record = |seq, epoch| Record { seq, epoch, message: String::new() };
    let handed = [record(4, 2), record(5, 2), record(6, 3), record(7, 3)];
    let who = name("carol");
    let forbidden = Forbidden { who: &who, closed: [6, 7].into(), handed: &handed, epoch: 2, head: 4 };
    let pried = |seq, refusal: Option<&str>| Pried {
        seq,
        refusal: refusal.map(str::to_owned),
        relabelled_refusal: refusal.map(str::to_owned),
        is_own: false,
    };
    let closed = [pried(5, None), pried(6, Some("no")), pried(7, Some("no"))];
    assert!(forbidden.opened(&closed).holds());
    assert!(forbidden.control(&closed).is_some_and(|check| check.holds()));
    assert!(!forbidden.opened(&[pried(6, Some("no")), pried(7, None)]).holds(), "one opens");
    let relabelled = Pried { relabelled_refusal: None, ..pried(7, Some("no")) };
    assert!(!forbidden.opened(&[pried(6, Some("no")), relabelled]).holds(), "one opens under another epoch");
    assert!(!forbidden.opened(&[pried(6, Some("no"))]).holds(), "one was not tried");
    assert!(forbidden.control(&[pried(5, Some("no"))]).is_some_and(|check| !check.holds()), "the means are blunt");
    assert_eq!(forbidden.control(&[pried(4, None)]), None, "read before the copy was made");
    assert!(forbidden.served(&handed[..2]).holds());
    assert!(!forbidden.served(&handed[..3]).holds(), "the server gives one");
}

#[test]
fn a_check_without_fault_holds() {
    assert!(Check::new("so", None).holds());
    assert!(!Check::new("so", Some("not so".to_owned())).holds());
}
