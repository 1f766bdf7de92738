//! What it costs to look at trees and lists that somebody made to be expensive. No count may grow faster than n log n, where
//! n is how many leaves or items there are: three sizes of each shape are compared. Shapes are as valid as they can be, so that
//! nothing ends the work before it is done.

use cenacle_codec::{Decode, Encode, Opaque};
use cenacle_crypto::{Digest, HpkePublicKey, Signer, Suite, labeled::sign_with_label};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error,
    tree::{LeafCheck, RatchetTree, TreeEdit},
    wire::{
        Capabilities, Commit, Content, Credential, CredentialType, Extension, ExtensionType, Extensions, ExternalInit,
        FramedContent, FramedContentAuthData, GroupId, LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, MlsMessage,
        Node, PreSharedKey, PreSharedKeyId, Proposal, ProposalOrRef, ProposalRef, ProposalType, Psk, PublicMessage,
        Remove, Sender, UpdatePath, UpdatePathNode, WireFormat, WireTree,
    },
};
use cenacle_testkit::tapped::Tapped;

use crate::{
    alone,
    figures::{Figure, Figures, Meter},
    members::{Pair, inputs, key_package, plain_suite},
};

const GROUP: &[u8] = b"hostile";

/// A member of a tree that is being built.
struct Stranger {
    signer: Box<dyn Signer>,
    leaf: LeafNode,
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    cenacle_crypto::Rng::fill(&mut SystemRng, &mut bytes).unwrap();
    bytes
}

impl Stranger {
    fn new(suite: &dyn Suite, number: u32, change: &dyn Fn(u32, &mut LeafNode)) -> Self {
        let (secret, signature_key) = suite.signature_key_pair(&mut SystemRng).unwrap();
        let mut leaf = key_package().leaf_node;
        leaf.signature_key = signature_key;
        leaf.credential = Credential::Basic(number.to_be_bytes()[..].into());
        change(number, &mut leaf);
        Self { signer: suite.signer(&secret).unwrap(), leaf }
    }

    fn signed(&self, index: LeafIndex, key: HpkePublicKey, source: LeafNodeSource) -> LeafNode {
        let mut leaf = LeafNode { encryption_key: key, source, ..self.leaf.clone() };
        let tbs = LeafNodeTbs { leaf: &leaf, position: Some((&GroupId::from(GROUP), index)) }.to_bytes().unwrap();
        leaf.signature = sign_with_label(&*self.signer, "LeafNodeTBS", &tbs).unwrap();
        leaf
    }
}

fn public_key(suite: &dyn Suite) -> HpkePublicKey {
    suite.kem_derive_key_pair(&random(suite.kem_secret_key_length())).unwrap().1
}

/// Adds a member; gives it back with its place.
fn add(edit: &mut TreeEdit<'_>, suite: &dyn Suite, stranger: Stranger) -> (LeafIndex, Stranger) {
    let index = edit.reserve().unwrap();
    let leaf = stranger.signed(index, public_key(suite), stranger.leaf.source.clone());
    assert_eq!(edit.add(&leaf).unwrap(), index);
    (index, stranger)
}

fn commit(edit: &mut TreeEdit<'_>, (index, stranger): &(LeafIndex, Stranger)) {
    let mut leaf = |key, parent_hash: Digest| Ok(stranger.signed(*index, key, LeafNodeSource::Commit { parent_hash }));
    drop(edit.draft_path(*index, &mut leaf, &mut SystemRng).unwrap());
}

/// A group of `n` that was made at once: no parent has a key.
fn fresh(n: u32, change: &dyn Fn(u32, &mut LeafNode)) -> WireTree {
    let suite = plain_suite();
    let first = Stranger::new(&*suite, 0, change);
    let leaf = first.signed(LeafIndex(0), public_key(&*suite), first.leaf.source.clone());
    let alone = RatchetTree::new(&leaf, &*suite).unwrap();
    let mut edit = alone.edit(&*suite);
    for number in 1..n {
        add(&mut edit, &*suite, Stranger::new(&*suite, number, change));
    }
    edit.seal().unwrap().to_wire().unwrap()
}

fn as_it_is(_: u32, _: &mut LeafNode) {}

