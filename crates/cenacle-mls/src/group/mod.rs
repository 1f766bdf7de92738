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
//!
//! One's own commit begins the new epoch when it comes back from the Delivery Service and is staged like any other message.
//!
//! ```
//! # use std::sync::Arc;
//! # use cenacle_crypto::{CipherSuite, CryptoProvider};
//! # use cenacle_crypto_rustcrypto::{RustCryptoProvider, SystemRng};
//! # use cenacle_mls::{group::*, wire::*};
//! # use cenacle_store::MemoryStore;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut rng = SystemRng;
//! # let suite = RustCryptoProvider.suite(CipherSuite(1)).ok_or("no such suite")?;
//! let client = |name: &str| -> Result<Client, cenacle_crypto::CryptoError> {
//!     let (secret, _) = suite.signature_key_pair(&mut SystemRng)?;
//!     let signer = Arc::from(suite.signer(&secret)?);
//!     Ok(Client::new(Arc::clone(&suite), signer, Credential::Basic(name.as_bytes().into())))
//! };
//! let (alice, bob) = (client("alice")?, client("bob")?);
//! let (mut alice_store, mut bob_store) = (MemoryStore::default(), MemoryStore::default());
//! let now = 1_800_000_000;
//! let lifetime = Lifetime { not_before: now - 3600, not_after: now + 80 * 24 * 3600 };
//! let inputs = Inputs::new(&AcceptAll).at(now); // an application gives its own policy here
//!
//! // Bob publishes a key package; Alice creates a group and adds him.
//! let offer = bob.key_package(lifetime, false, &mut rng)?.persist(&mut bob_store)?;
//! let MlsMessageBody::KeyPackage(package) = offer.body else { return Err("no key package".into()) };
//! let id = GroupId::from(&b"an identifier that nobody else chooses"[..]);
//! let new = alice.create_group(id, Extensions::default(), lifetime, &inputs, &mut rng)?;
//! let mut group = new.accept(&mut alice_store)?;
//! let commit = group.commit().add(package).build(&inputs, &mut rng)?;
//! let bundle = group.merge(commit, &mut alice_store)?; // stored; now it may be sent
//! let echo = group.stage(group.open(&bundle.commit)?, &inputs)?;
//! assert!(matches!(group.merge(echo, &mut alice_store)?, Received::OwnCommit(_)));
//!
//! // Bob joins and reads.
//! let Some(MlsMessageBody::Welcome(welcome)) = bundle.welcome.map(|message| message.body) else {
//!     return Err("no Welcome".into());
//! };
//! let own = OwnKeyPackage::find(&bob_store, &welcome)?.ok_or("for somebody else")?;
//! let mut joined = bob.join(&welcome, &own, None, &inputs)?.accept(&mut bob_store)?;
//! let message = group.merge(group.protect(b"hello", b"", &mut rng)?, &mut alice_store)?;
//! let received = joined.stage(joined.open(&message)?, &inputs)?;
//! let Received::Application(message) = joined.merge(received, &mut bob_store)? else { return Err("no data".into()) };
//! assert_eq!(message.data.expose(), b"hello");
//! # Ok(())
//! # }
//! ```

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
mod new_group;
mod observer;
mod open;
mod outside;
mod partial;
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
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod transition;
mod welcome;

pub use client::Client;
pub use commit::{CommitBuilder, CommitBundle};
pub use external::{ExternalJoin, PendingJoin};
pub use found::{FoundedGroup, Founding};
pub use inputs::{Inputs, Psks};
pub use key_package::OwnKeyPackage;
pub use new_group::NewGroup;
pub use observer::{Observation, Observed, Observer};
pub use open::Opened;
pub use partial::PartialGroup;
pub use policy::{
    AcceptAll, CredentialPolicy, CustomProposal, DefaultPolicy, GroupPolicy, Occasion, Presented, Verdict,
};
pub use public::PublicGroup;
pub use settings::{Grease, Handshake, Lifetimes, Settings};
pub use stage::{ApplicationMessage, CommitSummary, Received};
pub use state::Group;
pub use transition::{AwaitingMerge, Transition};
