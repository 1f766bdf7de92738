//! Random operations by the million over small groups, under a [`Ledger`]: what is sent, received, proposed and committed,
//! restarts and crashes, and old copies of the state put back in its place.
//!
//! The service keeps one log for the group and takes only what is of its present epoch. Members keep the one rule that the
//! core cannot keep for them: whoever's state came from somewhere else than its own last write reads the log to its end before
//! it encrypts anything. Who then finds that it is an old copy comes back by an external commit.
//!
//! One thing no reader of a log can know is what left and never got into it. So no copy takes a member's place in an epoch in
//! which that happened to it: there the reuse guard is all that keeps the nonces apart, and the ledger looks past it.

mod steps;

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_codec::Encode as _;
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error, Rule,
    delta::Store as _,
    group::{CommitBundle, Group, Handshake, PendingJoin, Settings},
    limits::Limits,
    wire::MlsMessage,
};
use cenacle_store::Snapshot;

use super::Ledger;
use crate::world::{Dice, Disk, Provider, World, refusal};

/// Copies that are kept of someone's state.
const COPIES: usize = 3;
/// Records that a copy may be behind, so that reading them all takes no time to speak of.
const OLDEST: usize = 2_000;
/// A group stays about as large as this, in members.
const CROWD: usize = 6;
/// Operations in the life of one group.
const LIFE: u64 = 20_000;

/// A group and its service.
#[derive(Debug)]
struct Mill {
    world: World,
    log: Vec<Record>,
    /// The epoch of the log.
    tip: u64,
    minds: BTreeMap<String, Mind>,
    tally: Tally,
    newcomers: u32,
}

/// How often what was done.
pub type Tally = BTreeMap<&'static str, u64>;

#[derive(Debug)]
struct Record {
    kind: Kind,
    bytes: Arc<[u8]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Message,
    Proposal,
    Commit,
}

/// What the world knows of someone, beside what is in their store.
#[derive(Debug, Default)]
struct Mind {
    /// The next record to read.
    cursor: usize,
    /// Whether the log was read since the state came from a copy.
    is_current: bool,
    copies: Vec<Copy>,
    /// The epoch in which something left last that never got into the log.
    unlogged: Option<u64>,
    /// The last Welcome, and where the log went on.
    welcome: Option<(Vec<u8>, usize)>,
}

/// An old copy of a state.
#[derive(Debug)]
struct Copy {
    rows: Snapshot,
    cursor: usize,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Done,
    /// The reader's state is an old copy, and does not fit what the log says.
    Lost,
    Nothing,
}

/// Runs so many random operations, a group's life after another, and says how often what was done. `progress` is told after
/// each life how many operations are done.
///
/// # Panics
/// When a nonce is used twice, or the groups do not work as they should.
pub fn grind(ledger: &Ledger, seed: u64, operations: u64, mut progress: impl FnMut(u64)) -> Tally {
    let mut tally = Tally::new();
    let mut done = 0;
    for life in 0.. {
        let mut mill = Mill::new(ledger, seed.wrapping_add(life));
        let end = operations.min(done + LIFE);
        while done < end && mill.step() {
            done += 1;
        }
        mill.settle();
        for (what, count) in mill.tally {
            *tally.entry(what).or_default() += count;
        }
        progress(done);
        if done >= operations {
            break;
        }
    }
    tally
}

impl Mill {
    fn new(ledger: &Ledger, seed: u64) -> Self {
        let world = World::watched_by(ledger, seed, Provider::AwsLc, CipherSuite(1));
        let (log, minds, tally) = (Vec::new(), BTreeMap::new(), Tally::new());
        let mut mill = Self { world, log, tip: 0, minds, tally, newcomers: 0 };
        let first = mill.newcomer();
        mill.world.create(&first);
        mill.mind(&first).is_current = true;
        while mill.live().len() < 3 {
            mill.come_in();
        }
        mill
    }

    fn dice(&mut self) -> &mut Dice {
        &mut self.world.dice
    }

