//! Messages of other epochs (RFC 9420 §14, §15.3).

use cenacle_mls::wire::Epoch as EpochNumber;

use super::{of_every_kind, proposal};
use crate::common::*;

/// §14: A handshake of an epoch that is over is refused.
#[test]
fn r069_handshake_of_a_past_epoch() {
    let mut trial = Trial::new(69);
    let mut before = trial.alice.clone();
    trial.goes_on();
    let stale = Error::Stale(EpochNumber(before.context.epoch));
    for plan in [proposal(), proposal().private(), Plan::commit(), Plan::commit().private()] {
        let bad = before.make(plan);
        trial.refuses(&bad, stale.clone());
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §14: A message of an epoch that has not begun is refused.
#[test]
fn r070_message_of_a_coming_epoch() {
    let mut trial = Trial::new(70);
    let mut next = trial.alice.make(Plan::commit()).next().insider.clone();
    for epoch in [next.context.epoch, 1 << 63, u64::MAX] {
        next.context.epoch = epoch;
        for plan in of_every_kind().into_iter().filter(|plan| epoch < u64::MAX || plan.subject != Subject::default()) {
            let bad = next.make(plan);
            trial.refuses(&bad, Error::Future(EpochNumber(epoch)));
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}
