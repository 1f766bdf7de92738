//! Bytes as the vectors' JSON holds them, in hexadecimal, and the secrets, digests and keys they stand for.

use core::{fmt, ops::Deref};

use cenacle_crypto::{Digest, HpkeSecretKey, Secret, SignatureSecretKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::check::Failure;

/// Bytes as a string of hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hex(Vec<u8>);

impl Hex {
    /// As a secret of the key schedule.
    pub(crate) fn secret(&self) -> Result<Secret, Failure> {
        Secret::from_slice(&self.0).ok_or_else(|| too_long(&self.0, Secret::MAX_BYTES))
    }

    /// As a hash or MAC.
    pub(crate) fn digest(&self) -> Result<Digest, Failure> {
        Digest::from_slice(&self.0).ok_or_else(|| too_long(&self.0, Digest::MAX_BYTES))
    }

    /// As an HPKE private key.
    pub(crate) fn hpke_secret_key(&self) -> HpkeSecretKey {
        HpkeSecretKey(self.0.clone().into())
    }

    /// As a signature private key.
    pub(crate) fn signature_secret_key(&self) -> SignatureSecretKey {
        SignatureSecretKey(self.0.clone().into())
    }
}

fn too_long(bytes: &[u8], most: usize) -> Failure {
    Failure::unreadable(&format_args!("{} bytes where at most {most} make sense", bytes.len()))
}

impl From<Vec<u8>> for Hex {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Hex {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&Secret> for Hex {
    fn from(secret: &Secret) -> Self {
        secret.expose().into()
    }
}

impl Deref for Hex {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        hex::decode(&digits).map(Self).map_err(|error| D::Error::custom(format_args!("not hexadecimal: {error}")))
    }
}
