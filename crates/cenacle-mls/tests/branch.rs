//! Branches (RFC 9420 §11.3): some or all members of a group begin another, and the parent goes on. Forged Welcomes differ
//! from what a branch may be in one thing each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::{collections::BTreeMap, sync::Arc};

use cenacle_crypto::{Signer, Suite, conformance::SeededRng};
use cenacle_mls::{
    Error, Misuse, Rule, Unsupported,
    group::{Client, CredentialPolicy, Group, Handshake, Inputs, Presented, Verdict},
    wire::{Credential, Epoch, Extensions, KeyPackage, Psk, ResumptionPskUsage},
};
use cenacle_store::MemoryStore;
use common::{
    LIFETIME, World,
    forge::{Invitation, psk_id},
    inputs,
    succession::{client, continue_in, id, offer, open, say, suite, to, welcome_of},
};

fn trio(handshake: Handshake) -> World {
    let mut world = World::new(1, handshake);
    world.create("alice");
    world.add("alice", "bob");
    world.add("alice", "carol");
    world
}

fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(trio)
}

fn clients(world: &World) -> BTreeMap<String, Client> {
    world.people.iter().map(|(name, person)| (name.clone(), person.client.clone())).collect()
}

fn branch<'a>(client: &'a Client, parent: &'a Group) -> Result<cenacle_mls::group::Founding<'a>, Error> {
    client.branch(parent, id("branch"), Extensions::default(), LIFETIME)
}

// RFC 9420 §11.3.
#[test]
fn some_branch_off_and_the_parent_goes_on() {
    for (founder, members) in
        [("bob", vec!["bob", "carol"]), ("alice", vec!["alice", "bob", "carol"]), ("carol", vec!["carol"])]
    {
        for mut world in worlds() {
            let clients = clients(&world);
            let mut groups = continue_in(&mut world, founder, &members, &clients, branch);
            say(&mut world, &mut groups, founder);
            let group = groups.get(founder).unwrap();
            assert_eq!((group.epoch(), group.members().count()), (Epoch(1), members.len()));
            // The parent has not noticed, and neither has the branch when the parent moves on.
            world.say("alice", "the parent goes on");
            world.renew("bob");
            world.remove("alice", "carol");
            say(&mut world, &mut groups, founder);
            for name in &members {
                let person = world.people.get(*name).unwrap();
                assert_eq!(Client::stored_groups(&person.store).unwrap().len(), 2);
                let loaded = person.client.load_group(&person.store, &id("branch")).unwrap().unwrap();
                let group = groups.get(*name).unwrap();
                assert_eq!(loaded.epoch_authenticator().expose(), group.epoch_authenticator().expose());
            }
        }
    }
}

// RFC 9420 §11.3, §12.4.3.1.
#[test]
fn founders_are_held_to_the_rules() {
    let mut world = trio(Handshake::Private);
    let dave = world.key_package("dave");
    let bob = world.key_package("bob");
    let mut rng = SeededRng::new(4);
    let alice = world.people.get_mut("alice").unwrap();
    let parent = alice.group.as_ref().unwrap();
    let with_outsider = branch(&alice.client, parent).unwrap().add(bob.clone()).add(dave);
    assert_eq!(with_outsider.build(&inputs(), &mut rng).unwrap_err(), Error::Invalid(Rule::BranchMembersMatch));
    let other = client("alice", &suite(3), 9).0;
    assert_eq!(branch(&other, parent).unwrap_err(), Error::Unsupported(Unsupported::CipherSuite));
    let same_name = alice.client.branch(parent, id("group"), Extensions::default(), LIFETIME);
    assert_eq!(same_name.unwrap_err(), Error::Misuse(Misuse::GroupExists));
    assert!(branch(&alice.client, parent).unwrap().add(bob).build(&inputs(), &mut rng).is_ok());
    world.remove("alice", "carol");
    let carol = world.people.get("carol").unwrap();
    let refused = branch(&carol.client, carol.group.as_ref().unwrap()).unwrap_err();
    assert_eq!(refused, Error::Misuse(Misuse::NotMember));
}

