//! What a client does outside of groups: it makes key packages, founds a group, comes into one, and proposes to one
//! that it is not in (RFC 9420 §10, §11, §12.1.8, §12.4.3).

use super::{Action, PeerResult};

/// What an outsider is given of a group.
#[derive(Clone, Debug)]
pub struct View {
    /// MLSMessage(GroupInfo).
    pub group_info: Vec<u8>,
    /// The bare `ratchet_tree` vector, if the GroupInfo does not carry it.
    pub ratchet_tree: Option<Vec<u8>>,
}

/// What a joiner is given of a group.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// MLSMessage(Welcome).
    pub welcome: Vec<u8>,
    /// The bare `ratchet_tree` vector, if the Welcome does not carry it.
    pub ratchet_tree: Option<Vec<u8>>,
}

/// How to come in by an external commit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// In place of the client's own old leaf.
    pub resync: bool,
    /// With the external PSK of this id.
    pub psk: Option<&'a [u8]>,
}

/// One client of one implementation.
#[allow(clippy::missing_errors_doc, reason = "every method fails alike: with the implementation's refusal")]
pub trait Client {
    /// The name of the implementation.
    fn implementation(&self) -> &'static str;
    /// A fresh MLSMessage(KeyPackage), its secrets kept.
    fn key_package(&mut self) -> PeerResult<Vec<u8>>;
    /// Makes this external PSK known to the client.
    fn add_psk(&mut self, id: &[u8], secret: &[u8]) -> PeerResult<()>;

    /// Creates a group with this client alone.
    fn create_group(&mut self, group_id: &[u8]) -> PeerResult<()>;
    /// Joins by a Welcome.
    fn join(&mut self, invitation: &Invitation) -> PeerResult<()>;
    /// Joins by an external commit and gives it, as PublicMessage.
    fn external_join(&mut self, view: &View, entry: Entry<'_>) -> PeerResult<Vec<u8>>;

    /// Proposes to be added to the group (sender `new_member_proposal`).
    fn propose_join(&mut self, view: &View) -> PeerResult<Vec<u8>>;
    /// The client as an entry of the `external_senders` extension.
    fn external_sender(&self) -> PeerResult<Vec<u8>>;
    /// Proposes something to a group that has this client among its external senders (sender `external`).
    fn propose_externally(&mut self, view: &View, what: &Action) -> PeerResult<Vec<u8>>;
}
