//! Pre-shared keys folded into one secret (RFC 9420 §8.4).

use cenacle_codec::{Encode, codec_newtype};
use cenacle_crypto::{Secret, SecretBytes, Suite, labeled::expand_with_label};

use crate::{
    Error, Rule,
    wire::{PreSharedKeyId, PskLabel},
};

codec_newtype! {
    /// `psk_secret`: all PSKs of a commit, or zero if there is none.
    #[derive(Debug)]
    pub struct PskSecret(pub Secret);
}

/// Chains the PSKs in the order of the commit or Welcome.
///
/// # Errors
/// `Invalid(PskCountFits)`; when the provider fails.
pub fn psk_secret(suite: &dyn Suite, psks: &[(PreSharedKeyId, SecretBytes)]) -> Result<PskSecret, Error> {
    let zero = Secret::zero(suite.hash_length());
    let count = u16::try_from(psks.len()).map_err(|_| Rule::PskCountFits)?;
    let mut folded = zero.duplicate();
    for (index, (id, psk)) in (0..count).zip(psks) {
        let label = PskLabel { id: id.clone(), index, count }.to_bytes()?;
        let extracted = suite.extract(zero.expose(), &[psk.expose()]);
        let input = expand_with_label(suite, &extracted, "derived psk", &label, suite.hash_length())?;
        folded = suite.extract(input.expose(), &[folded.expose()]);
    }
    Ok(PskSecret(folded))
}
