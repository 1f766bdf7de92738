//! Members who want what no conversation is for, and members who ask for something that another commits.

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error as MlsError,
    group::{AcceptAll, Group, Inputs, Transition},
    wire::{Extensions, MlsMessage, ProtocolVersion, ReInit},
};
use cenacle_service::wire::{PostCommit, PostMessage};

use super::{
    common::{World, names},
    liar::{Liar, Pair, lied_to, news},
};
use crate::{Client, Conversation, ConversationId, Error, Event, Loss, MemberId, Recovery, engine::now_seconds};

type Made = Result<Transition<MlsMessage>, MlsError>;

/// Posts a proposal that an SDK does not make.
async fn propose(client: &Client, id: &ConversationId, make: impl FnOnce(&Group) -> Made + Send + 'static) {
    let id = id.clone();
    let post = client.engine().ask(move |engine| {
        Box::pin(async move {
            let room = engine.rooms.get_mut(&id).unwrap();
            let transition = make(&room.group)?;
            let message = room.group.merge(transition, &mut engine.store)?;
            let post = PostMessage { epoch: room.group.epoch().0, message: message.to_bytes()?.into() };
            engine.api.message(&id.0, &post).await.map(drop)
        })
    });
    post.await.unwrap();
}

/// Posts a commit that an SDK does not make.
async fn commit(client: &Client, id: &ConversationId, reinit: Option<ReInit>, extensions: Option<Extensions>) {
    let id = id.clone();
    let post = client.engine().ask(move |engine| {
        Box::pin(async move {
            let group = &engine.room(&id)?.group;
            let mut builder = group.commit();
            if let Some(reinit) = reinit {
                builder = builder.reinit(reinit);
            }
            if let Some(extensions) = extensions {
                builder = builder.extensions(extensions);
            }
            let careless = Inputs::new(&AcceptAll).at(now_seconds());
            let transition = builder.build(&careless, &mut SystemRng)?;
            let room = engine.rooms.get_mut(&id).unwrap();
            let bundle = room.group.merge(transition, &mut engine.store)?;
            let post = PostCommit {
                epoch: room.group.epoch().0,
                commit: bundle.commit.to_bytes()?.into(),
                welcomes: Vec::new(),
                group_info_sealed: false,
                group_info: None,
                ratchet_tree: None,
                added: Vec::new(),
                removed: Vec::new(),
            };
            engine.api.commit(&id.0, &post).await.map(drop)
        })
    });
    post.await.unwrap();
}

fn reinit() -> ReInit {
    ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        extensions: Extensions::default(),
    }
}

/// The context's extensions with the client as an external sender.
async fn with_sender(client: &Client, id: &ConversationId) -> Extensions {
    let id = id.clone();
    let extensions = client.engine().ask(move |engine| {
        Box::pin(async move {
            let mut extensions = engine.room(&id)?.group.public().extensions().clone();
            extensions.push_external_senders(&vec![engine.me()?.mls.external_sender()])?;
            Ok(extensions)
        })
    });
    extensions.await.unwrap()
}

async fn extensions_of(client: &Client, id: &ConversationId) -> Extensions {
    let id = id.clone();
    let extensions = client
        .engine()
        .ask(move |engine| Box::pin(async move { Ok(engine.room(&id)?.group.public().extensions().clone()) }));
    extensions.await.unwrap()
}

