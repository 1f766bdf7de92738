//! How a tree grows and shrinks (RFC 9420 §7.7, §12.1.1, §12.1.3), and how large it may be (§7.4).

use super::{super::common::*, puppets, tree_of};

/// Alice commits Adds of new puppets and Removes.
fn change(trial: &mut Trial, adds: u64, removes: &[u32]) {
    let mut packages = Vec::new();
    for _ in 0..adds {
        let seed = u64::parse(&trial.alice.dice.bytes(8));
        packages.push(Insider::nobody(&trial.alice.suite, "puppet", seed).key_package());
    }
    let plan = Plan::commit().with(packages.iter().map(Proposal::add));
    let twin = trial.alice.make(plan.with(removes.iter().map(|leaf| Proposal::Remove(*leaf))));
    trial.passes(&twin);
}

/// §7.7, §12.1.1: An Add takes the leftmost blank leaf, and a tree is doubled only when it is full.
#[test]
fn r151_place_of_a_new_leaf() {
    let mut trial = Trial::new(151);
    // Leaf 5 is free, and so are those from 7 on.
    puppets(&mut trial, 3);
    change(&mut trial, 0, &[5]);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().without_path().with([Proposal::add(&erin)]);
    // At the other blank leaf; beyond the end, in a tree that is not full; in a tree that was doubled for nothing.
    let places: [Spoil<'_, Tree>; 3] = [
        &|tree| tree.0.swap(10, 14),
        &|tree| {
            tree.0.resize(31, None);
            tree.0.swap(10, 16);
        },
        &|tree| tree.0.resize(31, None),
    ];
    for place in places {
        let bad = trial.alice.make(plan().tree(place));
        trial.refuses(&bad, What::ConfirmationTag);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
    assert_eq!(trial.leaf("erin"), 5);
    // The forge, which looks for the first blank leaf, and the library agree on the tree, whatever is added and removed.
    for _ in 0..25 {
        let mut chance = trial.alice.dice.fork();
        let mut some = move |below: u64| chance.next_u64() % below;
        let others = trial.alice.tree.members().into_iter().filter(|leaf| *leaf > 5);
        let removes: Vec<u32> = others.filter(|_| some(3) == 0).collect();
        let adds = some(6);
        change(&mut trial, adds, &removes);
        assert_eq!(tree_of(&trial, "bob"), trial.alice.tree);
    }
    trial.goes_on();
}

/// §7.7, §12.1.3: A Remove halves the tree while its right half is empty, and drops the roots.
#[test]
fn r152_truncation() {
    let mut trial = Trial::new(152);
    let added = puppets(&mut trial, 5);
    assert_eq!((added[4], trial.alice.tree.width()), (8, 16));
    change(&mut trial, 0, &[5, 6, 7]);
    assert!([7, 15].iter().all(|node| tree_of(&trial, "bob").parent(*node).is_some()));
    // The only one in the right half of the right half's left neighbour goes with it: from 16 leaves to 4.
    let plan = || Plan::commit().with([4, 8].map(Proposal::Remove));
    for nodes in [31, 15] {
        let bad = trial.alice.make(plan().tree(|tree| tree.0.resize(nodes, None)));
        trial.refuses(&bad, What::PathSecret);
    }
    let twin = trial.alice.make(plan());
    trial.passes(&twin);
    let tree = tree_of(&trial, "bob");
    assert_eq!((tree.width(), tree.nodes().len()), (4, 7));
    assert!(tree.parent(3).unwrap().parent_hash.is_empty());
    // One whose root was blank, by a commit of the library.
    let erin = trial.newcomer("erin");
    let twin = trial.alice.make(Plan::commit().without_path().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
    trial.commit("bob", |commit| commit.remove(cenacle_mls::wire::LeafIndex(4)));
    assert_eq!(tree_of(&trial, "carol").width(), 4);
    trial.goes_on();
}

/// §7.4: Trees and leaf indices have bounds, whatever a length or index claims.
#[test]
fn r153_tree_without_bound() {
    let mut trial = Trial::new(153);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    // A length of 2^30 - 1 bytes and no bytes behind it.
    let claim = [vec![0xBF, 0xFF, 0xFF, 0xFF], vec![0; 64]].concat();
    let bad = trial.alice.make(plan().group_info(|info| {
        info.extension(code::RATCHET_TREE).extension_data.clone_from(&claim);
    }));
    trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionWellFormed);
    trial.refuses_group_info("erin", &bad.next().group_info, Rule::ExtensionWellFormed);
    // More nodes than a tree may have, all but the last blank.
    let leaf = trial.alice.tree.node(0).cloned();
    let mut nodes = vec![0; 1 << 21];
    nodes.extend(leaf.bytes());
    let bad = trial.alice.make(plan().without_tree());
    trial.refuses_welcome_with("erin", bad.welcome(), Some(&nodes.bytes()), Rule::TreeSizeBounded);
    for leaf in [5, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
        let remove = Proposal::Remove(leaf);
        let bad = trial.alice.make(Plan::proposal(remove.clone()));
        trial.refuses(&bad, Rule::RemovedIsMember);
        let bad = trial.alice.make(Plan::commit().with([remove]));
        trial.refuses(&bad, Rule::RemovedIsMember);
        let bad = trial.alice.make(Plan::proposal(Proposal::Remove(3)).sender(Sender::Member(leaf)));
        trial.refuses(&bad, Rule::SenderIsMember);
        let bad = trial.alice.make(Plan::application(b"hello").seal(|seal| seal.sender_data.leaf_index = leaf));
        trial.refuses(&bad, Rule::SenderIsMember);
        let bad = trial.alice.make(plan().group_info(|info| info.signer = leaf));
        trial.refuses_welcome("erin", bad.welcome(), Rule::SignerIsMember);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::SignerIsMember);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}
