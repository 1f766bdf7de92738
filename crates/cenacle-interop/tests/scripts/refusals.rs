//! What is refused, with which code and reason; that a refusal leaves no trace; and that freeing never fails.

use tonic::{Code, Response, Status};

use crate::proto::*;
use crate::world::{Process, Setting, Wish, World, add, of_kind, psk, remove};

pub(crate) fn refused<A: core::fmt::Debug>(answer: Result<Response<A>, Status>, code: Code, reason: &str) {
    let status = answer.expect_err("a refusal");
    assert_eq!(status.code(), code, "{status}");
    assert_eq!(status.metadata().get("cenacle-reason").expect("a reason"), reason, "{status}");
    assert!(!status.message().is_empty());
}

/// One server, suite 1, handshakes encrypted.
pub(crate) fn once<F: Future<Output = ()>>(script: impl FnOnce(World) -> F) {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let process = Process::start().await;
        script(World::new(Setting { suite: 1, encrypt: true, stacks: 1 }, &[process])).await;
    });
}

#[test]
fn unknown_numbers_name_nothing() {
    once(|mut world| async move {
        world.create("ada").await;
        world.key_package("ben").await;
        let mut stack = world.ask("ada");
        // Nothing at all, and something of another kind.
        for id in [0, 12_345, u32::MAX, world.actor("ben").transaction] {
            let wrong = "Unknown(State)";
            refused(stack.state_auth(StateAuthRequest { state_id: id }).await, Code::NotFound, wrong);
            refused(
                stack.group_info(GroupInfoRequest { state_id: id, external_tree: false }).await,
                Code::NotFound,
                wrong,
            );
            let request = ExportRequest { state_id: id, key_length: 1, ..Default::default() };
            refused(stack.export(request).await, Code::NotFound, wrong);
            refused(stack.protect(ProtectRequest { state_id: id, ..Default::default() }).await, Code::NotFound, wrong);
            refused(
                stack.unprotect(UnprotectRequest { state_id: id, ..Default::default() }).await,
                Code::NotFound,
                wrong,
            );
            refused(stack.update_proposal(UpdateProposalRequest { state_id: id }).await, Code::NotFound, wrong);
            refused(stack.commit(CommitRequest { state_id: id, ..Default::default() }).await, Code::NotFound, wrong);
            refused(
                stack.re_init_commit(CommitRequest { state_id: id, ..Default::default() }).await,
                Code::NotFound,
                wrong,
            );
            let request = HandleCommitRequest { state_id: id, ..Default::default() };
            refused(stack.handle_commit(request.clone()).await, Code::NotFound, wrong);
            refused(stack.handle_re_init_commit(request).await, Code::NotFound, wrong);
            let request = HandlePendingCommitRequest { state_id: id };
            refused(stack.handle_pending_commit(request).await, Code::NotFound, wrong);
            refused(stack.handle_pending_re_init_commit(request).await, Code::NotFound, wrong);
            refused(
                stack.create_branch(CreateBranchRequest { state_id: id, ..Default::default() }).await,
                Code::NotFound,
                wrong,
            );
            refused(
                stack.handle_branch(HandleBranchRequest { state_id: id, ..Default::default() }).await,
                Code::NotFound,
                wrong,
            );
        }
        let state_id = world.state("ada");
        for id in [0, 12_345, state_id] {
            let request = JoinGroupRequest { transaction_id: id, ..Default::default() };
            refused(stack.join_group(request).await, Code::NotFound, "Unknown(Transaction)");
            let request = HandleBranchRequest { state_id, transaction_id: id, ..Default::default() };
            refused(stack.handle_branch(request).await, Code::NotFound, "Unknown(Transaction)");
            let request = ExternalSignerProposalRequest { signer_id: id, ..Default::default() };
            refused(stack.external_signer_proposal(request).await, Code::NotFound, "Unknown(Signer)");
            let request = ReInitWelcomeRequest { reinit_id: id, ..Default::default() };
            refused(stack.re_init_welcome(request).await, Code::NotFound, "Unknown(Successor)");
            let request = HandleReInitWelcomeRequest { reinit_id: id, ..Default::default() };
            refused(stack.handle_re_init_welcome(request).await, Code::NotFound, "Unknown(Successor)");
            if id != state_id {
                let request = StorePskRequest { state_or_transaction_id: id, ..Default::default() };
                refused(stack.store_psk(request).await, Code::NotFound, "Unknown(State)");
            }
            // Whatever it is or was, it may be freed, as often as anybody likes.
            for _ in 0..2 {
                stack.free(FreeRequest { state_id: id }).await.expect("freeing never fails");
            }
        }
        refused(stack.state_auth(StateAuthRequest { state_id }).await, Code::NotFound, "Unknown(State)");
    });
}

