//! Framing and content authentication (RFC 9420 §6, §6.1, §6.2).

mod epochs;
mod senders;
mod tags;

use crate::common::*;

/// A proposal that stands or falls with its framing.
fn proposal<'a>() -> Plan<'a> {
    Plan::proposal(Proposal::Remove(3))
}

/// One plan of each kind of content that a member may send, in each framing it may have.
fn of_every_kind<'a>() -> Vec<Plan<'a>> {
    vec![Plan::application(b"data"), proposal(), proposal().private(), Plan::commit(), Plan::commit().private()]
}

/// §6: Application data travels only as PrivateMessage.
#[test]
fn r043_application_data_in_the_clear() {
    let mut trial = Trial::new(43);
    let bad = trial.alice.make(Plan::application(b"to everyone").public());
    trial.refuses(&bad, Rule::ApplicationDataIsEncrypted);
    let twin = trial.alice.make(Plan::application(b"to everyone"));
    trial.accepts(&twin);
}

/// §6: A message belongs to the group it names.
#[test]
fn r044_message_of_another_group() {
    let mut trial = Trial::new(44);
    // The same members with the same secrets in the same epoch, under another name.
    let mut elsewhere = trial.alice.clone();
    elsewhere.context.group_id = b"the other group".to_vec();
    for plan in of_every_kind() {
        let bad = elsewhere.make(plan);
        trial.refuses(&bad, Rule::GroupIdMatches);
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}
