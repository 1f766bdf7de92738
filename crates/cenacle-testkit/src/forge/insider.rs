//! A member played by the forge: everything it knows, in plain sight, and all of it may be changed.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{Rng, Signer, Suite};
use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    group::Group,
};

use super::{
    crypto::{Primitives, derive_key_pair, hash, public_key, ref_hash, sign_with_label},
    pen::{Scan, Wire as _},
    schedule::{Epoch, Ratchet, SecretTree},
    tree::Tree,
    wire::{
        Capabilities, Credential, ExternalSender, GroupContext, KeyPackage, LeafNode, Lifetime, Node, Proposal, Psk,
        Sender, Source, code,
    },
};
use crate::world::{Dice, LIFETIME, World};

/// What a member knows of a group in one epoch. It may stand for several members at once: it holds the signers and private
/// keys of all of them, by their public keys, and acts as the one at `leaf`.
#[derive(Clone, Debug)]
pub struct Insider {
    /// Primitives.
    pub suite: Primitives,
    /// Its randomness.
    pub dice: Dice,
    /// Whom it acts as.
    pub leaf: u32,
    /// What its next leaf is made of: keys, source and signature are replaced.
    pub template: LeafNode,
    /// Signers by their public keys.
    pub signers: BTreeMap<Vec<u8>, Arc<dyn Signer>>,
    /// HPKE private keys by their public keys.
    pub keys: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The tree.
    pub tree: Tree,
    /// The context.
    pub context: GroupContext,
    /// The tag of the commit that began the epoch.
    pub confirmation_tag: Vec<u8>,
    /// The transcript up to now.
    pub interim_transcript_hash: Vec<u8>,
    /// The epoch's secrets.
    pub epoch: Epoch,
    /// Message keys.
    pub secret_tree: SecretTree,
    /// Generations used by the members it plays.
    pub generations: BTreeMap<(u32, Ratchet), u32>,
    /// Proposals heard in this epoch, by reference.
    pub proposals: BTreeMap<Vec<u8>, (Proposal, Sender)>,
    /// Pre-shared keys it knows. Resumption PSKs stand under the usage `application`.
    pub psks: BTreeMap<Psk, Vec<u8>>,
}

impl Insider {
    /// A member of a world's group, with everything its store has. The person may go on or be left out of the world.
    ///
    /// # Panics
    /// If the person is no member.
    #[must_use]
    pub fn take(world: &World, name: &str) -> Self {
        let person = world.at(name);
        let group = person.group();
        let rows = |table| {
            let prefix = RowKey::of_group(table, group.group_id());
            let rows = person.disk.rows(&prefix).unwrap().into_iter();
            let row = |(key, value): (RowKey, cenacle_crypto::SecretBytes)| {
                (key.key[prefix.key.len()..].to_vec(), value.expose().to_vec())
            };
            rows.map(row).collect::<Vec<_>>()
        };
        let header = Header::read(&rows(Table::GROUP)[0].1);
        let leaf = header.own_leaf;
        let tree = read_tree(header.level, rows(Table::TREE_NODE));
        let signer = Arc::clone(&world.signers[name]);
        let private = rows(Table::TREE_PRIVATE).into_iter().map(|(_, key)| Vec::<u8>::parse(&key));
        let mut insider = Self {
            suite: Arc::clone(&world.unwatched),
            dice: Dice::new(0xF0 ^ u64::from(leaf)),
            leaf,
            template: tree.leaf(leaf).expect("a member").clone(),
            signers: BTreeMap::from([(signer.public_key().0.to_vec(), signer)]),
            keys: private.map(|key| (public_key(&*world.suite, &key), key)).collect(),
            tree,
            context: header.context,
            confirmation_tag: header.confirmation_tag,
            interim_transcript_hash: header.interim_transcript_hash,
            epoch: read_epoch(&rows(Table::EPOCH)[0].1),
            secret_tree: read_secret_tree(group, rows(Table::SECRET_TREE), rows(Table::RATCHET)),
            generations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            psks: BTreeMap::new(),
        };
        for ratchet in [Ratchet::Handshake, Ratchet::Application] {
            let head = insider.secret_tree.ratchets.get(&(leaf, ratchet)).map_or(0, |head| head.0);
            insider.generations.insert((leaf, ratchet), head);
        }
        for (key, value) in rows(Table::RESUMPTION_PSK) {
            insider.psks.insert(insider.resumption(u64::parse(&key)), Vec::parse(&value));
        }
        insider
    }

