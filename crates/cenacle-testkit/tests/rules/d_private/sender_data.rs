//! Encrypted sender data (RFC 9420 §6.3.2).

use cenacle_mls::{group::Received, wire::ContentType};

use super::{data, header};
use crate::common::*;

/// §6.3.2: Sender data names a leaf that is not blank.
#[test]
fn r081_sender_data_of_a_blank_leaf() {
    let mut trial = Trial::new(81);
    let dave = trial.leaf("dave");
    trial.commit("carol", |commit| commit.remove(cenacle_mls::wire::LeafIndex(dave)));
    for leaf in [dave, 4, 1 << 20, 1 << 31, u32::MAX] {
        for plan in [data(), Plan::proposal(Proposal::Remove(2)).private(), Plan::commit().private()] {
            let bad = trial.alice.make(plan.seal(|seal| seal.sender_data.leaf_index = leaf));
            trial.refuses(&bad, Rule::SenderIsMember);
        }
    }
    let twin = trial.alice.make(data());
    trial.accepts(&twin);
}

/// §6.3.2: Whoever names the receiver as the sender does not use up the receiver's keys.
#[test]
fn r082_sender_data_of_the_receiver() {
    let mut trial = Trial::new(82);
    let own = trial.leaf("bob");
    let claim = |plan: Plan<'static>| {
        plan.sender(Sender::Member(own)).seal(move |seal| {
            (seal.ratchet_leaf, seal.sender_data.leaf_index) = (own, own);
        })
    };
    // A key that Bob has not used: he can tell that the signature is not his.
    let bad = trial.alice.make(claim(data().generation(0)));
    trial.refuses(&bad, What::ContentSignature);
    // One that he has: it is gone, and nothing is left of the claim.
    let sent = trial.performs(|group, _, rng| group.protect(b"from bob", b"", rng));
    let bad = trial.alice.make(claim(data().generation(0)));
    let before = trial.world.at("bob").visible();
    let received = trial.receive("bob", &bad.bytes).unwrap();
    assert!(matches!(received, Received::OwnMessage(ContentType::Application)));
    trial.assert_untouched("bob", &before);
    trial.sends(&sent);
    let message = trial.performs(|group, _, rng| group.protect(b"and again", b"", rng));
    trial.sends(&message);
}

/// §6.3.2: Sender data is bound to group, epoch and content type.
#[test]
fn r084_sender_data_under_another_header() {
    let mut trial = Trial::new(84);
    let (group_id, epoch) = (trial.alice.context.group_id.clone(), trial.alice.context.epoch);
    let others = [
        header(b"another", epoch, code::APPLICATION),
        header(&group_id, epoch + 1, code::APPLICATION),
        header(&group_id, epoch, code::COMMIT),
        Vec::new(),
    ];
    for aad in others {
        let bad = trial.alice.make(data().seal(|seal| seal.sender_data_aad = Some(aad.clone())));
        trial.refuses(&bad, What::SenderData);
    }
    // What anyone can do on the way.
    let bad = trial.alice.make(data().sealed(|sealed| sealed.content_type = code::COMMIT));
    trial.refuses(&bad, What::SenderData);
    let bad = trial.alice.make(data().sealed(|sealed| sealed.encrypted_sender_data[3] ^= 1));
    trial.refuses(&bad, What::SenderData);
    let twin = trial.alice.make(data());
    trial.accepts(&twin);
}
