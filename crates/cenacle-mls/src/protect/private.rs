//! PrivateMessage (RFC 9420 §6.3): content encrypted under its sender's ratchet, sender encrypted under a key of the
//! epoch and a sample of the ciphertext.

use core::convert::Infallible;

use cenacle_codec::{Decode, Encode, Opaque, Writer};
use cenacle_crypto::{Rng, Secret, SecretBytes, Suite, labeled::expand_with_label};

use crate::{
    Error, Rule, What,
    secret_tree::{MessageKey, RatchetKind},
    wire::{
        AuthenticatedContent, ContentType, FramedContent, Generation, PrivateContentAad, PrivateMessage,
        PrivateMessageContent, Sender, SenderData, SenderDataAad, WireFormat,
    },
};

/// How plaintexts are padded: with zeros to the next multiple of so many bytes. 0 and 1 mean not at all (RFC 9420
/// §15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// The multiple, in bytes.
    pub multiple_bytes: u16,
}

impl Default for Padding {
    /// 32 bytes hide small differences of length and cost little.
    fn default() -> Self {
        Self { multiple_bytes: 32 }
    }
}

impl From<ContentType> for RatchetKind {
    fn from(content_type: ContentType) -> Self {
        match content_type {
            ContentType::Application => Self::Application,
            ContentType::Proposal | ContentType::Commit => Self::Handshake,
        }
    }
}

/// The nonce with the reuse guard mixed into its first four bytes (§6.3.1).
fn guarded(nonce: &Secret, reuse_guard: [u8; 4]) -> Secret {
    let mask = |out: &mut [u8]| {
        out.copy_from_slice(nonce.expose());
        out.iter_mut().zip(reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
        Ok::<_, Infallible>(())
    };
    Secret::filled(nonce.expose().len(), mask).unwrap_or_else(|never| match never {})
}

/// Key and nonce of the sender data (§6.3.2), from the first `Nh` bytes of the ciphertext.
///
/// # Errors
/// When the provider fails.
pub fn sender_data_key(
    suite: &dyn Suite,
    sender_data_secret: &Secret,
    ciphertext: &[u8],
) -> Result<(Secret, Secret), Error> {
    let sample = ciphertext.get(..suite.hash_length()).unwrap_or(ciphertext);
    Ok((
        expand_with_label(suite, sender_data_secret, "key", sample, suite.aead_key_length())?,
        expand_with_label(suite, sender_data_secret, "nonce", sample, suite.aead_nonce_length())?,
    ))
}

/// Encrypts a member's signed content under the key of its `generation`.
///
/// # Errors
/// `Invalid(PrivateSenderIsMember)`; when the source of randomness or the provider fails.
pub fn protect(
    suite: &dyn Suite,
    content: &AuthenticatedContent,
    (generation, key): (Generation, &MessageKey),
    sender_data_secret: &Secret,
    padding: Padding,
    rng: &mut dyn Rng,
) -> Result<PrivateMessage, Error> {
    let AuthenticatedContent { content: framed, auth, .. } = content;
    let Sender::Member(leaf_index) = framed.sender else { return Err(Rule::PrivateSenderIsMember.into()) };
    let mut message = PrivateMessage {
        group_id: framed.group_id.clone(),
        epoch: framed.epoch,
        content_type: framed.content.content_type(),
        authenticated_data: framed.authenticated_data.clone(),
        encrypted_sender_data: Opaque::EMPTY,
        ciphertext: Opaque::EMPTY,
    };
    let mut reuse_guard = [0; 4];
    rng.fill(&mut reuse_guard)?;
    // Beside the data stand a signature and perhaps a tag and padding.
    let mut plaintext = Writer::erasing(framed.content.data_length() + 256 + usize::from(padding.multiple_bytes));
    PrivateMessageContent::encode_padded(&framed.content, auth, padding.multiple_bytes.into(), &mut plaintext);
    let plaintext = SecretBytes::from(plaintext.finish_secret()?);
    let aad = PrivateContentAad(&message).to_bytes()?;
    message.ciphertext = suite.aead_seal(&key.key, &guarded(&key.nonce, reuse_guard), &aad, plaintext.expose())?.into();

    let sender_data = SenderData { leaf_index, generation, reuse_guard }.to_bytes()?;
    let (key, nonce) = sender_data_key(suite, sender_data_secret, &message.ciphertext)?;
    let aad = SenderDataAad(&message).to_bytes()?;
    message.encrypted_sender_data = suite.aead_seal(&key, &nonce, &aad, &sender_data)?.into();
    Ok(message)
}

/// Decrypts who sent a message. Every member can write this; the content's signature tells who did.
///
/// # Errors
/// `Unverified(SenderData)`.
pub fn open_sender_data(
    suite: &dyn Suite,
    message: &PrivateMessage,
    sender_data_secret: &Secret,
) -> Result<SenderData, Error> {
    let (key, nonce) = sender_data_key(suite, sender_data_secret, &message.ciphertext)?;
    let aad = SenderDataAad(message).to_bytes()?;
    let plaintext =
        suite.aead_open(&key, &nonce, &aad, &message.encrypted_sender_data).map_err(|_| What::SenderData)?;
    Ok(SenderData::from_bytes(plaintext.expose())?)
}

/// Decrypts a content, whose signature is still to be verified.
///
/// # Errors
/// `Unverified(Ciphertext)`; `Decode` when the plaintext is malformed or its padding is not zero.
pub fn open_content(
    suite: &dyn Suite,
    message: &PrivateMessage,
    sender_data: &SenderData,
    key: &MessageKey,
) -> Result<AuthenticatedContent, Error> {
    let aad = PrivateContentAad(message).to_bytes()?;
    let nonce = guarded(&key.nonce, sender_data.reuse_guard);
    let plaintext = suite.aead_open(&key.key, &nonce, &aad, &message.ciphertext).map_err(|_| What::Ciphertext)?;
    let PrivateMessageContent { content, auth } =
        PrivateMessageContent::decode_padded(message.content_type, plaintext.expose())?;
    let content = FramedContent {
        group_id: message.group_id.clone(),
        epoch: message.epoch,
        sender: Sender::Member(sender_data.leaf_index),
        authenticated_data: message.authenticated_data.clone(),
        content,
    };
    Ok(AuthenticatedContent { wire_format: WireFormat::PRIVATE_MESSAGE, content, auth })
}
