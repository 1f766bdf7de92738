//! Who counts secrets: nobody, except in the instrumented build, where tests ask which values a process holds and which it
//! held, to search its memory for the latter.
//!
//! The count is empty until [`begin`]. It knows values only behind a mask, so that it is itself no place to find them.
//! Of what [`SecretBytes`](crate::SecretBytes) holds only keys are counted, which their lengths tell: the rest is content, and
//! encodings whose parts are counted one by one.

#[cfg(feature = "instrumented")]
pub use counted::{Held, begin, changes, unmasked};
#[cfg(feature = "instrumented")]
pub(crate) use counted::{born, born_long, died, died_long, named, passed};

#[cfg(not(feature = "instrumented"))]
pub(crate) use uncounted::{born, born_long, died, died_long, named, passed};

#[cfg(feature = "instrumented")]
mod counted {
    extern crate std;

    use alloc::{
        collections::{BTreeMap, BTreeSet},
        string::String,
        vec::Vec,
    };
    use core::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// The shortest value that is told from chance: a nonce.
    const MIN_BYTES: usize = 12;
    /// The lengths of private keys, of what they are made from, and of PSKs.
    const KEY_BYTES: [usize; 5] = [32, 48, 56, 57, 66];

    static BEGUN: AtomicBool = AtomicBool::new(false);
    static COUNT: Mutex<Count> = Mutex::new(Count { values: BTreeMap::new(), changed: BTreeSet::new() });

    struct Count {
        values: BTreeMap<Vec<u8>, (u32, String)>,
        changed: BTreeSet<Vec<u8>>,
    }

    /// A value that is or was held.
    #[derive(Clone, Debug)]
    pub struct Held {
        /// The value behind the mask: see [`unmasked`].
        pub masked: Vec<u8>,
        /// How many hold it now.
        pub holders: u32,
        /// The label it was derived with, if any.
        pub name: String,
    }

    /// Begins to count.
    pub fn begin() {
        BEGUN.store(true, Ordering::SeqCst);
    }

    /// What was made or erased since the last call.
    #[must_use]
    pub fn changes() -> Vec<Held> {
        let mut count = count();
        let changed = core::mem::take(&mut count.changed);
        let held = |masked: Vec<u8>| {
            let (holders, name) = count.values.get(&masked)?.clone();
            Some(Held { masked, holders, name })
        };
        changed.into_iter().filter_map(held).collect()
    }

    /// The value behind the mask, or what is behind it of a value.
    #[must_use]
    pub fn unmasked(masked: &[u8]) -> Vec<u8> {
        (0u8..).zip(masked).map(|(at, byte)| byte ^ mask(at)).collect()
    }

    fn mask(at: u8) -> u8 {
        at.wrapping_mul(0x3b) ^ 0xa7
    }

    fn count() -> MutexGuard<'static, Count> {
        COUNT.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes how many hold a value. Constants such as the RFC's "0" are no secrets.
    fn change(bytes: &[u8], by: impl FnOnce(&mut (u32, String))) {
        let constant = || bytes.windows(2).all(|pair| pair.first() == pair.last());
        if !BEGUN.load(Ordering::Relaxed) || bytes.len() < MIN_BYTES || constant() {
            return;
        }
        let (masked, mut count) = (unmasked(bytes), count());
        by(count.values.entry(masked.clone()).or_default());
        count.changed.insert(masked);
    }

    pub(crate) fn born(bytes: &[u8]) {
        change(bytes, |(holders, _)| *holders = holders.saturating_add(1));
    }

    /// What was born before the count began is not missed.
    pub(crate) fn died(bytes: &[u8]) {
        change(bytes, |(holders, _)| *holders = holders.saturating_sub(1));
    }

    pub(crate) fn born_long(bytes: &[u8]) {
        if KEY_BYTES.contains(&bytes.len()) {
            born(bytes);
        }
    }

    pub(crate) fn died_long(bytes: &[u8]) {
        if KEY_BYTES.contains(&bytes.len()) {
            died(bytes);
        }
    }

    /// A value that was held in a buffer of another kind until now.
    pub(crate) fn passed(bytes: &[u8]) {
        change(bytes, |_| ());
    }

    pub(crate) fn named(bytes: &[u8], label: &str) {
        change(bytes, |(_, name)| *name = label.into());
    }
}

#[cfg(not(feature = "instrumented"))]
mod uncounted {
    pub(crate) const fn born(_: &[u8]) {}
    pub(crate) const fn died(_: &[u8]) {}
    pub(crate) const fn born_long(_: &[u8]) {}
    pub(crate) const fn died_long(_: &[u8]) {}
    pub(crate) const fn passed(_: &[u8]) {}
    pub(crate) const fn named(_: &[u8], _: &str) {}
}
