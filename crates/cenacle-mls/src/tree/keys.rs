//! Which public keys are in use, and where: a multiset under digests, so that no rule ever compares all members. Versions
//! share all they have in common: a change copies one bucket and the branches above it.

use alloc::{sync::Arc, vec::Vec};

use cenacle_crypto::Suite;

/// The first 128 bits of a key's digest: to find two keys with the same name takes 2^64 hashes. What that could do is in
/// ADR 0002.
type Name = [u8; NAME_BYTES];
const NAME_BYTES: usize = 16;

fn name_of(suite: &dyn Suite, key: &[u8]) -> Name {
    suite.hash(&[key]).first_chunk().copied().unwrap_or_default()
}

/// How often a key occurs. The places (leaf or node indices) are folded by XOR, so that the place of a key that occurs once
/// can be read off, and the changes of an edit may come in any order; of a key that occurs twice they mean nothing.
#[derive(Clone, Copy)]
struct Use {
    name: Name,
    count: u32,
    places: u32,
}

/// All keys of one kind, and how many of them occur more than once.
#[derive(Clone)]
pub(super) struct KeyUses {
    root: Trie,
    repeated: u32,
}

impl KeyUses {
    pub(super) fn new() -> Self {
        Self { root: Trie::Bucket(Arc::from([])), repeated: 0 }
    }

    /// How many keys occur more than once.
    pub(super) const fn repeated(&self) -> u32 {
        self.repeated
    }

    pub(super) fn contains(&self, suite: &dyn Suite, key: &[u8]) -> bool {
        self.root.find(&name_of(suite, key)).is_some()
    }

    /// Where a key is, unless it is nowhere or in several places.
    pub(super) fn place_of(&self, suite: &dyn Suite, key: &[u8]) -> Option<u32> {
        self.root.find(&name_of(suite, key)).filter(|found| found.count == 1).map(|found| found.places)
    }

    /// The key at `place` was replaced.
    pub(super) fn change(&mut self, suite: &dyn Suite, place: u32, old: Option<&[u8]>, new: Option<&[u8]>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            let now = self.step(suite, old, place, |count| count.saturating_sub(1));
            self.repeated = self.repeated.saturating_sub(u32::from(now == 1));
        }
        if let Some(new) = new {
            self.add(suite, place, new);
        }
    }

    /// A key is used at `place`, too. Gives how often it is used then.
    pub(super) fn add(&mut self, suite: &dyn Suite, place: u32, key: &[u8]) -> u32 {
        let now = self.step(suite, key, place, |count| count.saturating_add(1));
        self.repeated = self.repeated.saturating_add(u32::from(now == 2));
        now
    }

    /// Counts one use more or less, and gives how many there are then.
    fn step(&mut self, suite: &dyn Suite, key: &[u8], place: u32, count: impl Fn(u32) -> u32) -> u32 {
        let name = name_of(suite, key);
        let step = |found: Use| Use { count: count(found.count), places: found.places ^ place, ..found };
        self.root.change(&name, 0, &step)
    }
}

/// Buckets hold at most so many keys, unless no digit tells them apart.
const BUCKET: usize = 32;
/// Each level tells keys apart by so many bits of their names.
const DIGIT_BITS: usize = 2;
const WAYS: usize = 1 << DIGIT_BITS;
const DIGITS: usize = NAME_BYTES * 8 / DIGIT_BITS;

/// The keys whose names begin alike.
#[derive(Clone)]
enum Trie {
    Bucket(Arc<[Use]>),
    Branch(Arc<[Self; WAYS]>),
}

/// The digit of a name at `depth`, below [`WAYS`].
fn digit(name: &Name, depth: usize) -> usize {
    let byte = name.get(depth * DIGIT_BITS / 8).copied().unwrap_or_default();
    usize::from(byte >> (8 - DIGIT_BITS - depth * DIGIT_BITS % 8)) % WAYS
}

impl Trie {
    fn find(&self, name: &Name) -> Option<&Use> {
        let (mut at, mut depth) = (self, 0);
        loop {
            match at {
                Self::Bucket(uses) => return uses.iter().find(|found| found.name == *name),
                Self::Branch(branch) => at = branch.get(digit(name, depth))?,
            }
            depth += 1;
        }
    }

