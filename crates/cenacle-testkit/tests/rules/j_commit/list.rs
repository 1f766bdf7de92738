//! Which proposals go together (RFC 9420 §12.2).

use alloc::collections::BTreeSet;

use cenacle_mls::{
    Refusal,
    group::{CommitSummary, GroupPolicy, PublicGroup},
    wire::{CredentialType, LeafIndex, ProposalType},
};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

fn extensions(kind: u16, data: &[u8]) -> Proposal {
    Proposal::GroupContextExtensions(vec![Extension::new(kind, data)])
}

/// §12.2: Whoever receives a commit judges what it carries by value, as it would have judged the proposals.
#[test]
fn r213_what_is_bad_alone_is_bad_by_value() {
    let mut trial = Trial::new(213);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 213);
    let same_key = erin.key_package_with(|_| (), |package| package.init_key = package.leaf_node.encryption_key.clone());
    let psk = trial.shared_psk(b"known to all");
    let good = trial.alice.psk_id(psk);
    let mut short = good.clone();
    short.psk_nonce.truncate(31);
    let of_usage = |usage| {
        let psk = Psk::Resumption { usage, psk_group_id: b"another group".to_vec(), psk_epoch: 0 };
        Proposal::PreSharedKey(PreSharedKeyId { psk, ..good.clone() })
    };
    let test = || Extension::new(TEST_EXTENSION.0, b"");
    let lower = ReInit { version: 0, cipher_suite: 1, ..ReInit::default() };
    let cases = [
        (Proposal::add(&same_key), Rule::InitKeyDiffers),
        (Proposal::update(trial.alice.leaf_node(|_| ())), Rule::UpdateNotByCommitter),
        (Proposal::Remove(4), Rule::RemovedIsMember),
        (Proposal::PreSharedKey(short), Rule::PskNonceLength),
        (of_usage(code::USAGE_REINIT), Rule::PskUsageFits),
        (of_usage(code::USAGE_BRANCH), Rule::PskUsageFits),
        (Proposal::ReInit(lower), Rule::ReInitVersion),
        (Proposal::ExternalInit(trial.alice.external_pub()), Rule::ExternalInitOnce),
        (extensions(TYPE, b""), Rule::ExtensionSupportedByAll),
        (extensions(code::REQUIRED_CAPABILITIES, b"\0"), Rule::ExtensionWellFormed),
        (extensions(code::RATCHET_TREE, b""), Rule::ExtensionInPlace),
        (Proposal::GroupContextExtensions(vec![test(), test()]), Rule::ExtensionTypesUnique),
        (Proposal::Custom(TYPE, Vec::new()), Rule::ProposalSupportedByAll),
    ];
    for (proposal, rule) in cases {
        trial.refuses_commit([proposal], rule);
    }
    let erin = Proposal::add(&erin.key_package());
    trial.accepts_commit([erin, Proposal::Remove(3), Proposal::PreSharedKey(good), extensions(TEST_EXTENSION.0, b"")]);
}

/// §12.2: A commit holds no Update of the committer's.
#[test]
fn r214_own_update_by_reference() {
    let mut trial = Trial::new(214);
    let update = Proposal::update(trial.alice.leaf_node(|_| ()));
    let update = trial.proposes(update);
    trial.refuses_commit([update.clone()], Rule::UpdateNotByCommitter);
    let twin = trial.turns("carol").make(Plan::commit().with([update]));
    trial.accepts(&twin);
}

/// §12.2: A commit holds at most one Update of a leaf.
#[test]
fn r216_two_updates_of_one_leaf() {
    let mut trial = Trial::new(216);
    let [first, second] = [(); 2].map(|()| trial.proposed("dave", |group, rng| group.propose_update(rng)));
    trial.refuses_commit([first.clone(), second.clone()], Rule::LeafChangedOnce);
    trial.refuses_commit([second, first.clone()], Rule::LeafChangedOnce);
    trial.accepts_commit([first]);
}

/// §12.2: A commit does not both update and remove a leaf.
#[test]
fn r217_update_and_remove_of_one_leaf() {
    let mut trial = Trial::new(217);
    let update = trial.proposed("dave", |group, rng| group.propose_update(rng));
    let remove = trial.proposed("carol", |group, rng| group.propose_remove(LeafIndex(3), rng));
    for remove in [remove, Proposal::Remove(3).into()] {
        trial.refuses_commit([update.clone(), remove.clone()], Rule::LeafChangedOnce);
        trial.refuses_commit([remove, update.clone()], Rule::LeafChangedOnce);
    }
    trial.accepts_commit([update]);
}

