//! Clients whose private keys lie open, as vectors need them, with the leaves and key packages they sign.

use alloc::sync::Arc;

use cenacle_codec::{Encode as _, Opaque};
use cenacle_crypto::{HpkePublicKey, HpkeSecretKey, Signature, Signer, Suite, labeled::sign_with_label};
use cenacle_mls::{
    Error,
    group::{Client, Grease, Handshake, OwnKeyPackage, Settings},
    wire::{
        Capabilities, Credential, CredentialType, Extension, ExtensionType, Extensions, GroupId, KeyPackage,
        KeyPackageTbs, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, Lifetime, ProposalType, ProtocolVersion,
    },
};

use super::{
    super::{check::Failure, hex_field::Hex},
    Dice,
};

/// An extension of the private range that everybody here supports, so that groups can have one.
pub(super) const PRIVATE_EXTENSION: ExtensionType = ExtensionType(0xf420);

/// Key packages are valid for ever: a vector must not expire.
pub(super) const LIFETIME: Lifetime = Lifetime { not_before: 0, not_after: u64::MAX };

/// Someone with a signature key.
pub(super) struct Person {
    suite: Arc<dyn Suite>,
    signer: Arc<dyn Signer>,
    pub(super) signature_priv: Hex,
    credential: Credential,
    capabilities: Capabilities,
    extensions: Extensions,
}

/// A key package with the private keys that belong to it.
pub(super) struct Offer {
    pub(super) key_package: KeyPackage,
    pub(super) init_priv: Hex,
    pub(super) encryption_priv: Hex,
}

impl Person {
    /// Someone new. What the library puts into leaves by default makes no difference: all is said here.
    pub(super) fn new(suite: &Arc<dyn Suite>, dice: &mut Dice) -> Result<Self, Failure> {
        let (secret, _) = suite.signature_key_pair(dice)?;
        let name = format!("member {:08x}", dice.number32());
        let application_id = dice.chance(25).then(|| Opaque::from(dice.bytes(6)));
        let extensions = application_id.map(|id| -> Result<_, Failure> {
            Ok(Extension { extension_type: ExtensionType::APPLICATION_ID, extension_data: id.to_bytes()?.into() })
        });
        Ok(Self {
            suite: Arc::clone(suite),
            signer: Arc::from(suite.signer(&secret)?),
            signature_priv: secret.0.expose().into(),
            credential: Credential::Basic(name.as_bytes().into()),
            capabilities: capabilities(&**suite, dice),
            extensions: Extensions(extensions.transpose()?.into_iter().collect()),
        })
    }

    /// As the state machine knows it.
    pub(super) fn client(&self, handshake: Handshake) -> Client {
        let mut settings = Settings { handshake, ..Settings::default() };
        settings.limits.lifetime_seconds = u64::MAX;
        settings.grease = Grease::Off;
        Client::new(Arc::clone(&self.suite), Arc::clone(&self.signer), self.credential.clone())
            .with_capabilities(self.capabilities.clone())
            .with_leaf_extensions(self.extensions.clone())
            .with_settings(settings)
    }

    /// The key that signs.
    pub(super) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// A signed leaf. `position` is bound for sources `update` and `commit`.
    pub(super) fn leaf(
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
            extensions: self.extensions.clone(),
            signature: Signature(Opaque::EMPTY),
        };
        let signed = LeafNodeTbs { leaf: &leaf, position }.to_bytes()?;
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &signed)?;
        Ok(leaf)
    }

    /// A signed key package.
    pub(super) fn offer(&self, dice: &mut Dice) -> Result<Offer, Failure> {
        let (init_priv, init_key) = key_pair(&*self.suite, dice)?;
        let (encryption_priv, encryption_key) = key_pair(&*self.suite, dice)?;
        let mut key_package = KeyPackage {
            version: ProtocolVersion::MLS10,
            cipher_suite: self.suite.cipher_suite(),
            init_key,
            leaf_node: self.leaf(encryption_key, LeafNodeSource::KeyPackage(LIFETIME), None)?,
            extensions: Extensions::default(),
            signature: Signature(Opaque::EMPTY),
        };
        let signed = KeyPackageTbs(&key_package).to_bytes()?;
        key_package.signature = sign_with_label(&*self.signer, "KeyPackageTBS", &signed)?;
        Ok(Offer { key_package, init_priv, encryption_priv })
    }
}

impl Offer {
    /// As the state machine takes it to join. It is kept: no store has a row of it, which a one-time key package needs.
    pub(super) fn own(&self) -> OwnKeyPackage {
        let (init_key, leaf_key) = (self.init_priv.hpke_secret_key(), self.encryption_priv.hpke_secret_key());
        OwnKeyPackage::new(self.key_package.clone(), init_key, leaf_key, true)
    }
}

/// A fresh key pair, its private half for a vector.
pub(super) fn key_pair(suite: &dyn Suite, dice: &mut Dice) -> Result<(Hex, HpkePublicKey), Failure> {
    let (private, public) = suite.kem_derive_key_pair(&dice.bytes(suite.kem_secret_key_length()))?;
    Ok((bare(&private), public))
}

/// A private key for a vector.
pub(super) fn bare(key: &HpkeSecretKey) -> Hex {
    key.0.expose().into()
}

/// What everybody here supports, with values nobody does among them (RFC 9420 §13.5).
fn capabilities(suite: &dyn Suite, dice: &mut Dice) -> Capabilities {
    const NOBODYS: [u16; 4] = [0x0a0a, 0x3a3a, 0x6a6a, 0xeaea];
    let mut grease = || if dice.chance(25) { dice.pick(&NOBODYS).copied() } else { None };
    let [suites, extensions, proposals, credentials] = [grease(), grease(), grease(), grease()];
    let mut capabilities = Capabilities {
        versions: vec![ProtocolVersion::MLS10],
        cipher_suites: vec![suite.cipher_suite()],
        extensions: vec![PRIVATE_EXTENSION],
        proposals: Vec::new(),
        credentials: vec![CredentialType::BASIC],
    };
    capabilities.cipher_suites.extend(suites.map(cenacle_crypto::CipherSuite));
    capabilities.extensions.extend(extensions.map(ExtensionType));
    capabilities.proposals.extend(proposals.map(ProposalType));
    capabilities.credentials.extend(credentials.map(CredentialType));
    capabilities
}
