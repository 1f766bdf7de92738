//! What can go wrong, sorted by what the caller should do about it. Secrets never appear in an error.

use alloc::{borrow::Cow, vec::Vec};
use core::fmt;

use cenacle_codec::{DecodeError, EncodeError};
use cenacle_crypto::{CryptoError, SignaturePublicKey};

use crate::wire::{Credential, Epoch, Generation, GroupId, PreSharedKeyId};

/// Why an input was refused or an operation not done. Nothing has changed when one is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Not MLS: drop it.
    Decode(DecodeError),
    /// The sender broke a rule of the protocol: drop it, and suspect the sender.
    Invalid(Rule),
    /// Not authentic: drop it. Anyone may have made it.
    Unverified(What),
    /// Valid by the protocol, but not what the application wants: it says why.
    Refused(Refusal),
    /// Valid perhaps, but beyond what this version or this client does.
    Unsupported(Unsupported),
    /// For an epoch that is over and no longer kept.
    Stale(Epoch),
    /// For an epoch that has not begun here: fetch what lies between, then try again.
    Future(Epoch),
    /// The message's key is used up or no longer kept: a replay, or a message that came too late.
    KeyGone(Generation),
    /// The message is further ahead in its sender's ratchet than the limits allow.
    TooFarAhead(Generation),
    /// A message of one's own that this state has never sent, or a commit that it has given up: it is an old copy. Its keys may
    /// have been used since; do not send with it, but join again.
    OldState,
    /// Something the caller must supply first: fetch it, then call again.
    Missing(Need),
    /// The caller asked for something that makes no sense in this state.
    Misuse(Misuse),
    /// The cryptographic provider failed.
    Provider(CryptoError),
    /// Stored rows do not make a state: the store lost or changed something.
    Corrupt(&'static str),
}

/// What failed to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum What {
    /// Signature of a framed content (RFC 9420 §6.1).
    ContentSignature,
    /// Membership tag of a public message (RFC 9420 §6.2).
    MembershipTag,
    /// Confirmation tag of a commit or GroupInfo (RFC 9420 §6.1).
    ConfirmationTag,
    /// Encrypted sender data (RFC 9420 §6.3.2).
    SenderData,
    /// Encrypted content (RFC 9420 §6.3.1).
    Ciphertext,
    /// Signature of a leaf node (RFC 9420 §7.3).
    LeafSignature,
    /// Signature of a key package (RFC 9420 §10).
    KeyPackageSignature,
    /// Signature of a GroupInfo (RFC 9420 §12.4.3).
    GroupInfoSignature,
    /// Encrypted group secrets or GroupInfo in a Welcome (RFC 9420 §12.4.3.1).
    Welcome,
    /// Encrypted path secret (RFC 9420 §7.5).
    PathSecret,
    /// A credential that the application refused (RFC 9420 §5.3.1), and why.
    Credential(Distrust),
}

/// Why a credential is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Distrust {
    /// It is not one of the application's: of another type, or malformed.
    Malformed,
    /// Nobody the application trusts vouches for it.
    Untrusted,
    /// Whoever vouches for it does so for another signature key.
    WrongKey,
    /// It has expired, is not valid yet, or was revoked.
    NotCurrent,
    /// It is for another name than it may be for here.
    WrongIdentity,
    /// It is no valid successor of the credential it replaces.
    NotSuccessor,
}

/// Why the application does not want something, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub Cow<'static, str>);

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self(Cow::Borrowed(reason))
    }
}

/// What is not done here, visibly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Unsupported {
    /// A protocol version other than MLS 1.0.
    Version,
    /// A cipher suite the provider does not supply, or another than the caller's keys are for.
    CipherSuite,
    /// An extension of the group's context that this client does not list in its capabilities.
    Extension,
    /// An encrypted message, for an observer: it takes the group's secrets to read.
    Encrypted,
}

/// What the caller must supply before the call can succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A pre-shared key.
    Psk(PreSharedKeyId),
    /// The group's tree, which the Welcome or GroupInfo does not carry (RFC 9420 §12.4.3.3).
    RatchetTree,
    /// One of the key packages that the Welcome is for.
    KeyPackage,
    /// The group that a Welcome continues (RFC 9420 §11.2, §11.3), as it is in this epoch.
    Origin(GroupId, Epoch),
    /// Verdicts on whether these keys are really the ones of who the credentials say (RFC 9420 §5.3.1).
    CredentialVerdicts(Vec<Claim>),
}

/// A key that somebody says is theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who presents itself.
    pub credential: Credential,
    /// The key it presents.
    pub signature_key: SignaturePublicKey,
}