/// What a forger has: key packages of alice, who forges, of bob, who judges, of carol, and of dave, who is no member.
struct Scene {
    world: World,
    suite: Arc<dyn Suite>,
    signer: Arc<dyn Signer>,
    packages: [KeyPackage; 4],
    bob: Client,
    rng: SeededRng,
}

fn scene(mut world: World, number: u16) -> Scene {
    let (suite, mut rng) = (suite(number), SeededRng::new(3));
    let (alice, signer) = client("alice", &suite, 11);
    let (bob, carol) = (client("bob", &suite, 12).0, client("carol", &suite, 13).0);
    let dave = client("dave", &suite, 14).0;
    let mut elsewhere = MemoryStore::default();
    let packages = [
        offer(&alice, &mut elsewhere, &mut rng),
        offer(&bob, &mut world.people.get_mut("bob").unwrap().store, &mut rng),
        offer(&carol, &mut elsewhere, &mut rng),
        offer(&dave, &mut elsewhere, &mut rng),
    ];
    Scene { world, suite, signer, packages, bob, rng }
}

impl Scene {
    fn invitation(&mut self, members: &[usize], psk_epoch: Epoch) -> Invitation {
        let old = self.world.member("alice");
        let secret = old.resumption_psk(psk_epoch).unwrap().duplicate();
        let usage = ResumptionPskUsage::Branch;
        let psk = Psk::Resumption { usage, psk_group_id: old.group_id().clone(), psk_epoch };
        Invitation {
            suite: Arc::clone(&self.suite),
            signer: Arc::clone(&self.signer),
            members: members.iter().map(|which| self.packages.get(*which).unwrap().clone()).collect(),
            group_id: id("branch"),
            epoch: Epoch(1),
            extensions: Extensions::default(),
            psks: vec![(psk_id(&*self.suite, psk, &mut self.rng), secret)],
        }
    }

    fn judge(&mut self, invitation: &Invitation, inputs: Inputs<'_>) -> Result<(), Error> {
        let welcome = welcome_of(&invitation.welcome(&mut self.rng).into());
        let before = self.world.print("bob");
        let bob = self.world.people.get("bob").unwrap();
        let result = open(&self.bob, &bob.store, &welcome, &inputs.with_origin(bob.group.as_ref().unwrap()));
        assert!(before == self.world.print("bob"));
        result.map(drop)
    }
}

// RFC 9420 §12.4.3.1: "For usage branch, verify that ..."
#[test]
fn each_deviation_is_refused() {
    let mut scene = scene(trio(Handshake::Private), 1);
    let last = scene.world.member("bob").epoch();
    let outsider = scene.invitation(&[0, 1, 3], last);
    assert_eq!(scene.judge(&outsider, inputs()), Err(Error::Invalid(Rule::BranchMembersMatch)));
    for epoch in [0, 2, 7] {
        let late = Invitation { epoch: Epoch(epoch), ..scene.invitation(&[0, 1], last) };
        assert_eq!(scene.judge(&late, inputs()), Err(Error::Invalid(Rule::SuccessorIsNew)));
    }
    let mut twice = scene.invitation(&[0, 1], last);
    twice.psks.append(&mut scene.invitation(&[0, 1], last).psks);
    assert_eq!(scene.judge(&twice, inputs()), Err(Error::Invalid(Rule::WelcomePsksFit)));
    // The right name for the wrong secret opens nothing.
    let mut wrong = scene.invitation(&[0, 1], last);
    wrong.psks.first_mut().unwrap().1 = cenacle_crypto::Secret::zero(32);
    assert_eq!(scene.judge(&wrong, inputs()), Err(Error::Unverified(cenacle_mls::What::Welcome)));
    let honest = scene.invitation(&[0, 1], last);
    assert_eq!(scene.judge(&honest, inputs()), Ok(()));
}

