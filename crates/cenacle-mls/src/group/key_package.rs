//! Key packages (RFC 9420 §10): making one's own, which is stored before it is published, and checking others'.

use alloc::{collections::BTreeSet, vec::Vec};

use cenacle_codec::{Decode, Encode, Opaque, codec_struct};
use cenacle_crypto::{
    CryptoError, Digest, HpkePublicKey, HpkeSecretKey, Rng, SecretBytes, Signature, Suite,
    labeled::{ref_hash_of, sign_with_label, verify_with_label},
};

use super::Client;
use crate::{
    Error, Rule, What,
    delta::{Delta, PersistError, RowKey, Store, Table, Unreleased},
    tree::{LeafCheck, LeafPlace},
    wire::{
        ExtensionType, Extensions, KeyPackage, KeyPackageRef, KeyPackageTbs, LeafNodeSource, Lifetime, MlsMessage,
        ProtocolVersion, Welcome,
    },
};

const LABEL: &str = "KeyPackageTBS";

codec_struct! {
    /// A key package of one's own with its private keys, as it is stored.
    #[derive(Debug)]
    pub struct OwnKeyPackage {
        pub(crate) key_package: KeyPackage,
        pub(crate) init_key: HpkeSecretKey,
        pub(crate) leaf_key: HpkeSecretKey,
        pub(crate) last_resort: u8,
    }
}

impl OwnKeyPackage {
    /// A key package whose private keys come from elsewhere.
    #[must_use]
    pub const fn new(
        key_package: KeyPackage,
        init_key: HpkeSecretKey,
        leaf_key: HpkeSecretKey,
        last_resort: bool,
    ) -> Self {
        Self { key_package, init_key, leaf_key, last_resort: last_resort as u8 }
    }

    /// The public part.
    #[must_use]
    pub const fn key_package(&self) -> &KeyPackage {
        &self.key_package
    }

    /// The private key that opens a Welcome.
    #[must_use]
    pub const fn init_key(&self) -> &HpkeSecretKey {
        &self.init_key
    }

    /// The private key of its leaf.
    #[must_use]
    pub const fn leaf_key(&self) -> &HpkeSecretKey {
        &self.leaf_key
    }

    /// Whether it stays after use.
    #[must_use]
    pub const fn is_last_resort(&self) -> bool {
        self.last_resort != 0
    }

    /// All that are stored, with the hashes that name them.
    ///
    /// # Errors
    /// When the store fails; `Corrupt` when a row is damaged.
    pub fn list<S: Store>(store: &S) -> Result<Vec<(KeyPackageRef, Self)>, PersistError<S::Error>> {
        let rows = store.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).map_err(PersistError::Store)?;
        let named = |(key, row): (RowKey, SecretBytes)| {
            let reference = Digest::from_slice(&key.key).map(KeyPackageRef).ok_or(Error::Corrupt("key package"))?;
            Ok((reference, read(&row)?))
        };
        rows.into_iter().map(named).collect()
    }

    /// Erases, with `delta`, the key package of this name, one of last resort as well: when its time is over and no Welcome for
    /// it is under way any more.
    pub fn erase(reference: &KeyPackageRef, delta: &mut Delta) {
        delta.delete(row_key(reference));
    }

    /// Finds, among the stored ones, a key package that the Welcome is for.
    ///
    /// # Errors
    /// When the store fails; `Corrupt` when the row is damaged.
    pub fn find<S: Store>(store: &S, welcome: &Welcome) -> Result<Option<Self>, PersistError<S::Error>> {
        // One's own are few; a Welcome may name as many as its sender likes.
        let named: BTreeSet<&[u8]> = welcome.secrets.iter().map(|entry| entry.new_member.0.as_slice()).collect();
        let own = store.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).map_err(PersistError::Store)?;
        let found = own.into_iter().find(|(key, _)| named.contains(key.key.as_slice()));
        Ok(found.map(|(_, row)| read(&row)).transpose()?)
    }

    /// Erases a key package whose Welcome is not to be taken: whoever got hold of its keys later could read the Welcome, and
    /// with it what was said then. One of last resort stays.
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn discard(self, suite: &dyn Suite) -> Result<Unreleased<()>, Error> {
        let mut delta = Delta::new();
        if !self.is_last_resort() {
            delta.delete(row_key(&self.key_package.reference(suite)?));
        }
        Ok(Unreleased::new(delta, ()))
    }
}

