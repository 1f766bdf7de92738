//! What RFC 9420 §7.5, §9.2, §10 and §12.4 want deleted, one by one. Each test brings a member to where a value is consumed
//! and searches it for that value under its name; what may still be kept is there.

use cenacle_codec::Opaque;
use cenacle_testkit::{suspect::Order, world::Provider};

use crate::trial::Trial;

/// A member that has been in the group for a while.
fn member() -> Trial {
    let mut trial = Trial::new(7, Provider::AwsLc, 1);
    trial.be_invited();
    trial.others_commit();
    trial
}

/// Values of these names were searched for.
fn assert_forgotten(trial: &Trial, names: &[&str]) {
    for name in names {
        assert!(trial.bob.searched_for(name) > 0, "no {name} was searched for");
    }
}

#[test]
fn secrets_of_the_key_schedule_are_deleted_when_consumed() {
    let mut trial = member();
    trial.others_commit_with_psk();
    trial.hear();
    // The encryption_secret is the secret of the tree's root.
    let names = ["commit_secret", "joiner_secret", "psk_secret", "epoch_secret", "tree secret of node 3"];
    assert_forgotten(&trial, &names);
}

#[test]
fn the_init_secret_of_the_epoch_before_is_deleted() {
    let mut trial = member();
    let init_secret = trial.rows().secrets.unwrap().init_secret;
    assert!(trial.bob.holds(init_secret.0.expose()));
    trial.others_commit();
    assert!(!trial.bob.holds(init_secret.0.expose()));
    assert_forgotten(&trial, &["init_secret[n-1]"]);
}

#[test]
fn tree_secrets_above_a_leaf_are_deleted_when_it_is_derived() {
    let mut trial = member();
    let undivided = trial.rows().undivided.len();
    trial.hear();
    assert!(trial.rows().undivided.len() > undivided, "those beside the path are kept");
    assert_forgotten(&trial, &["tree secret of node 3", "tree secret of leaf"]);
}

#[test]
fn ratchet_secrets_are_deleted_up_to_the_generation_that_was_used() {
    let mut trial = member();
    let messages = trial.say_to_others("carol", 3);
    trial.hear_one(&messages[2]);
    assert_forgotten(&trial, &["ratchet secret 0", "ratchet secret 1", "ratchet secret 2"]);
    let rows = trial.rows();
    assert!(rows.ratchets.values().any(|(next, secret)| *next == 3 && trial.bob.holds(secret.expose())));
}

#[test]
fn key_and_nonce_are_deleted_after_use_and_skipped_ones_kept() {
    let mut trial = member();
    let messages = trial.say_to_others("carol", 3);
    trial.hear_one(&messages[2]);
    assert_forgotten(&trial, &["application key 2", "application nonce 2"]);
    let rows = trial.rows();
    assert_eq!(rows.skipped.len(), 2);
    assert!(rows.skipped.values().all(|key| trial.bob.holds(key.key.expose()) && trial.bob.holds(key.nonce.expose())));
    // What does not decrypt uses nothing up.
    let mut damaged = messages[0].clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(trial.bob.ask(&Order::Receive(damaged.into())).is_err());
    trial.hear_one(&messages[0]);
    assert_forgotten(&trial, &["application key 0", "application nonce 0"]);
    assert_eq!(trial.rows().skipped.len(), 1);
}

#[test]
fn path_secrets_and_node_secrets_are_deleted() {
    let mut trial = member();
    trial.others_commit();
    assert_forgotten(&trial, &["path_secret[1]", "node_secret[1]"]);
    trial.commit_and_be_accepted();
    assert_forgotten(&trial, &["path_secret[0]", "node_secret[0]"]);
}

#[test]
fn private_keys_that_were_replaced_are_deleted() {
    let mut trial = member();
    let before = trial.rows();
    trial.commit_and_be_accepted();
    let after = trial.rows();
    assert_eq!(before.private.keys().collect::<Vec<_>>(), after.private.keys().collect::<Vec<_>>());
    for (node, key) in &before.private {
        assert!(!trial.bob.holds(key.0.expose()), "of node {node:?}");
        assert_forgotten(&trial, &[&format!("private key of node {}", node.0)]);
    }
}

#[test]
fn keys_of_updates_that_were_not_committed_are_deleted() {
    let mut trial = member();
    let key = trial.propose_update();
    assert!(trial.bob.holds(&key));
    trial.leave_out_proposals();
    assert!(!trial.bob.holds(&key));
    assert_forgotten(&trial, &["private key of an Update"]);
}

#[test]
fn the_init_key_is_deleted_when_its_welcome_was_processed() {
    let mut trial = Trial::new(8, Provider::AwsLc, 1);
    let welcome = trial.be_invited();
    assert_forgotten(&trial, &["init_key of a key package"]);
    assert!(trial.bob.ask(&Order::Join(Opaque::from(welcome))).unwrap_err().contains("for somebody else"));
    // One of last resort stays.
    trial.be_removed();
    trial.be_invited_by_last_resort();
    let (init_key, _, is_last_resort) = trial.rows().key_packages.pop().unwrap();
    assert!(is_last_resort && !trial.bob.holds(init_key.0.expose()), "it is in the store and nowhere else");
}

#[test]
fn the_leaf_key_of_a_key_package_is_the_leafs_until_that_is_replaced() {
    let mut trial = Trial::new(9, Provider::AwsLc, 1);
    trial.be_invited();
    assert!(trial.rows().key_packages.is_empty());
    trial.commit_and_be_accepted();
    assert_forgotten(&trial, &["init_key of a key package", "private key of node"]);
}

#[test]
fn of_states_that_were_not_taken_nothing_is_kept() {
    let mut trial = member();
    let commit = trial.prepare_commit("carol");
    trial.search("before");
    let held = trial.bob.held();
    for n in 0..10 {
        let mut refused = commit.clone();
        let last = refused.len() - 1 - n;
        refused[last] ^= 1;
        assert!(trial.bob.ask(&Order::Receive(refused.into())).is_err());
        assert_eq!(trial.bob.must(&Order::Look(Opaque::from(&*commit))), [b'c']);
    }
    trial.search("ten refused commits and ten that were looked at");
    assert_eq!(trial.bob.held(), held);
}

#[test]
fn who_is_removed_has_nothing_left_of_the_group() {
    let mut trial = member();
    trial.hear();
    let before = trial.rows();
    trial.be_removed();
    let secrets = before.all();
    assert!(secrets.len() > 10 && secrets.iter().all(|named| !trial.bob.holds(&named.value)));
    assert!(trial.rows().all().is_empty());
    assert_forgotten(&trial, &["exporter_secret", "membership_key", "private key of node", "resumption_psk"]);
}

/// With the feature `parallel` of `cenacle-mls`, a Welcome for many is sealed on several threads.
#[test]
fn a_commit_for_many_leaves_nothing_on_any_thread() {
    let mut trial = member();
    trial.add_many_and_be_accepted(70);
    assert_forgotten(&trial, &["joiner_secret", "welcome_secret", "path_secret[0]"]);
}
