//! welcome.json: a Welcome for two, of whom one opens it.

use cenacle_codec::Encode as _;
use cenacle_mls::{group::Handshake, wire::LeafIndex};

use super::{
    super::{check::Failure, welcome::WelcomeVector},
    Case, Size,
    crew::{Crew, Order},
};

pub(super) fn count(size: Size) -> usize {
    size.of(1, 2)
}

pub(super) fn make(case: &mut Case) -> Result<WelcomeVector, Failure> {
    let mut crew = Crew::found(case, Handshake::Public)?;
    let dice = &mut case.dice;
    let (one, other) = (crew.newcomer(dice)?, crew.newcomer(dice)?);
    let mut by_value = vec![one.add(), other.add()];
    if dice.chance(50) {
        by_value.reverse();
    }
    let with_all = case.index == 1;
    let order = Order { by_value, path: with_all, tree_apart: !with_all };
    let signer = LeafIndex(0);
    let welcome = crew.commit(dice, signer, &order)?.welcome;
    let welcome = welcome.ok_or_else(|| Failure::refused(&"no Welcome"))?;
    let signer = crew.group()?.member(signer).ok_or_else(|| Failure::refused(&"no signer"))?;
    Ok(WelcomeVector {
        cipher_suite: case.suite.cipher_suite().0,
        init_priv: one.offer.init_priv.clone(),
        signer_pub: signer.signature_key.0.as_slice().into(),
        key_package: one.key_package()?,
        welcome: welcome.to_bytes()?.into(),
    })
}