fn read(row: &SecretBytes) -> Result<OwnKeyPackage, Error> {
    OwnKeyPackage::from_own_bytes(row.expose()).map_err(|_| Error::Corrupt("key package"))
}

pub(crate) fn row_key(reference: &KeyPackageRef) -> RowKey {
    RowKey::new(Table::KEY_PACKAGE, reference.0.as_slice())
}

impl KeyPackage {
    /// When it may be used (RFC 9420 §7.2); none if its leaf is not one for a key package, which [`KeyPackage::verify`] refuses.
    #[must_use]
    pub const fn lifetime(&self) -> Option<Lifetime> {
        match self.leaf_node.source {
            LeafNodeSource::KeyPackage(lifetime) => Some(lifetime),
            LeafNodeSource::Update | LeafNodeSource::Commit { .. } => None,
        }
    }

    /// The hash that names it in Welcomes (RFC 9420 §5.2).
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn reference(&self, suite: &dyn Suite) -> Result<KeyPackageRef, Error> {
        Ok(KeyPackageRef(ref_hash_of(suite, "MLS 1.0 KeyPackage Reference", self)?))
    }

    /// Checks a key package on its own (RFC 9420 §10.1), and its leaf as `check` says.
    ///
    /// # Errors
    /// `Invalid` or `Unverified` with the rule it breaks.
    pub(crate) fn check(&self, check: &LeafCheck<'_>) -> Result<(), Error> {
        self.check_content(check)?;
        self.verify_signatures(check.suite)
    }

    /// All checks but the signatures.
    pub(crate) fn check_content(&self, check: &LeafCheck<'_>) -> Result<(), Error> {
        let suite = check.suite;
        // RFC 9420 §10.1: "Verify that the cipher suite and protocol version of the KeyPackage match those in the
        // GroupContext".
        if self.version != ProtocolVersion::MLS10 || self.cipher_suite != suite.cipher_suite() {
            return Err(Rule::KeyPackageFits.into());
        }
        // "Verify that the leaf_node of the KeyPackage is valid for a KeyPackage".
        check.check_content(&self.leaf_node, LeafPlace::KeyPackage)?;
        // "Verify that the value of leaf_node.encryption_key is different from the value of the init_key field".
        if self.leaf_node.encryption_key == self.init_key {
            return Err(Rule::InitKeyDiffers.into());
        }
        suite.kem_check_public_key(&self.init_key).map_err(|_| Rule::PublicKeyWellFormed)?;
        self.extensions.check_unique()?;
        self.extensions.check_place(&[])?;
        // RFC 9420 §10: "Extensions included in the extensions or leaf_node.extensions fields MUST be included in the
        // leaf_node.capabilities field."
        // Values of GREASE stand here unlisted in some key packages, as §13.5 lets them.
        let carried: Vec<ExtensionType> = self.extensions.types().filter(|kind| !kind.is_grease()).collect();
        if self.leaf_node.capabilities.understand(&carried) { Ok(()) } else { Err(Rule::LeafExtensionsListed.into()) }
    }

    /// The leaf's signature, and the key package's.
    pub(crate) fn verify_signatures(&self, suite: &dyn Suite) -> Result<(), Error> {
        LeafCheck::alone(suite, None, 0).verify_signature(&self.leaf_node, LeafPlace::KeyPackage)?;
        // "Verify that the signature on the KeyPackage is valid using the public key in leaf_node.credential".
        let tbs = KeyPackageTbs(self).to_bytes()?;
        verify_with_label(suite, &self.leaf_node.signature_key, LABEL, &tbs, &self.signature)
            .map_err(|_| What::KeyPackageSignature.into())
    }

