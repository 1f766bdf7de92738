//! The official test vectors as tests: one for each vector and provider, named after it, as in
//! `treekem::aws-lc::[12] suite 3`. Vectors of suites that a provider lacks are listed as ignored.
//!
//! They are read from the directory that `CENACLE_VECTORS` names, or from `shared/vectors` beside the workspace. Where there
//! is none, the tests say so and pass, but fail under `CI=true`. So that the checks cannot rot, a vector of each file is also
//! falsified in every value, one at a time, and must then be refused.
//!
//! Vectors that were made here are in `tests/data/vectors`, under names that begin with `generated`. They are verified in the
//! same way wherever the official ones are or are not; what else is asked of them is in `vectors/generated.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

extern crate alloc;

#[path = "vectors/command.rs"]
mod command;
#[path = "vectors/generate_command.rs"]
mod generate_command;
#[path = "vectors/generated.rs"]
mod generated;

use alloc::sync::Arc;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cenacle_cli::vectors::{PROVIDERS, SOURCE, Vector, VectorFile, Verdict};
use cenacle_crypto::CryptoProvider;
use libtest_mimic::{Arguments, Failed, Trial, run};
use serde_json::Value;

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let directory = directory();
    let mut trials: Vec<_> = if directory.is_dir() {
        VectorFile::ALL.iter().flat_map(|file| trials(file, "", &directory)).collect()
    } else {
        vec![without_vectors(directory.clone())]
    };
    trials.extend(VectorFile::ALL.iter().flat_map(|file| self::trials(file, "generated::", &generated::directory())));
    trials.extend(generated::trials(&directory));
    trials.extend(command::trials());
    trials.extend(generate_command::trials());
    run(&args, trials).exit_code()
}

fn directory() -> PathBuf {
    let beside_workspace = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    env::var_os("CENACLE_VECTORS").map_or_else(beside_workspace, PathBuf::from)
}

fn without_vectors(directory: PathBuf) -> Trial {
    Trial::test("vectors are present", move || {
        let complaint = format!(
            "NOT ONE OFFICIAL VECTOR WAS VERIFIED: {} is not a directory.\n\
             Get the vectors from {SOURCE}\n\
             and set CENACLE_VECTORS to where they are.",
            directory.display()
        );
        if env::var("CI").is_ok_and(|value| value == "true") {
            return Err(complaint.into());
        }
        eprintln!("\n{complaint}\n");
        Ok(())
    })
}

/// The tests of a file in a directory, under names that begin with `set`.
fn trials(file: &'static VectorFile, set: &str, directory: &Path) -> Vec<Trial> {
    let path = directory.join(file.name()).with_extension("json");
    let read = fs::read_to_string(&path).map_err(|error| error.to_string());
    let read = read.and_then(|json| Ok((file.read(&json).map_err(|error| error.to_string())?, json)));
    let (vectors, json) = match read {
        Ok((vectors, json)) if !vectors.is_empty() => (vectors, json),
        Ok(_) => return vec![unreadable(file, set, "holds no vector".to_owned())],
        Err(reason) => return vec![unreadable(file, set, format!("{}: {reason}. It is at {SOURCE}", path.display()))],
    };
    let vectors: Arc<[Vector]> = vectors.into();
    let providers = if file.is_about_suites() { PROVIDERS } else { &PROVIDERS[..1] };
    let mut trials = Vec::new();
    for provider in providers {
        for index in 0..vectors.len() {
            trials.push(of_vector(file, set, *provider, &vectors, index));
        }
    }
    trials.push(Trial::test(format!("{set}{}::falsified", file.name()), move || falsified(file, &json)));
    trials
}

fn unreadable(file: &VectorFile, set: &str, reason: String) -> Trial {
    Trial::test(format!("{set}{}", file.name()), move || Err(Failed::from(reason)))
}

fn of_vector(
    file: &VectorFile,
    set: &str,
    provider: &'static dyn CryptoProvider,
    vectors: &Arc<[Vector]>,
    index: usize,
) -> Trial {
    let suite = vectors[index].cipher_suite();
    let provider_name = if file.is_about_suites() { format!("{}::", provider.name()) } else { String::new() };
    let suite_name = suite.map_or_else(String::new, |suite| format!(" suite {}", suite.0));
    let name = format!("{set}{}::{provider_name}[{index}]{suite_name}", file.name());
    let lacking = suite.is_some_and(|suite| !provider.cipher_suites().contains(&suite));
    let vectors = Arc::clone(vectors);
    let test = move || match vectors[index].verify(provider) {
        Verdict::Passed => Ok(()),
        Verdict::Failed(failure) => Err(failure.to_string().into()),
        Verdict::Skipped => Err("the provider does not supply this cipher suite".into()),
    };
    Trial::test(name, test).with_ignored_flag(lacking)
}

/// Values that may change without making a vector false, by file. What messages say is random; a key package's signature
/// does not reach the tree, and who proposes an Add makes no difference; of a ciphertext only the beginning is used.
fn may_change(file: &VectorFile, place: &str) -> bool {
    match file.name() {
        "messages" => true,
        "tree-operations" => matches!(place, "/proposal" | "/proposal_sender"),
        "secret-tree" => place == "/sender_data/ciphertext",
        _ => false,
    }
}

/// Most values that are changed in one file.
const MOST_CHANGES: usize = 40;

/// Changes the values of a vector of suite 1 one at a time; it must then fail.
fn falsified(file: &VectorFile, json: &str) -> Result<(), Failed> {
    let vectors: Vec<Value> = serde_json::from_str(json).unwrap();
    let of_suite_1 = |vector: &&Value| vector.get("cipher_suite").is_none_or(|suite| suite == 1);
    // The first is often the empty case.
    let original = vectors.iter().filter(of_suite_1).take(2).last().unwrap();
    falsified_vector(file, original, PROVIDERS[0])
}

fn falsified_vector(file: &VectorFile, original: &Value, provider: &dyn CryptoProvider) -> Result<(), Failed> {
    let mut places = Vec::new();
    collect_places(original, String::new(), &mut places);
    for place in places.iter().step_by(places.len().div_ceil(MOST_CHANGES)) {
        let mut changed = original.clone();
        falsify(changed.pointer_mut(place).unwrap());
        let vector = file.read(&Value::Array(vec![changed]).to_string()).unwrap().remove(0);
        let fails = matches!(vector.verify(provider), Verdict::Failed(_));
        if !fails && !may_change(file, place) {
            let suite = original.get("cipher_suite").unwrap_or(&Value::Null);
            return Err(format!("still passes with another {place} (suite {suite})").into());
        }
    }
    Ok(())
}

/// The JSON pointers of all values that are text or numbers, but for the suite.
fn collect_places(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect_places(value, format!("{at}/{name}"), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect_places(value, format!("{at}/{index}"), places));
        }
        Value::String(_) | Value::Number(_) if at != "/cipher_suite" => places.push(at),
        Value::String(_) | Value::Number(_) | Value::Null | Value::Bool(_) => {}
    }
}

/// Another value of the same kind and length.
fn falsify(value: &mut Value) {
    match value {
        Value::Number(number) => *value = (number.as_u64().unwrap() ^ 1).into(),
        Value::String(text) => {
            let last = text.pop();
            text.push(if last == Some('0') { '1' } else { '0' });
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => panic!("not a place"),
    }
}
