//! What fails halfway leaves a conversation as it was.

use cenacle_codec::{Decode as _, Reader, Writer};
use cenacle_mls::{
    delta::{Change, Delta, RowKey, Store as _, Table},
    group::CommitSummary,
    wire::MlsMessage,
};

use super::{
    super::Engine,
    common::agree,
    liar::{Pair, answer},
};
use crate::{ConversationId, Error, Recovery, state, transport::Request};

/// Answers whatever is posted to paths that end so with this status.
fn answer_all(pair: &Pair, end: &'static str, status: u16) {
    pair.liar.answer(move |request: &mut Request| {
        request.path.ends_with(end).then(|| answer(status, &"out of order")).flatten()
    });
}

/// Does something to Bob's state behind his back.
async fn meddle(pair: &Pair, how: fn(&mut Engine, &ConversationId) -> Result<(), Error>) {
    let id = pair.bobs.id().clone();
    pair.bob.engine().ask(move |engine| Box::pin(async move { how(engine, &id) })).await.unwrap();
}

/// How much waits in Bob's outbox: in memory, and in the store.
async fn waiting(pair: &Pair) -> (usize, usize) {
    let id = pair.bobs.id().clone();
    let count = pair.bob.engine().ask(move |engine| {
        Box::pin(async move {
            let rows = engine.store.rows(&RowKey::of_group(state::OUTBOX, &id.to_group_id()))?;
            Ok((engine.room(&id)?.outbox.len(), rows.len()))
        })
    });
    count.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_withdrawn_waits_on() {
    let pair = Pair::new(Recovery::Ask).await;
    answer_all(&pair, "/messages", 500);
    assert!(matches!(pair.bobs.send("one").await, Err(Error::Refused(_))));
    meddle(&pair, |engine, id| {
        let mut delta = Delta::new();
        for (key, _) in engine.store.rows(&RowKey::of_group(state::HISTORY, &id.to_group_id()))? {
            delta.put(key, vec![0]);
        }
        engine.write(&delta)
    })
    .await;
    answer_all(&pair, "/messages", 400);
    for _ in 0..2 {
        assert!(matches!(pair.bob.sync().await, Err(Error::Corrupt(_))));
        assert_eq!(waiting(&pair).await, (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_withdrawn_waits_on() {
    let pair = Pair::new(Recovery::Ask).await;
    answer_all(&pair, "/commits", 500);
    assert!(matches!(pair.bobs.rotate().await, Err(Error::Refused(_))));
    meddle(&pair, |engine, id| {
        let room = engine.rooms.get_mut(id).unwrap();
        let discarded = room.group.discard_pending()?;
        Ok(room.group.merge(discarded, &mut engine.store)?)
    })
    .await;
    answer_all(&pair, "/commits", 400);
    for _ in 0..2 {
        assert!(matches!(pair.bob.sync().await, Err(Error::Mls(_))));
        assert_eq!(waiting(&pair).await, (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_to_a_state_that_does_not_load_loses_nothing() {
    let pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    pair.bob.sync().await.unwrap();
    answer_all(&pair, "/commits", 500);
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::Refused(_))));
    meddle(&pair, |engine, id| {
        let key = RowKey::of_group(Table::PENDING_JOIN, &id.to_group_id());
        let row = engine.store.row(&key)?.unwrap();
        let mut from = Reader::new(row.expose());
        let (message, summary) = (MlsMessage::decode(&mut from)?, CommitSummary::decode(&mut from)?);
        let mut changes = Vec::<Change>::decode(&mut from)?;
        let before = changes.len();
        changes.retain(|change| !matches!(change, Change::Put(key, _) if key.table == Table::EPOCH));
        assert_eq!((changes.len(), from.is_empty()), (before - 1, true));
        let mut out = Writer::new();
        out.put(&message).put(&summary).put(&changes);
        let mut delta = Delta::new();
        delta.put(key, out.finish()?);
        engine.write(&delta)
    })
    .await;
    pair.liar.be_honest();
    assert!(matches!(pair.bobs.rejoin(&[]).await, Err(Error::Mls(_))));
    assert_eq!(pair.bobs.history().await.unwrap().len(), 1);
    pair.bobs.rejoin(&[]).await.unwrap();
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}