#[test]
fn garbage_is_an_invalid_argument() {
    once(|mut world| async move {
        world.group(&["ada", "ben"]).await;
        let (state_id, mut stack) = (world.state("ada"), world.ask("ada"));
        let before = world.authenticator("ada").await;
        let key_package = world.key_package("cyd").await;
        for suite in [0, 99, 0x1_0001] {
            let reason = format!("Suite({suite})");
            let request = CreateGroupRequest { cipher_suite: suite, ..Default::default() };
            refused(stack.create_group(request).await, Code::InvalidArgument, &reason);
            let request = CreateKeyPackageRequest { cipher_suite: suite, ..Default::default() };
            refused(stack.create_key_package(request).await, Code::InvalidArgument, &reason);
            let request = CreateExternalSignerRequest { cipher_suite: suite, ..Default::default() };
            refused(stack.create_external_signer(request).await, Code::InvalidArgument, &reason);
        }
        let cut = key_package[..key_package.len() - 1].to_vec();
        for bytes in [Vec::new(), vec![7], vec![0xff; 100], cut] {
            let code = Code::InvalidArgument;
            let request = AddProposalRequest { state_id, key_package: bytes.clone() };
            refused(stack.add_proposal(request).await, code, "Malformed(key_package)");
            let by_value = vec![add(bytes.clone())];
            let request = CommitRequest { state_id, by_value, ..Default::default() };
            refused(stack.commit(request).await, code, "Malformed(key_package)");
            let by_reference = vec![bytes.clone()];
            let request = CommitRequest { state_id, by_reference, ..Default::default() };
            refused(stack.commit(request).await, code, "Malformed(by_reference)");
            let request = HandleCommitRequest { state_id, commit: bytes.clone(), ..Default::default() };
            refused(stack.handle_commit(request).await, code, "Malformed(commit)");
            let request = UnprotectRequest { state_id, ciphertext: bytes.clone() };
            refused(stack.unprotect(request).await, code, "Malformed(ciphertext)");
            let transaction_id = world.actor("cyd").transaction;
            let request = JoinGroupRequest { transaction_id, welcome: bytes.clone(), ..Default::default() };
            refused(stack.join_group(request).await, code, "Malformed(welcome)");
            let request = ExternalJoinRequest { group_info: bytes.clone(), ..Default::default() };
            refused(stack.external_join(request).await, code, "Malformed(group_info)");
            let request = NewMemberAddProposalRequest { group_info: bytes.clone(), ..Default::default() };
            refused(stack.new_member_add_proposal(request).await, code, "Malformed(group_info)");
            let request = AddExternalSignerRequest { state_id, external_sender: bytes };
            refused(stack.add_external_signer(request).await, code, "Malformed(external_sender)");
        }
        let extensions = vec![Extension { extension_type: 0x1_0000, extension_data: Vec::new() }];
        let request = GroupContextExtensionsProposalRequest { state_id, extensions };
        refused(stack.group_context_extensions_proposal(request).await, Code::InvalidArgument, "Field(extension_type)");
        let request = CommitRequest { state_id, by_value: vec![of_kind("nonsense")], ..Default::default() };
        refused(stack.commit(request).await, Code::InvalidArgument, "Field(proposal_type)");
        // Well-formed, and of another kind.
        let request = HandleCommitRequest { state_id, commit: key_package.clone(), ..Default::default() };
        refused(stack.handle_commit(request).await, Code::FailedPrecondition, "Misuse(WrongMessage)");
        let request = ExternalJoinRequest { group_info: key_package, ..Default::default() };
        refused(stack.external_join(request).await, Code::InvalidArgument, "Field(group_info)");
        assert_eq!(world.authenticator("ada").await, before);
        world.commit("ada", Wish::default(), &["ben"], &[]).await;
    });
}

