//! What fits the state and not the call, or would come twice: refused, and everything is as it was before.

use alloc::collections::BTreeMap;

use tonic::{Code, Request};

use crate::proto::*;
use crate::refusals::{once, refused};
use crate::world::{Wish, World, of_kind, remove};

/// A re-initialisation under way: the number and the key package of each member.
async fn ended(world: &mut World, members: &[&'static str]) -> BTreeMap<&'static str, (u32, Vec<u8>)> {
    let (committer, others) = members.split_first().expect("somebody");
    let (state_id, mut stack) = (world.state(committer), world.ask(committer));
    let wanted = ProposalDescription { cipher_suite: 1, group_id: b"next".to_vec(), ..of_kind("reinit") };
    let request = CommitRequest { state_id, by_value: vec![wanted], ..Default::default() };
    let commit = stack.re_init_commit(request).await.expect("a commit").into_inner().commit;
    // The calls for other commits lead nowhere from there.
    let request = HandlePendingCommitRequest { state_id };
    refused(stack.handle_pending_commit(request).await, Code::FailedPrecondition, "ReInit");
    let last = stack.handle_pending_re_init_commit(request).await.expect("the commit still waits").into_inner();
    let mut successors = BTreeMap::from([(*committer, (last.reinit_id, last.key_package))]);
    for other in others {
        let (state_id, mut stack) = (world.state(other), world.ask(other));
        let request = HandleCommitRequest { state_id, commit: commit.clone(), ..Default::default() };
        refused(stack.handle_commit(request.clone()).await, Code::FailedPrecondition, "ReInit");
        let answer = stack.handle_re_init_commit(request).await.expect("it is still there").into_inner();
        successors.insert(*other, (answer.reinit_id, answer.key_package));
    }
    successors
}

#[test]
fn a_welcome_to_another_group_takes_nobodys_place() {
    once(|mut world| async move {
        world.group(&["ada", "ben"]).await;
        let mut stack = world.ask("ada");
        // A stranger uses the key packages for groups of her own.
        world.create("eve").await;
        let offer = world.key_package("ben").await;
        let by_value = vec![crate::world::add(offer)];
        let stray = world.make_commit("eve", Wish { by_value, ..Wish::default() }).await.welcome;
        let (state_id, transaction_id) = (world.state("ben"), world.actor("ben").transaction);
        let request = HandleBranchRequest { state_id, transaction_id, welcome: stray.clone(), ..Default::default() };
        for _ in 0..2 {
            refused(stack.handle_branch(request.clone()).await, Code::FailedPrecondition, "OtherGroup");
        }
        // By itself there is nothing wrong with it.
        let request = JoinGroupRequest { transaction_id, welcome: stray, ..Default::default() };
        stack.join_group(request).await.expect("the key package is still there");

        let successors = ended(&mut world, &["ada", "ben"]).await;
        let (reinit_id, offer) = successors["ben"].clone();
        let by_value = vec![crate::world::add(offer.clone())];
        let stray = world.make_commit("eve", Wish { by_value, ..Wish::default() }).await.welcome;
        let request = HandleReInitWelcomeRequest { reinit_id, welcome: stray, ..Default::default() };
        for _ in 0..2 {
            refused(stack.handle_re_init_welcome(request.clone()).await, Code::FailedPrecondition, "OtherGroup");
        }
        let request =
            ReInitWelcomeRequest { reinit_id: successors["ada"].0, key_package: vec![offer], ..Default::default() };
        let founded = stack.re_init_welcome(request).await.expect("a group").into_inner();
        let request = HandleReInitWelcomeRequest { reinit_id, welcome: founded.welcome, ..Default::default() };
        let joined = stack.handle_re_init_welcome(request).await.expect("the successor").into_inner();
        assert_eq!(joined.epoch_authenticator, founded.epoch_authenticator);
    });
}

#[test]
fn a_branch_has_a_name_of_its_own() {
    once(|mut world| async move {
        world.group(&["ada", "ben"]).await;
        let key_packages = vec![world.key_package("ben").await];
        let group_id = format!("a group of ada {:?}", world.setting).into_bytes();
        let request =
            CreateBranchRequest { state_id: world.state("ada"), group_id, key_packages, ..Default::default() };
        let answer = world.ask("ada").create_branch(request).await;
        refused(answer, Code::FailedPrecondition, "Misuse(GroupExists)");
    });
}

#[test]
fn proposals_that_came_with_a_refused_commit_do_not_wait() {
    once(|mut world| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        let update = world.propose_update("cyd").await;
        let made = world.make_commit("ada", Wish { by_reference: vec![update.clone()], ..Wish::default() }).await;
        let (state_id, mut stack) = (world.state("ben"), world.ask("ben"));
        let mut commit = made.commit.clone();
        *commit.last_mut().expect("bytes") ^= 1;
        let request = HandleCommitRequest { state_id, proposal: vec![update.clone()], commit };
        for _ in 0..2 {
            refused(stack.handle_commit(request.clone()).await, Code::Aborted, "Unverified(Ciphertext)");
        }
        // Nor those of a commit that cannot be made.
        let by_reference = vec![update.clone(), vec![7]];
        let request = CommitRequest { state_id, by_reference, ..Default::default() };
        refused(stack.commit(request).await, Code::InvalidArgument, "Malformed(by_reference)");
        let by_value = vec![remove("ben")];
        let request = CommitRequest { state_id, by_reference: vec![update.clone()], by_value, ..Default::default() };
        refused(stack.commit(request).await, Code::Aborted, "Invalid(CommitterNotRemoved)");
        let text = world.protect("ben", b"", b"nothing waits").await;
        assert_eq!(world.unprotect("cyd", &text).await.1, b"nothing waits");
        world.receive("ben", core::slice::from_ref(&update), &made.commit).await;
        world.receive("cyd", &[update], &made.commit).await;
        let request = HandlePendingCommitRequest { state_id: world.state("ada") };
        world.ask("ada").handle_pending_commit(request).await.expect("the commit waits");
        world.agree(&["ada", "ben", "cyd"]).await;
    });
}

#[test]
fn of_calls_at_the_same_time_one_has_the_key_package() {
    once(|mut world| async move {
        world.create("ada").await;
        for round in 0..8 {
            let offer = world.key_package("ben").await;
            let by_value = vec![crate::world::add(offer)];
            let made = world.make_commit("ada", Wish { by_value, ..Wish::default() }).await;
            let transaction_id = world.actor("ben").transaction;
            let request = JoinGroupRequest { transaction_id, welcome: made.welcome, ..Default::default() };
            let calls = (0..8).map(|_| {
                let (mut stack, request) = (world.ask("ada"), Request::new(request.clone()));
                tokio::spawn(async move { stack.join_group(request).await.map(drop) })
            });
            let (mut joined, calls) = (0, calls.collect::<Vec<_>>());
            for call in calls {
                match call.await.expect("a call ends") {
                    Ok(()) => joined += 1,
                    Err(status) => assert_eq!(status.code(), Code::NotFound, "{status}"),
                }
            }
            assert_eq!(joined, 1, "round {round}");
        }
    });
}

#[test]
fn a_name_may_be_longer_than_a_refusal() {
    once(|mut world| async move {
        world.group(&["ada", "ben"]).await;
        let (state_id, mut stack) = (world.state("ada"), world.ask("ada"));
        for name in [vec![0xff; 100_000], vec![b'x'; 1_000_000]] {
            let request = RemoveProposalRequest { state_id, removed_id: name.clone() };
            refused(stack.remove_proposal(request).await, Code::FailedPrecondition, "NoMember");
            let by_value = vec![crate::world::psk(&name)];
            let request = CommitRequest { state_id, by_value, ..Default::default() };
            refused(stack.commit(request).await, Code::FailedPrecondition, "Missing(Psk)");
        }
        world.commit("ada", Wish::default(), &["ben"], &[]).await;
    });
}
