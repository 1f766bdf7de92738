//! What an external commit may hold (RFC 9420 §12.2).

use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::ProposalType,
};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// §12.2: An external commit holds exactly one ExternalInit.
#[test]
fn r228_external_inits() {
    let mut trial = Trial::new(228);
    let mut mallory = trial.alice.outsider("mallory");
    let other = || ProposalOrRef::from(Proposal::ExternalInit(mallory.external_pub()));
    let spoil: [Spoil<'_, Vec<ProposalOrRef>>; 4] =
        [&|list| list.clear(), &|list| list.push(list[0].clone()), &|list| list.push(other()), &|list| {
            list.insert(0, other())
        }];
    let bad = spoil.map(|spoil| {
        let change = |content: &mut FramedContent| match &mut content.content {
            Content::Commit(commit) => spoil(&mut commit.proposals),
            other => panic!("{other:?}"),
        };
        mallory.clone().make(Plan::external_commit().content(change))
    });
    for bad in bad {
        trial.refuses(&bad, Rule::ExternalInitOnce);
    }
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §12.2: An external commit removes at most one member.
#[test]
fn r229_external_commit_with_two_removes() {
    let mut trial = Trial::new(229);
    let mut mallory = trial.alice.outsider("mallory");
    for pair in [[2, 3], [3, 3]] {
        let bad = mallory.make(Plan::external_commit().with(pair.map(Proposal::Remove)));
        trial.refuses(&bad, Rule::ExternalCommitProposals);
    }
    let twin = mallory.make(Plan::external_commit().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// An application in which nobody comes back as somebody else.
struct SameName;

impl CredentialPolicy for SameName {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        let other = presented.replaces.is_some_and(|replaced| replaced != presented.credential);
        if presented.occasion == Occasion::ExternalCommit && other {
            return Verdict::Refuse(Distrust::NotSuccessor);
        }
        Verdict::Accept
    }
}

/// §12.2: Whom an external commit removes, the application takes for the joiner's former self.
#[test]
fn r230_coming_back_as_somebody_else() {
    let mut trial = Trial::new(230);
    trial.told.credentials = Box::new(SameName);
    let [mut mallory, mut dave] = ["mallory", "dave"].map(|name| trial.alice.outsider(name));
    let plan = |removed| Plan::external_commit().with([Proposal::Remove(removed)]);
    for bad in [mallory.make(plan(3)), dave.make(plan(2)), dave.make(plan(0))] {
        trial.refuses(&bad, What::Credential(Distrust::NotSuccessor));
    }
    let twin = dave.make(plan(3));
    trial.accepts(&twin);
}

/// §12.2: Whoever comes back by an external commit has another encryption key than before, and not the same under a second
/// name.
#[test]
fn r231_coming_back_with_the_old_key() {
    let mut trial = Trial::new(231);
    let old = trial.alice.tree.leaf(3).unwrap().encryption_key.clone();
    let mut renamed = old.clone();
    renamed[31] ^= 0x80;
    let mut dave = trial.alice.outsider("dave");
    let plan = || Plan::external_commit().with([Proposal::Remove(3)]);
    for (key, rule) in [(old, Rule::LeafKeyReplaced), (renamed, Rule::PublicKeyWellFormed)] {
        let bad = dave.make(plan().leaf(|leaf| leaf.encryption_key.clone_from(&key)));
        trial.refuses(&bad, rule);
    }
    let twin = dave.make(plan());
    trial.accepts(&twin);
}

/// §12.2: Besides its ExternalInit, an external commit holds a Remove and PSKs, and nothing else.
#[test]
fn r232_external_commit_of_something_else() {
    let mut trial = Trial::capable(232, |_, capabilities| capabilities.proposals.push(ProposalType(TYPE)));
    let psk = trial.shared_psk(b"known to all");
    let psk = Proposal::PreSharedKey(trial.alice.psk_id(psk));
    let mut mallory = trial.alice.outsider("mallory");
    mallory.template.capabilities.proposals.push(TYPE);
    let cases = [
        (Proposal::add(&trial.newcomer("erin")), Rule::ExternalCommitProposals),
        (Proposal::update(mallory.leaf_node(|_| ())), Rule::UpdateByMember),
        (reinit(b"next"), Rule::ExternalCommitProposals),
        (Proposal::GroupContextExtensions(vec![Extension::new(TEST_EXTENSION.0, b"")]), Rule::ExternalCommitProposals),
        (Proposal::Custom(TYPE, Vec::new()), Rule::ExternalCommitProposals),
    ];
    for (proposal, rule) in cases {
        let bad = mallory.make(Plan::external_commit().with([proposal]));
        trial.refuses(&bad, rule);
    }
    let twin = mallory.make(Plan::external_commit().with([Proposal::Remove(3), psk]));
    trial.accepts(&twin);
}
