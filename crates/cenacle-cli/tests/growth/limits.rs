//! What each step may need, by reasoning about the protocol. Sizes are those of suite 1: keys, digests and secrets of 32
//! bytes, 33 with their length; a ciphertext of a path secret with its encapsulated key takes 82.
//!
//! For each level that a tree has more:
//! - A path that is sent has one node more: a key and a ciphertext, 117 bytes with the length of the list between them.
//! - A parent with a new key hashes 135 bytes for its tree hash and 99 for its parent hash.
//! - Whatever key comes or goes is found under its hash, from 32 bytes, in the index of all keys. To change the index
//!   copies one bucket, and the branches above that no other key has copied: of up to 5 at 8,192 members and 1 or 2 at 64.
//! - The first message of a sender in an epoch, a commit as well, divides one secret more of the secret tree: 2 KDF calls
//!   with 41 bytes of labels, and a row of 52 bytes for the sibling.
//! - A row of a parent takes 78 bytes, one of a private key 44; an erased row takes the 11 bytes of its key.
//!
//! Memory is measured, not derived: its bounds are up to a quarter above what was seen, as it depends on random keys how full
//! the buckets are. An eight-byte pointer for each of 8,192 members is beyond every bound.

use crate::{
    bounds::Bound::{self, AtMost, Exactly, Grows, GrowsAnd},
    figures::Figure::{
        self, AllocatedBytes, Allocations, Changes, Decapsulations, DeltaBytes, Encapsulations, ExpandedBytes, Expands,
        ExtractedBytes, Extracts, HashedBytes, Hashes, KeyChecks, KeyPairs, OpenedBytes, ReadBytes, RowsRead,
        SealedBytes, Seals, SentBytes, Signatures, SignedBytes, Verifications, VerifiedBytes,
    },
};

type Bounds = &'static [(Figure, Bound)];

/// A message is filled up to a multiple of 32 bytes.
const FILL: u64 = 31;
/// Lengths of long lists take more bytes than those of short ones.
const LENGTHS: u64 = 16;

pub(crate) fn of(step: &str) -> Bounds {
    match step {
        "send" => SEND,
        "receive" => RECEIVE,
        "send_first" => SEND_FIRST,
        "receive_first" => RECEIVE_FIRST,
        "open_and_receive" => OPEN_AND_RECEIVE,
        "commit_update" => COMMIT_UPDATE,
        "process_commit" => PROCESS_COMMIT,
        "remove_one" => REMOVE_ONE,
        "process_remove" => PROCESS_REMOVE,
        "add_one" => ADD_ONE,
        "process_add" => PROCESS_ADD,
        "join" => JOIN,
        "create" => CREATE,
        _ => panic!("{step} has no bounds"),
    }
}

/// Nothing grows.
const SEND: Bounds = &[
    (Signatures, Exactly(0, 1)),
    (Verifications, Exactly(0, 0)),
    // The content and who sent it.
    (Seals, Exactly(0, 2)),
    // Key, nonce and next secret of the ratchet; key and nonce of the sender data.
    (Expands, Exactly(0, 5)),
    // No row before the generations are used up that were reserved.
    (Changes, Exactly(0, 0)),
    (SentBytes, AtMost(256)),
];

const RECEIVE: Bounds = &[
    (Signatures, Exactly(0, 0)),
    (Verifications, Exactly(0, 1)),
    (Expands, Exactly(0, 5)),
    // The ratchet.
    (Changes, Exactly(0, 1)),
    (DeltaBytes, AtMost(256)),
];

