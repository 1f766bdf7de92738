//! AEADs of the suites (RFC 9420 §5.1): AES-GCM and ChaCha20-Poly1305, sealing and opening in one buffer.

use alloc::vec::Vec;

use aes_gcm::{
    KeyInit,
    aead::{AeadInOut, Nonce},
};
use cenacle_crypto::{CryptoError, SecretBytes, compose::Aead};
use zeroize::Zeroizing;

const TAG_BYTES: usize = 16;

macro_rules! aeads {
    ($($(#[$doc:meta])* $name:ident: $cipher:ty, $id:literal, $key_bytes:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Aead for $name {
            const AEAD_ID: u16 = $id;
            const KEY_BYTES: usize = $key_bytes;

            fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
                seal::<$cipher>(key, nonce, aad, plaintext)
            }

            fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
                open::<$cipher>(key, nonce, aad, ciphertext)
            }
        }
    )*};
}

aeads! {
    /// AES-128 in Galois/Counter Mode.
    Aes128Gcm: aes_gcm::Aes128Gcm, 1, 16;
    /// AES-256 in Galois/Counter Mode.
    Aes256Gcm: aes_gcm::Aes256Gcm, 2, 32;
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305: chacha20poly1305::ChaCha20Poly1305, 3, 32;
}

fn prepare<'a, K: KeyInit + AeadInOut>(key: &[u8], nonce: &'a [u8]) -> Result<(K, &'a Nonce<K>), CryptoError> {
    let cipher = K::new_from_slice(key).map_err(|_| CryptoError::BadLength)?;
    let nonce = nonce.try_into().map_err(|_| CryptoError::BadLength)?;
    Ok((cipher, nonce))
}

fn seal<K: KeyInit + AeadInOut>(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let (cipher, nonce) = prepare::<K>(key, nonce)?;
    let mut buffer = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
    buffer.extend_from_slice(plaintext);
    cipher.encrypt_in_place(nonce, aad, &mut buffer).map_err(|_| CryptoError::BadLength)?;
    Ok(buffer)
}

fn open<K: KeyInit + AeadInOut>(
    key: &[u8],
    nonce: &[u8],
    aad: &[u8],
    ciphertext: &[u8],
) -> Result<SecretBytes, CryptoError> {
    let (cipher, nonce) = prepare::<K>(key, nonce)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    cipher.decrypt_in_place(nonce, aad, &mut *buffer).map_err(|_| CryptoError::OpenFailed)?;
    Ok(buffer.into())
}