    fn mind(&mut self, name: &str) -> &mut Mind {
        self.minds.get_mut(name).expect("a mind for everyone")
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn group(&self, name: &str) -> &Group {
        self.world.at(name).group()
    }

    /// Who is in the group, as far as they know.
    fn live(&self) -> Vec<String> {
        self.world.members()
    }

    /// Someone new, with settings of their own.
    fn newcomer(&mut self) -> String {
        let name = format!("p{:02}", self.newcomers);
        self.newcomers += 1;
        let mut limits = Limits::default();
        limits.past_epochs = u32::try_from(self.dice().below(3)).unwrap();
        limits.reserved_generations = *self.dice().pick(&[1, 4, 32]).unwrap();
        let handshake = if self.dice().chance(50) { Handshake::Public } else { Handshake::Private };
        self.world.settings = Settings { limits, handshake, ..Settings::default() };
        self.world.enter(&name);
        self.minds.insert(name.clone(), Mind::default());
        name
    }

    /// Someone outside who is not in the group's tree either, as `name` sees it.
    fn stranger(&mut self, name: &str) -> String {
        let public = self.group(name).public();
        let outside = |other: &&String| {
            let other = self.world.at(other);
            !other.is_member() && Group::former_leaf(&other.client, public).is_err()
        };
        let strangers: Vec<String> = self.minds.keys().filter(outside).cloned().collect();
        match self.dice().pick(&strangers).cloned() {
            Some(known) if strangers.len() > 3 || self.dice().chance(70) => known,
            _ => self.newcomer(),
        }
    }

    /// The service takes something of its present epoch. Who posts read everything before, or reads it later.
    fn post(&mut self, name: &str, kind: Kind, message: &MlsMessage) -> bool {
        let epoch = self.group(name).epoch().0;
        if epoch != self.tip {
            self.mind(name).unlogged = Some(epoch);
            self.count("refused");
            return false;
        }
        self.append(kind, message);
        let end = self.log.len();
        let mind = self.mind(name);
        if kind != Kind::Commit && mind.cursor + 1 == end {
            mind.cursor = end;
        }
        true
    }

    fn append(&mut self, kind: Kind, message: &MlsMessage) {
        self.log.push(Record { kind, bytes: message.to_bytes().unwrap().into() });
        self.tip += u64::from(kind == Kind::Commit);
    }

    /// Reads one record more. Application data may be left unread, once nothing can be learned from it.
    fn read(&mut self, name: &str, skips: bool) -> Reading {
        let cursor = self.minds[name].cursor;
        let Some(record) = self.log.get(cursor) else { return Reading::Nothing };
        if skips && self.minds[name].is_current && record.kind == Kind::Message {
            self.mind(name).cursor += 1;
            return Reading::Done;
        }
        let bytes = Arc::clone(&record.bytes);
        match self.world.receive(name, &bytes) {
            Err(Error::OldState | Error::Invalid(Rule::SenderIsNotSelf | Rule::ProposalKnown)) => {
                assert!(!self.minds[name].is_current, "{name} is an old copy without having been one");
                return Reading::Lost;
            }
            // Its sender's ratchet is further on than a reader goes who left so much unread.
            Err(Error::TooFarAhead(_)) => self.count("too far ahead"),
            Err(error) => panic!("{name} reads record {cursor}: {error}"),
            Ok(_) => {}
        }
        self.mind(name).cursor += 1;
        Reading::Done
    }

    /// Reads the log to its end; whoever turns out to be an old copy comes back. Says whether they are in the group.
    fn catch_up(&mut self, name: &str) -> bool {
        while self.world.at(name).is_member() {
            let skips = self.dice().chance(90);
            match self.read(name, skips) {
                Reading::Done => {}
                Reading::Lost => {
                    self.count("old copy noticed");
                    return self.come_back(name);
                }
                Reading::Nothing => {
                    self.mind(name).is_current = true;
                    return true;
                }
            }
        }
        false
    }

    /// Joins by an external commit, in place of an earlier self if there is one, as long as there is anyone to join. Says
    /// whether that was so.
    fn come_back(&mut self, name: &str) -> bool {
        let others = self.live().into_iter().filter(|other| other != name && self.minds[other].is_current);
        let Some(via) = others.collect::<Vec<_>>().into_iter().find(|other| self.catch_up(other)) else {
            self.world.person(name).group = None;
            return false;
        };
        let pending = self.world.prepare_external(&via, name);
        let message = pending.commit().clone();
        self.append(Kind::Commit, &message);
        let end = self.log.len();
        if self.dice().chance(20) {
            self.keep_copy(name, end);
        }
        let recovers = self.dice().chance(30);
        let person = self.world.person(name);
        let old = person.group.take();
        if recovers {
            drop((pending, old));
            assert!(self.recover(name), "a pending join is stored");
        } else {
            person.group = Some(match old {
                Some(old) => pending.accepted().accept_in_place_of(old, &mut person.disk).unwrap(),
                None => pending.accepted().accept(&mut person.disk).unwrap(),
            });
        }
        let mind = self.mind(name);
        (mind.cursor, mind.is_current) = (end, true);
        self.count("external commit");
        true
    }

    /// Makes a stored external commit's group real.
    fn recover(&mut self, name: &str) -> bool {
        let id = self.world.group_id.clone();
        let person = self.world.person(name);
        let Some((_, delta)) = PendingJoin::recover(&person.disk, &id).map_err(refusal).unwrap() else { return false };
        person.disk.apply(&delta).unwrap();
        person.group = Some(person.load().unwrap());
        true
    }

    /// A commit that the service took: its maker receives the echo, and who was added joins.
    fn accept(&mut self, name: &str, bundle: CommitBundle, invited: Option<&str>) {
        let took = self.post(name, Kind::Commit, &bundle.commit);
        assert!(took, "{name} had caught up");
        assert_eq!(self.read(name, false), Reading::Done);
        self.count("commit");
        let Some((welcome, invited)) = bundle.welcome.zip(invited) else { return };
        let tree = self.group(name).public().tree().to_bytes().unwrap();
        let welcome = welcome.to_bytes().unwrap();
        let end = self.log.len();
        self.mind(invited).welcome = Some((welcome, end));
        self.join(invited, Some(&tree));
        self.count("join by welcome");
        if self.dice().chance(20) {
            self.speak(invited);
            self.restore(invited);
        }
    }

    /// Joins by the last Welcome, which has not been used as far as the store knows.
    fn join(&mut self, name: &str, tree: Option<&[u8]>) {
        let Some((welcome, cursor)) = self.minds[name].welcome.clone() else { return };
        let new = match self.world.at(name).read_welcome(&welcome, tree, &self.world.inputs()) {
            Ok(new) => new,
            // A Welcome without its tree, or for another key package than the copy has.
            Err(Error::Missing(_)) => return self.count("welcome of no use"),
            Err(error) => panic!("{name} joins: {error}"),
        };
        let person = self.world.person(name);
        person.group = Some(new.accept(&mut person.disk).unwrap());
        let mind = self.mind(name);
        // Whether the Welcome was used before is only known from what the log says after it.
        (mind.cursor, mind.is_current) = (cursor, false);
    }

    /// Keeps a copy of someone's state, in the place of another perhaps.
    fn keep_copy(&mut self, name: &str, cursor: usize) {
        let copy = Copy { rows: self.world.at(name).disk.snapshot(), cursor };
        let place = self.dice().below(COPIES);
        let copies = &mut self.mind(name).copies;
        match copies.get_mut(place) {
            Some(old) => *old = copy,
            None => copies.push(copy),
        }
    }

    /// An old copy takes the place of someone's state.
    fn restore(&mut self, name: &str) {
        let oldest = self.log.len().saturating_sub(OLDEST);
        self.mind(name).copies.retain(|copy| copy.cursor >= oldest);
        let copies = self.minds[name].copies.len();
        if copies == 0 || self.minds[name].unlogged == Some(self.tip) {
            return;
        }
        let chosen = self.dice().below(copies);
        let copy = &self.minds[name].copies[chosen];
        let (cursor, disk) = (copy.cursor, Disk::restored(&copy.rows));
        let person = self.world.person(name);
        (person.disk, person.group) = (disk, None);
        let mind = self.mind(name);
        (mind.cursor, mind.is_current) = (cursor, false);
        if self.recover(name) {
            self.count("restore with a pending join");
        } else if let Ok(group) = self.world.at(name).load() {
            self.world.person(name).group = Some(group);
            self.count("restore");
        } else {
            self.join(name, None);
            self.count("restore before joining");
        }
    }

    /// Everyone catches up, and all agree.
    fn settle(&mut self) {
        for _ in 0..2 {
            for name in self.live() {
                self.catch_up(&name);
            }
        }
        let live = self.live();
        let facts = live.iter().map(|name| {
            let group = self.group(name);
            (group.epoch().0, group.epoch_authenticator().expose())
        });
        let facts: Vec<_> = facts.collect();
        assert!(facts.windows(2).all(|pair| pair[0] == pair[1]), "all share one epoch");
    }
}
