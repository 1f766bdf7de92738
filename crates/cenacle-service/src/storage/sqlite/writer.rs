//! One thread that writes, with group commit: whatever waits in the channel shares one transaction, each operation in
//! a savepoint of its own, and nobody is answered before the transaction is on the disk. One sync to the disk then
//! serves up to [`BATCH_OPERATIONS`] callers.

use alloc::{boxed::Box, string::ToString};
use core::{fmt, time::Duration};
use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Instant,
};

use rusqlite::Connection;

use crate::storage::StorageError;

/// The most operations in one transaction.
const BATCH_OPERATIONS: usize = 256;

/// How long a transaction may collect operations before it is committed.
const BATCH_TIME: Duration = Duration::from_millis(2);

/// How many operations may wait before callers are made to wait for room.
const WAITING_OPERATIONS: usize = 1024;

/// The writing thread. Dropping it lets what waits be written, then ends the thread.
pub(super) struct Writer {
    /// Taken when dropped, which ends the thread.
    operations: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, StorageError> {
        let (operations, waiting) = sync_channel(WAITING_OPERATIONS);
        let thread = thread::Builder::new()
            .name("cenacle-sqlite-writer".into())
            .spawn(move || run(&connection, &waiting))
            .map_err(|error| StorageError::Engine(Box::new(error)))?;
        Ok(Self { operations: Some(operations), thread: Some(thread) })
    }

    /// Runs `operation` on the writing thread and gives its result once it is on the disk.
    pub(super) fn write<T, F>(&self, operation: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    {
        let (reply, answer) = sync_channel(1);
        let job = Operation { operation: Some(operation), result: Err(StorageError::Closed), reply };
        let operations = self.operations.as_ref().ok_or(StorageError::Closed)?;
        operations.send(Box::new(job)).map_err(|_| StorageError::Closed)?;
        answer.recv().map_err(|_| StorageError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.operations.take());
        // A panic of the writing thread was told to its callers as `Closed`; there is nobody else to tell.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// An operation whose type is forgotten, so that all kinds wait in one channel.
trait Job: Send {
    /// Runs it; whether its changes are to be kept.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Tells the caller, after the transaction ended with `failure` or without.
    fn answer(self: Box<Self>, failure: Option<&StorageError>);
}

struct Operation<T, F> {
    operation: Option<F>,
    result: Result<T, StorageError>,
    reply: SyncSender<Result<T, StorageError>>,
}

impl<T, F> Job for Operation<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StorageError> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        if let Some(operation) = self.operation.take() {
            self.result = operation(connection);
        }
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<&StorageError>) {
        let answer = match failure {
            Some(failure) => Err(StorageError::Engine(failure.to_string().into())),
            None => self.result,
        };
        // A caller that has gone away does not want the answer.
        drop(self.reply.send(answer));
    }
}

fn run(connection: &Connection, waiting: &Receiver<Box<dyn Job>>) {
    while let Ok(first) = waiting.recv() {
        let mut batch = Vec::new();
        let failure = transaction(connection, first, waiting, &mut batch).err();
        if failure.is_some() && !connection.is_autocommit() {
            // The engine rolls back by itself if this fails too; the callers are told of the first failure.
            drop(connection.execute_batch("ROLLBACK"));
        }
        batch.into_iter().for_each(|job| job.answer(failure.as_ref()));
    }
}

/// Runs `first` and what comes with it in one transaction. All of them end up in `batch`, also when it fails.
fn transaction(
    connection: &Connection,
    first: Box<dyn Job>,
    waiting: &Receiver<Box<dyn Job>>,
    batch: &mut Vec<Box<dyn Job>>,
) -> Result<(), StorageError> {
    let begun = connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
    let end = Instant::now() + BATCH_TIME;
    let mut next = Some(first);
    let mut kept = begun.map(|_| ()).map_err(StorageError::from);
    while let Some(mut job) = next.take() {
        if kept.is_ok() {
            kept = savepoint(connection, &mut *job);
        }
        batch.push(job);
        if kept.is_ok() && batch.len() < BATCH_OPERATIONS && Instant::now() < end {
            next = waiting.try_recv().ok();
        }
    }
    kept?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}

/// Runs one operation so that its failure undoes only its own changes.
fn savepoint(connection: &Connection, job: &mut dyn Job) -> Result<(), StorageError> {
    connection.prepare_cached("SAVEPOINT operation")?.execute([])?;
    if !job.run(connection) {
        connection.prepare_cached("ROLLBACK TO operation")?.execute([])?;
    }
    connection.prepare_cached("RELEASE operation")?.execute([])?;
    Ok(())
}
