//! Files come out as they went in, and nothing else does.

use alloc::sync::Arc;

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_service::wire::ContentHash;

use crate::{
    FileFault,
    attachment::{open, seal},
};

fn suite(number: u16) -> Arc<dyn Suite> {
    AwsLcProvider.suite(CipherSuite(number)).unwrap()
}

#[test]
fn files_of_all_lengths_and_suites_come_out_as_they_went_in() {
    let base = suite(1);
    for number in [1, 2, 3] {
        let suite = suite(number);
        for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
            let content: Vec<u8> = (0..length).map(|n: u32| n.to_le_bytes()[0]).collect();
            let (blob, file) = seal(&*suite, &*base, &mut SystemRng, "name", &content).unwrap();
            assert_eq!(open(&*suite, &*base, &file, &blob).unwrap(), content, "suite {number}, {length} bytes");
            assert_eq!(file.size_bytes, u64::from(length));
        }
    }
}

#[test]
fn a_changed_shortened_or_reordered_file_is_refused() {
    let base = suite(1);
    let content = vec![3; 3 * 65_536];
    let (blob, file) = seal(&*base, &*base, &mut SystemRng, "name", &content).unwrap();
    assert_eq!(open(&*base, &*base, &file, &blob[..blob.len() - 1]), Err(FileFault::OtherContent));

    // Even whoever can make the hash fit, the sender of the message perhaps, cannot have chunks taken for others.
    let chunk = 65_536 + 16;
    let shortened = blob[..2 * chunk].to_vec();
    let reordered = [&blob[chunk..2 * chunk], &blob[..chunk], &blob[2 * chunk..]].concat();
    let mut changed = blob;
    changed[70_000] ^= 1;
    for forged in [shortened, reordered, changed] {
        let mut file = file.clone();
        file.blob = ContentHash::of(&*base, &forged);
        assert_eq!(open(&*base, &*base, &file, &forged), Err(FileFault::NotDecryptable));
    }
}

#[test]
fn a_file_of_another_length_than_announced_is_refused() {
    let base = suite(1);
    let (blob, mut file) = seal(&*base, &*base, &mut SystemRng, "name", b"content").unwrap();
    file.size_bytes += 1;
    assert_eq!(open(&*base, &*base, &file, &blob), Err(FileFault::OtherLength));
}
