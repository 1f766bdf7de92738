//! A way back that others overtook: whoever was removed and invited again meanwhile comes back by the Welcome, once.
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

use cenacle::{Error, Event, Loss, Recovery, transport::Request};
use common::{agree, joined, texts};
use liar::{Pair, answer, lied_to};

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
