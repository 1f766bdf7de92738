//! What needs a look inside: the stock of key packages, and members who make what an SDK does not make.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/liar/mod.rs"]
mod liar;

use cenacle_codec::Encode as _;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    group::{AcceptAll, CommitBuilder, Inputs},
    wire::KeyPackage,
};
use cenacle_service::wire::{ContentHash, Queue, QueueItem};
use cenacle_store::MemoryStore;

use super::{Engine, key_packages, now_seconds};
use crate::{Client, Conversation, ConversationId, Error, Event, Recovery, transport::Request};
use common::{World, agree, joined, names};
use liar::{Liar, answer, lied_to, news};

#[tokio::test(flavor = "multi_thread")]
async fn key_packages_are_replenished_as_they_are_used() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let mut joins = 0;
    for n in 0..25 {
        let room = alice.create_conversation(&n.to_string()).await.unwrap();
        room.invite("bob").await.unwrap();
        joined(&bob, &mut to_bob).await;
        joins += 1;
    }
    bob.sync().await.unwrap();
    let stock = bob.engine().ask(|engine| Box::pin(async { engine.api.stock().await })).await.unwrap();
    assert_eq!((joins, stock.suites.len()), (25, 1));
    assert!(stock.suites[0].normal >= 10 && stock.suites[0].last_resort, "{stock:?}");
}

/// A key package that the server has of this device.
async fn key_package_of(client: &Client, asked_by: &Client) -> KeyPackage {
    let member = client.id().await.unwrap().unwrap();
    let taken = asked_by
        .engine()
        .ask(move |engine| Box::pin(async move { engine.take_key_package(&member.name, member.device).await }));
    let taken = taken.await.unwrap().unwrap();
    key_packages::key_package_of(&taken.key_package).unwrap()
}

/// The Welcome to a group of `by` alone, which has the identifier, title and key of descriptions of a conversation that `by`
/// was in once, and is many epochs on.
async fn forged_welcome(by: &Client, id: ConversationId, to: KeyPackage) -> QueueItem {
    by.engine().ask(move |engine| Box::pin(async move { forge_welcome(engine, &id, &to) })).await.unwrap()
}

fn forge_welcome(engine: &Engine, id: &ConversationId, to: &KeyPackage) -> Result<QueueItem, Error> {
    let (mut store, inputs) = (MemoryStore::default(), Inputs::new(&AcceptAll).at(now_seconds()));
    let extensions = engine.room(id)?.group.public().extensions().clone();
    let (client, lifetime) = (&engine.me()?.mls, key_packages::lifetime());
    let new = client.create_group(id.to_group_id(), extensions, lifetime, &inputs, &mut SystemRng)?;
    let mut group = new.accept(&mut store).unwrap();
    let mut welcome = None;
    for added in (0..20).map(|epoch| (epoch == 19).then(|| to.clone())) {
        let commit = added.into_iter().fold(group.commit(), CommitBuilder::add);
        let commit = commit.build(&inputs, &mut SystemRng)?;
        let bundle = group.merge(commit, &mut store).unwrap();
        let echo = group.stage(group.open(&bundle.commit)?, &inputs)?;
        group.merge(echo, &mut store).unwrap();
        welcome = bundle.welcome;
    }
    let (epoch, welcome) = (group.epoch().0, welcome.unwrap().to_bytes()?.into());
    let (item, group_id) = (ContentHash([7; 32]), id.0.clone());
    Ok(QueueItem { id: item, group_id, epoch, commit_seq: 6, welcome, ratchet_tree: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_member_does_not_take_over_a_lost_conversation() {
    for recovery in [Recovery::Ask, Recovery::Automatic] {
        let world = World::new().await;
        let (alice, mallory) = (world.client("alice").await, world.client("mallory").await);
        let room: Conversation = alice.create_conversation("two").await.unwrap();
        let mut to_mallory = mallory.events();
        room.invite("mallory").await.unwrap();
        let mallorys = joined(&mallory, &mut to_mallory).await;
        room.remove("mallory").await.unwrap();
        let liar = Liar::of(&world);
        let bob = lied_to(&world, &liar, "bob", recovery).await;
        let mut to_bob = bob.events();
        room.invite("bob").await.unwrap();
        bob.sync().await.unwrap();
        let bobs = joined(&bob, &mut to_bob).await;
        news(&mut to_bob).await;
        room.send("one").await.unwrap();
        room.send("two").await.unwrap();

        // The server withholds a record from Bob, gives no description, and has a Welcome for him.
        let to = key_package_of(&bob, &mallory).await;
        let item = forged_welcome(&mallory, mallorys.id().clone(), to).await;
        liar.answer(move |request: &mut Request| {
            request.path = request.path.replace("/log?from=5&", "/log?from=6&");
            if request.path.ends_with("/group-info") {
                return answer(500, &"none");
            }
            let queue = Queue { items: vec![item.clone()], more: false };
            request.path.starts_with("/v1/queue?").then(|| answer(200, &queue)).flatten()
        });
        let _before = (liar.posted("/messages"), liar.posted("/ack"));
        let outcome = bob.sync().await;
        if recovery == Recovery::Ask {
            assert!(matches!(outcome, Err(Error::Gap { expected: 5, found: 6 })), "{outcome:?}");
        } else {
            assert!(matches!(&outcome, Err(Error::Newcomers(who)) if who[0].as_str() == "mallory"), "{outcome:?}");
        }
        for outcome in [bobs.send("for alice").await.map(drop), bobs.rejoin(&[]).await, bob.sync().await] {
            outcome.unwrap_err();
        }
        assert_eq!(names(&bobs).await, ["alice", "bob"]);
        assert_eq!((liar.posted("/messages"), liar.posted("/ack")), (0, 0));
        let told = news(&mut to_bob).await;
        assert!(!told.iter().any(|event| matches!(event, Event::Joined { .. } | Event::Rejoined { .. })), "{told:?}");
        liar.be_honest();
        bobs.rejoin(&[]).await.unwrap();
        alice.sync().await.unwrap();
        agree(&[&room, &bobs]).await;
    }
}
