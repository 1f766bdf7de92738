//! A client's own leaf nodes (RFC 9420 §7.2): made and signed here, for key packages, updates and commits.

use cenacle_codec::Encode;
use cenacle_crypto::{HpkePublicKey, Signature, labeled::sign_with_label};

use super::{Client, grease::Grease};
use crate::{
    Error,
    wire::{GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs},
};

impl Client {
    /// The values this client sends for others to ignore, if it does.
    pub(crate) fn grease(&self) -> Option<Grease> {
        self.settings.grease.then(|| Grease::new(&self.signer.public_key().0))
    }

    /// A signed leaf with this encryption key. `position` is bound for sources `update` and `commit`.
    pub(crate) fn leaf_node(
        &self,
        encryption_key: HpkePublicKey,
        source: LeafNodeSource,
        position: Option<(&GroupId, LeafIndex)>,
    ) -> Result<LeafNode, Error> {
        let (capabilities, extensions) = match self.grease() {
            Some(grease) => (grease.capabilities(&self.capabilities), grease.extensions(&self.leaf_extensions)),
            None => (self.capabilities.clone(), self.leaf_extensions.clone()),
        };
        let mut leaf = LeafNode {
            encryption_key,
            signature_key: self.signer.public_key().clone(),
            credential: self.credential.clone(),
            capabilities,
            source,
            extensions,
            signature: Signature(cenacle_codec::Opaque::EMPTY),
        };
        let tbs = LeafNodeTbs { leaf: &leaf, position }.to_bytes()?;
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs)?;
        Ok(leaf)
    }
}
