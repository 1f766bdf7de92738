//! Key packages: what waits to be published must not stop what comes after it, and private keys go in time.

use std::fs;

use cenacle_mls::{
    delta::{Delta, RowKey, Store as _},
    group::OwnKeyPackage,
    wire::{KeyPackageRef, Lifetime},
};
use cenacle_service::wire::{KeyPackageFault, KeyPackageKind, Problem, ProblemKind, SuiteStock};

use super::{
    super::{key_packages, now_seconds},
    common::{World, agree, joined, wait_for},
    liar::{Liar, answer, lied_to},
};
use crate::{
    Client, Error, Event, MemberId, Recovery,
    state::{self, Offer, Withdrawal},
    transport::{Method, Request},
};

const DAY_SECONDS: u64 = 24 * 3600;

/// A lifetime that ended so long ago.
fn ended_before(seconds: u64) -> Lifetime {
    let not_after = now_seconds() - seconds;
    Lifetime { not_before: not_after - 28 * DAY_SECONDS, not_after }
}

/// Makes a key package that waits to be published.
async fn offer(client: &Client, kind: KeyPackageKind, lifetime: Lifetime) {
    let made = client.engine().ask(move |engine| Box::pin(async move { engine.offer_for(kind, lifetime) }));
    made.await.unwrap();
}

/// How many key packages wait to be published, and the lifetimes of all whose private keys there are.
async fn held(client: &Client) -> (usize, Vec<Lifetime>) {
    let look = client.engine().ask(|engine| {
        Box::pin(async {
            let prefix = RowKey::new(state::TO_PUBLISH, Vec::new());
            let waiting = state::list::<Offer>(&engine.store, &prefix, "offer")?.len();
            let own = OwnKeyPackage::list(&engine.store)?;
            Ok((waiting, own.iter().filter_map(|(_, own)| own.key_package().lifetime()).collect()))
        })
    });
    look.await.unwrap()
}

