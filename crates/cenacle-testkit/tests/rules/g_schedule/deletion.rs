//! Secrets that are gone once they were used (RFC 9420 §7.5, §9.2, §10, §12.4.2, §14): no row of a member's store holds them,
//! and what is in memory is what the store holds. The forge forgets nothing, and so knows what to look for. The memory of a
//! process, and the files of a database byte by byte, are searched by tests of their own.

use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    group::Received,
    wire::Proposal as MlsProposal,
};

use crate::common::*;

/// Whether anything that `name` has stored holds these bytes.
fn holds(trial: &Trial, name: &str, secret: &[u8]) -> bool {
    assert!(secret.len() >= 12, "too short to be looked for");
    let person = trial.world.at(name);
    person.assert_stored();
    let rows = person.disk.snapshot();
    rows.rows().any(|(_, row)| row.expose().windows(secret.len()).any(|window| window == secret))
}

#[track_caller]
fn assert_kept(trial: &Trial, name: &str, secrets: &[(&str, &[u8])]) {
    for (what, secret) in secrets {
        assert!(holds(trial, name, secret), "{name} should still have the {what}");
    }
}

#[track_caller]
fn assert_gone(trial: &Trial, name: &str, secrets: &[(&str, &[u8])]) {
    for (what, secret) in secrets {
        assert!(!holds(trial, name, secret), "{name} still has the {what}");
    }
}

/// The secrets of the nodes from the root of a secret tree down to a leaf, in trees of four leaves, and of its siblings.
fn secrets_above(alice: &Insider, leaf: u32) -> ([Vec<u8>; 3], [Vec<u8>; 2]) {
    let suite = &*alice.suite;
    let child = |secret: &[u8], right: bool| {
        crypto::expand_with_label(suite, secret, "tree", if right { b"right" } else { b"left" }, 32)
    };
    let root = alice.epoch.encryption_secret.clone();
    let [inner, other_inner] = [leaf >= 2, leaf < 2].map(|right| child(&root, right));
    let [own, sibling] = [leaf % 2 == 1, leaf.is_multiple_of(2)].map(|right| child(&inner, right));
    ([root, inner, own], [other_inner, sibling])
}

fn rows(trial: &Trial, name: &str, table: Table) -> Vec<Vec<u8>> {
    let person = trial.world.at(name);
    let rows = person.disk.rows(&RowKey::of_group(table, &trial.world.group_id)).unwrap();
    rows.into_iter().map(|(_, row)| row.expose().to_vec()).collect()
}

/// §9.2: The secrets that an epoch is derived from are gone once it has begun.
#[test]
fn r169_secrets_of_the_schedule() {
    let mut trial = Trial::new(169);
    let suite = trial.alice.suite.clone();
    let id = trial.shared_psk(b"known");
    let id = trial.alice.psk_id(id);
    let psk_secret = trial.alice.clone();
    let psk_secret = schedule::psk_secret(&*suite, &[(id.clone(), psk_secret.psks[&id.psk].clone())]);
    let commit_secret = core::cell::RefCell::new(Vec::new());
    let plan = Plan::commit().with([Proposal::PreSharedKey(id)]).path_keys(|keys| {
        *commit_secret.borrow_mut() = crypto::derive_secret(&*suite, &keys.last().unwrap().path_secret, "path");
    });
    let twin = trial.alice.make(plan);
    trial.passes(&twin);
    let epoch = trial.alice.epoch.clone();
    let member_secret = crypto::extract(&*suite, &epoch.joiner_secret, &psk_secret);
    let context = trial.alice.context.bytes();
    let epoch_secret = crypto::expand_with_label(&*suite, &member_secret, "epoch", &context, 32);
    assert_eq!(crypto::derive_secret(&*suite, &epoch_secret, "init"), epoch.init_secret);
    let gone = [
        ("commit secret", &commit_secret.borrow()[..]),
        ("joiner secret", &epoch.joiner_secret),
        ("PSK secret", &psk_secret),
        ("member secret", &member_secret),
        ("welcome secret", &epoch.welcome_secret),
        ("epoch secret", &epoch_secret),
        ("confirmation key", &epoch.confirmation_key),
    ];
    assert_gone(&trial, "bob", &gone);
    let kept = [("init secret", &epoch.init_secret[..]), ("encryption secret", &epoch.encryption_secret)];
    assert_kept(&trial, "bob", &kept);
    // The encryption secret goes with the first message.
    let message = trial.alice.make(Plan::application(b"first"));
    trial.passes(&message);
    assert_gone(&trial, "bob", &[("encryption secret", &epoch.encryption_secret)]);
    trial.goes_on();
}

