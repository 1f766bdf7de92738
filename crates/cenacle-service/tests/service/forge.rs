//! MLS messages that have the right form and nothing behind it: the services cannot tell, and must not need to.

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{
    CipherSuite, Digest, HpkePublicKey, Signature, SignaturePublicKey, Signer, labeled::sign_with_label,
};
use cenacle_mls::wire::{
    Capabilities, Commit, Content, ContentType, Credential, Epoch, Extensions, FramedContent, FramedContentAuthData,
    GroupContext, GroupInfo, KeyPackage, KeyPackageTbs, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, Lifetime,
    MlsMessage, PrivateMessage, ProtocolVersion, PublicMessage, Sender, Welcome,
};
use cenacle_service::wire::{Base64Url, GroupId};

fn encoded(message: impl Into<MlsMessage>) -> Base64Url {
    message.into().to_bytes().unwrap().into()
}

fn mls_group(group: &GroupId) -> cenacle_mls::wire::GroupId {
    group.as_slice().into()
}

/// A PrivateMessage; `salt` makes it another one.
pub(crate) fn private(group: &GroupId, epoch: u64, content_type: ContentType, salt: u8) -> Base64Url {
    encoded(PrivateMessage {
        group_id: mls_group(group),
        epoch: Epoch(epoch),
        content_type,
        authenticated_data: Opaque::EMPTY,
        encrypted_sender_data: Opaque::from(vec![salt; 28]),
        ciphertext: Opaque::from(vec![salt; 100]),
    })
}

fn public(group: &GroupId, epoch: u64, sender: Sender, content: Content, salt: u8) -> Base64Url {
    let commit = content.content_type() == ContentType::Commit;
    encoded(PublicMessage {
        content: FramedContent {
            group_id: mls_group(group),
            epoch: Epoch(epoch),
            sender,
            authenticated_data: Opaque::from(vec![salt]),
            content,
        },
        auth: FramedContentAuthData {
            signature: Signature(Opaque::from(vec![salt; 64])),
            confirmation_tag: commit.then(|| Digest::from_slice(&[salt; 32]).unwrap()),
        },
        membership_tag: matches!(sender, Sender::Member(_)).then(|| Digest::from_slice(&[salt; 32]).unwrap()),
    })
}

pub(crate) fn external_commit(group: &GroupId, epoch: u64, salt: u8) -> Base64Url {
    let content = Content::Commit(Commit { proposals: Vec::new(), path: None });
    public(group, epoch, Sender::NewMemberCommit, content, salt)
}

pub(crate) fn application_in_the_clear(group: &GroupId, epoch: u64) -> Base64Url {
    let content = Content::Application(Opaque::from(b"hello".as_slice()));
    public(group, epoch, Sender::Member(LeafIndex(0)), content, 0)
}

pub(crate) fn welcome(salt: u8) -> Base64Url {
    encoded(Welcome {
        cipher_suite: CipherSuite(1),
        secrets: Vec::new(),
        encrypted_group_info: Opaque::from(vec![salt; 50]),
    })
}

pub(crate) fn group_info(group: &GroupId, epoch: u64) -> Base64Url {
    encoded(GroupInfo {
        group_context: GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(1),
            group_id: mls_group(group),
            epoch: Epoch(epoch),
            tree_hash: Digest::EMPTY,
            confirmed_transcript_hash: Digest::EMPTY,
            extensions: Extensions::default(),
        },
        extensions: Extensions::default(),
        confirmation_tag: Digest::EMPTY,
        signer: LeafIndex(0),
        signature: Signature(Opaque::EMPTY),
    })
}

/// What may be wrong with a key package.
pub(crate) struct Offer {
    pub(crate) suite: CipherSuite,
    pub(crate) source: LeafNodeSource,
    pub(crate) salt: u8,
    pub(crate) spoiled: bool,
}

impl Offer {
    pub(crate) fn good(now: u64, salt: u8) -> Self {
        let lifetime = Lifetime { not_before: now - 3600, not_after: now + 86_400 };
        Self { suite: CipherSuite(1), source: LeafNodeSource::KeyPackage(lifetime), salt, spoiled: false }
    }

    pub(crate) fn sign(self, signer: &dyn Signer) -> Base64Url {
        encoded(self.package(signer))
    }

    fn package(self, signer: &dyn Signer) -> KeyPackage {
        let mut leaf = LeafNode {
            encryption_key: HpkePublicKey(Opaque::from(vec![self.salt; 32])),
            signature_key: SignaturePublicKey(signer.public_key().0.clone()),
            credential: Credential::Basic(Opaque::from(b"someone".as_slice())),
            capabilities: Capabilities::default(),
            source: self.source,
            extensions: Extensions::default(),
            signature: Signature(Opaque::EMPTY),
        };
        let content = LeafNodeTbs { leaf: &leaf, position: None }.to_bytes().unwrap();
        leaf.signature = sign_with_label(signer, "LeafNodeTBS", &content).unwrap();
        let mut package = KeyPackage {
            version: ProtocolVersion::MLS10,
            cipher_suite: self.suite,
            init_key: HpkePublicKey(Opaque::from(vec![self.salt.wrapping_add(1); 32])),
            leaf_node: leaf,
            extensions: Extensions::default(),
            signature: Signature(Opaque::EMPTY),
        };
        let content = KeyPackageTbs(&package).to_bytes().unwrap();
        package.signature = sign_with_label(signer, "KeyPackageTBS", &content).unwrap();
        if self.spoiled {
            package.init_key = HpkePublicKey(Opaque::from(vec![0; 32]));
        }
        package
    }
}
