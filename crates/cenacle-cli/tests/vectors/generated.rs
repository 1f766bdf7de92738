//! Vectors made here. The set in `tests/data/vectors` is what its seed gives; whatever one provider makes, every other
//! verifies; false values are refused in every suite; and the shapes are those of the official files.

use alloc::collections::{BTreeMap, BTreeSet};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

use cenacle_cli::vectors::{DEFAULT_SEED, PROVIDERS, Plan, Size, VectorFile, Verdict};
use cenacle_codec::Decode as _;
use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_mls::wire::{Content, MlsMessage, MlsMessageBody, ProposalOrRef};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::falsified_vector;

type Outcome = Result<(), Failed>;

/// Where the set is.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors")
}

/// What is asked of all generated vectors, and of the set beyond that it holds.
pub(crate) fn trials(official: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    for file in VectorFile::ALL {
        let name = file.name();
        trials.push(Trial::test(format!("generated::{name}::is what its seed gives"), || is_reproduced(file)));
        trials.push(Trial::test(format!("generated::{name}::falsified in every suite"), || falsified(file)));
        for maker in PROVIDERS {
            let title = format!("generated::{name}::by {} for all others", maker.name());
            trials.push(Trial::test(title, || others_agree(file, *maker)));
        }
        if official.is_dir() {
            let (title, official) = (format!("generated::{name}::has the official shape"), official.to_path_buf());
            trials.push(Trial::test(title, move || has_the_official_shape(file, &official)));
        }
    }
    let title = "generated::a suite's vectors do not depend on the others";
    trials.push(Trial::test(title, suites_are_apart));
    trials.push(Trial::test("generated::another seed gives other vectors", another_seed));
    trials.push(Trial::test("generated::passive clients see every kind of proposal", every_kind_of_proposal));
    trials
}

fn read(file: &VectorFile, directory: &Path) -> String {
    fs::read_to_string(directory.join(file.name()).with_extension("json")).unwrap()
}

fn values(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

fn provider(name: &str) -> &'static dyn CryptoProvider {
    *PROVIDERS.iter().find(|provider| provider.name() == name).unwrap()
}

/// The plan of the set: the command's defaults.
fn plan_of_the_set() -> Plan<'static> {
    Plan { provider: provider("rustcrypto"), suite: None, seed: DEFAULT_SEED, size: Size::Small }
}

fn is_reproduced(file: &VectorFile) -> Outcome {
    let made = file.generate(&plan_of_the_set(), &|| ()).map_err(|failure| failure.to_string())?;
    let kept = read(file, &directory());
    if made.json == kept {
        return Ok(());
    }
    let line = made.json.lines().zip(kept.lines()).position(|(made, kept)| made != kept);
    Err(format!(
        "what is generated differs from {}, first in line {:?}. If that is meant, write the set anew:\n\
         cargo run --release -- vectors generate crates/cenacle-cli/tests/data/vectors --size small --force",
        directory().join(file.name()).with_extension("json").display(),
        line.map(|line| line + 1),
    )
    .into())
}

/// One vector of every suite is changed in its values, one at a time.
fn falsified(file: &VectorFile) -> Outcome {
    let mut last_of_suite = BTreeMap::new();
    for vector in values(&read(file, &directory())) {
        let suite = vector.get("cipher_suite").and_then(Value::as_u64).unwrap_or(0);
        last_of_suite.insert(suite, vector);
    }
    for (suite, vector) in last_of_suite {
        let supplies = |provider: &&&dyn CryptoProvider| {
            suite == 0 || provider.cipher_suites().iter().any(|supplied| u64::from(supplied.0) == suite)
        };
        falsified_vector(file, &vector, *PROVIDERS.iter().find(supplies).unwrap())?;
    }
    Ok(())
}

/// Other vectors than the set's, made by one provider and verified by all. Whoever makes them is the only one to verify
/// suites that nobody else supplies. `CENACLE_LONG=1` makes as many as the official files have.
fn others_agree(file: &VectorFile, maker: &'static dyn CryptoProvider) -> Outcome {
    let long = env::var("CENACLE_LONG").is_ok_and(|value| value == "1");
    let size = if long { Size::Full } else { Size::Small };
    let plan = Plan { provider: maker, seed: 4, size, ..plan_of_the_set() };
    let made = file.generate(&plan, &|| ()).map_err(|failure| failure.to_string())?;
    let vectors = file.read(&made.json).unwrap();
    assert_eq!(vectors.len(), made.vectors);
    assert_eq!(vectors.len(), file.count(&plan));
    for verifier in PROVIDERS {
        for (index, vector) in vectors.iter().enumerate() {
            let supplied = vector.cipher_suite().is_none_or(|suite| verifier.cipher_suites().contains(&suite));
            match vector.verify(*verifier) {
                Verdict::Passed => {}
                Verdict::Skipped if !supplied && verifier.name() != maker.name() => {}
                Verdict::Skipped => return Err(format!("{} skips vector {index}", verifier.name()).into()),
                Verdict::Failed(failure) => return Err(format!("{}: [{index}] {failure}", verifier.name()).into()),
            }
        }
    }
    Ok(())
}

