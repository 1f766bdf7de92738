//! Ways into a group, and groups with many actors.

use crate::proto::*;
use crate::world::{Wish, World, add, everywhere, remove};

/// Joins from outside with what `member` says, and lets all members receive the commit.
async fn join_externally(
    world: &mut World,
    member: &'static str,
    joiner: &'static str,
    members: &[&'static str],
    how: ExternalJoinRequest,
    external_tree: bool,
) {
    let info = world.group_info(member, external_tree).await;
    let request = ExternalJoinRequest {
        group_info: info.group_info,
        ratchet_tree: info.ratchet_tree,
        encrypt_handshake: world.setting.encrypt,
        identity: joiner.as_bytes().to_vec(),
        ..how
    };
    let answer = world.ask(joiner).external_join(request).await;
    let answer = world.unwrap("ExternalJoin", answer);
    world.actor(joiner).state = answer.state_id;
    assert_eq!(world.authenticator(joiner).await, answer.epoch_authenticator);
    for member in members {
        let agreed = world.receive(member, &[], &answer.commit).await;
        assert_eq!(agreed, answer.epoch_authenticator, "{member} agrees in {:?}", world.setting);
    }
}

#[test]
fn clients_join_from_outside() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        let plain = ExternalJoinRequest::default;
        join_externally(&mut world, "ada", "cyd", &["ada", "ben"], plain(), false).await;
        join_externally(&mut world, "cyd", "dot", &["ada", "ben", "cyd"], plain(), true).await;
        // An earlier self goes, with the tree in the GroupInfo and beside it.
        for external_tree in [false, true] {
            let again = ExternalJoinRequest { remove_prior: true, ..plain() };
            join_externally(&mut world, "ada", "cyd", &["ada", "ben", "dot"], again, external_tree).await;
        }
        world.agree(&["ada", "ben", "cyd", "dot"]).await;
        // Who joined from outside is a member like all others: the earlier selves are gone.
        let text = world.protect("cyd", b"", b"here").await;
        assert_eq!(world.unprotect("ben", &text).await.1, b"here");
        world.commit("dot", Wish { by_value: vec![remove("cyd")], ..Wish::default() }, &["ada", "ben"], &[]).await;
    });
}

#[test]
fn keys_are_folded_in_from_outside() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        for id in [&b"one"[..], b"two"] {
            world.share_psk(id, &["ada", "ben"]).await;
        }
        let psk = |id: &[u8]| PreSharedKey { psk_id: id.to_vec(), psk_secret: [id, b" as a secret"].concat() };
        let how = ExternalJoinRequest { psks: vec![psk(b"one"), psk(b"two")], ..ExternalJoinRequest::default() };
        join_externally(&mut world, "ada", "cyd", &["ada", "ben"], how, false).await;
        // The joiner keeps the keys.
        let wish = Wish { by_value: vec![crate::world::psk(b"two")], ..Wish::default() };
        world.commit("cyd", wish, &["ada", "ben"], &[]).await;
        // With another secret under the name the members notice.
        let info = world.group_info("ada", false).await;
        let psks = vec![PreSharedKey { psk_id: b"one".to_vec(), psk_secret: b"another".to_vec() }];
        let identity = b"dot".to_vec();
        let request = ExternalJoinRequest { group_info: info.group_info, identity, psks, ..Default::default() };
        let answer = world.ask("dot").external_join(request).await;
        let commit = world.unwrap("ExternalJoin", answer).commit;
        let request = HandleCommitRequest { state_id: world.state("ada"), proposal: Vec::new(), commit };
        let refused = world.ask("ada").handle_commit(request).await.expect_err("another secret");
        assert_eq!(refused.metadata().get("cenacle-reason").expect("a reason"), "Unverified(ConfirmationTag)");
        world.agree(&["ada", "ben", "cyd"]).await;
    });
}

#[test]
fn who_was_removed_is_added_again() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        world.commit("ada", Wish { by_value: vec![remove("cyd")], ..Wish::default() }, &["ben"], &[]).await;
        for external_tree in [true, false] {
            let by_value = vec![add(world.key_package("cyd").await)];
            let wish = Wish { by_value, external_tree, ..Wish::default() };
            world.commit("ben", wish, &["ada"], &["cyd"]).await;
            world.agree(&["ada", "ben", "cyd"]).await;
            world.commit("cyd", Wish { by_value: vec![remove("ben")], ..Wish::default() }, &["ada"], &[]).await;
            let by_value = vec![add(world.key_package("ben").await), remove("cyd")];
            world.commit("ada", Wish { by_value, ..Wish::default() }, &[], &["ben"]).await;
        }
    });
}

#[test]
fn many_actors_come_and_go() {
    const NAMES: [&str; 40] = [
        "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7",
        "b8", "b9", "c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "d0", "d1", "d2", "d3", "d4", "d5",
        "d6", "d7", "d8", "d9",
    ];
    everywhere(|mut world: World| async move {
        if world.setting.suite != 1 {
            return;
        }
        let mut members = vec!["ada"];
        world.create("ada").await;
        for batch in NAMES.chunks(10) {
            let mut wish = Wish::default();
            for name in batch {
                wish.by_value.push(add(world.key_package(name).await));
            }
            let committer = *members.last().expect("somebody");
            for name in members.iter().filter(|name| **name != committer).step_by(3) {
                wish.by_reference.push(world.propose_update(name).await);
            }
            let others: Vec<_> = members.iter().copied().filter(|name| *name != committer).collect();
            world.commit(committer, wish, &others, batch).await;
            members.extend(batch);
        }
        world.agree(&members).await;
        let (stay, go): (Vec<_>, Vec<_>) = members.iter().copied().partition(|name| !name.starts_with('b'));
        let wish = Wish { by_value: go.iter().map(|name| remove(name)).collect(), ..Wish::default() };
        let others: Vec<_> = stay.iter().copied().filter(|name| *name != "ada").collect();
        world.commit("ada", wish, &others, &[]).await;
        world.agree(&stay).await;
        for name in members {
            world.free(name).await;
        }
    });
}
