//! Rules of RFC 9420 that no test can break, by their numbers in `docs/rules.md`, each with the reason: mostly, types that
//! cannot hold what is forbidden.

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
        id: 63,
        section: "6.1",
        check: "Tags are compared in constant time",
        reason: "both tags are compared by `Digest::ct_eq`; that no branch and no address depends on the secret, valgrind shows: \
                 `cargo xtask ct`",
    },
    Unbreakable {
        id: 79,
        section: "15.2",
        check: "AEAD limits of a key are respected",
        reason: "every key of the secret tree encrypts one message, every sender data key is of one sample: there is no \
                 volume to count. A ratchet that has no generation left refuses to encrypt (r091)",
    },
    Unbreakable {
        id: 134,
        section: "7.9.2",
        check: "A parent is bound by one chain of parent hashes, not by two",
        reason: "Chains from both sides would be hashes of each other: each covers its sibling, in which the other is \
                 stated. A leaf that the hash leaves out is one listed as unmerged, and begins no chain. That a parent \
                 without a chain is refused, and one with two ends on one side, r132 and r133 show.",
    },
    Unbreakable {
        id: 254,
        section: "14",
        check: "A Welcome is released only after its commit is accepted",
        reason: "the core cannot hold it back: CommitBundle has the Welcome as soon as the commit is made, and whoever \
                 sends it must wait. The SDK never sends one by itself: it posts it in the request that has the commit \
                 (the_welcome_of_a_commit_that_lost_reaches_nobody in cenacle's tests/traces.rs), and the service takes \
                 both in one transaction and hands out none of a commit that lost (a_commit_is_all_or_nothing in \
                 cenacle-service's tests/storage/conformance.rs). Of an external join, PendingJoin::accepted alone gives \
                 the group.",
    },
];
