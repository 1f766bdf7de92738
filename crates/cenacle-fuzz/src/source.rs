//! Decisions taken from an input's bytes, so that a fuzzer that changes a byte changes a decision.

/// What is left of an input. Where there is nothing left every decision is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// A number under `bound`, which is not 0: from one byte where that is enough, or else from two.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let high = if bound > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high | usize::from(self.byte())) % bound
    }

    pub(crate) fn pick<'b, T>(&mut self, items: &'b [T]) -> &'b T {
        &items[self.below(items.len())]
    }

    /// So many bytes, or fewer at the end.
    pub(crate) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }

    /// Changes `bytes` as the rest of the input says, one small edit after the other.
    pub(crate) fn edit(&mut self, bytes: &mut Vec<u8>) {
        while !self.is_empty() {
            self.edit_once(bytes);
        }
    }

    /// One small edit.
    pub(crate) fn edit_once(&mut self, bytes: &mut Vec<u8>) {
        let kind = self.byte() % 8;
        let at = self.below(bytes.len() + 1);
        let end = (at + 1 + self.below(32)).min(bytes.len());
        match kind {
            0 if at < bytes.len() => bytes[at] ^= 1 << (self.byte() % 8),
            1 if at < bytes.len() => bytes[at] = self.byte(),
            2 if at < bytes.len() => bytes[at] = bytes[at].wrapping_add(self.byte() % 7).wrapping_sub(3),
            3 => drop(bytes.drain(at.min(end)..end)),
            4 => {
                let new = self.below(16);
                bytes.splice(at..at, self.take(new).iter().copied());
            }
            5 => {
                let again = bytes[at.min(end)..end].to_vec();
                bytes.splice(at..at, again);
            }
            6 => bytes.truncate(at),
            _ => {
                let other = self.below(bytes.len() + 1);
                let moved: Vec<u8> = bytes.iter().skip(other).take(end - at.min(end)).copied().collect();
                bytes.iter_mut().skip(at).zip(moved).for_each(|(byte, other)| *byte = other);
            }
        }
    }
}
