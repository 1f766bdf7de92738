//! AEADs of the suites (RFC 9420 §5.1): AES-GCM and ChaCha20-Poly1305, with one allocation per message.

use alloc::vec::Vec;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use cenacle_crypto::{CryptoError, Depth, SecretBytes, compose::Aead};
use zeroize::Zeroizing;

const TAG_BYTES: usize = 16;

fn prepare(algorithm: &'static Algorithm, key: &[u8], nonce: &[u8]) -> Result<(LessSafeKey, Nonce), CryptoError> {
    let key = UnboundKey::new(algorithm, key).map_err(|_| CryptoError::BadLength)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::BadLength)?;
    Ok((LessSafeKey::new(key), nonce))
}

macro_rules! aeads {
    ($($(#[$doc:meta])* $name:ident: $algorithm:ident, $id:literal, $key_bytes:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Aead for $name {
            const AEAD_ID: u16 = $id;
            const KEY_BYTES: usize = $key_bytes;
            const DEPTH: Depth = Depth::KiB4;

            fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
                seal(&$algorithm, key, nonce, aad, plaintext)
            }

            fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
                open(&$algorithm, key, nonce, aad, ciphertext)
            }
        }
    )*};
}

aeads! {
    /// AES-128 in Galois/Counter Mode.
    Aes128Gcm: AES_128_GCM, 1, 16;
    /// AES-256 in Galois/Counter Mode.
    Aes256Gcm: AES_256_GCM, 2, 32;
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305: CHACHA20_POLY1305, 3, 32;
}

fn seal(
    algorithm: &'static Algorithm,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let (key, nonce) = prepare(algorithm, key, nonce)?;
    let mut buffer = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
    buffer.extend_from_slice(plaintext);
    key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut buffer).map_err(|_| CryptoError::BadLength)?;
    Ok(buffer)
}

fn open(
    algorithm: &'static Algorithm,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (key, nonce) = prepare(algorithm, key, nonce)?;
    let (body, tag) = ciphertext.split_last_chunk::<TAG_BYTES>().ok_or(CryptoError::OpenFailed)?;
    let mut plaintext = Zeroizing::new(alloc::vec![0; body.len()]);
    key.open_separate_gather(nonce, Aad::from(aad), body, tag, &mut plaintext).map_err(|_| CryptoError::OpenFailed)?;
    Ok(plaintext.into())
}
