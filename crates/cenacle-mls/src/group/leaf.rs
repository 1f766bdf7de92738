//! A client's own leaf nodes (RFC 9420 §7.2): made and signed here, for key packages, updates and commits.

use cenacle_codec::Encode;
use cenacle_crypto::{HpkePublicKey, Signature, labeled::sign_with_label};

use super::{Client, Grease, grease::GreaseValues};
use crate::{
    Error, Misuse,
    tree::{LeafCheck, LeafPlace},
    wire::{Extensions, GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs},
};

impl Client {
    fn grease_values(&self) -> GreaseValues {
        GreaseValues::new(&self.signer.public_key().0)
    }

    /// Extensions as this client sends them: with one more for others to ignore, if it sends such.
    pub(crate) fn greased(&self, extensions: &Extensions) -> Extensions {
        match self.settings.grease {
            Grease::Extensions => self.grease_values().extensions(extensions),
            Grease::Off | Grease::Capabilities => extensions.clone(),
        }
    }

    /// A signed leaf with this encryption key. `position` is bound for sources `update` and `commit`.
    pub(crate) fn leaf_node(
        &self,
        encryption_key: HpkePublicKey,
        source: LeafNodeSource,
        position: Option<(&GroupId, LeafIndex)>,
    ) -> Result<LeafNode, Error> {
        // RFC 9420 §13.5: GREASE values are not sent as the type of a credential.
        if self.credential.credential_type().is_grease() {
            return Err(Misuse::Grease.into());
        }
        let capabilities = match self.settings.grease {
            Grease::Off => self.capabilities.clone(),
            Grease::Capabilities | Grease::Extensions => self.grease_values().capabilities(&self.capabilities),
        };
        let mut leaf = LeafNode {
            encryption_key,
            signature_key: self.signer.public_key().clone(),
            credential: self.credential.clone(),
            capabilities,
            source,
            extensions: self.greased(&self.leaf_extensions),
            signature: Signature(cenacle_codec::Opaque::EMPTY),
        };
        // What others would refuse is not sent.
        let place = LeafPlace::InTree(position.map_or(LeafIndex(0), |(_, leaf)| leaf));
        LeafCheck::alone(self.suite(), None, u64::MAX).check_content(&leaf, place)?;
        let tbs = LeafNodeTbs { leaf: &leaf, position }.to_bytes()?;
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs)?;
        Ok(leaf)
    }
}
