//! A row's value as the database sees it: sealed under a key that is used for nothing else (ChaCha20-Poly1305, RFC 8439),
//! bound to the row's name.

use cenacle_crypto::{Secret, SecretBytes};
use cenacle_mls::delta::RowKey;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, aead::AeadInOut};
use zeroize::Zeroizing;

use crate::StoreError;

const TAG_BYTES: usize = 16;

/// Seals a value.
pub(super) fn seal(key: &Secret, name: &RowKey, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut buffer = Zeroizing::new(Vec::with_capacity(value.len().saturating_add(TAG_BYTES)));
    buffer.extend_from_slice(value);
    let cipher = ChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| StoreError::KeysDoNotFit)?;
    // No key seals twice, so that the nonce may be any.
    cipher.encrypt_in_place(&Default::default(), &bound(name), &mut *buffer).map_err(|_| StoreError::Full)?;
    Ok(core::mem::take(&mut *buffer))
}

/// Opens a sealed value.
pub(super) fn open(key: &Secret, name: &RowKey, sealed: &[u8]) -> Result<SecretBytes, StoreError> {
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let cipher = ChaCha20Poly1305::new_from_slice(key.expose()).map_err(|_| StoreError::KeysDoNotFit)?;
    let opened = cipher.decrypt_in_place(&Default::default(), &bound(name), &mut *buffer);
    opened.map_err(|_| StoreError::KeysDoNotFit)?;
    Ok(buffer.into())
}

/// The row's name as associated data.
fn bound(name: &RowKey) -> Vec<u8> {
    [&[name.table.0], &*name.key].concat()
}
