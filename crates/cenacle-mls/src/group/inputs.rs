//! What the core does not have and is told: the time, pre-shared keys, and what the application decides.

use alloc::{collections::BTreeMap, vec::Vec};

use cenacle_codec::Opaque;
use cenacle_crypto::SecretBytes;

use super::{
    Group, PublicGroup,
    policy::{CredentialPolicy, DefaultPolicy, GroupPolicy, Occasion, Presented, Verdict},
};
use crate::{
    Claim, Error, Need, What,
    tree::Leaf,
    wire::{Epoch, ExternalSender, GroupId, LeafNode, PreSharedKeyId, Proposal, Psk, Sender},
};

/// Pre-shared keys the application supplies: external ones, and resumption PSKs of other groups.
#[derive(Debug, Default)]
pub struct Psks {
    external: BTreeMap<Opaque, SecretBytes>,
    resumption: BTreeMap<(GroupId, Epoch), SecretBytes>,
}

impl Psks {
    /// Adds an external PSK under its name.
    pub fn insert_external(&mut self, psk_id: impl Into<Opaque>, secret: impl Into<SecretBytes>) {
        self.external.insert(psk_id.into(), secret.into());
    }

    /// Adds the resumption PSK of an epoch of another group.
    pub fn insert_resumption(&mut self, group_id: GroupId, epoch: Epoch, secret: impl Into<SecretBytes>) {
        self.resumption.insert((group_id, epoch), secret.into());
    }

    pub(crate) fn find(&self, psk: &Psk) -> Option<&SecretBytes> {
        match psk {
            Psk::External(psk_id) => self.external.get(psk_id),
            Psk::Resumption { psk_group_id, psk_epoch, .. } => self.resumption.get(&(psk_group_id.clone(), *psk_epoch)),
        }
    }
}

/// Everything a call is told about the world.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Seconds since the Unix epoch. Without it, lifetimes are not checked against the present, not even by whoever commits or
    /// proposes an Add, of whom RFC 9420 §7.3 demands it.
    pub now_seconds: Option<u64>,
    /// Pre-shared keys.
    pub psks: Option<&'a Psks>,
    /// Whom to believe.
    pub credentials: &'a dyn CredentialPolicy,
    /// Who may want what.
    pub policy: &'a dyn GroupPolicy,
    /// The group that the one to be joined continues. Whoever waits for a group's successor gives it with every Welcome: one that
    /// leads to the announced group without the PSK is refused only then.
    pub origin: Option<&'a Group>,
}

impl core::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inputs").field("now_seconds", &self.now_seconds).finish_non_exhaustive()
    }
}

impl<'a> Inputs<'a> {
    /// No time, no PSKs, these credentials, and the rules of RFC 9420 alone.
    #[must_use]
    pub const fn new(credentials: &'a dyn CredentialPolicy) -> Self {
        Self { now_seconds: None, psks: None, credentials, policy: &DefaultPolicy, origin: None }
    }

    /// With the present time, in seconds since the Unix epoch.
    #[must_use]
    pub const fn at(self, now_seconds: u64) -> Self {
        Self { now_seconds: Some(now_seconds), ..self }
    }

    /// With pre-shared keys.
    #[must_use]
    pub const fn with_psks(self, psks: &'a Psks) -> Self {
        Self { psks: Some(psks), ..self }
    }

    /// With the application's own access control.
    #[must_use]
    pub const fn with_policy(self, policy: &'a dyn GroupPolicy) -> Self {
        Self { policy, ..self }
    }

    /// With the group that a re-initialised or branched one continues, as Welcomes into such groups need it (RFC 9420 §11.2,
    /// §11.3).
    #[must_use]
    pub const fn with_origin(self, origin: &'a Group) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// A pre-shared key: the application's, or one that ties a new group to its origin.
    pub(crate) fn psk(&self, id: &PreSharedKeyId) -> Result<SecretBytes, Error> {
        if let Psk::Resumption { psk_group_id, psk_epoch, .. } = &id.psk
            && id.psk.continues()
        {
            let missing = || Error::Missing(Need::Origin(psk_group_id.clone(), *psk_epoch));
            let origin = self.origin.filter(|origin| origin.group_id() == psk_group_id).ok_or_else(missing)?;
            let secret = origin.resumption_psk(*psk_epoch).ok_or_else(|| Error::Missing(Need::Psk(id.clone())))?;
            return Ok(SecretBytes::from(secret.expose()));
        }
        let found = self.psks.and_then(|psks| psks.find(&id.psk));
        found.map(SecretBytes::duplicate).ok_or_else(|| Error::Missing(Need::Psk(id.clone())))
    }

    /// Asks for a verdict on a leaf that enters a group's tree, perhaps in place of another.
    pub(crate) fn check_leaf(
        &self,
        occasion: Occasion,
        group_id: &GroupId,
        leaf: &LeafNode,
        replaces: Option<&LeafNode>,
    ) -> Result<(), Error> {
        if replaces.is_some_and(|old| old.credential == leaf.credential && old.signature_key == leaf.signature_key) {
            return Ok(());
        }
        let LeafNode { credential, signature_key, .. } = leaf;
        let replaces = replaces.map(|old| &old.credential);
        let group_id = Some(group_id);
        self.check_all([Presented { occasion, group_id, credential, signature_key, replaces }])
    }

    /// Asks for verdicts on all members of a group that is to be joined.
    pub(crate) fn check_members<'b>(
        &self,
        group_id: &'b GroupId,
        members: impl Iterator<Item = &'b Leaf>,
    ) -> Result<(), Error> {
        let mut unknown = Vec::new();
        for leaf in members {
            let (occasion, credential) = (Occasion::Join, &leaf.credential().ok_or(Error::Corrupt("leaf"))?);
            let (group_id, signature_key) = (Some(group_id), &leaf.signature_key());
            self.ask(&Presented { occasion, group_id, credential, signature_key, replaces: None }, &mut unknown)?;
        }
        none_of(unknown)
    }

    /// Asks for verdicts on a group's external senders.
    pub(crate) fn check_external_senders(&self, group_id: &GroupId, senders: &[ExternalSender]) -> Result<(), Error> {
        self.check_all(senders.iter().map(|ExternalSender { credential, signature_key }| Presented {
            occasion: Occasion::ExternalSender,
            group_id: Some(group_id),
            credential,
            signature_key,
            replaces: None,
        }))
    }

    /// Asks for verdicts, and names all that are unknown at once.
    fn check_all<'b>(&self, all: impl IntoIterator<Item = Presented<'b>>) -> Result<(), Error> {
        let mut unknown = Vec::new();
        for presented in all {
            self.ask(&presented, &mut unknown)?;
        }
        none_of(unknown)
    }

    fn ask(&self, presented: &Presented<'_>, unknown: &mut Vec<Claim>) -> Result<(), Error> {
        match self.credentials.verdict(presented) {
            Verdict::Accept => Ok(()),
            Verdict::Refuse(why) => Err(What::Credential(why).into()),
            Verdict::Unknown => {
                let (credential, signature_key) = (presented.credential.clone(), presented.signature_key.clone());
                unknown.push(Claim { credential, signature_key });
                Ok(())
            }
        }
    }

    /// Asks whether this sender may want this.
    pub(crate) fn check_admitted(&self, group: &PublicGroup, sender: Sender, proposal: &Proposal) -> Result<(), Error> {
        Ok(self.policy.admits(group, &sender, proposal)?)
    }
}

fn none_of(unknown: Vec<Claim>) -> Result<(), Error> {
    if unknown.is_empty() { Ok(()) } else { Err(Error::Missing(Need::CredentialVerdicts(unknown))) }
}
