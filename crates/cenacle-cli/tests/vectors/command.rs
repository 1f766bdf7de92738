//! `cenacle vectors verify` from outside: what it prints and how it ends, on vectors written here.

use std::{
    fs,
    process::{Command, Output},
};

use cenacle_cli::vectors::{PROVIDERS, SOURCE, VectorFile};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

type Outcome = Result<(), Failed>;
type Test = fn() -> Outcome;

/// The command's own tests.
pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, Test); 8] = [
        ("missing files are named", missing_files_are_named),
        ("unreadable files are not missing", unreadable_files_are_not_missing),
        ("true vectors pass", true_vectors_pass),
        ("a false vector fails", a_false_vector_fails),
        ("JSON has one object a line", json_has_one_object_a_line),
        ("an absent directory is a usage error", an_absent_directory_is_a_usage_error),
        ("an unknown provider is a usage error", an_unknown_provider_is_a_usage_error),
        ("a suite nobody supplies is a usage error", a_suite_nobody_supplies_is_a_usage_error),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("command::{name}"), test)).collect()
}

/// One true vector about no suite, and one of a suite that no provider supplies.
const LENGTH: &str = r#"{"vlbytes_header": "7fff", "length": 16383}"#;
const FALSE_LENGTH: &str = r#"{"vlbytes_header": "7fff", "length": 16382}"#;
const SUITE_8: &str = r#"{"cipher_suite": 8, "psks": [], "psk_secret": "00"}"#;

fn directory(files: &[(&str, &[&str])]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, vectors) in files {
        fs::write(directory.path().join(name).with_extension("json"), format!("[{}]", vectors.join(","))).unwrap();
    }
    directory
}

fn verify(directory: &TempDir, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.args(["vectors", "verify"]).arg(directory.path()).args(options).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn missing_files_are_named() -> Outcome {
    let output = verify(&directory(&[("deserialization", &[LENGTH])]), &[]);
    assert_eq!(output.status.code(), Some(1));
    let printed = printed(&output);
    for file in VectorFile::ALL.iter().filter(|file| file.name() != "deserialization") {
        assert!(printed.lines().any(|line| line.starts_with(file.name()) && line.contains("MISSING")), "{printed}");
    }
    assert!(printed.contains("15 of the known files could not be read") && printed.contains(SOURCE), "{printed}");
    Ok(())
}

fn unreadable_files_are_not_missing() -> Outcome {
    let directory = directory(&[("deserialization", &["nonsense"]), ("treekem", &[])]);
    fs::create_dir(directory.path().join("welcome.json")).unwrap();
    let output = verify(&directory, &[]);
    assert_eq!(output.status.code(), Some(1));
    let printed = printed(&output);
    for file in ["deserialization", "treekem", "welcome"] {
        assert!(printed.lines().any(|line| line.starts_with(file) && line.contains(" UNREADABLE: ")), "{printed}");
    }
    assert_eq!(printed.matches(" MISSING: ").count(), VectorFile::ALL.len() - 3, "{printed}");
    Ok(())
}

fn true_vectors_pass() -> Outcome {
    let output = verify(&directory(&[("deserialization", &[LENGTH, LENGTH]), ("psk_secret", &[SUITE_8])]), &[]);
    let printed = printed(&output);
    let line =
        |start: &str| printed.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect::<Vec<_>>();
    assert!(matches!(line("deserialization").as_slice(), [one] if one.contains("2 passed    0 failed    0 skipped")));
    let of_providers = line("psk_secret");
    assert_eq!(of_providers.len(), PROVIDERS.len());
    for (line, provider) in of_providers.iter().zip(PROVIDERS) {
        assert!(line.contains(provider.name()) && line.contains("0 passed    0 failed    1 skipped"), "{line}");
    }
    Ok(())
}

fn a_false_vector_fails() -> Outcome {
    let output = verify(&directory(&[("deserialization", &[LENGTH, FALSE_LENGTH])]), &[]);
    assert_eq!(output.status.code(), Some(1));
    let printed = printed(&output);
    let expected = "  FAILED deserialization[1] length: is 16383, should be 16382";
    assert!(printed.lines().any(|line| line == expected), "{printed}");
    Ok(())
}

fn json_has_one_object_a_line() -> Outcome {
    let output = verify(&directory(&[("deserialization", &[FALSE_LENGTH])]), &["--json"]);
    let events: Vec<Value> = printed(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_kind = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of_kind("unreadable").len(), 15);
    assert_eq!(of_kind("failure")[0]["failure"], "length: is 16383, should be 16382");
    assert_eq!(of_kind("file")[0]["failed"], 1);
    assert_eq!(of_kind("summary")[0]["missing"], 15);
    Ok(())
}

fn an_absent_directory_is_a_usage_error() -> Outcome {
    let directory = directory(&[]);
    let absent = directory.path().join("absent");
    let output = Command::new(env!("CARGO_BIN_EXE_cenacle")).args(["vectors", "verify"]).arg(absent).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains(SOURCE));
    Ok(())
}

fn an_unknown_provider_is_a_usage_error() -> Outcome {
    let output = verify(&directory(&[]), &["--provider", "abacus"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("There are: aws-lc, rustcrypto"));
    Ok(())
}

fn a_suite_nobody_supplies_is_a_usage_error() -> Outcome {
    let output = verify(&directory(&[]), &["--suite", "8"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("no provider supplies cipher suite 8"));
    Ok(())
}
