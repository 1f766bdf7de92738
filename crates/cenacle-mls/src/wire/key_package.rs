//! Key packages (RFC 9420 §10): a client's signed offer to be added to a group.

use cenacle_codec::{Encode, Writer, codec_struct};
use cenacle_crypto::{CipherSuite, HpkePublicKey, Signature};

use super::{Extensions, LeafNode, ProtocolVersion};

codec_struct! {
    /// An offer to be added (RFC 9420 §10).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct KeyPackage {
        /// The protocol version it is for.
        pub version: ProtocolVersion,
        /// The cipher suite it is for.
        pub cipher_suite: CipherSuite,
        /// The key the Welcome is encrypted to.
        pub init_key: HpkePublicKey,
        /// The leaf to be added, source `key_package`.
        pub leaf_node: LeafNode,
        /// Further properties of the offer.
        pub extensions: Extensions,
        /// Over [`KeyPackageTbs`], label `KeyPackageTBS`.
        pub signature: Signature,
    }
}

/// What a key package's signature covers: all fields before it.
#[derive(Debug)]
pub struct KeyPackageTbs<'a>(pub &'a KeyPackage);

impl Encode for KeyPackageTbs<'_> {
    fn encode(&self, out: &mut Writer) {
        let Self(package) = self;
        out.put(&package.version).put(&package.cipher_suite).put(&package.init_key);
        out.put(&package.leaf_node).put(&package.extensions);
    }
}
