//! Our own types: comparing secrets, copying them, reading them from a store, and erasing them.

use alloc::vec::Vec;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::{Digest, Secret, SecretBytes};
use cenacle_mls::delta::RowValue;

use super::{Case, Expected};

const SECRET: [u8; 32] = [7; 32];
/// Differs in its last byte only.
const OTHER: [u8; 32] = {
    let mut other = SECRET;
    other[31] = 8;
    other
};

/// A comparison has one outcome, which whoever asked looks at.
fn comparison(name: &str, equal: fn(&super::super::Probe, &[u8], &[u8]) -> bool) -> Case {
    let run = move |probe: &super::super::Probe| {
        assert!(equal(probe, &SECRET, &SECRET));
        assert!(!equal(probe, &SECRET, &OTHER));
    };
    Case::new(name, Expected::Verdicts(2), run)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        comparison("Secret::ct_eq", |probe, one, other| probe.secret(one).ct_eq(&Secret::from_slice(other).unwrap())),
        comparison("SecretBytes::ct_eq", |probe, one, other| probe.secret_bytes(one).ct_eq(&SecretBytes::from(other))),
        comparison("Digest::ct_eq", |probe, one, other| {
            let digest = Digest::from_slice(&probe.hidden(one)).unwrap();
            digest.ct_eq(&Digest::from_slice(other).unwrap())
        }),
        comparison("RowValue::ct_eq", |probe, one, other| {
            RowValue::from(probe.secret_bytes(one)).ct_eq(&RowValue::from(SecretBytes::from(other)))
        }),
        Case::new("secrets copied, written and read", Expected::Nothing, |probe| {
            let row = probe.secret(&SECRET).duplicate().to_secret_bytes().unwrap();
            let read = Secret::from_bytes(&row).unwrap();
            assert_eq!(probe.revealed(read.expose()), SECRET);
            let row = probe.secret_bytes(&SECRET).duplicate().to_secret_bytes().unwrap();
            let read = SecretBytes::from_bytes(&row).unwrap();
            assert_eq!(probe.revealed(read.expose()), SECRET);
        }),
    ]
}
