//! `compare` and `compare-heap` from outside: every operation is measured with every implementation, or left out as promised.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

extern crate alloc;

use alloc::collections::BTreeMap;
use std::{fs, process::Command};

use serde_json::Value;

const PEERS: [&str; 5] = ["cenacle", "floor", "mls-rs", "openmls", "openmls-libcrux"];

fn run(program: &str, arguments: &str) -> String {
    let output = Command::new(program).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn compare(arguments: &str) -> String {
    run(env!("CARGO_BIN_EXE_compare"), arguments)
}

fn lines(output: &str) -> Vec<Value> {
    output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Who has a result for each operation.
fn peers_by_operation(lines: &[Value]) -> BTreeMap<&str, Vec<&str>> {
    let mut peers: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines {
        peers.entry(line["op"].as_str().unwrap()).or_default().push(line["peer"].as_str().unwrap());
    }
    peers.values_mut().for_each(|peers| peers.sort_unstable());
    peers
}

#[test]
fn every_operation_is_compared_in_groups_of_every_shape() {
    for (n, tree) in [(2, "fresh"), (2, "warm"), (9, "fresh"), (9, "warm"), (16, "warm")] {
        let output = compare(&format!("--n {n} --tree {tree} --iterations 2 --json"));
        let lines = lines(&output);
        let operations = peers_by_operation(&lines);
        assert_eq!(operations.len(), 19, "{operations:?}");
        for (operation, peers) in operations {
            let has_floor = !matches!(operation, "load" | "load_all" | "state_bytes" | "bytes_commit_update");
            let expected: Vec<_> = PEERS.into_iter().filter(|peer| has_floor || *peer != "floor").collect();
            assert_eq!(
                peers.iter().map(|peer| peer.trim_end_matches("-rayon")).collect::<Vec<_>>(),
                expected,
                "{operation}"
            );
        }
        for line in &lines {
            assert_eq!((line["n"].as_u64(), line["tree"].as_str()), (Some(n), Some(tree)), "{line}");
            let figure = if line.get("bytes").is_some() { &line["bytes"] } else { &line["median_us"] };
            assert!(figure.as_f64().unwrap() > 0.0 && line["count"].as_u64().unwrap() > 0, "{line}");
        }
    }
}

#[test]
fn peers_are_left_out_where_it_would_take_too_long() {
    let output =
        compare("--n 2,4,8 --tree warm --ops create,encrypt_64 --peer-max 4 --peer-limit 0 --iterations 1 --json");
    for line in lines(&output) {
        assert!(line["n"] == 2 || matches!(line["peer"].as_str(), Some("cenacle" | "floor")), "{line}");
    }
}

#[test]
fn a_table_and_a_chart_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("costs.svg");
    let table = compare(&format!("--n 2,4 --tree fresh,warm --ops join --iterations 1 --svg {}", path.display()));
    assert!(table.contains("4 members, warm tree") && table.contains("best/ours"), "{table}");
    for tree in ["fresh", "warm"] {
        let chart = fs::read_to_string(path.with_file_name(format!("costs-{tree}.svg"))).unwrap();
        assert!(chart.starts_with("<svg") && chart.contains("openmls-libcrux") && chart.contains("join"));
    }
}

#[test]
fn what_only_cenacle_has_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(["--ops", "delta_bytes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn memory_is_counted() {
    let output = run(env!("CARGO_BIN_EXE_compare-heap"), "--n 32 --tree fresh,warm --json");
    let lines = lines(&output);
    assert_eq!(lines.len(), 6, "{output}");
    for line in lines {
        let (held, peak) = (line["bytes"].as_f64().unwrap(), line["peak_bytes"].as_f64().unwrap());
        assert!(100.0 < held && held < peak, "{line}");
    }
}
