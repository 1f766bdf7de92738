//! Descriptions: GroupInfos (RFC 9420 §12.4.3) that lie at the service with every epoch, for a member who has lost its state
//! and comes back by an external commit.
//!
//! They are sealed under a key that stands in the group's context, where members have it from their Welcomes and the service
//! never sees it. So the service learns neither title nor tree from them, and alone it cannot make one: whoever has not been
//! a member cannot join by what lies there. The key is the same as long as the group lives, since one who lost the state has
//! no newer one.
//!
//! ```text
//! struct { uint8 version = 1; opaque salt[16]; opaque ciphertext<V> }
//! ```

use cenacle_codec::{Decode, Encode, Opaque, codec_struct};
use cenacle_crypto::{CryptoError, Rng, Secret, Suite, labeled::expand_with_label};
use cenacle_mls::{
    group::PublicGroup,
    wire::{Epoch, Extension, ExtensionType, GroupId, GroupInfo, MlsMessage, MlsMessageBody},
};

use crate::Error;

/// The key, in the group's context.
pub(super) const KEY: ExtensionType = ExtensionType(0xf0cf);
const KEY_BYTES: usize = 32;
const VERSION: u8 = 1;
/// A larger one is not posted: it would hold up the commit it comes with.
const MOST_BYTES: usize = 2 * 1024 * 1024;

codec_struct! {
    struct Sealed {
        version: u8,
        salt: [u8; 16],
        ciphertext: Opaque,
    }
}

/// The key of a new group.
pub(super) fn fresh_key(rng: &mut dyn Rng) -> Result<Extension, CryptoError> {
    let mut key = [0; KEY_BYTES];
    rng.fill(&mut key)?;
    Ok(Extension { extension_type: KEY, extension_data: key.as_slice().into() })
}

/// The key of a group; none if it was begun by a version that left none.
pub(super) fn key(group: &PublicGroup) -> Option<&[u8]> {
    group.extensions().find(KEY).filter(|key| key.len() == KEY_BYTES)
}

/// Seals a description of the group of `group` in `epoch`; none if it has no key for that, or is too large.
pub(super) fn seal(
    suite: &dyn Suite,
    group: &PublicGroup,
    epoch: Epoch,
    description: &MlsMessage,
    rng: &mut dyn Rng,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(key) = key(group) else { return Ok(None) };
    let plaintext = description.to_bytes()?;
    if plaintext.len() > MOST_BYTES {
        return Ok(None);
    }
    let mut salt = [0; 16];
    rng.fill(&mut salt)?;
    let (key, nonce) = key_and_nonce(suite, key, &salt)?;
    let ciphertext = suite.aead_seal(&key, &nonce, &place(group.group_id(), epoch)?, &plaintext)?;
    Ok(Some(Sealed { version: VERSION, salt, ciphertext: ciphertext.into() }.to_bytes()?))
}

/// Opens what claims to describe the group of `group` in `epoch`. Nothing in it has been checked but that a member sealed it.
pub(super) fn open(
    suite: &dyn Suite,
    group: &PublicGroup,
    epoch: Epoch,
    sealed: &[u8],
) -> Result<Option<GroupInfo>, Error> {
    let (Some(key), Ok(Sealed { version: VERSION, salt, ciphertext })) = (key(group), Sealed::from_bytes(sealed))
    else {
        return Ok(None);
    };
    let (key, nonce) = key_and_nonce(suite, key, &salt)?;
    let Ok(plaintext) = suite.aead_open(&key, &nonce, &place(group.group_id(), epoch)?, &ciphertext) else {
        return Ok(None);
    };
    let Ok(MlsMessageBody::GroupInfo(info)) = MlsMessage::from_bytes(plaintext.expose()).map(|message| message.body)
    else {
        return Ok(None);
    };
    let context = &info.group_context;
    let is_of = context.group_id == *group.group_id() && context.epoch == epoch;
    Ok(Some(info).filter(|_| is_of))
}

/// What a ciphertext is bound to.
fn place(group_id: &GroupId, epoch: Epoch) -> Result<Vec<u8>, Error> {
    Ok((group_id, epoch).to_bytes()?)
}

/// Each salt has a key and nonce of its own.
fn key_and_nonce(suite: &dyn Suite, key: &[u8], salt: &[u8]) -> Result<(Secret, Secret), CryptoError> {
    let secret = suite.extract(salt, &[key]);
    let expand = |label, length| expand_with_label(suite, &secret, label, &[], length);
    Ok((expand("Cenacle key", suite.aead_key_length())?, expand("Cenacle nonce", suite.aead_nonce_length())?))
}