fn suites_are_apart() -> Outcome {
    let suite = CipherSuite(1);
    for file in VectorFile::ALL.iter().filter(|file| file.is_about_suites()) {
        let plan = Plan { suite: Some(suite), ..plan_of_the_set() };
        let alone = file.generate(&plan, &|| ()).map_err(|failure| failure.to_string())?.json;
        let among_others: Vec<_> =
            values(&read(file, &directory())).into_iter().filter(|vector| vector["cipher_suite"] == 1).collect();
        assert_eq!(values(&alone), among_others, "{}", file.name());
    }
    Ok(())
}

fn another_seed() -> Outcome {
    for file in VectorFile::ALL.iter().filter(|file| file.name() != "tree-math") {
        let plan = Plan { suite: Some(CipherSuite(1)), ..plan_of_the_set() };
        let [one, other] = [1, 2].map(|seed| file.generate(&Plan { seed, ..plan }, &|| ()).unwrap());
        assert_eq!(one.vectors, other.vectors);
        assert_ne!(one.json, other.json, "{}", file.name());
    }
    Ok(())
}

/// The official file and the set have the same fields, of the same kinds of values. The official groups of chance have no
/// PSKs: what passive clients are told is the same in all three files.
fn has_the_official_shape(file: &VectorFile, official: &Path) -> Outcome {
    let shape = |directory: &Path| {
        let of_format = |other: &&VectorFile| {
            let passive = |file: &VectorFile| file.name().starts_with("passive-client");
            other.name() == file.name() || passive(other) && passive(file)
        };
        let mut shape = BTreeSet::new();
        for file in VectorFile::ALL.iter().filter(of_format) {
            let vectors = values(&read(file, directory));
            vectors.iter().for_each(|vector| collect_shape(vector, "", &mut shape));
        }
        shape
    };
    let (official, made) = (shape(official), shape(&directory()));
    let missing: Vec<_> = official.difference(&made).collect();
    let surplus: Vec<_> = made.difference(&official).collect();
    let same = missing.is_empty() && surplus.is_empty();
    if same { Ok(()) } else { Err(format!("missing: {missing:?}, surplus: {surplus:?}").into()) }
}

fn collect_shape(value: &Value, at: &str, shape: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect_shape(value, &format!("{at}/{name}"), shape));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_shape(item, &format!("{at}/*"), shape)),
        Value::Null => drop(shape.insert(format!("{at}: null"))),
        Value::Bool(_) => drop(shape.insert(format!("{at}: bool"))),
        Value::Number(_) => drop(shape.insert(format!("{at}: number"))),
        Value::String(_) => drop(shape.insert(format!("{at}: text"))),
    }
}

/// In every suite: what a generator promises by chance must not be missing by chance.
fn every_kind_of_proposal() -> Outcome {
    let mut seen: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for file in VectorFile::ALL.iter().filter(|file| file.name().starts_with("passive-client")) {
        for vector in values(&read(file, &directory())) {
            let seen = seen.entry(vector["cipher_suite"].as_u64().unwrap()).or_default();
            let tree = if vector["ratchet_tree"].is_null() { "tree inside" } else { "tree apart" };
            seen.insert(tree.to_owned());
            for epoch in vector["epochs"].as_array().unwrap() {
                epoch["proposals"].as_array().unwrap().iter().for_each(|message| see(message, seen));
                see(&epoch["commit"], seen);
            }
        }
    }
    let expected = [
        "tree inside",
        "tree apart",
        "encrypted",
        "path",
        "no path",
        "reference",
        "proposed 1",
        "proposed 2",
        "proposed 3",
        "proposed 4",
        "proposed 7",
        "by value 1",
        "by value 3",
        "by value 4",
        "by value 7",
    ];
    for (suite, seen) in seen {
        let missing: Vec<_> = expected.iter().filter(|expected| !seen.contains(**expected)).collect();
        assert!(missing.is_empty(), "suite {suite} has no {missing:?}");
    }
    Ok(())
}

fn see(message: &Value, seen: &mut BTreeSet<String>) {
    let bytes = hex::decode(message.as_str().unwrap()).unwrap();
    let MlsMessageBody::PublicMessage(message) = MlsMessage::from_bytes(&bytes).unwrap().body else {
        seen.insert("encrypted".to_owned());
        return;
    };
    match message.content.content {
        Content::Proposal(proposal) => drop(seen.insert(format!("proposed {}", proposal.proposal_type().0))),
        Content::Commit(commit) => {
            seen.insert(if commit.path.is_some() { "path" } else { "no path" }.to_owned());
            for item in commit.proposals {
                seen.insert(match item {
                    ProposalOrRef::Proposal(proposal) => format!("by value {}", proposal.proposal_type().0),
                    ProposalOrRef::Reference(_) => "reference".to_owned(),
                });
            }
        }
        Content::Application(_) => panic!("application data in the clear"),
    }
}
