//! What to begin with: the vectors made here, of which every string of bytes is tried as everything; and, in a folder of its
//! own that is never checked in, the same of the working group's vectors.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use alloc::collections::BTreeSet;
use serde_json::Value;

use crate::{TARGETS, Target, decode};

/// So long may a seed be.
const LONGEST: usize = 4_096;
/// Of so many strings of one vector file the shortest are taken.
const MOST: usize = 200;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Strings of bytes in the vectors made here, each once.
///
/// # Panics
/// When they cannot be read: they are checked in, and without them the fuzzer would begin with next to nothing.
pub(crate) fn own() -> &'static [Vec<u8>] {
    static OWN: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    OWN.get_or_init(|| {
        let folder = workspace().join("crates/cenacle-cli/tests/data/vectors");
        strings_in(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    })
}

/// Where the working group's vectors are, as for the tests that verify them.
#[must_use]
pub fn official_vectors() -> PathBuf {
    let beside = || workspace().ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir());
    let named = env::var_os("CENACLE_VECTORS").map(PathBuf::from);
    named.or_else(beside).unwrap_or_else(|| workspace().join("shared/vectors"))
}

/// Where corpora are: one folder for each target, as cargo-fuzz has them.
#[must_use]
pub fn folder() -> PathBuf {
    workspace().join("fuzz/corpus")
}

/// Every string of hexadecimal digits in the JSON files of a folder, as bytes; not too long and not too many.
fn strings_in(folder: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut of_file = BTreeSet::new();
            collect(&serde_json::from_slice(&fs::read(path)?)?, &mut of_file);
            found.extend(of_file.into_iter().take(MOST).map(|(_, bytes)| bytes));
        }
    }
    Ok(found.into_iter().collect())
}

fn collect(value: &Value, found: &mut BTreeSet<(usize, Vec<u8>)>) {
    match value {
        Value::String(text) => {
            let bytes = hex::decode(text).unwrap_or_default();
            if (1..=LONGEST).contains(&bytes.len()) {
                found.insert((bytes.len(), bytes));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Writes a corpus for each target into a folder of its name: what is made here, and for the decoders what the vectors in
/// `vectors` hold. Gives how many inputs each has.
///
/// # Errors
/// When a folder cannot be read or written.
pub fn write(vectors: Option<&Path>, to: &Path) -> io::Result<Vec<(&'static str, usize)>> {
    let official = vectors.map(strings_in).transpose()?.unwrap_or_default();
    let mut counts = Vec::new();
    for target in TARGETS {
        let mut inputs: BTreeSet<Vec<u8>> = (target.seeds)().into_iter().collect();
        match target.name {
            "decode" => inputs.extend(official.iter().flat_map(|bytes| decode::inputs(bytes))),
            "inspect" | "tree" => inputs.extend(official.iter().cloned()),
            _ => {}
        }
        let folder = to.join(target.name);
        fs::create_dir_all(&folder)?;
        for input in &inputs {
            fs::write(folder.join(name_of(input)), input)?;
        }
        counts.push((target.name, inputs.len()));
    }
    Ok(counts)
}

/// What a target is to begin with: these seeds, and what is in its folder if there is one.
///
/// # Errors
/// When the folder cannot be read.
pub fn load(target: &Target, seeds: Vec<Vec<u8>>, corpora: &Path) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs: BTreeSet<Vec<u8>> = seeds.into_iter().collect();
    let folder = corpora.join(target.name);
    if folder.is_dir() {
        for entry in fs::read_dir(folder)? {
            inputs.insert(fs::read(entry?.path())?);
        }
    }
    Ok(inputs.into_iter().filter(|input| input.len() <= target.longest).collect())
}

/// A name by content (FNV-1a), so that the same input is written once.
#[must_use]
pub fn name_of(input: &[u8]) -> String {
    let hash = input
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
