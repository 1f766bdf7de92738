//! Proposal lists and commits (RFC 9420 §12.2-§12.4).

mod apply;
mod external;
mod list;
mod made;
mod path;
mod received;

use crate::common::*;

/// §12.2: A commit does not remove its sender.
#[test]
fn r215_committer_removes_itself() {
    let mut trial = Trial::new(215);
    let own = trial.alice.leaf;
    let bad = trial.alice.make(Plan::commit().with([Proposal::Remove(own)]));
    trial.refuses(&bad, Rule::CommitterNotRemoved);
    let proposal = trial.step("carol", |group, rng| group.propose_remove(cenacle_mls::wire::LeafIndex(own), rng));
    assert!(!proposal.is_empty());
    let reference = trial.alice.proposals.keys().next().unwrap().clone();
    let bad = trial.alice.make(Plan::commit().with_ref(&reference));
    trial.refuses(&bad, Rule::CommitterNotRemoved);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §12.4: Valid proposals are committed before application data is sent.
#[test]
fn r236_sending_with_a_proposal_waiting() {
    let mut trial = Trial::new(236);
    let update = trial.alice.leaf_node(|_| ());
    let update = trial.alice.make(Plan::proposal(Proposal::update(update)));
    trial.passes(&update);
    trial.refuses_call(|group, _, rng| group.protect(b"hello", b"", rng), Misuse::ProposalsPending);
    let commit = trial.performs(|group, inputs, rng| group.commit().build(inputs, rng));
    trial.sends(&commit.commit);
    let message = trial.performs(|group, _, rng| group.protect(b"hello", b"", rng));
    trial.sends(&message);
}

/// §12.4.2: The confirmation tag is the one that the new epoch's secrets give.
#[test]
fn r247_confirmation_tag() {
    let mut trial = Trial::new(247);
    let psk = trial.shared_psk(b"known to all");
    let id = trial.alice.psk_id(psk);
    let plan = || Plan::commit().with([Proposal::PreSharedKey(id.clone())]);
    let bad = trial.alice.make(plan().auth(|auth| auth.confirmation_tag.as_mut().unwrap()[0] ^= 1));
    trial.refuses(&bad, What::ConfirmationTag);
    let bad = trial.alice.make(Plan { psk_secret: Some(vec![3; 32]), ..plan() });
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}
