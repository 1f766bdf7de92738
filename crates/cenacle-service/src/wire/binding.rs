//! What the Authentication Service says about keys (RFC 9750 §4): a device asks with a [`BindingRequest`], which
//! proves that it holds the key, and is given a [`SignedBinding`], which any client can verify under the service's
//! key. In JSON both are one base64url string of their canonical encoding, so a signature never meets a re-encoding.

use alloc::borrow::Cow;
use core::fmt;

use cenacle_codec::{Decode, Encode, codec_struct};
use cenacle_crypto::{
    CipherSuite, CryptoError, Signature, SignaturePublicKey, Signer, Suite,
    labeled::{sign_with_label, verify_with_label},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{AccountName, Base64Url, DeviceId};

const REQUEST_LABEL: &str = "CenacleBindingRequest";
const BINDING_LABEL: &str = "CenacleBinding";

codec_struct! {
    /// Which key a device wants bound to which name.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct BindingRequestTbs {
        name: AccountName,
        cipher_suite: CipherSuite,
        signature_key: SignaturePublicKey,
    }

    /// A device's wish to have a signature key bound to its account's name, signed with that key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BindingRequest {
        wish: BindingRequestTbs,
        signature: Signature,
    }

    /// The statement "this key belongs to this device of this account, for this cipher suite, in this time".
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Binding {
        /// The account.
        pub name: AccountName,
        /// The account's device that holds the key.
        pub device_id: DeviceId,
        /// The key, as it stands in the device's leaf nodes.
        pub signature_key: SignaturePublicKey,
        /// The cipher suite whose signature scheme the key is of. A device has one key for each suite.
        pub cipher_suite: CipherSuite,
        /// When the statement was made, in seconds since the Unix epoch.
        pub issued_at: u64,
        /// Last second in which it holds, in seconds since the Unix epoch.
        pub not_after: u64,
    }

    /// A [`Binding`] with the Authentication Service's signature. Only [`SignedBinding::verify`] gives it out as true.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SignedBinding {
        binding: Binding,
        signature: Signature,
    }
}

impl BindingRequest {
    /// Signs the wish to bind `signer`'s key to `name` for `cipher_suite`.
    ///
    /// # Errors
    /// When the signer fails.
    pub fn new(name: AccountName, cipher_suite: CipherSuite, signer: &dyn Signer) -> Result<Self, CryptoError> {
        let wish = BindingRequestTbs { name, cipher_suite, signature_key: signer.public_key().clone() };
        let signature = sign_with_label(signer, REQUEST_LABEL, &wish.to_bytes()?)?;
        Ok(Self { wish, signature })
    }

    /// The cipher suite the key is for.
    #[must_use]
    pub const fn cipher_suite(&self) -> CipherSuite {
        self.wish.cipher_suite
    }

    /// Checks that the wish is for `name` and signed with the key it names, and gives that key.
    ///
    /// # Errors
    /// [`BindingFault::OtherName`], [`BindingFault::OtherSuite`] or [`BindingFault::BadSignature`].
    pub fn verify(&self, suite: &dyn Suite, name: &AccountName) -> Result<&SignaturePublicKey, BindingFault> {
        if self.wish.name != *name {
            return Err(BindingFault::OtherName);
        }
        if suite.cipher_suite() != self.wish.cipher_suite {
            return Err(BindingFault::OtherSuite);
        }
        let key = &self.wish.signature_key;
        let content = self.wish.to_bytes().map_err(|_| BindingFault::BadSignature)?;
        verify_with_label(suite, key, REQUEST_LABEL, &content, &self.signature)
            .map_err(|_| BindingFault::BadSignature)?;
        Ok(key)
    }
}

impl SignedBinding {
    /// Signs `binding` with the Authentication Service's key.
    ///
    /// # Errors
    /// When the signer fails.
    pub fn sign(binding: Binding, as_key: &dyn Signer) -> Result<Self, CryptoError> {
        let signature = sign_with_label(as_key, BINDING_LABEL, &binding.to_bytes()?)?;
        Ok(Self { binding, signature })
    }

    /// Checks the service's signature and the time, and gives the statement.
    ///
    /// `suite` is the suite of the service's key (suite 1: Ed25519), not that of the key bound; `as_key` is the key
    /// the caller trusts, and `now_seconds` is the time since the Unix epoch.
    ///
    /// # Errors
    /// [`BindingFault::BadSignature`] or [`BindingFault::Expired`].
    pub fn verify(
        &self,
        suite: &dyn Suite,
        as_key: &SignaturePublicKey,
        now_seconds: u64,
    ) -> Result<&Binding, BindingFault> {
        let content = self.binding.to_bytes().map_err(|_| BindingFault::BadSignature)?;
        verify_with_label(suite, as_key, BINDING_LABEL, &content, &self.signature)
            .map_err(|_| BindingFault::BadSignature)?;
        if now_seconds > self.binding.not_after {
            return Err(BindingFault::Expired);
        }
        Ok(&self.binding)
    }

    /// What it claims, unchecked: for programs that show it, and for finding the key to check.
    #[must_use]
    pub const fn unverified(&self) -> &Binding {
        &self.binding
    }
}

/// Why a binding, or the wish for one, is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BindingFault {
    /// It is for another account than the one it was sent for.
    OtherName,
    /// It is for another cipher suite than the one it is checked under.
    OtherSuite,
    /// The server does not have the cipher suite.
    UnknownSuite,
    /// The signature does not verify, or the key is not one of its cipher suite.
    BadSignature,
    /// Its time is over.
    Expired,
    /// No binding was asked for, or two for one cipher suite.
    NotOnePerSuite,
    /// The device has another key bound for this cipher suite already.
    OtherKeyBound,
    /// The key is bound to another device already.
    KeyOfOtherDevice,
}

impl fmt::Display for BindingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherName => "the binding is for another account name",
            Self::OtherSuite => "the binding is for another cipher suite",
            Self::UnknownSuite => "the server does not have this cipher suite",
            Self::BadSignature => "the signature does not verify",
            Self::Expired => "the binding has expired",
            Self::NotOnePerSuite => "give at least one binding request, and at most one for each cipher suite",
            Self::OtherKeyBound => "the device has another key bound for this cipher suite",
            Self::KeyOfOtherDevice => "the key is bound to another device",
        })
    }
}

impl core::error::Error for BindingFault {}

macro_rules! as_base64url {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                Base64Url::from(self.to_bytes().map_err(ser::Error::custom)?).serialize(to)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(from)?;
                let bytes: Base64Url = text.parse().map_err(de::Error::custom)?;
                Self::from_bytes(bytes.as_slice()).map_err(de::Error::custom)
            }
        }
    )*};
}
as_base64url!(BindingRequest, SignedBinding);
