//! HPKE in base mode (RFC 9180), composed over a suite's KEM, KDF and AEAD. Single-shot sealing and opening, and
//! secret export; the hash of `info` is computed once and shared by all recipients. The other modes, and contexts
//! that seal more than once, are not here: MLS has no use for them.

use alloc::vec::Vec;

use crate::{CryptoError, HpkePublicKey, HpkeSecretKey, Rng, Secret, SecretBytes, Suite, census};

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: &[u8] = &[0];

/// The KDF of one HPKE algorithm or combination: LabeledExtract and LabeledExpand (RFC 9180 §4).
pub(crate) struct LabeledKdf<'a> {
    suite: &'a dyn Suite,
    suite_id: &'a [u8],
}

impl<'a> LabeledKdf<'a> {
    pub(crate) fn new(suite: &'a dyn Suite, suite_id: &'a [u8]) -> Self {
        Self { suite, suite_id }
    }

    pub(crate) fn extract(&self, salt: &[u8], label: &str, input: &[u8]) -> Secret {
        let extracted = self.suite.extract(salt, &[VERSION, self.suite_id, label.as_bytes(), input]);
        census::named(extracted.expose(), label);
        extracted
    }

    /// `info` is up to three parts, as many as any caller has.
    pub(crate) fn expand_into(
        &self,
        secret: &Secret,
        label: &str,
        info: [&[u8]; 3],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let length = u16::try_from(out.len()).map_err(|_| CryptoError::BadLength)?.to_be_bytes();
        let [a, b, c] = info;
        self.suite.expand(secret.expose(), &[&length, VERSION, self.suite_id, label.as_bytes(), a, b, c], out)
    }

    pub(crate) fn expand(
        &self,
        secret: &Secret,
        label: &str,
        info: [&[u8]; 3],
        length: usize,
    ) -> Result<Secret, CryptoError> {
        if length > Secret::MAX_BYTES {
            return Err(CryptoError::BadLength);
        }
        let expanded = Secret::filled(length, |out| self.expand_into(secret, label, info, out))?;
        census::named(expanded.expose(), label);
        Ok(expanded)
    }
}

/// `"HPKE" || kem_id || kdf_id || aead_id` (RFC 9180 §5.1).
fn suite_id(suite: &dyn Suite) -> [u8; 10] {
    let ids = suite.hpke_ids();
    let ([a, b], [c, d], [e, f]) = (ids.kem.to_be_bytes(), ids.kdf.to_be_bytes(), ids.aead.to_be_bytes());
    [b'H', b'P', b'K', b'E', a, b, c, d, e, f]
}

/// What the key schedule takes from `info`: `psk_id_hash` and `info_hash` of RFC 9180 §5.1, in base mode.
#[derive(Debug)]
pub struct Info {
    psk_id_hash: Secret,
    info_hash: Secret,
}

impl Info {
    /// Hashes `info`.
    #[must_use]
    pub fn new(suite: &dyn Suite, info: &[u8]) -> Self {
        let suite_id = suite_id(suite);
        let kdf = LabeledKdf::new(suite, &suite_id);
        Self { psk_id_hash: kdf.extract(&[], "psk_id_hash", &[]), info_hash: kdf.extract(&[], "info_hash", info) }
    }

    /// `key_schedule_context` (RFC 9180 §5.1), in its three parts.
    fn context(&self) -> [&[u8]; 3] {
        [MODE_BASE, self.psk_id_hash.expose(), self.info_hash.expose()]
    }
}

/// KeySchedule (RFC 9180 §5.1) after its first step; what is asked of it is expanded, and nothing else.
struct KeySchedule<'a> {
    suite: &'a dyn Suite,
    suite_id: [u8; 10],
    info: &'a Info,
    secret: Secret,
}

impl<'a> KeySchedule<'a> {
    fn new(suite: &'a dyn Suite, info: &'a Info, shared_secret: &Secret) -> Self {
        let suite_id = suite_id(suite);
        let secret = LabeledKdf::new(suite, &suite_id).extract(shared_secret.expose(), "secret", &[]);
        Self { suite, suite_id, info, secret }
    }

