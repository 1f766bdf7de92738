//! The group as a state machine (RFC 9420 §11, §12): create, join, propose, commit, receive, leave epochs behind.
//!
//! ```text
//!            open                    stage                      merge
//! message ──────────▶ Opened ──────────────────▶ Transition ──────────────▶ new state, output
//!          (&self, AEAD         (&self, every rule      (stored first, then
//!           and signature)       of §12, tag)            taken into use)
//! ```
//! `open` and `stage` borrow the group and change nothing; a refused input leaves no trace. Sending is the same: building
//! a message or a commit gives a [`Transition`], and its bytes come out of [`Group::merge`], after its delta is stored.

mod admit;
mod apply;
mod client;
mod commit;
mod create;
mod external;
mod found;
mod grease;
mod inputs;
mod join;
mod key_package;
mod leaf;
mod list;
mod load;
mod observer;
mod open;
mod outside;
mod past;
mod pending;
mod policy;
mod proposals;
mod public;
mod rows;
mod select;
mod send;
mod settings;
mod stage;
mod state;
mod transition;
mod welcome;

pub use client::Client;
pub use commit::{CommitBuilder, CommitBundle};
pub use external::{ExternalJoin, PendingJoin};
pub use found::{FoundedGroup, Founding};
pub use inputs::{Inputs, Psks};
pub use join::NewGroup;
pub use key_package::OwnKeyPackage;
pub use observer::{Observation, Observed, Observer};
pub use open::Opened;
pub use policy::{
    AcceptAll, CredentialPolicy, CustomProposal, DefaultPolicy, GroupPolicy, Occasion, Presented, Verdict,
};
pub use public::PublicGroup;
pub use settings::{Grease, Handshake, Lifetimes, Settings};
pub use stage::{ApplicationMessage, CommitSummary, Received};
pub use state::Group;
pub use transition::{AwaitingMerge, Transition};
