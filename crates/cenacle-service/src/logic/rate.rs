//! A token bucket for each device and one for all who have no token yet. Kept in memory only: after a restart every
//! bucket is full.

use alloc::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::wire::DeviceId;

/// Beyond this many buckets those that are full again are forgotten.
const BUCKETS: usize = 65_536;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Caller {
    /// All who register an account.
    Anonymous,
    /// A device.
    Device(DeviceId),
}

#[derive(Debug)]
pub(super) struct RateLimiter {
    burst: u64,
    per_second: u64,
    buckets: Mutex<BTreeMap<Caller, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: u64,
    filled_at: u64,
}

impl RateLimiter {
    pub(super) const fn new(burst: u64, per_second: u64) -> Self {
        Self { burst, per_second, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// What is in a bucket now.
    fn filled(&self, bucket: Bucket, now_seconds: u64) -> Bucket {
        let elapsed = now_seconds.saturating_sub(bucket.filled_at);
        let left = bucket.left.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.burst);
        Bucket { left, filled_at: now_seconds.max(bucket.filled_at) }
    }

    /// Takes one request's worth, or says in how many seconds to come again.
    pub(super) fn spend(&self, caller: Caller, now_seconds: u64) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > BUCKETS {
            buckets.retain(|_, bucket| self.filled(*bucket, now_seconds).left < self.burst);
        }
        let full = Bucket { left: self.burst, filled_at: now_seconds };
        let bucket = buckets.entry(caller).or_insert(full);
        *bucket = self.filled(*bucket, now_seconds);
        bucket.left = bucket.left.checked_sub(1).ok_or(1u64)?;
        Ok(())
    }
}
