//! Guards of cost that do not depend on time: what members compute, allocate, store and send, in groups of two sizes.
//! Whatever grows between them may grow with the levels of the tree, or for joining and creating with the members, and by
//! no more for each than its bound here allows. What has no bound of its own does not grow. Beside them stand what hostile
//! trees and lists cost, and what is done for a message before it is refused.
//!
//! `cargo test -p cenacle-cli --test growth -- --nocapture` prints all figures.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something unexpected happens"
)]

extern crate alloc;

mod bounds;
mod counted;
mod figures;
mod hostile;
mod limits;
mod members;
mod refusals;

use alloc::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bounds::{Case, check};
use cenacle_codec::Decode;
use cenacle_mls::{
    group::{CommitBuilder, OwnKeyPackage},
    wire::{LeafIndex, MlsMessage, MlsMessageBody},
};
use figures::Figures;
use members::{Outsider, Pair, inputs, key_package};

/// Each step is taken so often.
const TIMES: usize = 8;

/// The process has one heap: nothing else is done while it is counted.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each step needed each time, by its name.
#[derive(Default)]
struct Steps(BTreeMap<&'static str, Vec<Figures>>);

impl Steps {
    fn note(&mut self, name: &'static str, figures: Figures) {
        self.0.entry(name).or_default().push(figures);
    }

    fn note_both(&mut self, [send, receive]: [&'static str; 2], (sending, receiving): (Figures, Figures)) {
        self.note(send, sending);
        self.note(receive, receiving);
    }
}

/// Holds every step in a small and a large group, whose sizes are in units, against its bounds.
fn check_all(unit: &'static str, small: (i64, &Steps), large: (i64, &Steps)) {
    let mut broken = Vec::new();
    for ((name, at_small), (other, at_large)) in small.1.0.iter().zip(&large.1.0) {
        assert_eq!(name, other);
        let (at_small, at_large) = (Figures::of_all(at_small), Figures::of_all(at_large));
        let case = Case { name, unit, small: (small.0, &at_small), large: (large.0, &at_large) };
        broken.extend(check(&case, limits::of(name)));
    }
    assert!(broken.is_empty(), "beyond their bounds:\n{}", broken.join("\n"));
}

/// All steps in a warm group whose tree is full.
fn in_a_group(n: u32) -> Steps {
    let (mut pair, mut steps) = (Pair::new(n), Steps::default());
    // In the other half than the sender, beside the receiver: whose commits put keys on all parents that its removal
    // has blanked.
    let guest = LeafIndex(n - 2);
    for _ in 0..TIMES {
        steps.note_both(["commit_update", "process_commit"], pair.renew());
        // The first message of a sender in an epoch divides the secrets above its leaf.
        steps.note_both(["send_first", "receive_first"], pair.say());
        steps.note_both(["send", "receive"], pair.say());
        steps.note_both(["remove_one", "process_remove"], pair.remove(guest));
        pair.answer();
        steps.note_both(["add_one", "process_add"], pair.add());
        assert_eq!(pair.receiver.group.public().tree().leaf_width(), n);
        pair.answer();
    }
    for _ in 0..TIMES / 2 {
        steps.note("open_and_receive", pair.reopen());
    }
    steps
}

#[test]
fn steps_in_a_group_grow_with_its_levels() {
    let _alone = alone();
    let (small, large) = (in_a_group(64), in_a_group(8_192));
    check_all("level", (6, &small), (13, &large));
}

/// A joiner takes the one blank leaf of a warm tree.
fn join(n: u32) -> Steps {
    let (mut pair, mut steps) = (Pair::new(n), Steps::default());
    pair.remove(LeafIndex(n - 2));
    pair.answer();
    let mut joiner = Outsider::new("joiner");
    let package = joiner.key_package();
    let welcome = pair.sender.commit(|commit| commit.add(package)).welcome.unwrap();
    let Outsider { client, store, meter } = &mut joiner;
    let (group, figures) = meter.measure(|| {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(&welcome).unwrap().body else {
            panic!("no Welcome")
        };
        let own = OwnKeyPackage::find(store, &welcome).unwrap().unwrap();
        client.join(&welcome, &own, None, &inputs()).unwrap().accept(store).unwrap()
    });
    assert_eq!(group.public().tree().member_count(), n);
    steps.note("join", figures);
    steps
}

#[test]
fn joining_grows_with_the_members() {
    let _alone = alone();
    check_all("member", (64, &join(64)), (512, &join(512)));
}

/// A founder adds all others by one commit.
fn create(n: u32) -> Steps {
    let mut steps = Steps::default();
    let packages: Vec<_> = (1..n).map(|_| key_package()).collect();
    let mut founder = Outsider::new("founder").found();
    let (sent, figures) =
        founder.measure(|founder| founder.commit(|commit| packages.into_iter().fold(commit, CommitBuilder::add)));
    sent.welcome.unwrap();
    assert_eq!(founder.group.public().tree().member_count(), n);
    steps.note("create", figures);
    steps
}

#[test]
fn creating_grows_with_the_members() {
    let _alone = alone();
    check_all("member", (64, &create(64)), (512, &create(512)));
}
