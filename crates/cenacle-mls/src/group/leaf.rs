//! A client's own leaf nodes (RFC 9420 §7.2): made and signed here, for key packages, updates and commits.

use cenacle_codec::Encode;
use cenacle_crypto::{HpkePublicKey, Signature, labeled::sign_with_label};

use super::Client;
use crate::{
    Error,
    wire::{GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs},
};

impl Client {
    /// A signed leaf with this encryption key. `position` is bound for sources `update` and `commit`.
    pub(crate) fn leaf_node(
        &self,
        encryption_key: HpkePublicKey,
        source: LeafNodeSource,
        position: Option<(&GroupId, LeafIndex)>,
    ) -> Result<LeafNode, Error> {
        let mut leaf = LeafNode {
            encryption_key,
            signature_key: self.signer.public_key().clone(),
            credential: self.credential.clone(),
            capabilities: self.capabilities.clone(),
            source,
            extensions: self.leaf_extensions.clone(),
            signature: Signature(cenacle_codec::Opaque::EMPTY),
        };
        let tbs = LeafNodeTbs { leaf: &leaf, position }.to_bytes()?;
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs)?;
        Ok(leaf)
    }
}