    /// A client of nobody's: a signer and a template, in no group. Epoch, tree and context are empty.
    #[must_use]
    pub fn nobody(suite: &Primitives, name: &str, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (secret, _) = suite.signature_key_pair(&mut dice.fork()).unwrap();
        let signer: Arc<dyn Signer> = Arc::from(suite.signer(&secret).unwrap());
        let key = signer.public_key().0.to_vec();
        let capabilities = Capabilities {
            versions: vec![code::MLS10],
            cipher_suites: vec![suite.cipher_suite().0],
            extensions: vec![crate::world::TEST_EXTENSION.0],
            proposals: Vec::new(),
            credentials: vec![1],
        };
        let credential = Credential::Basic(name.as_bytes().to_vec());
        Self {
            suite: Arc::clone(suite),
            dice,
            leaf: 0,
            template: LeafNode { signature_key: key.clone(), credential, capabilities, ..LeafNode::default() },
            signers: BTreeMap::from([(key, signer)]),
            keys: BTreeMap::new(),
            tree: Tree::default(),
            context: GroupContext {
                version: code::MLS10,
                cipher_suite: suite.cipher_suite().0,
                ..GroupContext::default()
            },
            confirmation_tag: Vec::new(),
            interim_transcript_hash: Vec::new(),
            epoch: Epoch::default(),
            secret_tree: SecretTree::default(),
            generations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            psks: BTreeMap::new(),
        }
    }

    /// Someone outside who has this group's GroupInfo, and so its tree, context and external key. For external commits, and
    /// for proposals of external senders and of clients that want to be added. (It has more than the GroupInfo tells, and has
    /// no use for it.)
    #[must_use]
    pub fn outsider(&mut self, name: &str) -> Self {
        let mut outsider = Self::nobody(&self.suite, name, u64::parse(&self.dice.bytes(8)));
        outsider.leaf = u32::MAX;
        outsider.catches_up(self);
        outsider
    }

    /// An outsider knows what is public of the group as `member` knows it now.
    pub fn catches_up(&mut self, member: &Self) {
        let Self { dice, leaf, template, signers, mut keys, .. } = self.clone();
        keys.extend(member.keys.clone());
        *self = Self { dice, leaf, template, signers, keys, ..member.clone() };
    }

    /// How a group lists it among its external senders.
    #[must_use]
    pub fn as_external_sender(&self) -> ExternalSender {
        let LeafNode { signature_key, credential, .. } = self.template.clone();
        ExternalSender { signature_key, credential }
    }

    /// The same knowledge, acting as another member it plays.
    #[must_use]
    pub fn playing(&self, leaf: u32) -> Self {
        Self { leaf, template: self.tree.leaf(leaf).expect("a member").clone(), ..self.clone() }
    }

    /// Takes in what another insider or client knows: its signers, keys and PSKs.
    pub fn learn(&mut self, other: &Self) {
        self.signers.extend(other.signers.clone());
        self.keys.extend(other.keys.clone());
        self.psks.extend(other.psks.clone());
    }

    /// A new group of this client alone, without extensions (RFC 9420 §11). The client keeps its keys and PSKs.
    #[must_use]
    pub fn founds(&mut self, group_id: &[u8]) -> Self {
        let suite = Arc::clone(&self.suite);
        let tree = Tree::new(self.key_package().leaf_node);
        let context = GroupContext {
            version: code::MLS10,
            cipher_suite: suite.cipher_suite().0,
            group_id: group_id.to_vec(),
            tree_hash: tree.tree_hash(&*suite),
            ..GroupContext::default()
        };
        let epoch = Epoch::from_epoch_secret(&*suite, &self.dice.bytes(suite.hash_length()));
        self.clone().in_epoch(0, tree, context, epoch)
    }

    /// A new group that continues this one (RFC 9420 §11.2, §11.3), and the PSK that its first commit must fold in, besides
    /// adding the members.
    #[must_use]
    pub fn continues(&mut self, usage: u8, group_id: &[u8]) -> (Self, super::PreSharedKeyId) {
        let (psk_group_id, psk_epoch) = (self.context.group_id.clone(), self.context.epoch);
        let psk = self.psk_id(Psk::Resumption { usage, psk_group_id, psk_epoch });
        (self.founds(group_id), psk)
    }

