//! The steps of one epoch change (RFC 9420 §8, §8.3, §8.5). Each type is made from the one before and holds nothing
//! that the step after does not need; all erase themselves.

use cenacle_codec::{Encode, codec_newtype, codec_struct};
use cenacle_crypto::{
    CryptoError, Digest, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes, Suite, hpke,
    labeled::{derive_secret, expand_with_label, expand_with_label_long},
};

use super::PskSecret;
use crate::{Error, Misuse, What, limits, wire::GroupContext};

const EXTERNAL_INIT: &[u8] = b"MLS 1.0 external init secret";

codec_newtype! {
    /// `init_secret`: what one epoch hands on to the next.
    #[derive(Debug)]
    pub struct InitSecret(pub Secret);

    /// `commit_secret`: what the path of a commit adds.
    #[derive(Debug)]
    pub struct CommitSecret(pub Secret);

    /// `joiner_secret`: what a Welcome carries to new members.
    #[derive(Debug)]
    pub struct JoinerSecret(pub Secret);

    /// The secret after PSKs are folded in, from which the Welcome's key and the epoch's secrets are derived.
    #[derive(Debug)]
    pub struct MemberSecret(pub Secret);

    /// `welcome_secret`: encrypts the GroupInfo of a Welcome.
    #[derive(Debug)]
    pub struct WelcomeSecret(pub Secret);

    /// `encryption_secret`: the root of the epoch's secret tree.
    #[derive(Debug)]
    pub struct EncryptionSecret(pub Secret);
}

impl InitSecret {
    /// The next epoch's joiner secret.
    ///
    /// # Errors
    /// When the provider fails.
    pub fn joiner_secret(
        &self,
        suite: &dyn Suite,
        commit_secret: &CommitSecret,
        context: &GroupContext,
    ) -> Result<JoinerSecret, Error> {
        let extracted = suite.extract(self.0.expose(), &[commit_secret.0.expose()]);
        let context = context.to_bytes()?;
        Ok(JoinerSecret(expand_with_label(suite, &extracted, "joiner", &context, suite.hash_length())?))
    }

    /// A fresh init secret for an external joiner, with its encapsulation to the group's external key (§8.3).
    ///
    /// # Errors
    /// When `external_pub` is no key of the suite, or the provider fails.
    pub fn encapsulate(
        suite: &dyn Suite,
        external_pub: &HpkePublicKey,
        rng: &mut dyn Rng,
    ) -> Result<(alloc::vec::Vec<u8>, Self), CryptoError> {
        let info = hpke::Info::new(suite, &[]);
        let (kem_output, secret) =
            hpke::export_to(suite, external_pub, &info, EXTERNAL_INIT, suite.hash_length(), rng)?;
        Ok((kem_output, Self(secret)))
    }

    /// The init secret that an external joiner encapsulated (§8.3).
    ///
    /// # Errors
    /// When `kem_output` is no encapsulated key of the suite.
    pub fn decapsulate(
        suite: &dyn Suite,
        external_priv: &HpkeSecretKey,
        kem_output: &[u8],
    ) -> Result<Self, CryptoError> {
        let info = hpke::Info::new(suite, &[]);
        hpke::export_from(suite, external_priv, &info, kem_output, EXTERNAL_INIT, suite.hash_length()).map(Self)
    }
}

impl CommitSecret {
    /// The commit secret of a commit without a path: all zero.
    #[must_use]
    pub fn without_path(suite: &dyn Suite) -> Self {
        Self(Secret::zero(suite.hash_length()))
    }
}

impl JoinerSecret {
    /// Folds in the PSKs.
    #[must_use]
    pub fn member_secret(&self, suite: &dyn Suite, psk_secret: &PskSecret) -> MemberSecret {
        MemberSecret(suite.extract(self.0.expose(), &[psk_secret.0.expose()]))
    }
}

impl WelcomeSecret {
    /// Key and nonce that encrypt the GroupInfo (§12.4.3).
    ///
    /// # Errors
    /// When the provider fails.
    pub fn key_and_nonce(&self, suite: &dyn Suite) -> Result<(Secret, Secret), CryptoError> {
        Ok((
            expand_with_label(suite, &self.0, "key", &[], suite.aead_key_length())?,
            expand_with_label(suite, &self.0, "nonce", &[], suite.aead_nonce_length())?,
        ))
    }
}

impl MemberSecret {
    /// The secret that encrypts the GroupInfo of a Welcome.
    ///
    /// # Errors
    /// When the provider fails.
    pub fn welcome_secret(&self, suite: &dyn Suite) -> Result<WelcomeSecret, CryptoError> {
        derive_secret(suite, &self.0, "welcome").map(WelcomeSecret)
    }

    /// The new epoch, not yet confirmed.
    ///
    /// # Errors
    /// When the provider fails.
    pub fn into_epoch(self, suite: &dyn Suite, context: &GroupContext) -> Result<NewEpoch, Error> {
        let context = context.to_bytes()?;
        let epoch_secret = expand_with_label(suite, &self.0, "epoch", &context, suite.hash_length())?;
        NewEpoch::derive(suite, &epoch_secret)
    }
}

