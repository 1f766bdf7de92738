//! Groups that come from other groups: the one that a group was re-initialised to, which all its members join (RFC 9420
//! §11.2), and branches, which only some of them join (§11.3). Not every implementation offers them.

use super::{Client, Invitation, PeerError, PeerResult, RawExtension};

/// What a group is re-initialised to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// Its identifier.
    pub group_id: Vec<u8>,
    /// Its cipher suite.
    pub suite: u16,
    /// The extensions of its context.
    pub extensions: Vec<RawExtension>,
}

/// A client that can follow a group into others. Where it offers nothing, every method refuses.
#[allow(clippy::missing_errors_doc, reason = "every method fails alike: with the implementation's refusal")]
pub trait Succession: Client {
    /// Proposes to re-initialise the group.
    fn propose_reinit(&mut self, _successor: &Successor) -> PeerResult<Vec<u8>> {
        Err(self.not_offered("propose to re-initialise"))
    }
    /// A fresh MLSMessage(KeyPackage) for the group that the present one was re-initialised to.
    fn successor_key_package(&mut self) -> PeerResult<Vec<u8>> {
        Err(self.not_offered("make a key package for a successor"))
    }
    /// Founds the group that the present one was re-initialised to, with the owners of these key packages, and is in it.
    fn found_successor(&mut self, _key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        Err(self.not_offered("found a successor"))
    }
    /// Joins the group that the present one was re-initialised to.
    fn join_successor(&mut self, _invitation: &Invitation) -> PeerResult<()> {
        Err(self.not_offered("join a successor"))
    }

    /// Founds a branch of the present group, with the owners of these key packages, and acts in it from now on.
    fn found_branch(&mut self, _group_id: &[u8], _key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        Err(self.not_offered("found a branch"))
    }
    /// Joins a branch of the present group, and acts in it from now on.
    fn join_branch(&mut self, _invitation: &Invitation) -> PeerResult<()> {
        Err(self.not_offered("join a branch"))
    }
    /// Forgets the branch and acts in its parent again.
    fn return_to_parent(&mut self) -> PeerResult<()> {
        Err(self.not_offered("return to the parent of a branch"))
    }

    /// The refusal of all these, unless the implementation says otherwise.
    fn not_offered(&self, operation: &'static str) -> PeerError {
        PeerError::new(self.implementation(), operation, &"not offered")
    }
}
