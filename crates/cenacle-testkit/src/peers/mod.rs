//! Live groups of several MLS implementations (RFC 9420), each client driven through one trait.
//! Implementations meet only as bytes: key packages, Welcomes, commits, GroupInfos and ratchet trees travel encoded.
//! [`run`] mixes any of them in one seeded random group. Nothing here judges which implementation is right; it finds
//! that two of them differ.

mod cenacle_peer;
mod client;
mod mls_rs_peer;
mod observer;
mod openmls_peer;
mod rng;
pub mod run;
mod succession;

pub use cenacle_peer::cenacle_peer;
pub use client::{Client, Entry, Invitation, View};
pub use mls_rs_peer::mls_rs_peer;
pub use observer::CenacleObserver;
pub use openmls_peer::openmls_peer;
pub use succession::{Succession, Successor};

use core::fmt;

/// An extension type of the private range (RFC 9420 §17) that every peer declares in its capabilities, so that
/// group context extensions can be changed without knowing any real extension.
pub const TEST_EXTENSION: u16 = 0xF00D;

/// The types of `required_capabilities` and `external_senders` (RFC 9420 §17.3).
const REQUIRED_CAPABILITIES: u16 = 3;
const EXTERNAL_SENDERS: u16 = 5;

/// One extension as it lies on the wire: its type and its data.
pub type RawExtension = (u16, Vec<u8>);

/// A group context extension list that carries `value` in [`TEST_EXTENSION`].
///
/// OpenMLS takes an unknown group context extension only if `required_capabilities` names it.
#[must_use]
pub fn test_extensions(value: &[u8]) -> Vec<RawExtension> {
    let [high, low] = TEST_EXTENSION.to_be_bytes();
    // One extension type (two bytes), no proposal types, no credential types.
    let required = vec![2, high, low, 0, 0];
    vec![(REQUIRED_CAPABILITIES, required), (TEST_EXTENSION, value.to_vec())]
}

/// The `external_senders` extension with these entries (RFC 9420 §12.1.8.1), if there are any.
#[must_use]
pub fn external_senders(entries: &[Vec<u8>]) -> Option<RawExtension> {
    let list = entries.concat();
    // RFC 9420 §2.1.2: a length in one byte up to 63, in two up to 16383.
    let length = u16::try_from(list.len()).ok().filter(|length| (1..0x4000).contains(length))?;
    let [high, low] = length.to_be_bytes();
    let header: &[u8] = if length < 0x40 { &[low] } else { &[high | 0x40, low] };
    Some((EXTERNAL_SENDERS, [header, &list].concat()))
}

/// How a peer frames what it sends, and what it adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Proposals and commits of members travel as PrivateMessage, else as PublicMessage.
    pub encrypt_handshakes: bool,
    /// Welcomes and GroupInfos carry the `ratchet_tree` extension, else the tree is handed over apart.
    pub tree_in_welcome: bool,
    /// Leaves and key packages carry an extension that means nothing (RFC 9420 §13.5). Capabilities name such values, and
    /// Cenacle's GroupInfos carry them, in any case.
    pub grease_extensions: bool,
}

/// One thing that a committer puts into its commit by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Add the owner of this MLSMessage(KeyPackage).
    Add(Vec<u8>),
    /// Remove the member at this leaf index.
    Remove(u32),
    /// Send an UpdatePath even where the proposals do not require one.
    Path,
    /// Replace the extensions of the group context.
    GroupContextExtensions(Vec<RawExtension>),
    /// Inject the external PSK of this id.
    Psk(Vec<u8>),
    /// Inject the resumption PSK of this epoch of the same group, usage `application`.
    ResumptionPsk(u64),
    /// Re-initialise the group.
    ReInit(Successor),
}

/// What a commit gives to send; the ratchet tree only if it does not travel in the Welcome.
#[derive(Clone, Debug)]
pub struct CommitOut {
    /// MLSMessage of the commit.
    pub commit: Vec<u8>,
    /// MLSMessage(Welcome) for all members added, if any were.
    pub welcome: Option<Vec<u8>>,
    /// MLSMessage(GroupInfo) of the new epoch, from implementations that give one with the commit.
    pub group_info: Option<Vec<u8>>,
    /// The bare `ratchet_tree` vector of the new epoch.
    pub ratchet_tree: Option<Vec<u8>>,
}

impl CommitOut {
    /// What a joiner needs of it, if anybody was added.
    #[must_use]
    pub fn invitation(&self) -> Option<Invitation> {
        let ratchet_tree = self.ratchet_tree.clone();
        self.welcome.clone().map(|welcome| Invitation { welcome, ratchet_tree })
    }

    /// What an outsider needs of it, if the implementation gives that.
    #[must_use]
    pub fn view(&self) -> Option<View> {
        let ratchet_tree = self.ratchet_tree.clone();
        self.group_info.clone().map(|group_info| View { group_info, ratchet_tree })
    }
}