    fn kdf(&self) -> LabeledKdf<'_> {
        LabeledKdf::new(self.suite, &self.suite_id)
    }

    /// The key and the nonce of sequence number 0, which is `base_nonce` itself.
    fn key_and_nonce(&self) -> Result<(Secret, Secret), CryptoError> {
        let context = self.info.context();
        let key = self.kdf().expand(&self.secret, "key", context, self.suite.aead_key_length())?;
        let nonce = self.kdf().expand(&self.secret, "base_nonce", context, self.suite.aead_nonce_length())?;
        Ok((key, nonce))
    }

    /// Context.Export (RFC 9180 §5.3).
    fn export(&self, exporter_context: &[u8], length: usize) -> Result<Secret, CryptoError> {
        let exporter_secret = self.kdf().expand(&self.secret, "exp", self.info.context(), self.suite.hash_length())?;
        self.kdf().expand(&exporter_secret, "sec", [exporter_context, &[], &[]], length)
    }
}

/// SetupBaseS (RFC 9180 §5.1.1): the key schedule and the encapsulated key.
fn setup_sender<'a>(
    suite: &'a dyn Suite,
    public: &HpkePublicKey,
    info: &'a Info,
    rng: &mut dyn Rng,
) -> Result<(KeySchedule<'a>, Vec<u8>), CryptoError> {
    let ikm = SecretBytes::filled(suite.kem_secret_key_length(), |out| rng.fill(out))?;
    let (shared_secret, kem_output) = suite.kem_encapsulate(public, ikm.expose())?;
    Ok((KeySchedule::new(suite, info, &shared_secret), kem_output))
}

/// SetupBaseR (RFC 9180 §5.1.1).
fn setup_receiver<'a>(
    suite: &'a dyn Suite,
    secret: &HpkeSecretKey,
    info: &'a Info,
    kem_output: &[u8],
) -> Result<KeySchedule<'a>, CryptoError> {
    Ok(KeySchedule::new(suite, info, &suite.kem_decapsulate(kem_output, secret)?))
}

/// SealBase (RFC 9180 §6.1): the encapsulated key and the ciphertext with its tag.
///
/// # Errors
/// `BadPublicKey`, `NoRandomness`.
pub fn seal(
    suite: &dyn Suite,
    public: &HpkePublicKey,
    info: &Info,
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn Rng,
) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
    let (schedule, kem_output) = setup_sender(suite, public, info, rng)?;
    let (key, nonce) = schedule.key_and_nonce()?;
    Ok((kem_output, suite.aead_seal(&key, &nonce, aad, plaintext)?))
}

/// OpenBase (RFC 9180 §6.1).
///
/// # Errors
/// `OpenFailed`, `BadPublicKey` for the encapsulated key, `BadSecretKey`.
pub fn open(
    suite: &dyn Suite,
    secret: &HpkeSecretKey,
    info: &Info,
    kem_output: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (key, nonce) = setup_receiver(suite, secret, info, kem_output)?.key_and_nonce()?;
    suite.aead_open(&key, &nonce, aad, ciphertext)
}

/// SendExportBase (RFC 9180 §6.2): the encapsulated key and `length` bytes, at most [`Secret::MAX_BYTES`], that only
/// the holder of the private key can derive too. RFC 9420 §8.3 makes external commits with it.
///
/// # Errors
/// `BadPublicKey`, `NoRandomness`, `BadLength`.
pub fn export_to(
    suite: &dyn Suite,
    public: &HpkePublicKey,
    info: &Info,
    exporter_context: &[u8],
    length: usize,
    rng: &mut dyn Rng,
) -> Result<(Vec<u8>, Secret), CryptoError> {
    let (schedule, kem_output) = setup_sender(suite, public, info, rng)?;
    Ok((kem_output, schedule.export(exporter_context, length)?))
}

/// ReceiveExportBase (RFC 9180 §6.2).
///
/// # Errors
/// `BadPublicKey` for the encapsulated key, `BadSecretKey`, `BadLength`.
pub fn export_from(
    suite: &dyn Suite,
    secret: &HpkeSecretKey,
    info: &Info,
    kem_output: &[u8],
    exporter_context: &[u8],
    length: usize,
) -> Result<Secret, CryptoError> {
    setup_receiver(suite, secret, info, kem_output)?.export(exporter_context, length)
}
