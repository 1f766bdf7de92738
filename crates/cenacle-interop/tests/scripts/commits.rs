//! Commits of every kind of proposal, by value and by reference, and application data across them.

use crate::proto::ProposalDescription;
use crate::world::{Wish, World, add, everywhere, of_kind, psk, remove, resumption, some_extensions};

fn extensions(extensions: Vec<crate::proto::Extension>) -> ProposalDescription {
    ProposalDescription { extensions, ..of_kind("groupContextExtensions") }
}

#[test]
fn messages_arrive_in_any_order_and_late() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        let mut sent = Vec::new();
        for number in 0..3_u8 {
            sent.push((number, world.protect("ada", &[number], &[number; 40]).await));
        }
        world.commit("ada", Wish::default(), &["ben"], &[]).await;
        for number in 3..6_u8 {
            sent.push((number, world.protect("ada", &[number], &[number; 40]).await));
        }
        for (number, ciphertext) in sent.iter().rev() {
            assert_eq!(world.unprotect("ben", ciphertext).await, (vec![*number], vec![*number; 40]));
        }
        let empty = world.protect("ben", b"", b"").await;
        assert_eq!(world.unprotect("ada", &empty).await, (Vec::new(), Vec::new()));
    });
}

#[test]
fn members_are_added_by_value_and_by_reference() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        for (external_tree, [first, second, third]) in [(false, ["cyd", "dot", "eve"]), (true, ["fay", "gus", "hal"])] {
            let own = add(world.key_package(first).await);
            let own = world.propose("ada", own).await;
            let others = add(world.key_package(second).await);
            let others = world.propose("ben", others).await;
            let by_value = vec![add(world.key_package(third).await)];
            let wish = Wish { by_reference: vec![own, others], by_value, force_path: external_tree, external_tree };
            let members: &[_] = if external_tree { &["ben", "cyd", "dot", "eve"] } else { &["ben"] };
            world.commit("ada", wish, members, &[first, second, third]).await;
        }
        world.agree(&["ada", "ben", "cyd", "dot", "eve", "fay", "gus", "hal"]).await;
    });
}

#[test]
fn members_update_and_go() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben", "cyd", "dot", "eve"]).await;
        // The first leaf's update too, and one that nobody commits.
        let first = world.propose_update("ada").await;
        let second = world.propose_update("cyd").await;
        world.propose_update("dot").await;
        let wish = Wish { by_reference: vec![first, second], ..Wish::default() };
        world.commit("ben", wish, &["ada", "cyd", "dot", "eve"], &[]).await;
        let own = world.propose("ben", remove("cyd")).await;
        let others = world.propose("dot", remove("ada")).await;
        let wish = Wish { by_reference: vec![own, others], by_value: vec![remove("eve")], ..Wish::default() };
        world.commit("ben", wish, &["dot"], &[]).await;
        world.agree(&["ben", "dot"]).await;
        for gone in ["ada", "cyd", "eve", "ben", "dot"] {
            world.free(gone).await;
        }
    });
}

#[test]
fn a_removed_member_is_told_and_left_without_a_secret() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        let wish = Wish { by_value: vec![remove("ben")], ..Wish::default() };
        let made = world.make_commit("ada", wish).await;
        assert!(world.receive("ben", &[], &made.commit).await.is_empty());
    });
}

#[test]
fn pre_shared_keys_are_folded_in() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        for id in [&b"one"[..], b"two", b"three"] {
            world.share_psk(id, &["ada", "ben"]).await;
        }
        for force_path in [true, false] {
            let own = world.propose("ada", psk(b"one")).await;
            let others = world.propose("ben", psk(b"two")).await;
            let by_value = vec![psk(b"three")];
            let wish = Wish { by_reference: vec![own, others], by_value, force_path, external_tree: false };
            world.commit("ada", wish, &["ben"], &[]).await;
        }
        // Of the first epoch of all, of the last one, and of the present one.
        let own = world.propose("ada", resumption(1)).await;
        let others = world.propose("ben", resumption(2)).await;
        let wish = Wish { by_reference: vec![own, others], by_value: vec![resumption(3)], ..Wish::default() };
        world.commit("ada", wish, &["ben"], &[]).await;
        // A new member is given the key while it has nothing but a key package.
        let offer = world.key_package("cyd").await;
        world.share_psk(b"four", &["ada", "ben", "cyd"]).await;
        let wish = Wish { by_value: vec![add(offer), psk(b"four")], ..Wish::default() };
        world.commit("ada", wish, &["ben"], &["cyd"]).await;
        let wish = Wish { by_value: vec![psk(b"four")], ..Wish::default() };
        world.commit("cyd", wish, &["ada", "ben"], &[]).await;
    });
}

#[test]
fn extensions_are_replaced() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        for wanted in [some_extensions(), Vec::new()] {
            let proposed = world.propose("ben", extensions(wanted)).await;
            let wish = Wish { by_reference: vec![proposed], ..Wish::default() };
            world.commit("ada", wish, &["ben"], &[]).await;
        }
        let wish = Wish { by_value: vec![extensions(some_extensions())], ..Wish::default() };
        world.commit("ben", wish, &["ada"], &[]).await;
    });
}

#[test]
fn a_commit_has_what_was_asked_for_and_nothing_else() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        let unwanted = world.propose("ada", remove("cyd")).await;
        let again = world.propose("ada", remove("cyd")).await;
        let update = world.propose_update("ben").await;
        let wish = Wish { by_reference: vec![update], ..Wish::default() };
        // One commit is given up for another.
        world.make_commit("ada", wish.clone()).await;
        world.commit("ada", wish, &["ben", "cyd"], &[]).await;
        world.agree(&["ada", "ben", "cyd"]).await;
        // What was not committed is over with its epoch.
        assert_eq!(unwanted == again, !world.setting.encrypt && deterministic(world.setting.suite));
    });
}

/// Whether the suite signs the same words the same way.
fn deterministic(suite: u32) -> bool {
    matches!(suite, 1 | 3 | 4 | 6)
}

#[test]
fn what_was_seen_once_may_be_shown_again() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        let update = world.propose_update("cyd").await;
        let own = world.propose("ben", remove("cyd")).await;
        // Ben takes in what he shows in a commit that he then gives up for Ada's, which comes with the same list.
        world.make_commit("ben", Wish { by_reference: vec![update.clone()], ..Wish::default() }).await;
        let wish = Wish { by_reference: vec![update], ..Wish::default() };
        world.commit("ada", wish, &["ben", "cyd"], &[]).await;
        drop(own);
        world.agree(&["ada", "ben", "cyd"]).await;
    });
}
