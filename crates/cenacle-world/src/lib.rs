//! Groups of many clients by seed, in virtual time: every operation of the protocol over a service that loses, repeats and
//! reorders, with members who come and go, collide, restart, are restored from old backups, or are away for a long time; and
//! over a service that lies. A model that knows nothing of trees and keys says what must come of every single message; a
//! difference is a typed [`Finding`], never a panic.
//!
//! ```
//! # use cenacle_crypto::{CipherSuite, CryptoProvider};
//! # use cenacle_crypto_rustcrypto::RustCryptoProvider;
//! use cenacle_world::{Config, Simulation};
//! # let suite = RustCryptoProvider.suite(CipherSuite(1)).unwrap();
//! let config = Config { members: 6, epochs: 20, ..Config::of_seed(1) };
//! let report = Simulation::new(config, suite).run();
//! assert!(report.finding.is_none(), "{report:?}");
//! ```
//! The same configuration over the same cryptography gives the same run, event for event: [`Report::digest`] is made of them.
#![forbid(unsafe_code)]
#![allow(
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    clippy::wildcard_enum_match_arm,
    clippy::explicit_counter_loop,
    reason = "events are handed over whole, and what is not told apart is one case"
)]

extern crate alloc;

mod agenda;
mod authority;
mod config;
mod deep;
mod dice;
mod finding;
mod ids;
mod model;
mod person;
mod report;
mod run;
mod service;
mod witness;

pub use config::{Config, Recovery};
pub use deep::{Visible, unlike};
pub use dice::Dice;
pub use finding::{Finding, What};
pub use ids::{ActId, BranchId, EpochId, PersonId, ProposalId, SaidId};
pub use model::{Messages, Outcome, Why};
pub use report::{Progress, Report};
pub use run::Simulation;
pub use service::{Acts, Behaviour, Harmless, Notice, Signal, UnknownBehaviour};