#[test]
fn the_protocol_says_no_with_its_reason() {
    once(|mut world| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        let (state_id, mut stack) = (world.state("ada"), world.ask("ada"));
        let request = HandlePendingCommitRequest { state_id };
        refused(stack.handle_pending_commit(request).await, Code::FailedPrecondition, "NothingPending");
        refused(stack.handle_pending_re_init_commit(request).await, Code::FailedPrecondition, "NothingPending");
        let request = RemoveProposalRequest { state_id, removed_id: b"nobody".to_vec() };
        refused(stack.remove_proposal(request).await, Code::FailedPrecondition, "NoMember");
        let request = CommitRequest { state_id, by_value: vec![psk(b"unknown")], ..Default::default() };
        refused(stack.commit(request).await, Code::FailedPrecondition, "Missing(Psk)");
        let request = CommitRequest { state_id, by_value: vec![remove("ada")], ..Default::default() };
        refused(stack.commit(request).await, Code::Aborted, "Invalid(CommitterNotRemoved)");
        // Two proposals about one member cannot be committed together, nor an own update.
        let update = world.propose_update("cyd").await;
        let removal = world.propose("ben", remove("cyd")).await;
        let by_reference = vec![update.clone(), removal];
        let request = CommitRequest { state_id, by_reference, ..Default::default() };
        refused(stack.commit(request).await, Code::FailedPrecondition, "ProposalLeftOut");
        let own = world.propose_update("ada").await;
        let request = CommitRequest { state_id, by_reference: vec![own], ..Default::default() };
        refused(stack.commit(request).await, Code::FailedPrecondition, "ProposalLeftOut");
        // A commit that does not re-initialise is not taken for one that does.
        let request = CommitRequest { state_id, by_reference: vec![update.clone()], ..Default::default() };
        refused(stack.re_init_commit(request).await, Code::FailedPrecondition, "NotReInit");
        let made = world.make_commit("ada", Wish { by_reference: vec![update.clone()], ..Wish::default() }).await;
        let request = HandlePendingCommitRequest { state_id };
        refused(stack.handle_pending_re_init_commit(request).await, Code::FailedPrecondition, "NotReInit");
        let (proposal, commit) = (vec![update.clone()], made.commit.clone());
        let request = HandleCommitRequest { state_id: world.state("ben"), proposal, commit };
        refused(stack.handle_re_init_commit(request).await, Code::FailedPrecondition, "NotReInit");
        // Proposals that wait come before application data.
        let request = ProtectRequest { state_id, ..Default::default() };
        refused(stack.protect(request).await, Code::FailedPrecondition, "Misuse(ProposalsPending)");
        // None of that has left a trace.
        world.receive("ben", core::slice::from_ref(&update), &made.commit).await;
        world.receive("cyd", &[update], &made.commit).await;
        stack.handle_pending_commit(HandlePendingCommitRequest { state_id }).await.expect("the commit still waits");
        world.agree(&["ada", "ben", "cyd"]).await;
        let text = world.protect("ada", b"", b"once").await;
        world.unprotect("ben", &text).await;
        let request = UnprotectRequest { state_id: world.state("ben"), ciphertext: text };
        refused(stack.unprotect(request).await, Code::FailedPrecondition, "KeyGone(Generation)");
    });
}

#[test]
fn a_welcome_waits_for_what_is_missing() {
    once(|mut world| async move {
        world.create("ada").await;
        let mut stack = world.ask("ada");
        let offer = add(world.key_package("ben").await);
        world.share_psk(b"psk", &["ada"]).await;
        let wish = Wish { by_value: vec![offer, psk(b"psk")], external_tree: true, ..Wish::default() };
        let made = world.make_commit("ada", wish).await;
        let transaction_id = world.actor("ben").transaction;
        let request = JoinGroupRequest { transaction_id, welcome: made.welcome.clone(), ..Default::default() };
        refused(stack.join_group(request.clone()).await, Code::FailedPrecondition, "Missing(Psk)");
        world.share_psk(b"psk", &["ben"]).await;
        refused(stack.join_group(request).await, Code::FailedPrecondition, "Missing(RatchetTree)");
        world.key_package("cyd").await;
        let transaction_id = world.actor("cyd").transaction;
        let request = JoinGroupRequest { transaction_id, welcome: made.welcome.clone(), ..Default::default() };
        refused(stack.join_group(request).await, Code::FailedPrecondition, "WelcomeForOthers");
        world.join("ben", &made.welcome, &made.ratchet_tree).await;
        // A key package is used once.
        let transaction_id = world.actor("ben").transaction;
        let request = JoinGroupRequest { transaction_id, welcome: made.welcome, ..Default::default() };
        refused(stack.join_group(request).await, Code::NotFound, "Unknown(Transaction)");
    });
}

#[test]
fn numbers_of_all_kinds_differ() {
    once(|mut world| async move {
        let mut numbers = alloc::collections::BTreeSet::new();
        for _ in 0..3 {
            world.create("ada").await;
            world.key_package("ada").await;
            let request = CreateExternalSignerRequest { cipher_suite: 1, identity: b"ada".to_vec() };
            let signer = world.ask("ada").create_external_signer(request).await.expect("a signer").into_inner();
            let actor = world.actor("ada");
            numbers.extend([actor.state, actor.transaction, signer.signer_id]);
        }
        assert!(numbers.len() == 9 && !numbers.contains(&0));
    });
}

