//! A member who keeps to no rule: it signs, tags and encrypts whatever it is given, so that only the content can be
//! objected to.

use alloc::sync::Arc;

use cenacle_codec::Encode as _;
use cenacle_codec::{Decode as _, Opaque};
use cenacle_crypto::{Digest, Signature};
use cenacle_crypto::{Rng, Secret, Signer, Suite, labeled::sign_with_label};
use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    group::PublicGroup,
    limits::Limits,
    protect::{self, Padding},
    schedule::{EncryptionSecret, EpochSecrets},
    secret_tree::{RatchetKind, SecretTree},
    wire::{
        AuthenticatedContent, Content, ContentType, FramedContent, FramedContentAuthData, Generation, KeyPackage,
        KeyPackageTbs, LeafIndex, LeafNode, LeafNodeTbs, MlsMessage, PrivateContentAad, PrivateMessage, Proposal,
        ProposalOrRef, PublicMessage, Sender, SenderData, SenderDataAad, WireFormat,
    },
};
use cenacle_testkit::world::World;

/// Everything a member knows in the present epoch.
pub(crate) struct Insider {
    suite: Arc<dyn Suite>,
    signer: Arc<dyn Signer>,
    leaf: LeafIndex,
    public: PublicGroup,
    secrets: EpochSecrets,
    encryption_secret: Secret,
}

impl Insider {
    /// `name` in an epoch in which its store has used no key.
    pub(crate) fn new(world: &World, name: &str, signer: Arc<dyn Signer>) -> Self {
        let person = world.at(name);
        let group = person.group();
        let row = |key: RowKey| person.disk.row(&key).unwrap().unwrap();
        let root = RowKey::of_epoch(Table::SECRET_TREE, group.group_id(), group.epoch());
        Self {
            suite: Arc::clone(&world.unwatched),
            signer,
            leaf: group.own_leaf(),
            public: group.public().clone(),
            secrets: EpochSecrets::from_bytes(row(RowKey::of_group(Table::EPOCH, group.group_id())).expose()).unwrap(),
            encryption_secret: Secret::from_bytes(row(root.and(&group.public().tree().root().0)).expose()).unwrap(),
        }
    }

    /// The insider as a sender.
    pub(crate) const fn sender(&self) -> Sender {
        Sender::Member(self.leaf)
    }

    /// Signs the leaves and key packages inside a content, whosever it says they are, or says that they are the insider's.
    pub(crate) fn resign_inside(&self, content: &mut FramedContent, own_key: bool) {
        match &mut content.content {
            Content::Proposal(proposal) => self.resign_proposal(proposal, own_key),
            Content::Commit(commit) => {
                for listed in &mut commit.proposals {
                    if let ProposalOrRef::Proposal(proposal) = listed {
                        self.resign_proposal(proposal, own_key);
                    }
                }
                if let Some(path) = &mut commit.path {
                    self.resign_leaf(&mut path.leaf_node, own_key);
                }
            }
            Content::Application(_) => {}
        }
    }

    fn resign_proposal(&self, proposal: &mut Proposal, own_key: bool) {
        match proposal {
            Proposal::Update(update) => self.resign_leaf(&mut update.leaf_node, own_key),
            Proposal::Add(add) => {
                if own_key {
                    add.key_package.leaf_node.signature_key = self.signer.public_key().clone();
                }
                resign_key_package(&mut add.key_package, &*self.signer);
            }
            Proposal::Remove(_)
            | Proposal::PreSharedKey(_)
            | Proposal::ReInit(_)
            | Proposal::ExternalInit(_)
            | Proposal::GroupContextExtensions(_)
            | Proposal::Custom(..) => {}
        }
    }

    fn resign_leaf(&self, leaf: &mut LeafNode, own_key: bool) {
        if own_key {
            leaf.signature_key = self.signer.public_key().clone();
        }
        resign_leaf(leaf, &*self.signer, Some((self.public.group_id(), self.leaf)));
    }

    /// In the clear; with a membership tag if a member is named as the sender. A commit's confirmation tag is the one given.
    pub(crate) fn in_the_clear(&self, content: FramedContent, tag: &[u8]) -> MlsMessage {
        let context = self.public.context();
        let signature = protect::sign(&*self.signer, WireFormat::PUBLIC_MESSAGE, &content, context).unwrap();
        let auth = auth_data(&content, signature, tag);
        let member = matches!(content.sender, Sender::Member(_));
        let untagged = |content, auth| PublicMessage { content, auth, membership_tag: None };
        if !member || matches!(content.content, Content::Application(_)) {
            // What the library does not make.
            let tag = member.then(|| self.suite.mac(self.secrets.membership_key.expose(), &[b"whatever"]));
            return PublicMessage { membership_tag: tag, ..untagged(content, auth) }.into();
        }
        let content = AuthenticatedContent { wire_format: WireFormat::PUBLIC_MESSAGE, content, auth };
        protect::public::protect(&*self.suite, content, context, &self.secrets.membership_key).unwrap().into()
    }

