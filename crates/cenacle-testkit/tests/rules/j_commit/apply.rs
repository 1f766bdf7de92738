//! In which order proposals take effect (RFC 9420 §12.3).

use core::cell::RefCell;

use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// §12.3: New extensions come first, and the rest of the commit is judged by them.
#[test]
fn r233_judged_by_the_new_extensions() {
    let mut trial = Trial::new(233);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 233);
    let required = RequiredCapabilities { extension_types: vec![TEST_EXTENSION.0], ..RequiredCapabilities::default() };
    let require = || Proposal::GroupContextExtensions(vec![required.extension()]);
    let lacking = Proposal::add(&erin.key_package_with(|leaf| leaf.capabilities.extensions.clear(), |_| ()));
    let able = Proposal::add(&erin.key_package());
    trial.refuses_commit([require(), lacking.clone()], Rule::RequiredCapabilitiesMet);
    trial.refuses_commit([lacking, require()], Rule::RequiredCapabilitiesMet);
    trial.accepts_commit([able, require()]);
    // What is no longer required need not be there.
    let mut frank = Insider::nobody(&trial.alice.suite, "frank", 2330);
    let lacking = Proposal::add(&frank.key_package_with(|leaf| leaf.capabilities.extensions.clear(), |_| ()));
    trial.refuses_commit([lacking.clone()], Rule::RequiredCapabilitiesMet);
    trial.accepts_commit([lacking, Proposal::GroupContextExtensions(Vec::new())]);
}

/// Moves a leaf of a tree, which may have to grow.
fn moved(tree: &Tree, from: u32, to: u32) -> Tree {
    let mut tree = tree.clone();
    while tree.width() <= to {
        tree.0.resize(tree.0.len() * 2 + 1, None);
    }
    let leaf = tree.node(from * 2).cloned();
    tree.set(from * 2, None);
    tree.set(to * 2, leaf);
    tree
}

/// §12.3: Removes come before Adds, however they are listed: the freed leaf is taken again.
#[test]
fn r234_add_listed_before_remove() {
    let mut trial = Trial::new(234);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin), Proposal::Remove(2)]);
    let (suite, hash) = (trial.alice.suite.clone(), RefCell::default());
    let keep = |tree: &mut Tree| *hash.borrow_mut() = moved(tree, 2, 4).tree_hash(&*suite);
    let listed_order = plan().merged(keep).context(|context| context.tree_hash.clone_from(&hash.borrow()));
    let bad = trial.alice.make(listed_order);
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
    assert_eq!(trial.leaf("erin"), 2);
}

/// §12.3: Adds take effect in the order of the list, whether by value or by reference.
#[test]
fn r235_adds_in_order() {
    let mut trial = Trial::new(235);
    let names = ["erin", "frank", "grace"];
    let packages = names.map(|name| trial.newcomer(name));
    let [first, second, third] = packages.each_ref().map(Proposal::add);
    let third = trial.proposes(third);
    // The one that was proposed first is listed last but one.
    let list = [second.into(), third, first.into()];
    let plan = || Plan::commit().without_path().with(list.clone());
    for [one, other] in [[4, 5], [5, 6], [4, 6]] {
        let swap = |tree: &mut Tree| *tree = moved(&moved(&moved(tree, one, 7), other, one), 7, other);
        let bad = trial.alice.make(plan().merged(swap));
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = trial.alice.make(plan());
    trial.passes(&twin);
    for (name, leaf) in [("frank", 4), ("grace", 5), ("erin", 6)] {
        trial.enters(name, twin.welcome(), None);
        assert_eq!(trial.leaf(name), leaf);
    }
    trial.agree();
    trial.goes_on();
}
