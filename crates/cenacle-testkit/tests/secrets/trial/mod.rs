//! A random story around a member in a process of its own, which is searched after everything it does.

mod commits;
mod joining;

use alloc::collections::BTreeMap;
use std::path::Path;

use cenacle_codec::{Decode as _, Opaque};
use cenacle_crypto::{CipherSuite, Secret};
use cenacle_mls::{
    protect::private::open_sender_data,
    wire::{ContentType, MlsMessage, MlsMessageBody},
};
use cenacle_testkit::{
    suspect::{
        Begin, Named, Order, Stolen, Suspect,
        consumed::{Use, by_message},
        fast_folder,
    },
    world::{Provider, World},
};
use tempfile::TempDir;

/// The members beside the suspect who are always there.
const OTHERS: [&str; 3] = ["alice", "carol", "dave"];

pub(crate) struct Trial {
    world: World,
    pub(crate) bob: Suspect,
    _folder: TempDir,
    is_member: bool,
    psk: Vec<u8>,
    /// Application data that the suspect did not get yet.
    late: Vec<Vec<u8>>,
    /// By epoch, what tells who sent a message.
    sender_data: BTreeMap<u64, Secret>,
    erin: bool,
    pub(crate) tally: BTreeMap<&'static str, u32>,
}

/// The rows of all from before something happens.
struct Before {
    bob: Stolen,
    others: Vec<Stolen>,
}

impl Trial {
    pub(crate) fn new(seed: u64, provider: Provider, suite: u16) -> Self {
        let mut world = World::new(seed, provider, CipherSuite(suite)).group_of(&OTHERS);
        let psk = world.dice.bytes(32);
        world.psks.insert_external(&b"shared"[..], &*psk);
        let (signature_key, _) = world.suite.signature_key_pair(&mut world.dice.fork()).unwrap();
        let folder = fast_folder();
        let begin = Begin {
            native: u8::from(provider == Provider::AwsLc),
            suite,
            name: Opaque::from(b"bob"),
            signature_key: Opaque::from(signature_key.0.expose()),
            public_handshakes: u8::from(world.dice.chance(50)),
            past_epochs: u32::try_from(world.dice.below(4)).unwrap(),
            reserved_generations: *world.dice.pick(&[1, 3, 32]).unwrap(),
            psk: Opaque::from(&*psk),
        };
        let bob = Suspect::new(Path::new(env!("CARGO_BIN_EXE_suspect")), folder.path(), begin);
        let mut trial = Self {
            world,
            bob,
            _folder: folder,
            is_member: false,
            psk,
            late: Vec::new(),
            sender_data: BTreeMap::new(),
            erin: false,
            tally: BTreeMap::new(),
        };
        trial.remember_epoch();
        trial
    }

    /// Something happens.
    pub(crate) fn step(&mut self) {
        if !self.is_member {
            return match self.world.dice.below(3) {
                0 => self.join_from_outside(),
                1 => self.be_invited_by_last_resort(),
                _ => drop(self.be_invited()),
            };
        }
        match self.world.dice.below(100) {
            0..24 => self.hear(),
            24..36 => self.hear_late(),
            36..46 => self.say(),
            46..55 => self.others_commit(),
            55..58 => self.others_commit_with_psk(),
            58..68 => self.commit(),
            68..74 => self.propose_and_commit(),
            74..78 => self.crowd(),
            78..82 => self.look(),
            82..85 => self.be_removed(),
            85..88 => self.join_from_outside(),
            88..92 => self.key_packages(),
            92..94 => self.export(),
            _ => self.restart(),
        }
    }

