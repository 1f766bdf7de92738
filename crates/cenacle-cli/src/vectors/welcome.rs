//! welcome.json: an invitation opened step by step (RFC 9420 §12.4.3.1). The group's tree is not part of it.

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_crypto::{
    SignaturePublicKey, Suite,
    labeled::{EncryptContext, verify_with_label},
};
use cenacle_mls::{
    schedule::{JoinerSecret, psk_secret},
    wire::{GroupInfo, GroupInfoTbs, GroupSecrets, KeyPackage, MlsMessage, MlsMessageBody, Welcome},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// An invitation for one.
#[derive(Serialize, Deserialize)]
pub(crate) struct WelcomeVector {
    pub(crate) cipher_suite: u16,
    pub(crate) init_priv: Hex,
    pub(crate) signer_pub: Hex,
    pub(crate) key_package: Hex,
    pub(crate) welcome: Hex,
}

impl SuiteVector for WelcomeVector {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        let key_package = read_key_package(&self.key_package)?;
        let welcome = read_welcome(&self.welcome)?;
        let init_priv = self.init_priv.hpke_secret_key();
        let init_key = suite.kem_public_key(&init_priv).at("init_priv")?;
        same_bytes("public key of init_priv", &init_key.0, &key_package.init_key.0)?;

        let reference = key_package.reference(suite)?;
        let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference);
        let entry = entry.ok_or_else(|| Failure::refused(&"no entry for the key package")).at("welcome: secrets")?;
        let context = EncryptContext::new(suite, "Welcome", &welcome.encrypted_group_info)?;
        let secrets =
            context.decrypt(suite, &init_priv, &entry.encrypted_group_secrets).at("encrypted_group_secrets")?;
        let secrets = round_trip::<GroupSecrets>("group_secrets", secrets.expose())?;
        let joiner_secret = JoinerSecret(secrets.joiner_secret);
        let member_secret = joiner_secret.member_secret(suite, &psk_secret(suite, &[])?);

        let (key, nonce) = member_secret.welcome_secret(suite)?.key_and_nonce(suite)?;
        let info = suite.aead_open(&key, &nonce, &[], &welcome.encrypted_group_info).at("encrypted_group_info")?;
        let info = round_trip::<GroupInfo>("group_info", info.expose())?;
        let signer = SignaturePublicKey((*self.signer_pub).into());
        let signed = GroupInfoTbs(&info).to_bytes()?;
        verify_with_label(suite, &signer, "GroupInfoTBS", &signed, &info.signature).at("signature of group_info")?;

        let epoch = member_secret.into_epoch(suite, &info.group_context)?;
        let confirmed = &info.group_context.confirmed_transcript_hash;
        epoch.confirm(suite, confirmed, &info.confirmation_tag).at("confirmation_tag")?;
        Ok(())
    }
}

/// A key package in its MLSMessage.
pub(crate) fn read_key_package(bytes: &[u8]) -> Result<KeyPackage, Failure> {
    match round_trip::<MlsMessage>("key_package", bytes)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(key_package),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::Welcome(_)
        | MlsMessageBody::GroupInfo(_) => Err(Failure::unreadable(&"another message")).at("key_package"),
    }
}

/// A Welcome in its MLSMessage.
pub(crate) fn read_welcome(bytes: &[u8]) -> Result<Welcome, Failure> {
    match round_trip::<MlsMessage>("welcome", bytes)?.body {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::KeyPackage(_)
        | MlsMessageBody::GroupInfo(_) => Err(Failure::unreadable(&"another message")).at("welcome"),
    }
}