/// Every parent above two has a key and lists half of the leaves below it as unmerged: the odd leaves were away while the
/// even ones committed, and came back.
fn unmerged(n: u32) -> WireTree {
    let suite = plain_suite();
    let first = Stranger::new(&*suite, 0, &as_it_is);
    let leaf = first.signed(LeafIndex(0), public_key(&*suite), first.leaf.source.clone());
    let alone = RatchetTree::new(&leaf, &*suite).unwrap();
    let mut edit = alone.edit(&*suite);
    let mut members = vec![(LeafIndex(0), first)];
    members.extend((1..n).map(|number| add(&mut edit, &*suite, Stranger::new(&*suite, number, &as_it_is))));
    for (index, _) in members.iter().filter(|(index, _)| index.0 % 2 == 1 && index.0 != n - 1) {
        edit.remove(*index).unwrap();
    }
    members.iter().filter(|(index, _)| index.0 % 2 == 0).for_each(|member| commit(&mut edit, member));
    for number in 0..n / 2 - 1 {
        add(&mut edit, &*suite, Stranger::new(&*suite, n + number, &as_it_is));
    }
    let tree = edit.seal().unwrap();
    assert_eq!(tree.member_count(), n);
    let root = tree.parent(tree.root()).unwrap();
    assert_eq!(root.unmerged_leaves.len(), usize::try_from(n / 2 - 1).unwrap());
    tree.to_wire().unwrap()
}

/// One member in the last of so many leaves.
fn blank(n: u32) -> WireTree {
    let nodes = fresh(1, &as_it_is).nodes().next().unwrap();
    let blanks = (0..2 * n - 2).map(|_| None::<Node>);
    WireTree::new(&blanks.chain([nodes]).collect::<Vec<_>>()).unwrap()
}

/// A leaf that lists as much as fits its kinds of lists.
fn lists(n: u32) -> impl Fn(u32, &mut LeafNode) {
    move |_, leaf| {
        let numbers = || (0..u16::try_from(n).unwrap()).rev().map(|number| number.wrapping_add(0x1000));
        let Capabilities { extensions, proposals, credentials, .. } = &mut leaf.capabilities;
        extensions.extend(numbers().map(ExtensionType));
        proposals.extend(numbers().map(ProposalType));
        credentials.extend(numbers().map(CredentialType));
        let empty = |number| Extension { extension_type: ExtensionType(number), extension_data: Opaque::EMPTY };
        leaf.extensions = Extensions(numbers().map(empty).collect());
    }
}

/// What it takes to build and validate a tree.
fn look_at(tree: &WireTree) -> Figures {
    let meter = Meter::new();
    let suite = Tapped::new(plain_suite(), meter.clone());
    let bytes = tree.to_bytes().unwrap();
    let group_id = GroupId::from(GROUP);
    let check = LeafCheck { group_id: Some(&group_id), ..LeafCheck::alone(&suite, None, u64::MAX) };
    let (outcome, figures) = meter.measure(|| {
        let tree = RatchetTree::from_wire(&WireTree::from_bytes(&bytes)?, &suite)?;
        tree.validate(&check)
    });
    assert_eq!(outcome, Ok(()), "nothing may end the work early");
    figures
}

/// No count at the larger size is more than n log n allows, and a tenth and a few besides.
fn assert_quasilinear(what: &str, costs: &[(u32, Figures)]) {
    for pair in costs.windows(2) {
        let [(small, at_small), (large, at_large)] = pair else { continue };
        let size = |n: &u32| u64::from(*n) * u64::from(n.ilog2());
        for figure in Figure::ALL {
            let (was, is) = (at_small.of(figure), at_large.of(figure));
            let bound = (was * size(large)).div_ceil(size(small)) * 11 / 10 + 64;
            println!("{what}: {figure:?} {was} at {small}, {is} at {large}, bound {bound}");
            assert!(is <= bound, "{what}: {figure:?} grew from {was} at {small} to {is} at {large}, more than {bound}");
        }
    }
}

#[test]
fn hostile_trees_cost_no_more_than_n_log_n() {
    let _alone = alone();
    type Shape<'a> = (&'a str, [u32; 3], &'a dyn Fn(u32) -> WireTree);
    let shapes: [Shape<'_>; 5] = [
        ("fresh", [64, 256, 1_024], &|n| fresh(n, &as_it_is)),
        ("unmerged", [64, 256, 1_024], &unmerged),
        ("blank", [1 << 10, 1 << 13, 1 << 16], &blank),
        ("lists in one leaf", [1_000, 4_000, 16_000], &|n| fresh(1, &lists(n))),
        ("lists in many leaves", [4, 16, 64], &|n| fresh(n, &lists(200))),
    ];
    for (what, sizes, shape) in shapes {
        let costs = sizes.map(|n| (n, look_at(&shape(n))));
        assert_quasilinear(what, &costs);
    }
}

