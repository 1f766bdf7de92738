//! The suspect comes and goes.

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_mls::wire::{Credential, KeyPackage, LeafIndex, LeafNode, MlsMessage, MlsMessageBody};
use cenacle_testkit::suspect::Order;

use super::Trial;

impl Trial {
    pub(super) fn leaf(&self) -> LeafIndex {
        let own = |(_, leaf): &(_, LeafNode)| leaf.credential == Credential::Basic(b"bob".into());
        self.world.at("alice").group().members().find(own).unwrap().0
    }

    pub(crate) fn be_removed(&mut self) {
        let (name, leaf) = (self.one(), self.leaf());
        let before = self.before();
        let commit = Self::encoded(&self.world.prepare(&name, |commit| commit.remove(leaf)));
        let gone = self.others_receive(&before, &commit);
        // Of the epoch from which it is removed the suspect knows nothing.
        self.commit_arrives("be removed", &before, &commit, gone);
        assert!(!self.is_member);
        self.late.clear();
    }

    fn key_package(&mut self, last_resort: bool) -> KeyPackage {
        let package = self.bob.must(&Order::KeyPackage(u8::from(last_resort)));
        let MlsMessageBody::KeyPackage(package) = MlsMessage::from_bytes(&package).unwrap().body else { panic!() };
        package
    }

    pub(super) fn key_packages(&mut self) {
        let before = self.rows();
        self.key_package(self.tally.is_empty());
        self.check("make a key package", &before, Vec::new());
    }

    /// The suspect joins by a Welcome.
    pub(crate) fn be_invited(&mut self) -> Vec<u8> {
        self.be_invited_by(false)
    }

    pub(crate) fn be_invited_by_last_resort(&mut self) {
        self.be_invited_by(true);
    }

    fn be_invited_by(&mut self, last_resort: bool) -> Vec<u8> {
        let package = self.key_package(last_resort);
        let name = self.one();
        let before = self.before();
        let bundle = self.world.prepare(&name, |commit| commit.add(package));
        let commit = Self::encoded(&bundle);
        let gone = self.others_receive(&before, &commit);
        let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
        self.bob.must(&Order::Join(Opaque::from(&*welcome)));
        self.is_member = true;
        // The init key is among what is missing in the rows afterwards.
        let used = usize::from(!last_resort);
        assert_eq!(self.rows().key_packages.len() + used, before.bob.key_packages.len());
        self.check(if last_resort { "join by a last resort" } else { "join by a Welcome" }, &before.bob, gone);
        welcome
    }

    /// For the first time, or in one's own place.
    pub(super) fn join_from_outside(&mut self) {
        let via = self.one();
        let info = self.world.group_info(&via, true);
        let replaces = self.is_member.then(|| self.leaf());
        let before = self.before();
        let commit = self.bob.must(&Order::JoinFromOutside((info.into(), replaces)));
        if self.world.dice.chance(25) {
            self.check("external commit", &before.bob, Vec::new());
            let before = self.rows();
            self.bob.must(&Order::Refused(()));
            return self.check("external commit refused", &before, Vec::new());
        }
        let gone = self.others_receive(&before, &commit);
        let pending: Vec<_> =
            gone.iter().filter(|named| !self.is_member || named.name != "init_secret[n-1]").cloned().collect();
        self.check("external commit", &before.bob, pending);
        let before = self.rows();
        self.bob.must(&Order::Accepted(()));
        self.is_member = true;
        self.late.clear();
        self.check("external commit accepted", &before, gone);
    }
}
