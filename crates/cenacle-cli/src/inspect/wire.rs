//! Every structure of the wire as a [`Value`], with the RFC's names for its fields. A field is shown by its type; only
//! extensions, credentials and other selections need a word of their own.

use cenacle_codec::{Decode, Opaque};
use cenacle_crypto::{CipherSuite, Digest, HpkeCiphertext, HpkePublicKey, Secret, Signature, SignaturePublicKey};
use cenacle_mls::wire::{
    Add, AuthenticatedContent, Capabilities, Commit, Content as FramedBody, ContentType, Credential, CredentialType,
    EncryptedGroupSecrets, Epoch, Extension, ExtensionType, Extensions, ExternalInit, ExternalPub, ExternalSender,
    FramedContent, FramedContentAuthData, GroupContext, GroupContextExtensions, GroupId, GroupInfo, GroupSecrets,
    KeyPackage, KeyPackageRef, LeafIndex, LeafNode, LeafNodeSource, Lifetime, MlsMessage, MlsMessageBody, Node,
    ParentNode, PathSecretEntry, PreSharedKey, PreSharedKeyId, PrivateMessage, Proposal, ProposalOrRef, ProposalRef,
    ProposalType, ProtocolVersion, Psk, PublicMessage, ReInit, Remove, RequiredCapabilities, ResumptionPskUsage,
    Sender, Update, UpdatePath, UpdatePathNode, Welcome, WireFormat, WireTree,
};

use super::{
    date::utc,
    draw::draw_wire_tree,
    value::{Content, Value},
};

/// What can be shown.
pub(crate) trait Show {
    fn show(&self) -> Content;
}

fn part(name: &str, value: &dyn Show) -> Value {
    Value::new(name, value.show())
}

fn code_point(number: impl Into<u64>, name: &'static str) -> Content {
    Content::CodePoint(number.into(), Some(name))
}

macro_rules! show_structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Show for $name {
            fn show(&self) -> Content {
                Content::Struct(vec![$(part(stringify!($field), &self.$field)),*])
            }
        }
    )*};
}
show_structs! {
    AuthenticatedContent { wire_format, content, auth }
    Capabilities { versions, cipher_suites, extensions, proposals, credentials }
    Commit { proposals, path }
    EncryptedGroupSecrets { new_member, encrypted_group_secrets }
    ExternalPub { external_pub }
    ExternalSender { signature_key, credential }
    FramedContent { group_id, epoch, sender, authenticated_data, content }
    GroupContext { version, cipher_suite, group_id, epoch, tree_hash, confirmed_transcript_hash, extensions }
    GroupInfo { group_context, extensions, confirmation_tag, signer, signature }
    GroupSecrets { joiner_secret, path_secret, psks }
    HpkeCiphertext { kem_output, ciphertext }
    KeyPackage { version, cipher_suite, init_key, leaf_node, extensions, signature }
    ParentNode { encryption_key, parent_hash, unmerged_leaves }
    PathSecretEntry { path_secret }
    PreSharedKeyId { psk, psk_nonce }
    PrivateMessage { group_id, epoch, content_type, authenticated_data, encrypted_sender_data, ciphertext }
    ReInit { group_id, version, cipher_suite, extensions }
    RequiredCapabilities { extension_types, proposal_types, credential_types }
    UpdatePath { leaf_node, nodes }
    UpdatePathNode { encryption_key, encrypted_path_secret }
    Welcome { cipher_suite, secrets, encrypted_group_info }
    Add { key_package }
    Update { leaf_node }
    Remove { removed }
    PreSharedKey { psk }
    ExternalInit { kem_output }
    GroupContextExtensions { extensions }
}

macro_rules! show_bytes {
    ($($name:ident: $value:ident => $bytes:expr),* $(,)?) => {$(
        impl Show for $name {
            fn show(&self) -> Content {
                let $value = self;
                Content::Bytes($bytes.to_vec())
            }
        }
    )*};
}
show_bytes! {
    Digest: digest => digest.as_slice(),
    GroupId: id => id.as_slice(),
    HpkePublicKey: key => key.0.as_slice(),
    KeyPackageRef: reference => reference.0.as_slice(),
    Opaque: bytes => bytes.as_slice(),
    ProposalRef: reference => reference.0.as_slice(),
    Secret: secret => secret.expose(),
    Signature: signature => signature.0.as_slice(),
    SignaturePublicKey: key => key.0.as_slice(),
}

