//! One type per kind of key, signature and ciphertext (RFC 9420 §5.1), in the formats of §5.1.1 and §5.1.2.

use cenacle_codec::{Opaque, codec_newtype, codec_struct};

use crate::SecretBytes;

codec_newtype! {
    /// An HPKE public key: SerializePublicKey of RFC 9180 §7.1.1 (uncompressed points for NIST curves).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct HpkePublicKey(pub Opaque);

    /// An HPKE private key: SerializePrivateKey of RFC 9180 §7.1.2 (big-endian scalars of full width
    /// for NIST curves).
    #[derive(Debug)]
    pub struct HpkeSecretKey(pub SecretBytes);

    /// A signature public key: RFC 8032 encoding for EdDSA, uncompressed point for ECDSA (RFC 9420 §5.1.1).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct SignaturePublicKey(pub Opaque);

    /// A signature private key: RFC 8032's seed for EdDSA, big-endian scalar of full width for ECDSA.
    #[derive(Debug)]
    pub struct SignatureSecretKey(pub SecretBytes);

    /// A signature: RFC 8032 encoding for EdDSA, DER for ECDSA (RFC 9420 §5.1.1).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Signature(pub Opaque);
}

codec_struct! {
    /// An HPKE encapsulated key with the ciphertext it opens (RFC 9420 §7.6).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct HpkeCiphertext {
        /// The encapsulated key.
        pub kem_output: Opaque,
        /// The AEAD ciphertext with its tag.
        pub ciphertext: Opaque,
    }
}

impl HpkeSecretKey {
    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }
}

impl SignatureSecretKey {
    /// A second copy, which must be justified where it is made.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.duplicate())
    }
}