    /// Checks a key package before it is used to add its client, without regard to any group (RFC 9420 §10.1).
    ///
    /// # Errors
    /// `Invalid` or `Unverified` with the rule it breaks.
    pub fn verify(
        &self,
        suite: &dyn Suite,
        now_seconds: Option<u64>,
        lifetime_limit_seconds: u64,
    ) -> Result<(), Error> {
        self.check(&LeafCheck::alone(suite, now_seconds, lifetime_limit_seconds))
    }
}

impl Extensions {
    /// What can be said of a GroupContext's extensions by themselves: their types differ, and the known ones are well-formed.
    pub(crate) fn check_context(&self) -> Result<(), Rule> {
        self.check_unique()?;
        self.check_place(&[ExtensionType::REQUIRED_CAPABILITIES, ExtensionType::EXTERNAL_SENDERS])?;
        self.required_capabilities().map_err(|_| Rule::ExtensionWellFormed)?;
        self.external_senders().map_err(|_| Rule::ExtensionWellFormed)?;
        Ok(())
    }

    /// RFC 9420 §17.3: the messages in which each extension may appear. Of the default ones those in `here` may.
    pub(crate) fn check_place(&self, here: &[ExtensionType]) -> Result<(), Rule> {
        let misplaced = self.types().any(|kind| kind.is_default() && !here.contains(&kind));
        if misplaced { Err(Rule::ExtensionInPlace) } else { Ok(()) }
    }

    /// RFC 9420 §13.4: no two extensions of one type in a list.
    pub(crate) fn check_unique(&self) -> Result<(), Rule> {
        let mut types: Vec<_> = self.types().collect();
        types.sort_unstable();
        if types.windows(2).any(|pair| pair.first() == pair.last()) { Err(Rule::ExtensionTypesUnique) } else { Ok(()) }
    }
}

/// A key pair from fresh randomness.
pub(crate) fn fresh_key_pair(
    suite: &dyn Suite,
    rng: &mut dyn Rng,
) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
    let ikm = SecretBytes::filled(suite.kem_secret_key_length(), |out| rng.fill(out))?;
    suite.kem_derive_key_pair(ikm.expose())
}

impl Client {
    /// Makes a key package, to be published once it is stored. A last-resort one stays after it was used.
    ///
    /// # Errors
    /// When the source of randomness or the provider fails.
    pub fn key_package(
        &self,
        lifetime: Lifetime,
        last_resort: bool,
        rng: &mut dyn Rng,
    ) -> Result<Unreleased<MlsMessage>, Error> {
        let suite = self.suite();
        let (init_secret_key, init_key) = fresh_key_pair(suite, rng)?;
        let (leaf_key, encryption_key) = fresh_key_pair(suite, rng)?;
        let mut key_package = KeyPackage {
            version: ProtocolVersion::MLS10,
            cipher_suite: suite.cipher_suite(),
            init_key,
            leaf_node: self.leaf_node(encryption_key, LeafNodeSource::KeyPackage(lifetime), None)?,
            extensions: self.greased(&Extensions::default()),
            signature: Signature(Opaque::EMPTY),
        };
        key_package.signature = sign_with_label(&*self.signer, LABEL, &KeyPackageTbs(&key_package).to_bytes()?)?;
        let reference = key_package.reference(suite)?;
        let own = OwnKeyPackage::new(key_package, init_secret_key, leaf_key, last_resort);
        let mut delta = Delta::new();
        delta.put(row_key(&reference), own.to_secret_bytes()?);
        Ok(Unreleased::new(delta, own.key_package.into()))
    }
}
