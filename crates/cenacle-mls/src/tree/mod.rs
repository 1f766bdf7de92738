//! The ratchet tree (RFC 9420 §4, §7, Appendices B and C): its members' leaves, the shared keys above them, the hashes
//! that bind both, and the paths of fresh keys that commits carry.
//!
//! A [`RatchetTree`] is a value of shared nodes: a changed version copies O(log n) of them. Public and secret halves
//! are apart: [`TreePrivate`] holds what one member knows. Nothing here knows epochs, messages or proposals.

mod edit;
mod hash;
mod keys;
pub mod math;
mod node;
mod nodes;
mod parent_hash;
mod path;
mod private;
mod ratchet_tree;
mod roster;
mod rows;
mod subtree;
mod trie;
mod validate;

pub use edit::TreeEdit;
pub use math::NodeIndex;
pub use node::Leaf;
pub use nodes::{Leaves, PathStep};
pub use path::{PathDraft, path_context};
pub use private::TreePrivate;
pub use ratchet_tree::RatchetTree;
pub use roster::Roster;
pub use rows::TreeRow;
pub use validate::{LeafCheck, LeafPlace};

#[cfg(test)]
mod tests;