macro_rules! show_code_points {
    ($($name:ident),*) => {$(
        impl Show for $name {
            fn show(&self) -> Content {
                Content::CodePoint(self.0.into(), self.name())
            }
        }
    )*};
}
show_code_points!(CipherSuite, CredentialType, ExtensionType, ProposalType, ProtocolVersion, WireFormat);

impl Show for Epoch {
    fn show(&self) -> Content {
        Content::Number(self.0, String::new())
    }
}

impl Show for LeafIndex {
    fn show(&self) -> Content {
        Content::Number(self.0.into(), String::new())
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Content {
        self.as_ref().map_or(Content::Absent, Show::show)
    }
}

impl<T: Show> Show for Box<T> {
    fn show(&self) -> Content {
        (**self).show()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Content {
        Content::List(self.iter().map(Show::show).collect())
    }
}

impl Show for MlsMessage {
    fn show(&self) -> Content {
        let body = match &self.body {
            MlsMessageBody::PublicMessage(body) => part("public_message", body),
            MlsMessageBody::PrivateMessage(body) => part("private_message", body),
            MlsMessageBody::Welcome(body) => part("welcome", body),
            MlsMessageBody::GroupInfo(body) => part("group_info", body),
            MlsMessageBody::KeyPackage(body) => part("key_package", body),
        };
        Content::Struct(vec![part("version", &self.version), part("wire_format", &self.wire_format()), body])
    }
}

impl Show for PublicMessage {
    fn show(&self) -> Content {
        let mut parts = vec![part("content", &self.content), part("auth", &self.auth)];
        parts.extend(self.membership_tag.map(|tag| part("membership_tag", &tag)));
        Content::Struct(parts)
    }
}

impl Show for FramedContentAuthData {
    fn show(&self) -> Content {
        let mut parts = vec![part("signature", &self.signature)];
        parts.extend(self.confirmation_tag.map(|tag| part("confirmation_tag", &tag)));
        Content::Struct(parts)
    }
}

impl Show for ContentType {
    fn show(&self) -> Content {
        match self {
            Self::Application => code_point(1u8, "application"),
            Self::Proposal => code_point(2u8, "proposal"),
            Self::Commit => code_point(3u8, "commit"),
        }
    }
}

impl Show for FramedBody {
    fn show(&self) -> Content {
        let body = match self {
            Self::Application(data) => part("application_data", data),
            Self::Proposal(proposal) => part("proposal", proposal),
            Self::Commit(commit) => part("commit", commit),
        };
        Content::Struct(vec![part("content_type", &self.content_type()), body])
    }
}

impl Show for Sender {
    fn show(&self) -> Content {
        match self {
            Self::Member(leaf) => Content::Struct(vec![part("member", leaf)]),
            Self::External(index) => {
                let index = Content::Number((*index).into(), String::new());
                Content::Struct(vec![Value::new("external", index)])
            }
            Self::NewMemberProposal => code_point(3u8, "new_member_proposal"),
            Self::NewMemberCommit => code_point(4u8, "new_member_commit"),
        }
    }
}

impl Show for Proposal {
    fn show(&self) -> Content {
        let body = match self {
            Self::Add(body) => part("add", body),
            Self::Update(body) => part("update", body),
            Self::Remove(body) => part("remove", body),
            Self::PreSharedKey(body) => part("psk", body),
            Self::ReInit(body) => part("reinit", body),
            Self::ExternalInit(body) => part("external_init", body),
            Self::GroupContextExtensions(body) => part("group_context_extensions", body),
            Self::Custom(_, body) => part("content", body),
        };
        Content::Struct(vec![part("proposal_type", &self.proposal_type()), body])
    }
}

impl Show for ProposalOrRef {
    fn show(&self) -> Content {
        match self {
            Self::Proposal(proposal) => proposal.show(),
            Self::Reference(reference) => Content::Struct(vec![part("reference", reference)]),
        }
    }
}

impl Show for Psk {
    fn show(&self) -> Content {
        match self {
            Self::External(psk_id) => {
                Content::Struct(vec![Value::new("psktype", code_point(1u8, "external")), part("psk_id", psk_id)])
            }
            Self::Resumption { usage, psk_group_id, psk_epoch } => Content::Struct(vec![
                Value::new("psktype", code_point(2u8, "resumption")),
                part("usage", usage),
                part("psk_group_id", psk_group_id),
                part("psk_epoch", psk_epoch),
            ]),
        }
    }
}

impl Show for ResumptionPskUsage {
    fn show(&self) -> Content {
        match self {
            Self::Application => code_point(1u8, "application"),
            Self::Reinit => code_point(2u8, "reinit"),
            Self::Branch => code_point(3u8, "branch"),
        }
    }
}

impl Show for LeafNode {
    fn show(&self) -> Content {
        let (source, bound) = match &self.source {
            LeafNodeSource::KeyPackage(lifetime) => (code_point(1u8, "key_package"), Some(part("lifetime", lifetime))),
            LeafNodeSource::Update => (code_point(2u8, "update"), None),
            LeafNodeSource::Commit { parent_hash } => {
                (code_point(3u8, "commit"), Some(part("parent_hash", parent_hash)))
            }
        };
        let mut parts = vec![
            part("encryption_key", &self.encryption_key),
            part("signature_key", &self.signature_key),
            part("credential", &self.credential),
            part("capabilities", &self.capabilities),
            Value::new("leaf_node_source", source),
        ];
        parts.extend(bound);
        parts.extend([part("extensions", &self.extensions), part("signature", &self.signature)]);
        Content::Struct(parts)
    }
}

impl Show for Lifetime {
    fn show(&self) -> Content {
        let instant = |name: &str, seconds: u64| Value::new(name, Content::Number(seconds, utc(seconds)));
        Content::Struct(vec![instant("not_before", self.not_before), instant("not_after", self.not_after)])
    }
}

impl Show for Credential {
    fn show(&self) -> Content {
        let body = match self {
            Self::Basic(identity) => part("identity", identity),
            Self::X509(certificates) => part("certificates", certificates),
            Self::Custom(_, content) => part("content", content),
        };
        Content::Struct(vec![part("credential_type", &self.credential_type()), body])
    }
}

impl Show for Extensions {
    fn show(&self) -> Content {
        self.0.show()
    }
}

impl Show for Extension {
    /// What is in a known extension, which may be malformed without making the message so.
    fn show(&self) -> Content {
        let data = &*self.extension_data;
        let known = match self.extension_type {
            ExtensionType::RATCHET_TREE => inside::<WireTree>("ratchet_tree", data),
            ExtensionType::REQUIRED_CAPABILITIES => inside::<RequiredCapabilities>("required_capabilities", data),
            ExtensionType::EXTERNAL_PUB => inside::<ExternalPub>("external_pub", data),
            ExtensionType::EXTERNAL_SENDERS => inside::<Vec<ExternalSender>>("external_senders", data),
            _ => vec![part("extension_data", &self.extension_data)],
        };
        Content::Struct([vec![part("extension_type", &self.extension_type)], known].concat())
    }
}

fn inside<T: Decode + Show>(name: &str, data: &[u8]) -> Vec<Value> {
    match T::from_bytes(data) {
        Ok(content) => vec![part(name, &content)],
        Err(error) => vec![
            Value::new("malformed", Content::Text(error.to_string())),
            Value::new("extension_data", Content::Bytes(data.to_vec())),
        ],
    }
}

impl Show for Node {
    fn show(&self) -> Content {
        match self {
            Self::Leaf(leaf) => Content::Struct(vec![part("leaf_node", leaf)]),
            Self::Parent(parent) => Content::Struct(vec![part("parent_node", parent)]),
        }
    }
}

impl Show for WireTree {
    fn show(&self) -> Content {
        Content::Struct(vec![
            Value::new("drawing", Content::Drawing(draw_wire_tree(self))),
            part("nodes", &self.nodes().collect::<Vec<_>>()),
        ])
    }
}
