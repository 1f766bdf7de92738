//! A server that always has more to tell keeps nobody from anything else; and what is much is read in the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

extern crate alloc;

mod common;
mod liar;

use core::time::Duration;

use cenacle::{Error, Event, Recovery, transport::Request};
use cenacle_service::wire::{Log, LogRecord, Queue, RecordKind};
use common::{agree, texts};
use liar::{Pair, answer, lineage_of};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_says_there_is_more_and_gives_nothing_is_not_understood() {
    let pair = Pair::new(Recovery::Ask).await;
    pair.say("one").await;
    let empty = Queue { items: Vec::new(), more: true };
    pair.liar.answer(move |request: &mut Request| {
        request.path.starts_with("/v1/queue?").then(|| answer(200, &empty)).flatten()
    });
    let synced = timeout(PATIENCE, pair.bob.sync()).await.unwrap();
    assert!(matches!(synced, Err(Error::NotUnderstood)), "{synced:?}");
    assert_eq!(texts(&pair.bobs).await, ["one"], "it keeps nothing else from being read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_end_leaves_others_their_turn() {
    let pair = Pair::new(Recovery::Ask).await;
    let other = pair.bob.create_conversation("another").await.unwrap();
    let (id, other_id) = (pair.bobs.id().to_string(), other.id().to_string());
    assert_ne!(id, other_id);
    let lineage = lineage_of(&pair).await;
    pair.say("news").await;
    pair.liar.answer(move |request: &mut Request| {
        if !request.path.contains(&format!("/{id}/log?")) {
            return None;
        }
        let from = request.path.split_once("from=").unwrap().1.split_once('&').unwrap().0;
        let seq: u64 = from.parse().unwrap();
        let message = b"nothing".as_slice().to_vec().into();
        let record = LogRecord { seq, kind: RecordKind::Application, epoch: 1, received_at: 0, message };
        answer(200, &Log { lineage, epoch: 1, head: u64::MAX - 1, records: vec![record] })
    });
    let bob = pair.bob.clone();
    let endless = tokio::spawn(async move { bob.sync().await });
    for text in ["one", "two", "three"] {
        timeout(PATIENCE, other.send(text)).await.unwrap().unwrap();
    }
    assert!(!endless.is_finished());
    pair.liar.be_honest();
    // It has been led far beyond the log.
    let synced = timeout(PATIENCE, endless).await.unwrap().unwrap();
    assert!(matches!(synced, Err(Error::ServerChanged)), "{synced:?}");
}

/// Much has been said, and the server tells it one by one.
async fn much(count: usize) -> Pair {
    let pair = Pair::new(Recovery::Ask).await;
    for number in 0..count {
        pair.alices.send(&number.to_string()).await.unwrap();
    }
    pair.alice.sync().await.unwrap();
    pair.liar.answer(|request: &mut Request| {
        request.path = request.path.replace("limit=256", "limit=1");
        None
    });
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_much_is_read_in_several_turns() {
    let pair = much(40).await;
    pair.bob.sync().await.unwrap();
    assert_eq!(texts(&pair.bobs).await.len(), 40);

    let pair = much(40).await;
    pair.bobs.rotate().await.unwrap();
    assert_eq!(texts(&pair.bobs).await.len(), 40);
    pair.alice.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_much_is_passed_over_in_several_turns() {
    let mut pair = much(40).await;
    pair.bobs.rejoin(&[]).await.unwrap();
    let told = pair.bobs_news().await;
    let unread: Vec<u64> = told
        .iter()
        .filter_map(|event| if let Event::Rejoined { unread, .. } = event { Some(*unread) } else { None })
        .collect();
    assert_eq!(unread, [40], "once: {told:?}");
    pair.alice.sync().await.unwrap();
    pair.bob.sync().await.unwrap();
    agree(&[&pair.alices, &pair.bobs]).await;
}
