//! `cenacle bench` from outside: every operation is measured in every kind of group, and said in the shape promised.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::process::{Command, Output};

use cenacle_cli::bench::{Operation, Scene, Tree};
use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_store::MemoryStore;
use serde_json::Value;

const TIMES: [&str; 17] = [
    "keypackage",
    "create",
    "join",
    "commit_update",
    "process_commit",
    "add_one",
    "process_add",
    "remove_one",
    "process_remove",
    "encrypt_64",
    "decrypt_64",
    "encrypt_1024",
    "decrypt_1024",
    "encrypt_16384",
    "decrypt_16384",
    "load",
    "load_all",
];
const SIZES: [&str; 5] = ["state_bytes", "delta_bytes", "bytes_commit_update", "bytes_welcome", "mem_per_member"];

fn bench(arguments: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cenacle")).arg("bench").args(arguments.split_whitespace()).output().unwrap()
}

fn lines(arguments: &str) -> Vec<Value> {
    let output = bench(&format!("{arguments} --json"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn check_result(line: &Value) {
    let (op, count) = (line["op"].as_str().unwrap(), line["count"].as_u64().unwrap());
    if TIMES.contains(&op) {
        assert!(line["median_us"].as_f64().unwrap() > 0.0 && line.get("bytes").is_none(), "{line}");
        assert_eq!(line["median_cpu_us"].as_f64().is_some_and(|cpu| cpu > 0.0), cfg!(unix), "{line}");
        assert_eq!(count, 2, "{line}");
    } else {
        assert!(SIZES.contains(&op) && line.get("median_us").is_none(), "{line}");
        let known = op != "mem_per_member" || cfg!(target_os = "linux");
        assert_eq!(line["bytes"].as_u64().is_some_and(|bytes| bytes > 0), known, "{line}");
        assert_eq!(count > 0, known, "{line}");
    }
}

#[test]
fn every_operation_is_measured_in_every_group_and_store() {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines("--n 2,8 --tree fresh,warm --iterations 2") {
        assert_eq!((line["peer"].as_str(), line["suite"].as_u64()), (Some("cenacle"), Some(1)), "{line}");
        check_result(&line);
        let set = format!("{} {} {}", line["n"], line["tree"], line["store"]);
        sets.entry(set).or_default().push(line["op"].as_str().unwrap().to_owned());
    }
    assert_eq!(sets.len(), 8, "{sets:?}");
    let mut all: Vec<_> = TIMES.iter().chain(&SIZES).collect();
    all.sort_unstable();
    for (set, mut operations) in sets {
        operations.sort_unstable();
        assert!(operations.iter().eq(all.iter().copied()), "{set}: {operations:?}");
    }
}

#[test]
fn only_the_chosen_operations_are_measured() {
    let lines = lines("--n 3 --store memory --ops load,state_bytes,encrypt_64 --iterations 1");
    let operations: Vec<_> = lines.iter().map(|line| line["op"].as_str().unwrap()).collect();
    assert_eq!(operations, ["state_bytes", "encrypt_64", "load"]);
}

#[test]
fn repetitions_do_not_outrun_what_a_receiver_skips() {
    let lines = lines("--n 2 --store memory --ops join,process_commit,encrypt_64,decrypt_64 --iterations 1100");
    assert_eq!(lines.len(), 4, "{lines:?}");
}

#[test]
fn groups_have_the_members_and_the_blanks_that_are_promised() {
    let suite = AwsLcProvider.suite(CipherSuite(1)).unwrap();
    for n in [2, 3, 4, 5, 8, 9, 13, 64] {
        for tree in [Tree::Fresh, Tree::Warm] {
            let mut open_store = || Ok(MemoryStore::default());
            let mut scene = Scene::build(&suite, n, tree, &mut open_store, &|_| ()).unwrap();
            let blank = scene.blank_parents();
            if n == 64 {
                // Fresh, all are blank but the five above each of the two who commit, and the one above both.
                assert_eq!(blank, if tree == Tree::Warm { 0 } else { 63 - 11 });
            }
            for operation in [Operation::CommitUpdate, Operation::Join, Operation::AddOne, Operation::ProcessRemove] {
                scene.sample(operation).unwrap();
                assert_eq!((scene.members(), scene.blank_parents()), (n, blank), "{n} {tree:?} {operation:?}");
            }
        }
    }
}

#[test]
fn a_group_of_one_is_refused() {
    let output = bench("--n 1");
    assert_eq!(output.status.code(), Some(2));
}
