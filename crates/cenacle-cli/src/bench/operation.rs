//! What can be measured, under the names that reports use.

use clap::ValueEnum;

use super::clock::Cost;

/// An operation of one member, or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// Make a key package and save it.
    #[value(name = "keypackage")]
    KeyPackage,
    /// Create a group, add all other members by one commit with a Welcome that carries the tree, save, and merge the echo.
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
    /// Add one member to the n there are, with a Welcome without the tree, save, and merge the echo.
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
    /// Open a stored group for its first message, without reading its tree.
    #[value(name = "load")]
    Load,
    /// Read a whole group back from its store, ready for its first commit.
    #[value(name = "load_all")]
    LoadAll,
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
    #[must_use]
    pub fn in_order(chosen: &[Self]) -> Vec<Self> {
        let wanted = |operation: &&Self| chosen.is_empty() || chosen.contains(operation);
        let mut operations: Vec<_> = Self::value_variants().iter().filter(wanted).copied().collect();
        operations.sort_by_key(|operation| !matches!(operation, Self::StateBytes | Self::MemPerMember));
        operations
    }

    /// The name in reports and on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How often at most it is repeated in a group of `n`, however often the user asked for.
    #[must_use]
    pub const fn most(self, n: u32) -> u32 {
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// It cost so much.
    Cost(Cost),
    /// It is so large.
    Bytes(u64),
    /// A mean of so many.
    Mean(f64, u32),
    /// It cannot be measured on this machine.
    Unknown,
}

/// The result of all repetitions: medians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// Of an operation that takes time.
    Micros {
        /// Wall time.
        wall: f64,
        /// CPU time of the process, where it is known.
        cpu: Option<f64>,
    },
    /// A size in bytes, where it is known.
    Bytes(Option<f64>),
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub operation: Operation,
    /// What came out.
    pub value: Value,
    /// Of how many repetitions.
    pub count: u32,
}

impl Measured {
    /// Sums up samples, which are all of one kind.
    #[must_use]
    pub fn of(operation: Operation, samples: &[Sample]) -> Self {
        let (mut walls, mut cpus, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        let mut count = 0u32;
        for sample in samples {
            let of = match sample {
                Sample::Cost(cost) => {
                    walls.push(cost.wall.as_secs_f64() * 1e6);
                    cpus.extend(cost.cpu.map(|cpu| cpu.as_secs_f64() * 1e6));
                    1
                }
                Sample::Bytes(bytes) => {
                    #[expect(clippy::cast_precision_loss, reason = "sizes here are far below 2^53")]
                    sizes.push(*bytes as f64);
                    1
                }
                Sample::Mean(mean, of) => {
                    sizes.push(*mean);
                    *of
                }
                Sample::Unknown => continue,
            };
            count = count.saturating_add(of);
        }
        let value = match median(walls) {
            Some(wall) => Value::Micros { wall, cpu: median(cpus) },
            None => Value::Bytes(median(sizes)),
        };
        Self { operation, value, count }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
