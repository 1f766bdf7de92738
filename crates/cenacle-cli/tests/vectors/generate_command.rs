//! `cenacle vectors generate` from outside: what it writes and prints, and how it ends.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use cenacle_cli::vectors::VectorFile;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

type Outcome = Result<(), Failed>;
type Test = fn() -> Outcome;

/// The command's own tests.
pub(crate) fn trials() -> Vec<Trial> {
    let tests: [(&str, Test); 6] = [
        ("what it writes is accepted", what_it_writes_is_accepted),
        ("it does not overwrite", it_does_not_overwrite),
        ("JSON has one object a line", json_has_one_object_a_line),
        ("an unknown provider is a usage error", an_unknown_provider_is_a_usage_error),
        ("a suite it lacks is a usage error", a_suite_it_lacks_is_a_usage_error),
        ("a place that is a file is an error", a_place_that_is_a_file_is_an_error),
    ];
    tests.into_iter().map(|(name, test)| Trial::test(format!("generate_command::{name}"), test)).collect()
}

fn vectors(action: &str, directory: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cenacle"));
    command.args(["vectors", action]).arg(directory).args(options).output().unwrap()
}

fn generate(directory: &Path, options: &[&str]) -> Output {
    vectors("generate", directory, options)
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complained(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn about_suites() -> usize {
    VectorFile::ALL.iter().filter(|file| file.is_about_suites()).count()
}

fn what_it_writes_is_accepted() -> Outcome {
    let directory = TempDir::new().unwrap();
    let inside = directory.path().join("made/by/the/command");
    let made = generate(&inside, &["--seed", "5", "--provider", "aws-lc"]);
    assert_eq!(made.status.code(), Some(0), "{}", complained(&made));
    let (made, files) = (printed(&made), VectorFile::ALL);
    for file in files {
        assert!(made.lines().any(|line| line.starts_with(file.name()) && line.contains("vectors")), "{made}");
        assert!(inside.join(file.name()).with_extension("json").is_file());
    }
    assert_eq!(fs::read_dir(&inside).unwrap().count(), files.len(), "something else was left behind");
    let verified = vectors("verify", &inside, &[]);
    assert_eq!(verified.status.code(), Some(0), "{}", printed(&verified));
    assert!(printed(&verified).contains("16 files:") && printed(&verified).contains(" 0 failed"));
    Ok(())
}

fn it_does_not_overwrite() -> Outcome {
    let directory = TempDir::new().unwrap();
    let kept = directory.path().join("treekem.json");
    fs::write(&kept, "precious").unwrap();
    let refused = generate(directory.path(), &["--suite", "1"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(complained(&refused).contains("treekem.json is there already"), "{}", complained(&refused));
    assert_eq!(fs::read_to_string(&kept).unwrap(), "precious");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was begun");
    let made = generate(directory.path(), &["--suite", "1", "--force"]);
    assert_eq!(made.status.code(), Some(0));
    let told = printed(&made);
    let check = format!("\n  cenacle vectors verify {} --suite 1\n", directory.path().display());
    assert!(told.ends_with(&check), "{told}");
    assert!(!told.contains(" 1 vectors"), "{told}");
    assert!(fs::read_to_string(&kept).unwrap().starts_with('['));
    let refused = generate(directory.path(), &["--suite", "1"]);
    let others = format!("and {} more are there already", about_suites() - 1);
    assert!(complained(&refused).contains(&others), "{}", complained(&refused));
    Ok(())
}

fn json_has_one_object_a_line() -> Outcome {
    let directory = TempDir::new().unwrap();
    let output = generate(directory.path(), &["--suite", "1", "--json", "--seed", "8"]);
    let events: Vec<Value> = printed(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, files) = events.split_last().unwrap();
    assert_eq!(files.len(), about_suites());
    for file in files {
        assert_eq!(file["event"], "file");
        let written = fs::metadata(file["path"].as_str().unwrap()).unwrap();
        assert_eq!(file["bytes"], written.len());
    }
    assert_eq!((&summary["event"], &summary["files"]), (&"summary".into(), &files.len().into()));
    assert_eq!((&summary["seed"], &summary["provider"]), (&8.into(), &"rustcrypto".into()));
    assert_eq!(summary["size"], "small");
    Ok(())
}

fn an_unknown_provider_is_a_usage_error() -> Outcome {
    let directory = TempDir::new().unwrap();
    let output = generate(directory.path(), &["--provider", "abacus"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("There are: aws-lc, rustcrypto"));
    Ok(())
}

fn a_suite_it_lacks_is_a_usage_error() -> Outcome {
    let directory = TempDir::new().unwrap();
    let output = generate(directory.path(), &["--suite", "99"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("rustcrypto does not supply cipher suite 99"));
    Ok(())
}

fn a_place_that_is_a_file_is_an_error() -> Outcome {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let output = generate(&file, &["--suite", "1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("file is not a directory"), "{}", complained(&output));
    let output = generate(&file.join("inside"), &["--suite", "1"]);
    assert_eq!(output.status.code(), Some(2), "{}", complained(&output));
    Ok(())
}
