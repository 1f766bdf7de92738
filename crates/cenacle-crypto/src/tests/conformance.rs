//! The seeded generator: one sequence per seed, however it is read.

use crate::{Rng, conformance::SeededRng};

#[test]
fn gives_one_sequence_per_seed() {
    let read = |seed: u64, sizes: &[usize]| {
        let mut rng = SeededRng::new(seed);
        let mut out = [0; 100];
        let mut rest = &mut out[..];
        for size in sizes {
            let (now, later) = rest.split_at_mut(*size);
            rng.fill(now).unwrap();
            rest = later;
        }
        out
    };
    assert_eq!(read(1, &[100]), read(1, &[1, 32, 33, 34]));
    assert_ne!(read(1, &[100]), read(2, &[100]));
    let first = read(1, &[100]);
    assert_ne!(first[..32], first[32..64], "blocks differ");
    assert_eq!(SeededRng::new(1).next_u64().to_be_bytes(), first[..8]);
}