/// An external commit of whoever likes, signed by its own key, with lists as long as wanted.
fn stranger_commit(pair: &Pair, proposals: Vec<ProposalOrRef>, nodes: Vec<UpdatePathNode>) -> Vec<u8> {
    let suite = plain_suite();
    let context = pair.receiver.group.public().context();
    let stranger = Stranger::new(&*suite, 9, &as_it_is);
    let source = LeafNodeSource::Commit { parent_hash: Digest::EMPTY };
    let leaf_node = stranger.signed(LeafIndex(0), public_key(&*suite), source);
    let init = Proposal::ExternalInit(ExternalInit { kem_output: public_key(&*suite).0.as_slice().into() });
    let proposals = [ProposalOrRef::Proposal(init)].into_iter().chain(proposals).collect();
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender: Sender::NewMemberCommit,
        authenticated_data: Opaque::EMPTY,
        content: Content::Commit(Commit { proposals, path: Some(UpdatePath { leaf_node, nodes }) }),
    };
    let signature =
        cenacle_mls::protect::sign(&*stranger.signer, WireFormat::PUBLIC_MESSAGE, &content, context).unwrap();
    let auth = FramedContentAuthData { signature, confirmation_tag: Digest::from_slice(&[7; 32]) };
    MlsMessage::from(PublicMessage { content, auth, membership_tag: None }).to_bytes().unwrap()
}

#[test]
fn hostile_lists_cost_no_more_than_n_log_n() {
    let _alone = alone();
    let mut pair = Pair::new(64);
    let by_value =
        |proposal: &dyn Fn(u32) -> Proposal, n: u32| (0..n).map(proposal).map(ProposalOrRef::Proposal).collect();
    let psk = |number: u32| {
        let psk_nonce = Opaque::from([&number.to_be_bytes()[..], &[7; 28]].concat());
        let psk = Psk::External(number.to_be_bytes()[..].into());
        Proposal::PreSharedKey(PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce } })
    };
    let custom = |number: u32| Proposal::Custom(ProposalType(0xf001), number.to_be_bytes()[..].into());
    let remove = |number: u32| Proposal::Remove(Remove { removed: LeafIndex(number % 64) });
    let reference = |number: u32| {
        let digest = Digest::from_slice(&[&number.to_be_bytes()[..], &[7; 28]].concat()).unwrap();
        ProposalOrRef::Reference(Box::new(ProposalRef(digest)))
    };
    let node = |ciphertexts| UpdatePathNode {
        encryption_key: public_key(&*plain_suite()),
        encrypted_path_secret: vec![
            cenacle_crypto::HpkeCiphertext {
                kem_output: [7; 32][..].into(),
                ciphertext: [7; 48][..].into()
            };
            ciphertexts
        ],
    };
    type Lists<'a> = (&'a str, &'a dyn Fn(u32) -> (Vec<ProposalOrRef>, Vec<UpdatePathNode>));
    let kinds: [Lists<'_>; 6] = [
        ("psks", &|n| (by_value(&psk, n), Vec::new())),
        ("custom proposals", &|n| (by_value(&custom, n), Vec::new())),
        ("removes", &|n| (by_value(&remove, n), Vec::new())),
        ("references", &|n| ((0..n).map(reference).collect(), Vec::new())),
        ("path nodes", &|n| (Vec::new(), (0..n).map(|_| node(1)).collect())),
        ("ciphertexts", &|n| (Vec::new(), vec![node(usize::try_from(n).unwrap())])),
    ];
    for (what, kind) in kinds {
        let costs = [250, 1_000, 4_000].map(|n| {
            let (proposals, nodes) = kind(n);
            let bytes = stranger_commit(&pair, proposals, nodes);
            let (outcome, figures) = pair.receiver.measure(|receiver| {
                let opened = receiver.group.open(&MlsMessage::from_bytes(&bytes)?)?;
                receiver.group.stage(opened, &inputs()).map(drop)
            });
            let refused = outcome.unwrap_err();
            assert!(!matches!(refused, Error::Decode(_)), "{what}: {refused:?} before any rule could be judged");
            (n, figures)
        });
        assert_quasilinear(what, &costs);
    }
    // The pair goes on as if nothing had been.
    pair.say();
}
