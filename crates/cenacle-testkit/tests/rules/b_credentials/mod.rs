//! Credentials and the Authentication Service (RFC 9420 §5.3). What is particular to X.509 (rules 31 and 32) is tested in
//! `cenacle-x509`.

use cenacle_codec::Decode as _;
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::{self, KeyPackage as MlsKeyPackage},
};

use crate::common::*;

/// An Authentication Service that distrusts what this finds fault with.
struct Service<F>(F);

impl<F: Fn(&Presented<'_>) -> Option<Distrust>> CredentialPolicy for Service<F> {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        (self.0)(presented).map_or(Verdict::Accept, Verdict::Refuse)
    }
}

/// The members are told by a service that finds fault so.
fn believes(trial: &mut Trial, fault: impl Fn(&Presented<'_>) -> Option<Distrust> + 'static) {
    trial.told.credentials = Box::new(Service(fault));
}

fn is(presented: &Presented<'_>, name: &str) -> bool {
    *presented.credential == wire::Credential::Basic(name.as_bytes().into())
}

/// Refuses this name on this occasion, and no other.
fn distrusts(trial: &mut Trial, on: Occasion, name: &'static str) {
    believes(trial, move |presented| (presented.occasion == on && is(presented, name)).then_some(Distrust::Untrusted));
}

const UNTRUSTED: What = What::Credential(Distrust::Untrusted);

fn named(name: &str) -> Credential {
    Credential::Basic(name.as_bytes().to_vec())
}

/// §5.3.1: A key package's credential is validated before its Add is sent.
#[test]
fn r033_key_package_of_a_stranger() {
    let mut trial = Trial::new(33);
    let (stranger, friend) = (trial.newcomer("mallory"), trial.newcomer("erin"));
    believes(&mut trial, |presented| is(presented, "mallory").then_some(Distrust::Untrusted));
    trial.refuses_key_package(&stranger, UNTRUSTED);
    // An external sender asks, too.
    let warden = trial.world.client("warden", trial.world.signers["mallory"].clone());
    let add = wire::Add { key_package: Box::new(MlsKeyPackage::from_bytes(&stranger.bytes()).unwrap()) };
    let inputs = trial.told.inputs(&trial.world.psks);
    let group = trial.world.at("bob").group().public();
    let refused = warden.propose_externally(group, wire::Proposal::Add(add), &inputs);
    assert_eq!(refused.map(drop), Err(UNTRUSTED.into()));
    trial.adds(&friend);
}

/// §5.3.1: An Add's credential is validated when it is received.
#[test]
fn r034_add_of_a_stranger() {
    let mut trial = Trial::new(34);
    let (stranger, friend) = (trial.newcomer("mallory"), trial.newcomer("erin"));
    distrusts(&mut trial, Occasion::Add, "mallory");
    let add = |package| [Proposal::add(package)];
    let bad = trial.alice.make(Plan::proposal(Proposal::add(&stranger)));
    trial.refuses(&bad, UNTRUSTED);
    for private in [false, true] {
        let bad = trial.alice.make(Plan::commit().framed(private).with(add(&stranger)));
        trial.refuses(&bad, UNTRUSTED);
    }
    let twin = trial.alice.make(Plan::commit().with(add(&friend)));
    trial.joins("erin", &twin);
}

/// §5.3.1: Every member's credential is validated on joining.
#[test]
fn r035_group_with_a_stranger() {
    let mut trial = Trial::new(35);
    let erin = trial.newcomer("erin");
    trial.world.enter("frank");
    let commit = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    let info = trial.alice.group_info(Plan::commit());
    for stranger in ["alice", "bob", "dave"] {
        distrusts(&mut trial, Occasion::Join, stranger);
        trial.refuses_welcome("erin", commit.welcome(), UNTRUSTED);
        trial.refuses_group_info("frank", &info, UNTRUSTED);
    }
    distrusts(&mut trial, Occasion::Join, "nobody");
    trial.joins_from_outside("frank", &info);
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
}

/// §5.3.1: A new credential in an Update is validated.
#[test]
fn r036_update_to_another_identity() {
    let mut trial = Trial::new(36);
    distrusts(&mut trial, Occasion::Update, "carol");
    let update = |leaf| Proposal::update(leaf);
    let leaf = trial.alice.leaf_node(|leaf| leaf.credential = named("carol"));
    for private in [false, true] {
        let bad = trial.alice.make(Plan::proposal(update(leaf.clone())).framed(private));
        trial.refuses(&bad, UNTRUSTED);
    }
    let leaf = trial.alice.leaf_node(|leaf| leaf.credential = named("alice at home"));
    let twin = trial.alice.make(Plan::proposal(update(leaf)));
    trial.accepts(&twin);
}

/// §5.3.1: A new credential in the path of a commit is validated.
#[test]
fn r037_commit_as_another_identity() {
    let mut trial = Trial::new(37);
    distrusts(&mut trial, Occasion::Commit, "carol");
    let plan = |name: &'static str| Plan::commit().leaf(move |leaf| leaf.credential = named(name));
    for private in [false, true] {
        let bad = trial.alice.make(plan("carol").framed(private));
        trial.refuses(&bad, UNTRUSTED);
    }
    distrusts(&mut trial, Occasion::ExternalCommit, "mallory");
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::external_commit());
    trial.refuses(&bad, UNTRUSTED);
    let twin = trial.alice.make(plan("alice at home"));
    trial.accepts(&twin);
}

