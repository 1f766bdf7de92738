//! A persistent map of small entries under short names: what the [`Roster`](super::Roster) counts with. Versions share all
//! they have in common: a change copies one bucket and the branches above it, or nothing of what no other version has. An
//! entry takes little more memory than it is long, whatever names a peer makes up.

use alloc::{sync::Arc, vec::Vec};

/// Something with a name that no other entry has. All names in a trie are of one length.
pub(super) trait Entry: Copy {
    fn name(&self) -> &[u8];

    /// Whether it is no longer to be kept.
    fn is_gone(&self) -> bool;
}

/// Buckets hold at most so many entries, unless no digit tells them apart.
const BUCKET: usize = 32;
/// Each level tells entries apart by so many bits of their names.
const DIGIT_BITS: usize = 2;
const WAYS: usize = 1 << DIGIT_BITS;

/// The entries whose names begin alike.
#[derive(Clone)]
pub(super) enum Trie<E> {
    Bucket(Arc<[E]>),
    Branch(Arc<[Self; WAYS]>),
}

/// The digit of a name at `depth`, below [`WAYS`].
fn digit(name: &[u8], depth: usize) -> usize {
    let byte = name.get(depth * DIGIT_BITS / 8).copied().unwrap_or_default();
    usize::from(byte >> (8 - DIGIT_BITS - depth * DIGIT_BITS % 8)) % WAYS
}

impl<E: Entry> Trie<E> {
    pub(super) fn new() -> Self {
        Self::Bucket(Arc::from([]))
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<&E> {
        let (mut at, mut depth) = (self, 0);
        loop {
            match at {
                Self::Bucket(entries) => return entries.iter().find(|entry| entry.name() == name),
                Self::Branch(branch) => at = branch.get(digit(name, depth))?,
            }
            depth += 1;
        }
    }

    /// Whether all entries are as `holds` wants them.
    pub(super) fn all(&self, holds: &dyn Fn(&E) -> bool) -> bool {
        match self {
            Self::Bucket(entries) => entries.iter().all(holds),
            Self::Branch(branch) => branch.iter().all(|child| child.all(holds)),
        }
    }

    /// Replaces what is under a name, and gives what it was replaced by; what is gone is not kept.
    pub(super) fn change(&mut self, name: &[u8], step: &dyn Fn(Option<&E>) -> E) -> E {
        self.change_below(name, 0, step)
    }

    fn change_below(&mut self, name: &[u8], depth: usize, step: &dyn Fn(Option<&E>) -> E) -> E {
        match self {
            Self::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let Some(child) = branch.get_mut(digit(name, depth)) else { return step(None) };
                let changed = child.change_below(name, depth + 1, step);
                if changed.is_gone()
                    && let Some(entries) = gathered(branch)
                {
                    *self = Self::Bucket(entries);
                }
                changed
            }
            Self::Bucket(entries) => {
                let place = entries.iter().position(|entry| entry.name() == name);
                let changed = step(place.and_then(|place| entries.get(place)));
                if let Some(place) = place
                    && !changed.is_gone()
                {
                    Arc::make_mut(entries).get_mut(place).map(|entry| *entry = changed).unwrap_or_default();
                    return changed;
                }
                let (before, after) = entries.split_at(place.unwrap_or(entries.len()));
                // Collected at their exact length, in one go.
                let others = before.iter().chain(after.iter().skip(usize::from(place.is_some()))).copied();
                *entries = if changed.is_gone() { others.collect() } else { others.chain([changed]).collect() };
                if entries.len() > BUCKET {
                    *self = Self::of(entries, depth, name.len() * 8 / DIGIT_BITS);
                }
                changed
            }
        }
    }

    /// Entries with names of so many digits.
    fn of(entries: &[E], depth: usize, digits: usize) -> Self {
        if entries.len() <= BUCKET || depth >= digits {
            return Self::Bucket(Arc::from(entries));
        }
        let part =
            |way| -> Vec<E> { entries.iter().filter(|entry| digit(entry.name(), depth) == way).copied().collect() };
        Self::Branch(Arc::new(core::array::from_fn(|way| Self::of(&part(way), depth + 1, digits))))
    }
}

/// The entries of a branch in one bucket, once they fill but half of it.
fn gathered<E: Entry>(branch: &[Trie<E>; WAYS]) -> Option<Arc<[E]>> {
    let parts = branch.each_ref().map(|child| match child {
        Trie::Bucket(entries) => Some(&**entries),
        Trie::Branch(_) => None,
    });
    let count = parts.iter().try_fold(0, |sum, part| Some(sum + (*part)?.len()))?;
    (count <= BUCKET / 2).then(|| parts.into_iter().flatten().flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Counted([u8; 4], u32);

    impl Entry for Counted {
        fn name(&self) -> &[u8] {
            &self.0
        }

        fn is_gone(&self) -> bool {
            self.1 == 0
        }
    }

    fn buckets(trie: &Trie<Counted>) -> usize {
        match trie {
            Trie::Bucket(_) => 1,
            Trie::Branch(branch) => branch.iter().map(buckets).sum(),
        }
    }

    /// Names that are spread as digests are.
    fn name(i: u32) -> [u8; 4] {
        i.wrapping_mul(0x9e37_79b1).to_be_bytes()
    }

    fn change(trie: &mut Trie<Counted>, i: u32, to: impl Fn(u32) -> u32) -> u32 {
        trie.change(&name(i), &|found| Counted(name(i), to(found.map_or(0, |found| found.1)))).1
    }

    fn count(trie: &Trie<Counted>, i: u32) -> u32 {
        trie.find(&name(i)).map_or(0, |found| found.1)
    }

    #[test]
    fn buckets_split_and_are_gathered_again() {
        let mut trie = Trie::new();
        (0..4_096).for_each(|i| assert_eq!(change(&mut trie, i, |count| count + 1), 1));
        let full = buckets(&trie);
        assert!((4_096 / BUCKET..4_096 / 4).contains(&full), "{full} buckets");
        let before = trie.clone();
        (0..4_096).filter(|i| i % 512 != 0).for_each(|i| assert_eq!(change(&mut trie, i, |count| count - 1), 0));
        (0..4_096).step_by(512).for_each(|i| assert_eq!(change(&mut trie, i, |count| count + 6), 7));
        assert_eq!(buckets(&trie), 1);
        assert!((0..4_096).all(|i| count(&before, i) == 1), "an older version has changed");
        assert!((0..4_096).all(|i| count(&trie, i) == if i % 512 == 0 { 7 } else { 0 }));
        assert!(trie.all(&|entry| entry.1 == 7) && !before.all(&|entry| entry.1 == 7));
    }

    #[test]
    fn names_that_are_close_stay_apart() {
        let mut trie = Trie::new();
        let close = |i: u32| i.to_be_bytes();
        for i in 0..1_000 {
            trie.change(&close(i), &|_| Counted(close(i), i + 1));
        }
        assert!((0..1_000).all(|i| trie.find(&close(i)).is_some_and(|found| found.1 == i + 1)));
        assert!(trie.find(&close(1_000)).is_none());
        // A common beginning of 22 bits costs a branch for each two of them and no more.
        assert!(buckets(&trie) <= 11 * WAYS + 1_000 / (BUCKET / WAYS), "{} buckets", buckets(&trie));
    }
}
