//! Which of the waiting proposals go into one's own commit (RFC 9420 §12.2, §12.4): all that are valid and agree with one
//! another and with what is committed by value. A sender drops what a receiver would refuse.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

use cenacle_crypto::{CipherSuite, SignaturePublicKey};

use super::{
    Group, Inputs, Occasion, PublicGroup,
    admit::is_unknown_credential,
    apply::{Applied, check_members},
    grease::check_sent,
    list::{Committer, Leaving, Listed, ProposalList},
    proposals::CachedProposal,
};
use crate::{
    Error,
    wire::{
        ExtensionType, LeafIndex, LeafNode, PreSharedKeyId, Proposal, ProposalRef, ProposalType, ProtocolVersion,
        ReInit, RequiredCapabilities, Sender,
    },
};

/// How many lists are tried when all proposals together do not make a valid one.
const TRIES: usize = 64;

/// What the list claims so far, each of which it may claim once.
#[derive(Default)]
struct Claims<'a> {
    changed: BTreeSet<LeafIndex>,
    removed: BTreeSet<LeafIndex>,
    leaving: Leaving,
    added: BTreeSet<&'a SignaturePublicKey>,
    psks: BTreeSet<&'a PreSharedKeyId>,
    extensions: bool,
    custom: BTreeSet<(u32, ProposalType, &'a [u8])>,
}

