//! Groups that begin with more than one member: new ones, those that an old one is re-initialised to (RFC 9420 §11.2), and
//! branches (§11.3). One client makes the group and its first commit in one step; the others join by the Welcome, and check
//! that the new group really continues the old one.

use alloc::{collections::BTreeMap, vec::Vec};

use cenacle_codec::{Opaque, Writer};
use cenacle_crypto::{CipherSuite, Rng};

use super::{Client, Group, Inputs, NewGroup, PublicGroup, transition::StateEvent};
use crate::{
    Error, Misuse, Need, Refusal, Rule, Unsupported,
    delta::{Delta, PersistError, RowKey, Store},
    wire::{
        Epoch, Extensions, GroupId, KeyPackage, Lifetime, MlsMessage, PreSharedKeyId, ProtocolVersion, Psk, ReInit,
        ResumptionPskUsage,
    },
};

/// A group in the making: its first members are added by its first commit, which leads to epoch 1.
#[derive(Debug)]
#[must_use = "a builder builds nothing before `build`"]
pub struct Founding<'a> {
    client: &'a Client,
    group_id: GroupId,
    extensions: Extensions,
    lifetime: Lifetime,
    continues: Option<(ResumptionPskUsage, &'a Group)>,
    members: Vec<KeyPackage>,
    force_path: bool,
    tree_in_welcome: bool,
}

/// A new group and the invitation into it, which comes out once the group is stored.
#[must_use = "the group exists only once it is stored"]
#[derive(Debug)]
pub struct FoundedGroup {
    new: NewGroup,
    welcome: Option<MlsMessage>,
}

impl Client {
    /// Begins a new group with several members. `lifetime` is that of one's own leaf.
    pub const fn found(&self, group_id: GroupId, extensions: Extensions, lifetime: Lifetime) -> Founding<'_> {
        Founding {
            client: self,
            group_id,
            extensions,
            lifetime,
            continues: None,
            members: Vec::new(),
            force_path: false,
            tree_in_welcome: true,
        }
    }

    /// Begins the group that `old` was re-initialised to (RFC 9420 §11.2). All its members must be added, by key packages for
    /// the new suite, which is also this client's. Policies are asked about the new group, as it is: with its suite. Members of
    /// both are matched by [`CredentialPolicy::identity`](super::CredentialPolicy::identity), their keys differ.
    ///
    /// The others join by the Welcome with [`Inputs::with_origin`]. Where the identifier stays the same,
    /// [`NewGroup::accept_in_place_of`] takes the old group.
    ///
    /// # Errors
    /// `Misuse(NotReInitialized)`; `Unsupported` when this client is not for the new version and suite.
    pub fn reinit<'a>(&'a self, old: &'a Group, lifetime: Lifetime) -> Result<Founding<'a>, Error> {
        old.check_active()?;
        let reinit = old.reinit().ok_or(Misuse::NotReInitialized)?;
        if reinit.version != ProtocolVersion::MLS10 {
            return Err(Error::Unsupported(Unsupported::Version));
        }
        if reinit.cipher_suite != self.suite.cipher_suite() {
            return Err(Error::Unsupported(Unsupported::CipherSuite));
        }
        let founding = self.found(reinit.group_id.clone(), reinit.extensions.clone(), lifetime);
        Ok(Founding { continues: Some((ResumptionPskUsage::Reinit, old)), ..founding })
    }

    /// Begins a group of some members of `parent` (RFC 9420 §11.3), with its version and suite.
    ///
    /// # Errors
    /// `Misuse(NotMember)`, `Misuse(ReInitialized)`; `Misuse(GroupExists)` when the identifier is the parent's; `Unsupported`
    /// when this client is not for the parent's suite.
    pub fn branch<'a>(
        &'a self,
        parent: &'a Group,
        group_id: GroupId,
        extensions: Extensions,
        lifetime: Lifetime,
    ) -> Result<Founding<'a>, Error> {
        parent.check_sending()?;
        if group_id == *parent.group_id() {
            return Err(Misuse::GroupExists.into());
        }
        if parent.public().context.cipher_suite != self.suite.cipher_suite() {
            return Err(Error::Unsupported(Unsupported::CipherSuite));
        }
        let founding = self.found(group_id, extensions, lifetime);
        Ok(Founding { continues: Some((ResumptionPskUsage::Branch, parent)), ..founding })
    }
}

impl<'a> Founding<'a> {
    /// Adds a first member.
    #[expect(clippy::should_implement_trait, reason = "named for the proposal it makes")]
    pub fn add(mut self, key_package: KeyPackage) -> Self {
        self.members.push(key_package);
        self
    }

