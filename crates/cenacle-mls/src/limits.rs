//! Every bound of the protocol core, with its unit and its reason. What an application may choose is in [`Limits`];
//! the rest is fixed.

/// Bounds that an application may change for its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many generations a ratchet is moved forward for one received message (RFC 9420 §15.3). Each costs four
    /// KDF calls before anything is authenticated beyond the group's own sender-data key.
    pub forward_generations: u32,
    /// How many skipped message keys are kept for each sender and kind of content (RFC 9420 §15.3); the oldest go first.
    pub skipped_keys: u32,
    /// For how many past epochs late application messages can still be read (RFC 9420 §15.3).
    pub past_epochs: u32,
    /// For how many epochs the resumption PSK is kept (RFC 9420 §8.6), the present one among them.
    pub resumption_psks: u32,
    /// How many proposals may wait for a commit, an eighth of them of one sender; further ones are refused. A member
    /// that has room for fewer than the others cannot follow a commit of what it refused.
    pub pending_proposals: usize,
    /// How many generations of the own ratchets one durable write reserves: a crash loses at most as many, which
    /// receivers skip, so it must stay well below their `forward_generations`.
    pub reserved_generations: u32,
    /// Longest validity a leaf may claim, in seconds (RFC 9420 §7.2): 84 days and an hour for clock skew. All members of a
    /// group must have the same: one with less refuses a commit that the others follow, and the group itself on joining.
    pub lifetime_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            forward_generations: 1_024,
            skipped_keys: 1_024,
            past_epochs: 5,
            resumption_psks: 32,
            pending_proposals: 4_096,
            reserved_generations: 32,
            lifetime_seconds: 84 * 24 * 3600 + 3600,
        }
    }
}

/// Deepest tree: 2^20 leaves. A blank leaf costs a byte on the wire and some hundred in memory, so a tree that somebody
/// else describes must end somewhere.
pub const MAX_TREE_LEVEL: u8 = 20;

/// Longest secret an application may export at once, in outputs of the suite's hash: what one HKDF-Expand gives.
pub const MAX_EXPORT_HASHES: usize = 255;
