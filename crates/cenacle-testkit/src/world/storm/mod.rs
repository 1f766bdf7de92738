//! Random groups by seed, over a network that loses, repeats and reorders.
//!
//! The service keeps one commit for each epoch, the first it gets, and a board of all proposals; whoever lacks something
//! asks there. Everything else travels in parcels that may never come, come twice, or in any order, epochs later. A model
//! of what each client may still know says for every parcel whether it must be read or refused, and with which error.

mod deliver;
mod join;
mod send;

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error,
    group::{CommitBundle, Handshake, Received, Settings},
    limits::Limits,
    wire::{KeyPackageRef, LeafIndex},
};

use super::{Provider, World};

/// A seeded random run.
#[derive(Debug)]
pub struct Storm {
    /// The people and their groups.
    pub world: World,
    /// How often what was done.
    pub tally: BTreeMap<&'static str, u32>,
    /// Of how many receptions one is checked in depth.
    pub check_every: u32,
    received: u32,
    /// The accepted commits; the one at `n` ends epoch `n`.
    log: Vec<Vec<u8>>,
    /// All proposals sent, by epoch.
    board: BTreeMap<u64, Vec<Vec<u8>>>,
    /// What everyone in an epoch must agree on: authenticator and tree.
    facts: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
    said: Vec<Said>,
    minds: BTreeMap<String, Mind>,
    /// Whose key package is named so.
    packages: BTreeMap<KeyPackageRef, String>,
    newcomers: u32,
}

/// Application data on its way.
#[derive(Debug)]
struct Said {
    sender: String,
    leaf: LeafIndex,
    epoch: u64,
    data: Vec<u8>,
    message: Vec<u8>,
}

/// What the network holds for someone, and the model of what they know.
#[derive(Debug, Default)]
struct Mind {
    inbox: Vec<Parcel>,
    /// The epoch in which their present group began for them.
    since: u64,
    /// Which messages they have read in their present group.
    read: BTreeSet<usize>,
    invitations: Vec<Invitation>,
    pending: Option<CommitBundle>,
    /// Removed without knowing it: the commit that says so is kept from them.
    ghost: bool,
}

#[derive(Clone, Debug)]
enum Parcel {
    /// Index of what was said.
    Said(usize),
    /// A proposal of an epoch.
    Proposal(u64, Vec<u8>),
}

#[derive(Clone, Debug)]
struct Invitation {
    welcome: Vec<u8>,
    epoch: u64,
    tree_apart: bool,
}

impl Storm {
    /// A group of one, and nobody else yet.
    #[must_use]
    pub fn new(seed: u64, provider: Provider, suite: CipherSuite) -> Self {
        let mut storm = Self {
            world: World::new(seed, provider, suite),
            tally: BTreeMap::new(),
            check_every: 8,
            received: 0,
            log: Vec::new(),
            board: BTreeMap::new(),
            facts: BTreeMap::new(),
            said: Vec::new(),
            minds: BTreeMap::new(),
            packages: BTreeMap::new(),
            newcomers: 0,
        };
        let first = storm.newcomer();
        storm.world.create(&first);
        storm.arrived(&first);
        storm
    }

    /// Does something at random.
    pub fn step(&mut self) {
        let live = self.live();
        let name = self.world.dice.pick(&live).expect("a group has a member").clone();
        match self.world.dice.below(100) {
            0..25 => self.speak(&name),
            25..36 => self.propose(&name),
            36..54 => self.commit(&name),
            54..58 => self.resend(&name),
            58..62 => self.join_from_outside(),
            62..64 => self.resync(&name),
            64..70 => self.reload(&name),
            70..78 => self.accept_invitation(),
            _ => self.hear(&name),
        }
    }

