//! key-schedule.json: from epoch to epoch, every secret on the way (RFC 9420 §8).

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_crypto::{CipherSuite, Suite};
use cenacle_mls::{
    schedule::{CommitSecret, InitSecret, NewEpoch, PskSecret},
    wire::{Epoch, Extensions, GroupContext, GroupId, ProtocolVersion},
};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, Failure, round_trip, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// A group's first epochs.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeySchedule {
    pub(crate) cipher_suite: u16,
    pub(crate) group_id: Hex,
    pub(crate) initial_init_secret: Hex,
    pub(crate) epochs: Vec<EpochVector>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EpochVector {
    pub(crate) tree_hash: Hex,
    pub(crate) commit_secret: Hex,
    pub(crate) psk_secret: Hex,
    pub(crate) confirmed_transcript_hash: Hex,
    pub(crate) group_context: Hex,
    pub(crate) joiner_secret: Hex,
    pub(crate) welcome_secret: Hex,
    pub(crate) init_secret: Hex,
    pub(crate) sender_data_secret: Hex,
    pub(crate) encryption_secret: Hex,
    pub(crate) exporter_secret: Hex,
    pub(crate) epoch_authenticator: Hex,
    pub(crate) external_secret: Hex,
    pub(crate) confirmation_key: Hex,
    pub(crate) membership_key: Hex,
    pub(crate) resumption_psk: Hex,
    pub(crate) external_pub: Hex,
    pub(crate) exporter: Exporter,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Exporter {
    /// Text, even where it looks like hexadecimal.
    pub(crate) label: String,
    pub(crate) context: Hex,
    pub(crate) length: usize,
    pub(crate) secret: Hex,
}

impl SuiteVector for KeySchedule {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let mut init_secret = InitSecret(self.initial_init_secret.secret().at("initial_init_secret")?);
        for (epoch, expected) in (0..).zip(&self.epochs) {
            let found = self.epoch(Epoch(epoch), expected, &init_secret, &**suite).at(format_args!("epoch {epoch}"))?;
            init_secret = found.secrets.init_secret;
        }
        Ok(())
    }
}

impl KeySchedule {
    fn epoch(
        &self,
        epoch: Epoch,
        expected: &EpochVector,
        init_secret: &InitSecret,
        suite: &dyn Suite,
    ) -> Result<NewEpoch, Failure> {
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(self.cipher_suite),
            group_id: GroupId::from(&*self.group_id),
            epoch,
            tree_hash: expected.tree_hash.digest().at("tree_hash")?,
            confirmed_transcript_hash: expected.confirmed_transcript_hash.digest().at("confirmed_transcript_hash")?,
            extensions: Extensions::default(),
        };
        same_bytes("group_context", &context.to_bytes()?, &expected.group_context)?;
        round_trip::<GroupContext>("group_context", &expected.group_context)?;
        let commit_secret = CommitSecret(expected.commit_secret.secret().at("commit_secret")?);
        let psk_secret = PskSecret(expected.psk_secret.secret().at("psk_secret")?);
        let joiner_secret = init_secret.joiner_secret(suite, &commit_secret, &context)?;
        same_bytes("joiner_secret", joiner_secret.0.expose(), &expected.joiner_secret)?;
        let member_secret = joiner_secret.member_secret(suite, &psk_secret);
        same_bytes("welcome_secret", member_secret.welcome_secret(suite)?.0.expose(), &expected.welcome_secret)?;
        let found = member_secret.into_epoch(suite, &context)?;
        expected.compare(&found, suite)?;
        Ok(found)
    }
}

impl EpochVector {
    fn compare(&self, found: &NewEpoch, suite: &dyn Suite) -> Check {
        let secrets = &found.secrets;
        let all = [
            ("confirmation_key", &found.confirmation_key, &self.confirmation_key),
            ("encryption_secret", &found.encryption_secret.0, &self.encryption_secret),
            ("sender_data_secret", &secrets.sender_data_secret, &self.sender_data_secret),
            ("exporter_secret", &secrets.exporter_secret, &self.exporter_secret),
            ("external_secret", &secrets.external_secret, &self.external_secret),
            ("membership_key", &secrets.membership_key, &self.membership_key),
            ("resumption_psk", &secrets.resumption_psk, &self.resumption_psk),
            ("epoch_authenticator", &secrets.epoch_authenticator, &self.epoch_authenticator),
            ("init_secret", &secrets.init_secret.0, &self.init_secret),
        ];
        for (name, found, expected) in all {
            same_bytes(name, found.expose(), expected)?;
        }
        let (_, external_pub) = secrets.external_key_pair(suite).at("external_pub")?;
        same_bytes("external_pub", &external_pub.0, &self.external_pub)?;
        let Exporter { label, context, length, secret } = &self.exporter;
        let exported = secrets.export(suite, label, context, *length).at("exporter")?;
        same_bytes("exporter: secret", exported.expose(), secret)
    }
}
