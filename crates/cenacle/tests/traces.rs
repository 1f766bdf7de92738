//! What returns, forks, removals and a server's lies leave behind: evidence in commits, losses and doubts that outlast a restart,
//! commits that were overtaken, messages that will not arrive.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

extern crate alloc;

mod common;
mod liar;

use alloc::sync::Arc;
use std::sync::Mutex;

use cenacle::{Error, Event, Loss, Recovery, Suspicion, transport::Request};
use cenacle_service::wire::{GroupInfoAnswer, PostCommit};
use common::{agree, joined, texts};
use liar::{Pair, answer, fork, lied_to, suspicion};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_before_a_commit_is_missed_at_it() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.alices.rotate().await.unwrap();
    pair.liar.log(|mut records| {
        records.remove(1);
        records
    });
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    assert!(
        matches!(suspicion(&told), Some(Suspicion::OtherLog { member }) if member.name.as_str() == "alice"),
        "{told:?}"
    );
    agree(&[&pair.alices, &pair.bobs]).await;
}

/// Closes Bob and opens him again.
async fn restarted(pair: Pair) -> Pair {
    let Pair { world, liar, alice, bob, to_alice, alices, bobs, .. } = pair;
    let id = bobs.id().clone();
    drop(bobs);
    bob.close().await;
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let (to_bob, bobs) = (bob.events(), bob.conversation(id));
    Pair { world, liar, alice, bob, to_alice, to_bob, alices, bobs }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_into_a_fork_after_a_restart() {
    let pair = fork(Recovery::Ask).await;
    pair.say("do you hear me?").await;
    assert!(matches!(pair.bob.sync().await, Err(Error::Forked { epoch: 2 })));
    // The server shows no more what gave it away.
    pair.liar.answer(|request: &mut Request| request.path.ends_with("/group-info").then(|| answer(500, &"")).flatten());
    let pair = restarted(pair).await;
    assert_eq!(pair.bobs.loss().await.unwrap(), Some(Loss::Forked { epoch: 2 }));
    assert!(matches!(pair.bobs.safety_code().await, Err(Error::Forked { .. })));
    for outcome in [pair.bobs.send("I do").await.map(drop), pair.bobs.rotate().await, pair.bob.sync().await] {
        assert!(matches!(outcome, Err(Error::Forked { .. })), "{outcome:?}");
    }
    assert_eq!(pair.liar.posted("/messages"), 0);
    pair.liar.be_honest();
    pair.bobs.rejoin(&[]).await.unwrap();
    let pair = restarted(pair).await;
    assert_eq!(pair.bobs.loss().await.unwrap(), None);
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_stays_until_it_is_looked_into() {
    let mut pair = fork(Recovery::Ask).await;
    pair.say("do you hear me?").await;
    pair.liar.answer(|request: &mut Request| {
        let nothing = GroupInfoAnswer { epoch: 2, seq: 3, group_info: vec![1; 100].into(), ratchet_tree: None };
        request.path.ends_with("/group-info").then(|| answer(200, &nothing)).flatten()
    });
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    assert!(matches!(suspicion(&told), Some(Suspicion::OtherKeys { epoch: 2, .. })), "{told:?}");
    let pair = restarted(pair).await;
    pair.liar.answer(|_| None);
    let outcome = pair.bob.sync().await;
    assert!(matches!(outcome, Err(Error::Forked { epoch: 2 })), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waited_at_a_removal_is_told_to_be_undelivered() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.liar.cut_after(0, false);
    let id = pair.bobs.send("never arrives").await.unwrap();
    pair.alices.remove("bob").await.unwrap();
    assert!(pair.liar.mend());
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    let undelivered = told.iter().filter(|event| {
        matches!(event, Event::NotDelivered { id: which, reason, .. } if *which == id && matches!(**reason, Error::NotMember))
    });
    assert_eq!(undelivered.count(), 1, "{told:?}");
    assert_eq!(texts(&pair.alices).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_a_removal_overtook_stands_in_nobodys_way() {
    let mut pair = Pair::new(Recovery::Ask).await;
    let other = pair.alice.create_conversation("other").await.unwrap();
    other.invite("bob").await.unwrap();
    pair.bob.sync().await.unwrap();
    let others = joined(&pair.bob, &mut pair.to_bob).await;
    // Bob comes back, and is not told; then he is removed and invited again.
    pair.liar.cut_after(3, true);
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::Offline(_))));
    assert!(pair.liar.mend() && pair.liar.posted("/commits") == 1);
    pair.alice.sync().await.unwrap();
    pair.alices.remove("bob").await.unwrap();
    pair.alices.invite("bob").await.unwrap();
    pair.say("welcome back").await;
    other.send("elsewhere").await.unwrap();

    let outcome = pair.bob.sync().await;
    assert!(matches!(outcome, Err(Error::Gap { .. })), "{outcome:?}");
    assert_eq!(texts(&others).await, ["elsewhere"], "the other conversation goes on");
    pair.bobs.rejoin(&[]).await.unwrap();
    pair.bob.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
    assert_eq!(texts(&pair.bobs).await, ["welcome back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_that_a_welcome_overtook_is_not_made_after_all() {
    let pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.say("two").await;
    pair.liar.answer(|request: &mut Request| {
        request.path = request.path.replace("/log?from=3&", "/log?from=4&");
        request.path.ends_with("/commits").then(|| answer(500, &"out of order")).flatten()
    });
    assert!(matches!(pair.bob.sync().await, Err(Error::Gap { .. })));
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::Refused(_))));
    pair.alices.remove("bob").await.unwrap();
    pair.alices.invite("bob").await.unwrap();
    pair.bobs.rejoin(&[]).await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;

    pair.liar.be_honest();
    let (epoch, id) = (pair.bobs.epoch().await.unwrap(), pair.bobs.id().clone());
    drop(pair.bobs);
    pair.bob.close().await;
    pair.liar.posted("/commits");
    let bob = lied_to(&pair.world, &pair.liar, "bob", Recovery::Ask).await;
    bob.sync().await.unwrap();
    let bobs = bob.conversation(id);
    assert_eq!((bobs.epoch().await.unwrap(), pair.liar.posted("/commits")), (epoch, 0));
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_of_a_commit_that_lost_reaches_nobody() {
    let pair = Pair::new(Recovery::Ask).await;
    let carol = pair.world.client("carol").await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (seen, mut rival) = (Arc::clone(&sent), Some(pair.alices.clone()));
    pair.liar.answer(move |request: &mut Request| {
        let is_commit = request.path.ends_with("/commits");
        // Alice's commit is in the log just before the first of Bob's arrives.
        if let Some(rival) = rival.take_if(|_| is_commit) {
            let wait = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(rival.rotate());
            std::thread::scope(|scope| scope.spawn(wait).join()).unwrap().unwrap();
        }
        let content = request.content.as_ref().map(|(_, content)| content.clone()).unwrap_or_default();
        seen.lock().unwrap().push((is_commit, content));
        None
    });
    pair.bobs.invite("carol").await.unwrap();

    let sent = core::mem::take(&mut *sent.lock().unwrap());
    let (commits, others): (Vec<_>, Vec<_>) = sent.into_iter().partition(|(is_commit, _)| *is_commit);
    let commits: Vec<PostCommit> =
        commits.iter().map(|(_, content)| serde_json::from_slice(content).unwrap()).collect();
    let [lost, won] = &commits[..] else { panic!("{} commits", commits.len()) };
    assert_eq!(lost.epoch + 1, won.epoch);
    // Each Welcome went to the service with its own commit, and in nothing else that Bob sent.
    for commit in [lost, won] {
        let [welcome] = &commit.welcomes[..] else { panic!("one Welcome") };
        let welcome = serde_json::to_string(&welcome.welcome).unwrap();
        let holds = |content: &[u8]| String::from_utf8_lossy(content).contains(welcome.trim_matches('"'));
        assert!(!others.iter().any(|(_, content)| holds(content)));
    }
    assert_ne!(lost.welcomes[0].welcome.as_slice(), won.welcomes[0].welcome.as_slice());
    // Carol is where the second leads.
    carol.sync().await.unwrap();
    pair.alice.sync().await.unwrap();
    let [carols] = &carol.conversations().await.unwrap()[..] else { panic!("one conversation") };
    assert_eq!(carols.epoch().await.unwrap(), won.epoch + 1);
    agree(&[&pair.alices, &pair.bobs, carols]).await;
}
