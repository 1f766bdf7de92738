//! What an insider could send who keeps to no rule: messages that are signed, tagged and confirmed as they must be, so that
//! only the rule that is broken can object. An insider's secrets are read from its store.

use std::sync::Arc;

use cenacle_codec::{Decode, Encode, Opaque};
use cenacle_crypto::{
    Digest, HpkePublicKey, Rng, Secret, SecretBytes, Signature, Signer, Suite,
    labeled::{EncryptContext, sign_with_label},
};
use cenacle_mls::{
    delta::{RowKey, Store, Table},
    group::PublicGroup,
    protect,
    schedule::{
        CommitSecret, EncryptionSecret, EpochSecrets, InitSecret, JoinerSecret, confirmed_transcript_hash,
        interim_transcript_hash, psk_secret,
    },
    secret_tree::{RatchetKind, SecretTree},
    tree::{RatchetTree, TreeEdit, path_context},
    wire::{
        AuthenticatedContent, Commit, Content, EncryptedGroupSecrets, Epoch, Extension, ExtensionType, Extensions,
        ExternalInit, FramedContent, FramedContentAuthData, GroupContext, GroupId, GroupInfo, GroupInfoTbs,
        GroupSecrets, KeyPackage, KeyPackageTbs, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, MlsMessage,
        PreSharedKeyId, Proposal, ProposalOrRef, ProtocolVersion, Psk, PublicMessage, Sender, Welcome, WireFormat,
    },
};

use super::World;

/// Everything a member knows in the present epoch.
pub struct Insider {
    pub suite: Arc<dyn Suite>,
    pub signer: Arc<dyn Signer>,
    pub leaf: LeafIndex,
    pub public: PublicGroup,
    pub secrets: EpochSecrets,
    pub template: LeafNode,
    pub encryption_secret: Option<Secret>,
}

/// A commit to be forged. `edit` does to the tree what the proposals say.
pub struct Plan<'a> {
    pub list: Vec<ProposalOrRef>,
    pub edit: &'a dyn Fn(&mut TreeEdit<'_>),
    pub extensions: Option<Extensions>,
    pub psks: Vec<(PreSharedKeyId, SecretBytes)>,
    pub path: bool,
}

impl Plan<'_> {
    /// These proposals by value, which change nothing in the tree.
    pub fn of(proposals: impl IntoIterator<Item = Proposal>) -> Self {
        let list = proposals.into_iter().map(ProposalOrRef::Proposal).collect();
        Self { list, edit: &|_| (), extensions: None, psks: Vec::new(), path: false }
    }
}

impl World {
    /// What somebody outside knows, with the secrets of `via`, of which only the external key is public.
    pub fn outsider(&mut self, name: &str, via: &str) -> Insider {
        let template = self.key_package(name).leaf_node;
        let inside = self.insider(via);
        let leaf = inside.public.tree().edit(&*self.suite).reserve().unwrap();
        Insider { signer: Arc::clone(&self.people.get(name).unwrap().signer), template, leaf, ..inside }
    }

    pub fn insider(&self, name: &str) -> Insider {
        let person = self.people.get(name).unwrap();
        let group = person.group.as_ref().unwrap();
        let row = |key: RowKey| person.store.row(&key).unwrap();
        let secrets = row(RowKey::of_group(Table::EPOCH, group.group_id())).unwrap();
        let root = RowKey::of_epoch(Table::SECRET_TREE, group.group_id(), group.epoch());
        Insider {
            suite: Arc::clone(&self.suite),
            signer: Arc::clone(&person.signer),
            leaf: group.own_leaf(),
            template: group.member(group.own_leaf()).unwrap(),
            public: group.public().clone(),
            secrets: EpochSecrets::from_bytes(secrets.expose()).unwrap(),
            encryption_secret: row(root.and(&group.public().tree().root().0))
                .map(|secret| Secret::from_bytes(secret.expose()).unwrap()),
        }
    }
}

impl Insider {
    pub fn framed(&self, sender: Sender, content: Content) -> FramedContent {
        FramedContent {
            group_id: self.public.group_id().clone(),
            epoch: self.public.epoch(),
            sender,
            authenticated_data: Opaque::EMPTY,
            content,
        }
    }

    pub fn sign(&self, wire_format: WireFormat, content: FramedContent) -> AuthenticatedContent {
        let signature = protect::sign(&*self.signer, wire_format, &content, self.public.context()).unwrap();
        AuthenticatedContent { wire_format, content, auth: FramedContentAuthData { signature, confirmation_tag: None } }
    }

    pub fn send(&self, content: AuthenticatedContent) -> MlsMessage {
        let key = &self.secrets.membership_key;
        if matches!(content.content.sender, Sender::Member(_)) {
            return protect::public::protect(&*self.suite, content, self.public.context(), key).unwrap().into();
        }
        let AuthenticatedContent { content, auth, .. } = content;
        PublicMessage { content, auth, membership_tag: None }.into()
    }

