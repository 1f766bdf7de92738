//! Bounds on the chains that members present. Both together bound the work of judging one.

/// Most certificates in a credential: the end entity, four authorities, and their root, which need not be there. Path validation
/// tries them in any order: with six that is at most 326 partial paths, with eight it would be 8 660.
pub const MAX_CERTIFICATES: usize = 6;

/// Most bytes in all certificates of a credential together. Five certificates with ML-DSA-65 keys and signatures fit;
/// classical ones have about one KiB each. A certificate can be made of so small parts that reading it takes forty times its
/// length in memory, so this is also the bound of that.
pub const MAX_CHAIN_BYTES: usize = 32 * 1024;
