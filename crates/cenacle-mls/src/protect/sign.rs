//! The signature over a framed content (RFC 9420 §6.1).

use core::ops::Deref;

use cenacle_codec::Encode;
use cenacle_crypto::{
    CryptoError, Signature, SignaturePublicKey, Signer, Suite,
    labeled::{sign_with_label, verify_with_label},
};

use crate::{
    Error, What,
    wire::{AuthenticatedContent, FramedContent, FramedContentTbs, GroupContext, WireFormat},
};

const LABEL: &str = "FramedContentTBS";

/// A value whose authentication was checked. Made by [`verify`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// The value, without its receipt.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Signs a content for the way it will travel.
///
/// # Errors
/// When the signer fails or the content is too long.
pub fn sign(
    signer: &dyn Signer,
    wire_format: WireFormat,
    content: &FramedContent,
    context: &GroupContext,
) -> Result<Signature, Error> {
    let tbs = FramedContentTbs { wire_format, content, context }.to_bytes()?;
    Ok(sign_with_label(signer, LABEL, &tbs)?)
}

/// Verifies a content's signature under the key its sender type calls for.
///
/// # Errors
/// `Unverified(ContentSignature)`.
pub fn verify(
    suite: &dyn Suite,
    content: AuthenticatedContent,
    context: &GroupContext,
    key: &SignaturePublicKey,
) -> Result<Verified<AuthenticatedContent>, Error> {
    let tbs = FramedContentTbs { wire_format: content.wire_format, content: &content.content, context }.to_bytes()?;
    match verify_with_label(suite, key, LABEL, &tbs, &content.auth.signature) {
        Ok(()) => Ok(Verified(content)),
        Err(CryptoError::BadSignature | CryptoError::BadPublicKey) => Err(What::ContentSignature.into()),
        Err(error) => Err(error.into()),
    }
}
