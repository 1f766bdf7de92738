//! key-schedule.json: epochs from random commit and PSK secrets, one of each zero as after a commit without path or PSK.

use cenacle_codec::Encode as _;
use cenacle_crypto::{CipherSuite, Secret};
use cenacle_mls::{
    schedule::{CommitSecret, InitSecret, PskSecret},
    wire::{Epoch, Extensions, GroupContext, GroupId, ProtocolVersion},
};

use super::{
    super::{
        check::Failure,
        key_schedule::{EpochVector, Exporter, KeySchedule},
    },
    Case, Size,
};

pub(super) fn count(_: Size) -> usize {
    1
}

pub(super) fn make(case: &mut Case) -> Result<KeySchedule, Failure> {
    let group_id = case.dice.bytes(16);
    let mut init_secret = InitSecret(case.dice.secret(case.hash_length()));
    let initial_init_secret = (&init_secret.0).into();
    let mut epochs = Vec::new();
    for number in 0..case.size.of(3, 5) {
        let (epoch, next) = epoch(case, &group_id, Epoch(number), &init_secret)?;
        epochs.push(epoch);
        init_secret = next;
    }
    Ok(KeySchedule { cipher_suite: case.cipher_suite(), group_id: group_id.into(), initial_init_secret, epochs })
}

/// An epoch, and what it hands on to the next.
fn epoch(
    case: &mut Case,
    group_id: &[u8],
    epoch: Epoch,
    init_secret: &InitSecret,
) -> Result<(EpochVector, InitSecret), Failure> {
    let nh = case.hash_length();
    let Case { suite, dice, .. } = case;
    let suite = &**suite;
    let mut secret_unless = |zero: bool| if zero { Secret::zero(nh) } else { dice.secret(nh) };
    let commit_secret = CommitSecret(secret_unless(epoch == Epoch(1)));
    let psk_secret = PskSecret(secret_unless(epoch == Epoch(2)));
    let context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite.cipher_suite().0),
        group_id: GroupId::from(group_id),
        epoch,
        tree_hash: dice.digest(nh),
        confirmed_transcript_hash: dice.digest(nh),
        extensions: Extensions::default(),
    };
    let joiner_secret = init_secret.joiner_secret(suite, &commit_secret, &context)?;
    let member_secret = joiner_secret.member_secret(suite, &psk_secret);
    let welcome_secret = member_secret.welcome_secret(suite)?;
    let new = member_secret.into_epoch(suite, &context)?;
    let secrets = new.secrets;
    let (label, exporter_context, length) = (format!("exporter {}", dice.number()), dice.bytes(24), nh + 8);
    let exported = secrets.export(suite, &label, &exporter_context, length)?;
    let vector = EpochVector {
        tree_hash: context.tree_hash.as_slice().into(),
        commit_secret: (&commit_secret.0).into(),
        psk_secret: (&psk_secret.0).into(),
        confirmed_transcript_hash: context.confirmed_transcript_hash.as_slice().into(),
        group_context: context.to_bytes()?.into(),
        joiner_secret: (&joiner_secret.0).into(),
        welcome_secret: (&welcome_secret.0).into(),
        init_secret: (&secrets.init_secret.0).into(),
        sender_data_secret: (&secrets.sender_data_secret).into(),
        encryption_secret: (&new.encryption_secret.0).into(),
        exporter_secret: (&secrets.exporter_secret).into(),
        epoch_authenticator: (&secrets.epoch_authenticator).into(),
        external_secret: (&secrets.external_secret).into(),
        confirmation_key: (&new.confirmation_key).into(),
        membership_key: (&secrets.membership_key).into(),
        resumption_psk: (&secrets.resumption_psk).into(),
        external_pub: secrets.external_key_pair(suite)?.1.0.as_slice().into(),
        exporter: Exporter { label, context: exporter_context.into(), length, secret: exported.expose().into() },
    };
    Ok((vector, secrets.init_secret))
}
