//! AEADs of the suites (RFC 9420 §5.1): AES-GCM and ChaCha20-Poly1305, sealing and opening in one buffer.

use alloc::vec::Vec;
use core::marker::PhantomData;

use aes_gcm::{
    KeyInit, KeySizeUser,
    aead::{AeadInOut, Nonce},
};
use cenacle_crypto::{CryptoError, SecretBytes, compose::Aead};
use zeroize::Zeroizing;

const TAG_BYTES: usize = 16;

/// The RustCrypto cipher `K`, with identifier `ID` in HPKE (RFC 9180 §7.3).
pub(crate) struct Cipher<K, const ID: u16>(PhantomData<K>);

pub(crate) type Aes128Gcm = Cipher<aes_gcm::Aes128Gcm, 1>;
pub(crate) type Aes256Gcm = Cipher<aes_gcm::Aes256Gcm, 2>;
pub(crate) type ChaCha20Poly1305 = Cipher<chacha20poly1305::ChaCha20Poly1305, 3>;

fn prepare<'a, K: KeyInit + AeadInOut>(key: &[u8], nonce: &'a [u8]) -> Result<(K, &'a Nonce<K>), CryptoError> {
    let cipher = K::new_from_slice(key).map_err(|_| CryptoError::BadLength)?;
    let nonce = nonce.try_into().map_err(|_| CryptoError::BadLength)?;
    Ok((cipher, nonce))
}

impl<K: KeyInit + AeadInOut + 'static, const ID: u16> Aead for Cipher<K, ID> {
    const AEAD_ID: u16 = ID;
    const KEY_BYTES: usize = <<K as KeySizeUser>::KeySize as aes_gcm::aead::array::typenum::Unsigned>::USIZE;

    fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let (cipher, nonce) = prepare::<K>(key, nonce)?;
        let mut buffer = Vec::with_capacity(plaintext.len().saturating_add(TAG_BYTES));
        buffer.extend_from_slice(plaintext);
        cipher.encrypt_in_place(nonce, aad, &mut buffer).map_err(|_| CryptoError::BadLength)?;
        Ok(buffer)
    }

    fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let (cipher, nonce) = prepare::<K>(key, nonce)?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        cipher.decrypt_in_place(nonce, aad, &mut *buffer).map_err(|_| CryptoError::OpenFailed)?;
        Ok(buffer.into())
    }
}
