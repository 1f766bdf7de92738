//! Work that falls into two halves, each large enough for a thread. With the feature `parallel` the halves are shared out
//! among the machine's threads, without it they are done one after the other. The result is the same: the left half's
//! refusal counts before the right's, and randomness is drawn in order before any of it is used.

use alloc::{vec, vec::Vec};

use cenacle_crypto::{CryptoError, Rng};
use zeroize::Zeroizing;

/// Does both, side by side if it is `worthwhile`; then the right half is done even if the left refuses.
#[cfg(feature = "parallel")]
pub(crate) fn both<A: Send, B: Send, E: Send>(
    worthwhile: bool,
    left: impl FnOnce() -> Result<A, E> + Send,
    right: impl FnOnce() -> Result<B, E> + Send,
) -> Result<(A, B), E> {
    if !worthwhile {
        return Ok((left()?, right()?));
    }
    let (left, right) = rayon::join(left, right);
    Ok((left?, right?))
}

/// Does both.
#[cfg(not(feature = "parallel"))]
pub(crate) fn both<A, B, E>(
    _worthwhile: bool,
    left: impl FnOnce() -> Result<A, E>,
    right: impl FnOnce() -> Result<B, E>,
) -> Result<(A, B), E> {
    Ok((left()?, right()?))
}

/// Makes something of each item, in order. `grain` items or fewer stay on one thread.
pub(crate) fn map<T: Sync, U: Send, E: Send>(
    items: &[T],
    grain: usize,
    make: &(dyn Fn(&T) -> Result<U, E> + Sync),
) -> Result<Vec<U>, E> {
    if items.len() <= grain.max(1) {
        return items.iter().map(make).collect();
    }
    let (left, right) = items.split_at(items.len() / 2);
    let (mut made, more) = both(true, || map(left, grain, make), || map(right, grain, make))?;
    made.extend(more);
    Ok(made)
}

/// As [`map`], where each item takes so many bytes of randomness; more there are not.
pub(crate) fn map_randomly<T: Sync, U: Send, E: Send + From<CryptoError>>(
    items: &[T],
    grain: usize,
    (bytes, rng): (usize, &mut dyn Rng),
    make: &(dyn Fn(&T, &mut dyn Rng) -> Result<U, E> + Sync),
) -> Result<Vec<U>, E> {
    let bytes = bytes.max(1);
    let mut drawn = Zeroizing::new(vec![0; bytes.saturating_mul(items.len())]);
    drawn.chunks_mut(bytes).try_for_each(|chunk| rng.fill(chunk))?;
    let pairs: Vec<_> = items.iter().zip(drawn.chunks(bytes)).collect();
    map(&pairs, grain, &|(item, drawn)| make(item, &mut Drawn(drawn)))
}

/// Randomness that was drawn before.
struct Drawn<'a>(&'a [u8]);

impl Rng for Drawn<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        let (taken, rest) = self.0.split_at_checked(out.len()).ok_or(CryptoError::NoRandomness)?;
        out.copy_from_slice(taken);
        self.0 = rest;
        Ok(())
    }
}
