//! The repetitions. What only prepares one, or brings the group back to its size, is not timed.

use core::time::Duration;
use std::time::Instant;

use cenacle_codec::Decode;
use cenacle_mls::{
    delta::{RowKey, Store, Table},
    group::OwnKeyPackage,
    wire::{MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;

use super::{
    clock::{Cost, Stopwatch},
    error::{BenchError, unexpected},
    memory::resident_bytes,
    operation::{Measured, Operation, Sample},
    scene::{Member, Scene, client, found, inputs, key_package, key_packages},
};

/// An operation is repeated no more once its repetitions took so long together with what prepares them ...
const ENOUGH: Duration = Duration::from_secs(10);
/// ... unless there are fewer of them than this.
const FEWEST: usize = 3;
/// So many batches of copies are loaded at most until memory grows evenly.
const MOST_BATCHES: u32 = 100;

impl<S: Store> Scene<'_, S>
where
    S::Error: core::fmt::Display,
{
    /// Measures one operation, at most `iterations` times.
    ///
    /// # Errors
    /// When a store or the provider fails.
    pub fn measure(&mut self, operation: Operation, iterations: u32) -> Result<Measured, BenchError> {
        let mut samples = Vec::new();
        let start = Instant::now();
        for _ in 0..iterations.min(operation.most(self.n)) {
            samples.push(self.sample(operation)?);
            if start.elapsed() > ENOUGH && samples.len() >= FEWEST {
                break;
            }
        }
        if operation == Operation::Create {
            self.packages = Vec::new();
        }
        Ok(Measured::of(operation, &samples))
    }

    /// Measures one operation once. The group keeps its size, and no parent that holds a key is left blank.
    ///
    /// # Errors
    /// When a store or the provider fails.
    pub fn sample(&mut self, operation: Operation) -> Result<Sample, BenchError> {
        match operation {
            Operation::KeyPackage => self.keypackage(),
            Operation::Create => self.create(),
            Operation::Join => self.join(),
            Operation::CommitUpdate => Ok(Sample::Cost(self.update()?.sending)),
            Operation::ProcessCommit => Ok(Sample::Cost(self.update()?.receiving)),
            Operation::AddOne => Ok(Sample::Cost(self.add_and_remove()?.0.sending)),
            Operation::ProcessAdd => Ok(Sample::Cost(self.add_and_remove()?.0.receiving)),
            Operation::RemoveOne => Ok(Sample::Cost(self.add_and_remove()?.1.sending)),
            Operation::ProcessRemove => Ok(Sample::Cost(self.add_and_remove()?.1.receiving)),
            Operation::Encrypt64 => Ok(Sample::Cost(self.message(64)?.sending)),
            Operation::Decrypt64 => Ok(Sample::Cost(self.message(64)?.receiving)),
            Operation::Encrypt1024 => Ok(Sample::Cost(self.message(1_024)?.sending)),
            Operation::Decrypt1024 => Ok(Sample::Cost(self.message(1_024)?.receiving)),
            Operation::Encrypt16384 => Ok(Sample::Cost(self.message(16_384)?.sending)),
            Operation::Decrypt16384 => Ok(Sample::Cost(self.message(16_384)?.receiving)),
            Operation::Load => self.load(),
            Operation::LoadAll => self.load_all(),
            Operation::StateBytes => state_bytes(&self.receiver.store),
            Operation::DeltaBytes => self.delta_bytes(),
            Operation::BytesCommitUpdate => size(self.update()?.sent),
            Operation::BytesWelcome => self.bytes_welcome(),
            Operation::MemPerMember => self.mem_per_member(),
        }
    }

    fn keypackage(&mut self) -> Result<Sample, BenchError> {
        let mut store = match self.scratch.take() {
            Some(store) => store,
            None => (self.open_store)()?,
        };
        let watch = Stopwatch::start();
        key_package(&self.receiver.client, &mut store)?;
        let cost = watch.stop();
        self.scratch = Some(store);
        Ok(Sample::Cost(cost))
    }

    fn create(&mut self) -> Result<Sample, BenchError> {
        if self.packages.is_empty() {
            self.packages = key_packages(&self.suite, self.n.saturating_sub(1))?;
        }
        let (client, store) = (client(&self.suite, "founder")?, (self.open_store)()?);
        let watch = Stopwatch::start();
        let mut founder = found(client, store)?;
        let sent = founder.add(&self.packages, true)?;
        let cost = watch.stop();
        sent.welcome.ok_or_else(unexpected)?;
        Ok(Sample::Cost(cost))
    }

    fn join(&mut self) -> Result<Sample, BenchError> {
        let (joiner, mut store) = (client(&self.suite, "joiner")?, (self.open_store)()?);
        let welcome = self.invite(&key_package(&joiner, &mut store)?)?;
        let watch = Stopwatch::start();
        let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(&welcome)?.body else { return Err(unexpected()) };
        let own = OwnKeyPackage::find(&store, &welcome)?.ok_or_else(unexpected)?;
        let group = joiner.join(&welcome, &own, None, &inputs())?.accept(&mut store)?;
        let cost = watch.stop();
        drop(group);
        Ok(Sample::Cost(cost))
    }

    fn update(&mut self) -> Result<Exchange, BenchError> {
        self.exchange(Member::renew)
    }

    fn message(&mut self, length: usize) -> Result<Exchange, BenchError> {
        let data = vec![7; length];
        self.exchange(|sender| sender.say(&data))
    }

    /// Adds somebody and removes the same again.
    fn add_and_remove(&mut self) -> Result<(Exchange, Exchange), BenchError> {
        let package = key_package(&client(&self.suite, "guest")?, &mut MemoryStore::default())?;
        let added = self.exchange(|sender| Ok(sender.add(&[package], false)?.commit))?;
        // Every leaf was taken, so the new one is the last.
        let guest = self.sender.group.members().last().map(|(leaf, _)| leaf).ok_or_else(unexpected)?;
        let removed = self.exchange(|sender| sender.remove(guest))?;
        // Removing blanked parents that the receiver shared with the guest; they get keys again.
        self.answer()?;
        Ok((added, removed))
    }

    /// The sender makes a message, the receiver takes it in.
    fn exchange(
        &mut self,
        send: impl FnOnce(&mut Member<S>) -> Result<Vec<u8>, BenchError>,
    ) -> Result<Exchange, BenchError> {
        let watch = Stopwatch::start();
        let message = send(&mut self.sender)?;
        let sending = watch.stop();
        let watch = Stopwatch::start();
        self.receiver.receive(&message)?;
        let receiving = watch.stop();
        Ok(Exchange { sending, receiving, sent: message.len() })
    }

    fn load(&mut self) -> Result<Sample, BenchError> {
        let Member { client, store, group } = &mut self.receiver;
        // The repetition before let go of a whole tree, and the allocator tidies up at the next occasion.
        drop(client.open_group(store, group.group_id())?);
        let watch = Stopwatch::start();
        let opened = client.open_group(store, group.group_id())?.ok_or_else(unexpected)?;
        let cost = watch.stop();
        // Whoever opens a group goes on where its reservations end.
        *group = opened.complete(client, store)?;
        Ok(Sample::Cost(cost))
    }

    fn load_all(&mut self) -> Result<Sample, BenchError> {
        let Member { client, store, group } = &mut self.receiver;
        let watch = Stopwatch::start();
        let loaded = client.load_group(store, group.group_id())?.ok_or_else(unexpected)?;
        let cost = watch.stop();
        *group = loaded;
        Ok(Sample::Cost(cost))
    }

    fn delta_bytes(&mut self) -> Result<Sample, BenchError> {
        let message = self.sender.renew()?;
        let staged = self.receiver.stage(&message)?;
        let bytes = staged.delta().size_bytes();
        self.receiver.merge(staged)?;
        size(bytes)
    }

    fn bytes_welcome(&mut self) -> Result<Sample, BenchError> {
        let package = key_package(&client(&self.suite, "guest")?, &mut MemoryStore::default())?;
        let welcome = self.sender.invite(&package, false)?;
        self.answer()?;
        size(welcome.len())
    }

    /// Memory that was freed before is used first, and the system counts whole pages: so copies are loaded by the batch
    /// and kept until two batches in a row have added the same. Where that never happens nothing is said.
    fn mem_per_member(&self) -> Result<Sample, BenchError> {
        let batch = (4_000 / self.n).clamp(1, 400);
        let Member { client, store, group } = &self.receiver;
        let mut copies = Vec::new();
        let mut growth = None;
        for _ in 0..MOST_BATCHES {
            let Some(before) = resident_bytes() else { return Ok(Sample::Unknown) };
            for _ in 0..batch {
                copies.push(client.load_group(store, group.group_id())?.ok_or_else(unexpected)?);
            }
            let Some(after) = resident_bytes() else { return Ok(Sample::Unknown) };
            let (grown, earlier) = (after.saturating_sub(before), growth);
            if let Some(earlier) = earlier.filter(|earlier| grown > 0 && grown.abs_diff(*earlier) <= grown / 10) {
                let kilobytes = u32::try_from((grown + earlier) / 1024).map_err(BenchError::other)?;
                let count = 2 * batch;
                return Ok(Sample::Mean(f64::from(kilobytes) * 1024.0 / f64::from(count) / f64::from(self.n), count));
            }
            growth = Some(grown);
        }
        Ok(Sample::Unknown)
    }
}

/// One message from sender to receiver.
struct Exchange {
    sending: Cost,
    receiving: Cost,
    /// Bytes of the message.
    sent: usize,
}

fn size(bytes: usize) -> Result<Sample, BenchError> {
    u64::try_from(bytes).map(Sample::Bytes).map_err(BenchError::other)
}

/// Bytes of all keys and values, whatever the store; a table's number counts as one.
fn state_bytes<S: Store>(store: &S) -> Result<Sample, BenchError>
where
    S::Error: core::fmt::Display,
{
    let mut bytes = 0;
    for table in 0..=u8::MAX {
        let rows = store.rows(&RowKey::new(Table(table), Vec::new())).map_err(BenchError::other)?;
        bytes += rows.iter().map(|(key, value)| 1 + key.key.len() + value.expose().len()).sum::<usize>();
    }
    size(bytes)
}
