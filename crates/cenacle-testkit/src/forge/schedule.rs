//! The key schedule with every secret in plain sight (RFC 9420 §8), and the secret tree, which never forgets (§9).

use alloc::collections::BTreeMap;

use cenacle_crypto::Suite;

use super::{
    crypto::{derive_secret, expand_with_label, extract, mac},
    pen::Wire as _,
    tree::{children, contains, leaf_node},
    wire::{GroupContext, PreSharedKeyId},
};

/// All secrets of an epoch. What is not known is empty: a member keeps neither the joiner secret nor the confirmation key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the RFC's, under its names")]
pub struct Epoch {
    pub joiner_secret: Vec<u8>,
    pub welcome_secret: Vec<u8>,
    pub sender_data_secret: Vec<u8>,
    pub encryption_secret: Vec<u8>,
    pub exporter_secret: Vec<u8>,
    pub external_secret: Vec<u8>,
    pub confirmation_key: Vec<u8>,
    pub membership_key: Vec<u8>,
    pub resumption_psk: Vec<u8>,
    pub epoch_authenticator: Vec<u8>,
    pub init_secret: Vec<u8>,
}

/// `joiner_secret` (RFC 9420 §8).
#[must_use]
pub fn joiner_secret(suite: &dyn Suite, init_secret: &[u8], commit_secret: &[u8], context: &GroupContext) -> Vec<u8> {
    let extracted = extract(suite, init_secret, commit_secret);
    expand_with_label(suite, &extracted, "joiner", &context.bytes(), suite.hash_length())
}

/// `psk_secret` (RFC 9420 §8.4).
#[must_use]
pub fn psk_secret(suite: &dyn Suite, psks: &[(PreSharedKeyId, Vec<u8>)]) -> Vec<u8> {
    let zero = vec![0; suite.hash_length()];
    let count = u16::try_from(psks.len()).unwrap();
    let mut folded = zero.clone();
    for (index, (id, psk)) in (0..count).zip(psks) {
        let label = [id.bytes(), index.bytes(), count.bytes()].concat();
        let extracted = extract(suite, &zero, psk);
        let input = expand_with_label(suite, &extracted, "derived psk", &label, suite.hash_length());
        folded = extract(suite, &input, &folded);
    }
    folded
}

impl Epoch {
    /// All that follows from a joiner secret.
    #[must_use]
    pub fn new(suite: &dyn Suite, joiner_secret: &[u8], psk_secret: &[u8], context: &GroupContext) -> Self {
        let member_secret = extract(suite, joiner_secret, psk_secret);
        let epoch_secret = expand_with_label(suite, &member_secret, "epoch", &context.bytes(), suite.hash_length());
        Self {
            joiner_secret: joiner_secret.to_vec(),
            welcome_secret: derive_secret(suite, &member_secret, "welcome"),
            ..Self::from_epoch_secret(suite, &epoch_secret)
        }
    }

    /// All that follows from an epoch secret.
    #[must_use]
    pub fn from_epoch_secret(suite: &dyn Suite, epoch_secret: &[u8]) -> Self {
        let derive = |label| derive_secret(suite, epoch_secret, label);
        Self {
            joiner_secret: Vec::new(),
            welcome_secret: Vec::new(),
            sender_data_secret: derive("sender data"),
            encryption_secret: derive("encryption"),
            exporter_secret: derive("exporter"),
            external_secret: derive("external"),
            confirmation_key: derive("confirm"),
            membership_key: derive("membership"),
            resumption_psk: derive("resumption"),
            epoch_authenticator: derive("authentication"),
            init_secret: derive("init"),
        }
    }

    /// The confirmation tag (RFC 9420 §6.1).
    #[must_use]
    pub fn confirmation_tag(&self, suite: &dyn Suite, confirmed_transcript_hash: &[u8]) -> Vec<u8> {
        mac(suite, &self.confirmation_key, confirmed_transcript_hash)
    }