    /// Any epoch of any group, whatever came before it: the tag, the transcript and the secret tree follow from these.
    #[must_use]
    pub fn in_epoch(self, leaf: u32, tree: Tree, context: GroupContext, epoch: Epoch) -> Self {
        let suite = Arc::clone(&self.suite);
        let confirmation_tag = epoch.confirmation_tag(&*suite, &context.confirmed_transcript_hash);
        let interim = hash(&*suite, &[&context.confirmed_transcript_hash[..], &confirmation_tag.bytes()].concat());
        let mut next = Self {
            leaf,
            secret_tree: SecretTree::new(tree.root(), &epoch.encryption_secret),
            tree,
            context,
            confirmation_tag,
            interim_transcript_hash: interim,
            epoch,
            generations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            ..self
        };
        if let Some(own) = next.tree.leaf(leaf) {
            next.template = own.clone();
        }
        next.psks.insert(next.resumption(next.context.epoch), next.epoch.resumption_psk.clone());
        next
    }

    /// The name of the resumption PSK of an epoch of this group, with the usage `application`.
    #[must_use]
    pub fn resumption(&self, psk_epoch: u64) -> Psk {
        Psk::Resumption { usage: code::USAGE_APPLICATION, psk_group_id: self.context.group_id.clone(), psk_epoch }
    }

    /// The signer of a signature key it plays.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn signer_of(&self, signature_key: &[u8]) -> Arc<dyn Signer> {
        Arc::clone(self.signers.get(signature_key).expect("a signer"))
    }

    /// The signer of whom it acts as.
    #[must_use]
    pub fn signer(&self) -> Arc<dyn Signer> {
        self.signer_of(&self.template.signature_key)
    }

    /// A fresh HPKE key pair, whose private key it keeps: the public key.
    pub fn fresh_key(&mut self) -> Vec<u8> {
        let (private, public) = fresh_key_pair(&*self.suite, &mut self.dice);
        self.keys.insert(public.clone(), private);
        public
    }

    /// A leaf like its own with a fresh key, for an Update or anything else, changed, then signed for its place.
    pub fn leaf_node(&mut self, change: impl FnOnce(&mut LeafNode)) -> LeafNode {
        let encryption_key = self.fresh_key();
        let mut leaf = LeafNode { encryption_key, source: Source::Update, ..self.template.clone() };
        change(&mut leaf);
        let group_id = self.context.group_id.clone();
        self.sign_leaf(&mut leaf, Some((&group_id, self.leaf)));
        leaf
    }

    /// Signs a leaf by whoever it plays that has its signature key, or by whom it acts as.
    pub fn sign_leaf(&self, leaf: &mut LeafNode, position: Option<(&[u8], u32)>) {
        let signer = self.signers.get(&leaf.signature_key).map_or_else(|| self.signer(), Arc::clone);
        leaf.signature = sign_with_label(&*signer, "LeafNodeTBS", &leaf.tbs(position));
    }

    /// A key package with fresh keys.
    pub fn key_package(&mut self) -> KeyPackage {
        self.key_package_with(|_| (), |_| ())
    }

    /// A key package whose leaf is changed before it is signed, and which is changed itself before it is signed.
    pub fn key_package_with(
        &mut self,
        leaf: impl FnOnce(&mut LeafNode),
        package: impl FnOnce(&mut KeyPackage),
    ) -> KeyPackage {
        let (init_key, encryption_key) = (self.fresh_key(), self.fresh_key());
        let source = Source::KeyPackage(Lifetime { not_before: LIFETIME.not_before, not_after: LIFETIME.not_after });
        let mut leaf_node = LeafNode { encryption_key, source, ..self.template.clone() };
        leaf(&mut leaf_node);
        self.sign_leaf(&mut leaf_node, Some((&self.context.group_id, self.leaf)));
        let mut key_package = KeyPackage {
            version: code::MLS10,
            cipher_suite: self.suite.cipher_suite().0,
            init_key,
            leaf_node,
            extensions: Vec::new(),
            signature: Vec::new(),
        };
        package(&mut key_package);
        self.sign_key_package(&mut key_package);
        key_package
    }

    /// Signs a key package again.
    pub fn sign_key_package(&self, key_package: &mut KeyPackage) {
        key_package.signature = sign_with_label(&*self.signer(), "KeyPackageTBS", &key_package.tbs());
    }

    /// The external key of the epoch (RFC 9420 §8).
    #[must_use]
    pub fn external_pub(&self) -> Vec<u8> {
        derive_key_pair(&*self.suite, &self.epoch.external_secret).1
    }

    /// A PSK's identifier with a fresh nonce.
    pub fn psk_id(&mut self, psk: Psk) -> super::PreSharedKeyId {
        super::PreSharedKeyId { psk, psk_nonce: self.dice.bytes(self.suite.hash_length()) }
    }
}