impl Group {
    /// The list of a commit: `by_value` as it is, then the waiting proposals that fit, but those in `without`.
    ///
    /// # Errors
    /// `Missing` when a verdict on a waiting proposal's credential is not known.
    pub(crate) fn select<'a>(
        &'a self,
        by_value: &'a [Proposal],
        without: &BTreeSet<ProposalRef>,
        inputs: &Inputs<'_>,
    ) -> Result<Vec<Listed<'a>>, Error> {
        let own = Sender::Member(self.own_leaf());
        let mut list: Vec<Listed<'a>> =
            by_value.iter().map(|proposal| Listed { proposal, sender: own, reference: None }).collect();
        let mut claims = Claims::default();
        for item in &list {
            claims.claim(item.proposal, item.sender, self.public());
        }
        // RFC 9420 §12.2: "they SHOULD prefer any Remove received, or the most recent Update if there are no Removes."
        // One's own were not judged when they were sent: what the others refused they do not know.
        let admitted =
            |entry: &CachedProposal| inputs.check_admitted(self.public(), entry.sender, &entry.proposal).is_ok();
        let waiting =
            || self.proposals.waiting().filter(|entry| !without.contains(&entry.reference) && admitted(entry));
        let removes = waiting().filter(|entry| matches!(entry.proposal, Proposal::Remove(_)));
        let updates = waiting().rev().filter(|entry| matches!(entry.proposal, Proposal::Update(_)));
        let others = waiting().filter(|entry| !matches!(entry.proposal, Proposal::Remove(_) | Proposal::Update(_)));
        let by_reference = |entry: &'a CachedProposal| Listed {
            proposal: &entry.proposal,
            sender: entry.sender,
            reference: Some(entry.reference),
        };
        if by_value.iter().any(|proposal| matches!(proposal, Proposal::ReInit(_))) {
            return Ok(list);
        }
        for entry in removes.chain(updates).chain(others) {
            if self.fits(entry, &claims, inputs)? {
                claims.claim(&entry.proposal, entry.sender, self.public());
                list.push(by_reference(entry));
            }
        }
        // RFC 9420 §12.2: "If the committer has received other proposals during the epoch, they SHOULD prefer them over the
        // ReInit proposal".
        let mut asked = BTreeMap::new();
        let mut reinits = waiting().filter(|_| list.is_empty());
        if let Some(entry) = reinits.find(|entry| self.can_follow(&entry.proposal, &mut asked)) {
            return Ok(vec![by_reference(entry)]);
        }
        self.agreeing(list, by_value.len(), inputs)
    }

    /// Whether a proposal is a ReInit to what all members say they support (RFC 9420 §11): another would end the group. The
    /// members are `asked` once for each version and suite, however many proposals name it.
    fn can_follow(&self, proposal: &Proposal, asked: &mut BTreeMap<(ProtocolVersion, CipherSuite), bool>) -> bool {
        let Proposal::ReInit(ReInit { version, cipher_suite, extensions, .. }) = proposal else { return false };
        let supports = |(_, leaf): (LeafIndex, LeafNode)| {
            leaf.capabilities.versions.contains(version) && leaf.capabilities.cipher_suites.contains(cipher_suite)
        };
        let roster = self.public().tree.roster();
        check_sent(proposal).is_ok()
            && extensions.types().all(|kind| roster.all_support_extension(kind))
            && *asked.entry((*version, *cipher_suite)).or_insert_with(|| self.members().all(supports))
    }

    /// The list, or as much of its waiting part as is valid together.
    fn agreeing<'a>(
        &self,
        list: Vec<Listed<'a>>,
        by_value: usize,
        inputs: &Inputs<'_>,
    ) -> Result<Vec<Listed<'a>>, Error> {
        if list.len() == by_value {
            return Ok(list);
        }
        match self.try_list(&list, inputs) {
            Ok(()) => return Ok(list),
            Err(error) if is_unknown_credential(&error) => return Err(error),
            Err(_) => {}
        }
        let mut kept: Vec<Listed<'a>> = list.iter().take(by_value).copied().collect();
        let required = self.public().extensions().required_capabilities()?;
        let types: Vec<ExtensionType> = self.public().extensions().types().collect();
        let alone = |item: &Listed<'_>| self.stands_alone(item.proposal, required.as_ref(), &types);
        let waiting: Vec<Listed<'a>> = list.into_iter().skip(by_value).filter(alone).collect();
        // Each try costs the whole list: many by value leave room for none.
        let mut tries = if by_value <= TRIES { TRIES } else { 0 };
        let (first, second) = waiting.split_at(waiting.len() / 2);
        for half in [first, second] {
            self.keep_valid(&mut kept, half, &mut tries, inputs);
        }
        Ok(kept)
    }

    /// Whether a leaf that is proposed, or a change of extensions, goes with the group as it is. What does not may do so with
    /// the rest of the list; once that is in doubt it is left out, lest it is sought for among all others.
    fn stands_alone(
        &self,
        proposal: &Proposal,
        required: Option<&RequiredCapabilities>,
        types: &[ExtensionType],
    ) -> bool {
        let roster = self.public().tree.roster();
        let goes_with = |leaf: &LeafNode| {
            required.is_none_or(|required| leaf.capabilities.meet(required))
                && leaf.capabilities.understand(types)
                && roster.all_support_credential(leaf.credential.credential_type())
                && roster.credentials_are_among(&leaf.capabilities.credentials)
        };
        match proposal {
            Proposal::Add(add) => goes_with(&add.key_package.leaf_node),
            Proposal::Update(update) => goes_with(&update.leaf_node),
            Proposal::GroupContextExtensions(change) => {
                let required = change.extensions.required_capabilities().ok().flatten();
                check_members(&self.public().tree, &change.extensions, required.as_ref()).is_ok()
            }
            Proposal::Remove(_)
            | Proposal::PreSharedKey(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::Custom(..) => true,
        }
    }

    /// Adds as many of these as make a valid list: all, or else of each half as many.
    fn keep_valid<'a>(&self, kept: &mut Vec<Listed<'a>>, items: &[Listed<'a>], tries: &mut usize, inputs: &Inputs<'_>) {
        if items.is_empty() || *tries == 0 {
            return;
        }
        *tries -= 1;
        let before = kept.len();
        kept.extend_from_slice(items);
        if self.try_list(kept, inputs).is_ok() {
            return;
        }
        kept.truncate(before);
        if items.len() > 1 {
            let (first, second) = items.split_at(items.len() / 2);
            self.keep_valid(kept, first, tries, inputs);
            self.keep_valid(kept, second, tries, inputs);
        }
    }

    fn try_list(&self, list: &[Listed<'_>], inputs: &Inputs<'_>) -> Result<(), Error> {
        let (suite, public) = (self.client.suite(), self.public());
        let judge = self.judge(inputs).of_verified();
        let list = ProposalList::sort(list, Committer::Member(self.own_leaf()), public, suite)?;
        self.check_supported(&list)?;
        let sealed = Applied::new(&list, public, judge)?.seal(public)?;
        self.client.check_all_supported(&sealed.tree, &sealed.provisional.extensions)
    }

    /// Whether a proposal agrees with what the list claims already.
    fn fits(&self, entry: &CachedProposal, claims: &Claims<'_>, inputs: &Inputs<'_>) -> Result<bool, Error> {
        Ok(match &entry.proposal {
            Proposal::Remove(remove) => remove.removed != self.own_leaf() && !claims.changed.contains(&remove.removed),
            Proposal::Update(_) => {
                let own = self.own_leaf();
                matches!(entry.sender, Sender::Member(leaf) if leaf != own && !claims.changed.contains(&leaf))
            }
            Proposal::Add(add) => {
                let package = &add.key_package;
                let key = &package.leaf_node.signature_key;
                let required = self.public().extensions().required_capabilities()?;
                let required = required.as_ref().filter(|_| !claims.extensions);
                match inputs.check_leaf(Occasion::Add, self.group_id(), &package.leaf_node, None) {
                    Err(error) if is_unknown_credential(&error) => return Err(error),
                    verdict => {
                        let (roster, suite) = (self.public().tree.roster(), self.client.suite());
                        let present = roster.member_by_signature_key(key, suite);
                        verdict.is_ok()
                            && present.is_none_or(|leaf| claims.removed.contains(&leaf))
                            && !claims.added.contains(key)
                            && !roster.has_encryption_key(&package.leaf_node.encryption_key, suite)
                            && package.check(&self.judge(inputs).leaf_check(self.group_id(), required)).is_ok()
                    }
                }
            }
            // Whoever does not have the key leaves the proposal to those who do.
            Proposal::PreSharedKey(psk) => {
                !claims.psks.contains(&psk.psk) && self.available_psk(&psk.psk, inputs).is_ok()
            }
            Proposal::GroupContextExtensions(_) => !claims.extensions,
            // A ReInit stands alone or not at all; ExternalInit belongs to joiners.
            Proposal::ReInit(_) | Proposal::ExternalInit(_) => false,
            Proposal::Custom(kind, content) => {
                !matches!(entry.sender, Sender::External(by) if claims.custom.contains(&(by, *kind, content.as_slice())))
                    && self.client.capabilities.supports_proposal(*kind)
                    && claims.leaving.others_support(self.public().tree.roster(), *kind)
            }
        })
    }
}

impl<'a> Claims<'a> {
    fn claim(&mut self, proposal: &'a Proposal, sender: Sender, public: &PublicGroup) {
        match (proposal, sender) {
            (Proposal::Remove(remove), _) => {
                self.changed.insert(remove.removed);
                if self.removed.insert(remove.removed) {
                    self.leaving.add(&public.tree, remove.removed);
                }
            }
            (Proposal::Update(_), Sender::Member(leaf)) => {
                self.changed.insert(leaf);
            }
            (Proposal::Add(add), _) => {
                self.added.insert(&add.key_package.leaf_node.signature_key);
            }
            (Proposal::PreSharedKey(psk), _) => {
                self.psks.insert(&psk.psk);
            }
            (Proposal::GroupContextExtensions(_), _) => self.extensions = true,
            // Nothing but its own signature covers an outsider's proposal, and anyone can make a second one of an ECDSA
            // signature: the same proposal under another reference.
            (Proposal::Custom(kind, content), Sender::External(by)) => {
                self.custom.insert((by, *kind, content.as_slice()));
            }
            (Proposal::Update(_) | Proposal::ReInit(_) | Proposal::ExternalInit(_) | Proposal::Custom(..), _) => {}
        }
    }
}
