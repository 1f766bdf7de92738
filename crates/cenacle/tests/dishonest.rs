//! A server that drops, delays, repeats, reorders, withholds and changes what it was given, forks members, and hands out old
//! or wrong things: each is harmless, or told by a typed event or error; and once it is honest, all meet again.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

extern crate alloc;

mod common;
mod liar;

use alloc::sync::Arc;
use std::sync::Mutex;

use cenacle::{
    Delivery, Error, Event, Loss, Recovery, Suspicion,
    transport::{HttpTransport, Method, Request, Transport as _},
};
use cenacle_codec::{Decode, Encode};
use cenacle_mls::{
    Error as MlsError,
    wire::{MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::{Lineage, Log, LogRecord, Queue};
use common::{agree, joined, names, texts, wait_for};
use liar::{Pair, answer, fork, news, suspicion};

/// Records that were refused, and why.
fn rejected(news: &[Event]) -> Vec<&Error> {
    news.iter()
        .filter_map(|event| match event {
            Event::Rejected { reason, .. } => Some(&**reason),
            _ => None,
        })
        .collect()
}

fn is_of_alice(suspicion: Option<&Suspicion>) -> bool {
    matches!(suspicion, Some(Suspicion::OtherLog { member }) if member.name.as_str() == "alice")
}

/// The server is honest from now on. Bob comes back if `rejoins`; then both talk.
async fn meet_again(pair: &mut Pair, rejoins: bool) {
    pair.liar.be_honest();
    if rejoins {
        pair.bobs.rejoin(&[]).await.unwrap();
    }
    pair.bob.sync().await.unwrap();
    pair.alice.sync().await.unwrap();
    pair.say("are you there?").await;
    pair.bobs.send("I am").await.unwrap();
    pair.alice.sync().await.unwrap();
    pair.bob.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
    for room in [&pair.alices, &pair.bobs] {
        let said: Vec<String> = texts(room).await;
        let new: Vec<_> = said.iter().filter(|text| ["are you there?", "I am"].contains(&text.as_str())).collect();
        assert_eq!(new, ["are you there?", "I am"], "{said:?}");
    }
    // What was different in the last epoch is behind them.
    pair.alices.rotate().await.unwrap();
    pair.bob.sync().await.unwrap();
    pair.bobs_news().await;
    pair.say("all is well").await;
    pair.bob.sync().await.unwrap();
    let news = pair.bobs_news().await;
    assert!(suspicion(&news).is_none() && rejected(&news).is_empty(), "{news:?}");
}

// Bob's part of the log: 2 the commit that added him, 3 and on what alice says.

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_message_is_missed_at_the_next() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.say("two").await;
    pair.liar.log(|mut records| {
        records.remove(1);
        records
    });
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["two"]);
    let news = pair.bobs_news().await;
    assert!(is_of_alice(suspicion(&news)), "{news:?}");
    meet_again(&mut pair, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_comes_later() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.say("two").await;
    pair.alices.rotate().await.unwrap();
    pair.say("three").await;
    for shown in 1..=5 {
        pair.liar.log(move |mut records| records.drain(..shown).collect());
        pair.bob.sync().await.unwrap();
    }
    let news = pair.bobs_news().await;
    assert!(suspicion(&news).is_none() && rejected(&news).is_empty(), "{news:?}");
    assert_eq!(texts(&pair.bobs).await, ["one", "two", "three"]);
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_comes_twice_counts_once() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.alices.rotate().await.unwrap();
    pair.say("two").await;
    pair.say("three").await;
    pair.say("four").await;
    pair.liar.log(|records| {
        let [added, one, rotated, two, three, four] = <[LogRecord; 6]>::try_from(records).unwrap();
        let once_more = [one.clone(), rotated.clone(), two.clone(), added.clone()];
        [vec![added, one, rotated, two], once_more.into(), vec![three, four]].concat()
    });
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["one", "two", "three", "four"]);
    let news = pair.bobs_news().await;
    let why = rejected(&news);
    assert_eq!(why.len(), 4, "{news:?}");
    assert!(matches!(why[0], Error::Mls(MlsError::KeyGone(_))), "{why:?}");
    assert!(matches!(why[1], Error::Mls(MlsError::Stale(_))), "{why:?}");
    assert!(matches!(why[2], Error::Mls(MlsError::KeyGone(_))), "{why:?}");
    assert!(matches!(why[3], Error::Mls(MlsError::Stale(_))), "{why:?}");
    assert!(is_of_alice(suspicion(&news)), "what follows tells that alice saw none of that: {news:?}");
    let signs = news.iter().filter(|event| matches!(event, Event::ForkSuspected { .. })).count();
    assert_eq!(signs, 1, "it is told once in an epoch");
    pair.liar.be_honest();
    assert!(matches!(pair.bob.sync().await, Err(Error::ServerChanged)), "what bob has read is not there");
    meet_again(&mut pair, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_order_is_told_at_the_next_message() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.say("two").await;
    pair.say("three").await;
    pair.liar.log(|mut records| {
        records.swap(1, 2);
        records
    });
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["two", "one", "three"], "as the server says");
    let news = pair.bobs_news().await;
    assert!(is_of_alice(suspicion(&news)), "{news:?}");
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_before_the_commit_it_needs_is_refused() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.alices.rotate().await.unwrap();
    pair.say("one").await;
    pair.say("two").await;
    pair.liar.log(|mut records| {
        records.swap(1, 2);
        records
    });
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["two"]);
    let news = pair.bobs_news().await;
    assert!(matches!(rejected(&news)[..], [Error::Mls(MlsError::Future(_))]), "{news:?}");
    assert!(is_of_alice(suspicion(&news)), "{news:?}");
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withheld_commit_is_missed_at_the_next() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.alices.rotate().await.unwrap();
    pair.alices.rotate().await.unwrap();
    pair.liar.log(|mut records| {
        records.remove(1);
        records
    });
    let outcome = pair.bob.sync().await;
    assert!(matches!(outcome, Err(Error::Diverged { seq: 3, error: MlsError::Future(_) })), "{outcome:?}");
    assert!(matches!(pair.loss().await, Loss::Diverged { seq: 3, .. }));
    // It is shown after all: nothing else is needed.
    meet_again(&mut pair, false).await;
    assert_eq!(pair.bobs.loss().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shown_nothing_more_has_another_safety_code() {
    let mut pair = Pair::new(Recovery::Ask).await;
    assert_eq!(pair.alices.safety_code().await.unwrap(), pair.bobs.safety_code().await.unwrap());
    pair.alices.rotate().await.unwrap();
    pair.say("one").await;
    pair.liar.log(|mut records| records.drain(..1).collect());
    pair.bob.sync().await.unwrap();
    let (alices, bobs) = (pair.alices.safety_code().await.unwrap(), pair.bobs.safety_code().await.unwrap());
    assert_ne!(alices, bobs);
    let is_code = |code: &str| {
        let parts: Vec<&str> = code.split(' ').collect();
        parts.len() == 6 && parts.iter().all(|part| part.len() == 5 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    assert!(is_code(&alices) && is_code(&bobs), "{alices}, {bobs}");
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_became_shorter_is_refused() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.bob.sync().await.unwrap();
    pair.liar.log(|mut records| records.drain(..1).collect());
    assert!(matches!(pair.bobs.rotate().await, Err(Error::ServerChanged)));
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_announced_and_not_given_are_a_loss() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.liar.answer(|request: &mut Request| {
        let log = Log { lineage: Lineage([0; 16]), records: Vec::new(), head: 9, epoch: 1 };
        request.path.contains("/log?").then(|| answer(200, &log)).flatten()
    });
    let outcome = pair.bob.sync().await;
    assert!(matches!(outcome, Err(Error::ServerChanged)), "another lineage: {outcome:?}");
    meet_again(&mut pair, false).await;
}

/// Changes a byte of the last record, where `place` says.
async fn changed(place: fn(&mut cenacle_mls::wire::PrivateMessage)) -> (Pair, Vec<Event>) {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.liar.log(move |mut records| {
        let record = records.last_mut().unwrap();
        let mut message = MlsMessage::from_bytes(record.message.as_slice()).unwrap();
        let MlsMessageBody::PrivateMessage(private) = &mut message.body else { panic!() };
        place(private);
        record.message = message.to_bytes().unwrap().into();
        records
    });
    pair.bob.sync().await.unwrap();
    let news = pair.bobs_news().await;
    assert_eq!(texts(&pair.bobs).await.len(), 0);
    (pair, news)
}

fn flip(bytes: &mut cenacle_codec::Opaque, position: usize) {
    let mut changed = bytes.to_vec();
    changed[position] ^= 1;
    *bytes = changed.into();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_message_is_refused() {
    let (mut pair, news) = changed(|private| flip(&mut private.ciphertext, 0)).await;
    assert!(matches!(rejected(&news)[..], [Error::Mls(MlsError::Unverified(_))]), "{news:?}");
    pair.say("two").await;
    pair.bob.sync().await.unwrap();
    meet_again(&mut pair, true).await;
    // What stands beside the ciphertext is authenticated with it. If it names other keys, that is looked into, and nothing is
    // lost if it was only said.
    let (mut pair, news) = changed(|private| flip(&mut private.authenticated_data, 5)).await;
    assert!(matches!(suspicion(&news), Some(Suspicion::OtherKeys { epoch: 1, .. })), "{news:?}");
    assert_eq!(pair.bobs.loss().await.unwrap(), None);
    meet_again(&mut pair, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_told_and_mended_when_asked() {
    let mut pair = fork(Recovery::Ask).await;
    pair.say("do you hear me?").await;
    let outcome = pair.bob.sync().await;
    assert!(matches!(outcome, Err(Error::Forked { epoch: 2 })), "{outcome:?}");
    let told = pair.bobs_news().await;
    assert!(matches!(suspicion(&told), Some(Suspicion::OtherKeys { epoch: 2, .. })), "{told:?}");
    assert!(told.iter().any(|event| matches!(event, Event::Lost { loss: Loss::Forked { epoch: 2 }, .. })), "{told:?}");
    // Nothing more is said into the fork.
    pair.liar.posted("/messages");
    for outcome in [pair.bobs.send("I do").await.map(drop), pair.bobs.rotate().await, pair.bob.sync().await] {
        assert!(matches!(outcome, Err(Error::Forked { .. })), "{outcome:?}");
    }
    assert!(matches!(pair.bobs.safety_code().await, Err(Error::Forked { .. })));
    assert_eq!(pair.liar.posted("/messages"), 0);
    news(&mut pair.to_alice).await;
    meet_again(&mut pair, true).await;
    let told = news(&mut pair.to_alice).await;
    assert!(told.iter().any(|event| matches!(event, Event::MemberRejoined { .. })), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_is_told_and_mended_by_itself() {
    let mut pair = fork(Recovery::Automatic).await;
    pair.say("do you hear me?").await;
    // The server forks no more, but shows bob what he has seen before.
    pair.liar.be_honest();
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    let position = |is_it: fn(&Event) -> bool| told.iter().position(is_it);
    let suspected = position(|event| matches!(event, Event::ForkSuspected { .. }));
    let lost = position(|event| matches!(event, Event::Lost { loss: Loss::Forked { .. }, .. }));
    let back = position(|event| matches!(event, Event::Rejoined { .. }));
    assert!(suspected.is_some() && suspected < lost && lost < back, "{told:?}");
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_from_a_fork_is_told_and_all_meet_where_it_leads() {
    let mut pair = fork(Recovery::Ask).await;
    pair.liar.be_honest();
    pair.bobs.rotate().await.unwrap();
    let outcome = pair.alice.sync().await;
    assert!(matches!(outcome, Err(Error::Diverged { error: MlsError::Unverified(_), .. })), "{outcome:?}");
    let told = news(&mut pair.to_alice).await;
    assert!(told.iter().any(|event| matches!(event, Event::Lost { loss: Loss::Diverged { .. }, .. })), "{told:?}");
    pair.alices.rejoin(&[]).await.unwrap();
    meet_again(&mut pair, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_right_is_told_of_a_fork_and_stays() {
    let mut pair = fork(Recovery::Automatic).await;
    pair.bobs.send("do you hear me?").await.unwrap();
    pair.alice.sync().await.unwrap();
    let told = news(&mut pair.to_alice).await;
    assert!(matches!(suspicion(&told), Some(Suspicion::OtherKeys { epoch: 2, .. })), "{told:?}");
    let moved = told.iter().any(|event| matches!(event, Event::Lost { .. } | Event::Rejoined { .. }));
    assert!(!moved && pair.alices.loss().await.unwrap().is_none(), "{told:?}");
    assert_eq!(pair.alices.epoch().await.unwrap(), 2);
    meet_again(&mut pair, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_welcome_leads_nowhere_and_is_told() {
    for case in 0..3 {
        let mut pair = Pair::new(Recovery::Ask).await;
        pair.world.client("carol").await;
        let other = pair.alice.create_conversation("other").await.unwrap();
        other.invite("carol").await.unwrap();
        pair.liar.answer(move |_| None);
        let room = pair.alice.create_conversation("three").await.unwrap();
        room.invite("bob").await.unwrap();
        let id = room.id().clone();
        let lie = Arc::new(Mutex::new(None::<Queue>));
        let kept = Arc::clone(&lie);
        // What waits for bob, spoilt.
        let true_queue = queue_of(&pair).await;
        let mut queue: Queue = serde_json::from_slice(&true_queue).unwrap();
        let item = &mut queue.items[0];
        match case {
            0 => item.welcome = vec![0, 1, 0, 3, 9].into(),
            1 => {
                let mut bytes = item.welcome.as_slice().to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                item.welcome = bytes.into();
            }
            _ => item.group_id = other.id().to_string().parse().unwrap(),
        }
        *kept.lock().unwrap() = Some(queue);
        pair.liar.answer(move |request: &mut Request| {
            let queue = lie.lock().unwrap().take_if(|_| request.path.starts_with("/v1/queue?"));
            queue.and_then(|queue| answer(200, &queue))
        });
        pair.bob.sync().await.unwrap();
        let told = pair.bobs_news().await;
        let failed = told.iter().any(|event| matches!(event, Event::SyncFailed { conversation: Some(_), .. }));
        assert!(failed && !told.iter().any(|event| matches!(event, Event::Joined { .. })), "{told:?}");
        pair.liar.be_honest();
        // He is invited again.
        room.remove("bob").await.unwrap();
        room.invite("bob").await.unwrap();
        pair.bob.sync().await.unwrap();
        let bobs = joined(&pair.bob, &mut pair.to_bob).await;
        assert_eq!(*bobs.id(), id);
        agree(&[&room, &bobs]).await;
        assert_eq!(names(&bobs).await, ["alice", "bob"]);
    }
}

/// What is in Bob's queue.
async fn queue_of(pair: &Pair) -> Vec<u8> {
    let token = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&token);
    pair.liar.answer(move |request: &mut Request| {
        seen.lock().unwrap().clone_from(&request.token);
        request.path.starts_with("/v1/queue?").then(|| answer(200, &Queue { items: Vec::new(), more: false })).flatten()
    });
    pair.bob.sync().await.unwrap();
    let token = token.lock().unwrap().clone();
    let transport = cenacle::transport::HttpTransport::new(&pair.world.url()).unwrap();
    let request = Request { method: Method::Get, path: "/v1/queue?limit=9".into(), token, content: None };
    cenacle::transport::Transport::send(&transport, request).await.unwrap().content
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_welcome_changes_nothing() {
    let mut pair = Pair::new(Recovery::Ask).await;
    let room = pair.alice.create_conversation("three").await.unwrap();
    room.invite("bob").await.unwrap();
    let queue = queue_of(&pair).await;
    pair.liar.be_honest();
    pair.bob.sync().await.unwrap();
    let bobs = joined(&pair.bob, &mut pair.to_bob).await;
    room.rotate().await.unwrap();
    let queue: Queue = serde_json::from_slice(&queue).unwrap();
    pair.liar.answer(move |request: &mut Request| {
        request.path.starts_with("/v1/queue?").then(|| answer(200, &queue)).flatten()
    });
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    assert!(!told.iter().any(|event| matches!(event, Event::Joined { .. } | Event::Lost { .. })), "{told:?}");
    agree(&[&room, &bobs]).await;
    pair.liar.be_honest();
    room.send("still here").await.unwrap();
    pair.bob.sync().await.unwrap();
    let text = wait_for(&mut pair.to_bob, "a message", |event| match event {
        Event::Message { message, .. } => common::text_of(&message.content),
        _ => None,
    });
    assert_eq!(text.await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_does_not_wait_but_may_turn_up() {
    let mut pair = Pair::new(Recovery::Ask).await;
    let posted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&posted);
    pair.liar.answer(move |request: &mut Request| {
        let is_message = request.method == Method::Post && request.path.ends_with("/messages");
        is_message.then(|| {
            seen.lock().unwrap().push(request.clone());
            answer(400, &"none")
        })?
    });
    let delivery = async |pair: &Pair| -> Vec<Delivery> {
        pair.bobs.history().await.unwrap().iter().map(|message| message.delivery).collect()
    };
    for text in ["refused", "refused too"] {
        pair.bobs.send(text).await.unwrap();
    }
    assert_eq!(delivery(&pair).await, [Delivery::NotDelivered; 2]);
    pair.liar.cut_after(0, false);
    pair.bobs.send("later").await.unwrap();
    assert_eq!(delivery(&pair).await, [Delivery::NotDelivered, Delivery::NotDelivered, Delivery::Waiting]);
    let told = pair.bobs_news().await;
    let refused = told.iter().filter(|event| matches!(event, Event::NotDelivered { .. })).count();
    assert_eq!(refused, 2, "{told:?}");

    // The server had taken the second all the same.
    let request = posted.lock().unwrap()[1].clone();
    let honest = HttpTransport::new(&pair.world.url()).unwrap();
    assert!(honest.send(request).await.unwrap().status < 300);
    assert!(pair.liar.mend());
    pair.liar.be_honest();
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["refused too", "later", "refused"]);
    assert_eq!(delivery(&pair).await, [Delivery::Delivered, Delivery::Delivered, Delivery::NotDelivered]);
    let told = pair.bobs_news().await;
    let delivered = told.iter().filter(|event| matches!(event, Event::Delivered { .. })).count();
    assert_eq!(delivered, 2, "{told:?}");
    pair.alice.sync().await.unwrap();
    assert_eq!(texts(&pair.alices).await, ["refused too", "later"]);
}