// RFC 9420 §11.3.
#[test]
fn another_suite_is_refused() {
    let mut scene = scene(trio(Handshake::Private), 3);
    let last = scene.world.member("bob").epoch();
    let forged = scene.invitation(&[0, 1], last);
    assert_eq!(scene.judge(&forged, inputs()), Err(Error::Invalid(Rule::BranchFits)));
}

// RFC 9420 §8.6: the PSK of any epoch that is still kept will do.
#[test]
fn a_psk_of_a_past_epoch_ties_as_well() {
    let mut world = trio(Handshake::Private);
    let past = world.member("bob").epoch();
    world.renew("alice");
    world.reload("bob");
    let mut scene = scene(world, 1);
    let honest = scene.invitation(&[0, 1], past);
    assert_eq!(scene.judge(&honest, inputs()), Ok(()));
    // Bob joined in epoch 1: what was before he does not have.
    let mut before = scene.invitation(&[0, 1], past);
    let (psk, _) = before.psks.first_mut().unwrap();
    let Psk::Resumption { psk_epoch, .. } = &mut psk.psk else { panic!() };
    *psk_epoch = Epoch(0);
    let missing = Error::Missing(cenacle_mls::Need::Psk(psk.clone()));
    assert_eq!(scene.judge(&before, inputs()), Err(missing));
}

// RFC 9420 §11.3: "considered equivalent by the application": one identity may have several leaves.
#[test]
fn identities_with_several_leaves() {
    let mut world = trio(Handshake::Private);
    // A second device of carol's.
    let (second, _) = client("carol", &suite(1), 21);
    world.person("tablet").client = second;
    world.add("alice", "tablet");
    let mut clients = clients(&world);
    clients.retain(|name, _| name != "dave");
    let groups = continue_in(&mut world, "carol", &["carol", "tablet"], &clients, branch);
    assert_eq!(groups.get("tablet").unwrap().members().count(), 2);
    // A successor has as many leaves of each as before.
    world.commit("bob", |commit| commit.reinit(to("next", 1)));
    let mut rng = SeededRng::new(6);
    let (bob, carol, tablet) = (world.key_package("bob"), world.key_package("carol"), world.key_package("tablet"));
    let alice = world.people.get("alice").unwrap();
    let founding = || alice.client.reinit(alice.group.as_ref().unwrap(), LIFETIME).unwrap().add(bob.clone());
    let refused = founding().add(carol.clone()).build(&inputs(), &mut rng).unwrap_err();
    assert_eq!(refused, Error::Invalid(Rule::SuccessorKeepsMembers));
    assert!(founding().add(carol).add(tablet).build(&inputs(), &mut rng).is_ok());
}

/// Knows people by what stands before the comma.
struct People;

impl CredentialPolicy for People {
    fn verdict(&self, _: &Presented<'_>) -> Verdict {
        Verdict::Accept
    }

    fn identity(&self, credential: &Credential) -> cenacle_codec::Opaque {
        let Credential::Basic(name) = credential else { panic!("{credential:?}") };
        name.split(|byte| *byte == b',').next().unwrap_or_default().into()
    }
}

// RFC 9420 §11.3: "are considered equivalent by the application".
#[test]
fn the_application_knows_who_is_who() {
    let mut scene = scene(trio(Handshake::Private), 1);
    let last = scene.world.member("bob").epoch();
    let (phone, _) = client("carol, phone", &suite(1), 31);
    let phone = offer(&phone, &mut MemoryStore::default(), &mut scene.rng);
    let mut forged = scene.invitation(&[0, 1], last);
    forged.members.push(phone);
    assert_eq!(scene.judge(&forged, inputs()), Err(Error::Invalid(Rule::BranchMembersMatch)));
    let people = Inputs::new(&People).at(1_000);
    assert_eq!(scene.judge(&forged, people), Ok(()));
    let outsider = scene.invitation(&[0, 1, 3], last);
    assert_eq!(scene.judge(&outsider, people), Err(Error::Invalid(Rule::BranchMembersMatch)));
}
