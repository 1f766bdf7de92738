//! A crash at every write of a whole story: a member's store refuses a write, or writes and does not answer. What is on disk
//! is then exactly the state before or after, the reloaded group works on, and no generation of a sender's ratchet is
//! ever seen twice. `CENACLE_LONG=1` also crashes a database, at every write.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

extern crate alloc;

use alloc::collections::BTreeSet;

use cenacle_codec::Encode as _;
use cenacle_crypto::{CipherSuite, conformance::SeededRng};
use cenacle_mls::{
    Error,
    delta::{PersistError, Store as _},
    group::{CommitBuilder, CommitBundle, ExternalJoin, Group, Handshake, Inputs, PendingJoin, Received, Transition},
    wire::{Epoch, Extensions, LeafIndex, MlsMessage, MlsMessageBody, Psk, Sender},
};
use cenacle_store::{Snapshot, SqliteStore};
use cenacle_testkit::world::{
    Crash, Disk, DiskError, LIFETIME, Medium, Person, Provider, StepError, World, inputs, long_run,
};

/// What happens when the store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The process ends, and begins again from its store.
    Restart,
    /// The process goes on with what it has in memory.
    GoOn,
}

/// The marker of a crash that was recovered from: whoever gets it tries again.
struct Recovered;

/// A story with one who crashes.
struct Play<'a> {
    world: World,
    victim: &'a str,
    crash: Option<(Crash, Then)>,
    crashed: bool,
    /// The victim's rows after each write, in a story without a crash.
    states: Vec<Snapshot>,
    /// Receiver, sender, epoch and generation of every message read.
    read: BTreeSet<(String, LeafIndex, Epoch, u32)>,
}

impl<'a> Play<'a> {
    fn new(victim: &'a str, handshake: Handshake) -> Self {
        let mut world = World::new(1, Provider::RustCrypto, CipherSuite(1)).framing(handshake);
        world.settings.limits.reserved_generations = 2;
        world.settings.limits.past_epochs = 2;
        for name in ["alice", "bob", "carol", "dave"] {
            world.enter(name);
        }
        Self { world, victim, crash: None, crashed: false, states: vec![Snapshot::default()], read: BTreeSet::new() }
    }

    /// The same story with a crash, whose outcome is compared with `states`.
    fn crashing(mut self, crash: Crash, then: Then, states: Vec<Snapshot>, medium: Medium) -> Self {
        self.world.person(self.victim).disk = Disk::new(medium).crashing(crash);
        (self.crash, self.states) = (Some((crash, then)), states);
        self
    }

