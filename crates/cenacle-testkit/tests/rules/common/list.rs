//! Proposals and lists of them: refused alone and in commits, waiting, sent from outside, and by members of all kinds.

use alloc::collections::BTreeSet;

use cenacle_crypto::Rng;
use cenacle_mls::{
    Error,
    group::{Group, Transition},
    wire::{Capabilities, MlsMessage},
};
use cenacle_testkit::forge::{ExternalSender, Insider, Plan, Proposal, ProposalOrRef, Sender};

use super::Trial;

/// The members of most trials.
pub(crate) const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// A type of the private range that the clients of a world do not list of themselves.
pub(crate) const TYPE: u16 = 0xF0A1;

impl Trial {
    /// As [`Trial::new`], with other capabilities of some members.
    pub(crate) fn capable(seed: u64, change: impl Fn(&str, &mut Capabilities)) -> Self {
        Self::capable_of(seed, 1, change)
    }

    /// The same with another suite.
    pub(crate) fn capable_of(seed: u64, suite: u16, change: impl Fn(&str, &mut Capabilities)) -> Self {
        let mut world = Self::world(seed, suite);
        for name in NAMES {
            let person = world.enter(name);
            let mut capabilities = person.client.capabilities().clone();
            change(name, &mut capabilities);
            person.client = person.client.clone().with_capabilities(capabilities);
        }
        world.create("alice");
        NAMES[1..].iter().for_each(|name| world.invite("alice", name));
        for name in NAMES {
            world.commit(name, |commit| commit.with_path());
        }
        Self::of(world)
    }

    /// Alice's commit of these is refused, encrypted or not.
    #[track_caller]
    pub(crate) fn refuses_commit<T: Into<ProposalOrRef>>(
        &mut self,
        list: impl IntoIterator<Item = T>,
        expected: impl Into<Error>,
    ) {
        let (list, expected): (Vec<ProposalOrRef>, _) = (list.into_iter().map(Into::into).collect(), expected.into());
        for private in [false, true] {
            let bad = self.alice.make(Plan::commit().with(list.clone()).framed(private));
            self.refuses(&bad, expected.clone());
        }
    }

    /// Alice's proposal of this is refused, encrypted or not.
    #[track_caller]
    pub(crate) fn refuses_proposal(&mut self, proposal: &Proposal, expected: impl Into<Error>) {
        let expected = expected.into();
        for private in [false, true] {
            let bad = self.alice.make(Plan::proposal(proposal.clone()).framed(private));
            self.refuses(&bad, expected.clone());
        }
    }

    /// This is refused alone, and by value in a commit.
    #[track_caller]
    pub(crate) fn refuses_everywhere(&mut self, proposal: &Proposal, expected: impl Into<Error>) {
        let expected = expected.into();
        self.refuses_proposal(proposal, expected.clone());
        self.refuses_commit([proposal.clone()], expected);
    }

    /// Alice's commit of these is accepted, and the group goes on.
    #[track_caller]
    pub(crate) fn accepts_commit<T: Into<ProposalOrRef>>(&mut self, list: impl IntoIterator<Item = T>) {
        let twin = self.alice.make(Plan::commit().with(list));
        self.accepts(&twin);
    }

    /// Alice proposes this, and all let it wait: what it is referred to by.
    #[track_caller]
    pub(crate) fn proposes(&mut self, proposal: Proposal) -> ProposalOrRef {
        let forged = self.alice.make(Plan::proposal(proposal));
        self.passes(&forged);
        ProposalOrRef::Reference(forged.reference)
    }

    /// An honest member proposes something: what it is referred to by.
    pub(crate) fn proposed(
        &mut self,
        name: &str,
        what: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<MlsMessage>, Error>,
    ) -> ProposalOrRef {
        let before: BTreeSet<_> = self.alice.proposals.keys().cloned().collect();
        self.step(name, what);
        let new = self.alice.proposals.keys().find(|reference| !before.contains(*reference));
        ProposalOrRef::Reference(new.expect("a proposal that was not there").clone())
    }

    /// Alice takes this for what a reference names, whether others have heard it or not.
    pub(crate) fn believes(&mut self, reference: &[u8], proposal: &Proposal) -> ProposalOrRef {
        let by = Sender::Member(self.alice.leaf);
        self.alice.proposals.insert(reference.to_vec(), (proposal.clone(), by));
        ProposalOrRef::Reference(reference.to_vec())
    }

    /// An honest member becomes another adversary, who knows of the proposals that Alice knows of.
    pub(crate) fn turns(&mut self, name: &str) -> Insider {
        let mut insider = Insider::take(&self.world, name);
        insider.proposals.clone_from(&self.alice.proposals);
        self.world.people.remove(name);
        insider
    }

    /// What somebody else signs, encrypted as Alice's: under the next key of her ratchet, with her leaf in the sender data.
    pub(crate) fn smuggled(&self, plan: Plan<'static>) -> Plan<'static> {
        let (leaf, generations) = (self.alice.leaf, self.alice.generations.clone());
        plan.private().seal(move |seal| {
            let next = generations.get(&(leaf, seal.ratchet)).copied().unwrap_or_default();
            (seal.ratchet_leaf, seal.generation) = (leaf, next);
            (seal.sender_data.leaf_index, seal.sender_data.generation) = (leaf, next);
        })
    }

    /// Someone whom the group lists, alone, among its external senders.
    pub(crate) fn warden(&mut self) -> Insider {
        let mut warden = self.alice.outsider("warden");
        self.set_extensions(vec![ExternalSender::extension(&[warden.as_external_sender()])]);
        warden.catches_up(&self.alice);
        warden
    }
}
