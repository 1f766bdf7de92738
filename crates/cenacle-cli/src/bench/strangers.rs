//! Groups of any size at no great cost: all members but two are strangers, of whom only the leaves exist. Nobody made
//! the group's epoch, so its secrets are unknown; whoever comes in by an external commit begins one that is real.

use alloc::sync::Arc;

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{CryptoError, HpkePublicKey, Rng, Signature, Signer, Suite, labeled::sign_with_label};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    tree::{RatchetTree, TreeEdit},
    wire::{
        Credential, Epoch, Extension, ExtensionType, Extensions, ExternalPub, GroupContext, GroupId, GroupInfo,
        GroupInfoTbs, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, MlsMessage, ProtocolVersion,
    },
};

use super::{
    BenchError, Tree,
    scene::{GROUP, sample_leaf},
};

/// How often the progress is told.
const TOLD_EVERY: u32 = 1_000;

/// One of the strangers, while the tree is built.
struct Stranger {
    index: LeafIndex,
    signer: Box<dyn Signer>,
    leaf: LeafNode,
}

impl Stranger {
    /// Its leaf with this key, signed.
    fn sign(&self, encryption_key: HpkePublicKey, source: LeafNodeSource) -> Result<LeafNode, CryptoError> {
        let mut leaf = LeafNode { encryption_key, source, ..self.leaf.clone() };
        let tbs = LeafNodeTbs { leaf: &leaf, position: Some((&GroupId::from(GROUP), self.index)) }.to_bytes()?;
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs)?;
        Ok(leaf)
    }
}

fn random(length: usize) -> Result<Vec<u8>, CryptoError> {
    let mut bytes = vec![0; length];
    SystemRng.fill(&mut bytes)?;
    Ok(bytes)
}

fn random_public_key(suite: &dyn Suite) -> Result<HpkePublicKey, CryptoError> {
    suite.kem_derive_key_pair(&random(suite.kem_secret_key_length())?).map(|(_, public)| public)
}

/// A group of `count` strangers, as the bytes of an MLSMessage(GroupInfo) with its tree, for two members to come into by
/// external commits: the first takes the leaf at 0, the second the leaf after the strangers. In a warm tree both commits
/// fill the parents that are still blank. `say` is told how far it is.
///
/// # Errors
/// When there is no stranger, or more than a tree holds; when the provider fails.
pub fn group_of_strangers(
    suite: &Arc<dyn Suite>,
    count: u32,
    tree: Tree,
    say: &dyn Fn(String),
) -> Result<Vec<u8>, BenchError> {
    // What a real client puts into its leaves.
    let template = sample_leaf(suite)?;
    let suite = &**suite;
    let alone = RatchetTree::new(&template, suite)?;
    let mut edit = alone.edit(suite);
    let (mut signer, mut committers) = (None, Vec::new());
    for number in 1..=count {
        if number % TOLD_EVERY == 0 {
            say(format!("{number} members have their leaves"));
        }
        let (secret, signature_key) = suite.signature_key_pair(&mut SystemRng)?;
        let credential = Credential::Basic(format!("member {number}").into_bytes().into());
        let leaf = LeafNode { signature_key, credential, ..template.clone() };
        let stranger = Stranger { index: LeafIndex(number), signer: suite.signer(&secret)?, leaf };
        edit.add(&stranger.sign(random_public_key(suite)?, template.source.clone())?)?;
        if number == 1 {
            signer = Some(stranger);
        } else if tree == Tree::Warm && number % 2 == 0 {
            committers.push(stranger);
        }
    }
    edit.remove(LeafIndex(0))?;
    fill(&mut edit, &committers, say)?;
    let signer = signer.ok_or_else(|| BenchError::other("a group of nobody"))?;
    let info = describe(suite, &edit.seal()?, &signer)?;
    Ok(MlsMessage::from(info).to_bytes()?)
}

/// Gives every parent a key that has members below both its children: each committer puts fresh keys on its path, from
/// left to right, and tells nobody.
fn fill(edit: &mut TreeEdit<'_>, committers: &[Stranger], say: &dyn Fn(String)) -> Result<(), BenchError> {
    for (done, committer) in committers.iter().enumerate() {
        if done % TOLD_EVERY as usize == 0 {
            say(format!("{done} members have committed"));
        }
        let mut make_leaf = |key, parent_hash| Ok(committer.sign(key, LeafNodeSource::Commit { parent_hash })?);
        drop(edit.draft_path(committer.index, &mut make_leaf, &mut SystemRng)?);
    }
    Ok(())
}

/// The GroupInfo of an epoch that nobody is in: its secrets are random.
fn describe(suite: &dyn Suite, tree: &RatchetTree, signer: &Stranger) -> Result<GroupInfo, BenchError> {
    let external = ExternalPub { external_pub: random_public_key(suite)? };
    let extension = |extension_type, data: Vec<u8>| Extension { extension_type, extension_data: data.into() };
    let group_context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.cipher_suite(),
        group_id: GROUP.into(),
        epoch: Epoch(tree.member_count().into()),
        tree_hash: *tree.tree_hash(),
        confirmed_transcript_hash: suite.hash(&[&random(suite.hash_length())?]),
        extensions: Extensions::default(),
    };
    let mut info = GroupInfo {
        group_context,
        extensions: Extensions(vec![
            extension(ExtensionType::RATCHET_TREE, tree.to_bytes()?),
            extension(ExtensionType::EXTERNAL_PUB, external.to_bytes()?),
        ]),
        confirmation_tag: suite.hash(&[&random(suite.hash_length())?]),
        signer: signer.index,
        signature: Signature(Opaque::EMPTY),
    };
    info.signature = sign_with_label(&*signer.signer, "GroupInfoTBS", &GroupInfoTbs(&info).to_bytes()?)?;
    Ok(info)
}
