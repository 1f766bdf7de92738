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
        id: 42,
        section: "5.3.3",
        check: "An application_id is never taken for authenticated",
        reason: "nothing looks a member up by its application_id, or reads one at all: it is bytes in a leaf, for the \
                 application. Two members may have the same.",
    },
    Unbreakable {
        id: 45,
        section: "6",
        check: "Who is no member sends in the clear only",
        reason: "the sender data of a PrivateMessage has a leaf index and no type of sender; a content that is signed as \
                 from outside and encrypted by a member does not verify (r046, r075)",
    },
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
        id: 210,
        section: "12.1.8",
        check: "Proposals from outside travel in the clear only",
        reason: "propose_externally and propose_joining give a PublicMessage; a PrivateMessage has no field for another \
                 sender than a member. See `r210` below.",
    },
    Unbreakable {
        id: 254,
        section: "14",
        check: "A Welcome is released only after its commit is accepted",
        reason: "the service takes a commit and its Welcomes in one request and one transaction, and hands out none of a \
                 commit that lost: a_commit_is_all_or_nothing in cenacle-service's tests/storage/conformance.rs. Of an \
                 external join, PendingJoin::accepted alone gives the group.",
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
