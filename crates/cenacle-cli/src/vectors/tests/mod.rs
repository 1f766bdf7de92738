//! Reading vectors and telling failures, on vectors small enough to stand here. The official ones are in `tests/vectors.rs`.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

use super::{PROVIDERS, VectorFile, Verdict};

fn file(name: &str) -> &'static VectorFile {
    VectorFile::ALL.iter().find(|file| file.name() == name).unwrap()
}

/// What one vector of a file says when it fails.
fn failure(name: &str, vector: &str) -> String {
    let vector = file(name).read(&format!("[{vector}]")).unwrap().remove(0);
    match vector.verify(PROVIDERS.first().copied().unwrap()) {
        Verdict::Failed(failure) => failure.to_string(),
        Verdict::Passed | Verdict::Skipped => panic!("{name} does not fail"),
    }
}

#[test]
fn there_are_sixteen_files_of_different_names() {
    let mut names: Vec<_> = VectorFile::ALL.iter().map(VectorFile::name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 16);
}

#[test]
fn a_true_vector_passes() {
    let vectors = file("deserialization").read(r#"[{"vlbytes_header": "7fff", "length": 16383}]"#).unwrap();
    let provider = PROVIDERS.first().copied().unwrap();
    assert!(vectors.iter().all(|vector| matches!(vector.verify(provider), Verdict::Passed)));
}

#[test]
fn a_failure_says_what_differs() {
    let told = failure("deserialization", r#"{"vlbytes_header": "7fff", "length": 16382}"#);
    assert_eq!(told, "length: is 16383, should be 16382");
    let told = failure("deserialization", r#"{"vlbytes_header": "4001", "length": 1}"#);
    assert_eq!(told, "vlbytes_header: refused: at byte 0: a length header is longer than its value needs");
}

#[test]
fn a_failure_inside_lists_names_the_position() {
    let tree = r#"{"n_leaves": 2, "n_nodes": 3, "root": 1, "left": [null, 0, null], "right": [null, 2, null],
        "parent": [1, null, 0], "sibling": [2, null, 0]}"#;
    assert_eq!(failure("tree-math", tree), "parent[2]: is Some(1), should be Some(0)");
}

#[test]
fn a_malformed_field_is_named() {
    let odd = r#"{"cipher_suite": 1, "psks": [{"psk_id": "", "psk": "0", "psk_nonce": ""}], "psk_secret": ""}"#;
    assert_eq!(
        failure("psk_secret", odd),
        "unreadable: psks[0].psk: not hexadecimal: Odd number of digits at line 1 column 54"
    );
    let absent = r#"{"cipher_suite": 1, "psks": []}"#;
    assert!(failure("psk_secret", absent).contains("missing field `psk_secret`"));
}

#[test]
fn a_malformed_vector_does_not_hide_the_others() {
    let vectors = file("deserialization").read(r#"[7, {"vlbytes_header": "00", "length": 0}]"#).unwrap();
    let provider = PROVIDERS.first().copied().unwrap();
    let verdicts: Vec<_> = vectors.iter().map(|vector| vector.verify(provider)).collect();
    assert!(matches!(verdicts.as_slice(), [Verdict::Failed(_), Verdict::Passed]));
}

#[test]
fn what_is_no_array_is_refused() {
    assert!(file("messages").read("{}").is_err());
}

#[test]
fn a_suite_that_the_provider_lacks_is_skipped() {
    let vectors = file("psk_secret").read(r#"[{"cipher_suite": 99, "psks": [], "psk_secret": "00"}]"#).unwrap();
    for provider in PROVIDERS {
        assert!(vectors.iter().all(|vector| matches!(vector.verify(*provider), Verdict::Skipped)));
    }
}
