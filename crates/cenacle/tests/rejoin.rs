//! Lost conversations and the way back: old copies of the state, gaps, commits that nobody can follow; the crash of whoever
//! comes back, and several at once.
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
    Error, Event, Loss, Recovery,
    transport::{Method, Request},
};
use cenacle_service::wire::{GroupInfoAnswer, PostCommit, Problem, ProblemKind};
use common::{World, agree, joined, names, next_text, texts, wait_for};
use liar::{Liar, Pair, answer, lied_to, news};

/// Bob's state is replaced by a copy from before he said something.
async fn restored(recovery: Recovery) -> (Pair, Vec<Event>) {
    let pair = Pair::new(recovery).await;
    pair.say("before").await;
    pair.bob.sync().await.unwrap();
    let id = pair.bobs.id().clone();
    let (path, copy) = (pair.world.directory.path().join("bob.db"), pair.world.directory.path().join("copy.db"));

    let Pair { world, liar, alice, bob, to_alice, alices, bobs, .. } = pair;
    drop(bobs);
    bob.close().await;
    std::fs::copy(&path, &copy).unwrap();
    let bob = lied_to(&world, &liar, "bob", recovery).await;
    bob.conversation(id.clone()).send("said after the copy").await.unwrap();
    bob.close().await;
    alice.sync().await.unwrap();
    alices.send("heard").await.unwrap();

    std::fs::copy(&copy, &path).unwrap();
    assert!(liar.posted("/messages") > 0);
    let bob = lied_to(&world, &liar, "bob", recovery).await;
    let mut to_bob = bob.events();
    let bobs = bob.conversation(id);
    if recovery == Recovery::Ask {
        for outcome in [bob.sync().await, bobs.send("with keys used before").await.map(drop), bobs.rotate().await] {
            assert!(matches!(outcome, Err(Error::StateLost)), "{outcome:?}");
        }
    } else {
        bob.sync().await.unwrap();
    }
    let told = news(&mut to_bob).await;
    (Pair { world, liar, alice, bob, to_alice, to_bob, alices, bobs }, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_says_nothing_until_it_has_come_back() {
    let (mut pair, _) = restored(Recovery::Ask).await;
    assert_eq!(pair.bobs.loss().await.unwrap(), Some(Loss::OldState));
    assert!(matches!(pair.bobs.safety_code().await, Err(Error::StateLost)));
    assert_eq!((pair.liar.posted("/messages"), pair.liar.posted("/commits")), (0, 0), "nothing was posted");

    // It stays lost after a restart, even if the server does not show any more what gave it away.
    let id = pair.bobs.id().clone();
    drop(pair.bobs);
    pair.bob.close().await;
    pair.liar.log(|mut records| records.drain(..2).collect());
    let bob = lied_to(&pair.world, &pair.liar, "bob", Recovery::Ask).await;
    let mut to_bob = bob.events();
    let bobs = bob.conversation(id);
    assert!(matches!(bobs.send("with keys used before").await, Err(Error::StateLost)));
    assert_eq!((pair.liar.posted("/messages"), pair.liar.posted("/commits")), (0, 0), "nothing was posted");
    pair.liar.be_honest();

    bobs.rejoin(&[]).await.unwrap();
    let (unread, added) = wait_for(&mut to_bob, "coming back", |event| match event {
        Event::Rejoined { unread, added, removed, .. } => Some((unread, (added, removed))),
        _ => None,
    })
    .await;
    assert_eq!((unread, added), (2, (Vec::new(), Vec::new())));
    let member = wait_for(&mut pair.to_alice, "bob's coming back", |event| match event {
        Event::MemberRejoined { member, .. } => Some(member),
        Event::MembersChanged { added, removed, .. } if added == removed => panic!("told as a change of members"),
        _ => None,
    });
    assert_eq!(member.await.name.as_str(), "bob");
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &bobs]).await;
    assert_eq!(pair.alices.safety_code().await.unwrap(), bobs.safety_code().await.unwrap());
    assert_eq!(bobs.loss().await.unwrap(), None);
    bobs.send("here again").await.unwrap();
    assert_eq!(next_text(&mut pair.to_alice).await, "here again");
    assert_eq!(texts(&bobs).await, ["before", "here again"], "the history of the copy is kept, and goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_comes_back_by_itself_if_that_is_wanted_and_tells_so() {
    let (mut pair, told) = restored(Recovery::Automatic).await;
    let lost = told.iter().position(|event| matches!(event, Event::Lost { loss: Loss::OldState, .. }));
    let back = told.iter().position(|event| matches!(event, Event::Rejoined { .. }));
    assert!(lost.is_some() && lost < back, "{told:?}");
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
    pair.bobs.send("here again").await.unwrap();
    assert_eq!(next_text(&mut pair.to_alice).await, "said after the copy");
    assert_eq!(next_text(&mut pair.to_alice).await, "here again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_from_before_coming_back_is_an_old_one_too() {
    let (pair, _) = restored(Recovery::Ask).await;
    let id = pair.bobs.id().clone();
    pair.bobs.rejoin(&[]).await.unwrap();
    let Pair { world, liar, alice, bob, alices, bobs, .. } = pair;
    drop(bobs);
    bob.close().await;
    // The copy knows nothing of anything it said since; what it meets first is its own return.
    let directory = world.directory.path();
    std::fs::copy(directory.join("copy.db"), directory.join("bob.db")).unwrap();
    liar.log(|mut records| {
        // Not shown: what bob had said after the copy.
        records.remove(2);
        records
    });
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let bobs = bob.conversation(id);
    assert!(matches!(bobs.send("with keys used before").await, Err(Error::StateLost)));
    liar.be_honest();
    bobs.rejoin(&[]).await.unwrap();
    alice.sync().await.unwrap();
    agree(&[&alices, &bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_said_once_whatever_had_become_of_it() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("hello").await;
    pair.bob.sync().await.unwrap();
    // The first arrives, and nobody says so. The second does not.
    let mut messages = 0;
    pair.liar.log(|mut records| records.drain(..2).collect());
    pair.liar.answer(move |request: &mut Request| {
        if request.method != Method::Post || !request.path.ends_with("/messages") {
            return None;
        }
        messages += 1;
        (messages > 1).then(|| answer(500, &"out of order")).flatten()
    });
    pair.bobs.send("arrived").await.unwrap();
    drop(pair.bobs.send("not arrived").await);
    drop(pair.bobs.rotate().await);
    let waiting = pair.bobs.history().await.unwrap();
    assert_eq!(waiting.iter().filter(|message| message.seq.is_none()).count(), 2);
    pair.alice.sync().await.unwrap();
    pair.alices.rotate().await.unwrap();

    pair.liar.be_honest();
    pair.bobs.rejoin(&[]).await.unwrap();
    pair.bob.sync().await.unwrap();
    pair.alice.sync().await.unwrap();
    assert_eq!(texts(&pair.alices).await, ["hello", "arrived", "not arrived"]);
    assert_eq!(texts(&pair.bobs).await, ["hello", "arrived", "not arrived"]);
    assert!(pair.bobs.history().await.unwrap().iter().all(|message| message.seq.is_some()));
    agree(&[&pair.alices, &pair.bobs]).await;
    let told = pair.bobs_news().await;
    let delivered = told.iter().filter(|event| matches!(event, Event::Delivered { .. })).count();
    assert_eq!(delivered, 2, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_was_removed_and_invited_again_while_offline_is_back() {
    for recovery in [Recovery::Ask, Recovery::Automatic] {
        let mut pair = Pair::new(recovery).await;
        pair.say("one").await;
        pair.bob.sync().await.unwrap();
        pair.alices.remove("bob").await.unwrap();
        pair.say("between").await;
        pair.alices.invite("bob").await.unwrap();
        pair.say("two").await;
        let outcome = pair.bob.sync().await;
        if recovery == Recovery::Ask {
            // Not even by the Welcome that has come.
            assert!(matches!(outcome, Err(Error::Gap { .. })), "{outcome:?}");
            pair.bobs.rejoin(&[]).await.unwrap();
        } else {
            outcome.unwrap();
        }
        pair.alice.sync().await.unwrap();
        let told = pair.bobs_news().await;
        assert!(told.iter().any(|event| matches!(event, Event::Lost { loss: Loss::Gap { .. }, .. })), "{told:?}");
        assert!(told.iter().any(|event| matches!(event, Event::Rejoined { .. })), "{told:?}");
        agree(&[&pair.alices, &pair.bobs]).await;
        let heard = texts(&pair.bobs).await;
        let expected: &[&str] = if recovery == Recovery::Ask { &["one", "two"] } else { &["one"] };
        assert_eq!(heard, expected, "by the Welcome everything since it is read, by coming back nothing before that");
        pair.say("three").await;
        pair.bob.sync().await.unwrap();
        assert_eq!(texts(&pair.bobs).await.last().unwrap(), "three");
        pair.bobs.send("four").await.unwrap();
        pair.alice.sync().await.unwrap();
        assert_eq!(texts(&pair.alices).await.last().unwrap(), "four");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_came_meanwhile_is_named_first() {
    for recovery in [Recovery::Ask, Recovery::Automatic] {
        let mut pair = Pair::new(recovery).await;
        let carol = pair.world.client("carol").await;
        let mut to_carol = carol.events();
        pair.bobs.send("between us").await.unwrap();
        pair.alices.invite("carol").await.unwrap();
        let carols = joined(&carol, &mut to_carol).await;
        // The commit that added carol is withheld, what comes after is not.
        pair.say("hello, carol").await;
        pair.liar.answer(|request: &mut Request| {
            request.path = request.path.replace("/log?from=4&", "/log?from=5&");
            None
        });
        let outcome = pair.bob.sync().await;
        if recovery == Recovery::Ask {
            assert!(matches!(outcome, Err(Error::Gap { expected: 4, found: 5 })), "{outcome:?}");
        } else {
            assert!(matches!(&outcome, Err(Error::Newcomers(who)) if who[0].as_str() == "carol"), "{outcome:?}");
        }
        assert_eq!(pair.loss().await, Loss::Gap { expected: 4, found: 5 });
        let outcome = pair.bobs.rejoin(&[]).await;
        assert!(matches!(&outcome, Err(Error::Newcomers(who)) if who[0].as_str() == "carol"), "{outcome:?}");
        assert_eq!(pair.liar.posted("/commits"), 0);
        pair.bobs.rejoin(&["carol"]).await.unwrap();
        let added = wait_for(&mut pair.to_bob, "coming back", |event| match event {
            Event::Rejoined { added, .. } => Some(added),
            _ => None,
        });
        assert_eq!(added.await[0].name.as_str(), "carol");
        pair.alice.sync().await.unwrap();
        carol.sync().await.unwrap();
        agree(&[&pair.alices, &pair.bobs, &carols]).await;
    }
}

/// Bob posts commits that nobody can follow, himself among them; with a description of the epoch they would lead to, or not.
async fn garbage(with_description: bool) -> Pair {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.liar.answer(move |request: &mut Request| {
        if request.path.ends_with("/commits") {
            let (_, content) = request.content.as_mut().unwrap();
            let mut post: PostCommit = serde_json::from_slice(content).unwrap();
            let mut commit = post.commit.as_slice().to_vec();
            *commit.last_mut().unwrap() ^= 1;
            post.commit = commit.into();
            post.group_info = post.group_info.filter(|_| with_description);
            *content = serde_json::to_vec(&post).unwrap();
        }
        None
    });
    assert!(matches!(pair.bobs.rotate().await, Err(Error::Diverged { .. })));
    assert!(matches!(pair.alice.sync().await, Err(Error::Diverged { .. })));
    pair.liar.be_honest();
    for events in [&mut pair.to_alice, &mut pair.to_bob] {
        let loss = wait_for(events, "the loss", |event| match event {
            Event::Lost { loss, .. } => Some(loss),
            _ => None,
        });
        assert!(matches!(loss.await, Loss::Diverged { .. }));
    }
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_commit_that_nobody_can_follow_all_meet_again() {
    let mut pair = garbage(true).await;
    drop(pair.alices.send("waits").await);
    pair.alices.rejoin(&[]).await.unwrap();
    pair.bobs.rejoin(&[]).await.unwrap();
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
    pair.say("found you").await;
    pair.bob.sync().await.unwrap();
    assert_eq!(next_text(&mut pair.to_bob).await, "found you");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_description_there_is_no_way_back() {
    let pair = garbage(false).await;
    for room in [&pair.alices, &pair.bobs] {
        assert!(matches!(room.rejoin(&[]).await, Err(Error::NoWayBack)));
        assert!(room.loss().await.unwrap().is_some());
    }
    assert_eq!(names(&pair.alices).await, ["alice", "bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_is_too_large_holds_up_no_commit() {
    let pair = Pair::new(Recovery::Ask).await;
    pair.liar.answer(|request: &mut Request| {
        let is_commit = request.path.ends_with("/commits");
        let (_, content) = request.content.as_ref().filter(|_| is_commit)?;
        let post: PostCommit = serde_json::from_slice(content).unwrap();
        let problem = Problem::new(ProblemKind::PayloadTooLarge { limit_bytes: 1000 });
        post.group_info.and_then(|_| answer(413, &problem))
    });
    pair.bobs.rotate().await.unwrap();
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
    // It is the way back that is missing, until the next commit.
    assert!(matches!(pair.alices.rejoin(&[]).await, Err(Error::NoWayBack)));
    pair.alices.rotate().await.unwrap();
    pair.bobs.rejoin(&[]).await.unwrap();
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_come_back_at_once() {
    let pair = garbage(true).await;
    let (one, other) = tokio::join!(pair.alices.rejoin(&[]), pair.bobs.rejoin(&[]));
    one.unwrap();
    other.unwrap();
    pair.alice.sync().await.unwrap();
    pair.bob.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alone_in_the_first_epoch_one_comes_back_as_well() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    // The answer to the creation is lost, and it is told again.
    let lost = Arc::new(Mutex::new(true));
    liar.answer(move |request: &mut Request| {
        let is_first = request.path == "/v1/groups" && core::mem::take(&mut *lost.lock().unwrap());
        is_first.then(|| answer(500, &"lost")).flatten()
    });
    drop(bob.create_conversation("notes").await);
    let notes = bob.conversations().await.unwrap().remove(0);
    bob.sync().await.unwrap();
    notes.send("one").await.unwrap();
    notes.rejoin(&[]).await.unwrap();
    assert_eq!(notes.epoch().await.unwrap(), 1);
    notes.send("two").await.unwrap();
    bob.sync().await.unwrap();
    assert_eq!(texts(&notes).await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_device_is_not_let_back_in() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.alices.remove("bob").await.unwrap();
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::NotMember)));
    pair.bob.sync().await.unwrap();
    wait_for(&mut pair.to_bob, "the removal", |event| matches!(event, Event::Removed { .. }).then_some(())).await;
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::NotMember)));
}

/// Bob comes back while his connection is cut after so many requests, and goes on after a restart. Says whether it was cut.
async fn cut_after(world: &World, alice: &cenacle::Client, requests: u32, last_arrives: bool) -> bool {
    let what = format!("cut after {requests} requests, the last arrived: {last_arrives}");
    let name = format!("bob-{requests}-{last_arrives}");
    let liar = Liar::of(world);
    let bob = lied_to(world, &liar, &name, Recovery::Ask).await;
    let alices = alice.create_conversation("fragile").await.unwrap();
    alices.invite(&name).await.unwrap();
    bob.sync().await.unwrap();
    let id = alices.id().clone();
    let bobs = bob.conversation(id.clone());
    // What he says arrives, but he is not told; then he comes back while alice's commit is before his.
    liar.cut_after(2, true);
    drop(bobs.send("one").await);
    assert!(liar.mend(), "{what}");
    alice.sync().await.unwrap();
    alices.rotate().await.unwrap();
    liar.cut_after(requests, last_arrives);
    drop(bobs.rejoin(&[]).await);
    drop(bobs.send("two").await);
    drop(bobs);
    bob.close().await;
    let is_cut = liar.mend();

    let bob = lied_to(world, &liar, &name, Recovery::Ask).await;
    let bobs = bob.conversation(id);
    bob.sync().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    alice.sync().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    agree(&[&alices, &bobs]).await;
    assert_eq!(texts(&alices).await, ["one", "two"], "{what}");
    assert_eq!(texts(&bobs).await, ["one", "two"], "{what}");
    assert!(bobs.history().await.unwrap().iter().all(|message| message.seq.is_some()), "{what}");
    is_cut
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_is_interrupted_anywhere_is_finished() {
    for last_arrives in [false, true] {
        let world = World::new().await;
        let alice = world.client("alice").await;
        let mut requests = 1;
        while cut_after(&world, &alice, requests, last_arrives).await {
            requests += 1;
        }
        assert!(requests > 6, "only {requests} requests: the story is too short to tell much");
    }
}

/// What the server describes is checked before anything is done with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_or_false_description_is_refused() {
    let pair = Pair::new(Recovery::Ask).await;
    let old = Arc::new(Mutex::new(None::<GroupInfoAnswer>));
    // The description of the present epoch is kept by the server, for later.
    let id = pair.bobs.id().clone();
    pair.bobs.rejoin(&[]).await.unwrap();
    let spy = Arc::clone(&old);
    let token = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&token);
    pair.liar.answer(move |request: &mut Request| {
        seen.lock().unwrap().clone_from(&request.token);
        None
    });
    pair.bob.sync().await.unwrap();
    let token = token.lock().unwrap().clone();
    let path = format!("/v1/groups/{id}/group-info");
    let transport = cenacle::transport::HttpTransport::new(&pair.world.url()).unwrap();
    let request = Request { method: Method::Get, path, token, content: None };
    let described = cenacle::transport::Transport::send(&transport, request).await.unwrap();
    *spy.lock().unwrap() = Some(serde_json::from_slice(&described.content).unwrap());

    pair.alice.sync().await.unwrap();
    pair.alices.rotate().await.unwrap();
    pair.bob.sync().await.unwrap();
    let epoch = pair.bobs.epoch().await.unwrap();
    let lie = |change: fn(&mut GroupInfoAnswer, u64)| {
        let mut described = old.lock().unwrap().clone().unwrap();
        change(&mut described, epoch);
        pair.liar.answer(move |request: &mut Request| {
            request.path.ends_with("/group-info").then(|| answer(200, &described)).flatten()
        });
    };
    lie(|_, _| {});
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::ServerChanged)), "of an epoch that is over");
    lie(|described, epoch| described.epoch = epoch);
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::NoWayBack)), "an old one for the present one");
    lie(|described, epoch| {
        let mut bytes = described.group_info.as_slice().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        (described.epoch, described.group_info) = (epoch, bytes.into());
    });
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::NoWayBack)), "a changed one");
    lie(|described, epoch| (described.epoch, described.group_info) = (epoch, vec![1; 100].into()));
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::NoWayBack)), "no description at all");
    assert_eq!(pair.liar.posted("/commits"), 1, "only the first time");
    pair.liar.be_honest();
    agree(&[&pair.alices, &pair.bobs]).await;
}