/// §9.2: The init secret is gone once the epoch after has begun.
#[test]
fn r170_init_secret() {
    let mut trial = Trial::new(170);
    let before = trial.alice.epoch.init_secret.clone();
    assert_kept(&trial, "bob", &[("init secret", &before)]);
    for _ in 0..2 {
        trial.goes_on();
        ["bob", "carol", "dave"].iter().for_each(|name| assert_gone(&trial, name, &[("init secret", &before)]));
    }
}

/// §9.2: The secrets of nodes above a leaf are gone once the leaf's are derived.
#[test]
fn r171_nodes_of_the_secret_tree() {
    let mut trial = Trial::new(171);
    trial.goes_on();
    let (path, siblings) = secrets_above(&trial.alice, 0);
    assert_kept(&trial, "bob", &[("root", &path[0])]);
    let message = trial.alice.make(Plan::application(b"first"));
    trial.passes(&message);
    for name in ["bob", "carol"] {
        assert_gone(&trial, name, &[("root", &path[0]), ("inner node", &path[1]), ("leaf", &path[2])]);
        assert_kept(&trial, name, &[("other half", &siblings[0]), ("sibling", &siblings[1])]);
    }
    let message = trial.world.protect("dave", b"first");
    trial.deliver(&message);
    let (path, siblings) = secrets_above(&trial.alice, 3);
    assert_gone(&trial, "bob", &[("other half", &path[1]), ("Dave's leaf", &path[2])]);
    assert_kept(&trial, "bob", &[("Carol's leaf", &siblings[1])]);
    trial.goes_on();
}

/// The secrets of Alice's application ratchet, and the keys and nonces, up to a generation.
fn ratchet(alice: &Insider, generations: u32) -> Vec<[Vec<u8>; 3]> {
    let (first, mut secret) = alice.secret_tree.head(&*alice.suite, 0, Ratchet::Application);
    (first..generations)
        .map(|generation| {
            let (key, nonce) = alice.secret_tree.key(&*alice.suite, 0, Ratchet::Application, generation);
            let next = crypto::expand_with_label(&*alice.suite, &secret, "secret", &generation.bytes(), 32);
            [core::mem::replace(&mut secret, next), key, nonce]
        })
        .collect()
}

/// §9.2: The secrets of a ratchet are gone up to where it stands.
#[test]
fn r172_ratchet_secrets() {
    let mut trial = Trial::new(172);
    for generation in [0, 3, 4] {
        let message = trial.alice.make(Plan::application(b"data").generation(generation));
        trial.passes(&message);
        let secrets = ratchet(&trial.alice, generation + 2);
        let (next, used) = secrets.split_last().unwrap();
        for [secret, ..] in used {
            assert_gone(&trial, "bob", &[("ratchet secret", secret)]);
        }
        assert_kept(&trial, "bob", &[("next ratchet secret", &next[0])]);
    }
    trial.goes_on();
}

