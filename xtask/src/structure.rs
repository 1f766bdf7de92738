//! The shape of the sources, held by reading them: crates depend downwards only, chapters of the core import downwards
//! only, files stay short.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Which of our crates each crate may depend on, besides for its tests.
const CRATES: &[(&str, &[&str])] = &[
    ("cenacle-codec", &[]),
    ("cenacle-crypto", &["cenacle-codec"]),
    ("cenacle-crypto-awslc", &["cenacle-crypto"]),
    ("cenacle-crypto-openssl", &["cenacle-crypto"]),
    ("cenacle-crypto-rustcrypto", &["cenacle-crypto"]),
    ("cenacle-mls", &["cenacle-codec", "cenacle-crypto"]),
    ("cenacle-scan", &[]),
    ("cenacle-store", &["cenacle-codec", "cenacle-crypto", "cenacle-mls"]),
    ("cenacle-x509", &["cenacle-codec", "cenacle-crypto", "cenacle-mls"]),
    ("cenacle-service", &["cenacle-codec", "cenacle-crypto", "cenacle-mls"]),
    ("cenacle-server", &["cenacle-codec", "cenacle-crypto", "cenacle-service"]),
    (
        "cenacle",
        &["cenacle-codec", "cenacle-crypto", "cenacle-crypto-awslc", "cenacle-mls", "cenacle-store", "cenacle-service"],
    ),
    ("cenacle-world", &["cenacle-codec", "cenacle-crypto", "cenacle-mls", "cenacle-store"]),
    ("cenacle-interop", &["cenacle-codec", "cenacle-crypto", "cenacle-mls", "cenacle-store"]),
    (
        "cenacle-cli",
        &[
            "cenacle",
            "cenacle-codec",
            "cenacle-crypto",
            "cenacle-crypto-awslc",
            "cenacle-crypto-openssl",
            "cenacle-crypto-rustcrypto",
            "cenacle-interop",
            "cenacle-mls",
            "cenacle-store",
            "cenacle-service",
            "cenacle-server",
            "cenacle-world",
        ],
    ),
];

/// The chapters of the core from the lowest up. One may import those before it, and the modules that belong to all.
const CHAPTERS: &[&str] = &["wire", "tree", "schedule", "secret_tree", "protect", "group"];

/// Lines a source file may have; longer ones need their reason here.
const MAX_LINES: usize = 500;
const LONG_FILES: &[(&str, &str)] = &[];

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Every rule of the shape; all breaches at once.
pub(crate) fn check() -> Result<(), Vec<String>> {
    let root = root();
    let mut problems = Vec::new();
    for (name, allowed) in CRATES {
        check_dependencies(root, name, allowed, &mut problems);
    }
    check_instrumented(root, &mut problems);
    for (position, chapter) in CHAPTERS.iter().enumerate() {
        let higher = CHAPTERS.get(position + 1..).unwrap_or_default();
        check_imports(root, chapter, higher, &mut problems);
    }
    let mut files = sources(&root.join("crates"));
    files.extend(sources(&root.join("xtask")));
    for file in &files {
        check_length(root, file, &mut problems);
    }
    if problems.is_empty() {
        println!("{} crates, {} source files: the structure holds", CRATES.len(), files.len());
        Ok(())
    } else {
        Err(problems)
    }
}

/// The `[dependencies]` of a manifest, not those for tests.
fn check_dependencies(root: &Path, name: &str, allowed: &[&str], problems: &mut Vec<String>) {
    let manifest = root.join("crates").join(name).join("Cargo.toml");
    let Ok(text) = fs::read_to_string(&manifest) else {
        problems.push(format!("crate {name} has no manifest"));
        return;
    };
    let dependencies = text
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|dependency| dependency.starts_with("cenacle"));
    for dependency in dependencies {
        if !allowed.contains(&dependency) {
            problems.push(format!("crate {name} must not depend on {dependency}"));
        }
    }
}

/// The build that counts secrets is for tests: besides the crate that has the feature, only the testkit, which is not
/// published, turns it on for more than its own tests.
fn check_instrumented(root: &Path, problems: &mut Vec<String>) {
    for folder in fs::read_dir(root.join("crates")).into_iter().flatten().flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap_or_default();
        let for_use = text.split("[dev-dependencies]").next().unwrap_or_default();
        if for_use.contains("instrumented") && !matches!(&*name, "cenacle-crypto" | "cenacle-testkit") {
            problems.push(format!("crate {name} turns on the instrumented build"));
        }
    }
}

fn check_imports(root: &Path, chapter: &str, higher: &[&str], problems: &mut Vec<String>) {
    for file in sources(&root.join("crates/cenacle-mls/src").join(chapter)) {
        // Tests of a chapter may look anywhere.
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap_or_default();
        for other in higher {
            if imports(&text, other) {
                problems.push(format!("{} imports the higher chapter {other}", shown(root, &file)));
            }
        }
    }
}

/// Whether a source names `crate::other`, alone or in a braced list.
fn imports(text: &str, other: &str) -> bool {
    let direct = text.contains(&format!("crate::{other}::"));
    let mut braced = false;
    let mut inside = false;
    for line in text.lines() {
        inside |= line.starts_with("use crate::{");
        braced |= inside && line.trim_start().starts_with(&format!("{other}::"));
        inside &= !line.ends_with("};");
    }
    direct || braced
}

fn check_length(root: &Path, file: &Path, problems: &mut Vec<String>) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().count();
    let name = shown(root, file);
    if lines > MAX_LINES && !LONG_FILES.iter().any(|(long, _)| *long == name) {
        problems.push(format!("{name} has {lines} lines, more than {MAX_LINES}"));
    }
    if !text.starts_with("//!") && !text.starts_with("#![") {
        problems.push(format!("{name} does not open by saying what it holds"));
    }
}

/// A file's path below the workspace.
pub(crate) fn shown(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// All Rust files below `folder`.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() && !path.ends_with("target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
