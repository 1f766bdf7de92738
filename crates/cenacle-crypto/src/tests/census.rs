//! Who counts: values are known by mask, holders by number.

use alloc::vec::Vec;

use crate::{
    Secret, SecretBytes,
    census::{self, Held},
};

/// The count is of the whole process, so every test has values of its own.
fn held(all: &[Held], value: &[u8]) -> Option<(u32, Vec<u8>)> {
    let held = all.iter().find(|held| census::unmasked(&held.masked) == value)?;
    Some((held.holders, held.masked.clone()))
}

#[test]
fn counts_who_holds_a_value_and_does_not_hold_it_itself() {
    census::begin();
    let value: Vec<u8> = (0..32).map(|at| at * 7 + 1).collect();
    let secret = Secret::from_slice(&value).unwrap();
    let other = secret.duplicate();
    let bytes = SecretBytes::from(&*value);
    let (holders, masked) = held(&census::changes(), &value).unwrap();
    assert_eq!(holders, 3);
    assert!(value.windows(8).all(|window| !masked.windows(8).any(|other| other == window)));
    drop((secret, bytes));
    assert_eq!(held(&census::changes(), &value).unwrap().0, 1);
    drop(other);
    assert_eq!(held(&census::changes(), &value).unwrap().0, 0);
    assert!(held(&census::changes(), &value).is_none(), "nothing has changed since");
}

#[test]
fn constants_short_values_and_content_are_no_secrets() {
    census::begin();
    let secrets = [Secret::zero(32), Secret::from_slice(b"short bytes").unwrap()];
    let content = SecretBytes::from(&b"content of any length"[..]);
    let counted = census::changes();
    assert!(secrets.iter().all(|secret| held(&counted, secret.expose()).is_none()));
    assert!(held(&counted, content.expose()).is_none());
}
