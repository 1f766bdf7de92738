//! What a suite does is counted, and a store that does what another does, and counts it.

use core::convert::Infallible;

use cenacle_crypto::{SecretBytes, Suite};
use cenacle_mls::delta::{Delta, RowKey, Store};
use cenacle_store::MemoryStore;
use cenacle_testkit::tapped::{Call, Tap};

use crate::figures::{Figure, Meter};

/// Counts what a suite does. What the primitives do within themselves does not count.
impl Tap for Meter {
    fn call(&self, _suite: &dyn Suite, call: Call<'_>) {
        let length = |parts: &[&[u8]]| parts.iter().map(|part| part.len()).sum();
        let (figure, bytes) = match call {
            Call::Hash { parts } => (Figure::Hashes, Some((Figure::HashedBytes, length(parts)))),
            Call::Mac => (Figure::Macs, None),
            Call::Extract { input } => (Figure::Extracts, Some((Figure::ExtractedBytes, length(input)))),
            Call::Expand { info } => (Figure::Expands, Some((Figure::ExpandedBytes, length(info)))),
            Call::Seal { aad, plaintext, .. } => {
                (Figure::Seals, Some((Figure::SealedBytes, aad.len() + plaintext.len())))
            }
            Call::Open { aad, ciphertext } => {
                (Figure::Opens, Some((Figure::OpenedBytes, aad.len() + ciphertext.len())))
            }
            Call::KeyPair => (Figure::KeyPairs, None),
            Call::KeyCheck => (Figure::KeyChecks, None),
            Call::Encapsulate { .. } => (Figure::Encapsulations, None),
            Call::Decapsulate => (Figure::Decapsulations, None),
            Call::Sign { message } => (Figure::Signatures, Some((Figure::SignedBytes, message.len()))),
            Call::Verify { message } => (Figure::Verifications, Some((Figure::VerifiedBytes, message.len()))),
        };
        self.count(figure, 1);
        if let Some((figure, bytes)) = bytes {
            self.count(figure, bytes);
        }
    }
}

/// A store in memory, which does its own work aside.
#[derive(Debug)]
pub(crate) struct CountedStore {
    inner: MemoryStore,
    meter: Meter,
}

impl CountedStore {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self { inner: MemoryStore::default(), meter: meter.clone() }
    }

    fn count_read<'a>(&self, rows: impl IntoIterator<Item = (&'a RowKey, &'a SecretBytes)>) {
        for (key, value) in rows {
            self.meter.count(Figure::RowsRead, 1);
            self.meter.count(Figure::ReadBytes, key.key.len() + 1 + value.expose().len());
        }
    }
}

impl Store for CountedStore {
    type Error = Infallible;

    fn apply(&mut self, delta: &Delta) -> Result<(), Infallible> {
        self.meter.count(Figure::Changes, delta.changes().len());
        self.meter.count(Figure::DeltaBytes, delta.size_bytes());
        self.meter.aside(|| self.inner.apply(delta))
    }

    fn row(&self, key: &RowKey) -> Result<Option<SecretBytes>, Infallible> {
        let row = self.inner.row(key)?;
        self.count_read(row.iter().map(|value| (key, value)));
        Ok(row)
    }

    fn rows(&self, prefix: &RowKey) -> Result<Vec<(RowKey, SecretBytes)>, Infallible> {
        let rows = self.inner.rows(prefix)?;
        self.count_read(rows.iter().map(|(key, value)| (key, value)));
        Ok(rows)
    }
}