/// What makes no sense to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Misuse {
    /// The transition was made from another state of the group than the present one: make it again.
    Outdated,
    /// A commit of one's own waits for its echo: confirm or discard it first.
    CommitPending,
    /// Valid proposals wait: commit them before sending application data (RFC 9420 §12.4).
    ProposalsPending,
    /// One's own member is no longer in the group.
    NotMember,
    /// The message is not of the kind this call takes.
    WrongMessage,
    /// The message belongs to another group.
    WrongGroup,
    /// More waiting proposals than the limits allow.
    TooManyProposals,
    /// A length that the operation does not allow.
    Length,
    /// The key that was handed in is not the member's.
    WrongKey,
    /// The ratchet has no generation left in this epoch.
    RatchetExhausted,
    /// No such commit is pending.
    NothingPending,
    /// The group was re-initialised: it can only produce the new one (RFC 9420 §12.4.2).
    ReInitialized,
    /// The group was not re-initialised.
    NotReInitialized,
    /// A value reserved for GREASE, which stands only where unknown values are ignored (RFC 9420 §13.5).
    Grease,
    /// This client is not among the group's external senders.
    NotExternalSender,
    /// The group's tree was not read: read the rest first.
    TreeNotRead,
    /// A group of this identifier is in the store already, and one's own member is in it.
    GroupExists,
}

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident, $section:literal;)*) => {
        /// A rule of RFC 9420 that a sender broke, named as the statement that is false.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule { $($(#[doc = $doc])* $name,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The section of RFC 9420 that states it.
            #[must_use]
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What the rule says.
            #[must_use]
            pub const fn statement(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*),)* }
            }
        }
    };
}

