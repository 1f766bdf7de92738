//! Someone who is in no group and gets all handshakes in the clear: an observer of Cenacle's core, as a Delivery Service or
//! an external sender may be one. It follows groups of any implementations, and after every few messages it is dropped and
//! read back from its rows.

extern crate alloc;

use alloc::sync::Arc;

use cenacle_crypto::{CipherSuite, CryptoProvider as _, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::group::{AcceptAll, Inputs, Observed, Observer, Settings};
use cenacle_mls::wire::{MlsMessage, MlsMessageBody};
use cenacle_store::MemoryStore;

use super::cenacle_peer::{decode, encode};
use super::{PeerError, PeerResult, Received, View};

const NAME: &str = "Cenacle's observer";

/// It is reloaded after every so many messages.
const RELOAD_EVERY: u32 = 4;

/// An observer of one group.
#[derive(Debug)]
pub struct CenacleObserver {
    suite: Arc<dyn Suite>,
    store: MemoryStore,
    observer: Observer,
    messages: u32,
}

fn refuse<E: core::fmt::Debug>(operation: &'static str) -> impl FnOnce(E) -> PeerError {
    move |error| PeerError::new(NAME, operation, &error)
}

fn inputs() -> Inputs<'static> {
    Inputs::new(&AcceptAll).with_policy(&AcceptAll)
}

impl CenacleObserver {
    /// Begins to observe a group.
    ///
    /// # Errors
    ///
    /// The observer's refusal.
    pub fn new(suite: u16, view: &View) -> PeerResult<Self> {
        let suite: Arc<dyn Suite> = AwsLcProvider
            .suite(CipherSuite(suite))
            .ok_or_else(|| PeerError::new(NAME, "take the cipher suite", &CipherSuite(suite)))?;
        let MlsMessageBody::GroupInfo(info) = decode::<MlsMessage>(&view.group_info)?.body else {
            return Err(PeerError::new(NAME, "begin", &"another kind of message"));
        };
        let tree = view.ratchet_tree.as_deref().map(decode).transpose()?;
        let mut store = MemoryStore::default();
        let observer = Observer::new(&info, tree, Arc::clone(&suite), Settings::default(), &inputs())
            .map_err(refuse("begin"))?
            .persist(&mut store)
            .map_err(refuse("store the group"))?;
        Ok(Self { suite, store, observer, messages: 0 })
    }

    /// Takes in a public handshake.
    ///
    /// # Errors
    ///
    /// The observer's refusal.
    pub fn receive(&mut self, message: &[u8]) -> PeerResult<Received> {
        let observation = self.observer.stage(&decode(message)?, &inputs()).map_err(refuse("follow"))?;
        let observed = self.observer.merge(observation, &mut self.store).map_err(refuse("store what it followed"))?;
        self.messages = self.messages.wrapping_add(1);
        if self.messages.is_multiple_of(RELOAD_EVERY) {
            let id = self.observer.public().group_id().clone();
            let loaded = Observer::load(&self.store, &id, Arc::clone(&self.suite), Settings::default());
            let loaded = loaded.map_err(refuse("reload the group"))?;
            self.observer = loaded.ok_or_else(|| PeerError::new(NAME, "reload the group", &"nothing is stored"))?;
        }
        Ok(match observed {
            Observed::Proposal { .. } => Received::Proposal,
            Observed::Commit(_) => Received::Commit,
        })
    }

    /// The GroupContext: identifier, epoch, tree hash, transcript and extensions (RFC 9420 §8.1).
    ///
    /// # Errors
    ///
    /// When it cannot be encoded.
    pub fn group_context(&self) -> PeerResult<Vec<u8>> {
        encode(self.observer.public().context())
    }

    /// The bare `ratchet_tree` vector of the current epoch.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded.
    pub fn ratchet_tree(&self) -> PeerResult<Vec<u8>> {
        encode(self.observer.public().tree())
    }
}
