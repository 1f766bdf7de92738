//! Proposals, one by one (RFC 9420 §12.1).

mod add_update;
mod extensions;
mod outside;

use cenacle_mls::wire::{Epoch, LeafIndex, PreSharedKeyId as MlsPskId, ReInit as MlsReInit};
use cenacle_testkit::world::{TEST_EXTENSION, World};

use crate::common::*;

/// §12.1: A proposal is of the present epoch and well signed before it may wait.
#[test]
fn r193_proposals_that_must_not_wait() {
    let mut trial = Trial::new(193);
    let epoch = trial.alice.context.epoch;
    for private in [false, true] {
        let plan = || Plan::proposal(Proposal::Remove(3)).framed(private);
        let bad = trial.alice.make(plan().signature(|signature| signature[5] ^= 1));
        trial.refuses(&bad, What::ContentSignature);
        let unknown = trial.believes(&bad.reference, &Proposal::Remove(3));
        trial.refuses_commit([unknown], Rule::ProposalKnown);
        let bad = trial.alice.make(plan().content(|content| content.epoch -= 1));
        trial.refuses(&bad, Error::Stale(Epoch(epoch - 1)));
        let bad = trial.alice.make(plan().content(|content| content.epoch += 1));
        trial.refuses(&bad, Error::Future(Epoch(epoch + 1)));
    }
    let known = trial.proposes(Proposal::Remove(3));
    trial.accepts_commit([known]);
}

/// §12.1: So many proposals of one sender wait and no more, each once.
#[test]
fn r194_more_proposals_than_there_is_room() {
    let mut world = Trial::world(194, 1);
    world.settings.limits.pending_proposals = 64;
    let mut trial = Trial::of(world.group_of(&NAMES));
    let psk = trial.shared_psk(b"known to all");
    let another = |trial: &mut Trial| {
        let id = trial.alice.psk_id(psk.clone());
        trial.alice.make(Plan::proposal(Proposal::PreSharedKey(id)))
    };
    let assert_waiting = |trial: &Trial, count| assert_eq!(trial.world.at("bob").group().proposals().count(), count);
    for count in 1..=8 {
        let fits = another(&mut trial);
        // Twice, for one place.
        trial.passes(&fits);
        trial.passes(&fits);
        assert_waiting(&trial, count);
    }
    for _ in 0..100 {
        let bad = another(&mut trial);
        trial.refuses(&bad, Misuse::TooManyProposals);
    }
    trial.proposed("carol", |group, rng| group.propose_remove(LeafIndex(3), rng));
    assert_waiting(&trial, 9);
    trial.accepts_commit::<Proposal>([]);
    let twin = another(&mut trial);
    trial.accepts(&twin);
}

/// §12.1.3: A Remove names a leaf of the tree that is not blank.
#[test]
fn r199_nobody_is_removed() {
    let mut trial = Trial::new(199);
    let gone = trial.alice.make(Plan::commit().with([Proposal::Remove(2)]));
    trial.passes(&gone);
    let mut mallory = trial.alice.outsider("mallory");
    for nobody in [2, 4, 100, 0x7fff_ffff, 0x8000_0000, 0x8000_0003, u32::MAX] {
        trial.refuses_everywhere(&Proposal::Remove(nobody), Rule::RemovedIsMember);
        let bad = mallory.make(Plan::external_commit().with([Proposal::Remove(nobody)]));
        trial.refuses(&bad, Rule::RemovedIsMember);
        let leaf = LeafIndex(nobody);
        trial.refuses_call(|group, _, rng| group.propose_remove(leaf, rng), Rule::RemovedIsMember);
        trial.refuses_call(|group, inputs, rng| group.commit().remove(leaf).build(inputs, rng), Rule::RemovedIsMember);
    }
    let twin = trial.proposes(Proposal::Remove(3));
    trial.accepts_commit([twin]);
}

/// §12.1.3: A Remove counts in the epoch it was proposed in, and not for whoever has the leaf later.
#[test]
fn r200_the_leaf_is_someone_elses_by_now() {
    let mut trial = Trial::new(200);
    let epoch = trial.alice.context.epoch;
    let old = trial.alice.make(Plan::proposal(Proposal::Remove(3)));
    trial.passes(&old);
    let erin = trial.newcomer("erin");
    let swap = trial.alice.make(Plan::commit().with([Proposal::Remove(3), Proposal::add(&erin)]));
    trial.joins("erin", &swap);
    assert_eq!(trial.leaf("erin"), 3);
    trial.refuses(&old, Error::Stale(Epoch(epoch)));
    let unknown = trial.believes(&old.reference, &Proposal::Remove(3));
    trial.refuses_commit([unknown], Rule::ProposalKnown);
    let twin = trial.proposes(Proposal::Remove(3));
    trial.accepts_commit([twin]);
}

/// A usage that is reserved is refused wherever a PSK can be folded into a group that goes on.
fn refuses_usage(seed: u64, usage: u8) {
    let mut trial = Trial::new(seed);
    let mut warden = trial.warden();
    let id = resumption(&mut trial.alice, usage);
    let proposal = || Proposal::PreSharedKey(id.clone());
    trial.refuses_everywhere(&proposal(), Rule::PskUsageFits);
    let bad = warden.make(Plan::proposal(proposal()).sender(Sender::External(0)));
    trial.refuses(&bad, Rule::PskUsageFits);
    let bad = trial.alice.outsider("mallory").make(Plan::external_commit().with([proposal()]));
    trial.refuses(&bad, Rule::PskUsageFits);
    let psk = || MlsPskId::from_bytes(&id.bytes()).unwrap().psk;
    trial.refuses_call(|group, _, rng| group.propose_psk(psk(), rng), Rule::PskUsageFits);
    trial.refuses_call(|group, inputs, rng| group.commit().psk(psk()).build(inputs, rng), Rule::PskUsageFits);
    let twin = resumption(&mut trial.alice, code::USAGE_APPLICATION);
    trial.accepts_commit([Proposal::PreSharedKey(twin)]);
}

