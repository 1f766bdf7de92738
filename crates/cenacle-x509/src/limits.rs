//! Bounds on the chains that members present. Both together bound the work of judging one.

/// Most certificates in a credential. The end entity, four authorities and their root; path validation tries them in any
/// order, which is some three hundred partial paths for six certificates, and twice a factor of five more for eight.
pub const MAX_CERTIFICATES: usize = 6;

/// Most bytes in all certificates of a credential together. Five certificates with ML-DSA-65 keys and signatures fit;
/// classical ones have about one KiB each.
pub const MAX_CHAIN_BYTES: usize = 32 * 1024;