    /// Encrypted as this insider's, signed as what the content says.
    pub(crate) fn encrypted(
        &self,
        content: &FramedContent,
        tag: &[u8],
        generation: u32,
        rng: &mut dyn Rng,
    ) -> MlsMessage {
        let signature =
            protect::sign(&*self.signer, WireFormat::PRIVATE_MESSAGE, content, self.public.context()).unwrap();
        let auth = auth_data(content, signature, tag);
        let mut body = content.content.to_bytes().unwrap();
        // The content's type stands outside.
        body.remove(0);
        body.extend(auth.to_bytes().unwrap());
        body.resize(body.len().next_multiple_of(usize::from(Padding::default().multiple_bytes)), 0);
        self.encrypted_bytes(content.content.content_type(), &content.authenticated_data, &body, generation, rng)
    }

    /// Any plaintext, encrypted under the key of a generation.
    pub(crate) fn encrypted_bytes(
        &self,
        content_type: ContentType,
        authenticated_data: &[u8],
        plaintext: &[u8],
        generation: u32,
        rng: &mut dyn Rng,
    ) -> MlsMessage {
        let suite = &*self.suite;
        let tree = SecretTree::new(self.public.tree().root(), EncryptionSecret(self.encryption_secret.duplicate()));
        let kind = RatchetKind::from(content_type);
        let generation = Generation(generation);
        let (key, _) = tree.key_for(suite, self.leaf, kind, generation, &Limits::default()).unwrap();
        let mut reuse_guard = [0; 4];
        rng.fill(&mut reuse_guard).unwrap();
        let mut nonce = key.nonce.expose().to_vec();
        nonce.iter_mut().zip(reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
        let nonce = Secret::from_slice(&nonce).unwrap();
        let mut message = PrivateMessage {
            group_id: self.public.group_id().clone(),
            epoch: self.public.epoch(),
            content_type,
            authenticated_data: authenticated_data.into(),
            encrypted_sender_data: Opaque::EMPTY,
            ciphertext: Opaque::EMPTY,
        };
        let aad = PrivateContentAad(&message).to_bytes().unwrap();
        message.ciphertext = suite.aead_seal(&key.key, &nonce, &aad, plaintext).unwrap().into();
        let sender_data = SenderData { leaf_index: self.leaf, generation, reuse_guard };
        self.seal_sender(&mut message, &sender_data.to_bytes().unwrap());
        message.into()
    }

    /// Any sender data over what a message holds.
    pub(crate) fn seal_sender(&self, message: &mut PrivateMessage, sender_data: &[u8]) {
        let suite = &*self.suite;
        let (key, nonce) =
            protect::private::sender_data_key(suite, &self.secrets.sender_data_secret, &message.ciphertext).unwrap();
        let aad = SenderDataAad(message).to_bytes().unwrap();
        message.encrypted_sender_data = suite.aead_seal(&key, &nonce, &aad, sender_data).unwrap().into();
    }
}

fn auth_data(content: &FramedContent, signature: Signature, tag: &[u8]) -> FramedContentAuthData {
    let is_commit = content.content.content_type() == ContentType::Commit;
    let confirmation_tag = is_commit.then(|| Digest::from_slice(tag).unwrap_or_default());
    FramedContentAuthData { signature, confirmation_tag }
}

fn resign_leaf(leaf: &mut LeafNode, signer: &dyn Signer, position: Option<(&cenacle_mls::wire::GroupId, LeafIndex)>) {
    let tbs = LeafNodeTbs { leaf, position }.to_bytes().unwrap();
    leaf.signature = sign_with_label(signer, "LeafNodeTBS", &tbs).unwrap();
}

/// Signs a key package and its leaf.
pub(crate) fn resign_key_package(package: &mut KeyPackage, signer: &dyn Signer) {
    resign_leaf(&mut package.leaf_node, signer, None);
    let tbs = KeyPackageTbs(package).to_bytes().unwrap();
    package.signature = sign_with_label(signer, "KeyPackageTBS", &tbs).unwrap();
}
