//! messages.json: every structure that travels is decoded and encoded again. What the messages say is random.

use cenacle_mls::wire::{
    Add, Commit, Content, ContentType, ExternalInit, GroupContextExtensions, GroupSecrets, MlsMessage, MlsMessageBody,
    PreSharedKey, ReInit, Remove, Update, WireFormat, WireTree,
};
use serde::{Deserialize, Serialize};

use super::{
    check::{Check, round_trip, same},
    hex_field::Hex,
    vector_file::PlainVector,
};

/// One of each structure.
#[derive(Serialize, Deserialize)]
pub(crate) struct Messages {
    pub(crate) mls_welcome: Hex,
    pub(crate) mls_group_info: Hex,
    pub(crate) mls_key_package: Hex,
    pub(crate) ratchet_tree: Hex,
    pub(crate) group_secrets: Hex,
    pub(crate) add_proposal: Hex,
    pub(crate) update_proposal: Hex,
    pub(crate) remove_proposal: Hex,
    pub(crate) pre_shared_key_proposal: Hex,
    pub(crate) re_init_proposal: Hex,
    pub(crate) external_init_proposal: Hex,
    pub(crate) group_context_extensions_proposal: Hex,
    pub(crate) commit: Hex,
    pub(crate) public_message_application: Hex,
    pub(crate) public_message_proposal: Hex,
    pub(crate) public_message_commit: Hex,
    pub(crate) private_message: Hex,
}

impl PlainVector for Messages {
    fn verify(&self) -> Check {
        message("mls_welcome", &self.mls_welcome, WireFormat::WELCOME)?;
        message("mls_group_info", &self.mls_group_info, WireFormat::GROUP_INFO)?;
        message("mls_key_package", &self.mls_key_package, WireFormat::KEY_PACKAGE)?;
        message("private_message", &self.private_message, WireFormat::PRIVATE_MESSAGE)?;
        public_message("public_message_application", &self.public_message_application, ContentType::Application)?;
        public_message("public_message_proposal", &self.public_message_proposal, ContentType::Proposal)?;
        public_message("public_message_commit", &self.public_message_commit, ContentType::Commit)?;
        round_trip::<WireTree>("ratchet_tree", &self.ratchet_tree)?;
        round_trip::<GroupSecrets>("group_secrets", &self.group_secrets)?;
        round_trip::<Add>("add_proposal", &self.add_proposal)?;
        round_trip::<Update>("update_proposal", &self.update_proposal)?;
        round_trip::<Remove>("remove_proposal", &self.remove_proposal)?;
        round_trip::<PreSharedKey>("pre_shared_key_proposal", &self.pre_shared_key_proposal)?;
        round_trip::<ReInit>("re_init_proposal", &self.re_init_proposal)?;
        round_trip::<ExternalInit>("external_init_proposal", &self.external_init_proposal)?;
        let extensions = &self.group_context_extensions_proposal;
        round_trip::<GroupContextExtensions>("group_context_extensions_proposal", extensions)?;
        round_trip::<Commit>("commit", &self.commit)?;
        Ok(())
    }
}

fn message(place: &str, bytes: &[u8], wire_format: WireFormat) -> Check {
    let message = round_trip::<MlsMessage>(place, bytes)?;
    same(format_args!("{place}: wire_format"), message.wire_format(), wire_format)
}

fn public_message(place: &str, bytes: &[u8], content_type: ContentType) -> Check {
    let message = round_trip::<MlsMessage>(place, bytes)?;
    let content = match &message.body {
        MlsMessageBody::PublicMessage(message) => Some(&message.content.content),
        MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::Welcome(_)
        | MlsMessageBody::GroupInfo(_)
        | MlsMessageBody::KeyPackage(_) => None,
    };
    same(format_args!("{place}: content_type"), content.map(Content::content_type), Some(content_type))
}
