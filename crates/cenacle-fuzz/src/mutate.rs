//! The runner's mutator: bits, bytes, numbers, lengths, pieces of other inputs, and words of the protocol.

/// A small generator of numbers (SplitMix64): what is fuzzed is chosen by the seed and the number of the execution alone.
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of execution `index` of a run with `seed`.
    #[must_use]
    pub const fn of(seed: u64, index: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(index.wrapping_mul(0x2545_f491_4f6c_dd1d)))
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number under `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// Code points, headers of lengths and presence octets that decoders branch on.
const WORDS: &[&[u8]] = &[
    &[0, 1],
    &[0, 1, 0, 1],
    &[0, 1, 0, 2],
    &[0, 1, 0, 3],
    &[0, 1, 0, 4],
    &[0, 1, 0, 5],
    &[0, 7],
    &[0x0a, 0x0a],
    &[0xf0, 0x0d],
    &[0x3f],
    &[0x40, 0x40],
    &[0x7f, 0xff],
    &[0x80, 0, 0x40, 0],
    &[0xbf, 0xff, 0xff, 0xff],
    &[0xc0],
    &[0xff, 0xff, 0xff, 0xff],
    &[0, 0, 0, 0, 0, 0, 0, 0],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    b"\"type\":",
    b"null",
    b"{}",
    b"[]",
];

/// Puts an input of at most `longest` bytes into `input`: one of the corpus, changed a few times, or now and then noise.
pub fn make(input: &mut Vec<u8>, corpus: &[Vec<u8>], longest: usize, random: &mut Random) {
    input.clear();
    if corpus.is_empty() || random.below(64) == 0 {
        let length = random.below(longest.min(64) + 1);
        input.extend((0..length).map(|_| random.byte()));
        return;
    }
    input.extend_from_slice(&corpus[random.below(corpus.len())]);
    // One change mostly, seldom many.
    let changes = 1 + usize::try_from(random.next().trailing_zeros()).unwrap().min(8);
    for _ in 0..changes {
        change(input, corpus, random);
        input.truncate(longest);
    }
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let end = at + (1 + random.below(16)).min(input.len() - at);
    match random.below(11) {
        0 | 1 if at < input.len() => input[at] ^= 1 << random.below(8),
        2 if at < input.len() => input[at] = random.byte(),
        3 if at < input.len() => input[at] = *pick(&[0, 1, 2, 3, 4, 0x3f, 0x40, 0x7f, 0x80, 0xff], random),
        // A number, or a length that no longer fits.
        4 if at < input.len() => input[at] = input[at].wrapping_add(random.byte() % 9).wrapping_sub(4),
        5 => drop(input.drain(at..end)),
        6 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        7 => {
            let word = *pick(WORDS, random);
            let end = if random.below(2) == 0 { at } else { (at + word.len()).min(input.len()) };
            input.splice(at..end, word.iter().copied());
        }
        8 => {
            let other = pick(corpus, random);
            let from = random.below(other.len() + 1);
            let piece = &other[from..from + random.below((other.len() - from).min(128) + 1)];
            let end = if random.below(2) == 0 { at } else { (at + piece.len()).min(input.len()) };
            input.splice(at..end, piece.iter().copied());
        }
        9 => input.truncate(at),
        _ => {
            let count = random.below(16);
            let noise: Vec<u8> = (0..count).map(|_| random.byte()).collect();
            input.splice(at..at, noise);
        }
    }
}

fn pick<'a, T>(items: &'a [T], random: &mut Random) -> &'a T {
    &items[random.below(items.len())]
}
