//! Our own API: what it refuses to send, and key packages that are handed to whoever commits.

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::Rng;
use cenacle_mls::{
    Error,
    group::{Group, Inputs, Transition},
    wire::KeyPackage as MlsKeyPackage,
};
use cenacle_testkit::{
    forge::{KeyPackage, Wire as _},
    world::World,
};

use super::Trial;

impl Trial {
    fn call<T>(
        &mut self,
        f: impl FnOnce(&Group, &Inputs<'_>, &mut dyn Rng) -> Result<Transition<T>, Error>,
    ) -> Result<T, Error> {
        let mut rng = self.world.dice.fork();
        let World { people, psks, .. } = &mut self.world;
        let inputs = self.told.inputs(psks);
        let person = people.get_mut(&self.victim).unwrap();
        person.try_step(|group| f(group, &inputs, &mut rng)).map_err(cenacle_testkit::world::refusal)
    }

    /// The victim's own client refuses to do something, with this error, and nothing has changed.
    #[track_caller]
    pub(crate) fn refuses_call<T>(
        &mut self,
        f: impl FnOnce(&Group, &Inputs<'_>, &mut dyn Rng) -> Result<Transition<T>, Error>,
        expected: impl Into<Error>,
    ) {
        let before = self.world.at(&self.victim).visible();
        let Err(error) = self.call(f) else { panic!("it was done") };
        assert_eq!(error, expected.into(), "another error");
        self.assert_untouched(&self.victim, &before);
        self.open = true;
    }

    /// The victim's own client does it. What comes out is for the test to deliver.
    #[track_caller]
    pub(crate) fn performs<T>(
        &mut self,
        f: impl FnOnce(&Group, &Inputs<'_>, &mut dyn Rng) -> Result<Transition<T>, Error>,
    ) -> T {
        self.open = false;
        self.call(f).unwrap_or_else(|error| panic!("it should be done: {error} ({error:?})"))
    }

    /// The victim is handed a key package and refuses to commit its Add, and to propose it.
    #[track_caller]
    pub(crate) fn refuses_key_package(&mut self, bad: &KeyPackage, expected: impl Into<Error>) {
        let package = MlsKeyPackage::from_bytes(&bad.bytes()).expect("a key package");
        let expected = expected.into();
        let again = package.clone();
        self.refuses_call(|group, inputs, rng| group.propose_add(package, inputs, rng), expected.clone());
        self.refuses_call(|group, inputs, rng| group.commit().add(again).build(inputs, rng), expected);
    }

    /// The victim adds the key package's client, and another member commits.
    #[track_caller]
    pub(crate) fn adds(&mut self, twin: &KeyPackage) {
        let package = MlsKeyPackage::from_bytes(&twin.bytes()).expect("a key package");
        let victim = self.victim.clone();
        self.commit(&victim, |commit| commit.add(package));
        self.open = false;
        self.goes_on();
    }

    /// A message that the victim made is accepted by all others, and another member commits.
    #[track_caller]
    pub(crate) fn sends(&mut self, message: &cenacle_mls::wire::MlsMessage) {
        let bytes = message.to_bytes().unwrap();
        self.deliver(&bytes);
        self.heard(&bytes);
        self.open = false;
        self.goes_on();
    }
}
