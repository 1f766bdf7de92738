//! Proposals from outside: of clients that want to be added, and of senders that the group lists.

use crate::proto::*;
use crate::world::{Wish, World, add, everywhere, of_kind, psk, remove, resumption};

/// Makes a signer and has the group list it.
async fn list_signer(world: &mut World, signer: &'static str, member: &'static str, others: &[&'static str]) {
    let identity = signer.as_bytes().to_vec();
    let request = CreateExternalSignerRequest { cipher_suite: world.setting.suite, identity };
    let answer = world.ask(signer).create_external_signer(request).await;
    let answer = world.unwrap("CreateExternalSigner", answer);
    world.actor(signer).signer = answer.signer_id;
    let (state_id, external_sender) = (world.state(member), answer.external_sender);
    let answer = world.ask(member).add_external_signer(AddExternalSignerRequest { state_id, external_sender }).await;
    let proposal = world.unwrap("AddExternalSigner", answer).proposal;
    world.commit(member, Wish { by_reference: vec![proposal], ..Wish::default() }, others, &[]).await;
}

async fn propose_from_outside(
    world: &mut World,
    signer: &'static str,
    member: &'static str,
    wanted: ProposalDescription,
) -> Vec<u8> {
    let info = world.group_info(member, true).await;
    let request = ExternalSignerProposalRequest {
        signer_id: world.actor(signer).signer,
        signer_index: 0,
        group_info: info.group_info,
        ratchet_tree: info.ratchet_tree,
        description: Some(wanted),
    };
    let answer = world.ask(signer).external_signer_proposal(request).await;
    world.unwrap("ExternalSignerProposal", answer).proposal
}

#[test]
fn clients_propose_themselves() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        world.share_psk(b"psk", &["ada", "ben"]).await;
        let group_info = world.group_info("ada", false).await.group_info;
        let request = NewMemberAddProposalRequest { group_info, identity: b"cyd".to_vec() };
        let answer = world.ask("cyd").new_member_add_proposal(request).await;
        let answer = world.unwrap("NewMemberAddProposal", answer);
        assert!(
            !answer.init_priv.is_empty() && !answer.encryption_priv.is_empty() && !answer.signature_priv.is_empty()
        );
        world.actor("cyd").transaction = answer.transaction_id;
        world.share_psk(b"psk", &["cyd"]).await;
        let wish = Wish { by_reference: vec![answer.proposal], by_value: vec![psk(b"psk")], ..Wish::default() };
        world.commit("ben", wish, &["ada"], &["cyd"]).await;
        world.agree(&["ada", "ben", "cyd"]).await;
    });
}

#[test]
fn listed_signers_propose_all_that_they_may() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben", "cyd"]).await;
        world.share_psk(b"psk", &["ada", "ben", "cyd"]).await;
        list_signer(&mut world, "out", "ada", &["ben", "cyd"]).await;
        // A second one, after which the first is still listed.
        list_signer(&mut world, "off", "ben", &["ada", "cyd"]).await;
        let mut keys = Vec::new();
        for (signer, wanted) in [("out", psk(b"psk")), ("off", resumption(2))] {
            keys.push(propose_from_outside(&mut world, signer, "ada", wanted).await);
        }
        world.commit("cyd", Wish { by_reference: keys, ..Wish::default() }, &["ada", "ben"], &[]).await;
        let add = add(world.key_package("dot").await);
        let mut changes = Vec::new();
        for (signer, wanted) in [("off", add), ("out", remove("cyd"))] {
            changes.push(propose_from_outside(&mut world, signer, "ada", wanted).await);
        }
        world.commit("ada", Wish { by_reference: changes, ..Wish::default() }, &["ben"], &["dot"]).await;
        world.agree(&["ada", "ben", "dot"]).await;
        // The list goes, and with it the right to propose.
        let extensions = vec![Extension { extension_type: 3, extension_data: vec![0; 3] }];
        let wanted = ProposalDescription { extensions, ..of_kind("groupContextExtensions") };
        let by_reference = vec![propose_from_outside(&mut world, "off", "dot", wanted).await];
        world.commit("dot", Wish { by_reference, ..Wish::default() }, &["ada", "ben"], &[]).await;
        let info = world.group_info("ada", false).await;
        let request = ExternalSignerProposalRequest {
            signer_id: world.actor("off").signer,
            group_info: info.group_info,
            description: Some(remove("ben")),
            ..ExternalSignerProposalRequest::default()
        };
        let refused = world.ask("off").external_signer_proposal(request).await.expect_err("not listed");
        assert_eq!(refused.metadata().get("cenacle-reason").expect("a reason"), "Misuse(NotExternalSender)");
    });
}

#[test]
fn a_listed_signer_has_the_group_re_initialised() {
    everywhere(|mut world: World| async move {
        world.group(&["ada", "ben"]).await;
        list_signer(&mut world, "out", "ada", &["ben"]).await;
        let (cipher_suite, group_id) = (world.setting.suite, b"the next".to_vec());
        let wanted = ProposalDescription { cipher_suite, group_id, ..of_kind("reinit") };
        let proposal = propose_from_outside(&mut world, "out", "ben", wanted).await;
        let by_reference = vec![proposal.clone()];
        let request = CommitRequest { state_id: world.state("ben"), by_reference, ..CommitRequest::default() };
        let answer = world.ask("ben").re_init_commit(request).await;
        let commit = world.unwrap("ReInitCommit", answer).commit;
        let request = HandleCommitRequest { state_id: world.state("ada"), proposal: vec![proposal], commit };
        let answer = world.ask("ada").handle_re_init_commit(request).await;
        world.unwrap("HandleReInitCommit", answer);
        // The group is over: it takes no further proposals.
        let request = UpdateProposalRequest { state_id: world.state("ada") };
        let refused = world.ask("ada").update_proposal(request).await.expect_err("the group is over");
        assert_eq!(refused.metadata().get("cenacle-reason").expect("a reason"), "Misuse(ReInitialized)");
    });
}