/// Divides secrets, and reserves 32 generations whatever the size.
const SEND_FIRST: Bounds = &[
    (Signatures, Exactly(0, 1)),
    (Verifications, Exactly(0, 0)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    (Changes, Grows(1)),
    (DeltaBytes, Grows(52)),
    (DeltaBytes, AtMost(1_024)),
    // A label twice, a shared secret twice, key and value of the row, and now and then a node of a map.
    (Allocations, Grows(9)),
    (AllocatedBytes, Grows(400)),
];

const RECEIVE_FIRST: Bounds = &[
    (Signatures, Exactly(0, 0)),
    (Verifications, Exactly(0, 1)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    (Changes, Grows(1)),
    (DeltaBytes, Grows(52)),
    (DeltaBytes, AtMost(1_024)),
    (Allocations, Grows(9)),
    (AllocatedBytes, Grows(400)),
];

/// As the first message otherwise: what is read before it does not grow.
const OPEN_AND_RECEIVE: Bounds = &[
    (Signatures, Exactly(0, 0)),
    (Verifications, Exactly(0, 1)),
    (Hashes, Exactly(0, 0)),
    (RowsRead, Grows(0)),
    (RowsRead, AtMost(24)),
    (ReadBytes, Grows(0)),
    (ReadBytes, AtMost(4_096)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    (Changes, Grows(1)),
    (DeltaBytes, Grows(52)),
    // What is looked for on the way to the leaf besides: a name of a row on each level.
    (Allocations, Grows(12)),
    (AllocatedBytes, Grows(900)),
];

const COMMIT_UPDATE: Bounds = &[
    // The leaf and the commit.
    (Signatures, Exactly(0, 2)),
    // Its echo is the one that was kept, and not processed again.
    (Verifications, Exactly(0, 0)),
    (Decapsulations, Exactly(0, 0)),
    // One recipient beside each node of the path; its key and the leaf's.
    (Encapsulations, Exactly(1, 0)),
    (KeyPairs, Exactly(1, 1)),
    (Seals, Exactly(1, 2)),
    // The old key's name and the new one's, parent hash, tree hash.
    (Hashes, Grows(4)),
    // 64, 99 and 135, and the path in the transcript.
    (HashedBytes, Grows(298 + 117)),
    // The HPKE secret, from a label of 23 bytes. The context is hashed once for all.
    (Extracts, Grows(1)),
    (ExtractedBytes, Grows(23)),
    // Two of the path, two of HPKE, two of the secret tree.
    (Expands, Grows(6)),
    // Of the path 16 and 16, of HPKE 87 and 94.
    (ExpandedBytes, Grows(32 + 181 + 41)),
    // The commit, and the path secrets with it.
    (SealedBytes, GrowsAnd(117 + 32, FILL)),
    (SignedBytes, Grows(117)),
    (SentBytes, GrowsAnd(117, FILL)),
    // A parent, its private key, a sibling's secret.
    (Changes, Grows(3)),
    // The commit waits with the rows that its echo makes real, a few bytes around each, and then these are written.
    (DeltaBytes, GrowsAnd(117 + (78 + 44 + 7) + (78 + 44) + 52, FILL)),
    (DeltaBytes, AtMost(10_240)),
    (Allocations, Grows(61)),
    (AllocatedBytes, Grows(8_000)),
];

const PROCESS_COMMIT: Bounds = &[
    (Signatures, Exactly(0, 0)),
    // The commit and the leaf.
    (Verifications, Exactly(0, 2)),
    // One path secret; sender and receiver have nothing but the root in common.
    (Decapsulations, Exactly(0, 1)),
    (Encapsulations, Exactly(0, 0)),
    (KeyPairs, Exactly(0, 1)),
    // Each key of the path and that of the leaf.
    (KeyChecks, Exactly(1, 1)),
    // As for the committer; and whether the key is in use already.
    (Hashes, Grows(5)),
    (HashedBytes, Grows(298 + 32 + 117)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    (OpenedBytes, GrowsAnd(117, FILL)),
    (VerifiedBytes, Grows(117)),
    // A parent, a sibling's secret.
    (Changes, Grows(2)),
    (DeltaBytes, Grows(78 + 52)),
    (DeltaBytes, AtMost(8_192)),
    (Allocations, Grows(36)),
    (AllocatedBytes, Grows(5_800)),
];

/// The removed member's path is blanked, in the other half of the tree; and the committer's renewed.
const REMOVE_ONE: Bounds = &[
    (Signatures, Exactly(0, 2)),
    (Verifications, Exactly(0, 0)),
    (Decapsulations, Exactly(0, 0)),
    // One recipient on each level of the committer's half, and one on each of the other, whose parents are blank.
    (Encapsulations, Exactly(2, -2)),
    (KeyPairs, Exactly(1, 1)),
    (Seals, Exactly(2, 0)),
    // As for an update; the name of the blanked parent's key and its tree hash.
    (Hashes, Grows(4 + 2)),
    // A blank parent hashes 68 bytes.
    (HashedBytes, Grows(298 + 32 + 68 + 117 + 82)),
    (Extracts, Grows(2)),
    (ExtractedBytes, Grows(2 * 23)),
    // Two of the path, four of HPKE. The secrets were divided by a message before.
    (Expands, Grows(6)),
    (ExpandedBytes, Grows(32 + 2 * 181)),
    (SealedBytes, GrowsAnd(117 + 82 + 2 * 32, FILL)),
    (SignedBytes, Grows(117 + 82)),
    (SentBytes, GrowsAnd(117 + 82, FILL)),
    // A parent, its private key, a blank.
    (Changes, Grows(3)),
    (DeltaBytes, GrowsAnd(117 + 82 + (78 + 44 + 11 + 9) + (78 + 44 + 11), FILL)),
    (DeltaBytes, AtMost(10_240)),
    (Allocations, Grows(75)),
    (AllocatedBytes, Grows(10_800)),
];

const PROCESS_REMOVE: Bounds = &[
    (Signatures, Exactly(0, 0)),
    (Verifications, Exactly(0, 2)),
    (Decapsulations, Exactly(0, 1)),
    (KeyPairs, Exactly(0, 1)),
    (KeyChecks, Exactly(1, 1)),
    (Hashes, Grows(5 + 2)),
    (HashedBytes, Grows(298 + 32 + 32 + 68 + 117 + 82)),
    (Expands, Grows(0)),
    (OpenedBytes, GrowsAnd(117 + 82, FILL)),
    (VerifiedBytes, Grows(117 + 82)),
    // A parent; a blank, and the private key that the receiver had of it.
    (Changes, Grows(3)),
    (DeltaBytes, Grows(78 + 11 + 11)),
    (DeltaBytes, AtMost(8_192)),
    (Allocations, Grows(41)),
    (AllocatedBytes, Grows(7_400)),
];

/// No path: each parent above the new leaf lists it as unmerged.
const ADD_ONE: Bounds = &[
    // The commit and the GroupInfo.
    (Signatures, Exactly(0, 2)),
    // Key package and leaf.
    (Verifications, Exactly(0, 2)),
    // The joiner's.
    (Encapsulations, Exactly(0, 1)),
    (KeyPairs, Exactly(0, 0)),
    // Tree hash, with one unmerged leaf.
    (Hashes, Grows(1)),
    (HashedBytes, Grows(135 + 4)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    // A parent, a sibling's secret. The parent's row waits with the commit, and is then written.
    (Changes, Grows(2)),
    (DeltaBytes, Grows(2 * (78 + 4) + 4 + 52)),
    (DeltaBytes, AtMost(8_192)),
    (Allocations, Grows(18)),
    (AllocatedBytes, Grows(2_700)),
];

const PROCESS_ADD: Bounds = &[
    (Signatures, Exactly(0, 0)),
    // The commit, key package and leaf.
    (Verifications, Exactly(0, 3)),
    (Decapsulations, Exactly(0, 0)),
    (KeyPairs, Exactly(0, 0)),
    (Hashes, Grows(1)),
    (HashedBytes, Grows(135 + 4)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(41)),
    (Changes, Grows(2)),
    (DeltaBytes, Grows(78 + 4 + 52)),
    (DeltaBytes, AtMost(8_192)),
    (Allocations, Grows(17)),
    (AllocatedBytes, Grows(2_000)),
];

/// Whoever joins checks every member, once.
const JOIN: Bounds = &[
    (Signatures, Exactly(0, 0)),
    // Each leaf, and the GroupInfo.
    (Verifications, Exactly(1, 1)),
    (Decapsulations, Exactly(0, 1)),
    (KeyPairs, Grows(0)),
    // A leaf's key, and that of a parent; the lowest parent above the new leaf is blank, and there is no parent of the root.
    (KeyChecks, Exactly(2, -2)),
    // For a leaf and a parent: two tree hashes, three names of keys, and two parent hashes, as either child may be the one
    // that states it. Beside those of a lowest parent a leaf is hashed, whose hash is not kept. Besides, what was hashed
    // of each parent's subtree without the new leaf: from its level down, 45 - 21.
    (Hashes, GrowsAnd(7, 32)),
    // Of a leaf 200, of a parent 135; three names; one and a half parent hashes, and half as many leaves once more.
    (HashedBytes, GrowsAnd(200 + 135 + 96 + 148 + 100, 4_096)),
    // The Welcome is hashed and decrypted once, of a leaf and a parent 262 bytes.
    (ExtractedBytes, Grows(262)),
    (OpenedBytes, Grows(262)),
    // A leaf, with its label, the group and the leaf's index.
    (VerifiedBytes, Grows(413)),
    // A leaf's row and a parent's.
    (Changes, Grows(2)),
    (DeltaBytes, Grows(280)),
    (Allocations, Grows(63)),
    (AllocatedBytes, Grows(6_750)),
];

/// The same for each joiner, however many there are: what is sealed to all of them is hashed once.
const CREATE: Bounds = &[
    // The commit and the GroupInfo.
    (Signatures, Exactly(0, 2)),
    // Of each joiner the key package and its leaf.
    (Verifications, Exactly(2, -2)),
    (KeyChecks, Exactly(2, -2)),
    (Encapsulations, Exactly(1, -1)),
    (KeyPairs, Grows(0)),
    // Of each joiner the leaf, a blank parent, names of two keys as they come and of one as it is looked for, and the
    // key package's reference.
    (Hashes, Grows(6)),
    (HashedBytes, Grows(943)),
    // The HPKE secret. The GroupInfo, the context of all of them, is 180 bytes for each leaf and goes in once.
    (Extracts, Grows(1)),
    (ExtractedBytes, GrowsAnd(23 + 180, LENGTHS)),
    (Expands, Grows(2)),
    (ExpandedBytes, Grows(181)),
    (Seals, Exactly(1, 2)),
    (SealedBytes, GrowsAnd(499, LENGTHS)),
    // The commit with the key package, and the GroupInfo with the leaf.
    (SignedBytes, GrowsAnd(464, LENGTHS)),
    (VerifiedBytes, Grows(372)),
    // A leaf, in the pending commit and again.
    (Changes, Grows(2)),
    (DeltaBytes, GrowsAnd(711, LENGTHS)),
    (Allocations, Grows(53)),
    (AllocatedBytes, Grows(12_650)),
];
