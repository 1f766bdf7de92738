//! What a member must have forgotten (RFC 9420 §9.2, §7.5), derived by whoever has its rows from before with the labels of
//! §7.4, §8 and §9.

use cenacle_codec::Encode as _;
use cenacle_crypto::{
    HpkeSecretKey, Secret, SecretBytes, Suite,
    labeled::{EncryptContext, derive_secret, derive_tree_secret, expand_with_label},
};
use cenacle_mls::{
    schedule::{CommitSecret, InitSecret, JoinerSecret, psk_secret},
    tree::NodeIndex,
    wire::{Commit, GroupContext, LeafIndex, PreSharedKeyId, Proposal, ProposalOrRef, UpdatePath},
};

use super::{Named, Stolen, stolen::Epoch};

/// Handshakes and application data, as rows have it.
const KINDS: [(u8, &str); 2] = [(0, "handshake"), (1, "application")];

/// The use of a message key: of which epoch, sender, kind (0 for handshakes, 1 for application data) and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The epoch.
    pub epoch: Epoch,
    /// The sender's leaf.
    pub leaf: LeafIndex,
    /// Which ratchet.
    pub kind: u8,
    /// Which key of it.
    pub generation: u32,
}

/// What the use of one message key consumes, by the rows from before it: "all node secrets in the secret tree on the path
/// from the root to the leaf", "the first j secrets in the application data ratchet", the key and the nonce.
#[must_use]
pub fn by_message(suite: &dyn Suite, before: &Stolen, used: Use) -> Vec<Named> {
    let Use { epoch, leaf, kind, generation } = used;
    let what = KINDS[usize::from(kind)].1;
    let mut gone = Vec::new();
    if let Some(key) = before.skipped.get(&(epoch, (leaf.0, kind), generation)) {
        gone.push(Named::new(format!("{what} key {generation} of {}", leaf.0), key.key.expose()));
        gone.push(Named::new(format!("{what} nonce {generation} of {}", leaf.0), key.nonce.expose()));
        return gone;
    }
    let (first, mut secret) = match before.ratchets.get(&(epoch, (leaf.0, kind))) {
        Some((first, secret)) => (*first, secret.duplicate()),
        None => (0, begin(suite, before, used, &mut gone)),
    };
    for at in first..=generation {
        gone.push(Named::new(format!("{what} ratchet secret {at} of {}", leaf.0), secret.expose()));
        let derive = |label, length| derive_tree_secret(suite, &secret, label, at, length).unwrap();
        if at == generation {
            let key = derive("key", suite.aead_key_length());
            gone.push(Named::new(format!("{what} key {at} of {}", leaf.0), key.expose()));
            let nonce = derive("nonce", suite.aead_nonce_length());
            gone.push(Named::new(format!("{what} nonce {at} of {}", leaf.0), nonce.expose()));
        }
        secret = derive("secret", suite.hash_length());
    }
    gone
}

/// Goes from the undivided secret above a leaf down to it; the first secret of its ratchet.
fn begin(suite: &dyn Suite, before: &Stolen, used: Use, gone: &mut Vec<Named>) -> Secret {
    let target = used.leaf.node_index();
    let above = |(of, node): &&(Epoch, NodeIndex)| *of == used.epoch && node.contains(target);
    let (_, mut node) = *before.undivided.keys().find(above).expect("an undivided secret above the leaf");
    let mut secret = before.undivided[&(used.epoch, node)].duplicate();
    while let Some(child) = node.child_towards(target) {
        gone.push(Named::new(format!("tree secret of node {}", node.0), secret.expose()));
        let side: &[u8] = if child < node { b"left" } else { b"right" };
        secret = expand_with_label(suite, &secret, "tree", side, suite.hash_length()).unwrap();
        node = child;
    }
    gone.push(Named::new(format!("tree secret of leaf {}", used.leaf.0), secret.expose()));
    let label = KINDS[usize::from(used.kind)].1;
    expand_with_label(suite, &secret, label, &[], suite.hash_length()).unwrap()
}

/// A commit with what was public before and after it.
#[derive(Clone, Copy, Debug)]
pub struct Epochs<'a> {
    /// The commit.
    pub commit: &'a Commit,
    /// The PSKs it folds in, in its order.
    pub psks: &'a [PreSharedKeyId],
    /// The external PSK.
    pub external_psk: &'a [u8],
    /// The context of the epoch it ends.
    pub before: &'a GroupContext,
    /// The context of the epoch it begins.
    pub after: &'a GroupContext,
}