    /// `name` does something that writes at most once.
    fn act<T>(
        &mut self,
        name: &str,
        f: impl FnOnce(&mut Person, &Inputs<'_>, &mut SeededRng) -> Result<T, StepError>,
    ) -> Result<T, Recovered> {
        let mut rng = self.world.dice.fork();
        let World { people, psks, .. } = &mut self.world;
        let person = people.get_mut(name).unwrap();
        let goes_on = name == self.victim && matches!(self.crash, Some((_, Then::GoOn)));
        let before = goes_on.then(|| person.visible());
        match f(person, &inputs(psks), &mut rng) {
            Ok(done) => {
                person.assert_stored();
                if name == self.victim && self.crash.is_none() && person.disk.writes() == count(&self.states) {
                    self.states.push(person.disk.snapshot());
                }
                Ok(done)
            }
            Err(PersistError::Store(DiskError::Crashed)) => {
                assert!(name == self.victim && !self.crashed, "{name} crashes unasked");
                self.crashed = true;
                let (crash, then) = self.crash.unwrap();
                let expected = match crash {
                    Crash::Before(write) => &self.states[usize::try_from(write).unwrap() - 1],
                    Crash::After(write) => &self.states[usize::try_from(write).unwrap()],
                };
                assert!(person.disk.snapshot() == *expected, "what is stored is neither before nor after");
                person.disk = core::mem::take(&mut person.disk).restarted();
                match then {
                    Then::GoOn if person.group.is_some() => {
                        assert!(before == Some(person.visible()), "a failed write changed something");
                    }
                    // Without a group there is nothing to go on with; one that was to be replaced is on disk.
                    Then::GoOn | Then::Restart => restart(person),
                }
                Err(Recovered)
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Does it, again after a crash.
    fn insist<T>(
        &mut self,
        name: &str,
        mut f: impl FnMut(&mut Person, &Inputs<'_>, &mut SeededRng) -> Result<T, StepError>,
    ) -> T {
        self.act(name, &mut f).or_else(|Recovered| self.act(name, &mut f)).unwrap_or_else(|Recovered| unreachable!())
    }

    fn try_say(&mut self, name: &str) -> Vec<u8> {
        self.insist(name, |person, _, rng| person.try_step(|group| group.protect(b"said", b"", rng)))
            .to_bytes()
            .unwrap()
    }

    fn say(&mut self, name: &str) {
        let message = self.try_say(name);
        self.deliver(&message);
    }

    /// All members receive bytes.
    fn deliver(&mut self, bytes: &[u8]) {
        for name in self.world.members() {
            self.hear(&name, bytes);
        }
    }

    fn hear(&mut self, name: &str, bytes: &[u8]) {
        let received = match self.act(name, |person, inputs, _| person.try_receive(bytes, inputs)) {
            Ok(received) => received,
            // If it was stored before the crash, it is not new now; if not, it is.
            Err(Recovered) if !self.world.at(name).is_member() => return,
            Err(Recovered) => match self.world.receive(name, bytes) {
                Ok(received) => received,
                Err(error) => {
                    assert!(matches!(self.crash, Some((Crash::After(_), _))), "{error}");
                    return assert!(matches!(error, Error::KeyGone(_) | Error::Stale(_)), "{error}");
                }
            },
        };
        if let Received::Application(read) = received {
            let new = self.read.insert((name.into(), read.sender, read.epoch, read.generation));
            assert!(new, "{name}: generation {} of {:?} again", read.generation, read.sender);
        }
    }

    fn propose(
        &mut self,
        name: &str,
        mut f: impl FnMut(&Group, &mut SeededRng) -> Result<Transition<MlsMessage>, Error>,
    ) {
        let message = loop {
            match self.act(name, |person, _, rng| person.try_step(|group| f(group, rng))) {
                Ok(message) => break message,
                // A proposal that is stored but was never sent is taken back.
                Err(Recovered) => {
                    let group = self.world.at(name).group();
                    let by_me = group.proposals().filter(|(_, sender, _)| *sender == Sender::Member(group.own_leaf()));
                    for reference in by_me.map(|(reference, ..)| reference).collect::<Vec<_>>() {
                        self.world.step(name, |group, _| group.set_aside(&reference));
                    }
                }
            }
        };
        self.deliver(&message.to_bytes().unwrap());
    }

    fn prepare(&mut self, name: &str, f: impl Fn(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        loop {
            let build = |person: &mut Person, inputs: &Inputs<'_>, rng: &mut SeededRng| {
                person.try_step(|group| f(group.commit()).build(inputs, rng))
            };
            match self.act(name, build) {
                Ok(bundle) => return bundle,
                // A commit that is stored but was never sent is taken back.
                Err(Recovered) if self.world.at(name).group().has_pending_commit() => self.discard(name),
                Err(Recovered) => {}
            }
        }
    }

    fn discard(&mut self, name: &str) {
        let discarded = self.act(name, |person, _, _| person.try_step(Group::discard_pending));
        if discarded.is_err() && self.world.at(name).group().has_pending_commit() {
            self.world.step(name, |group, _| group.discard_pending());
        }
    }

    fn commit(&mut self, name: &str, f: impl Fn(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let bundle = self.prepare(name, f);
        self.deliver(&bundle.commit.to_bytes().unwrap());
        self.world.agree();
        bundle
    }

    fn create(&mut self, name: &str) {
        let id = self.world.group_id.clone();
        while self.world.at(name).group.is_none() {
            let create = |person: &mut Person, inputs: &Inputs<'_>, rng: &mut SeededRng| {
                let new = person.client.create_group(id.clone(), Extensions::default(), LIFETIME, inputs, rng)?;
                person.group = Some(new.accept(&mut person.disk)?);
                Ok(())
            };
            drop(self.act(name, create));
        }
    }

    fn invite(&mut self, by: &str, name: &str) {
        let package =
            self.insist(name, |person, _, rng| person.try_key_package(false, rng).map_err(PersistError::Store));
        let bundle = self.commit(by, |commit| commit.add(package.clone()));
        let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
        while !self.world.at(name).is_member() {
            drop(self.act(name, |person, inputs, _| person.try_join(&welcome, None, inputs)));
        }
        self.world.agree();
    }

    fn join_external(&mut self, name: &str, via: &str) {
        let info = cenacle_codec::Decode::from_bytes(&self.world.group_info(via, true));
        let MlsMessageBody::GroupInfo(info) = info.map(|message: MlsMessage| message.body).unwrap() else { panic!() };
        let former = Group::former_leaf(&self.world.at(name).client, self.world.at(via).group().public()).ok();
        let pending = self.insist(name, |person, inputs, rng| {
            let how = ExternalJoin { replaces: former, ..ExternalJoin::default() };
            let pending = person.client.join_external(&info, how, inputs, rng)?;
            pending.persist(&mut person.disk).map_err(PersistError::Store)
        });
        let commit = pending.commit().to_bytes().unwrap();
        for other in self.world.members().iter().filter(|other| *other != name) {
            self.hear(other, &commit);
        }
        let id = self.world.group_id.clone();
        let accept = |person: &mut Person, _: &Inputs<'_>, _: &mut SeededRng| {
            let old = person.group.take();
            person.group = Some(match old {
                Some(old) => pending.accepted().accept_in_place_of(old, &mut person.disk)?,
                None => pending.accepted().accept(&mut person.disk)?,
            });
            Ok(())
        };
        if self.act(name, accept).is_err() {
            let person = self.world.person(name);
            // Its commit was accepted, so its group is that one, whether or not it got as far as storing it.
            if let Some((message, delta)) = PendingJoin::recover(&person.disk, &id).unwrap() {
                assert_eq!(message.to_bytes().unwrap(), commit);
                person.disk.apply(&delta).unwrap();
            }
            restart(person);
            assert!(PendingJoin::recover(&person.disk, &id).unwrap().is_none());
        }
        self.world.agree();
    }

    /// Everything that writes, by everyone.
    fn run(&mut self) {
        self.create("alice");
        self.invite("alice", "bob");
        self.say("alice");
        self.say("bob");
        self.invite("bob", "carol");
        // Across the end of a reservation, in any order, and late.
        let messages: Vec<_> = (0..4).map(|_| self.try_say("bob")).collect();
        for at in [2, 0, 3] {
            self.deliver(&messages[at]);
        }
        self.propose("carol", |group, rng| group.propose_update(rng));
        let alice = self.world.leaf("alice");
        self.propose("bob", |group, rng| group.propose_remove(alice, rng));
        self.commit("alice", |commit| commit.with_path());
        self.deliver(&messages[1]);
        self.say("carol");
        self.prepare("alice", |commit| commit);
        self.discard("alice");
        self.commit("bob", |commit| commit.psk(Psk::External((&b"shared"[..]).into())));
        self.join_external("dave", "carol");
        self.say("dave");
        // A rival commit ends one's own.
        self.prepare("carol", |commit| commit);
        self.commit("dave", |commit| commit.with_path());
        self.join_external("bob", "dave");
        self.say("bob");
        let carol = self.world.leaf("carol");
        self.commit("alice", |commit| commit.remove(carol));
        assert!(!self.world.at("carol").is_member());
        for name in ["dave", "alice", "bob"] {
            self.say(name);
            self.commit(name, |commit| commit);
        }
    }
}

/// The process ends and begins again.
fn restart(person: &mut Person) {
    person.group = None;
    match person.load() {
        Ok(group) => person.group = Some(group),
        Err(error) => assert_eq!(error, Error::Corrupt("no group is stored")),
    }
    person.assert_stored();
}

/// Runs the story once undisturbed, and then once for each crash.
fn crash_everywhere(victim: &str, handshake: Handshake, medium: impl Fn() -> Medium, every: usize) {
    let mut undisturbed = Play::new(victim, handshake);
    undisturbed.run();
    let writes = count(&undisturbed.states) - 1;
    assert!(writes > 5, "{victim} writes {writes} times");
    println!("{victim} writes {writes} times");
    let states = || undisturbed.states.iter().map(copy).collect::<Vec<_>>();
    for write in (1..=writes).step_by(every) {
        for (crash, then) in [
            (Crash::Before(write), Then::Restart),
            (Crash::Before(write), Then::GoOn),
            (Crash::After(write), Then::Restart),
        ] {
            println!("{victim}, {handshake:?}: {crash:?}, {then:?}");
            let mut play = Play::new(victim, handshake).crashing(crash, then, states(), medium());
            play.run();
            assert!(play.crashed);
        }
    }
}

fn count(states: &[Snapshot]) -> u64 {
    u64::try_from(states.len()).unwrap()
}

fn copy(rows: &Snapshot) -> Snapshot {
    Disk::restored(rows).snapshot()
}

fn in_memory() -> Medium {
    Medium::Memory(cenacle_store::MemoryStore::default())
}

#[test]
fn a_creator_crashes() {
    crash_everywhere("alice", Handshake::Private, in_memory, 1);
}

#[test]
fn a_member_crashes() {
    crash_everywhere("bob", Handshake::Public, in_memory, 1);
}

#[test]
fn one_who_is_removed_crashes() {
    crash_everywhere("carol", Handshake::Private, in_memory, 1);
}

#[test]
fn an_external_joiner_crashes() {
    crash_everywhere("dave", Handshake::Public, in_memory, 1);
}

#[test]
fn a_database_crashes() {
    let database = || Medium::Sqlite(SqliteStore::open_in_memory().unwrap());
    crash_everywhere("bob", Handshake::Private, database, if long_run() { 1 } else { 9 });
}