/// §12.2: A commit removes a leaf at most once.
#[test]
fn r218_two_removes_of_one_leaf() {
    let mut trial = Trial::new(218);
    let [bobs, carols] =
        ["bob", "carol"].map(|name| trial.proposed(name, |group, rng| group.propose_remove(LeafIndex(3), rng)));
    let value: ProposalOrRef = Proposal::Remove(3).into();
    for pair in
        [[value.clone(), value.clone()], [value.clone(), bobs.clone()], [bobs.clone(), value], [bobs.clone(), carols]]
    {
        trial.refuses_commit(pair, Rule::LeafChangedOnce);
    }
    trial.accepts_commit([bobs]);
}

/// §12.2: A commit refers to a proposal once.
#[test]
fn r219_one_reference_twice() {
    let mut trial = Trial::new(219);
    let psk = trial.shared_psk(b"known to all");
    let psk = Proposal::PreSharedKey(trial.alice.psk_id(psk));
    let psk = trial.proposes(psk);
    let update = trial.proposed("dave", |group, rng| group.propose_update(rng));
    for twice in [&psk, &update] {
        trial.refuses_commit([twice.clone(), twice.clone()], Rule::ProposalReferredOnce);
        trial.refuses_commit([&psk, &update, twice].map(Clone::clone), Rule::ProposalReferredOnce);
    }
    trial.accepts_commit([psk, update]);
}

/// An application in which one name has one leaf.
struct OneLeafEach;

const TWICE: Refusal = Refusal(alloc::borrow::Cow::Borrowed("somebody is there twice"));

impl GroupPolicy for OneLeafEach {
    fn admits_commit(&self, _: &PublicGroup, next: &PublicGroup, _: &CommitSummary) -> Result<(), Refusal> {
        let mut names = BTreeSet::new();
        let alone =
            |(_, leaf): (LeafIndex, cenacle_mls::wire::LeafNode)| names.insert(leaf.credential.to_bytes().unwrap());
        if next.members().all(alone) { Ok(()) } else { Err(TWICE) }
    }
}

/// §12.2: A commit adds a client once: by its signature key, and by its name if the application says so.
#[test]
fn r220_a_client_is_added_twice() {
    let mut trial = Trial::new(220);
    trial.told.policy = Box::new(OneLeafEach);
    let [first, second] = [trial.newcomer("erin"), trial.key_package("erin")];
    let waiting = trial.proposes(Proposal::add(&second));
    let first_twice = [Proposal::add(&first).into(), Proposal::add(&first).into()];
    let by_value = [Proposal::add(&first).into(), Proposal::add(&second).into()];
    let by_reference = [Proposal::add(&first).into(), waiting];
    for pair in [first_twice, by_value, by_reference] {
        trial.refuses_commit::<ProposalOrRef>(pair, Rule::AddedIsNew);
    }
    let namesake = Insider::nobody(&trial.alice.suite, "erin", 220).key_package();
    trial.refuses_commit([&first, &namesake].map(Proposal::add), TWICE);
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&first)]));
    trial.joins("erin", &twin);
}

/// §12.2: A commit adds no client that is in the group, unless it removes it: by its signature key, and by its name if the
/// application says so.
#[test]
fn r221_a_member_is_added() {
    let mut trial = Trial::new(221);
    trial.told.policy = Box::new(OneLeafEach);
    let dave = Proposal::add(&trial.key_package("dave"));
    let namesake = Proposal::add(&Insider::nobody(&trial.alice.suite, "dave", 221).key_package());
    trial.refuses_commit([dave.clone()], Rule::AddedIsNew);
    trial.refuses_commit([dave.clone(), Proposal::Remove(2)], Rule::AddedIsNew);
    trial.refuses_commit([namesake.clone()], TWICE);
    trial.accepts_commit([namesake, Proposal::Remove(3)]);
    let twin = trial.alice.make(Plan::commit().with([dave, Proposal::Remove(3)]));
    trial.joins("dave", &twin);
}

/// §12.2: A commit names a PSK with one nonce once.
#[test]
fn r222_a_psk_twice() {
    let mut trial = Trial::new(222);
    let psk = trial.shared_psk(b"known to all");
    let [id, other] = [(); 2].map(|()| Proposal::PreSharedKey(trial.alice.psk_id(psk.clone())));
    let waiting = trial.proposes(id.clone());
    trial.refuses_commit([id.clone(), id.clone()], Rule::PskUnique);
    trial.refuses_commit([id.clone(), other.clone(), id.clone()], Rule::PskUnique);
    trial.refuses_commit([waiting, id.clone().into()], Rule::PskUnique);
    trial.accepts_commit([id, other]);
}

/// §12.2: A commit replaces the group's extensions at most once.
#[test]
fn r223_extensions_twice() {
    let mut trial = Trial::new(223);
    let [one, other] = [b"one", b"two"].map(|data| extensions(TEST_EXTENSION.0, data));
    let waiting = trial.proposes(other.clone());
    trial.refuses_commit([one.clone(), other.clone()], Rule::ExtensionsReplacedOnce);
    trial.refuses_commit([other.clone(), other], Rule::ExtensionsReplacedOnce);
    trial.refuses_commit([one.clone().into(), waiting], Rule::ExtensionsReplacedOnce);
    trial.accepts_commit([one]);
}