    /// Makes the first commit with a path.
    pub const fn with_path(mut self) -> Self {
        self.force_path = true;
        self
    }

    /// Leaves the tree out of the Welcome: joiners get it elsewhere (RFC 9420 §12.4.3.3).
    pub const fn without_tree(mut self) -> Self {
        self.tree_in_welcome = false;
        self
    }

    /// Makes the group.
    ///
    /// # Errors
    /// `Invalid` when the group would not continue the other one, or for what is wrong with a key package; `Missing` for a
    /// credential's verdict; `Refused` when all members support a suite that the application prefers.
    pub fn build(self, inputs: &Inputs<'_>, rng: &mut dyn Rng) -> Result<FoundedGroup, Error> {
        if self.continues.is_none() {
            self.check_best_suite(inputs)?;
        }
        let inputs = &Inputs { origin: self.continues.map(|(_, origin)| origin), ..*inputs };
        let mut group =
            self.client.create_group(self.group_id, self.extensions, self.lifetime, inputs, rng)?.into_group();
        let mut commit = self.members.into_iter().fold(group.commit(), super::CommitBuilder::add);
        if let Some((usage, origin)) = self.continues {
            let (psk_group_id, psk_epoch) = (origin.group_id().clone(), origin.epoch());
            commit = commit.psk(Psk::Resumption { usage, psk_group_id, psk_epoch }).founding();
        }
        if self.force_path {
            commit = commit.with_path();
        }
        if !self.tree_in_welcome {
            commit = commit.without_tree();
        }
        // Nobody else is in the group yet, so that the first commit needs nobody's consent, and no store has seen it.
        let (change, bundle) = commit.build(inputs, rng)?.into_parts();
        let StateEvent::Pending(pending, _) = change.event else { return Err(Misuse::NothingPending.into()) };
        let psks = &pending.record.summary.psks;
        let continues = check_continuation(psks, &pending.next.state.public, inputs)?;
        group.found(&pending);
        Ok(FoundedGroup { new: NewGroup::of(group)?.continuing(continues, inputs.origin), welcome: bundle.welcome })
    }
}

