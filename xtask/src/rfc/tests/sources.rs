//! Which file is what.

use super::super::sources::{Role, Rule, name, names_rule, role, rules};

#[test]
fn tests_are_told_from_modules() {
    let cases = [
        ("cenacle-mls", "src/tree/path.rs", Role::Module),
        ("cenacle-mls", "src/tree/tests/path.rs", Role::Test),
        ("cenacle-mls", "tests/group.rs", Role::Test),
        ("cenacle-store", "src/sqlite/tests.rs", Role::Test),
        ("cenacle-store", "src/testing.rs", Role::Test),
        ("cenacle-crypto", "src/conformance/kem.rs", Role::Test),
        ("cenacle-testkit", "src/world/scene.rs", Role::Test),
        ("cenacle-cli", "src/vectors/tree_kem.rs", Role::Unlisted),
        ("cenacle-cli", "src/inspect/value.rs", Role::Module),
    ];
    for (crate_name, below, expected) in cases {
        assert_eq!(role(crate_name, below), expected, "{crate_name} {below}");
    }
}

#[test]
fn names_are_short_paths() {
    assert_eq!(name("src/tree/path.rs"), "tree/path");
    assert_eq!(name("src/tree/mod.rs"), "tree");
    assert_eq!(name("tests/service/main.rs"), "tests/service");
    assert_eq!(name("tests/group.rs"), "tests/group");
    assert_eq!(name("src/lib.rs"), "lib");
}

#[test]
fn rules_are_read_with_their_sections() {
    let text = "macro_rules! rules {\n    ($name:ident, $section:literal;) => {};\n}\n\nrules! {\n    /// A \"rule\", that is.\n    \
                TreeHashMatches, \"12.4.3.1\";\n    /// Another.\n    EpochCounts, \"8.1\";\n}\n\nstatic A: &str = \"x\";\n";
    let rule = |name: &str, section: &str| Rule { name: name.to_owned(), section: section.to_owned() };
    assert_eq!(rules(text), [rule("TreeHashMatches", "12.4.3.1"), rule("EpochCounts", "8.1")]);
    assert_eq!(rules("fn nothing() {}"), []);
}

#[test]
fn a_longer_name_is_another_rule() {
    assert!(names_rule("Err(Rule::PathLengthFits)", "PathLengthFits"));
    assert!(names_rule("Rule::PathLengthFitsNot, Rule::PathLengthFits.into()", "PathLengthFits"));
    assert!(!names_rule("Rule::PathLengthFitsNot", "PathLengthFits"));
    assert!(!names_rule("PathLengthFits", "PathLengthFits"));
}
