//! One sender's symmetric ratchet (RFC 9420 §9.1): forward only, one key a generation, a bounded memory for keys that
//! were skipped (§15.3).

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use cenacle_codec::{Decode, DecodeError, Encode, Reader, Writer, codec_struct};
use cenacle_crypto::{
    CryptoError, Secret, Suite,
    labeled::{derive_tree_secret, expand_with_label},
};

use crate::{Error, Misuse, limits::Limits, wire::Generation};

/// Which of a sender's two ratchets (RFC 9420 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RatchetKind {
    /// For proposals and commits.
    Handshake,
    /// For application data.
    Application,
}

impl RatchetKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Application => "application",
        }
    }
}

impl Encode for RatchetKind {
    fn encode(&self, out: &mut Writer) {
        out.put(match self {
            Self::Handshake => &0u8,
            Self::Application => &1u8,
        });
    }
}

impl Decode for RatchetKind {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            0 => Ok(Self::Handshake),
            1 => Ok(Self::Application),
            _ => Err(before.error(cenacle_codec::DecodeErrorKind::UnknownVariant("RatchetKind"))),
        }
    }
}

codec_struct! {
    /// Key and nonce of one message.
    #[derive(Debug)]
    pub struct MessageKey {
        /// AEAD key.
        pub key: Secret,
        /// AEAD nonce, before the reuse guard is mixed in.
        pub nonce: Secret,
    }

    /// Where a ratchet stands: the next generation and the secret it comes of.
    #[derive(Debug)]
    pub(crate) struct Head {
        pub(crate) generation: u32,
        pub(crate) secret: Secret,
    }
}

impl Head {
    /// Generation 0 of a leaf's ratchet.
    pub(super) fn first(suite: &dyn Suite, leaf_secret: &Secret, kind: RatchetKind) -> Result<Self, CryptoError> {
        let secret = expand_with_label(suite, leaf_secret, kind.label(), &[], suite.hash_length())?;
        Ok(Self { generation: 0, secret })
    }

    fn key(&self, suite: &dyn Suite) -> Result<MessageKey, CryptoError> {
        let derive = |label, length| derive_tree_secret(suite, &self.secret, label, self.generation, length);
        Ok(MessageKey {
            key: derive("key", suite.aead_key_length())?,
            nonce: derive("nonce", suite.aead_nonce_length())?,
        })
    }

    fn next(&self, suite: &dyn Suite) -> Result<Self, Error> {
        let generation = self.generation.checked_add(1).ok_or(Misuse::RatchetExhausted)?;
        let secret = derive_tree_secret(suite, &self.secret, "secret", self.generation, suite.hash_length())?;
        Ok(Self { generation, secret })
    }

    /// The head `steps` generations on, at least one and at most to the last generation.
    fn ahead(&self, suite: &dyn Suite, steps: u32) -> Result<Self, Error> {
        let mut head = self.next(suite)?;
        for _ in 1..steps {
            match head.next(suite) {
                Ok(next) => head = next,
                Err(Error::Misuse(_)) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(head)
    }
}

/// A ratchet: its head, and the keys that were skipped. Parts are shared between copies and never changed in place.
#[derive(Clone, Debug)]
pub(crate) struct Ratchet {
    pub(super) head: Arc<Head>,
    /// The generation of the stored head. Beyond the head's own for one's own ratchets: those generations are reserved.
    pub(super) stored: u32,
    pub(super) skipped: BTreeMap<u32, Arc<MessageKey>>,
}

/// What the use of a key would do to a ratchet.
#[derive(Debug, Default)]
pub(crate) struct RatchetChange {
    /// The new head, if it moves.
    pub(super) head: Option<Arc<Head>>,
    /// The head to be stored, if a row must be written.
    pub(super) store: Option<Arc<Head>>,
    /// Keys to keep for messages still on their way.
    pub(super) keep: Vec<(u32, Arc<MessageKey>)>,
    /// Keys to erase: used, or the oldest of too many.
    pub(super) forget: Vec<u32>,
}

impl Ratchet {
    pub(super) fn new(head: Head) -> Self {
        Self { stored: head.generation, head: Arc::new(head), skipped: BTreeMap::new() }
    }

    /// The key of a received message, and what using it would change.
    pub(super) fn key_for(
        &self,
        suite: &dyn Suite,
        wanted: Generation,
        limits: &Limits,
    ) -> Result<(Arc<MessageKey>, RatchetChange), Error> {
        let Some(distance) = wanted.0.checked_sub(self.head.generation) else {
            let key = self.skipped.get(&wanted.0).ok_or(Error::KeyGone(wanted))?;
            let change = RatchetChange { forget: alloc::vec![wanted.0], ..RatchetChange::default() };
            return Ok((Arc::clone(key), change));
        };
        if distance > limits.forward_generations {
            return Err(Error::TooFarAhead(wanted));
        }
        let mut keep = Vec::new();
        let mut head = Arc::clone(&self.head);
        for generation in self.head.generation..wanted.0 {
            keep.push((generation, Arc::new(head.key(suite)?)));
            head = Arc::new(head.next(suite)?);
        }
        let key = Arc::new(head.key(suite)?);
        let head = Arc::new(head.next(suite)?);
        let change = RatchetChange {
            forget: self.oldest_beyond(&mut keep, limits),
            store: Some(Arc::clone(&head)),
            head: Some(head),
            keep,
        };
        Ok((key, change))
    }

    /// Trims what would be kept to the limit, the oldest first, and names the ones already kept that must go.
    fn oldest_beyond(&self, keep: &mut Vec<(u32, Arc<MessageKey>)>, limits: &Limits) -> Vec<u32> {
        let limit = usize::try_from(limits.skipped_keys).unwrap_or(usize::MAX);
        let excess = (self.skipped.len() + keep.len()).saturating_sub(limit);
        let forget: Vec<u32> = self.skipped.keys().copied().take(excess).collect();
        keep.drain(..(excess - forget.len()).min(keep.len()));
        forget
    }

    /// The key of the next message of one's own. Unless its generation is reserved already, the change stores a head
    /// `reserve` generations on: whatever happens then, none of them is used twice.
    pub(super) fn next_own(
        &self,
        suite: &dyn Suite,
        reserve: u32,
    ) -> Result<(Generation, Arc<MessageKey>, RatchetChange), Error> {
        let head = Arc::new(self.head.next(suite)?);
        let store =
            if head.generation <= self.stored { None } else { Some(Arc::new(self.head.ahead(suite, reserve)?)) };
        let key = Arc::new(self.head.key(suite)?);
        let change = RatchetChange { head: Some(head), store, ..RatchetChange::default() };
        Ok((Generation(self.head.generation), key, change))
    }

    /// The head as it is stored: one's own ratchets where their reservations end.
    pub(super) fn stored_head(&self, suite: &dyn Suite) -> Result<Arc<Head>, Error> {
        match self.stored.saturating_sub(self.head.generation) {
            0 => Ok(Arc::clone(&self.head)),
            reserved => Ok(Arc::new(self.head.ahead(suite, reserved)?)),
        }
    }

    pub(super) fn apply(&mut self, change: RatchetChange) {
        if let Some(head) = change.head {
            self.stored = self.stored.max(head.generation);
            self.head = head;
        }
        if let Some(stored) = change.store {
            self.stored = stored.generation;
        }
        self.skipped.extend(change.keep);
        for generation in change.forget {
            self.skipped.remove(&generation);
        }
    }
}
