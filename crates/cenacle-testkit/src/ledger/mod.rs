//! A ledger of every nonce that left under every key. A [`Ledger`] watches suites: each AEAD seal and each encapsulation that
//! goes through one of them is entered, and a repeat is a panic.
//!
//! Of a nonce the first four bytes are left out, where RFC 9420 §6.3.1 mixes the reuse guard in: what the ledger finds would
//! also be found where the guards happen to be equal. HPKE is covered in two ways: its seals go through the suite's AEAD, and
//! each encapsulated key is entered as well, since one that comes twice is an ephemeral key that was used twice.
//!
//! What is sealed counts as having left the moment it is made. In the library's own model it has not: a transition that is
//! dropped instead of merged has never happened. Whoever makes one can say so with an [`Attempt`]; whoever forgets to gets a
//! false alarm and no false peace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "support of tests, which fail by panicking"
)]

#[cfg(feature = "world")]
pub mod mill;
mod watched;

use alloc::sync::Arc;
use core::fmt;
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard},
    thread,
};

use cenacle_crypto::{CryptoProvider, Suite};

use crate::tapped::Tapped;

/// What may be entered only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// The digest of an AEAD key and the unguarded part of a nonce.
    Seal(u128),
    /// The digest of an encapsulated key.
    Encapsulation(u128),
}

/// Every key and nonce that left, of all suites it watches. A clone is the same ledger.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    seals: HashSet<u128>,
    encapsulations: HashSet<u128>,
    /// What was made in the present attempt, if there is one.
    attempt: Option<Vec<Entry>>,
}

impl Book {
    fn enter(&mut self, entry: Entry) {
        match entry {
            Entry::Seal(digest) => assert!(
                self.seals.insert(digest),
                "seal {} repeats a nonce under its key, but for the reuse guard",
                self.seals.len() + 1
            ),
            Entry::Encapsulation(digest) => assert!(
                self.encapsulations.insert(digest),
                "encapsulation {} repeats an ephemeral key",
                self.encapsulations.len() + 1
            ),
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ledger of {} seals", self.seals())
    }
}

impl Ledger {
    /// The same suite, watched.
    #[must_use]
    pub fn watch(&self, suite: Arc<dyn Suite>) -> Arc<dyn Suite> {
        Arc::new(Tapped::new(suite, self.clone()))
    }

    /// The same provider, all suites watched.
    #[must_use]
    pub fn watch_provider(&self, provider: Arc<dyn CryptoProvider>) -> Arc<dyn CryptoProvider> {
        Arc::new(Tapped::new(provider, self.clone()))
    }

    /// Does `f`, of which it is not yet known whether what it seals will leave. One at a time.
    pub fn attempt<T>(&self, f: impl FnOnce() -> T) -> (T, Attempt) {
        let outer = self.book().attempt.replace(Vec::new());
        assert!(outer.is_none(), "an attempt within an attempt");
        let made = f();
        let entries = self.book().attempt.take().expect("this attempt");
        (made, Attempt { ledger: self.clone(), entries })
    }

    /// Does `f`, of which nothing will leave.
    pub fn dropped<T>(&self, f: impl FnOnce() -> T) -> T {
        let (made, attempt) = self.attempt(f);
        attempt.settle(false);
        made
    }

    /// How many seals have left.
    #[must_use]
    pub fn seals(&self) -> usize {
        self.book().seals.len()
    }

    /// How many encapsulations have left.
    #[must_use]
    pub fn encapsulations(&self) -> usize {
        self.book().encapsulations.len()
    }

    fn enter(&self, entry: Entry) {
        let mut book = self.book();
        match &mut book.attempt {
            Some(entries) => entries.push(entry),
            None => book.enter(entry),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // A repeat panics with the book in hand; nothing in it is half done then.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What was sealed in an attempt. It counts as having left, unless [`Attempt::settle`] is told otherwise.
#[derive(Debug)]
pub struct Attempt {
    ledger: Ledger,
    entries: Vec<Entry>,
}

impl Attempt {
    /// What was sealed has left, or may have; or it was thrown away, and nobody has seen any of it.
    pub fn settle(mut self, left: bool) {
        if !left {
            self.entries.clear();
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if !thread::panicking() {
            let mut book = self.ledger.book();
            self.entries.drain(..).for_each(|entry| book.enter(entry));
        }
    }
}
