//! What the application decides, and the core asks: whom to believe (RFC 9420 §5.3.1), who may want what (§12.1.8, §12.4),
//! and the rules of proposals that only the application knows. All members of a group must decide alike: a commit that some
//! refuse splits the group.

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{CipherSuite, SignaturePublicKey};

use super::{CommitSummary, PublicGroup};
use crate::{
    Distrust, Refusal,
    wire::{Credential, GroupId, Proposal, ProposalType, Sender},
};

/// At which of the events of RFC 9420 §5.3.1 a credential is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Occasion {
    /// In a key package that is to be used in an Add proposal of one's own.
    KeyPackage,
    /// As a member of a group that one is about to join or to observe.
    Join,
    /// In an Add proposal.
    Add,
    /// In an Update proposal, in place of the member's former credential.
    Update,
    /// In the path of a commit, in place of the committer's former credential.
    Commit,
    /// In the path of an external commit, perhaps in place of the joiner's former self.
    ExternalCommit,
    /// In the group's list of external senders.
    ExternalSender,
}

/// A credential that someone presents.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// At which event.
    pub occasion: Occasion,
    /// To which group, unless it is not for any yet.
    pub group_id: Option<&'a GroupId>,
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
    Refuse(Distrust),
    /// Not known yet: the call fails with [`Need::CredentialVerdicts`](crate::Need), to be made again when it is.
    Unknown,
}

/// The Authentication Service, as the core sees it: answers at once, from what the application knows already.
pub trait CredentialPolicy {
    /// Whether to believe what is presented.
    fn verdict(&self, presented: &Presented<'_>) -> Verdict;

    /// Who a credential presents, so that one member's credentials in two groups can be matched (RFC 9420 §11.2, §11.3). By
    /// default the whole credential.
    fn identity(&self, credential: &Credential) -> Opaque {
        credential.to_bytes().map(Opaque::from).unwrap_or_default()
    }
}

/// Properties of a proposal type beyond RFC 9420, as the registry of proposal types has them (RFC 9420 §17.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomProposal {
    /// Whether a commit of it must have a path ("Path Required").
    pub path_required: bool,
    /// Whether an external sender may send it ("Ext").
    pub external: bool,
}

/// The application's access control, the same for all members.
pub trait GroupPolicy {
    /// Whether this sender may want this. By default members, external joiners and listed external senders may; clients that
    /// propose their own addition may not (RFC 9420 §12.1.8: "External proposals that are not authorized are considered
    /// invalid").
    ///
    /// What is admitted waits, and goes into the next commit of whoever holds what it takes. A resumption PSK of an earlier epoch
    /// is held by those who were there: a commit of it leaves everybody else behind, so that an application which has no use for
    /// one should not admit it.
    ///
    /// # Errors
    /// The reason why not.
    fn admits(&self, _group: &PublicGroup, sender: &Sender, _proposal: &Proposal) -> Result<(), Refusal> {
        match sender {
            Sender::NewMemberProposal => Err("nobody adds himself here".into()),
            Sender::Member(_) | Sender::External(_) | Sender::NewMemberCommit => Ok(()),
        }
    }

    /// Whether a commit as a whole may lead from one epoch to the next. By default every valid one may.
    ///
    /// # Errors
    /// The reason why not.
    fn admits_commit(&self, _group: &PublicGroup, _next: &PublicGroup, _does: &CommitSummary) -> Result<(), Refusal> {
        Ok(())
    }

    /// The cipher suites the application would have, the best first, if all members of a new group support them. By default it
    /// has no preference.
    fn preferred_suites(&self) -> &[CipherSuite] {
        &[]
    }

    /// The properties of a proposal type beyond RFC 9420. By default a commit of it needs a path, and only members send it.
    fn custom_proposal(&self, _proposal_type: ProposalType) -> CustomProposal {
        CustomProposal { path_required: true, external: false }
    }
}

/// What RFC 9420 alone asks for: see the defaults of [`GroupPolicy`].
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultPolicy;

impl GroupPolicy for DefaultPolicy {}

/// Believes every credential and admits every proposal. For tests, and for applications that authenticate members by other
/// means.
#[derive(Clone, Copy, Debug)]
pub struct AcceptAll;

impl CredentialPolicy for AcceptAll {
    fn verdict(&self, _: &Presented<'_>) -> Verdict {
        Verdict::Accept
    }
}

impl GroupPolicy for AcceptAll {
    fn admits(&self, _: &PublicGroup, _: &Sender, _: &Proposal) -> Result<(), Refusal> {
        Ok(())
    }
}
