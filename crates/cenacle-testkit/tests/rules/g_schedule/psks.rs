//! Pre-shared keys (RFC 9420 §8.4, §8.6).

use alloc::collections::BTreeSet;

use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    wire::{Epoch as EpochNumber, Psk as MlsPsk},
};

use crate::common::*;

fn using(id: &PreSharedKeyId) -> Plan<'static> {
    Plan::commit().with([Proposal::PreSharedKey(id.clone())])
}

/// §8.4: A sender draws a fresh nonce of the KDF's length for every use of a PSK.
#[test]
fn r159_nonces_that_are_sent() {
    let mut trial = Trial::new(159);
    let psk = trial.shared_psk(b"known");
    let mut nonces = BTreeSet::new();
    for _ in 0..20 {
        let known = || MlsPsk::External(b"known".as_slice().into());
        let commit = trial.performs(|group, inputs, rng| group.commit().psk(known()).psk(known()).build(inputs, rng));
        let read = trial.alice.clone().hear(&commit.commit.to_bytes().unwrap());
        trial.performs(|group, _, _| group.discard_pending());
        let Content::Commit(Commit { proposals, .. }) = read else { panic!("a commit") };
        for proposal in proposals {
            let ProposalOrRef::Proposal(Proposal::PreSharedKey(id)) = proposal else { panic!("a PSK") };
            assert_eq!((&id.psk, id.psk_nonce.len()), (&psk, 32));
            assert!(nonces.insert(id.psk_nonce), "a nonce came twice");
        }
    }
    assert_eq!(nonces.len(), 40);
    trial.goes_on();
}

/// §8.4: A PSK's nonce has the KDF's length.
#[test]
fn r160_nonce_of_another_length() {
    let mut trial = Trial::new(160);
    let psk = trial.shared_psk(b"known");
    let id = trial.alice.psk_id(psk);
    for length in [0, 31, 33] {
        let mut bad = id.clone();
        bad.psk_nonce.resize(length, 1);
        trial.refuses_proposal(&Proposal::PreSharedKey(bad.clone()), Rule::PskNonceLength);
        trial.refuses_commit([Proposal::PreSharedKey(bad)], Rule::PskNonceLength);
    }
    let twin = trial.alice.make(using(&id));
    trial.accepts(&twin);
}

/// §8.4: PSKs are folded in in the order of the commit, and of the Welcome.
#[test]
fn r161_order_of_psks() {
    let mut trial = Trial::new(161);
    let erin = trial.newcomer("erin");
    let ids = [&b"first"[..], b"second"].map(|name| trial.shared_psk(name)).map(|psk| trial.alice.psk_id(psk));
    let of_list = |list: &[&PreSharedKeyId]| {
        let psks: Vec<_> = list.iter().map(|id| ((*id).clone(), trial.alice.psks[&id.psk].clone())).collect();
        schedule::psk_secret(&*trial.alice.suite, &psks)
    };
    let (swapped, first_alone) = (of_list(&[&ids[1], &ids[0]]), of_list(&[&ids[0]]));
    let plan = || using(&ids[0]).with([Proposal::PreSharedKey(ids[1].clone()), Proposal::add(&erin)]);
    for psk_secret in [swapped, first_alone, vec![0; 32]] {
        let bad = trial.alice.make(Plan { psk_secret: Some(psk_secret), ..plan() });
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.psks.swap(0, 1)));
    trial.refuses_welcome("erin", bad.welcome(), What::Welcome);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §8.4: The PSKs of a commit are counted in 16 bits.
