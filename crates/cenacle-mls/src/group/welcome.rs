//! GroupInfo and Welcome, made for others (RFC 9420 §12.4.3). The GroupInfo is encrypted once for all; the HPKE context of
//! the group secrets is hashed once for all.

use alloc::vec::Vec;

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{
    Rng, Secret, Signature, Suite,
    labeled::{EncryptContext, sign_with_label},
};

use super::{Client, Group, PublicGroup};
use crate::{
    Error,
    schedule::{EpochSecrets, JoinerSecret, WelcomeSecret},
    wide,
    wire::{
        EncryptedGroupSecrets, ExtensionType, Extensions, ExternalPub, GroupInfo, GroupInfoTbs, GroupSecrets,
        KeyPackage, LeafIndex, MlsMessage, PathSecretEntry, PreSharedKeyId, Welcome,
    },
};

/// What a GroupInfo describes.
#[derive(Clone, Copy)]
pub(crate) struct GroupInfoContent<'a> {
    pub(crate) public: &'a PublicGroup,
    pub(crate) secrets: &'a EpochSecrets,
    pub(crate) signer: LeafIndex,
}

impl GroupInfoContent<'_> {
    /// The signed GroupInfo, with the tree or the external key if asked for.
    pub(crate) fn sign(&self, client: &Client, with_tree: bool, with_external_pub: bool) -> Result<GroupInfo, Error> {
        let mut extensions = client.greased(&Extensions::default());
        if with_external_pub {
            let (_, external_pub) = self.secrets.external_key_pair(client.suite())?;
            extensions.push(&ExternalPub { external_pub })?;
        }
        if with_tree {
            extensions.push_content(ExtensionType::RATCHET_TREE, &self.public.tree)?;
        }
        let mut info = GroupInfo {
            group_context: (*self.public.context).clone(),
            extensions,
            confirmation_tag: self.public.confirmation_tag,
            signer: self.signer,
            signature: Signature(Opaque::EMPTY),
        };
        info.signature = sign_with_label(&*client.signer, "GroupInfoTBS", &GroupInfoTbs(&info).to_bytes()?)?;
        Ok(info)
    }
}

/// A new member, as far as its Welcome is concerned.
pub(crate) struct Joiner<'a> {
    pub(crate) key_package: &'a KeyPackage,
    pub(crate) path_secret: Option<&'a Secret>,
}

/// What all new members are told.
pub(crate) struct Secrets<'a> {
    pub(crate) joiner_secret: &'a JoinerSecret,
    pub(crate) welcome_secret: &'a WelcomeSecret,
    pub(crate) psks: &'a [PreSharedKeyId],
}

/// So many joiners' secrets are sealed on one thread.
const SEAL_GRAIN: usize = 32;

/// Encrypts a GroupInfo and, to each joiner, the secrets that open it.
pub(crate) fn seal<'a>(
    suite: &dyn Suite,
    group_info: &GroupInfo,
    secrets: &Secrets<'_>,
    joiners: impl Iterator<Item = Joiner<'a>>,
    rng: &mut dyn Rng,
) -> Result<Welcome, Error> {
    let (key, nonce) = secrets.welcome_secret.key_and_nonce(suite)?;
    let encrypted_group_info = suite.aead_seal(&key, &nonce, &[], &group_info.to_bytes()?)?;
    let context = EncryptContext::new(suite, "Welcome", &encrypted_group_info)?;
    let seal_one = |joiner: &Joiner<'a>, rng: &mut dyn Rng| {
        let group_secrets = GroupSecrets {
            joiner_secret: secrets.joiner_secret.0.duplicate(),
            path_secret: joiner.path_secret.map(|secret| PathSecretEntry { path_secret: secret.duplicate() }),
            psks: secrets.psks.to_vec(),
        };
        let plaintext = group_secrets.to_secret_bytes()?;
        Ok::<_, Error>(EncryptedGroupSecrets {
            new_member: joiner.key_package.reference(suite)?,
            encrypted_group_secrets: context.encrypt(suite, &joiner.key_package.init_key, &plaintext, rng)?,
        })
    };
    let joiners: Vec<Joiner<'a>> = joiners.collect();
    let randomness = (suite.kem_secret_key_length(), rng);
    let secrets = wide::map_randomly(&joiners, SEAL_GRAIN, randomness, &seal_one)?;
    Ok(Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info: encrypted_group_info.into() })
}

impl Group {
    /// A signed description of the present epoch. With `external_pub`, anyone who has it can join from outside; with
    /// `tree`, nothing else is needed for that.
    ///
    /// # Errors
    /// `Misuse(NotMember)`, `Misuse(ReInitialized)`; when the signer fails.
    pub fn group_info(&self, tree: bool, external_pub: bool) -> Result<MlsMessage, Error> {
        self.check_sending()?;
        let content = GroupInfoContent { public: self.public(), secrets: &self.state.secrets, signer: self.own_leaf() };
        Ok(content.sign(&self.client, tree, external_pub)?.into())
    }
}
