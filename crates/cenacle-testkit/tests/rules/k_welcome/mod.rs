//! Welcome, GroupInfo and external joins (RFC 9420 §12.4.3).

use crate::common::*;

/// §12.4.3: A GroupInfo is signed by the member it names.
#[test]
fn r262_group_info_signature() {
    let mut trial = Trial::new(262);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let bob = trial.leaf("bob");
    let spoil: [Spoil<'_, GroupInfo>; 2] = [&|info| info.signature[5] ^= 1, &|info| info.signer = bob];
    for spoil in spoil {
        let bad = trial.alice.make(plan().signed_group_info(spoil));
        trial.refuses_welcome("erin", bad.welcome(), What::GroupInfoSignature);
        let bad = trial.alice.group_info(Plan::commit().signed_group_info(spoil));
        trial.refuses_group_info("erin", &bad, What::GroupInfoSignature);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §12.4.3.1: Secrets in a Welcome have the length of a KDF output.
#[test]
fn r261_secret_of_another_length() {
    let mut trial = Trial::new(261);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    for length in [0, 31, 33] {
        let bad = trial.alice.make(plan().group_secrets(|secrets| secrets.joiner_secret.resize(length, 1)));
        trial.refuses_welcome("erin", bad.welcome(), Rule::SecretLength);
        let bad = plan().group_secrets(|secrets| secrets.path_secret.as_mut().unwrap().resize(length, 1));
        let bad = trial.alice.make(bad);
        trial.refuses_welcome("erin", bad.welcome(), Rule::SecretLength);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §12.4.3.2: A GroupInfo for an external join carries the external key, and members know theirs.
#[test]
fn r282_external_pub() {
    let mut trial = Trial::new(282);
    trial.world.enter("erin");
    let bad = trial.alice.group_info(Plan::commit().group_info(|info| {
        info.extensions.retain(|extension| extension.extension_type != code::EXTERNAL_PUB);
    }));
    trial.refuses_group_info("erin", &bad, Rule::ExternalPubPresent);
    // Another key: the joiner cannot tell, but the members it reaches can.
    let mut mallory = trial.alice.outsider("mallory");
    mallory.epoch.external_secret = vec![1; 32];
    let bad = mallory.make(Plan::external_commit());
    trial.refuses(&bad, What::ConfirmationTag);
    let info = trial.alice.group_info(Plan::commit());
    trial.joins_from_outside("erin", &info);
}

/// §11.2, §12.4.3.1: The group that replaces another has all its members.
#[test]
fn r279_a_member_is_left_out() {
    let mut trial = Trial::new(279);
    let group_id = b"successor".to_vec();
    let reinit = ReInit { group_id: group_id.clone(), version: 1, cipher_suite: 1, extensions: Vec::new() };
    let end = trial.alice.make(Plan::commit().without_path().with([Proposal::ReInit(reinit)]));
    trial.passes(&end);
    let packages = ["bob", "carol", "dave"].map(|name| trial.key_package(name));
    let (mut founder, psk) = trial.alice.continues(code::USAGE_REINIT, &group_id);
    let plan = |packages: &[KeyPackage]| {
        Plan::commit().with([Proposal::PreSharedKey(psk.clone())]).with(packages.iter().map(Proposal::add))
    };
    let bad = founder.make(plan(&packages[..2]));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorKeepsMembers);
    let twin = founder.make(plan(&packages));
    trial.moves(&["bob", "carol", "dave"], &twin);
}
