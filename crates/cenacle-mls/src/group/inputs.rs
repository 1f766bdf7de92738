//! What the core does not have and is told: the time, pre-shared keys, and whether to believe a credential.

use alloc::{collections::BTreeMap, vec, vec::Vec};

use cenacle_codec::Opaque;
use cenacle_crypto::{SecretBytes, SignaturePublicKey};

use crate::{
    Claim, Error, Need, Rule, What,
    wire::{Credential, Epoch, GroupId, LeafNode, PreSharedKeyId, Proposal, Psk, Sender},
};

/// A credential that someone presents, at any of the events of RFC 9420 §5.3.1.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// Who it says it is.
    pub credential: &'a Credential,
    /// The key it says is its own.
    pub signature_key: &'a SignaturePublicKey,
    /// The credential it replaces, whose valid successor it must be.
    pub replaces: Option<&'a Credential>,
}

/// The application's verdict on a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The key belongs to who the credential says, and may replace what it replaces.
    Accept,
    /// It does not, or may not.
    Refuse,
    /// Not known yet: the call fails with [`Need::CredentialVerdicts`], to be made again when it is.
    Unknown,
}

/// The Authentication Service, as the core sees it: answers at once, from what the application knows already.
pub trait CredentialPolicy {
    /// Whether to believe what is presented.
    fn verdict(&self, presented: &Presented<'_>) -> Verdict;

    /// Whether this sender may want this: the application's access control, the same for all members. By default members
    /// and external joiners may, and nobody else (RFC 9420 §12.1.8: "External proposals that are not authorized are
    /// considered invalid").
    fn admits(&self, sender: &Sender, _: &Proposal) -> bool {
        matches!(sender, Sender::Member(_) | Sender::NewMemberCommit)
    }
}

/// Believes every credential and admits every proposal. For tests, and for applications that authenticate members by other means.
#[derive(Clone, Copy, Debug)]
pub struct AcceptAll;

impl CredentialPolicy for AcceptAll {
    fn verdict(&self, _: &Presented<'_>) -> Verdict {
        Verdict::Accept
    }

    fn admits(&self, _: &Sender, _: &Proposal) -> bool {
        true
    }
}

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

    pub(crate) fn require(&self, id: &PreSharedKeyId) -> Result<SecretBytes, Error> {
        self.find(&id.psk).map(SecretBytes::duplicate).ok_or_else(|| Error::Missing(Need::Psk(id.clone())))
    }
}

/// Everything a call is told about the world.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Seconds since the Unix epoch. Without it, lifetimes are not checked against the present.
    pub now_seconds: Option<u64>,
    /// Pre-shared keys.
    pub psks: Option<&'a Psks>,
    /// Whom to believe.
    pub credentials: &'a dyn CredentialPolicy,
}

impl core::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inputs").field("now_seconds", &self.now_seconds).finish_non_exhaustive()
    }
}

impl<'a> Inputs<'a> {
    /// No time, no PSKs, these credentials.
    #[must_use]
    pub const fn new(credentials: &'a dyn CredentialPolicy) -> Self {
        Self { now_seconds: None, psks: None, credentials }
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

    /// Asks for a verdict on a leaf that enters the tree, perhaps in place of another.
    pub(crate) fn check_leaf(&self, leaf: &LeafNode, replaces: Option<&LeafNode>) -> Result<(), Error> {
        if replaces.is_some_and(|old| old.credential == leaf.credential && old.signature_key == leaf.signature_key) {
            return Ok(());
        }
        let replaces = replaces.map(|old| &old.credential);
        self.check(&Presented { credential: &leaf.credential, signature_key: &leaf.signature_key, replaces })
    }

    pub(crate) fn check(&self, presented: &Presented<'_>) -> Result<(), Error> {
        match self.credentials.verdict(presented) {
            Verdict::Accept => Ok(()),
            Verdict::Refuse => Err(What::Credential.into()),
            Verdict::Unknown => Err(Error::Missing(Need::CredentialVerdicts(vec![claim(presented)]))),
        }
    }

    /// Asks for verdicts on many leaves, and names all that are unknown at once.
    pub(crate) fn check_all<'b>(&self, leaves: impl Iterator<Item = &'b LeafNode>) -> Result<(), Error> {
        let mut unknown = Vec::new();
        for LeafNode { credential, signature_key, .. } in leaves {
            let presented = Presented { credential, signature_key, replaces: None };
            match self.credentials.verdict(&presented) {
                Verdict::Accept => {}
                Verdict::Refuse => return Err(What::Credential.into()),
                Verdict::Unknown => unknown.push(claim(&presented)),
            }
        }
        if unknown.is_empty() { Ok(()) } else { Err(Error::Missing(Need::CredentialVerdicts(unknown))) }
    }

    /// Asks whether this sender may want this.
    pub(crate) fn check_admitted(&self, sender: &Sender, proposal: &Proposal) -> Result<(), Error> {
        if self.credentials.admits(sender, proposal) { Ok(()) } else { Err(Rule::ProposalAuthorized.into()) }
    }
}

fn claim(presented: &Presented<'_>) -> Claim {
    Claim { credential: presented.credential.clone(), signature_key: presented.signature_key.clone() }
}