/// §9.2: A message's key and nonce are gone once it was read, and not before.
#[test]
fn r173_message_keys() {
    let mut trial = Trial::new(173);
    let secrets = ratchet(&trial.alice, 4);
    let late = trial.alice.make(Plan::application(b"late").generation(1));
    let last = trial.alice.make(Plan::application(b"last").generation(3));
    let of = |generation: usize| [("key", &secrets[generation][1][..]), ("nonce", &secrets[generation][2][..])];
    trial.passes(&last);
    assert_gone(&trial, "bob", &of(3));
    (0..3).for_each(|skipped| assert_kept(&trial, "bob", &of(skipped)));
    let mut tampered = late.bytes.clone();
    *tampered.last_mut().unwrap() ^= 1;
    trial.refuses(&tampered, What::Ciphertext);
    assert_kept(&trial, "bob", &of(1));
    trial.passes(&late);
    assert_gone(&trial, "bob", &of(1));
    assert_kept(&trial, "bob", &of(2));
    trial.goes_on();
}

/// §7.5: Path secrets and node secrets are gone once the keys are derived, and only the keys above oneself are kept.
#[test]
fn r174_path_secrets() {
    let mut trial = Trial::new(174);
    let suite = trial.alice.suite.clone();
    let seen = core::cell::RefCell::new(Vec::new());
    let twin = trial.alice.make(Plan::commit().path_keys(|keys| seen.borrow_mut().clone_from(keys)));
    trial.passes(&twin);
    let keys = seen.into_inner();
    for PathKey { path_secret, public_key, .. } in &keys {
        let node_secret = crypto::derive_secret(&*suite, path_secret, "node");
        let private = &trial.alice.keys[public_key];
        for name in ["bob", "carol", "dave"] {
            assert_gone(&trial, name, &[("path secret", path_secret), ("node secret", &node_secret)]);
        }
        assert_kept(&trial, "bob", &[("private key", private)]);
    }
    assert_gone(&trial, "carol", &[("private key of the other half", &trial.alice.keys[&keys[0].public_key])]);
    trial.goes_on();
}

/// §7.5: Private keys of nodes are gone once others replace them.
#[test]
fn r175_replaced_private_keys() {
    let mut trial = Trial::new(175);
    for name in ["bob", "carol", "dave"] {
        let before = rows(&trial, name, Table::TREE_PRIVATE);
        assert_eq!(before.len(), 3, "a leaf and the two nodes above");
        let (others, own) = (trial.alice.make(Plan::commit()), name);
        trial.passes(&others);
        trial.commit(own, |commit| commit.with_path());
        for key in &before {
            assert_gone(&trial, name, &[("replaced private key", key)]);
        }
    }
    trial.goes_on();
}

/// §12.4.2: The private key of an Update that was not committed is gone with its epoch.
#[test]
fn r176_key_of_an_update_that_lost() {
    let mut trial = Trial::new(176);
    let update = trial.step("bob", |group, rng| group.propose_update(rng));
    let kept = rows(&trial, "bob", Table::UPDATE_KEY);
    assert!(kept.len() == 1 && !update.is_empty());
    let waiting = trial.world.at("bob").group().proposals().next().map(|(_, _, proposal)| proposal.clone());
    assert!(matches!(waiting, Some(MlsProposal::Update(_))));
    // Alice commits without it.
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
    assert!(rows(&trial, "bob", Table::UPDATE_KEY).is_empty());
    assert_gone(&trial, "bob", &[("key of the Update", &kept[0])]);
}

/// The init key and the leaf key of the only key package that somebody has, as the store has them.
fn private_keys(trial: &Trial, name: &str) -> Vec<u8> {
    let rows = trial.world.at(name).disk.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).unwrap();
    let own = cenacle_mls::group::OwnKeyPackage::from_bytes(rows[0].1.expose()).unwrap();
    [own.init_key().0.expose(), own.leaf_key().0.expose()].concat()
}