    /// Replaces what is under a name, and gives the new count; what is counted to zero goes.
    fn change(&mut self, name: &Name, depth: usize, step: &dyn Fn(Use) -> Use) -> u32 {
        match self {
            Self::Branch(branch) => {
                let branch = Arc::make_mut(branch);
                let Some(child) = branch.get_mut(digit(name, depth)) else { return 0 };
                let count = child.change(name, depth + 1, step);
                if count == 0
                    && let Some(uses) = gathered(branch)
                {
                    *self = Self::Bucket(uses);
                }
                count
            }
            Self::Bucket(uses) => {
                let place = uses.iter().position(|found| found.name == *name);
                let (before, after) = uses.split_at(place.unwrap_or(uses.len()));
                let (found, after) = after.split_first().map_or((None, after), |(found, after)| (Some(*found), after));
                let changed = step(found.unwrap_or(Use { name: *name, count: 0, places: 0 }));
                // Collected at their exact length, in one go.
                let others = before.iter().chain(after).copied();
                *uses = match changed.count {
                    0 => others.collect(),
                    _ => others.chain([changed]).collect(),
                };
                if uses.len() > BUCKET {
                    *self = Self::of(uses, depth);
                }
                changed.count
            }
        }
    }

    fn of(uses: &[Use], depth: usize) -> Self {
        if uses.len() <= BUCKET || depth >= DIGITS {
            return Self::Bucket(Arc::from(uses));
        }
        let part =
            |way| -> Vec<Use> { uses.iter().filter(|found| digit(&found.name, depth) == way).copied().collect() };
        Self::Branch(Arc::new(core::array::from_fn(|way| Self::of(&part(way), depth + 1))))
    }
}

/// The keys of a branch in one bucket, once they fill but half of it.
fn gathered(branch: &[Trie; WAYS]) -> Option<Arc<[Use]>> {
    let parts = branch.each_ref().map(|child| match child {
        Trie::Bucket(uses) => Some(&**uses),
        Trie::Branch(_) => None,
    });
    let count = parts.iter().try_fold(0, |sum, part| Some(sum + (*part)?.len()))?;
    (count <= BUCKET / 2).then(|| parts.into_iter().flatten().flatten().copied().collect())
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeMap, vec::Vec};

    use cenacle_crypto::conformance::SeededRng;

    use super::{super::tests::suite, *};

    fn buckets(trie: &Trie) -> usize {
        match trie {
            Trie::Bucket(_) => 1,
            Trie::Branch(branch) => branch.iter().map(buckets).sum(),
        }
    }

    #[test]
    fn keys_are_counted_as_by_a_map() {
        let (suite, mut rng) = (suite(), SeededRng::new(3));
        let (mut keys, mut model) = (KeyUses::new(), BTreeMap::<u8, Vec<u32>>::new());
        for step in 0..4_000u32 {
            let key = u8::try_from(rng.next_u64() % 200).unwrap();
            let places = model.entry(key).or_default();
            if places.is_empty() || rng.next_u64() % 2 == 0 {
                places.push(step);
                keys.change(&*suite, step, None, Some(&[key]));
            } else {
                let place = places.remove(0);
                keys.change(&*suite, place, Some(&[key]), None);
            }
            let single = if let [place] = places.as_slice() { Some(*place) } else { None };
            assert_eq!(keys.place_of(&*suite, &[key]), single);
            assert_eq!(keys.contains(&*suite, &[key]), !places.is_empty());
            let repeated = model.values().filter(|places| places.len() > 1).count();
            assert_eq!(usize::try_from(keys.repeated()).unwrap(), repeated);
        }
    }

    #[test]
    fn buckets_split_and_are_gathered_again() {
        let suite = suite();
        let mut keys = KeyUses::new();
        let key = |i: u32| i.to_be_bytes();
        (0..4_096).for_each(|i| keys.change(&*suite, i, None, Some(&key(i))));
        let full = buckets(&keys.root);
        assert!((4_096 / BUCKET..4_096 / 4).contains(&full), "{full} buckets");
        let before = keys.clone();
        (0..4_096).filter(|i| i % 512 != 0).for_each(|i| keys.change(&*suite, i, Some(&key(i)), None));
        assert_eq!(buckets(&keys.root), 1);
        assert!((0..4_096).all(|i| before.place_of(&*suite, &key(i)) == Some(i)), "an older version has changed");
        assert!((0..4_096).all(|i| keys.contains(&*suite, &key(i)) == (i % 512 == 0)));
    }
}
