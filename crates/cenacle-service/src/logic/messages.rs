//! What the Delivery Service reads in posted messages: group, epoch and kind, and that what comes with a commit
//! belongs to it. It never looks at signatures of members: it does not know the group's tree.

use alloc::collections::BTreeSet;

use cenacle_codec::Decode;
use cenacle_mls::wire::{ContentType, MlsMessage, MlsMessageBody, Sender};

use crate::{
    storage::MessageKind,
    wire::{DeviceId, GroupId, MessageFault, PostCommit, PostMessage, WelcomeFor},
};

/// Epochs beyond are refused: the storage's numbers have 63 bits, and no group gets there.
const LAST_EPOCH: u64 = i64::MAX as u64 - 1;

fn decode(bytes: &[u8], fault: MessageFault) -> Result<MlsMessageBody, MessageFault> {
    MlsMessage::from_bytes(bytes).map(|message| message.body).map_err(|_| fault)
}

/// What a group message says in the clear about what it is.
struct Framing {
    content_type: ContentType,
    /// Only of a PublicMessage.
    sender: Option<Sender>,
}

fn framing(bytes: &[u8], group: &GroupId, epoch: u64) -> Result<Framing, MessageFault> {
    let message = MlsMessage::from_bytes(bytes).map_err(|_| MessageFault::NotDecodable)?;
    let sender = match &message.body {
        MlsMessageBody::PublicMessage(public) => Some(public.content.sender),
        MlsMessageBody::PrivateMessage(_) => None,
        MlsMessageBody::Welcome(_) | MlsMessageBody::GroupInfo(_) | MlsMessageBody::KeyPackage(_) => {
            return Err(MessageFault::NotAGroupMessage);
        }
    };
    if message.group_id().is_none_or(|id| id.as_slice() != group.as_slice()) {
        return Err(MessageFault::OtherGroup);
    }
    if message.epoch().is_none_or(|named| named.0 != epoch) {
        return Err(MessageFault::OtherEpoch);
    }
    if epoch > LAST_EPOCH {
        return Err(MessageFault::EpochTooLarge);
    }
    let content_type = message.content_type().ok_or(MessageFault::NotAGroupMessage)?;
    Ok(Framing { content_type, sender })
}

/// Checks a commit with all that comes with it; whether it is an external commit.
pub(super) fn check_commit(group: &GroupId, post: &PostCommit, poster: DeviceId) -> Result<bool, MessageFault> {
    let framing = framing(post.commit.as_slice(), group, post.epoch)?;
    if framing.content_type != ContentType::Commit {
        return Err(MessageFault::NotACommit);
    }
    check_devices(post, poster)?;
    let added = post.added.iter().collect();
    post.welcomes.iter().try_for_each(|welcome| check_welcome(welcome, &added))?;
    if let Some(info) = post.group_info.as_ref().filter(|_| !post.group_info_sealed) {
        check_group_info(info.as_slice(), group, post.epoch + 1)?;
    }
    Ok(framing.sender == Some(Sender::NewMemberCommit))
}

fn check_devices(post: &PostCommit, poster: DeviceId) -> Result<(), MessageFault> {
    let mut seen = BTreeSet::new();
    for device in post.added.iter().chain(&post.removed) {
        if *device == poster {
            return Err(MessageFault::NamesItself);
        }
        if !seen.insert(*device) {
            return Err(MessageFault::DeviceNamedTwice);
        }
    }
    Ok(())
}

fn check_welcome(post: &WelcomeFor, added: &BTreeSet<&DeviceId>) -> Result<(), MessageFault> {
    let MlsMessageBody::Welcome(_) = decode(post.welcome.as_slice(), MessageFault::WelcomeNotDecodable)? else {
        return Err(MessageFault::WelcomeNotDecodable);
    };
    if post.recipients.iter().all(|recipient| added.contains(recipient)) {
        Ok(())
    } else {
        Err(MessageFault::WelcomeForOther)
    }
}

/// Checks that a GroupInfo is of this group and epoch.
pub(super) fn check_group_info(bytes: &[u8], group: &GroupId, epoch: u64) -> Result<(), MessageFault> {
    let MlsMessageBody::GroupInfo(info) = decode(bytes, MessageFault::GroupInfoNotDecodable)? else {
        return Err(MessageFault::GroupInfoNotDecodable);
    };
    let context = &info.group_context;
    if context.group_id.as_slice() == group.as_slice() && context.epoch.0 == epoch {
        Ok(())
    } else {
        Err(MessageFault::GroupInfoOfOtherEpoch)
    }
}

/// Checks a message that is not a commit; what it is.
pub(super) fn check_message(group: &GroupId, post: &PostMessage) -> Result<MessageKind, MessageFault> {
    let framing = framing(post.message.as_slice(), group, post.epoch)?;
    match (framing.content_type, framing.sender) {
        (ContentType::Commit, _) => Err(MessageFault::IsACommit),
        (ContentType::Proposal, _) => Ok(MessageKind::Proposal),
        (ContentType::Application, None) => Ok(MessageKind::Application),
        // RFC 9420 §6: "Applications MUST use PrivateMessage to encrypt application messages".
        (ContentType::Application, Some(_)) => Err(MessageFault::ApplicationInTheClear),
    }
}
