//! Which public keys are in use, and where: a multiset under digests, so that no rule ever compares all members.

use cenacle_crypto::Suite;

use super::trie::{Entry, Trie};

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

impl Entry for Use {
    fn name(&self) -> &[u8] {
        &self.name
    }

    fn is_gone(&self) -> bool {
        self.count == 0
    }
}

/// All keys of one kind, and how many of them occur more than once.
#[derive(Clone)]
pub(super) struct KeyUses {
    root: Trie<Use>,
    repeated: u32,
}

impl KeyUses {
    /// What a key takes in memory at most: beside its entry, a part of a branch.
    pub(super) const KEY_BYTES: usize = 2 * size_of::<Use>();

    pub(super) fn new() -> Self {
        Self { root: Trie::new(), repeated: 0 }
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
        let step = |found: Option<&Use>| {
            let (before, places) = found.map_or((0, 0), |found| (found.count, found.places));
            Use { name, count: count(before), places: places ^ place }
        };
        self.root.change(&name, &step).count
    }
}

#[cfg(test)]
mod tests {
    use alloc::{collections::BTreeMap, vec::Vec};

    use cenacle_crypto::conformance::SeededRng;

    use super::{super::tests::suite, *};

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
}
