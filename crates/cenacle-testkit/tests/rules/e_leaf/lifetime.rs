//! How long a leaf lives (RFC 9420 §7.2, §7.3).

use cenacle_mls::{
    group::Lifetimes,
    limits::Limits,
    wire::{Add, KeyPackage as MlsKeyPackage, Lifetime as MlsLifetime, MlsMessage, Proposal as MlsProposal},
};
use cenacle_store::MemoryStore;
use cenacle_testkit::world::{Dice, NOW_SECONDS};

use super::{super::common::*, erin};

/// A key package of a stranger's with this lifetime.
fn living(trial: &Trial, not_before: u64, not_after: u64) -> KeyPackage {
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", not_after ^ not_before);
    mallory.key_package_with(|leaf| leaf.source = Source::KeyPackage(Lifetime { not_before, not_after }), |_| ())
}

/// §7.2: A lifetime is no longer than the application allows.
#[test]
fn r098_lifetime_without_bound() {
    let mut trial = Trial::new(98);
    let (limit, erin) = (Limits::default().lifetime_seconds, erin(&mut trial));
    for (not_before, not_after) in [(0, 1 << 63), (0, u64::MAX), (0, limit + 1), (7, limit + 8), (NOW_SECONDS, 5)] {
        let bad = living(&trial, not_before, not_after);
        trial.refuses_key_package(&bad, Rule::LifetimeBounded);
        let alone = trial.alice.make(Plan::proposal(Proposal::add(&bad)));
        trial.refuses(&alone, Rule::LifetimeBounded);
        let bad = trial.alice.make(Plan::commit().with([&erin, &bad].map(Proposal::add)));
        trial.refuses(&bad, Rule::LifetimeBounded);
        trial.refuses_welcome("erin", bad.welcome(), Rule::LifetimeBounded);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::LifetimeBounded);
    }
    let twin = living(&trial, 7, limit + 7);
    let twin = trial.alice.make(Plan::commit().with([&erin, &twin].map(Proposal::add)));
    trial.joins("erin", &twin);
}

/// Lifetimes that are over, and that have not begun.
const NOT_CURRENT: [(u64, u64); 2] = [(0, NOW_SECONDS - 1), (NOW_SECONDS + 1, NOW_SECONDS + 100)];

/// Erin, outside the group, proposes to add a client whose lifetime this is: a stranger, as an external sender, and herself.
fn from_outside(trial: &Trial, not_before: u64, not_after: u64) -> [Result<MlsMessage, Error>; 2] {
    let (erin, bob) = (&trial.world.at("erin").client, trial.world.at("bob").group().public());
    let inputs = trial.told.inputs(&trial.world.psks);
    let package = MlsKeyPackage::from_bytes(&living(trial, not_before, not_after).bytes()).unwrap();
    let add = MlsProposal::Add(Add { key_package: Box::new(package) });
    let lifetime = MlsLifetime { not_before, not_after };
    let own = erin.key_package(lifetime, false, &mut Dice::new(not_after).fork()).unwrap();
    let own = own.persist(&mut MemoryStore::default()).unwrap().to_bytes().unwrap();
    let own = MlsKeyPackage::from_bytes(&own[4..]).unwrap();
    [erin.propose_externally(bob, add, &inputs), erin.propose_joining(bob, own, &inputs)]
}

/// §7.3: Whoever sends a leaf sees to it that its lifetime has begun and is not over.
#[test]
fn r099_expired_key_package_is_added() {
    let mut trial = Trial::new(99);
    let erin = trial.world.enter("erin").client.external_sender();
    let (signature_key, credential) = (erin.signature_key.0.to_vec(), Credential::Basic(b"erin".to_vec()));
    trial.set_extensions(vec![ExternalSender::extension(&[ExternalSender { signature_key, credential }])]);
    for (not_before, not_after) in NOT_CURRENT {
        let bad = living(&trial, not_before, not_after);
        trial.refuses_key_package(&bad, Rule::LifetimeCurrent);
        for proposal in from_outside(&trial, not_before, not_after) {
            assert_eq!(proposal.unwrap_err(), Rule::LifetimeCurrent.into());
        }
        // Received, it may wait, but is not committed.
        let waiting = trial.alice.make(Plan::proposal(Proposal::add(&bad)));
        trial.passes(&waiting);
        let members = trial.alice.tree.members();
        trial.commit("bob", |commit| commit);
        assert_eq!(trial.alice.tree.members(), members);
    }
    let twin = living(&trial, NOW_SECONDS, NOW_SECONDS);
    trial.adds(&twin);
    for twin in from_outside(&trial, NOW_SECONDS, NOW_SECONDS + 1) {
        let twin = twin.unwrap().to_bytes().unwrap();
        trial.deliver(&twin);
        trial.heard(&twin);
    }
    trial.goes_on();
    assert_eq!(trial.alice.tree.members().len(), 7);
}

/// §7.3: Lifetimes that are received are compared with the clock as far as the application asks for it.
#[test]
fn r100_expired_leaf_is_received() {
    for (seed, lifetimes) in [
        (100, Lifetimes::Ignored),
        (1100, Lifetimes::KeyPackages),
        (2100, Lifetimes::Everywhere),
        (3100, Lifetimes::Received),
    ] {
        let mut world = Trial::world(seed, 1);
        world.settings.lifetimes = lifetimes;
        let mut trial = Trial::of(world.group_of(&["alice", "bob", "carol", "dave"]));
        let erin = erin(&mut trial);
        let plan = |added: &KeyPackage| Plan::commit().with([&erin, added].map(Proposal::add));
        for (not_before, not_after) in NOT_CURRENT {
            let bad = living(&trial, not_before, not_after);
            let (proposal, commit) = (Plan::proposal(Proposal::add(&bad)), plan(&bad));
            let (proposal, commit) = (trial.alice.make(proposal), trial.alice.make(commit));
            if lifetimes == Lifetimes::Received {
                trial.refuses(&proposal, Rule::LifetimeCurrent);
                trial.refuses(&commit, Rule::LifetimeCurrent);
            } else {
                trial.passes(&proposal);
            }
            if lifetimes >= Lifetimes::Everywhere {
                trial.refuses_welcome("erin", commit.welcome(), Rule::LifetimeCurrent);
                trial.refuses_group_info("erin", &commit.next().group_info, Rule::LifetimeCurrent);
            }
        }
        let mut twin = living(&trial, NOW_SECONDS, NOW_SECONDS);
        if lifetimes < Lifetimes::Everywhere {
            let (not_before, not_after) = NOT_CURRENT[0];
            twin = living(&trial, not_before, not_after);
        }
        let twin = trial.alice.make(plan(&twin));
        trial.joins("erin", &twin);
        // Without a clock there is nothing to compare with.
        trial.told.now_seconds = None;
        let old = living(&trial, 0, 5);
        let old = trial.alice.make(Plan::commit().with([Proposal::add(&old)]));
        trial.accepts(&old);
    }
}
