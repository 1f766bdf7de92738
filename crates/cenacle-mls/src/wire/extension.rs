//! Extensions (RFC 9420 §13): typed bytes that a version may or may not understand, and those this one does.

use alloc::vec::Vec;

use cenacle_codec::{Decode, DecodeError, Encode, EncodeError, Opaque, codec_newtype, codec_struct, open_enum};
use cenacle_crypto::{HpkePublicKey, SignaturePublicKey};

use super::{Credential, CredentialType, ProposalType};

open_enum! {
    /// The kind of an extension (RFC 9420 §17.3).
    pub enum ExtensionType: u16 {
        /// An application's name for a leaf.
        APPLICATION_ID = 1,
        /// The group's tree, in a GroupInfo.
        RATCHET_TREE = 2,
        /// What every member must support, in a GroupContext.
        REQUIRED_CAPABILITIES = 3,
        /// The external init public key, in a GroupInfo.
        EXTERNAL_PUB = 4,
        /// Who may propose from outside, in a GroupContext.
        EXTERNAL_SENDERS = 5,
    }
}

impl ExtensionType {
    /// Whether RFC 9420 §7.2 calls it a default type, which every client supports and none may list.
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=5)
    }
}

codec_struct! {
    /// An extension with its content untouched.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Extension {
        /// Which extension it is.
        pub extension_type: ExtensionType,
        /// Its content.
        pub extension_data: Opaque,
    }

    /// Content of `required_capabilities` (RFC 9420 §11.1).
    #[derive(Clone, Debug, PartialEq, Eq, Default)]
    pub struct RequiredCapabilities {
        /// Extension types every member must support.
        pub extension_types: Vec<ExtensionType>,
        /// Proposal types every member must support.
        pub proposal_types: Vec<ProposalType>,
        /// Credential types every member must support.
        pub credential_types: Vec<CredentialType>,
    }

    /// One entry of `external_senders` (RFC 9420 §12.1.8.1).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ExternalSender {
        /// The key its proposals verify under.
        pub signature_key: SignaturePublicKey,
        /// Who it is.
        pub credential: Credential,
    }

    /// Content of `external_pub` (RFC 9420 §12.4.3.2).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ExternalPub {
        /// The key an external committer encapsulates to.
        pub external_pub: HpkePublicKey,
    }
}

codec_newtype! {
    /// A list of extensions.
    #[derive(Clone, Debug, PartialEq, Eq, Default)]
    pub struct Extensions(pub Vec<Extension>);
}

/// An extension whose content this version reads.
pub(crate) trait Known: Encode + Decode {
    const TYPE: ExtensionType;
}

impl Known for RequiredCapabilities {
    const TYPE: ExtensionType = ExtensionType::REQUIRED_CAPABILITIES;
}

impl Known for Vec<ExternalSender> {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_SENDERS;
}

impl Known for ExternalPub {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_PUB;
}

impl Extensions {
    /// The content of the first extension of `extension_type`.
    #[must_use]
    pub fn find(&self, extension_type: ExtensionType) -> Option<&[u8]> {
        let found = self.0.iter().find(|extension| extension.extension_type == extension_type)?;
        Some(&found.extension_data)
    }

    /// The types in the list, in its order.
    pub fn types(&self) -> impl Iterator<Item = ExtensionType> {
        self.0.iter().map(|extension| extension.extension_type)
    }

    /// The content of the extension that `T` is, if the list has it. Nothing may follow it in its field.
    pub(crate) fn read<T: Known>(&self) -> Result<Option<T>, DecodeError> {
        self.find(T::TYPE).map(T::from_bytes).transpose()
    }

    /// Appends `content` as the extension that `T` is.
    pub(crate) fn push<T: Known>(&mut self, content: &T) -> Result<(), EncodeError> {
        self.push_content(T::TYPE, content)
    }

    /// Appends an encoding as the extension of this type.
    pub(crate) fn push_content<T: Encode>(
        &mut self,
        extension_type: ExtensionType,
        content: &T,
    ) -> Result<(), EncodeError> {
        let extension_data = content.to_bytes()?.into();
        self.0.push(Extension { extension_type, extension_data });
        Ok(())
    }

    /// Content of `required_capabilities`, or `None` where there is none.
    ///
    /// # Errors
    /// When its content is malformed.
    pub fn required_capabilities(&self) -> Result<Option<RequiredCapabilities>, DecodeError> {
        self.read()
    }

    /// Content of `external_senders`, or `None` where there is none.
    ///
    /// # Errors
    /// When its content is malformed.
    pub fn external_senders(&self) -> Result<Option<Vec<ExternalSender>>, DecodeError> {
        self.read()
    }

    /// Adds `required_capabilities` to the list.
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn push_required_capabilities(&mut self, required: &RequiredCapabilities) -> Result<(), EncodeError> {
        self.push(required)
    }

    /// Adds `external_senders` to the list.
    ///
    /// # Errors
    /// When it is too long to encode.
    pub fn push_external_senders(&mut self, senders: &Vec<ExternalSender>) -> Result<(), EncodeError> {
        self.push(senders)
    }
}