/// KeyPackageRef (RFC 9420 §5.2).
#[must_use]
pub fn key_package_ref(suite: &dyn Suite, key_package: &KeyPackage) -> Vec<u8> {
    ref_hash(suite, "MLS 1.0 KeyPackage Reference", &key_package.bytes())
}

/// ProposalRef (RFC 9420 §5.2) of an AuthenticatedContent's encoding.
#[must_use]
pub fn proposal_ref(suite: &dyn Suite, authenticated_content: &[u8]) -> Vec<u8> {
    ref_hash(suite, "MLS 1.0 Proposal Reference", authenticated_content)
}

/// A KEM key pair from fresh randomness, private key first.
pub(super) fn fresh_key_pair(suite: &dyn Suite, dice: &mut Dice) -> (Vec<u8>, Vec<u8>) {
    let mut ikm = vec![0; suite.kem_secret_key_length()];
    dice.fork().fill(&mut ikm).unwrap();
    derive_key_pair(suite, &ikm)
}

/// The header's row.
struct Header {
    context: GroupContext,
    interim_transcript_hash: Vec<u8>,
    confirmation_tag: Vec<u8>,
    level: u8,
    own_leaf: u32,
}

impl Header {
    fn read(row: &[u8]) -> Self {
        let mut from = Scan(row);
        assert_eq!(from.read::<u16>(), 4, "rows of another format");
        let (context, interim_transcript_hash, confirmation_tag) = (from.read(), from.read(), from.read());
        let (level, _reinit, _active) = (from.read(), from.read::<Option<super::ReInit>>(), from.read::<u8>());
        Self { context, interim_transcript_hash, confirmation_tag, level, own_leaf: from.read() }
    }
}

fn read_tree(level: u8, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Tree {
    let mut tree = Tree(vec![None; (2 << level) - 1]);
    for (key, value) in rows {
        let node = u32::parse(&key);
        let leaf = node.is_multiple_of(2);
        tree.set(node, Some(if leaf { Node::Leaf(parse(&value)) } else { Node::Parent(parse(&value)) }));
    }
    tree
}

fn parse<T: super::pen::Wire>(bytes: &[u8]) -> T {
    T::parse(bytes)
}

fn read_epoch(row: &[u8]) -> Epoch {
    let mut from = Scan(row);
    Epoch {
        sender_data_secret: from.read(),
        exporter_secret: from.read(),
        external_secret: from.read(),
        membership_key: from.read(),
        resumption_psk: from.read(),
        epoch_authenticator: from.read(),
        init_secret: from.read(),
        ..Epoch::default()
    }
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn read_secret_tree(group: &Group, nodes: Rows, ratchets: Rows) -> SecretTree {
    let epoch = group.epoch().0.to_be_bytes();
    let mut tree = SecretTree::default();
    for (key, value) in nodes {
        if let Some(node) = key.strip_prefix(&epoch) {
            tree.nodes.insert(u32::parse(node), Vec::parse(&value));
        }
    }
    for (key, value) in ratchets {
        if let Some(mut place) = key.strip_prefix(&epoch).map(Scan) {
            let (leaf, kind, mut head) = (place.read(), place.read::<u8>(), Scan(&value));
            let ratchet = if kind == 0 { Ratchet::Handshake } else { Ratchet::Application };
            tree.ratchets.insert((leaf, ratchet), (head.read(), head.read()));
        }
    }
    tree
}