/// What a commit consumes besides what rows have: the secrets of its path, and those of the key schedule up to the new
/// epoch's. `members` are the rows of some from before, and `confirmed` those of one from after, with which all is compared.
#[must_use]
pub fn by_commit(suite: &dyn Suite, members: &[&Stolen], epochs: Epochs<'_>, confirmed: &Stolen) -> Vec<Named> {
    let mut gone = Vec::new();
    let knowing = members.iter().find_map(|member| Some((member, member.secrets.as_ref()?)));
    let (knowing, secrets) = knowing.expect("someone was in the group");
    let commit_secret = match &epochs.commit.path {
        Some(path) => CommitSecret(path_secrets(suite, members, path, epochs, &mut gone)),
        None => CommitSecret::without_path(suite),
    };
    gone.push(Named::new("commit_secret", commit_secret.0.expose()));
    let external = epochs.commit.proposals.iter().find_map(|proposal| match proposal {
        ProposalOrRef::Proposal(Proposal::ExternalInit(init)) => Some(&init.kem_output),
        ProposalOrRef::Proposal(_) | ProposalOrRef::Reference(_) => None,
    });
    let (external_priv, _) = secrets.external_key_pair(suite).unwrap();
    gone.push(Named::new("external_priv", external_priv.0.expose()));
    gone.push(Named::new("init_secret[n-1]", secrets.init_secret.0.expose()));
    let external = external.map(|kem_output| InitSecret::decapsulate(suite, &external_priv, kem_output).unwrap());
    if let Some(external) = &external {
        gone.push(Named::new("init_secret of an external commit", external.0.expose()));
    }
    let init_secret = external.as_ref().unwrap_or(&secrets.init_secret);
    let joiner_secret = init_secret.joiner_secret(suite, &commit_secret, epochs.after).unwrap();
    let psks: Vec<(PreSharedKeyId, SecretBytes)> =
        epochs.psks.iter().map(|id| (id.clone(), psk(id, knowing, epochs))).collect();
    schedule(suite, &joiner_secret, &psks, epochs.after, confirmed, &mut gone);
    // Without a path, the commit secret is no secret; neither is the PSK secret without PSKs.
    gone.retain(|named| named.value.iter().any(|byte| *byte != 0));
    gone
}

fn psk(id: &PreSharedKeyId, member: &Stolen, epochs: Epochs<'_>) -> SecretBytes {
    match &id.psk {
        cenacle_mls::wire::Psk::External(_) => SecretBytes::from(epochs.external_psk),
        cenacle_mls::wire::Psk::Resumption { psk_epoch, .. } => member.resumption[&psk_epoch.0].expose().into(),
    }
}

/// The key schedule of §8 from the joiner secret on.
fn schedule(
    suite: &dyn Suite,
    joiner_secret: &JoinerSecret,
    psks: &[(PreSharedKeyId, SecretBytes)],
    context: &GroupContext,
    confirmed: &Stolen,
    gone: &mut Vec<Named>,
) {
    gone.push(Named::new("joiner_secret", joiner_secret.0.expose()));
    let psk_secret = psk_secret(suite, psks).unwrap();
    gone.push(Named::new("psk_secret", psk_secret.0.expose()));
    let member_secret = joiner_secret.member_secret(suite, &psk_secret);
    gone.push(Named::new("the secret after PSKs", member_secret.0.expose()));
    gone.push(Named::new("welcome_secret", member_secret.welcome_secret(suite).unwrap().0.expose()));
    let (key, nonce) = member_secret.welcome_secret(suite).unwrap().key_and_nonce(suite).unwrap();
    gone.push(Named::new("welcome_key", key.expose()));
    gone.push(Named::new("welcome_nonce", nonce.expose()));
    let encoded = context.to_bytes().unwrap();
    let epoch_secret = expand_with_label(suite, &member_secret.0, "epoch", &encoded, suite.hash_length()).unwrap();
    gone.push(Named::new("epoch_secret", epoch_secret.expose()));
    gone.push(Named::new("confirmation_key", derive_secret(suite, &epoch_secret, "confirm").unwrap().expose()));
    let init_secret = derive_secret(suite, &epoch_secret, "init").unwrap();
    assert!(
        init_secret.ct_eq(&confirmed.secrets.as_ref().unwrap().init_secret.0),
        "derived otherwise than the group did"
    );
}

/// The path secrets of §7.4 with what is derived of them, from the lowest that anyone can decrypt; the commit secret.
fn path_secrets(
    suite: &dyn Suite,
    members: &[&Stolen],
    path: &UpdatePath,
    epochs: Epochs<'_>,
    gone: &mut Vec<Named>,
) -> Secret {
    let provisional =
        GroupContext { confirmed_transcript_hash: epochs.before.confirmed_transcript_hash, ..epochs.after.clone() };
    let context = EncryptContext::new(suite, "UpdatePathNode", &provisional.to_bytes().unwrap()).unwrap();
    let keys: Vec<&HpkeSecretKey> =
        members.iter().flat_map(|member| member.private.values().chain(&member.update_keys)).collect();
    let decrypt = |(node, ciphertexts): (usize, &cenacle_mls::wire::UpdatePathNode)| {
        let ciphertexts = ciphertexts.encrypted_path_secret.iter();
        let mut pairs = ciphertexts.flat_map(|ciphertext| keys.iter().map(move |key| (ciphertext, key)));
        pairs.find_map(|(ciphertext, key)| Some((node, context.decrypt(suite, key, ciphertext).ok()?)))
    };
    let (lowest, opened) = path.nodes.iter().enumerate().find_map(decrypt).expect("someone can decrypt");
    let mut secret = Secret::from_slice(opened.expose()).unwrap();
    for (node, public) in path.nodes.iter().enumerate().skip(lowest) {
        gone.push(Named::new(format!("path_secret[{node}]"), secret.expose()));
        let node_secret = derive_secret(suite, &secret, "node").unwrap();
        gone.push(Named::new(format!("node_secret[{node}]"), node_secret.expose()));
        let (_, derived) = suite.kem_derive_key_pair(node_secret.expose()).unwrap();
        assert_eq!(derived, public.encryption_key);
        secret = derive_secret(suite, &secret, "path").unwrap();
    }
    secret
}