    /// Key and nonce that encrypt the GroupInfo of a Welcome (RFC 9420 §12.4.3).
    #[must_use]
    pub fn welcome_key(&self, suite: &dyn Suite) -> (Vec<u8>, Vec<u8>) {
        (
            expand_with_label(suite, &self.welcome_secret, "key", &[], suite.aead_key_length()),
            expand_with_label(suite, &self.welcome_secret, "nonce", &[], suite.aead_nonce_length()),
        )
    }

    /// Key and nonce of the sender data, from a sample of the ciphertext (RFC 9420 §6.3.2).
    #[must_use]
    pub fn sender_data_key(&self, suite: &dyn Suite, ciphertext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let sample = &ciphertext[..ciphertext.len().min(suite.hash_length())];
        (
            expand_with_label(suite, &self.sender_data_secret, "key", sample, suite.aead_key_length()),
            expand_with_label(suite, &self.sender_data_secret, "nonce", sample, suite.aead_nonce_length()),
        )
    }
}

/// Which of a leaf's two ratchets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ratchet {
    /// For proposals and commits.
    Handshake,
    /// For application data.
    Application,
}

impl Ratchet {
    /// The one a content of this type is sent under.
    #[must_use]
    pub const fn of(content_type: u8) -> Self {
        if content_type == super::code::APPLICATION { Self::Application } else { Self::Handshake }
    }
}

/// Secrets of nodes and ratchets of one epoch, all kept.
#[derive(Clone, Debug, Default)]
pub struct SecretTree {
    /// Secrets of nodes, from which those below are derived.
    pub nodes: BTreeMap<u32, Vec<u8>>,
    /// Ratchets whose node is not known any more: where they stand, and the secret there.
    pub ratchets: BTreeMap<(u32, Ratchet), (u32, Vec<u8>)>,
}

impl SecretTree {
    /// The tree below `encryption_secret`.
    #[must_use]
    pub fn new(root: u32, encryption_secret: &[u8]) -> Self {
        Self { nodes: BTreeMap::from([(root, encryption_secret.to_vec())]), ratchets: BTreeMap::new() }
    }

    /// The first generation that is known, with its secret.
    ///
    /// # Panics
    /// If nothing that it follows from is known.
    #[must_use]
    pub fn head(&self, suite: &dyn Suite, leaf: u32, ratchet: Ratchet) -> (u32, Vec<u8>) {
        if let Some(head) = self.ratchets.get(&(leaf, ratchet)) {
            return head.clone();
        }
        let target = leaf_node(leaf);
        let known = self.nodes.iter().find(|(node, _)| contains(**node, target));
        let (mut node, mut secret) = known.map(|(node, secret)| (*node, secret.clone())).expect("a secret above");
        while node != target {
            let (left, right) = children(node);
            let (side, next) = if target < node { ("left", left) } else { ("right", right) };
            secret = expand_with_label(suite, &secret, "tree", side.as_bytes(), suite.hash_length());
            node = next;
        }
        let label = if ratchet == Ratchet::Handshake { "handshake" } else { "application" };
        (0, expand_with_label(suite, &secret, label, &[], suite.hash_length()))
    }

    /// Key and nonce of a generation (RFC 9420 §9.1).
    ///
    /// # Panics
    /// If the generation is before the first that is known.
    #[must_use]
    pub fn key(&self, suite: &dyn Suite, leaf: u32, ratchet: Ratchet, generation: u32) -> (Vec<u8>, Vec<u8>) {
        let (mut at, mut secret) = self.head(suite, leaf, ratchet);
        assert!(at <= generation, "generation {generation} is gone, the ratchet stands at {at}");
        while at < generation {
            secret = expand_with_label(suite, &secret, "secret", &at.bytes(), suite.hash_length());
            at += 1;
        }
        let derive = |label, length| expand_with_label(suite, &secret, label, &generation.bytes(), length);
        (derive("key", suite.aead_key_length()), derive("nonce", suite.aead_nonce_length()))
    }
}
