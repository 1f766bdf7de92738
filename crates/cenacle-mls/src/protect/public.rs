//! PublicMessage (RFC 9420 §6.2): signed, and tagged by members, in the clear.

use cenacle_codec::Writer;
use cenacle_crypto::{Digest, Secret, Suite};

use crate::{
    Error, Rule, What,
    wire::{
        AuthenticatedContent, Content, FramedContent, FramedContentAuthData, FramedContentTbs, GroupContext,
        PublicMessage, Sender, WireFormat,
    },
};

/// `MAC(membership_key, AuthenticatedContentTBM)`.
fn membership_tag(
    suite: &dyn Suite,
    content: &FramedContent,
    auth: &FramedContentAuthData,
    context: &GroupContext,
    membership_key: &Secret,
) -> Result<Digest, Error> {
    let mut tbm = Writer::new();
    tbm.put(&FramedContentTbs { wire_format: WireFormat::PUBLIC_MESSAGE, content, context }).put(auth);
    Ok(suite.mac(membership_key.expose(), &[&tbm.finish()?]))
}

/// Frames a signed content; a member's is tagged.
///
/// # Errors
/// `Invalid(ApplicationDataIsEncrypted)`; when the content is too long.
pub fn protect(
    suite: &dyn Suite,
    content: AuthenticatedContent,
    context: &GroupContext,
    membership_key: &Secret,
) -> Result<PublicMessage, Error> {
    let AuthenticatedContent { content, auth, .. } = content;
    if matches!(content.content, Content::Application(_)) {
        return Err(Rule::ApplicationDataIsEncrypted.into());
    }
    let membership_tag = match content.sender {
        Sender::Member(_) => Some(membership_tag(suite, &content, &auth, context, membership_key)?),
        Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => None,
    };
    Ok(PublicMessage { content, auth, membership_tag })
}

/// Checks a member's tag and gives the content, whose signature is still to be verified.
///
/// # Errors
/// `Unverified(MembershipTag)`, `Invalid(ApplicationDataIsEncrypted)`.
pub fn unprotect(
    suite: &dyn Suite,
    message: PublicMessage,
    context: &GroupContext,
    membership_key: &Secret,
) -> Result<AuthenticatedContent, Error> {
    let tag = message.membership_tag;
    let content = without_tag(message)?;
    if matches!(content.content.sender, Sender::Member(_)) {
        // RFC 9420 §6.2: "the application MUST check membership_tag".
        let expected = membership_tag(suite, &content.content, &content.auth, context, membership_key)?;
        if !tag.is_some_and(|tag| expected.ct_eq(&tag)) {
            return Err(What::MembershipTag.into());
        }
    }
    Ok(content)
}

/// The content for whoever does not have the group's secrets: neither its tag nor its signature is verified.
///
/// # Errors
/// `Invalid(ApplicationDataIsEncrypted)`.
pub fn without_tag(message: PublicMessage) -> Result<AuthenticatedContent, Error> {
    let PublicMessage { content, auth, .. } = message;
    // RFC 9420 §6: "Applications MUST use PrivateMessage to encrypt application messages".
    if matches!(content.content, Content::Application(_)) {
        return Err(Rule::ApplicationDataIsEncrypted.into());
    }
    Ok(AuthenticatedContent { wire_format: WireFormat::PUBLIC_MESSAGE, content, auth })
}