#[test]
fn a_server_for_others_must_be_asked_for() {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let everywhere = core::net::SocketAddr::from(([0, 0, 0, 0], 0));
        let config = cenacle_interop::Config { listen: everywhere, ..cenacle_interop::Config::new(Vec::new()) };
        let refused = cenacle_interop::Server::bind(config.clone()).await.expect_err("not loopback");
        assert!(matches!(refused, cenacle_interop::ServerError::NotLoopback(address) if address == everywhere));
        let config = cenacle_interop::Config { allow_remote: true, ..config };
        let server = cenacle_interop::Server::bind(config).await.expect("allowed");
        assert_ne!(server.local_addr().port(), 0);
        let taken = cenacle_interop::Config {
            listen: server.local_addr(),
            allow_remote: true,
            ..cenacle_interop::Config::new(Vec::new())
        };
        cenacle_interop::Server::bind(taken).await.expect_err("the port is taken");
    });
}

#[test]
fn a_commit_that_cannot_be_made_leaves_the_one_that_waits() {
    once(|mut world| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        let (state_id, mut stack) = (world.state("ada"), world.ask("ada"));
        let update = world.propose_update("cyd").await;
        let by_reference = vec![update.clone()];
        let made = world.make_commit("ada", Wish { by_reference: by_reference.clone(), ..Wish::default() }).await;
        let request = CommitRequest { state_id, by_reference: vec![vec![7]], ..Default::default() };
        refused(stack.commit(request).await, Code::InvalidArgument, "Malformed(by_reference)");
        let request = CommitRequest { state_id, by_reference: vec![update.clone(), vec![7]], ..Default::default() };
        refused(stack.commit(request).await, Code::InvalidArgument, "Malformed(by_reference)");
        let request = CommitRequest { state_id, by_value: vec![psk(b"unknown")], ..Default::default() };
        refused(stack.commit(request).await, Code::FailedPrecondition, "Missing(Psk)");
        let request = CommitRequest { state_id, by_reference: vec![update.clone()], ..Default::default() };
        refused(stack.re_init_commit(request).await, Code::FailedPrecondition, "NotReInit");
        world.receive("ben", &by_reference, &made.commit).await;
        world.receive("cyd", &by_reference, &made.commit).await;
        stack.handle_pending_commit(HandlePendingCommitRequest { state_id }).await.expect("the commit still waits");
        world.agree(&["ada", "ben", "cyd"]).await;
        // One that can be made takes its place.
        let given_up = world.make_commit("ada", Wish::default()).await;
        let wish = Wish { by_value: vec![remove("cyd")], ..Wish::default() };
        world.commit("ada", wish, &["ben"], &[]).await;
        world.agree(&["ada", "ben"]).await;
        let request = HandleCommitRequest { state_id, commit: given_up.commit, ..Default::default() };
        refused(stack.handle_commit(request).await, Code::FailedPrecondition, "Stale(Epoch)");
    });
}

#[test]
fn a_re_initialisation_with_an_unknown_suite_does_not_end_the_group() {
    once(|mut world| async move {
        world.group(&["ada", "ben"]).await;
        let wanted = ProposalDescription { cipher_suite: 0xF0F0, group_id: b"next".to_vec(), ..of_kind("reinit") };
        let (state_id, mut stack) = (world.state("ada"), world.ask("ada"));
        let before = world.authenticator("ada").await;
        let request = CommitRequest { state_id, by_value: vec![wanted], ..Default::default() };
        let made = stack.re_init_commit(request).await.expect("a commit").into_inner();
        for _ in 0..2 {
            let (ben, commit) = (world.state("ben"), made.commit.clone());
            let request = HandleCommitRequest { state_id: ben, commit, ..Default::default() };
            let reason = "Suite(61680)";
            refused(stack.handle_re_init_commit(request).await, Code::InvalidArgument, reason);
            let request = HandlePendingCommitRequest { state_id };
            refused(stack.handle_pending_re_init_commit(request).await, Code::InvalidArgument, reason);
        }
        world.agree(&["ada", "ben"]).await;
        assert_eq!(world.authenticator("ada").await, before);
        // Both can go on without it.
        world.commit("ada", Wish::default(), &["ben"], &[]).await;
        world.agree(&["ada", "ben"]).await;
    });
}
