//! Looking inside: `cenacle inspect`.
//!
//! [`inspect`] takes bytes for a structure of RFC 9420 and gives a tree of named [`Value`]s, to be rendered as text or JSON;
//! [`draw_tree`] draws ratchet trees. No key is used and no rule is checked: whatever decodes is shown.

mod command;
mod date;
mod draw;
mod hex_dump;
mod input;
mod shape;
#[cfg(test)]
mod tests;
mod value;
mod wire;

pub use command::InspectArgs;
pub use draw::{MAX_DRAWN_LEAVES, draw_tree};
pub use shape::{Inspected, NotDecodable, Shape, inspect};
pub use value::{Content, Length, Value};
