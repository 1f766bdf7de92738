//! What can be measured, under the names that reports use.

use core::time::Duration;

use clap::ValueEnum;

/// An operation of one member, or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Operation {
    /// Make a key package and save it.
    #[value(name = "keypackage")]
    KeyPackage,
    /// Create a group with all members but one added by its first commit, save, and merge the echo.
    #[value(name = "create")]
    Create,
    /// Join from a Welcome that carries the tree, into a new store.
    #[value(name = "join")]
    Join,
    /// Make a commit that renews one's own keys, save it, and merge its echo.
    #[value(name = "commit_update")]
    CommitUpdate,
    /// Process such a commit of another member and save.
    #[value(name = "process_commit")]
    ProcessCommit,
    /// Add one member to the n there are, save, and merge the echo.
    #[value(name = "add_one")]
    AddOne,
    /// Process such a commit and save.
    #[value(name = "process_add")]
    ProcessAdd,
    /// Remove the member that makes n + 1, save, and merge the echo.
    #[value(name = "remove_one")]
    RemoveOne,
    /// Process such a commit and save.
    #[value(name = "process_remove")]
    ProcessRemove,
    /// Encrypt 64 bytes and save.
    #[value(name = "encrypt_64")]
    Encrypt64,
    /// Decrypt 64 bytes and save.
    #[value(name = "decrypt_64")]
    Decrypt64,
    /// Encrypt 1,024 bytes and save.
    #[value(name = "encrypt_1024")]
    Encrypt1024,
    /// Decrypt 1,024 bytes and save.
    #[value(name = "decrypt_1024")]
    Decrypt1024,
    /// Encrypt 16,384 bytes and save.
    #[value(name = "encrypt_16384")]
    Encrypt16384,
    /// Decrypt 16,384 bytes and save.
    #[value(name = "decrypt_16384")]
    Decrypt16384,
    /// Read a group back from its store.
    #[value(name = "load")]
    Load,
    /// Size: all rows of a member's store, soon after it joined.
    #[value(name = "state_bytes")]
    StateBytes,
    /// Size: rows written or erased by processing another member's commit.
    #[value(name = "delta_bytes")]
    DeltaBytes,
    /// Size: a commit that renews one's own keys, as it is sent.
    #[value(name = "bytes_commit_update")]
    BytesCommitUpdate,
    /// Size: a Welcome for one joiner, without the tree.
    #[value(name = "bytes_welcome")]
    BytesWelcome,
    /// Size: resident memory of a loaded group, divided by n; Linux only.
    #[value(name = "mem_per_member")]
    MemPerMember,
}

impl Operation {
    /// The chosen ones, or all, in the order in which they are measured: what depends on how much has happened before
    /// comes first.
    pub(crate) fn in_order(chosen: &[Self]) -> Vec<Self> {
        let wanted = |operation: &&Self| chosen.is_empty() || chosen.contains(operation);
        let mut operations: Vec<_> = Self::value_variants().iter().filter(wanted).copied().collect();
        operations.sort_by_key(|operation| !matches!(operation, Self::StateBytes | Self::MemPerMember));
        operations
    }

    /// The name in reports and on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How often at most it is repeated in a group of `n`, however often the user asked for.
    pub(crate) const fn most(self, n: u32) -> u32 {
        if matches!(self, Self::StateBytes | Self::BytesWelcome | Self::MemPerMember) {
            1
        } else if matches!(self, Self::Create | Self::Join) && n >= 1_000 {
            3
        } else {
            u32::MAX
        }
    }
}

/// What one repetition came to.
pub(crate) enum Sample {
    /// It took so long.
    Time(Duration),
    /// It is so large.
    Bytes(u64),
    /// A mean of so many.
    Mean(f64, u32),
    /// It cannot be measured on this machine.
    Unknown,
}

/// The result of all repetitions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    /// Median wall time.
    MedianMicros(f64),
    /// Median size, where it is known.
    Bytes(Option<f64>),
}

/// One measurement.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) operation: Operation,
    pub(crate) value: Value,
    pub(crate) count: u32,
}

impl Measured {
    /// Sums up samples, which are all of one kind.
    pub(crate) fn of(operation: Operation, samples: &[Sample]) -> Self {
        let mut values = Vec::new();
        let (mut is_time, mut count) = (false, 0u32);
        for sample in samples {
            let (value, of) = match sample {
                Sample::Time(time) => {
                    is_time = true;
                    (time.as_secs_f64() * 1e6, 1)
                }
                #[expect(clippy::cast_precision_loss, reason = "sizes here are far below 2^53")]
                Sample::Bytes(bytes) => (*bytes as f64, 1),
                Sample::Mean(mean, of) => (*mean, *of),
                Sample::Unknown => continue,
            };
            values.push(value);
            count = count.saturating_add(of);
        }
        values.sort_unstable_by(f64::total_cmp);
        let median = values.get(values.len() / 2).copied();
        let value = if is_time { Value::MedianMicros(median.unwrap_or_default()) } else { Value::Bytes(median) };
        Self { operation, value, count }
    }
}