/// What an accepted message turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// An application message.
    Application {
        /// Its content.
        data: Vec<u8>,
        /// What was authenticated with it in the clear.
        authenticated_data: Vec<u8>,
    },
    /// A proposal, now pending.
    Proposal,
    /// A commit, now applied.
    Commit,
    /// A commit that removed the receiver.
    Removed,
}

/// An implementation's refusal, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerError {
    /// Which implementation refused.
    pub implementation: &'static str,
    /// What it was asked to do.
    pub operation: &'static str,
    /// Its error, as its `Debug` prints it.
    pub reason: String,
}

impl PeerError {
    /// Wraps the error that `implementation` gave for `operation`.
    pub fn new(implementation: &'static str, operation: &'static str, reason: &impl fmt::Debug) -> Self {
        Self { implementation, operation, reason: format!("{reason:?}") }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused to {}: {}", self.implementation, self.operation, self.reason)
    }
}

impl core::error::Error for PeerError {}

/// What a peer gives, or its refusal.
pub type PeerResult<T> = Result<T, PeerError>;

/// Makes one client: its name (the identity of its basic credential), its cipher suite, its framing.
pub type Maker = fn(&str, u16, Options) -> PeerResult<Box<dyn Peer>>;

/// One client of one implementation, in at most one group at a time, or in a branch of it.
///
/// A client that joins again forgets the group it was in. After its removal it keeps the last state that it could
/// read, so that a test may ask it to read on.
#[allow(clippy::missing_errors_doc, reason = "every method fails alike: with the implementation's refusal")]
pub trait Peer: Succession {
    /// How it frames what it sends.
    fn options(&self) -> Options;

    /// Proposes to add the owner of this MLSMessage(KeyPackage).
    fn propose_add(&mut self, key_package: &[u8]) -> PeerResult<Vec<u8>>;
    /// Proposes a new leaf of its own.
    fn propose_update(&mut self) -> PeerResult<Vec<u8>>;
    /// Proposes to remove the member at this leaf index.
    fn propose_remove(&mut self, leaf: u32) -> PeerResult<Vec<u8>>;
    /// Proposes an external PSK.
    fn propose_psk(&mut self, id: &[u8]) -> PeerResult<Vec<u8>>;
    /// Proposes the resumption PSK of this epoch of the group, usage `application`.
    fn propose_resumption_psk(&mut self, epoch: u64) -> PeerResult<Vec<u8>>;
    /// Proposes to replace the extensions of the group context.
    fn propose_group_context_extensions(&mut self, extensions: &[RawExtension]) -> PeerResult<Vec<u8>>;

    /// Commits all pending proposals and these actions. Applied only by [`Peer::confirm`].
    fn commit(&mut self, by_value: &[Action]) -> PeerResult<CommitOut>;
    /// Applies the own pending commit.
    fn confirm(&mut self) -> PeerResult<()>;
    /// Forgets the own pending commit.
    fn discard(&mut self) -> PeerResult<()>;
    /// Takes in a message of another member.
    fn receive(&mut self, message: &[u8]) -> PeerResult<Received>;
    /// Encrypts an application message, and authenticates other data with it in the clear.
    fn send(&mut self, data: &[u8], authenticated_data: &[u8]) -> PeerResult<Vec<u8>>;

    /// The current epoch.
    fn epoch(&self) -> PeerResult<u64>;
    /// The GroupContext: identifier, epoch, tree hash, transcript and extensions (RFC 9420 §8.1).
    fn group_context(&self) -> PeerResult<Vec<u8>>;
    /// The epoch authenticator (RFC 9420 §8.7).
    fn epoch_authenticator(&self) -> PeerResult<Vec<u8>>;
    /// The own leaf index.
    fn own_leaf(&self) -> PeerResult<u32>;
    /// Leaf index and identity of every member, by leaf index.
    fn members(&self) -> PeerResult<Vec<(u32, Vec<u8>)>>;
    /// An exported secret of `length` bytes (RFC 9420 §8.5).
    fn export_secret(&self, label: &str, context: &[u8], length: usize) -> PeerResult<Vec<u8>>;
    /// The bare `ratchet_tree` vector of the current epoch.
    fn ratchet_tree(&self) -> PeerResult<Vec<u8>>;
    /// MLSMessage(GroupInfo) with `external_pub`, and the tree if [`Options::tree_in_welcome`] says so.
    fn group_info(&mut self) -> PeerResult<Vec<u8>>;

    /// What an outsider needs to know of the group.
    fn view(&mut self) -> PeerResult<View> {
        let group_info = self.group_info()?;
        let apart = !self.options().tree_in_welcome;
        Ok(View { group_info, ratchet_tree: apart.then(|| self.ratchet_tree()).transpose()? })
    }
}