    /// A proposal in the clear, as from any sender.
    pub fn propose_as(&self, sender: Sender, proposal: Proposal) -> MlsMessage {
        let framed = self.framed(sender, Content::Proposal(proposal));
        self.send(self.sign(WireFormat::PUBLIC_MESSAGE, framed))
    }

    pub fn propose(&self, proposal: Proposal) -> MlsMessage {
        self.propose_as(Sender::Member(self.leaf), proposal)
    }

    /// Encrypted content under the insider's first key, in an epoch in which its store has used none.
    pub fn encrypt(&self, content: Content, rng: &mut dyn Rng) -> MlsMessage {
        let suite = &*self.suite;
        let secret = EncryptionSecret(self.encryption_secret.as_ref().unwrap().duplicate());
        let tree = SecretTree::new(self.public.tree().root(), secret);
        let kind = RatchetKind::from(content.content_type());
        let (generation, key, _) = tree.next_own(suite, self.leaf, kind, &Default::default()).unwrap();
        let content = self.sign(WireFormat::PRIVATE_MESSAGE, self.framed(Sender::Member(self.leaf), content));
        let (sender_data, padding) = (&self.secrets.sender_data_secret, Default::default());
        protect::private::protect(suite, &content, (generation, &key), sender_data, padding, rng).unwrap().into()
    }

    /// A leaf of the insider's, signed.
    pub fn leaf_node(&self, change: impl FnOnce(&mut LeafNode)) -> LeafNode {
        let mut leaf = self.template.clone();
        change(&mut leaf);
        let position = Some((self.public.group_id(), self.leaf));
        let tbs = LeafNodeTbs { leaf: &leaf, position }.to_bytes().unwrap();
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs).unwrap();
        leaf
    }

    /// A commit in the clear, with the tag of the epoch it leads to.
    pub fn commit(&self, plan: Plan<'_>, rng: &mut dyn Rng) -> MlsMessage {
        self.commit_as(Sender::Member(self.leaf), &self.secrets.init_secret, plan, rng)
    }

    /// An external commit of the proposals that `plan` gives, after an ExternalInit.
    pub fn commit_from_outside(&self, plan: Plan<'_>, rng: &mut dyn Rng) -> MlsMessage {
        let (_, external_pub) = self.secrets.external_key_pair(&*self.suite).unwrap();
        let (kem_output, init_secret) = InitSecret::encapsulate(&*self.suite, &external_pub, rng).unwrap();
        let init = Proposal::ExternalInit(ExternalInit { kem_output: kem_output.into() });
        let list = [ProposalOrRef::Proposal(init)].into_iter().chain(plan.list).collect();
        self.commit_as(Sender::NewMemberCommit, &init_secret, Plan { list, path: true, ..plan }, rng)
    }

    fn commit_as(&self, sender: Sender, init_secret: &InitSecret, plan: Plan<'_>, rng: &mut dyn Rng) -> MlsMessage {
        let suite = &*self.suite;
        let old = self.public.context();
        let mut edit = self.public.tree().edit(suite);
        (plan.edit)(&mut edit);
        if sender == Sender::NewMemberCommit {
            assert_eq!(edit.reserve().unwrap(), self.leaf);
        }
        let mut make_leaf = |key: HpkePublicKey, parent_hash: Digest| {
            Ok(self.leaf_node(|leaf| {
                leaf.encryption_key = key;
                leaf.source = LeafNodeSource::Commit { parent_hash };
            }))
        };
        let draft = plan.path.then(|| edit.draft_path(self.leaf, &mut make_leaf, rng).unwrap());
        let tree = edit.seal().unwrap();
        let provisional = GroupContext {
            epoch: Epoch(old.epoch.0 + 1),
            tree_hash: *tree.tree_hash(),
            extensions: plan.extensions.unwrap_or_else(|| old.extensions.clone()),
            ..old.clone()
        };
        let added: Vec<LeafIndex> = tree
            .members()
            .map(|(leaf, _)| leaf)
            .filter(|leaf| self.public.tree().leaf(*leaf).is_none() && *leaf != self.leaf)
            .collect();
        let context = path_context(suite, &provisional).unwrap();
        let path = draft.as_ref().map(|draft| draft.encrypt(&tree, &added, &context, suite, rng).unwrap());
        let secret = draft.map(|draft| CommitSecret(draft.into_private().1));
        let commit_secret = secret.unwrap_or_else(|| CommitSecret::without_path(suite));

        let commit = Content::Commit(Commit { proposals: plan.list, path });
        let mut content = self.sign(WireFormat::PUBLIC_MESSAGE, self.framed(sender, commit));
        let interim =
            interim_transcript_hash(suite, &old.confirmed_transcript_hash, self.public.confirmation_tag()).unwrap();
        let confirmed = confirmed_transcript_hash(suite, &interim, &content).unwrap();
        let context = GroupContext { confirmed_transcript_hash: confirmed, ..provisional };
        let joiner_secret = init_secret.joiner_secret(suite, &commit_secret, &context).unwrap();
        let member_secret = joiner_secret.member_secret(suite, &psk_secret(suite, &plan.psks).unwrap());
        let epoch = member_secret.into_epoch(suite, &context).unwrap();
        content.auth.confirmation_tag = Some(epoch.confirmation_tag(suite, &confirmed));
        self.send(content)
    }
}