codec_struct! {
    /// The secrets a member keeps for the duration of an epoch.
    #[derive(Debug)]
    pub struct EpochSecrets {
        /// `sender_data_secret`: encrypts who sent a private message.
        pub sender_data_secret: Secret,
        /// `exporter_secret`: the application's exports come of it.
        pub exporter_secret: Secret,
        /// `external_secret`: gives the key pair that external joiners encapsulate to.
        pub external_secret: Secret,
        /// `membership_key`: authenticates public messages as members'.
        pub membership_key: Secret,
        /// `resumption_psk`: proves membership in this epoch later.
        pub resumption_psk: Secret,
        /// `epoch_authenticator`: equal for all who share the epoch.
        pub epoch_authenticator: Secret,
        /// `init_secret`: for the next epoch.
        pub init_secret: InitSecret,
    }
}

/// An epoch's secrets before anything proves that the committer computed the same ones.
#[derive(Debug)]
pub struct NewEpoch {
    /// `confirmation_key`: used once, for the tag.
    pub confirmation_key: Secret,
    /// `encryption_secret`.
    pub encryption_secret: EncryptionSecret,
    /// The others.
    pub secrets: EpochSecrets,
}

/// An epoch's secrets with the receipt that its confirmation tag was checked, or made here.
#[derive(Debug)]
pub struct ConfirmedEpoch {
    pub(crate) confirmation_tag: Digest,
    pub(crate) encryption_secret: EncryptionSecret,
    pub(crate) secrets: EpochSecrets,
}

impl NewEpoch {
    /// All secrets of an epoch from `epoch_secret`.
    fn derive(suite: &dyn Suite, epoch_secret: &Secret) -> Result<Self, Error> {
        let derive = |label| derive_secret(suite, epoch_secret, label);
        Ok(Self {
            confirmation_key: derive("confirm")?,
            encryption_secret: EncryptionSecret(derive("encryption")?),
            secrets: EpochSecrets {
                sender_data_secret: derive("sender data")?,
                exporter_secret: derive("exporter")?,
                external_secret: derive("external")?,
                membership_key: derive("membership")?,
                resumption_psk: derive("resumption")?,
                epoch_authenticator: derive("authentication")?,
                init_secret: InitSecret(derive("init")?),
            },
        })
    }

    /// The first epoch of a new group, from a random epoch secret (§11).
    ///
    /// # Errors
    /// When the source of randomness or the provider fails.
    pub fn of_new_group(suite: &dyn Suite, rng: &mut dyn Rng) -> Result<Self, Error> {
        let epoch_secret = Secret::filled(suite.hash_length(), |out| rng.fill(out))?;
        Self::derive(suite, &epoch_secret)
    }

    /// `MAC(confirmation_key, confirmed_transcript_hash)` (§6.1).
    #[must_use]
    pub fn confirmation_tag(&self, suite: &dyn Suite, confirmed_transcript_hash: &Digest) -> Digest {
        suite.mac(self.confirmation_key.expose(), &[confirmed_transcript_hash])
    }

    /// Confirms an epoch that this client makes itself.
    #[must_use]
    pub fn confirm_own(self, suite: &dyn Suite, confirmed_transcript_hash: &Digest) -> ConfirmedEpoch {
        ConfirmedEpoch {
            confirmation_tag: self.confirmation_tag(suite, confirmed_transcript_hash),
            encryption_secret: self.encryption_secret,
            secrets: self.secrets,
        }
    }

    /// Checks the tag of whoever made the epoch.
    ///
    /// # Errors
    /// `Unverified(ConfirmationTag)`.
    pub fn confirm(
        self,
        suite: &dyn Suite,
        confirmed_transcript_hash: &Digest,
        tag: &Digest,
    ) -> Result<ConfirmedEpoch, Error> {
        let confirmed = self.confirm_own(suite, confirmed_transcript_hash);
        if confirmed.confirmation_tag.ct_eq(tag) { Ok(confirmed) } else { Err(What::ConfirmationTag.into()) }
    }
}

impl EpochSecrets {
    /// No secrets, for a member that is one no longer.
    pub(crate) fn erased() -> Self {
        let none = || Secret::zero(0);
        Self {
            sender_data_secret: none(),
            exporter_secret: none(),
            external_secret: none(),
            membership_key: none(),
            resumption_psk: none(),
            epoch_authenticator: none(),
            init_secret: InitSecret(none()),
        }
    }

    /// The key pair that external joiners encapsulate to (§8).
    ///
    /// # Errors
    /// When the provider fails.
    pub fn external_key_pair(&self, suite: &dyn Suite) -> Result<(HpkeSecretKey, HpkePublicKey), CryptoError> {
        suite.kem_derive_key_pair(self.external_secret.expose())
    }

    /// MLS-Exporter (§8.5): `length` bytes bound to this epoch, `label` and `context`.
    ///
    /// # Errors
    /// `Misuse(Length)` when `length` is more than [`limits::MAX_EXPORT_HASHES`] hashes.
    pub fn export(&self, suite: &dyn Suite, label: &str, context: &[u8], length: usize) -> Result<SecretBytes, Error> {
        if length > suite.hash_length().saturating_mul(limits::MAX_EXPORT_HASHES) {
            return Err(Misuse::Length.into());
        }
        let secret = derive_secret(suite, &self.exporter_secret, label)?;
        Ok(expand_with_label_long(suite, &secret, "exported", &suite.hash(&[context]), length)?)
    }
}