    /// Everyone catches up; then all agree, hear each other, and nobody else hears them.
    pub fn settle(&mut self) {
        while let Some(name) = self.invited() {
            self.join_by_invitation(&name);
        }
        for name in self.live() {
            self.resend(&name);
        }
        for name in self.live() {
            self.catch_up(&name, usize::MAX);
            self.empty_inbox(&name);
        }
        let live = self.live();
        let speaker = self.world.dice.pick(&live).expect("a group has a member").clone();
        if self.world.at(&speaker).group().has_pending_commit() {
            self.world.step(&speaker, |group, _| group.discard_pending());
        }
        let bundle = self.world.prepare(&speaker, |commit| commit);
        self.submit(&speaker, bundle);
        for name in &live {
            self.catch_up(name, usize::MAX);
        }
        // The commit may have removed some.
        let live = self.live();
        let authenticator = |name: &String| self.world.at(name).group().epoch_authenticator().expose().to_vec();
        assert!(live.iter().map(authenticator).collect::<BTreeSet<_>>().len() == 1, "all share one epoch");
        let members = self.world.at(&speaker).group().members().count();
        assert!(members >= live.len(), "{members} members, {} of them here", live.len());
        for name in &live {
            self.speak_to_all(name);
        }
        self.haunt(&speaker);
        self.count("settle");
    }

    /// Names of those in the group, as far as they know and rightly so when they last looked.
    #[must_use]
    pub fn live(&self) -> Vec<String> {
        self.world.members().into_iter().filter(|name| !self.minds[name].ghost).collect()
    }

    fn is_live(&self, name: &str) -> bool {
        self.world.at(name).is_member() && !self.minds[name].ghost
    }

    /// The epoch that the service has reached.
    #[must_use]
    pub fn tip(&self) -> u64 {
        u64::try_from(self.log.len()).unwrap()
    }

    fn epoch(&self, name: &str) -> u64 {
        self.world.at(name).group().epoch().0
    }

    fn mind(&mut self, name: &str) -> &mut Mind {
        self.minds.get_mut(name).expect("a mind for everyone")
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    /// Someone new, with settings of their own.
    fn newcomer(&mut self) -> String {
        let name = format!("p{:02}", self.newcomers);
        self.newcomers += 1;
        let mut limits = Limits::default();
        limits.past_epochs = u32::try_from(self.world.dice.below(5)).unwrap();
        limits.resumption_psks = *self.world.dice.pick(&[1, 2, 32]).unwrap();
        limits.reserved_generations = *self.world.dice.pick(&[1, 2, 32]).unwrap();
        let handshake = if self.world.dice.chance(50) { Handshake::Public } else { Handshake::Private };
        self.world.settings = Settings { limits, handshake, ..Settings::default() };
        self.world.enter(&name);
        self.minds.insert(name.clone(), Mind::default());
        name
    }

    /// Someone whose present group begins now.
    fn arrived(&mut self, name: &str) {
        let since = self.epoch(name);
        let mind = self.mind(name);
        (mind.since, mind.ghost, mind.pending) = (since, false, None);
        mind.read.clear();
        self.observe(name);
        self.world.at(name).assert_stored();
    }

    /// Compares what someone holds with what everyone else in that epoch held.
    fn observe(&mut self, name: &str) {
        let group = self.world.at(name).group();
        let fact = (group.epoch_authenticator().expose().to_vec(), group.public().tree().to_bytes().unwrap());
        let known = self.facts.entry(group.epoch().0).or_insert_with(|| fact.clone());
        assert!(*known == fact, "{name} disagrees about epoch {}", group.epoch());
    }

    /// `name` receives bytes; now and then it is checked in depth that a refusal changes nothing.
    fn receive(&mut self, name: &str, bytes: &[u8]) -> Result<Received, Error> {
        self.received += 1;
        let deep = self.received.is_multiple_of(self.check_every);
        let person = self.world.at(name);
        let (writes, before) = (person.disk.writes(), deep.then(|| person.visible()));
        let received = self.world.receive(name, bytes);
        let person = self.world.at(name);
        if matches!(received, Err(_) | Ok(Received::OwnMessage(_))) {
            assert_eq!(writes, person.disk.writes(), "{name}: a refusal is not written");
            assert!(before.is_none_or(|before| before == person.visible()), "{name}: a refusal changes nothing");
        } else if deep {
            person.assert_stored();
        }
        received
    }

    /// The process of `name` ends and begins again.
    fn reload(&mut self, name: &str) {
        self.world.person(name).reload();
        self.count("reload");
    }
}