/// A use of a PSK.
pub fn psk_id(suite: &dyn Suite, psk: Psk, rng: &mut dyn Rng) -> PreSharedKeyId {
    let mut nonce = vec![0; suite.hash_length()];
    rng.fill(&mut nonce).unwrap();
    PreSharedKeyId { psk, psk_nonce: nonce.into() }
}

/// An invitation into a group that never was: a GroupInfo and joiner secret made up from the members' key packages.
pub struct Invitation {
    pub suite: Arc<dyn Suite>,
    /// Signs as the first member.
    pub signer: Arc<dyn Signer>,
    pub members: Vec<KeyPackage>,
    pub group_id: GroupId,
    pub epoch: Epoch,
    pub extensions: Extensions,
    pub psks: Vec<(PreSharedKeyId, Secret)>,
}

impl Invitation {
    /// The GroupInfo, its tag made with the secrets of an epoch that begins with `joiner_secret`, changed before it is signed.
    fn group_info(
        &self,
        joiner_secret: &JoinerSecret,
        change: &dyn Fn(&mut GroupInfo),
    ) -> (GroupInfo, (Secret, Secret)) {
        let suite = &*self.suite;
        let (first, others) = self.members.split_first().unwrap();
        let mut edit = RatchetTree::new(&first.leaf_node, suite).unwrap().edit(suite);
        for package in others {
            edit.add(&package.leaf_node).unwrap();
        }
        let tree = edit.seal().unwrap();
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: suite.cipher_suite(),
            group_id: self.group_id.clone(),
            epoch: self.epoch,
            tree_hash: *tree.tree_hash(),
            confirmed_transcript_hash: suite.hash(&[b"whatever went before"]),
            extensions: self.extensions.clone(),
        };
        let psks: Vec<_> = self.psks.iter().map(|(id, psk)| (id.clone(), SecretBytes::from(psk.expose()))).collect();
        let member_secret = joiner_secret.member_secret(suite, &psk_secret(suite, &psks).unwrap());
        let key = member_secret.welcome_secret(suite).unwrap().key_and_nonce(suite).unwrap();
        let epoch = member_secret.into_epoch(suite, &context).unwrap();
        let tree =
            Extension { extension_type: ExtensionType::RATCHET_TREE, extension_data: tree.to_bytes().unwrap().into() };
        let mut info = GroupInfo {
            confirmation_tag: epoch.confirmation_tag(suite, &context.confirmed_transcript_hash),
            group_context: context,
            extensions: Extensions(vec![tree]),
            signer: LeafIndex(0),
            signature: Signature(Opaque::EMPTY),
        };
        change(&mut info);
        let tbs = GroupInfoTbs(&info).to_bytes().unwrap();
        info.signature = sign_with_label(&*self.signer, "GroupInfoTBS", &tbs).unwrap();
        (info, key)
    }

    /// For all members but the first.
    pub fn welcome(&self, rng: &mut dyn Rng) -> Welcome {
        self.welcome_with(self.members.get(1..).unwrap(), &|_| (), rng)
    }

    pub fn welcome_with(&self, joiners: &[KeyPackage], change: &dyn Fn(&mut GroupInfo), rng: &mut dyn Rng) -> Welcome {
        let suite = &*self.suite;
        let joiner_secret = Secret::filled(suite.hash_length(), |out| rng.fill(out)).unwrap();
        let (info, (key, nonce)) = self.group_info(&JoinerSecret(joiner_secret.duplicate()), change);
        let sealed = suite.aead_seal(&key, &nonce, &[], &info.to_bytes().unwrap()).unwrap();
        let secrets = GroupSecrets {
            joiner_secret,
            path_secret: None,
            psks: self.psks.iter().map(|(id, _)| id.clone()).collect(),
        };
        let secrets = secrets.to_bytes().unwrap();
        let context = EncryptContext::new(suite, "Welcome", &sealed).unwrap();
        let entry = |package: &KeyPackage| EncryptedGroupSecrets {
            new_member: package.reference(suite).unwrap(),
            encrypted_group_secrets: context.encrypt(suite, &package.init_key, &secrets, rng).unwrap(),
        };
        let secrets = joiners.iter().map(entry).collect();
        Welcome { cipher_suite: suite.cipher_suite(), secrets, encrypted_group_info: sealed.into() }
    }
}

/// A key package that was changed and signed again.
pub fn resigned(mut package: KeyPackage, signer: &dyn Signer, change: impl FnOnce(&mut KeyPackage)) -> KeyPackage {
    change(&mut package);
    let leaf = LeafNodeTbs { leaf: &package.leaf_node, position: None }.to_bytes().unwrap();
    package.leaf_node.signature = sign_with_label(signer, "LeafNodeTBS", &leaf).unwrap();
    let tbs = KeyPackageTbs(&package).to_bytes().unwrap();
    package.signature = sign_with_label(signer, "KeyPackageTBS", &tbs).unwrap();
    package
}
