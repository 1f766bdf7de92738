//! Work that falls into two halves, each large enough for a thread. With the feature `parallel` the halves are shared out
//! among the machine's threads, without it they are done one after the other. The result is the same: the left half's
//! refusal counts before the right's, and randomness is drawn in order before any of it is used.

use alloc::vec::Vec;

use cenacle_crypto::{CryptoError, Rng, SecretBytes};

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
    let drawn = SecretBytes::filled(bytes.saturating_mul(items.len()), |out| {
        out.chunks_mut(bytes).try_for_each(|chunk| rng.fill(chunk))
    })?;
    let pairs: Vec<_> = items.iter().zip(drawn.expose().chunks(bytes)).collect();
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

#[cfg(test)]
mod tests {
    use cenacle_crypto::conformance::SeededRng;

    use super::*;

    fn with_draw(item: &u32, rng: &mut dyn Rng) -> Result<(u32, [u8; 16]), CryptoError> {
        let mut drawn = [0; 16];
        rng.fill(&mut drawn)?;
        Ok((*item, drawn))
    }

    #[test]
    fn many_at_once_come_out_as_one_after_the_other() {
        let items: Vec<u32> = (0..1_000).collect();
        let (mut one, mut other) = (SeededRng::new(7), SeededRng::new(7));
        let expected: Result<Vec<_>, _> = items.iter().map(|item| with_draw(item, &mut one)).collect();
        assert_eq!(map_randomly(&items, 8, (16, &mut other), &with_draw), expected);
        assert_eq!(one.next_u64(), other.next_u64(), "as much was drawn");
        assert_eq!(map_randomly(&items, 8, (15, &mut other), &with_draw), Err(CryptoError::NoRandomness));
    }

    #[test]
    fn the_leftmost_refusal_counts() {
        let items: Vec<u32> = (0..1_000).collect();
        let refuse = |item: &u32| if [20, 150, 990].contains(item) { Err(*item) } else { Ok(*item) };
        assert_eq!(map(&items, 8, &refuse), Err(20));
        assert_eq!(both(true, || Err::<(), _>(1), || Err::<(), _>(2)), Err(1));
    }
}