#[test]
fn r162_more_psks_than_can_be_counted() {
    let mut trial = Trial::new(162);
    let psk = trial.shared_psk(b"known");
    let id = trial.alice.psk_id(psk);
    let numbered = (0..65_536u32).map(|number| {
        let mut id = id.clone();
        id.psk_nonce[..4].copy_from_slice(&number.to_be_bytes());
        Proposal::PreSharedKey(id)
    });
    let bad = Plan { psk_secret: Some(vec![1; 32]), ..Plan::commit().with(numbered) };
    let bad = trial.alice.make(bad);
    trial.refuses(&bad, Rule::PskCountFits);
    let many = |count: usize| {
        move |group: &cenacle_mls::group::Group,
              inputs: &cenacle_mls::group::Inputs<'_>,
              rng: &mut dyn cenacle_crypto::Rng| {
            let known = || MlsPsk::External(b"known".as_slice().into());
            (0..count).fold(group.commit(), |commit, _| commit.psk(known())).build(inputs, rng)
        }
    };
    trial.refuses_call(many(65_536), Rule::PskCountFits);
    let twin = trial.performs(many(300));
    trial.sends(&twin.commit);
}

/// §8.4: A resumption PSK is that of the very group and epoch that are named.
#[test]
fn r163_resumption_psk_of_another_epoch() {
    let mut trial = Trial::new(163);
    trial.goes_on();
    let (group_id, epoch) = (trial.alice.context.group_id.clone(), trial.alice.context.epoch);
    let named = |group_id: &[u8], epoch| Psk::Resumption {
        usage: code::USAGE_APPLICATION,
        psk_group_id: group_id.to_vec(),
        psk_epoch: epoch,
    };
    // Kept, but another than what Alice folds in.
    let right = trial.alice.psks[&named(&group_id, epoch)].clone();
    let before = trial.alice.psk_id(named(&group_id, epoch - 1));
    let fold = schedule::psk_secret(&*trial.alice.suite, &[(before.clone(), right)]);
    let bad = trial.alice.make(Plan { psk_secret: Some(fold), ..using(&before) });
    trial.refuses(&bad, What::ConfirmationTag);
    // Not there: a coming epoch, and the same epoch of another group.
    for psk in [named(&group_id, epoch + 1), named(&group_id, u64::MAX), named(b"another", epoch)] {
        let id = trial.alice.psk_id(psk);
        let bad = trial.alice.make(using(&id));
        trial.refuses(&bad, missing_psk(&id));
    }
    let twin = trial.alice.make(using(&before));
    trial.accepts(&twin);
}

/// §8.4: A commit with a PSK that is not known changes nothing.
#[test]
fn r164_unknown_psk() {
    let mut trial = Trial::new(164);
    let (known, stranger) = (trial.shared_psk(b"known"), Psk::External(b"stranger".to_vec()));
    let ids = [known, stranger].map(|psk| trial.alice.psk_id(psk));
    for private in [false, true] {
        let bad = trial.alice.make(using(&ids[0]).with([Proposal::PreSharedKey(ids[1].clone())]).framed(private));
        trial.refuses(&bad, missing_psk(&ids[1]));
    }
    let twin = trial.alice.make(using(&ids[0]));
    trial.accepts(&twin);
}

/// §8.6: Only so many resumption PSKs are kept.
#[test]
fn r167_resumption_psks_are_bounded() {
    let mut world = Trial::world(167, 1);
    world.settings.limits.resumption_psks = 4;
    let mut trial = Trial::of(world.group_of(&["alice", "bob", "carol"]));
    for _ in 0..30 {
        trial.goes_on();
    }
    let bob = trial.world.at("bob");
    let kept = bob.disk.rows(&RowKey::of_group(Table::RESUMPTION_PSK, bob.group().group_id())).unwrap();
    assert_eq!(kept.len(), 4);
    let epoch = bob.group().epoch().0;
    let there = |back| bob.group().resumption_psk(EpochNumber(epoch - back)).is_some();
    assert!(there(0) && there(3) && !there(4) && !there(20));
    let gone = trial.alice.psk_id(trial.alice.resumption(epoch - 4));
    let bad = trial.alice.make(using(&gone));
    trial.refuses(&bad, missing_psk(&gone));
    let last = trial.alice.psk_id(trial.alice.resumption(epoch - 3));
    let twin = trial.alice.make(using(&last));
    trial.accepts(&twin);
}
