//! Keys of the signature scheme (RFC 9420 §5.1.1, §5.1.2).

use alloc::sync::Arc;

use cenacle_crypto::Signer;

use super::bad_p256;
use crate::common::*;

/// Points of Ed25519 whose order divides eight: under them anyone can sign.
fn small_order() -> Vec<Vec<u8>> {
    let ends = |low, middle, high| [vec![low], vec![middle; 30], vec![high]].concat();
    let eight = [
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ];
    let eight = eight.map(|point| hex::decode(point).unwrap());
    let points = [ends(1, 0, 0), ends(0xec, 0xff, 0x7f), ends(0, 0, 0)].into_iter().chain(eight);
    let marked = |point: &Vec<u8>| [&point[..31], &[point[31] | 0x80]].concat();
    points.flat_map(|point| [marked(&point), point]).collect()
}

/// What is no Ed25519 key: of another length, y not below the prime, no point at all.
fn bad_ed25519() -> Vec<Vec<u8>> {
    let ends = |low, middle, high| [vec![low], vec![middle; 30], vec![high]].concat();
    let high = [0xed, 0xee, 0xff].into_iter().flat_map(|low| [ends(low, 0xff, 0x7f), ends(low, 0xff, 0xff)]);
    [Vec::new(), vec![9; 31], vec![9; 33], vec![4; 65], ends(2, 0, 0)].into_iter().chain(high).collect()
}

/// What anyone can sign with under a point of small order: the identity and zero.
fn by_anyone(leaf: &mut LeafNode) {
    leaf.signature = [&[1][..], &[0; 63]].concat();
}

/// A leaf with this key is refused wherever leaves come from.
fn refuses_key(trial: &mut Trial, key: &[u8], by: &Arc<dyn Signer>, signs: &[Spoil<'_, LeafNode>]) {
    const RULE: Rule = Rule::PublicKeyWellFormed;
    for sign in signs {
        let change = |leaf: &mut LeafNode| leaf.signature_key = key.to_vec();
        let mut frank = Insider::nobody(&trial.alice.suite, "frank", 23);
        frank.signers.insert(key.to_vec(), Arc::clone(by));
        let bad = frank.key_package_with(change, |package| sign(&mut package.leaf_node));
        trial.refuses_key_package(&bad, RULE);
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&bad)]));
        trial.refuses(&bad, RULE);
        trial.alice.signers.insert(key.to_vec(), Arc::clone(by));
        let mut leaf = trial.alice.leaf_node(change);
        sign(&mut leaf);
        let bad = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
        trial.refuses(&bad, RULE);
        let bad = trial.alice.make(Plan::commit().private().leaf(change).signed_leaf(sign));
        trial.refuses(&bad, RULE);
        let mallory = trial.alice.outsider("mallory");
        let mut mallory = Insider { signers: trial.alice.signers.clone(), ..mallory };
        mallory.template.signature_key = key.to_vec();
        let bad = mallory.make(Plan::external_commit().signed_leaf(sign));
        // The content is signed with the same key, which verifies nothing.
        trial.refuses(&bad, What::ContentSignature);
    }
}

fn refuses_keys(seed: u64, suite: u16, signs: &[Spoil<'_, LeafNode>], keys: impl Fn(&[u8]) -> Vec<Vec<u8>>) {
    let mut trial = Trial::of_suite(seed, suite);
    let erin = trial.newcomer("erin");
    let by = trial.alice.signer();
    for key in keys(&erin.leaf_node.signature_key) {
        refuses_key(&mut trial, &key, &by, signs);
    }
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
}

/// §5.1.1: Keys of signatures are ones of the suite's scheme, in the one form they have, and not such that anyone can sign.
#[test]
fn r023_signature_public_keys() {
    refuses_keys(23, 1, &[&|_| ()], |_| bad_ed25519());
    refuses_keys(23, 1, &[&by_anyone], |_| small_order());
    refuses_keys(23, 2, &[&|_| ()], bad_p256);

    // An external sender's key is looked at when it sends.
    let mut trial = Trial::new(230);
    let mut warden = trial.alice.outsider("warden");
    let honest = warden.as_external_sender();
    let weak = small_order().into_iter().map(|signature_key| ExternalSender { signature_key, ..honest.clone() });
    let senders: Vec<_> = weak.chain([honest.clone()]).collect();
    trial.set_extensions(vec![ExternalSender::extension(&senders)]);
    warden.catches_up(&trial.alice);
    let last = u32::try_from(senders.len() - 1).unwrap();
    let plan = |place| Plan::proposal(Proposal::Remove(3)).sender(Sender::External(place));
    for place in 0..last {
        let anyone = |signature: &mut Vec<u8>| *signature = [&[1][..], &[0; 63]].concat();
        let bad = warden.make(plan(place).signature(anyone));
        trial.refuses(&bad, What::ContentSignature);
    }
    let twin = warden.make(plan(last));
    trial.accepts(&twin);
}

/// §5.1.2: A leaf's key is one of the suite's signature scheme.
#[test]
fn r026_keys_of_other_schemes() {
    for (suite, others) in [(1, [2, 5]), (2, [1, 7])] {
        let mut trial = Trial::of_suite(26, suite);
        let erin = trial.newcomer("erin");
        for other in others {
            let other = Trial::world(26, other).signer();
            refuses_key(&mut trial, &other.public_key().0, &other, &[&|_| ()]);
        }
        let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
        trial.joins("erin", &twin);
    }
}
