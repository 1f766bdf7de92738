//! Key packages (RFC 9420 §10, §10.1, §16.8).

use crate::common::*;

/// §10.1: A key package's init key differs from its leaf's encryption key.
#[test]
fn r190_init_key_is_the_leaf_key() {
    let mut trial = Trial::new(190);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 190);
    let bad = erin.key_package_with(|_| (), |package| package.init_key = package.leaf_node.encryption_key.clone());
    trial.refuses_key_package(&bad, Rule::InitKeyDiffers);
    let forged = trial.alice.make(Plan::commit().with([Proposal::add(&bad)]));
    trial.refuses(&forged, Rule::InitKeyDiffers);
    trial.adds(&erin.key_package());
}
