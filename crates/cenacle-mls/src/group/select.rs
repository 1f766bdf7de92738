//! Which of the waiting proposals go into one's own commit (RFC 9420 §12.2, §12.4): all that are valid and agree with one
//! another and with what is committed by value. A sender drops what a receiver would refuse.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    Group, Inputs,
    list::{Listed, check_psk},
    proposals::CachedProposal,
};
use crate::wire::{LeafIndex, PreSharedKeyId, Proposal, Sender};

/// What the list claims so far, each of which it may claim once.
#[derive(Default)]
struct Claims<'a> {
    leaves: BTreeSet<LeafIndex>,
    added: Vec<&'a cenacle_crypto::SignaturePublicKey>,
    psks: BTreeSet<&'a PreSharedKeyId>,
    extensions: bool,
}

impl Group {
    /// The list of a commit: `by_value` as it is, then the waiting proposals that fit.
    pub(crate) fn select<'a>(&'a self, by_value: &'a [Proposal], inputs: &Inputs<'_>) -> Vec<Listed<'a>> {
        let own = Sender::Member(self.own_leaf());
        let mut list: Vec<Listed<'a>> =
            by_value.iter().map(|proposal| Listed { proposal, sender: own, reference: None }).collect();
        let mut claims = Claims::default();
        for item in &list {
            claims.claim(item.proposal, item.sender);
        }
        // RFC 9420 §12.2: "they SHOULD prefer any Remove received, or the most recent Update if there are no Removes."
        let waiting = &self.proposals.entries;
        let removes = waiting.iter().filter(|entry| matches!(entry.proposal, Proposal::Remove(_)));
        let updates = waiting.iter().rev().filter(|entry| matches!(entry.proposal, Proposal::Update(_)));
        let others =
            waiting.iter().filter(|entry| !matches!(entry.proposal, Proposal::Remove(_) | Proposal::Update(_)));
        for entry in removes.chain(updates).chain(others) {
            if self.fits(entry, &claims, inputs) {
                claims.claim(&entry.proposal, entry.sender);
                let reference = Some(entry.reference);
                list.push(Listed { proposal: &entry.proposal, sender: entry.sender, reference });
            }
        }
        list
    }

    fn fits(&self, entry: &CachedProposal, claims: &Claims<'_>, inputs: &Inputs<'_>) -> bool {
        let suite = self.client.suite();
        let tree = &self.public().tree;
        match &entry.proposal {
            Proposal::Remove(remove) => {
                remove.removed != self.own_leaf()
                    && tree.leaf(remove.removed).is_some()
                    && !claims.leaves.contains(&remove.removed)
            }
            Proposal::Update(update) => match entry.sender {
                Sender::Member(leaf) => {
                    leaf != self.own_leaf()
                        && !claims.leaves.contains(&leaf)
                        && self.judge_alone(&update.leaf_node, leaf, inputs)
                }
                Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => false,
            },
            Proposal::Add(add) => {
                let key = &add.key_package.leaf_node.signature_key;
                let lifetime = self.client.settings.limits.lifetime_seconds;
                let present = tree.roster().member_by_signature_key(key);
                present.is_none_or(|leaf| claims.leaves.contains(&leaf))
                    && !claims.added.contains(&key)
                    && add.key_package.verify(suite, inputs.now_seconds, lifetime).is_ok()
                    && inputs.check_leaf(&add.key_package.leaf_node, None).is_ok()
            }
            Proposal::PreSharedKey(psk) => {
                check_psk(&psk.psk, suite).is_ok()
                    && !claims.psks.contains(&psk.psk)
                    && self.available_psk(&psk.psk, inputs).is_ok()
            }
            Proposal::GroupContextExtensions(_) => !claims.extensions,
            // §12.2 prefers all others to a ReInit; ExternalInit belongs to joiners.
            Proposal::ReInit(_) | Proposal::ExternalInit(_) => false,
            Proposal::Custom(kind, _) => tree.roster().all_support_proposal(*kind),
        }
    }

    /// Whether an Update is one that members accept: a valid leaf there, with a new key.
    fn judge_alone(&self, leaf_node: &crate::wire::LeafNode, leaf: LeafIndex, inputs: &Inputs<'_>) -> bool {
        let Some(old) = self.member(leaf) else { return false };
        let required = self.public().extensions().required_capabilities().ok().flatten();
        let check = super::public::leaf_check(
            self.client.suite(),
            Some(self.group_id()),
            required.as_ref(),
            inputs.now_seconds,
            self.client.settings.limits.lifetime_seconds,
        );
        leaf_node.encryption_key != old.encryption_key
            && check.check(leaf_node, crate::tree::LeafPlace::Update(leaf)).is_ok()
            && inputs.check_leaf(leaf_node, Some(old)).is_ok()
    }
}

impl<'a> Claims<'a> {
    fn claim(&mut self, proposal: &'a Proposal, sender: Sender) {
        match (proposal, sender) {
            (Proposal::Remove(remove), _) => {
                self.leaves.insert(remove.removed);
            }
            (Proposal::Update(_), Sender::Member(leaf)) => {
                self.leaves.insert(leaf);
            }
            (Proposal::Add(add), _) => self.added.push(&add.key_package.leaf_node.signature_key),
            (Proposal::PreSharedKey(psk), _) => {
                self.psks.insert(&psk.psk);
            }
            (Proposal::GroupContextExtensions(_), _) => self.extensions = true,
            (Proposal::Update(_) | Proposal::ReInit(_) | Proposal::ExternalInit(_) | Proposal::Custom(..), _) => {}
        }
    }
}
