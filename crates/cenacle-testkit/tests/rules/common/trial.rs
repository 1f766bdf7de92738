//! A small group one of whose members is played by the forge.

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error,
    group::{AcceptAll, CredentialPolicy, GroupPolicy, Inputs, Psks, Received},
};
use cenacle_testkit::{
    forge::{Extension, Forged, Insider, KeyPackage, Plan, Proposal, Psk, Tree, Wire as _},
    world::{NOW_SECONDS, Person, Provider, World},
};

/// What honest members are told with each call.
pub(crate) struct Told {
    pub(crate) credentials: Box<dyn CredentialPolicy>,
    pub(crate) policy: Box<dyn GroupPolicy>,
    pub(crate) now_seconds: Option<u64>,
}

impl Told {
    pub(crate) fn inputs<'a>(&'a self, psks: &'a Psks) -> Inputs<'a> {
        let told = Inputs::new(&*self.credentials).with_policy(&*self.policy).with_psks(psks);
        Inputs { now_seconds: self.now_seconds, ..told }
    }
}

/// Alice, played by the forge; Bob, the victim; Carol, who commits when all is over; Dave. A refusal is asserted with all
/// its consequences; the test must then show that the honest twin is accepted, or dropping the trial panics.
pub(crate) struct Trial {
    pub(crate) world: World,
    pub(crate) alice: Insider,
    /// Whether Alice is still a member.
    pub(crate) alice_is_in: bool,
    /// Who receives what is bad.
    pub(crate) victim: String,
    pub(crate) told: Told,
    /// Something was refused and nothing accepted since.
    pub(crate) open: bool,
}

impl Drop for Trial {
    fn drop(&mut self) {
        if self.open && !std::thread::panicking() {
            panic!("the test ends with a refusal: the honest twin is still to be tried");
        }
    }
}

impl Trial {
    /// Four members of suite 1, all of whom have committed once.
    pub(crate) fn new(seed: u64) -> Self {
        Self::of_suite(seed, 1)
    }

    /// The same with another suite.
    pub(crate) fn of_suite(seed: u64, suite: u16) -> Self {
        Self::of(Self::world(seed, suite).group_of(&["alice", "bob", "carol", "dave"]))
    }

    /// A world to set up in another way, for [`Trial::of`].
    pub(crate) fn world(seed: u64, suite: u16) -> World {
        World::new(seed, Provider::AwsLc, CipherSuite(suite))
    }

    /// A trial in a world with a group that has an Alice and a Bob.
    pub(crate) fn of(mut world: World) -> Self {
        let alice = Insider::take(&world, "alice");
        world.people.remove("alice");
        let told =
            Told { credentials: Box::new(AcceptAll), policy: Box::new(AcceptAll), now_seconds: Some(NOW_SECONDS) };
        Self { world, alice, alice_is_in: true, victim: "bob".into(), told, open: false }
    }

    /// An honest person.
    pub(crate) fn person(&mut self, name: &str) -> &mut Person {
        self.world.person(name)
    }

    /// The leaf of an honest member.
    pub(crate) fn leaf(&self, name: &str) -> u32 {
        self.world.leaf(name).0
    }

    /// `name` receives bytes.
    pub(crate) fn receive(&mut self, name: &str, bytes: &[u8]) -> Result<Received, Error> {
        let World { people, psks, .. } = &mut self.world;
        people.get_mut(name).expect("someone").receive(bytes, &self.told.inputs(psks))
    }

    /// All honest members receive bytes, the victim first.
    pub(crate) fn deliver(&mut self, bytes: &[u8]) {
        let mut members = self.world.members();
        members.sort_by_key(|name| *name != self.victim);
        for name in members {
            if let Err(error) = self.receive(&name, bytes) {
                panic!("{name} should accept it: {error} ({error:?})");
            }
        }
    }

    /// The victim refuses a message of Alice's or anybody's with this error, and nothing of it can be seen.
    #[track_caller]
    pub(crate) fn refuses(&mut self, bad: impl AsRef<[u8]>, expected: impl Into<Error>) {
        let (victim, expected) = (self.victim.clone(), expected.into());
        assert_eq!(self.refusal(&victim, bad.as_ref()), expected, "another error");
    }

    /// As [`Trial::refuses`], for what is not even decoded: where the fault is found is left open.
    #[track_caller]
    pub(crate) fn refuses_encoding(&mut self, bad: impl AsRef<[u8]>, expected: cenacle_codec::DecodeErrorKind) {
        let victim = self.victim.clone();
        match self.refusal(&victim, bad.as_ref()) {
            Error::Decode(found) => assert_eq!(found.kind, expected, "another fault of the encoding"),
            other => panic!("another error: {other:?}"),
        }
    }

    #[track_caller]
    fn refusal(&mut self, name: &str, bytes: &[u8]) -> Error {
        let before = self.world.at(name).visible();
        let Err(error) = self.receive(name, bytes) else { panic!("{name} accepted it") };
        self.assert_untouched(name, &before);
        self.open = true;
        error
    }

    /// Nothing in memory and no row has changed, and a restart finds the same.
    #[track_caller]
    pub(crate) fn assert_untouched(&self, name: &str, before: &cenacle_testkit::world::Visible) {
        let person = self.world.at(name);
        assert!(*before == person.visible(), "what was refused changed something");
        person.assert_stored();
    }