fn senders(insiders: &[&Insider]) -> Vec<Extension> {
    let listed: Vec<_> = insiders.iter().map(|insider| insider.as_external_sender()).collect();
    vec![ExternalSender::extension(&listed)]
}

/// §5.3.1: The credential of an external sender is validated when the list comes.
#[test]
fn r038_external_sender_who_is_a_stranger() {
    let mut trial = Trial::new(38);
    let (stranger, warden) = (trial.alice.outsider("mallory"), trial.alice.outsider("warden"));
    distrusts(&mut trial, Occasion::ExternalSender, "mallory");
    let list = |insiders: &[&Insider]| Proposal::GroupContextExtensions(senders(insiders));
    for listed in [vec![&stranger], vec![&warden, &stranger]] {
        let bad = trial.alice.make(Plan::proposal(list(&listed)));
        trial.refuses(&bad, UNTRUSTED);
        let bad = trial.alice.make(Plan::commit().with([list(&listed)]));
        trial.refuses(&bad, UNTRUSTED);
    }
    let twin = trial.alice.make(Plan::commit().with([list(&[&warden])]));
    trial.accepts(&twin);
}

/// §5.3.1: An external sender's new key is validated when the list changes.
#[test]
fn r039_external_sender_with_another_key() {
    let mut trial = Trial::new(39);
    let (warden, renewed) = (trial.alice.outsider("warden"), trial.alice.outsider("warden"));
    trial.set_extensions(senders(&[&warden]));
    let known = warden.template.signature_key.clone();
    believes(&mut trial, move |presented| {
        let other = presented.signature_key.0.as_slice() != known.as_slice();
        (presented.occasion == Occasion::ExternalSender && other).then_some(Distrust::WrongKey)
    });
    let change = |insiders: &[&Insider]| Plan::commit().with([Proposal::GroupContextExtensions(senders(insiders))]);
    for listed in [vec![&renewed], vec![&warden, &renewed]] {
        let bad = trial.alice.make(change(&listed));
        trial.refuses(&bad, What::Credential(Distrust::WrongKey));
    }
    let twin = trial.alice.make(change(&[&warden]));
    trial.accepts(&twin);
}