    pub(crate) const fn is_member(&self) -> bool {
        self.is_member
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn others(&self) -> Vec<String> {
        self.world.members()
    }

    fn one(&mut self) -> String {
        let others = self.others();
        self.world.dice.pick(&others).unwrap().clone()
    }

    fn rows_of(&self, name: &str) -> Stolen {
        Stolen::read(&self.world.at(name).disk.snapshot(), &self.world.group_id)
    }

    /// What is in the suspect's rows now.
    pub(crate) fn rows(&self) -> Stolen {
        self.bob.steal(&self.world.group_id)
    }

    fn before(&self) -> Before {
        Before { bob: self.rows(), others: self.others().iter().map(|name| self.rows_of(name)).collect() }
    }

    fn remember_epoch(&mut self) {
        let rows = self.rows_of("alice");
        let (context, secrets) = (rows.context.unwrap(), rows.secrets.unwrap());
        self.sender_data.insert(context.epoch.0, secrets.sender_data_secret);
    }

    /// Which key a message uses, if it is encrypted.
    fn used(&self, message: &[u8]) -> Option<Use> {
        let MlsMessageBody::PrivateMessage(message) = MlsMessage::from_bytes(message).unwrap().body else {
            return None;
        };
        let epoch = message.epoch.0;
        let sender = open_sender_data(&*self.world.suite, &message, &self.sender_data[&epoch]).unwrap();
        let kind = u8::from(message.content_type == ContentType::Application);
        Some(Use { epoch, leaf: sender.leaf_index, kind, generation: sender.generation.0 })
    }

    /// The suspect is searched, for what it lost from its rows and for more.
    fn check(&mut self, what: &'static str, before: &Stolen, mut gone: Vec<Named>) {
        let after = self.rows();
        gone.extend(before.missing_in(&after));
        self.bob.check(what, &gone, &after);
        if let Some(secrets) = &after.secrets {
            assert!(self.bob.holds(secrets.init_secret.0.expose()), "what it needs it has");
        }
        self.count(what);
    }

    /// A message arrives at the suspect. Gives what it was.
    fn receive(&mut self, what: &'static str, message: &[u8], order: fn(Opaque) -> Order) -> Option<u8> {
        let (before, used) = (self.rows(), self.used(message));
        let received = self.bob.ask(&order(Opaque::from(message)));
        let gone = match (&received, used) {
            (Ok(_), Some(used)) => by_message(&*self.world.suite, &before, used),
            _ => Vec::new(),
        };
        self.check(what, &before, gone);
        received.ok().map(|kind| kind[0])
    }

    /// The suspect is searched, nothing having happened.
    pub(crate) fn search(&mut self, what: &'static str) {
        let before = self.rows();
        self.check(what, &before, Vec::new());
    }

    /// `name` says so many things, which the suspect does not get.
    pub(crate) fn say_to_others(&mut self, name: &str, count: usize) -> Vec<Vec<u8>> {
        let messages: Vec<_> = (0..count).map(|n| self.world.protect(name, &vec![b'x'; 100 + n])).collect();
        for message in &messages {
            for other in self.others().iter().filter(|other| **other != name) {
                self.world.receive(other, message).unwrap();
            }
        }
        messages
    }

    /// The suspect hears this.
    pub(crate) fn hear_one(&mut self, message: &[u8]) {
        assert_eq!(self.receive("hear", message, Order::Receive), Some(b'a'));
    }

    pub(crate) fn hear(&mut self) {
        let (name, count) = (self.one(), 1 + self.world.dice.below(4));
        let mut messages = self.say_to_others(&name, count);
        while !messages.is_empty() {
            let chosen = self.world.dice.below(messages.len());
            let message = messages.swap_remove(chosen);
            if self.world.dice.chance(30) {
                self.late.push(message);
            } else if self.world.dice.chance(20) {
                assert_eq!(self.receive("hear without a tree", &message, Order::ReceivePartially), Some(b'a'));
            } else {
                self.hear_one(&message);
            }
        }
    }

    fn hear_late(&mut self) {
        if self.late.is_empty() {
            return self.hear();
        }
        let chosen = self.world.dice.below(self.late.len());
        let message = self.late.swap_remove(chosen);
        let received = self.receive("hear late", &message, Order::Receive);
        self.count(if received.is_some() { "heard late" } else { "too late" });
    }

    fn say(&mut self) {
        let before = self.before();
        let length = u32::try_from(100 + self.world.dice.below(200)).unwrap();
        let message = self.bob.must(&Order::Say(length));
        let gone = by_message(&*self.world.suite, &before.others[0], self.used(&message).unwrap());
        for other in self.others() {
            self.world.receive(&other, &message).unwrap();
        }
        self.check("say", &before.bob, gone);
    }

    fn export(&mut self) {
        let before = self.rows();
        self.bob.must(&Order::Export(()));
        self.bob.must(&Order::GroupInfo(()));
        self.check("export", &before, Vec::new());
    }

    fn restart(&mut self) {
        let before = self.rows();
        let in_order = self.world.dice.chance(50);
        self.bob.restart(in_order);
        self.check(if in_order { "close and open" } else { "die and open" }, &before, Vec::new());
    }
}