rules! {
    /// Application data travels only as PrivateMessage.
    ApplicationDataIsEncrypted, "6";
    /// The message's group is this group.
    GroupIdMatches, "6";
    /// Only members send PrivateMessages.
    PrivateSenderIsMember, "6.3.2";
    /// The sender's leaf is not blank.
    SenderIsMember, "6.1";
    /// A client cannot receive a new message from itself.
    SenderIsNotSelf, "6.3.2";
    /// An external sender is listed in the group's external_senders.
    ExternalSenderIsListed, "6.1";
    /// External senders send only proposals of types open to them.
    ExternalSenderProposes, "12.1.8";
    /// A new_member_proposal sender proposes its own addition.
    NewMemberProposesAdd, "6.1";
    /// A new_member_commit sender sends a commit.
    NewMemberCommits, "6.1";
    /// No list holds two extensions of one type.
    ExtensionTypesUnique, "13.4";
    /// Extensions of RFC 9420 stand only where they have a meaning.
    ExtensionInPlace, "17.3";
    /// The content of a known extension is well-formed.
    ExtensionWellFormed, "13.4";
    /// Capabilities do not list default extension and proposal types.
    CapabilitiesOmitDefaults, "7.2";
    /// A leaf lists the types of its own extensions in its capabilities.
    LeafExtensionsListed, "7.2";
    /// A leaf lists the type of its own credential in its capabilities.
    LeafCredentialListed, "7.2";
    /// A key package's lifetime is no longer than the limit.
    LifetimeBounded, "7.2";
    /// The present time lies within the leaf's lifetime.
    LifetimeCurrent, "7.3";
    /// A leaf meets the group's required capabilities.
    RequiredCapabilitiesMet, "7.3";
    /// Every member supports the type of every member's credential.
    CredentialSupportedByAll, "7.3";
    /// A leaf's capabilities list the group's version.
    VersionListed, "7.3";
    /// A leaf's capabilities list the group's cipher suite.
    CipherSuiteListed, "7.3";
    /// A leaf's source fits where the leaf stands.
    LeafSourceFits, "7.3";
    /// A new leaf has another encryption key than the one it replaces.
    LeafKeyReplaced, "7.3";
    /// No two members have the same signature key.
    SignatureKeyUnique, "7.3";
    /// No two nodes have the same encryption key.
    EncryptionKeyUnique, "7.3";
    /// Public keys are ones of the suite.
    PublicKeyWellFormed, "5.1.1";
    /// A tree ends with a node that is not blank.
    TreeEndsNonBlank, "12.4.3.3";
    /// A tree has an odd number of nodes, leaves at even and parents at odd positions.
    TreeWellFormed, "12.4.3.3";
    /// The tree's hash is the one in the GroupContext.
    TreeHashMatches, "12.4.3.1";
    /// A tree stays within the largest size.
    TreeSizeBounded, "7.4";
    /// Unmerged leaves are listed in ascending order, each once.
    UnmergedLeavesAscend, "7.1";
    /// Each unmerged leaf is a member below the node, and listed on every non-blank node between.
    UnmergedLeavesConsistent, "12.4.3.1";
    /// Every parent node is bound to one below it by its parent hash.
    ParentHashValid, "7.9.2";
    /// An update path has one node for each node of the filtered direct path.
    PathLengthFits, "7.6";
    /// Each path node has one ciphertext for each node of the copath child's resolution.
    PathCiphertextsFit, "7.6";
    /// The keys derived from a path secret are those in the tree.
    PathKeysDerive, "7.5";
    /// The epoch can still be counted up.
    EpochCounts, "8.1";
    /// A PSK nonce has the length of a KDF output.
    PskNonceLength, "8.4";
    /// The PSKs of a commit can be counted in 16 bits.
    PskCountFits, "8.4";
    /// A PSK's usage fits the occasion.
    PskUsageFits, "12.1.4";
    /// No PSK is folded in twice.
    PskUnique, "12.2";
    /// A key package is for the group's version and suite.
    KeyPackageFits, "10.1";
    /// A key package's init key differs from its encryption key.
    InitKeyDiffers, "10.1";
    /// An Update proposal is sent by the member it updates.
    UpdateByMember, "12.1.2";
    /// A commit carries no Update by value and none of the committer's own.
    UpdateNotByCommitter, "12.2";
    /// A commit does not remove its sender.
    CommitterNotRemoved, "12.2";
    /// A removed leaf is a member's.
    RemovedIsMember, "12.1.3";
    /// A commit has at most one Update or Remove for a leaf.
    LeafChangedOnce, "12.2";
    /// A commit refers to a proposal at most once.
    ProposalReferredOnce, "12.2";
    /// A commit adds no client that is a member or added already.
    AddedIsNew, "12.2";
    /// A commit has at most one GroupContextExtensions proposal.
    ExtensionsReplacedOnce, "12.2";
    /// A ReInit's version is no lower than the group's.
    ReInitVersion, "12.1.5";
    /// A ReInit stands alone.
    ReInitAlone, "12.2";
    /// Nothing is sent in a group that was re-initialised.
    ReInitIsLast, "12.4.2";
    /// ExternalInit stands in external commits only, exactly once.
    ExternalInitOnce, "12.2";
    /// An external commit carries only ExternalInit, at most one Remove, and PSKs.
    ExternalCommitProposals, "12.2";
    /// An external commit carries its proposals by value.
    ExternalCommitByValue, "12.4.3.2";
    /// An external commit has a path.
    ExternalCommitHasPath, "12.4.3.2";
    /// Every member supports a proposal of a type that is not default.
    ProposalSupportedByAll, "12.2";
    /// Every member supports every extension of the group's context.
    ExtensionSupportedByAll, "13.4";
    /// A proposal referred to was sent in this epoch.
    ProposalKnown, "12.4.2";
    /// A commit has a path where one is required.
    PathPresent, "12.4";
    /// The group's suite is the one of the key package and of the GroupInfo.
    WelcomeSuiteFits, "12.4.3.1";
    /// The joiner's leaf in the tree is the one of its key package.
    OwnLeafPresent, "12.4.3.1";
    /// A GroupInfo is signed by a member, and not by the joiner itself.
    SignerIsMember, "12.4.3.1";
    /// A Welcome folds in at most one reinit or branch PSK.
    WelcomePsksFit, "12.4.3.1";
    /// A group that continues another is joined in its epoch 1.
    SuccessorIsNew, "12.4.3.1";
    /// The group that replaces another is as its ReInit says.
    SuccessorFits, "11.2";
    /// The group that replaces another has all its members and no others.
    SuccessorKeepsMembers, "11.2";
    /// A branch has the version and suite of its origin.
    BranchFits, "11.3";
    /// The members of a branch are members of its origin.
    BranchMembersMatch, "11.3";
    /// A GroupInfo for an external join carries the external public key.
    ExternalPubPresent, "12.4.3.2";
    /// Secrets in a Welcome have the length of a KDF output.
    SecretLength, "12.4.3.1";
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "not a valid encoding: {error}"),
            Self::Invalid(rule) => {
                write!(f, "breaks RFC 9420 §{}: \"{}\"", rule.section(), rule.statement().trim())
            }
            Self::Unverified(what) => write!(f, "not authentic: {what:?} does not verify"),
            Self::Refused(Refusal(reason)) => write!(f, "refused by the application: {reason}"),
            Self::Unsupported(what) => write!(f, "not supported: {what:?}"),
            Self::Stale(epoch) => write!(f, "epoch {epoch} is over"),
            Self::Future(epoch) => write!(f, "epoch {epoch} has not begun here: process the commits before it first"),
            Self::KeyGone(generation) => {
                write!(f, "the key of generation {} is used up or no longer kept", generation.0)
            }
            Self::TooFarAhead(generation) => write!(f, "generation {} is too far ahead", generation.0),
            Self::OldState => {
                f.write_str("this state is an old copy: it knows nothing of a message it sent; join again")
            }
            Self::Missing(need) => write!(f, "needed first: {need:?}"),
            Self::Misuse(misuse) => write!(f, "not possible now: {misuse:?}"),
            Self::Provider(error) => write!(f, "cryptography: {error}"),
            Self::Corrupt(what) => write!(f, "stored state is damaged: {what}"),
        }
    }
}

impl core::error::Error for Error {}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<EncodeError> for Error {
    fn from(_: EncodeError) -> Self {
        Self::Misuse(Misuse::Length)
    }
}

impl From<CryptoError> for Error {
    fn from(error: CryptoError) -> Self {
        Self::Provider(error)
    }
}

impl From<Rule> for Error {
    fn from(rule: Rule) -> Self {
        Self::Invalid(rule)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<What> for Error {
    fn from(what: What) -> Self {
        Self::Unverified(what)
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