/// §10, §12.4.3.1: The private init key is gone once the group is joined, and the key package is good for nothing more.
#[test]
fn r177_init_key() {
    let mut trial = Trial::new(177);
    let erin = trial.newcomer("erin");
    let keys = private_keys(&trial, "erin");
    assert_kept(&trial, "erin", &[("init key", &keys[..32])]);
    let early = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &early);
    assert_gone(&trial, "erin", &[("init key", &keys[..32])]);
    let mut other = Insider::nobody(&trial.alice.suite, "mallory", 177).founds(b"another");
    let again = other.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.refuses_welcome("erin", again.welcome(), Error::Missing(Need::KeyPackage));
    let package = trial.key_package("erin");
    let twin = other.make(Plan::commit().with([Proposal::add(&package)]));
    trial.moves(&["erin"], &twin);
}

/// §10: The private leaf key of a key package is the group's alone once it is joined, and gone with its leaf.
#[test]
fn r178_leaf_key() {
    let mut trial = Trial::new(178);
    let erin = trial.newcomer("erin");
    let keys = private_keys(&trial, "erin");
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
    let packages = trial.world.at("erin").disk.rows(&RowKey::new(Table::KEY_PACKAGE, Vec::new())).unwrap();
    assert!(packages.is_empty());
    assert_kept(&trial, "erin", &[("leaf key", &keys[32..])]);
    trial.commit("erin", |commit| commit.with_path());
    assert_gone(&trial, "erin", &[("leaf key", &keys[32..])]);
}

/// §14: Nothing is kept of epochs that never began.
#[test]
fn r179_states_of_refused_commits() {
    let mut trial = Trial::new(179);
    let before = trial.world.at("bob").visible();
    let mut never = Vec::new();
    for _ in 0..20 {
        let bad = trial.alice.make(Plan::commit().auth(|auth| auth.confirmation_tag.as_mut().unwrap()[3] ^= 1));
        trial.refuses(&bad, What::ConfirmationTag);
        never.push(bad.next().insider.epoch.init_secret.clone());
    }
    trial.assert_untouched("bob", &before);
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
    never.iter().for_each(|secret| assert_gone(&trial, "bob", &[("init secret of an epoch that never began", secret)]));
}

/// §12.4.2: Whoever is removed keeps none of the group's secrets.
#[test]
fn r180_secrets_of_the_removed() {
    let mut trial = Trial::new(180);
    let message = trial.alice.make(Plan::application(b"data").generation(2));
    trial.passes(&message);
    trial.goes_on();
    let epoch = trial.alice.epoch.clone();
    let (path, _) = secrets_above(&trial.alice, 0);
    let private = rows(&trial, "dave", Table::TREE_PRIVATE);
    assert_kept(&trial, "dave", &[("init secret", &epoch.init_secret), ("root of the secret tree", &path[0])]);
    let dave = trial.leaf("dave");
    let twin = trial.alice.make(Plan::commit().with([Proposal::Remove(dave)]));
    assert!(matches!(trial.receive("dave", &twin.bytes), Ok(Received::Removed(_))));
    let tables = [
        Table::EPOCH,
        Table::SECRET_TREE,
        Table::RATCHET,
        Table::SKIPPED_KEY,
        Table::TREE_PRIVATE,
        Table::RESUMPTION_PSK,
        Table::PAST_EPOCH,
        Table::UPDATE_KEY,
        Table::PENDING_COMMIT,
    ];
    assert!(tables.into_iter().all(|table| rows(&trial, "dave", table).is_empty()));
    let secrets = [
        ("init secret", &epoch.init_secret),
        ("sender data secret", &epoch.sender_data_secret),
        ("exporter secret", &epoch.exporter_secret),
        ("membership key", &epoch.membership_key),
        ("resumption PSK", &epoch.resumption_psk),
        ("encryption secret", &epoch.encryption_secret),
    ];
    secrets.iter().for_each(|(what, secret)| assert_gone(&trial, "dave", &[(what, secret)]));
    private.iter().for_each(|key| assert_gone(&trial, "dave", &[("private key", key)]));
    trial.accepts(&twin);
}