impl Founding<'_> {
    /// RFC 9420 §11: "the creator MUST use the capabilities information in these KeyPackages to verify that the chosen version
    /// and cipher suite is the best option supported by all members." A group that continues another has no choice.
    fn check_best_suite(&self, inputs: &Inputs<'_>) -> Result<(), Error> {
        let supported = |suite: &&CipherSuite| {
            let others = self.members.iter().map(|package| &package.leaf_node.capabilities);
            core::iter::once(&self.client.capabilities)
                .chain(others)
                .all(|listed| listed.cipher_suites.contains(*suite))
        };
        match inputs.policy.preferred_suites().iter().find(supported) {
            Some(best) if *best != self.client.suite.cipher_suite() => {
                Err(Refusal::from("all members support a cipher suite that is preferred to this one").into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl FoundedGroup {
    /// The public half, to be looked at before the group is accepted; the tree for joiners where the Welcome does not carry it.
    #[must_use]
    pub fn public(&self) -> &PublicGroup {
        self.new.public()
    }

    /// What will be stored, so that the application can add rows of its own to the same batch.
    pub const fn delta_mut(&mut self) -> &mut Delta {
        self.new.delta_mut()
    }

    /// Writes, in the same batch, a row made of `header` and the Welcome, if there is one: an outbox. A Welcome that is lost
    /// between the store and the network leaves the founder alone.
    ///
    /// # Errors
    /// When the Welcome is too long to encode.
    pub fn store_welcome_as(&mut self, key: RowKey, header: &[u8]) -> Result<(), Error> {
        if let Some(welcome) = &self.welcome {
            let mut row = Writer::new();
            row.bytes(header).put(welcome);
            self.new.delta_mut().put(key, row.finish()?);
        }
        Ok(())
    }

    /// As [`FoundedGroup::accept`], in place of `old`, which was re-initialised to this group under its own identifier.
    ///
    /// # Errors
    /// As [`NewGroup::accept_in_place_of`].
    pub fn accept_in_place_of<S: Store>(
        self,
        old: Group,
        store: &mut S,
    ) -> Result<(Group, Option<MlsMessage>), PersistError<S::Error>> {
        Ok((self.new.accept_in_place_of(old, store)?, self.welcome))
    }

    /// Stores the group, takes it into use and gives the Welcome, if there is anybody to welcome.
    ///
    /// # Errors
    /// As [`NewGroup::accept`].
    pub fn accept<S: Store>(self, store: &mut S) -> Result<(Group, Option<MlsMessage>), PersistError<S::Error>> {
        Ok((self.new.accept(store)?, self.welcome))
    }
}

/// Checks that a new group continues the one that its PSKs name, if they name one (RFC 9420 §12.4.3.1). Gives in which way.
pub(crate) fn check_continuation(
    psks: &[PreSharedKeyId],
    new: &PublicGroup,
    inputs: &Inputs<'_>,
) -> Result<Option<ResumptionPskUsage>, Error> {
    let Some(Psk::Resumption { usage, psk_group_id, psk_epoch }) =
        psks.iter().map(|id| &id.psk).find(|psk| psk.continues())
    else {
        // RFC 9420 §11.2: "The Welcome message MUST specify a PreSharedKeyID of type resumption with usage reinit".
        let awaited = inputs.origin.and_then(Group::reinit).map(|reinit| &reinit.group_id);
        return if awaited == Some(new.group_id()) { Err(Rule::SuccessorFits.into()) } else { Ok(None) };
    };
    let origin = inputs.origin.ok_or_else(|| Error::Missing(Need::Origin(psk_group_id.clone(), *psk_epoch)))?;
    // "... verify that the epoch field in the GroupInfo is equal to 1."
    if new.epoch() != Epoch(1) {
        return Err(Rule::SuccessorIsNew.into());
    }
    match usage {
        ResumptionPskUsage::Reinit => check_successor(origin, *psk_epoch, new, inputs)?,
        ResumptionPskUsage::Branch => check_branch(origin, *psk_epoch, new, inputs)?,
        ResumptionPskUsage::Application => return Ok(None),
    }
    Ok(Some(*usage))
}

/// "For usage reinit, verify that the last Commit to the referenced group contains a ReInit proposal and that the group_id,
/// version, cipher_suite, and group_context.extensions fields of the GroupInfo match the ReInit proposal. Additionally, verify
/// that all the members of the old group are also members of the new group, according to the application."
fn check_successor(old: &Group, psk_epoch: Epoch, new: &PublicGroup, inputs: &Inputs<'_>) -> Result<(), Rule> {
    let ReInit { group_id, version, cipher_suite, extensions } = old.reinit().ok_or(Rule::SuccessorFits)?;
    let context = new.context();
    let fits = psk_epoch == old.epoch()
        && *group_id == context.group_id
        && *version == context.version
        && *cipher_suite == context.cipher_suite
        && *extensions == context.extensions;
    if !fits {
        return Err(Rule::SuccessorFits);
    }
    // RFC 9420 §11.2: "... a new group with the same membership".
    if identities(old.public(), inputs) == identities(new, inputs) { Ok(()) } else { Err(Rule::SuccessorKeepsMembers) }
}

/// "For usage branch, verify that the version and cipher_suite of the new group match those of the old group, and that the
/// members of the new group compose a subset of the members of the old group, according to the application."
fn check_branch(parent: &Group, psk_epoch: Epoch, new: &PublicGroup, inputs: &Inputs<'_>) -> Result<(), Error> {
    let (old, context) = (parent.public(), new.context());
    // RFC 9420 §11.2: from the last epoch of a group that was re-initialised, only its successor goes on, and under the
    // successor's name nothing else does.
    if parent.reinit().is_some_and(|reinit| psk_epoch == parent.epoch() || reinit.group_id == context.group_id) {
        return Err(Rule::SuccessorFits.into());
    }
    // RFC 9420 §12.4.3: the parent goes on beside the branch, so that the branch needs a name of its own.
    if context.group_id == old.context.group_id {
        return Err(Misuse::GroupExists.into());
    }
    if context.version != old.context.version || context.cipher_suite != old.context.cipher_suite {
        return Err(Rule::BranchFits.into());
    }
    let parents = identities(old, inputs);
    if identities(new, inputs).keys().all(|who| parents.contains_key(who)) {
        Ok(())
    } else {
        Err(Rule::BranchMembersMatch.into())
    }
}

/// Who is in a group, with how many leaves.
fn identities(group: &PublicGroup, inputs: &Inputs<'_>) -> BTreeMap<Opaque, usize> {
    let mut counts = BTreeMap::new();
    for (_, leaf) in group.members() {
        *counts.entry(inputs.credentials.identity(&leaf.credential)).or_default() += 1;
    }
    counts
}