/// §5.3.1: A new credential is a valid successor of the one it replaces.
#[test]
fn r040_identity_that_is_no_successor() {
    let mut trial = Trial::new(40);
    // All names are good in themselves; one takes the place of another only if it begins like it.
    believes(&mut trial, |presented| {
        let name = |credential: &wire::Credential| match credential {
            wire::Credential::Basic(name) => name.to_vec(),
            _ => panic!("a basic credential"),
        };
        let former = presented.replaces.map(name)?;
        (!name(presented.credential).starts_with(&former)).then_some(Distrust::NotSuccessor)
    });
    let no_successor = What::Credential(Distrust::NotSuccessor);
    let leaf = trial.alice.leaf_node(|leaf| leaf.credential = named("mallory"));
    let bad = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.refuses(&bad, no_successor);
    let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.credential = named("mallory")));
    trial.refuses(&bad, no_successor);
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::external_commit().with([Proposal::Remove(3)]));
    trial.refuses(&bad, no_successor);
    let twin = trial.alice.make(Plan::commit().leaf(|leaf| leaf.credential = named("alice, later")));
    trial.accepts(&twin);
    let mut dave = trial.alice.outsider("dave again");
    let twin = dave.make(Plan::external_commit().with([Proposal::Remove(3)]));
    trial.accepts(&twin);
}

/// §5.3.2: Whose credential has expired may come back with a valid one.
#[test]
fn r041_member_whose_credential_expired() {
    let mut trial = Trial::new(41);
    believes(&mut trial, |presented| is(presented, "alice").then_some(Distrust::NotCurrent));
    // What is presented anew is judged anew: the old name under another key is still expired.
    let other = trial.alice.outsider("alice");
    trial.alice.learn(&other);
    let key = other.template.signature_key.clone();
    let leaf = trial.alice.leaf_node(|leaf| leaf.signature_key.clone_from(&key));
    let bad = trial.alice.make(Plan::proposal(Proposal::update(leaf)));
    trial.refuses(&bad, What::Credential(Distrust::NotCurrent));
    for in_commit in [false, true] {
        let name = if in_commit { "alice in winter" } else { "alice in spring" };
        let leaf = trial.alice.leaf_node(|leaf| leaf.credential = named(name));
        let twin = match in_commit {
            true => Plan::commit().leaf(|leaf| leaf.credential = named(name)),
            false => Plan::proposal(Proposal::update(leaf)),
        };
        let twin = trial.alice.make(twin);
        trial.accepts(&twin);
    }
}

/// §5.3.3: An application_id is never taken for authenticated.
#[test]
fn r042_one_application_id_for_several() {
    let id = || Extension::new(code::APPLICATION_ID, b"bob@example".to_vec().bytes());
    let mut trial = Trial::new(42);
    let mut newcomers = ["erin", "frank"].map(|name| trial.alice.outsider(name));
    let named = newcomers.each_mut().map(|client| client.key_package_with(|leaf| leaf.extensions.push(id()), |_| ()));
    // Two in one commit, by a committer who says the same of herself; then in an Update.
    let twin = Plan::commit().with(named.iter().map(Proposal::add)).leaf(|leaf| leaf.extensions.push(id()));
    let twin = trial.alice.make(twin);
    trial.accepts(&twin);
    let update = trial.alice.leaf_node(|leaf| leaf.extensions = vec![id()]);
    let twin = trial.alice.make(Plan::proposal(Proposal::update(update)));
    trial.accepts(&twin);
    let tree = &trial.alice.tree;
    let leaves = tree.members().into_iter().filter(|leaf| tree.leaf(*leaf).unwrap().extensions.contains(&id()));
    let keys: Vec<_> = leaves.map(|leaf| tree.leaf(leaf).unwrap().signature_key.clone()).collect();
    let expected = [&trial.alice, &newcomers[0], &newcomers[1]].map(|of| of.template.signature_key.clone());
    assert_eq!(keys, expected, "all three stay, each under its own key");
    // Nor does it stand for a key: what one of them says is not another's.
    let bad = trial.alice.make(Plan::application(b"from bob").signed_by(&newcomers[0].signer()));
    trial.refuses(&bad, What::ContentSignature);
    let twin = trial.alice.make(Plan::application(b"from alice"));
    trial.accepts(&twin);
}
