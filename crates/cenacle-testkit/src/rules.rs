//! Rules of RFC 9420 that no test can break, by their numbers in `docs/rules.md`, each with the reason: mostly, types that
//! cannot hold what is forbidden. Where that can be shown, an example that does not compile stands with the reason.

/// A rule without a test of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbreakable {
    /// Its number.
    pub id: u16,
    /// The section that states it.
    pub section: &'static str,
    /// What it asks for.
    pub check: &'static str,
    /// Why there is nothing to test, or where it is shown instead.
    pub reason: &'static str,
}

/// All of them, by number.
pub const UNBREAKABLE: &[Unbreakable] = &[
    Unbreakable {
        id: 134,
        section: "7.9.2",
        check: "A parent is bound by one chain of parent hashes, not by two",
        reason: "Chains from both sides would be hashes of each other: each covers its sibling, in which the other is \
                 stated. A leaf that the hash leaves out is one listed as unmerged, and begins no chain. That a parent \
                 without a chain is refused, and one with two ends on one side, r132 and r133 show.",
    },
    Unbreakable {
        id: 210,
        section: "12.1.8",
        check: "Proposals from outside travel in the clear only",
        reason: "propose_externally and propose_joining give a PublicMessage; a PrivateMessage has no field for another \
                 sender than a member. See `propose_externally` below.",
    },
];

/// Rule 210: an external sender's client has no way to encrypt what it proposes.
///
/// ```compile_fail,E0599
/// fn encrypted(client: &cenacle_mls::group::Client, group: &cenacle_mls::group::PublicGroup) {
///     let _ = client.protect(group, b"proposal");
/// }
/// ```
pub mod r210 {}