    /// All honest members accept what the forge made; then another member commits, and all agree.
    #[track_caller]
    pub(crate) fn accepts(&mut self, twin: &Forged) {
        self.passes(twin);
        self.goes_on();
    }

    /// All honest members accept what the forge made, and Alice goes where it leads.
    #[track_caller]
    pub(crate) fn passes(&mut self, twin: &Forged) {
        self.deliver(&twin.bytes);
        if let Some((leaf, ratchet, generation)) = twin.generation {
            self.alice.generations.insert((leaf, ratchet), generation + 1);
        }
        match &twin.next {
            Some(next) if next.insider.template.signature_key == self.alice.template.signature_key => {
                self.alice = next.insider.clone();
            }
            _ => self.heard(&twin.bytes),
        }
        self.agree();
        self.open = false;
    }

    /// Alice takes in what others sent, unless it removed her.
    pub(crate) fn heard(&mut self, bytes: &[u8]) {
        let some = self.world.members().into_iter().next().expect("an honest member");
        let tree = self.world.at(&some).group().public().tree().to_bytes().unwrap();
        let tree = Tree::from_extension(&tree);
        let there = tree.leaf(self.alice.leaf).map(|leaf| leaf.signature_key.clone());
        self.alice_is_in &= there.as_ref() == Some(&self.alice.template.signature_key);
        if self.alice_is_in {
            self.alice.hear(bytes);
        }
    }

    /// The test has delivered the honest twin in a way of its own.
    pub(crate) fn twin_was_accepted(&mut self) {
        self.open = false;
    }

    /// What was refused here has its honest twin in another trial, where it was accepted.
    #[track_caller]
    pub(crate) fn ends_like(mut self, other: &Self) {
        assert!(!other.open, "nothing was accepted there");
        self.open = false;
    }

    /// Another member than the victim commits, and all agree, Alice with them. What was refused still needs its twin.
    #[track_caller]
    pub(crate) fn goes_on(&mut self) {
        let members = self.world.members();
        let other = members.iter().find(|name| **name == "carol" && **name != self.victim);
        let other = other.or_else(|| members.iter().find(|name| **name != self.victim));
        let other = other.unwrap_or(&self.victim).clone();
        self.commit(&other, |commit| commit.with_path());
    }

    /// `name` commits, and all accept it.
    pub(crate) fn commit(
        &mut self,
        name: &str,
        what: impl FnOnce(cenacle_mls::group::CommitBuilder<'_>) -> cenacle_mls::group::CommitBuilder<'_>,
    ) -> cenacle_mls::group::CommitBundle {
        let mut rng = self.world.dice.fork();
        let World { people, psks, .. } = &mut self.world;
        let inputs = self.told.inputs(psks);
        let bundle = people.get_mut(name).unwrap().step(|group| what(group.commit()).build(&inputs, &mut rng));
        let bytes = bundle.commit.to_bytes().unwrap();
        self.deliver(&bytes);
        self.heard(&bytes);
        self.agree();
        bundle
    }

    /// `name` sends something that does not begin an epoch, and all accept it; its bytes.
    pub(crate) fn step(
        &mut self,
        name: &str,
        what: impl FnOnce(
            &cenacle_mls::group::Group,
            &mut dyn cenacle_crypto::Rng,
        ) -> Result<cenacle_mls::group::Transition<cenacle_mls::wire::MlsMessage>, Error>,
    ) -> Vec<u8> {
        let mut rng = self.world.dice.fork();
        let message = self.person(name).step(|group| what(group, &mut rng));
        let bytes = message.to_bytes().unwrap();
        self.deliver(&bytes);
        self.heard(&bytes);
        bytes
    }

    /// All honest members and Alice share one epoch.
    #[track_caller]
    pub(crate) fn agree(&self) {
        self.world.agree();
        let Some(name) = self.world.members().into_iter().next().filter(|_| self.alice_is_in) else { return };
        let group = self.world.at(&name).group();
        assert_eq!(group.epoch_authenticator().expose(), self.alice.epoch.epoch_authenticator, "Alice is elsewhere");
    }

    /// The group gets these extensions by a commit of Alice's.
    pub(crate) fn set_extensions(&mut self, extensions: Vec<Extension>) {
        let forged = self.alice.make(Plan::commit().with([Proposal::GroupContextExtensions(extensions)]));
        self.passes(&forged);
    }

    /// A PSK that all know, Alice too.
    pub(crate) fn shared_psk(&mut self, psk_id: &[u8]) -> Psk {
        let secret = self.world.dice.bytes(32);
        self.world.psks.insert_external(psk_id, secret.clone());
        let psk = Psk::External(psk_id.to_vec());
        self.alice.psks.insert(psk.clone(), secret);
        psk
    }

    /// Someone new and honest, with a key package.
    pub(crate) fn newcomer(&mut self, name: &str) -> KeyPackage {
        self.world.enter(name);
        self.key_package(name)
    }

    /// Another key package of someone honest.
    pub(crate) fn key_package(&mut self, name: &str) -> KeyPackage {
        let mut rng = self.world.dice.fork();
        let package = self.person(name).try_key_package(false, &mut rng).unwrap();
        KeyPackage::parse(&package.to_bytes().unwrap())
    }
}