/// §12.2: A ReInit stands alone.
#[test]
fn r224_reinit_in_company() {
    let mut trial = Trial::new(224);
    let psk = trial.shared_psk(b"known to all");
    let psk = Proposal::PreSharedKey(trial.alice.psk_id(psk));
    let erin = Proposal::add(&trial.newcomer("erin"));
    for other in [erin.clone(), Proposal::Remove(3), psk, extensions(TEST_EXTENSION.0, b""), reinit(b"another")] {
        trial.refuses_commit([reinit(b"next"), other.clone()], Rule::ReInitAlone);
        trial.refuses_commit([other, reinit(b"next")], Rule::ReInitAlone);
    }
    trial.goes_on();
    let waiting = trial.proposes(reinit(b"next"));
    trial.refuses_commit([waiting.clone(), erin.into()], Rule::ReInitAlone);
    trial.refuses_commit([waiting.clone(), reinit(b"next").into()], Rule::ReInitAlone);
    let twin = trial.alice.make(Plan::commit().without_path().with([waiting]));
    trial.passes(&twin);
    assert!(trial.world.at("bob").group().reinit().is_some());
}

/// §12.2: A member's commit holds no ExternalInit.
#[test]
fn r225_external_init_of_a_member() {
    let mut trial = Trial::new(225);
    let init = Proposal::ExternalInit(trial.alice.external_pub());
    trial.refuses_commit([init.clone()], Rule::ExternalInitOnce);
    trial.refuses_commit([Proposal::Remove(3), init.clone()], Rule::ExternalInitOnce);
    let bad = trial.alice.make(Plan::commit().without_path().with([init]));
    trial.refuses(&bad, Rule::ExternalInitOnce);
    trial.accepts_commit([Proposal::Remove(3)]);
}

/// §12.2, §13.2: A proposal of a type beyond RFC 9420 is supported by all who process the commit, be it theirs or not.
#[test]
fn r226_a_type_that_somebody_lacks() {
    let list = |name: &str, capabilities: &mut cenacle_mls::wire::Capabilities| {
        if name != "dave" {
            capabilities.proposals.push(ProposalType(TYPE));
        }
    };
    let mut trial = Trial::capable(226, list);
    let custom = || Proposal::Custom(TYPE, b"anything".to_vec());
    let waiting = trial.proposes(custom());
    for victim in ["dave", "bob"] {
        trial.victim = victim.into();
        trial.refuses_commit([custom()], Rule::ProposalSupportedByAll);
        trial.refuses_commit([custom(), Proposal::Remove(2)], Rule::ProposalSupportedByAll);
        trial.refuses_commit([waiting.clone()], Rule::ProposalSupportedByAll);
        trial.refuses_commit([Proposal::Custom(0x0a0a, Vec::new())], Rule::ProposalSupportedByAll);
    }
    let kind = ProposalType(TYPE);
    trial.refuses_call(|group, _, rng| group.propose_custom(kind, b"x".to_vec(), rng), Rule::ProposalSupportedByAll);
    trial.refuses_call(
        |group, inputs, rng| group.commit().custom(kind, b"x".to_vec()).build(inputs, rng),
        Rule::ProposalSupportedByAll,
    );
    // Neither he who goes by the commit nor she who comes processes it.
    let erin = Insider::nobody(&trial.alice.suite, "erin", 226).key_package();
    trial.accepts_commit([custom(), Proposal::Remove(3), Proposal::add(&erin)]);
}

/// §12.2: The tree is valid after the commit: what is good of each is bad of both.
#[test]
fn r227_two_that_do_not_go_together() {
    const OTHER: u16 = TYPE + 1;
    let list = |_: &str, capabilities: &mut cenacle_mls::wire::Capabilities| {
        capabilities.credentials.extend([CredentialType(TYPE), CredentialType(OTHER)]);
    };
    let mut trial = Trial::capable(227, list);
    let suite = trial.alice.suite.clone();
    let client = |name: &str, shown: u16, listed: &[u16]| {
        let present = |leaf: &mut LeafNode| {
            leaf.credential = Credential::Custom(shown, name.as_bytes().to_vec());
            leaf.capabilities.credentials.extend(listed);
        };
        Proposal::add(&Insider::nobody(&suite, name, shown.into()).key_package_with(present, |_| ()))
    };
    let erin = client("erin", TYPE, &[TYPE]);
    let frank = client("frank", OTHER, &[OTHER]);
    trial.refuses_commit([erin, frank.clone()], Rule::CredentialSupportedByAll);
    let erin = client("erin", TYPE, &[TYPE, OTHER]);
    trial.refuses_commit([erin.clone(), frank], Rule::CredentialSupportedByAll);
    let frank = client("frank", OTHER, &[TYPE, OTHER]);
    trial.accepts_commit([erin, frank]);
}
