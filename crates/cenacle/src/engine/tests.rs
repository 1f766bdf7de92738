//! What needs a look inside: the stock of key packages, and members who make what an SDK does not make.

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../../tests/liar/mod.rs"]
mod liar;
mod wants;

mod failures;
mod offers;

use alloc::sync::Arc;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error as MlsError,
    group::{AcceptAll, CommitBuilder, Inputs},
    wire::{Capabilities, CredentialType, Epoch, KeyPackage, MlsMessage, MlsMessageBody, ProtocolVersion},
};
use cenacle_service::wire::{
    ContentHash, GroupInfoAnswer, KeyPackageKind, PostMessage, Queue, QueueItem, TakenKeyPackage, TakenKeyPackages,
};
use cenacle_store::MemoryStore;

use super::{Engine, description, key_packages, now_seconds};
use crate::{
    Client, Content, Conversation, ConversationId, Error, Event, MessageId, Recovery, payload::Payload,
    transport::Request,
};
use common::{World, agree, joined, names, texts};
use liar::{Liar, Pair, answer, lied_to, news, suspicion};

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

/// What a device offers that knows nothing of this SDK's extensions.
async fn plain_key_package(of: &Client) -> Vec<u8> {
    let make = of.engine().ask(|engine| {
        Box::pin(async {
            let me = engine.me()?;
            let capabilities = Capabilities {
                versions: vec![ProtocolVersion::MLS10],
                cipher_suites: vec![me.account.cipher_suite],
                credentials: vec![CredentialType::BASIC],
                ..Capabilities::default()
            };
            let client = me.mls.clone().with_capabilities(capabilities);
            let made = client.key_package(key_packages::lifetime(), false, &mut SystemRng)?;
            Ok(made.persist(&mut MemoryStore::default()).unwrap().to_bytes()?)
        })
    });
    make.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_package_that_does_not_fit_holds_up_nobody() {
    let world = World::new().await;
    let (carol, dave) = (world.client("carol").await, world.client("dave").await);
    let liar = Liar::of(&world);
    let alice = lied_to(&world, &liar, "alice", Recovery::Ask).await;
    let room = alice.create_conversation("three").await.unwrap();
    let taken = TakenKeyPackage {
        device_id: carol.id().await.unwrap().unwrap().device,
        kind: KeyPackageKind::Normal,
        key_package: plain_key_package(&carol).await.into(),
    };
    liar.answer(move |request: &mut Request| {
        let taken = TakenKeyPackages { key_packages: vec![taken.clone()], exhausted: Vec::new() };
        request.path.ends_with("/carol/key-packages/take").then(|| answer(200, &taken)).flatten()
    });
    let outcome = room.invite("carol").await;
    let Err(Error::GivenUp(reason)) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(*reason, Error::Mls(MlsError::Invalid(_))), "{reason:?}");
    let (mut to_alice, mut to_dave) = (alice.events(), dave.events());
    liar.cut_after(0, false);
    for name in ["carol", "dave"] {
        assert!(matches!(room.invite(name).await, Err(Error::Offline(_))));
    }
    assert!(liar.mend());
    news(&mut to_alice).await;
    alice.sync().await.unwrap();
    let told = news(&mut to_alice).await;
    let dropped = told.iter().filter(|event| matches!(event, Event::Dropped { .. })).count();
    assert_eq!(dropped, 1, "{told:?}");
    let daves = joined(&dave, &mut to_dave).await;
    agree(&[&room, &daves]).await;
    liar.be_honest();
    room.invite("carol").await.unwrap();
    assert_eq!(names(&room).await, ["alice", "carol", "dave"]);
}

/// Says something under an identifier of one's choice.
async fn say_as(client: &Client, id: &ConversationId, name: MessageId, text: &str) {
    let (id, payload) = (id.clone(), Payload { id: name, content: Content::Text(text.into()) });
    let say = client.engine().ask(move |engine| {
        Box::pin(async move {
            let room = engine.rooms.get_mut(&id).unwrap();
            let evidence = room.view.evidence().to_bytes()?;
            let transition = room.group.protect(&payload.to_bytes()?, &evidence, &mut SystemRng)?;
            let message: MlsMessage = room.group.merge(transition, &mut engine.store)?;
            let post = PostMessage { epoch: room.group.epoch().0, message: message.to_bytes()?.into() };
            engine.api.message(&id.0, &post).await.map(drop)
        })
    });
    say.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_is_its_senders_own_and_stands_for_one_message() {
    let mut pair = Pair::new(Recovery::Ask).await;
    let carol = pair.world.client("carol").await;
    let mut to_carol = carol.events();
    pair.alices.invite("carol").await.unwrap();
    joined(&carol, &mut to_carol).await;
    let (id, name) = (pair.bobs.id().clone(), MessageId([7; 16]));
    say_as(&carol, &id, name, "one").await;
    for text in ["two", "two", "three"] {
        say_as(&pair.alice, &id, name, text).await;
    }
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await, ["one", "two"]);
    let told = pair.bobs_news().await;
    let refused: Vec<_> = told.iter().filter(|event| matches!(event, Event::Rejected { .. })).collect();
    assert!(matches!(*refused, [Event::Rejected { seq: 7, .. }]), "{told:?}");
}

/// Whoever was a member once can seal what claims to be a description.
#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_is_not_sound_proves_no_fork() {
    let mut pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    let id = pair.alices.id().clone();
    let seal = pair.alice.engine().ask(move |engine| {
        Box::pin(async move {
            let group = &engine.room(&id)?.group;
            let mut message = group.group_info(true, true)?;
            let MlsMessageBody::GroupInfo(info) = &mut message.body else { panic!() };
            info.group_context.confirmed_transcript_hash = Default::default();
            let (suite, epoch) = (engine.me()?.mls.suite(), Epoch(group.epoch().0));
            Ok(description::seal(suite, group.public(), epoch, &message, &mut SystemRng)?.unwrap())
        })
    });
    let false_one = Arc::new(seal.await.unwrap());
    pair.liar.answer(move |request: &mut Request| {
        let group_info = false_one.to_vec().into();
        let described = GroupInfoAnswer { epoch: 1, seq: 2, group_info, ratchet_tree: None };
        request.path.ends_with("/group-info").then(|| answer(200, &described)).flatten()
    });
    // And the server gives a reason to look.
    pair.liar.log(|mut records| {
        let record = records.last_mut().unwrap();
        let mut message = MlsMessage::from_bytes(record.message.as_slice()).unwrap();
        let MlsMessageBody::PrivateMessage(private) = &mut message.body else { panic!() };
        let mut data = private.authenticated_data.to_vec();
        data[5] ^= 1;
        private.authenticated_data = data.into();
        record.message = message.to_bytes().unwrap().into();
        records
    });
    pair.bob.sync().await.unwrap();
    let told = pair.bobs_news().await;
    assert!(suspicion(&told).is_some(), "{told:?}");
    assert_eq!(pair.bobs.loss().await.unwrap(), None);
}
