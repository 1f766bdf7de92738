//! AEADs of the suites (RFC 9420 §5.1): AES-GCM and ChaCha20-Poly1305, with one allocation per message.

use alloc::vec::Vec;

use cenacle_crypto::{CryptoError, SecretBytes, compose::Aead};
use openssl::{
    cipher::{Cipher, CipherRef},
    cipher_ctx::CipherCtx,
    error::ErrorStack,
};
use zeroize::Zeroizing;

const TAG_BYTES: usize = 16;

macro_rules! aeads {
    ($($(#[$doc:meta])* $name:ident: $cipher:ident, $id:literal, $key_bytes:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Aead for $name {
            const AEAD_ID: u16 = $id;
            const KEY_BYTES: usize = $key_bytes;

            fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
                check_lengths::<Self>(key, nonce, [aad, plaintext])?;
                seal(Cipher::$cipher(), key, nonce, aad, plaintext).map_err(|_| CryptoError::Internal)
            }

            fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
                check_lengths::<Self>(key, nonce, [aad, ciphertext])?;
                let (body, tag) = ciphertext.split_last_chunk::<TAG_BYTES>().ok_or(CryptoError::OpenFailed)?;
                open(Cipher::$cipher(), key, nonce, aad, body, tag).map_err(|_| CryptoError::OpenFailed)
            }
        }
    )*};
}

aeads! {
    /// AES-128 in Galois/Counter Mode.
    Aes128Gcm: aes_128_gcm, 1, 16;
    /// AES-256 in Galois/Counter Mode.
    Aes256Gcm: aes_256_gcm, 2, 32;
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305: chacha20_poly1305, 3, 32;
}

/// The bindings panic where a length is not the cipher's or not an `int`.
fn check_lengths<A: Aead>(key: &[u8], nonce: &[u8], texts: [&[u8]; 2]) -> Result<(), CryptoError> {
    let fits = |text: &[u8]| i32::try_from(text.len()).is_ok();
    let exact = key.len() == A::KEY_BYTES && nonce.len() == A::NONCE_BYTES;
    if exact && texts.into_iter().all(fits) { Ok(()) } else { Err(CryptoError::BadLength) }
}

fn seal(cipher: &CipherRef, key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut context = CipherCtx::new()?;
    context.encrypt_init(Some(cipher), Some(key), Some(nonce))?;
    context.cipher_update(aad, None)?;
    let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
    context.cipher_update_vec(plaintext, &mut sealed)?;
    context.cipher_final_vec(&mut sealed)?;
    let mut tag = [0; TAG_BYTES];
    context.tag(&mut tag)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

fn open(
    cipher: &CipherRef,
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    body: &[u8],
    tag: &[u8; TAG_BYTES],
) -> Result<SecretBytes, ErrorStack> {
    let mut context = CipherCtx::new()?;
    context.decrypt_init(Some(cipher), Some(key), Some(nonce))?;
    context.cipher_update(aad, None)?;
    // With room for what the bindings ask beyond the content: growing would leave a copy behind.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(body.len().saturating_add(TAG_BYTES)));
    context.cipher_update_vec(body, &mut plaintext)?;
    context.set_tag(tag)?;
    context.cipher_final_vec(&mut plaintext)?;
    Ok(plaintext.into())
}
