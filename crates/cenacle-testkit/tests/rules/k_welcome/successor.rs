//! Groups that continue others (RFC 9420 §11.2, §11.3, §12.4.3.1).

use crate::common::*;

const SUCCESSOR: &[u8] = b"successor";

/// A group that Alice ended by a ReInit, and what its successor is founded with.
struct Ended {
    trial: Trial,
    packages: Vec<KeyPackage>,
    founder: Insider,
    psk: PreSharedKeyId,
}

fn ended(seed: u64, change: impl FnOnce(&mut ReInit)) -> Ended {
    let mut trial = Trial::new(seed);
    let mut reinit = ReInit { group_id: SUCCESSOR.to_vec(), version: 1, cipher_suite: 1, extensions: Vec::new() };
    change(&mut reinit);
    let end = trial.alice.make(Plan::commit().without_path().with([Proposal::ReInit(reinit)]));
    trial.passes(&end);
    let packages = ["bob", "carol", "dave"].map(|name| trial.key_package(name)).to_vec();
    let (founder, psk) = trial.alice.continues(code::USAGE_REINIT, SUCCESSOR);
    Ended { trial, packages, founder, psk }
}

fn founding<'a>(psk: &PreSharedKeyId, packages: &[KeyPackage]) -> Plan<'a> {
    Plan::commit().with([Proposal::PreSharedKey(psk.clone())]).with(packages.iter().map(Proposal::add))
}

/// §11.2, §12.4.3.1: The group that replaces another is joined in its epoch 1, and is as the ReInit says.
#[test]
fn r277_successor_that_is_another() {
    let Ended { mut trial, packages, mut founder, psk } = ended(277, |_| ());
    let mut later = founder.make(Plan::commit()).next().insider.clone();
    let bad = later.make(founding(&psk, &packages));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorIsNew);
    let mut elsewhere = trial.alice.founds(b"another");
    let bad = elsewhere.make(founding(&psk, &packages));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
    let extension = Extension::new(cenacle_testkit::world::TEST_EXTENSION.0, b"x");
    let bad = founder.make(founding(&psk, &packages).with([Proposal::GroupContextExtensions(vec![extension])]));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
    let bad = founder.make(founding(&psk, &packages).context(|context| context.version = 2));
    trial.refuses_welcome("bob", bad.welcome(), Error::Unsupported(Unsupported::Version));
    let twin = founder.make(founding(&psk, &packages));
    trial.moves(&["bob", "carol", "dave"], &twin);
    // A ReInit to another version or suite: the same Welcome does not fit it. There is no going on from such an end; the
    // twin was above.
    let others: [fn(&mut ReInit); 2] = [|reinit| reinit.version = 2, |reinit| reinit.cipher_suite = 2];
    for change in others {
        let Ended { trial: mut other, packages, mut founder, psk } = ended(277, change);
        let bad = founder.make(founding(&psk, &packages));
        other.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
        other.ends_like(&trial);
    }
}

/// §12.4.3.1: A group that replaces another continues its last epoch.
#[test]
fn r278_successor_of_an_earlier_epoch() {
    let Ended { mut trial, packages, mut founder, psk } = ended(278, |_| ());
    let Psk::Resumption { usage, psk_group_id, psk_epoch } = psk.psk.clone() else { panic!("a resumption PSK") };
    for back in 1..=2 {
        let earlier = Psk::Resumption { usage, psk_group_id: psk_group_id.clone(), psk_epoch: psk_epoch - back };
        let earlier = founder.psk_id(earlier);
        let bad = founder.make(founding(&earlier, &packages));
        trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
    }
    let twin = founder.make(founding(&psk, &packages));
    trial.moves(&["bob", "carol", "dave"], &twin);
}

/// §11.2, §12.4.3.1: The group that replaces another has all its members, also where it calls itself a branch, which may have
/// fewer.
#[test]
fn r279_a_member_is_left_out() {
    let Ended { mut trial, packages, mut founder, psk } = ended(279, |_| ());
    let bad = founder.make(founding(&psk, &packages[..2]));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorKeepsMembers);
    for name in [SUCCESSOR, b"another"] {
        let (mut branch, as_branch) = trial.alice.continues(code::USAGE_BRANCH, name);
        let bad = branch.make(founding(&as_branch, &packages[..2]));
        trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorFits);
    }
    let twin = founder.make(founding(&psk, &packages));
    trial.moves(&["bob", "carol", "dave"], &twin);
}

/// A branch of a living group, and the PSK that it is founded with.
fn branching(trial: &mut Trial) -> (Insider, PreSharedKeyId) {
    trial.alice.continues(code::USAGE_BRANCH, b"branch")
}

/// §11.3, §12.4.3.1: A branch is joined in its epoch 1, and has the version and suite of its origin, but not its name.
#[test]
fn r280_branch_that_is_old() {
    let mut trial = Trial::new(280);
    let bob = [trial.key_package("bob")];
    let (mut founder, psk) = branching(&mut trial);
    let mut later = founder.make(Plan::commit()).next().insider.clone();
    let bad = later.make(founding(&psk, &bob));
    trial.refuses_welcome("bob", bad.welcome(), Rule::SuccessorIsNew);
    let bad = founder.make(founding(&psk, &bob).context(|context| context.version = 2));
    trial.refuses_welcome("bob", bad.welcome(), Error::Unsupported(Unsupported::Version));
    let name = trial.alice.context.group_id.clone();
    let (mut namesake, of_namesake) = trial.alice.continues(code::USAGE_BRANCH, &name);
    let bad = namesake.make(founding(&of_namesake, &bob));
    trial.refuses_welcome("bob", bad.welcome(), Error::Misuse(Misuse::GroupExists));
    // Another suite takes a client of it, who is told which group the new one continues.
    let mut other = Trial::world(280, 2);
    other.enter("bob");
    let package = KeyPackage::parse(
        &other.person("bob").try_key_package(false, &mut trial.world.dice.fork()).unwrap().to_bytes().unwrap(),
    );
    let mut founder_of_other = Insider::nobody(&other.suite, "alice", 280);
    founder_of_other.psks.clone_from(&trial.alice.psks);
    let mut founder_of_other = founder_of_other.founds(b"branch");
    let psk_of_other = founder_of_other.psk_id(psk.psk.clone());
    let bad = founder_of_other.make(founding(&psk_of_other, &[package]));
    let told = trial.told.inputs(&trial.world.psks).with_origin(trial.world.at("bob").group());
    let before = other.at("bob").visible();
    let refused = other.at("bob").read_welcome(bad.welcome(), None, &told).map(drop);
    assert_eq!(refused, Err(Error::Invalid(Rule::BranchFits)));
    assert!(before == other.at("bob").visible());
    let twin = founder.make(founding(&psk, &bob));
    trial.moves(&["bob"], &twin);
}

/// §11.3, §12.4.3.1: The members of a branch are members of its origin.
#[test]
fn r281_branch_with_an_outsider() {
    let mut trial = Trial::new(281);
    let (bob, stranger) = (trial.key_package("bob"), Insider::nobody(&trial.alice.suite, "mallory", 281).key_package());
    let (mut founder, psk) = branching(&mut trial);
    let bad = founder.make(founding(&psk, &[bob.clone(), stranger]));
    trial.refuses_welcome("bob", bad.welcome(), Rule::BranchMembersMatch);
    let twin = founder.make(founding(&psk, &[bob]));
    trial.moves(&["bob"], &twin);
}
