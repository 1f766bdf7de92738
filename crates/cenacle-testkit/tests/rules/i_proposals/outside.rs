//! Proposals from outside (RFC 9420 §12.1.8).

use cenacle_mls::{
    Refusal,
    group::{DefaultPolicy, GroupPolicy, Handshake, PublicGroup},
    wire::{LeafIndex, MlsMessageBody, Proposal as MlsProposal, Remove as MlsRemove, Sender as MlsSender},
};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// §12.1.8: Proposals from outside travel in the clear only.
#[test]
fn r210_external_proposals_encrypted() {
    let mut trial = Trial::of(Trial::world(210, 1).framing(Handshake::Private).group_of(&NAMES));
    let mut warden = trial.warden();
    let mut mallory = trial.alice.outsider("mallory");
    let joining = Proposal::add(&mallory.key_package());
    let psk = trial.shared_psk(b"known to all");
    let open = [
        Proposal::add(&trial.newcomer("erin")),
        Proposal::Remove(3),
        Proposal::PreSharedKey(trial.alice.psk_id(psk)),
        Proposal::GroupContextExtensions(vec![Extension::new(TEST_EXTENSION.0, b"")]),
    ];
    let plan = |proposal: &Proposal| Plan::proposal(proposal.clone()).sender(Sender::External(0));
    for proposal in &open {
        // Whom the group lists, with a member who lends the keys; and that member's own signature.
        let bad = warden.make(trial.smuggled(plan(proposal)));
        trial.refuses(&bad, What::ContentSignature);
        let unknown = trial.believes(&bad.reference, proposal);
        trial.refuses_commit([unknown], Rule::ProposalKnown);
        let bad = trial.alice.make(plan(proposal).private());
        trial.refuses(&bad, What::ContentSignature);
    }
    let plan_joining = || Plan::proposal(joining.clone()).sender(Sender::NewMemberProposal);
    let bad = mallory.make(trial.smuggled(plan_joining()));
    trial.refuses(&bad, What::ContentSignature);
    // A client of our own sends it in the clear, though its settings say that handshakes are encrypted.
    let client = trial.world.client("warden", warden.signer());
    let bob = trial.world.at("bob").group().public();
    let remove = MlsProposal::Remove(MlsRemove { removed: LeafIndex(3) });
    let own = client.propose_externally(bob, remove, &trial.told.inputs(&trial.world.psks)).unwrap();
    assert!(matches!(own.body, MlsMessageBody::PublicMessage(_)), "{own:?}");
    trial.deliver(&own.to_bytes().unwrap());
    trial.heard(&own.to_bytes().unwrap());
    for twin in open.iter().map(|proposal| warden.make(plan(proposal))).collect::<Vec<_>>() {
        trial.passes(&twin);
    }
    let twin = mallory.make(plan_joining());
    trial.accepts(&twin);
}

/// §12.1.8: External senders propose Add, Remove, PreSharedKey, ReInit and GroupContextExtensions, and nothing else.
#[test]
fn r211_external_proposals_of_other_types() {
    let mut trial = Trial::new(211);
    let mut warden = trial.warden();
    let plan = |proposal| Plan::proposal(proposal).sender(Sender::External(0));
    let custom = Proposal::Custom(TYPE, b"anything".to_vec());
    let update = Proposal::update(trial.alice.leaf_node(|_| ()));
    for proposal in [update, Proposal::ExternalInit(trial.alice.external_pub()), custom.clone()] {
        let bad = warden.make(plan(proposal));
        trial.refuses(&bad, Rule::ExternalSenderProposes);
    }
    let psk = trial.shared_psk(b"known to all");
    let open = [
        Proposal::add(&trial.newcomer("erin")),
        Proposal::Remove(3),
        Proposal::PreSharedKey(trial.alice.psk_id(psk)),
        reinit(b"next"),
        Proposal::GroupContextExtensions(vec![Extension::new(TEST_EXTENSION.0, b"")]),
    ];
    for proposal in open {
        let twin = warden.make(plan(proposal));
        trial.passes(&twin);
    }
    trial.told.policy = Box::new(Open);
    let twin = warden.make(plan(custom));
    trial.passes(&twin);
    assert_eq!(trial.world.at("bob").group().proposals().count(), 6);
    trial.goes_on();
}

/// A policy by which external senders remove nobody.
struct NoRemovals;

impl GroupPolicy for NoRemovals {
    fn admits(&self, group: &PublicGroup, sender: &MlsSender, proposal: &MlsProposal) -> Result<(), Refusal> {
        match (sender, proposal) {
            (MlsSender::External(_), MlsProposal::Remove(_)) => Err("only members remove".into()),
            _ => DefaultPolicy.admits(group, sender, proposal),
        }
    }
}

/// §12.1.8: What the application does not authorise its sender to propose does not wait, and cannot be referred to.
#[test]
fn r212_external_proposals_without_authority() {
    let mut trial = Trial::new(212);
    let mut warden = trial.warden();
    trial.told.policy = Box::new(NoRemovals);
    let mut mallory = trial.alice.outsider("mallory");
    let joining = Proposal::add(&mallory.key_package());
    let remove = Proposal::Remove(3);
    let cases = [
        (warden.make(Plan::proposal(remove.clone()).sender(Sender::External(0))), remove, "only members remove"),
        (
            mallory.make(Plan::proposal(joining.clone()).sender(Sender::NewMemberProposal)),
            joining.clone(),
            "nobody adds himself here",
        ),
    ];
    for (bad, proposal, reason) in cases {
        trial.refuses(&bad, Refusal::from(reason));
        let unknown = trial.believes(&bad.reference, &proposal);
        trial.refuses_commit([unknown], Rule::ProposalKnown);
    }
    let twin = warden.make(Plan::proposal(joining).sender(Sender::External(0)));
    trial.accepts(&twin);
    assert!(trial.alice.tree.find(&mallory.template.signature_key).is_some(), "the commit that followed adds her");
}
