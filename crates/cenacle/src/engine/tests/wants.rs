//! Members who want what no conversation is for.

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error as MlsError,
    group::{AcceptAll, Group, Inputs, Transition},
    wire::{Extensions, MlsMessage, ProtocolVersion, ReInit},
};
use cenacle_service::wire::{PostCommit, PostMessage};

use super::liar::Pair;
use crate::{Client, ConversationId, Error, Event, Loss, Recovery, engine::now_seconds};

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