/// Answers every attempt to publish with this refusal.
fn refuse(liar: &Liar, kind: ProblemKind) {
    let problem = Problem::new(kind);
    liar.answer(move |request: &mut Request| {
        let publishes = request.method == Method::Put && request.path == "/v1/key-packages";
        publishes.then(|| answer(problem.status, &problem)).flatten()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_its_time_does_not_stop_the_others() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let (_, before) = held(&bob).await;
    assert_eq!(before.len(), 21);
    let ended = ended_before(DAY_SECONDS);
    let not_begun = Lifetime { not_before: now_seconds() + DAY_SECONDS, not_after: now_seconds() + 29 * DAY_SECONDS };
    // Some by a clock that stood in 1970.
    for lifetime in
        [ended, not_begun, Lifetime { not_before: 0, not_after: 28 * DAY_SECONDS }, key_packages::lifetime()]
    {
        offer(&bob, KeyPackageKind::Normal, lifetime).await;
    }
    bob.sync().await.unwrap();
    let (waiting, lifetimes) = held(&bob).await;
    assert_eq!(waiting, 0);
    assert!(!lifetimes.contains(&not_begun), "the private keys of what nobody has are erased");
    assert!(lifetimes.contains(&ended), "it may have been published before");
    assert_eq!(stock_of(&bob).await[0].normal, 21, "what is in its time was published");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_service_refuses_is_made_anew() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let (_, before) = held(&bob).await;
    for kind in [
        ProblemKind::KeyPackageInvalid { index: 0, reason: KeyPackageFault::NotValidNow },
        ProblemKind::KeyPackageInvalid { index: 7, reason: KeyPackageFault::StockFull },
        ProblemKind::PayloadTooLarge { limit_bytes: 1 },
    ] {
        // First, since the client may be about to look by itself.
        refuse(&liar, kind);
        offer(&bob, KeyPackageKind::Normal, key_packages::lifetime()).await;
        bob.sync().await.unwrap();
        assert_eq!(held(&bob).await, (0, before.clone()), "refused, and erased with its private keys");
    }
    // The stock is gone, and the service takes nothing: that is told, and leaves nothing behind.
    let alice = world.client("alice").await;
    take_all(&alice, &bob.id().await.unwrap().unwrap()).await;
    refuse(&liar, ProblemKind::KeyPackageInvalid { index: 0, reason: KeyPackageFault::NotValidNow });
    for _ in 0..2 {
        let outcome = bob.sync().await;
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
        assert_eq!(held(&bob).await, (0, before.clone()));
    }
    liar.be_honest();
    bob.sync().await.unwrap();
    assert_eq!(held(&bob).await.1.len(), 41);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_is_published_later() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    // What is asked for before it publishes is the queue.
    liar.cut_after(1, false);
    offer(&bob, KeyPackageKind::Normal, key_packages::lifetime()).await;
    let before = held(&bob).await;
    for _ in 0..2 {
        assert!(matches!(bob.sync().await, Err(Error::Offline(_))));
        assert_eq!(held(&bob).await, before);
    }
    refuse(&liar, ProblemKind::Unauthorized);
    assert!(liar.mend());
    assert!(matches!(bob.sync().await, Err(Error::Refused(_))), "a refusal of something else");
    assert_eq!(held(&bob).await, before);
    liar.be_honest();
    bob.sync().await.unwrap();
    assert_eq!(held(&bob).await, (0, before.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn private_keys_go_when_no_welcome_can_come() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let present = held(&bob).await.1;
    let [kept, gone] = [6, 8].map(|days| ended_before(days * DAY_SECONDS));
    for kind in [KeyPackageKind::Normal, KeyPackageKind::LastResort] {
        offer(&bob, kind, kept).await;
        offer(&bob, kind, gone).await;
    }
    bob.sync().await.unwrap();
    let lifetimes = held(&bob).await.1;
    let count = |wanted: Lifetime| lifetimes.iter().filter(|lifetime| **lifetime == wanted).count();
    assert_eq!((count(kept), count(gone), lifetimes.len()), (2, 0, present.len() + 2));
}

/// The names of the last resorts whose private keys there are.
async fn last_resorts(client: &Client) -> Vec<KeyPackageRef> {
    let look = client.engine().ask(|engine| {
        Box::pin(async {
            let own = OwnKeyPackage::list(&engine.store)?.into_iter();
            Ok(own.filter(|(_, own)| own.is_last_resort()).map(|(reference, _)| reference).collect())
        })
    });
    look.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_last_resort_goes_when_another_has_taken_its_place() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    let old = last_resorts(&bob).await[0];
    // Made later, so that it is the later one.
    let Lifetime { not_before, not_after } = key_packages::lifetime();
    offer(&bob, KeyPackageKind::LastResort, Lifetime { not_before: not_before + 1, not_after }).await;
    bob.sync().await.unwrap();
    assert_eq!(last_resorts(&bob).await.len(), 2, "the old one may have been handed out");
    for (days, left) in [(6, 2), (8, 1)] {
        let age = bob.engine().ask(move |engine| {
            Box::pin(async move {
                let mut delta = Delta::new();
                let since = now_seconds() - days * DAY_SECONDS;
                for (key, _) in engine.store.rows(&RowKey::new(state::SUPERSEDED, Vec::new()))? {
                    state::put(&mut delta, key, &since)?;
                }
                engine.write(&delta)
            })
        });
        age.await.unwrap();
        bob.sync().await.unwrap();
        assert_eq!(last_resorts(&bob).await.len(), left);
    }
    assert!(!last_resorts(&bob).await.contains(&old));
    let rows = bob
        .engine()
        .ask(|engine| Box::pin(async { Ok(engine.store.rows(&RowKey::new(state::SUPERSEDED, Vec::new()))?.len()) }));
    assert_eq!(rows.await.unwrap(), 0);
}

/// Takes all normal key packages that the server has of someone.
async fn take_all(by: &Client, of: &MemberId) {
    for _ in 0..20 {
        let of = of.clone();
        let take = by
            .engine()
            .ask(move |engine| Box::pin(async move { engine.take_key_package(&of.name, of.device).await.map(drop) }));
        take.await.unwrap();
    }
}

async fn stock_of(client: &Client) -> Vec<SuiteStock> {
    client.engine().ask(|engine| Box::pin(async { engine.api.stock().await })).await.unwrap().suites
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_arrive_again_after_an_old_copy_has_missed_one() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.stored_client("bob").await);
    let bobs = bob.id().await.unwrap().unwrap();
    bob.sync().await.unwrap();
    bob.close().await;
    let [path, copy] = ["bob.db", "bob.copy"].map(|name| world.directory.path().join(name));
    fs::copy(&path, &copy).unwrap();
    let bob = world.stored_client("bob").await;
    take_all(&alice, &bobs).await;
    bob.sync().await.unwrap();
    bob.close().await;

    // All that the server has now is younger than the copy.
    fs::copy(&copy, &path).unwrap();
    let bob = world.stored_client("bob").await;
    let mut to_bob = bob.events();
    bob.sync().await.unwrap();
    let room = alice.create_conversation("again").await.unwrap();
    room.invite("bob").await.unwrap();
    bob.sync().await.unwrap();
    let lost = wait_for(&mut to_bob, "the lost invitation", |event| {
        if let Event::InvitationLost { conversation } = event { Some(conversation) } else { None }
    });
    assert_eq!(lost.await, *room.id());
    bob.sync().await.unwrap();
    let stock = stock_of(&bob).await;
    assert_eq!((stock[0].normal, stock[0].last_resort), (20, true));
    room.remove("bob").await.unwrap();
    room.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    agree(&[&room, &bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_has_more_than_this_device_is_withdrawn_once_a_day() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    let bob = lied_to(&world, &liar, "bob", Recovery::Ask).await;
    for is_due in [true, false, true] {
        let lose = bob.engine().ask(move |engine| {
            Box::pin(async move {
                let mut delta = Delta::new();
                for (reference, _) in OwnKeyPackage::list(&engine.store)? {
                    OwnKeyPackage::erase(&reference, &mut delta);
                }
                engine.write(&delta)
            })
        });
        lose.await.unwrap();
        bob.sync().await.unwrap();
        assert_eq!(held(&bob).await.1.len(), if is_due { 21 } else { 0 });
        assert_eq!(stock_of(&bob).await[0].normal, 20);
        if !is_due {
            let age = bob.engine().ask(|engine| {
                Box::pin(async {
                    let mut delta = Delta::new();
                    let withdrawal = Withdrawal { wanted: 0, at: now_seconds() - DAY_SECONDS };
                    state::put(&mut delta, RowKey::new(state::WITHDRAWAL, Vec::new()), &withdrawal)?;
                    engine.write(&delta)
                })
            });
            age.await.unwrap();
        }
    }
    assert_eq!(liar.posted("/withdraw"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_that_is_noticed_misses_no_invitation() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.stored_client("bob").await);
    let mut to_bob = bob.events();
    let (first, second) =
        (alice.create_conversation("first").await.unwrap(), alice.create_conversation("second").await.unwrap());
    first.invite("bob").await.unwrap();
    joined(&bob, &mut to_bob).await;
    bob.close().await;
    let [path, copy] = ["bob.db", "bob.copy"].map(|name| world.directory.path().join(name));
    fs::copy(&path, &copy).unwrap();
    let bob = world.stored_client("bob").await;
    bob.conversation(first.id().clone()).send("after the copy").await.unwrap();
    take_all(&alice, &bob.id().await.unwrap().unwrap()).await;
    bob.sync().await.unwrap();
    bob.close().await;

    fs::copy(&copy, &path).unwrap();
    let bob = world.stored_client("bob").await;
    let mut to_bob = bob.events();
    assert!(matches!(bob.sync().await, Err(Error::StateLost)));
    second.invite("bob").await.unwrap();
    let bobs = joined(&bob, &mut to_bob).await;
    agree(&[&second, &bobs]).await;
}