fn is_refusal(error: &MlsError) -> bool {
    matches!(error, MlsError::Refused(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_of_what_no_conversation_uses_is_refused_and_told() {
    for reinits in [false, true] {
        let mut pair = Pair::new(Recovery::Ask).await;
        let id = pair.bobs.id().clone();
        let (before, wanted) = (extensions_of(&pair.bob, &id).await, with_sender(&pair.alice, &id).await);
        propose(&pair.alice, &id, move |group| match reinits {
            true => group.propose_reinit(reinit(), &mut SystemRng),
            false => group.propose_extensions(wanted, &mut SystemRng),
        })
        .await;
        pair.bob.sync().await.unwrap();
        let told = pair.bobs_news().await;
        let refused = |event: &Event| matches!(event, Event::Rejected { reason, .. } if matches!(&**reason, Error::Mls(error) if is_refusal(error)));
        assert!(told.iter().any(refused), "{told:?}");
        // Neither who wanted it commits it, nor who was asked.
        pair.bobs.send("still here").await.unwrap();
        pair.alice.sync().await.unwrap();
        pair.alices.rotate().await.unwrap();
        pair.bob.sync().await.unwrap();
        for client in [&pair.alice, &pair.bob] {
            assert_eq!(extensions_of(client, &id).await, before);
        }
        pair.bobs.send("and here").await.unwrap();
        pair.alices.send("as before").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_what_no_conversation_uses_is_not_followed_and_the_loss_is_told() {
    for reinits in [false, true] {
        let mut pair = Pair::new(Recovery::Ask).await;
        let id = pair.bobs.id().clone();
        let (before, wanted) = (extensions_of(&pair.bob, &id).await, with_sender(&pair.alice, &id).await);
        commit(&pair.alice, &id, reinits.then(reinit), (!reinits).then_some(wanted)).await;
        let outcome = pair.bob.sync().await;
        assert!(matches!(&outcome, Err(Error::Diverged { error, .. }) if is_refusal(error)), "{outcome:?}");
        let loss = pair.loss().await;
        assert!(matches!(&loss, Loss::Diverged { error, .. } if is_refusal(error)), "{loss:?}");
        assert_eq!(pair.bobs.loss().await.unwrap(), Some(loss));
        assert_eq!(extensions_of(&pair.bob, &id).await, before);
        let outcome = pair.bobs.send("into the void").await;
        assert!(matches!(outcome, Err(Error::Diverged { .. })), "{outcome:?}");
    }
}

/// Who came, who went and who wanted it, as one was told.
fn changes<'a>(told: &'a [Event]) -> Vec<(Vec<&'a str>, Vec<&'a str>, &'a str)> {
    let names = |who: &'a [MemberId]| who.iter().map(|who| who.name.as_str()).collect();
    let change = |event: &'a Event| {
        let Event::MembersChanged { added, removed, by, .. } = event else { return None };
        Some((names(added), names(removed), by.as_ref().map_or("nobody", |by| by.name.as_str())))
    };
    told.iter().filter_map(change).collect()
}

async fn leaf_of(conversation: &Conversation, name: &str) -> u32 {
    let members = conversation.members().await.unwrap();
    members.iter().find(|member| member.id.name.as_str() == name).unwrap().leaf
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_is_told_apart_from_who_committed() {
    let world = World::new().await;
    let liar = Liar::of(&world);
    // Nobody does anything before being told to.
    let mut clients = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "eve"] {
        clients.push(lied_to(&world, &liar, name, Recovery::Ask).await);
    }
    let [alice, bob, carol, dave, _eve] = clients.as_slice() else { panic!() };
    let mut events: Vec<_> = clients.iter().map(Client::events).collect();
    let room = alice.create_conversation("five").await.unwrap();
    let id = room.id().clone();
    for name in ["bob", "carol", "dave"] {
        room.invite(name).await.unwrap();
    }
    for client in [bob, carol, dave] {
        client.sync().await.unwrap();
    }
    for events in &mut events {
        news(events).await;
    }
    let daves = leaf_of(&room, "dave").await;
    propose(bob, &id, move |group| group.propose_remove(cenacle_mls::wire::LeafIndex(daves), &mut SystemRng)).await;
    // Alice commits it, unasked, with something of her own.
    room.invite("eve").await.unwrap();
    assert_eq!(names(&room).await, ["alice", "bob", "carol", "eve"]);
    for client in [bob, carol, dave] {
        client.sync().await.unwrap();
    }
    for index in [0, 1, 2] {
        let told = news(&mut events[index]).await;
        let expected = [(vec!["eve"], vec![], "alice"), (vec![], vec!["dave"], "bob")];
        assert_eq!(changes(&told), expected, "{index}: {told:?}");
    }
    let told = news(&mut events[3]).await;
    let by = told.iter().find_map(|event| if let Event::Removed { by, .. } = event { by.as_ref() } else { None });
    assert_eq!(by.map(|by| by.name.as_str()), Some("bob"), "{told:?}");
}
