//! The forge against the official vectors of what it computes by itself: key schedule, PSKs, secret tree, trees. They are
//! read as the program's own tests read them: from `CENACLE_VECTORS`, or from `shared/vectors` beside the workspace.

use alloc::sync::Arc;
use std::{env, fs, path::PathBuf};

use cenacle_crypto::{CipherSuite, CryptoProvider as _, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_testkit::forge::{
    Epoch, GroupContext, PreSharedKeyId, Proposal, Psk, Ratchet, SecretTree, Tree, Wire as _,
    crypto::{derive_key_pair, derive_secret, expand_with_label, hash},
    schedule::{joiner_secret, psk_secret},
};
use serde_json::Value;

/// The vectors of a file for the suites at hand, with their suites. None where there are no vectors.
fn vectors(name: &str) -> Vec<(Arc<dyn Suite>, Value)> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = env::var_os("CENACLE_VECTORS").map_or_else(beside, PathBuf::from);
    if !folder.is_dir() {
        assert_ne!(env::var("CI").as_deref(), Ok("true"), "no official vectors");
        eprintln!("the forge was not compared with official vectors: {} is not a directory", folder.display());
        return Vec::new();
    }
    let text = fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    let Value::Array(all) = serde_json::from_str(&text).unwrap() else { panic!("{name} is a list") };
    let suite = |vector: &Value| {
        let number = vector["cipher_suite"].as_u64().unwrap();
        AwsLcProvider.suite(CipherSuite(u16::try_from(number).unwrap()))
    };
    let at_hand: Vec<_> = all.into_iter().filter_map(|vector| Some((suite(&vector)?, vector))).collect();
    assert!(!at_hand.is_empty(), "{name} has vectors of our suites");
    at_hand
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn key_schedule() {
    for (suite, vector) in vectors("key-schedule") {
        let suite = &*suite;
        let mut init_secret = bytes(&vector["initial_init_secret"]);
        for (epoch, of) in (0..).zip(list(&vector["epochs"])) {
            let context = GroupContext {
                version: 1,
                cipher_suite: suite.cipher_suite().0,
                group_id: bytes(&vector["group_id"]),
                epoch,
                tree_hash: bytes(&of["tree_hash"]),
                confirmed_transcript_hash: bytes(&of["confirmed_transcript_hash"]),
                extensions: Vec::new(),
            };
            assert_eq!(context.bytes(), bytes(&of["group_context"]));
            let joiner = joiner_secret(suite, &init_secret, &bytes(&of["commit_secret"]), &context);
            let secrets = Epoch::new(suite, &joiner, &bytes(&of["psk_secret"]), &context);
            let external_pub = derive_key_pair(suite, &secrets.external_secret).1;
            let exporter = &of["exporter"];
            let exported = {
                let secret = derive_secret(suite, &secrets.exporter_secret, exporter["label"].as_str().unwrap());
                let (context, length) = (hash(suite, &bytes(&exporter["context"])), number(&exporter["length"]));
                expand_with_label(suite, &secret, "exported", &context, usize::try_from(length).unwrap())
            };
            for (name, found) in [
                ("joiner_secret", &secrets.joiner_secret),
                ("welcome_secret", &secrets.welcome_secret),
                ("sender_data_secret", &secrets.sender_data_secret),
                ("encryption_secret", &secrets.encryption_secret),
                ("exporter_secret", &secrets.exporter_secret),
                ("external_secret", &secrets.external_secret),
                ("confirmation_key", &secrets.confirmation_key),
                ("membership_key", &secrets.membership_key),
                ("resumption_psk", &secrets.resumption_psk),
                ("epoch_authenticator", &secrets.epoch_authenticator),
                ("init_secret", &secrets.init_secret),
                ("external_pub", &external_pub),
            ] {
                assert_eq!(*found, bytes(&of[name]), "{name}");
            }
            assert_eq!(exported, bytes(&exporter["secret"]));
            init_secret = secrets.init_secret;
        }
    }
}

#[test]
fn psks() {
    for (suite, vector) in vectors("psk_secret") {
        let psk = |psk: &Value| {
            let id = Psk::External(bytes(&psk["psk_id"]));
            (PreSharedKeyId { psk: id, psk_nonce: bytes(&psk["psk_nonce"]) }, bytes(&psk["psk"]))
        };
        let psks: Vec<_> = list(&vector["psks"]).iter().map(psk).collect();
        assert_eq!(psk_secret(&*suite, &psks), bytes(&vector["psk_secret"]));
    }
}

#[test]
fn secret_tree() {
    for (suite, vector) in vectors("secret-tree") {
        let suite = &*suite;
        let about = &vector["sender_data"];
        let epoch = Epoch { sender_data_secret: bytes(&about["sender_data_secret"]), ..Epoch::default() };
        let expected = (bytes(&about["key"]), bytes(&about["nonce"]));
        assert_eq!(epoch.sender_data_key(suite, &bytes(&about["ciphertext"])), expected);
        let leaves = list(&vector["leaves"]);
        let root = u32::try_from(leaves.len()).unwrap() - 1;
        let tree = SecretTree::new(root, &bytes(&vector["encryption_secret"]));
        for (leaf, generations) in (0..).zip(leaves) {
            for key in list(generations) {
                for (name, ratchet) in [("handshake", Ratchet::Handshake), ("application", Ratchet::Application)] {
                    let expected = (bytes(&key[format!("{name}_key")]), bytes(&key[format!("{name}_nonce")]));
                    assert_eq!(tree.key(suite, leaf, ratchet, number(&key["generation"])), expected);
                }
            }
        }
    }
}

#[test]
fn tree_operations() {
    for (suite, vector) in vectors("tree-operations") {
        let mut tree = Tree::from_extension(&bytes(&vector["tree_before"]));
        assert_eq!(tree.tree_hash(&*suite), bytes(&vector["tree_hash_before"]));
        match Proposal::parse(&bytes(&vector["proposal"])) {
            Proposal::Add(key_package) => drop(tree.add(key_package.leaf_node)),
            Proposal::Update(leaf) => tree.update(number(&vector["proposal_sender"]), *leaf),
            Proposal::Remove(removed) => tree.remove(removed),
            other => panic!("{other:?} changes no tree"),
        }
        assert_eq!(tree.extension_data(), bytes(&vector["tree_after"]));
        assert_eq!(tree.tree_hash(&*suite), bytes(&vector["tree_hash_after"]));
    }
}

#[test]
fn trees() {
    for (suite, vector) in vectors("tree-validation") {
        let tree = Tree::from_extension(&bytes(&vector["tree"]));
        assert_eq!(tree.extension_data(), bytes(&vector["tree"]));
        let hashes = list(&vector["tree_hashes"]).iter().zip(list(&vector["resolutions"]));
        for (node, (hash, resolution)) in (0..).zip(hashes) {
            assert_eq!(tree.subtree_hash(&*suite, node, &[]), bytes(hash));
            assert_eq!(tree.resolution(node), list(resolution).iter().map(number).collect::<Vec<_>>());
        }
        // Each parent's hash is what exactly one node below it states.
        for parent in tree.parents() {
            let (left, right) = cenacle_testkit::forge::tree::children(parent);
            let chains = [(left, right), (right, left)].into_iter().filter(|(child, sibling)| {
                let expected = tree.parent_hash(&*suite, parent, *sibling);
                tree.resolution(*child).iter().any(|node| tree.stated_parent_hash(*node) == expected)
            });
            assert_eq!(chains.count(), 1);
        }
    }
}
