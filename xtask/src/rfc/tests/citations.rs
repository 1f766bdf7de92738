//! Citations in all the forms in which they are written.

use super::super::{
    citations::{RFC, citations, comments, context},
    sections::{SECTIONS, VECTORS, positions},
};

/// The sections of RFC 9420 that a comment cites, ranges resolved.
fn cited(text: &str, context: u32) -> Vec<&'static str> {
    let ours = citations(text, context).into_iter().filter(|citation| citation.rfc == RFC);
    let resolved = ours.flat_map(|citation| positions(&citation.first, citation.last.as_deref()).unwrap());
    resolved.map(|at| SECTIONS[at].0).collect()
}

#[test]
fn single_sections_and_lists() {
    assert_eq!(cited("A rule (RFC 9420 §7.3): \"…\"", RFC), ["7.3"]);
    assert_eq!(cited("epochs (RFC 9420 §8, §8.3, §8.5). Each", RFC), ["8", "8.3", "8.5"]);
    assert_eq!(cited("as in §12.4.3.1. And more", RFC), ["12.4.3.1"]);
    assert_eq!(cited("§5.1.2, §5.2 and §8: every key", RFC), ["5.1.2", "5.2", "8"]);
    assert_eq!(cited("breaks RFC 9420 §{}, and a § alone", RFC), Vec::<&str>::new());
}

#[test]
fn ranges_stay_on_their_level() {
    assert_eq!(cited("(RFC 9420 §7.4-§7.6, §7.9)", RFC), ["7.4", "7.5", "7.6", "7.9"]);
    assert_eq!(cited("§6.1 to 6.3", RFC), ["6.1", "6.2", "6.3"]);
    assert_eq!(cited("§6.1 to §6.3", RFC), ["6.1", "6.2", "6.3"]);
    assert_eq!(cited("§12.1.1-12.1.3): changes", RFC), ["12.1.1", "12.1.2", "12.1.3"]);
    assert_eq!(cited("§7.3 to 5 members, §9 to 10 keys", RFC), ["7.3", "9"]);
    assert_eq!(cited("§7.3-like", RFC), ["7.3"]);
}

#[test]
fn appendices() {
    assert_eq!(cited("(RFC 9420 §4, §7, Appendices B and C): leaves", RFC), ["4", "7", "B", "C"]);
    assert_eq!(cited("Appendix C, without cleverness; App. B", RFC), ["C", "B"]);
    assert_eq!(cited("RFC 6979, Appendix A.2; RFC 9180 Appendix A", RFC), Vec::<&str>::new());
    assert_eq!(cited("Appendix Concerning nothing", RFC), Vec::<&str>::new());
}

#[test]
fn sections_of_other_rfcs_do_not_count() {
    assert_eq!(cited("DHKEM (RFC 9180 §4.1, §7.1), over", RFC), Vec::<&str>::new());
    assert_eq!(cited("RFC 9750 §5.1, RFC 9420 §16.8, §10", RFC), ["16.8", "10"]);
    assert_eq!(cited("RFC 9420 §16.8, RFC 9750 §5.1", RFC), ["16.8"]);
    assert_eq!(cited("§7.1", 9180), Vec::<&str>::new());
    assert_eq!(cited("§7.1, RFC 9420 §7.1", 9180), ["7.1"]);
}

#[test]
fn a_file_means_the_rfc_it_opens_with() {
    let context_of = |source: &str| context(&comments(source));
    assert_eq!(context_of("//! Words.\n// RFC 9180 §4"), RFC);
    assert_eq!(context_of("//! DHKEM (RFC 9180 §4.1).\n"), 9180);
    assert_eq!(context_of("//! TLS (RFC 8446 §3, RFC 9420 §2.1).\n"), RFC);
    assert_eq!(context_of("//! ECDSA with deterministic nonces (RFC\n//! 6979).\n"), 6979);
}

#[test]
fn comment_lines_belong_together() {
    let source = "//! The\n//! file.\n\n/// An item\n/// (RFC\n/// 9420 §6).\n// Another.\nlet a = 1; // Behind.\n// Alone.\n\
                  let url = \"a // b\";\n";
    let found: Vec<_> =
        comments(source).into_iter().map(|comment| (comment.line, comment.header, comment.text)).collect();
    let expected = [
        (1, true, "The file."),
        (4, false, "An item (RFC 9420 §6)."),
        (7, false, "Another."),
        (8, false, "Behind."),
        (9, false, "Alone."),
    ];
    assert_eq!(found, expected.map(|(line, header, text)| (line, header, text.to_owned())));
}

#[test]
fn unknown_sections_and_ranges_are_refused() {
    assert!(positions("12.5", None).is_err());
    assert!(positions("7.4", Some("7.10")).is_err());
    assert!(positions("7.4", Some("8.5")).is_err());
    assert!(positions("7.6", Some("7.4")).is_err());
    assert!(positions("E", None).is_err());
}

#[test]
fn every_kind_of_vectors_covers_something() {
    assert!(VECTORS.iter().all(|(_, covered)| !cited(covered, RFC).is_empty()));
}