/// §12.1.4: A PSK of usage reinit belongs into a group that replaces another, and nowhere else.
#[test]
fn r201_usage_reinit() {
    refuses_usage(201, code::USAGE_REINIT);
}

/// §12.1.4: A PSK of usage branch belongs into a branch, and nowhere else.
#[test]
fn r202_usage_branch() {
    refuses_usage(202, code::USAGE_BRANCH);
}

fn reinit(version: u16, cipher_suite: u16, extensions: Vec<Extension>) -> ReInit {
    ReInit { group_id: b"what follows".to_vec(), version, cipher_suite, extensions }
}

fn is_over(world: &World) -> bool {
    world.at("bob").group().reinit().is_some()
}

/// §12.1.5: A ReInit's version is no lower than the group's.
#[test]
fn r203_reinit_to_a_lower_version() {
    let mut trial = Trial::new(203);
    let mut warden = trial.warden();
    let lower = reinit(0, 1, Vec::new());
    trial.refuses_everywhere(&Proposal::ReInit(lower.clone()), Rule::ReInitVersion);
    let bad = warden.make(Plan::proposal(Proposal::ReInit(lower.clone())).sender(Sender::External(0)));
    trial.refuses(&bad, Rule::ReInitVersion);
    let own = || MlsReInit::from_bytes(&lower.bytes()).unwrap();
    trial.refuses_call(|group, _, rng| group.propose_reinit(own(), rng), Rule::ReInitVersion);
    trial.refuses_call(|group, inputs, rng| group.commit().reinit(own()).build(inputs, rng), Rule::ReInitVersion);
    let twin = trial.alice.make(Plan::proposal(Proposal::ReInit(reinit(1, 1, Vec::new()))));
    trial.accepts(&twin);
    assert!(is_over(&trial.world), "the commit that followed was of the ReInit");
}

/// §12.1.5: What a ReInit leads to can be a group of all members: extensions that all support, and no suite that somebody
/// lacks is chosen for them.
#[test]
fn r204_reinit_that_leads_nowhere() {
    let mut trial = Trial::new(204);
    let extension = |kind, data: &[u8]| Extension::new(kind, data);
    let cases = [
        (vec![extension(TEST_EXTENSION.0, b""), extension(TEST_EXTENSION.0, b"")], Rule::ExtensionTypesUnique),
        (vec![extension(code::RATCHET_TREE, b"\0")], Rule::ExtensionInPlace),
        (vec![extension(code::REQUIRED_CAPABILITIES, b"\0")], Rule::ExtensionWellFormed),
    ];
    for (extensions, rule) in cases {
        trial.refuses_everywhere(&Proposal::ReInit(reinit(1, 1, extensions)), rule);
    }
    let own = |kind| MlsReInit::from_bytes(&reinit(1, 1, vec![extension(kind, b"")]).bytes()).unwrap();
    trial.refuses_call(|group, _, rng| group.propose_reinit(own(0x0a0a), rng), Misuse::Grease);
    trial.refuses_call(|group, _, rng| group.propose_reinit(own(TYPE), rng), Rule::ExtensionSupportedByAll);
    let by_value = |kind| {
        move |group: &cenacle_mls::group::Group,
              inputs: &cenacle_mls::group::Inputs<'_>,
              rng: &mut dyn cenacle_crypto::Rng| group.commit().reinit(own(kind)).build(inputs, rng)
    };
    trial.refuses_call(by_value(TYPE), Rule::ExtensionSupportedByAll);
    // These may be wanted; nobody who does not want them commits them.
    for (version, suite) in [(1, 0x7777), (1, 0x0a0a), (2, 1)] {
        trial.proposes(Proposal::ReInit(reinit(version, suite, Vec::new())));
    }
    for kind in [0x0a0a, TYPE] {
        trial.proposes(Proposal::ReInit(reinit(1, 1, vec![extension(kind, b"")])));
    }
    trial.goes_on();
    assert!(!is_over(&trial.world), "a ReInit that somebody cannot follow was committed");
    // By value it is the committer's own will.
    let unknown = Proposal::ReInit(reinit(1, 0x7777, Vec::new()));
    let wanted = trial.alice.make(Plan::commit().without_path().with([unknown]));
    let inputs = trial.told.inputs(&trial.world.psks);
    assert!(trial.world.at("bob").stage(&wanted.bytes, &inputs).is_ok());
    let twin = trial.alice.make(Plan::proposal(Proposal::ReInit(reinit(1, 1, vec![extension(TEST_EXTENSION.0, b"")]))));
    trial.accepts(&twin);
    assert!(is_over(&trial.world));
}

/// §12.1.6: An ExternalInit stands in external commits and nowhere else.
#[test]
fn r205_external_init_of_others() {
    let mut trial = Trial::new(205);
    let mut warden = trial.warden();
    let init = Proposal::ExternalInit(trial.alice.external_pub());
    trial.refuses_everywhere(&init, Rule::ExternalInitOnce);
    let bad = warden.make(Plan::proposal(init.clone()).sender(Sender::External(0)));
    trial.refuses(&bad, Rule::ExternalSenderProposes);
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::proposal(init).sender(Sender::NewMemberProposal));
    trial.refuses(&bad, Rule::NewMemberProposesAdd);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}
