//! Ways into a group: a Welcome to a joiner, a GroupInfo to an external joiner.

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_mls::{
    Error,
    delta::Unreleased,
    group::{Client, ExternalJoin, NewGroup, PendingJoin},
    wire::{MlsMessage, MlsMessageBody, WireTree},
};
use cenacle_testkit::{forge::Forged, world::World};

use super::Trial;

impl Trial {
    /// What a Welcome leads to, perhaps as a group that continues the one `name` is in. Nothing is stored.
    pub(crate) fn read_welcome(&self, name: &str, welcome: &[u8], tree: Option<&[u8]>) -> Result<NewGroup, Error> {
        let (person, inputs) = (self.world.at(name), self.told.inputs(&self.world.psks));
        let inputs = person.group.as_ref().map_or(inputs, |origin| inputs.with_origin(origin));
        person.read_welcome(welcome, tree, &inputs)
    }

    /// `name` refuses a Welcome with this error: nothing is stored, and its key package is still there.
    #[track_caller]
    pub(crate) fn refuses_welcome(&mut self, name: &str, bad: &[u8], expected: impl Into<Error>) {
        self.refuses_welcome_with(name, bad, None, expected);
    }

    /// As [`Trial::refuses_welcome`], with a tree that comes apart.
    #[track_caller]
    pub(crate) fn refuses_welcome_with(
        &mut self,
        name: &str,
        bad: &[u8],
        tree: Option<&[u8]>,
        expected: impl Into<Error>,
    ) {
        let before = self.world.at(name).visible();
        let Err(error) = self.read_welcome(name, bad, tree) else { panic!("{name} accepted the Welcome") };
        assert_eq!(error, expected.into(), "another error");
        self.assert_untouched(name, &before);
        self.open = true;
    }

    /// As [`Trial::refuses_welcome`], for what is not even decoded.
    #[track_caller]
    pub(crate) fn refuses_welcome_encoding(
        &mut self,
        name: &str,
        bad: &[u8],
        expected: cenacle_codec::DecodeErrorKind,
    ) {
        let before = self.world.at(name).visible();
        match self.read_welcome(name, bad, None).map(drop) {
            Err(Error::Decode(found)) => assert_eq!(found.kind, expected, "another fault of the encoding"),
            other => panic!("another outcome: {other:?}"),
        }
        self.assert_untouched(name, &before);
        self.open = true;
    }

    /// The commit is accepted by all members, and `name` joins by its Welcome; then another member commits.
    #[track_caller]
    pub(crate) fn joins(&mut self, name: &str, twin: &Forged) {
        self.joins_with(name, twin, None);
    }

    /// As [`Trial::joins`], with the tree apart.
    #[track_caller]
    pub(crate) fn joins_with(&mut self, name: &str, twin: &Forged, tree: Option<&[u8]>) {
        self.passes(twin);
        self.enters(name, twin.welcome(), tree);
        self.agree();
        self.goes_on();
    }

    /// `name` joins by a Welcome, whatever the other members know of it.
    #[track_caller]
    pub(crate) fn enters(&mut self, name: &str, welcome: &[u8], tree: Option<&[u8]>) {
        let new = match self.read_welcome(name, welcome, tree) {
            Ok(new) => new,
            Err(error) => panic!("{name} should join: {error} ({error:?})"),
        };
        let person = self.world.person(name);
        let former = person.group.take().map(|group| group.group_id().clone());
        person.group = Some(new.accept(&mut person.disk).unwrap());
        let joined = person.group().group_id().clone();
        if let Some(former) = former.filter(|former| *former != joined) {
            Client::forget_group(&mut person.disk, &former).unwrap();
        }
        person.assert_stored();
        self.open = false;
    }

    /// These join the group that Alice founded with its first commit, in place of the one they are in; then another member
    /// commits.
    #[track_caller]
    pub(crate) fn moves(&mut self, names: &[&str], twin: &Forged) {
        for name in names {
            self.enters(name, twin.welcome(), None);
        }
        self.world.people.retain(|name, _| names.contains(&name.as_str()));
        self.alice = twin.next().insider.clone();
        self.agree();
        self.goes_on();
    }

    fn external(&mut self, name: &str, info: &[u8], how: ExternalJoin) -> Result<Unreleased<PendingJoin>, Error> {
        let mut rng = self.world.dice.fork();
        let message = MlsMessage::from_bytes(info)?;
        let MlsMessageBody::GroupInfo(info) = message.body else { panic!("a GroupInfo") };
        let inputs = self.told.inputs(&self.world.psks);
        self.world.at(name).client.join_external(&info, how, &inputs, &mut rng)
    }

    /// `name` refuses to join from outside by a GroupInfo, with this error.
    #[track_caller]
    pub(crate) fn refuses_group_info(&mut self, name: &str, bad: &[u8], expected: impl Into<Error>) {
        self.refuses_group_info_with(name, bad, None, expected);
    }

    /// As [`Trial::refuses_group_info`], with a tree that comes apart.
    #[track_caller]
    pub(crate) fn refuses_group_info_with(
        &mut self,
        name: &str,
        bad: &[u8],
        tree: Option<&[u8]>,
        expected: impl Into<Error>,
    ) {
        let before = self.world.at(name).visible();
        let tree = tree.map(WireTree::from_bytes).transpose().map_err(Error::Decode);
        let outcome = tree.and_then(|tree| self.external(name, bad, ExternalJoin { tree, ..ExternalJoin::default() }));
        let Err(error) = outcome else { panic!("{name} accepted the GroupInfo") };
        assert_eq!(error, expected.into(), "another error");
        self.assert_untouched(name, &before);
        self.open = true;
    }

    /// `name` joins from outside by a GroupInfo, all members accept it, and another commits.
    #[track_caller]
    pub(crate) fn joins_from_outside(&mut self, name: &str, info: &[u8]) {
        let pending = match self.external(name, info, ExternalJoin::default()) {
            Ok(pending) => pending,
            Err(error) => panic!("{name} should join: {error} ({error:?})"),
        };
        let World { people, .. } = &mut self.world;
        let person = people.get_mut(name).unwrap();
        let pending = pending.persist(&mut person.disk).unwrap();
        let bytes = pending.commit().to_bytes().unwrap();
        self.deliver(&bytes);
        let person = self.world.person(name);
        person.group = Some(pending.accepted().accept(&mut person.disk).unwrap());
        self.heard(&bytes);
        self.agree();
        self.open = false;
        self.goes_on();
    }
}
