//! Groups that continue others: re-initialised ones and branches.

use alloc::collections::BTreeMap;

use crate::proto::*;
use crate::world::{Wish, World, everywhere, some_extensions};

/// Who does what in a re-initialisation.
#[derive(Clone, Copy)]
struct Roles<'a> {
    committer: &'static str,
    welcomer: &'static str,
    members: &'a [&'static str],
}

/// Commits a ReInit that was proposed, and moves everybody to the new group.
async fn reinitialise(world: &mut World, proposal: Vec<u8>, roles: Roles<'_>, force_path: bool, external_tree: bool) {
    let Roles { committer, welcomer, members } = roles;
    let by_reference = vec![proposal.clone()];
    let request = CommitRequest { state_id: world.state(committer), by_reference, ..CommitRequest::default() };
    let answer = world.ask(committer).re_init_commit(request).await;
    let commit = world.unwrap("ReInitCommit", answer).commit;
    let request = HandlePendingCommitRequest { state_id: world.state(committer) };
    let answer = world.ask(committer).handle_pending_re_init_commit(request).await;
    let last = world.unwrap("HandlePendingReInitCommit", answer);
    let mut successors = BTreeMap::from([(committer, (last.reinit_id, last.key_package))]);
    for member in members.iter().filter(|member| **member != committer) {
        let (state_id, proposal) = (world.state(member), vec![proposal.clone()]);
        let request = HandleCommitRequest { state_id, proposal, commit: commit.clone() };
        let answer = world.ask(member).handle_re_init_commit(request).await;
        let answer = world.unwrap("HandleReInitCommit", answer);
        assert_eq!(answer.epoch_authenticator, last.epoch_authenticator);
        successors.insert(member, (answer.reinit_id, answer.key_package));
    }
    let (reinit_id, _) = successors.remove(welcomer).expect("the welcomer is a member");
    let key_package = successors.values().rev().map(|(_, key_package)| key_package.clone()).collect();
    let request = ReInitWelcomeRequest { reinit_id, key_package, force_path, external_tree };
    let answer = world.ask(welcomer).re_init_welcome(request).await;
    let founded = world.unwrap("ReInitWelcome", answer);
    assert_eq!(founded.ratchet_tree.is_empty(), !external_tree);
    world.actor(welcomer).state = founded.state_id;
    for (member, (reinit_id, _)) in successors {
        let (welcome, ratchet_tree) = (founded.welcome.clone(), founded.ratchet_tree.clone());
        let request = HandleReInitWelcomeRequest { reinit_id, welcome, ratchet_tree };
        let answer = world.ask(member).handle_re_init_welcome(request).await;
        let answer = world.unwrap("HandleReInitWelcome", answer);
        assert_eq!(answer.epoch_authenticator, founded.epoch_authenticator, "{member} in {:?}", world.setting);
        world.actor(member).state = answer.state_id;
    }
    world.agree(members).await;
}

/// The new group goes on like any other, with the keys its members had.
async fn goes_on(world: &mut World, psk_id: &[u8], members: &[&'static str]) {
    let (first, others) = members.split_first().expect("somebody");
    let update = world.propose_update(others.last().expect("somebody else")).await;
    let by_value = vec![crate::world::psk(psk_id)];
    world.commit(first, Wish { by_reference: vec![update], by_value, ..Wish::default() }, others, &[]).await;
    world.agree(members).await;
}

#[test]
fn groups_are_re_initialised() {
    everywhere(|mut world: World| async move {
        let members = ["ada", "ben", "cyd", "dot"];
        world.group(&members).await;
        world.share_psk(b"kept", &members).await;
        let suite = world.setting.suite;
        let group_id = format!("a group of ada {:?}", world.setting).into_bytes();
        let other_suite = if suite == 1 { 2 } else { 1 };
        let rounds = [
            // With the identifier it had, and all parts in different hands.
            (suite, group_id, Vec::new(), ["ada", "ben", "cyd"], false, false),
            (suite, b"another".to_vec(), some_extensions(), ["ada", "ada", "ada"], true, true),
            (other_suite, b"a third".to_vec(), Vec::new(), ["dot", "cyd", "cyd"], false, true),
            (suite, b"a fourth".to_vec(), Vec::new(), ["ben", "cyd", "ben"], true, false),
        ];
        for (cipher_suite, group_id, extensions, [proposer, committer, welcomer], force_path, external_tree) in rounds {
            let wanted = ProposalDescription { cipher_suite, group_id, extensions, ..crate::world::of_kind("reinit") };
            let proposal = world.propose(proposer, wanted).await;
            let roles = Roles { committer, welcomer, members: &members };
            reinitialise(&mut world, proposal, roles, force_path, external_tree).await;
            goes_on(&mut world, b"kept", &members).await;
        }
    });
}

#[test]
fn groups_branch() {
    everywhere(|mut world: World| async move {
        let members = ["ada", "ben", "cyd", "dot"];
        world.group(&members).await;
        world.share_psk(b"kept", &members).await;
        let rounds = [
            (["ada", "cyd"].as_slice(), some_extensions(), false, false),
            (&["ben", "cyd", "dot"], Vec::new(), true, true),
            (&["cyd", "ada", "ben", "dot"], Vec::new(), false, true),
        ];
        let parents: Vec<(&str, u32)> = members.iter().map(|name| (*name, world.state(name))).collect();
        for (branch, extensions, force_path, external_tree) in rounds {
            let (founder, others) = branch.split_first().expect("somebody");
            let mut key_packages = Vec::new();
            for other in others {
                key_packages.push(world.key_package(other).await);
            }
            let (state_id, group_id) = (world.state(founder), format!("branch {branch:?}").into_bytes());
            let request =
                CreateBranchRequest { state_id, group_id, extensions, key_packages, force_path, external_tree };
            let answer = world.ask(founder).create_branch(request).await;
            let founded = world.unwrap("CreateBranch", answer);
            world.actor(founder).state = founded.state_id;
            for other in others {
                let actor = world.actor(other).clone();
                let request = HandleBranchRequest {
                    state_id: actor.state,
                    transaction_id: actor.transaction,
                    welcome: founded.welcome.clone(),
                    ratchet_tree: founded.ratchet_tree.clone(),
                };
                let answer = world.ask(other).handle_branch(request).await;
                let answer = world.unwrap("HandleBranch", answer);
                assert_eq!(answer.epoch_authenticator, founded.epoch_authenticator);
                world.actor(other).state = answer.state_id;
            }
            goes_on(&mut world, b"kept", branch).await;
            // The parent goes on as well.
            for (name, state) in &parents {
                world.actor(name).state = *state;
            }
            world.commit("dot", Wish::default(), &["ada", "ben", "cyd"], &[]).await;
        }
    });
}

#[test]
fn a_branch_has_members_of_its_parent_only() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        let key_packages = vec![world.key_package("cyd").await];
        let (state_id, group_id) = (world.state("ada"), b"branch".to_vec());
        let request = CreateBranchRequest { state_id, group_id, key_packages, ..CreateBranchRequest::default() };
        let refused = world.ask("ada").create_branch(request).await.expect_err("a stranger");
        assert_eq!(refused.metadata().get("cenacle-reason").expect("a reason"), "Invalid(BranchMembersMatch)");
    });
}
