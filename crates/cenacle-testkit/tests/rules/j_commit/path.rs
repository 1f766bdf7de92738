//! When a commit needs a path, and what takes its place (RFC 9420 §12.4, §12.4.1).

use cenacle_mls::{
    group::{CustomProposal, GroupPolicy},
    wire::{LeafIndex, ProposalType},
};

use crate::common::*;

/// §12.4: A commit of nothing has a path.
#[test]
fn r237_empty_commit_without_path() {
    let mut trial = Trial::new(237);
    for private in [false, true] {
        let plan = || Plan::commit().framed(private);
        let bad = trial.alice.make(plan().without_path());
        trial.refuses(&bad, Rule::PathPresent);
        let twin = trial.alice.make(plan());
        trial.accepts(&twin);
    }
}

/// §12.4: A commit of an Update, Remove, GroupContextExtensions or ExternalInit has a path, whatever else it holds.
#[test]
fn r238_proposals_that_need_a_path() {
    let mut trial = Trial::new(238);
    let erin: ProposalOrRef = Proposal::add(&trial.newcomer("erin")).into();
    for needs in ["an Update", "extensions", "a Remove by reference", "a Remove"] {
        let proposal = match needs {
            "an Update" => trial.proposed("dave", |group, rng| group.propose_update(rng)),
            "extensions" => Proposal::GroupContextExtensions(Vec::new()).into(),
            "a Remove by reference" => trial.proposed("dave", |group, rng| group.propose_remove(LeafIndex(2), rng)),
            _ => Proposal::Remove(3).into(),
        };
        let plan = |private| Plan::commit().with([proposal.clone()]).framed(private);
        for private in [false, true] {
            let bad = trial.alice.make(plan(private).without_path());
            trial.refuses(&bad, Rule::PathPresent);
            let bad = trial.alice.make(plan(private).with([erin.clone()]).without_path());
            trial.refuses(&bad, Rule::PathPresent);
        }
        let twin = trial.alice.make(plan(false));
        trial.accepts(&twin);
    }
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::external_commit().without_path());
    trial.refuses(&bad, Rule::ExternalCommitHasPath);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// An application whose own proposals need no path.
struct Pathless;

impl GroupPolicy for Pathless {
    fn custom_proposal(&self, _: ProposalType) -> CustomProposal {
        CustomProposal { path_required: false, external: false }
    }
}

/// §12.4: Only Adds, PSKs and ReInits do without a path, and types beyond RFC 9420 which the application says do.
#[test]
fn r239_proposals_that_need_none() {
    let mut trial = Trial::capable(239, |_, capabilities| capabilities.proposals.push(ProposalType(TYPE)));
    let erin = Proposal::add(&trial.newcomer("erin"));
    let psk = trial.shared_psk(b"known to all");
    let psk = Proposal::PreSharedKey(trial.alice.psk_id(psk));
    let custom = Proposal::Custom(TYPE, b"anything".to_vec());
    let plan = |list: &[&Proposal]| Plan::commit().without_path().with(list.iter().map(|one| (*one).clone()));
    for list in [&[&custom][..], &[&erin, &custom], &[&custom, &psk]] {
        let bad = trial.alice.make(plan(list));
        trial.refuses(&bad, Rule::PathPresent);
    }
    trial.told.policy = Box::new(Pathless);
    let twin = trial.alice.make(plan(&[&custom]));
    trial.accepts(&twin);
    for list in [&[&erin][..], &[&psk]] {
        let twin = trial.alice.make(plan(list));
        trial.accepts(&twin);
    }
    let twin = trial.alice.make(plan(&[&reinit(b"next")]));
    trial.passes(&twin);
}

/// §12.4.1: Without a path the commit secret is all-zero, and with one it is the path's.
#[test]
fn r241_commit_secret() {
    let mut trial = Trial::new(241);
    let psk = trial.shared_psk(b"known to all");
    let pathless = [Proposal::add(&trial.newcomer("erin")), Proposal::PreSharedKey(trial.alice.psk_id(psk))];
    for proposal in pathless {
        let plan = || Plan::commit().without_path().with([proposal.clone()]);
        for other in [vec![7; 32], Vec::new(), vec![0; 31]] {
            let bad = trial.alice.make(Plan { commit_secret: Some(other), ..plan() });
            trial.refuses(&bad, What::ConfirmationTag);
        }
        let twin = trial.alice.make(plan());
        trial.accepts(&twin);
    }
    let bad = trial.alice.make(Plan { commit_secret: Some(vec![0; 32]), ..Plan::commit() });
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}
