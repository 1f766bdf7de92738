//! One negative test for each rule of RFC 9420, by its number in `docs/rules.md`: a message that breaks the rule and no
//! other, made by an insider who has all secrets, is refused with the one right error and leaves no trace; the same message
//! without the fault is accepted, and the group goes on. The first line of a test's comment says section and rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "a test fails by panicking")]

extern crate alloc;

mod common;

mod a_codec;
mod b_credentials;
mod c_framing;
mod d_private;
mod e_leaf;
mod f_tree;
mod g_schedule;
mod h_key_package;
mod i_proposals;
mod j_commit;
mod k_welcome;
mod l_extensions;
