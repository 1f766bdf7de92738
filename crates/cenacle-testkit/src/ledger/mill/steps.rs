//! What members do at random.

use cenacle_mls::{
    Error, Misuse,
    delta::{PersistError, Store as _},
    group::{CommitBundle, Group},
    wire::{KeyPackage, LeafIndex, MlsMessage, Psk},
};

use super::{CROWD, Kind, Mill};
use crate::world::{Crash, Disk, DiskError, StepError, inputs};

/// A commit to be made.
#[derive(Debug, Default)]
struct Plan {
    /// Whom it adds.
    added: Option<(String, KeyPackage)>,
    removed: Option<LeafIndex>,
    path: bool,
    psk: bool,
}

fn shared() -> Psk {
    Psk::External((&b"shared"[..]).into())
}

impl Mill {
    /// Does something at random; says whether there is anyone left to do anything.
    pub(super) fn step(&mut self) -> bool {
        let live = self.live();
        let Some(name) = self.dice().pick(&live).cloned() else { return false };
        match self.dice().below(1_000) {
            0..760 => self.speak(&name),
            760..860 => self.listen(&name),
            860..910 => self.restart(&name),
            910..935 => self.speak_without_tree(&name),
            935..940 => self.move_to_another_store(&name),
            940..955 => self.crash(&name),
            955..959 => self.propose(&name),
            959..969 => self.commit(&name),
            969..970 => self.come_in(),
            970..990 => {
                let cursor = self.minds[&name].cursor;
                self.keep_copy(&name, cursor);
            }
            _ => {
                // Whoever is outside may have a copy from when they were not.
                let all: Vec<String> = self.minds.keys().cloned().collect();
                let name = self.dice().pick(&all).expect("a member").clone();
                self.restore(&name);
            }
        }
        true
    }

    /// Says something, in the epoch of the group or in one that is over, as far as they know.
    pub(super) fn speak(&mut self, name: &str) {
        if (!self.minds[name].is_current || self.dice().chance(75)) && !self.catch_up(name) {
            return;
        }
        let mut rng = self.dice().fork();
        let said = self.world.person(name).try_step(|group| group.protect(b"something", b"", &mut rng));
        self.said(name, said);
    }

    fn said(&mut self, name: &str, said: Result<MlsMessage, StepError>) {
        match said {
            Ok(message) => {
                self.post(name, Kind::Message, &message);
                self.count("say");
            }
            Err(PersistError::State(Error::Misuse(Misuse::ProposalsPending))) => self.commit(name),
            Err(error) => panic!("{name} speaks: {error}"),
        }
    }

    /// Reads what comes next.
    fn listen(&mut self, name: &str) {
        if !self.minds[name].is_current {
            self.catch_up(name);
        } else {
            self.read(name, false);
            self.count("read");
        }
    }

    fn restart(&mut self, name: &str) {
        let person = self.world.person(name);
        person.group = Some(person.load().unwrap());
        self.count("restart");
    }

    /// After a restart something is said before the tree was read.
    fn speak_without_tree(&mut self, name: &str) {
        if !self.catch_up(name) {
            return;
        }
        let mut rng = self.dice().fork();
        let person = self.world.person(name);
        let id = person.group.take().expect("a member").group_id().clone();
        let mut partial = person.client.open_group(&person.disk, &id).unwrap().expect("a group");
        let (said, attempt) = person.ledger.attempt(|| partial.protect(b"something", b"", &mut rng));
        attempt.settle(said.is_ok());
        let said = said.map_err(PersistError::from).and_then(|step| partial.merge(step, &mut person.disk));
        person.group = Some(partial.complete(&person.client, &person.disk).unwrap());
        self.count("open without the tree");
        self.said(name, said);
    }

    fn move_to_another_store(&mut self, name: &str) {
        let person = self.world.person(name);
        let rows = person.group().snapshot_rows().unwrap();
        person.disk = Disk::default();
        person.disk.apply(&rows).unwrap();
        self.restart(name);
        self.count("move");
    }

    /// The process dies before or after a write; what it was to send is lost, and what was written stays.
    fn crash(&mut self, name: &str) {
        if !self.catch_up(name) {
            return;
        }
        let (commits, crash) = (self.dice().chance(30), [Crash::Before(1), Crash::After(1)][self.dice().below(2)]);
        let mut rng = self.dice().fork();
        let (person, psks) = (self.world.people.get_mut(name).expect("someone"), &self.world.psks);
        person.disk = core::mem::take(&mut person.disk).crashing(crash);
        let outcome = if commits {
            let build = |group: &Group| group.commit().psk(shared()).build(&inputs(psks), &mut rng);
            person.try_step(build).map(|bundle: CommitBundle| bundle.commit)
        } else {
            person.try_step(|group| group.protect(b"not heard", b"", &mut rng))
        };
        person.disk = core::mem::take(&mut person.disk).restarted();
        match outcome {
            Err(PersistError::Store(DiskError::Crashed)) => self.count("crash"),
            // Nothing had to be written, and so the disk did not come to crash.
            Ok(message) if !commits => return self.said(name, Ok(message)),
            Err(PersistError::State(Error::Misuse(Misuse::ProposalsPending))) => return,
            other => panic!("{name} crashes: {other:?}"),
        }
        self.restart(name);
        let pending = self.group(name).pending_commit().cloned();
        match pending {
            // What was stored can still be sent.
            Some(commit) if self.dice().chance(50) => {
                self.accept(name, CommitBundle { commit, welcome: None, group_info: None }, None);
            }
            Some(_) => {
                self.mind(name).unlogged = Some(self.tip);
                self.world.step(name, |group, _| group.discard_pending());
            }
            None => self.mind(name).unlogged = Some(self.tip),
        }
    }

    fn propose(&mut self, name: &str) {
        if !self.catch_up(name) {
            return;
        }
        let (kind, removed) = (self.dice().below(3), self.someone_else(name));
        let message = self.world.step(name, |group, rng| match (kind, removed) {
            (0, Some(leaf)) => group.propose_remove(leaf, rng),
            (1, _) => group.propose_psk(shared(), rng),
            _ => group.propose_update(rng),
        });
        self.post(name, Kind::Proposal, &message);
        self.count("propose");
    }

    /// Another member's leaf, where the group is large enough to lose one.
    fn someone_else(&mut self, name: &str) -> Option<LeafIndex> {
        let group = self.group(name);
        let own = group.own_leaf();
        let leaves: Vec<LeafIndex> = group.members().map(|(leaf, _)| leaf).filter(|leaf| *leaf != own).collect();
        if leaves.len() < 3 { None } else { self.dice().pick(&leaves).copied() }
    }

    /// Makes a commit: one that is taken, after one that was taken back perhaps, or one that comes too late.
    fn commit(&mut self, name: &str) {
        if !self.catch_up(name) {
            return;
        }
        let plan = self.plan(name);
        match self.dice().below(10) {
            0..3 => {
                // It may have been seen, and the one after it may be the same but for its GroupInfo.
                drop(self.build(name, &plan));
                self.world.step(name, |group, _| group.discard_pending());
                self.mind(name).unlogged = Some(self.tip);
                self.count("commit taken back");
            }
            3..5 => {
                let live = self.live().into_iter().filter(|other| other != name && self.minds[other].is_current);
                if let Some(rival) = live.collect::<Vec<_>>().into_iter().find(|other| self.catch_up(other)) {
                    // Catching up may have begun another epoch, by who came back.
                    if self.catch_up(name) {
                        drop(self.build(name, &Plan { removed: None, ..plan }));
                        let bundle = self.build(&rival, &Plan { path: true, ..Plan::default() });
                        self.accept(&rival, bundle, None);
                        self.count("commit too late");
                    }
                    return;
                }
            }
            _ => {}
        }
        let bundle = self.build(name, &plan);
        self.accept(name, bundle, plan.added.as_ref().map(|(added, _)| added.as_str()));
    }

    fn plan(&mut self, name: &str) -> Plan {
        let adds = self.group(name).members().count() < CROWD && self.dice().chance(70);
        let added = adds.then(|| {
            let stranger = self.stranger(name);
            let last_resort = self.dice().chance(30);
            let mut rng = self.dice().fork();
            let package = self.world.person(&stranger).try_key_package(last_resort, &mut rng).unwrap();
            let end = self.log.len();
            self.keep_copy(&stranger, end);
            (stranger, package)
        });
        let removed = if self.dice().chance(30) { self.someone_else(name) } else { None };
        Plan { added, removed, path: self.dice().chance(30), psk: self.dice().chance(10) }
    }

    fn build(&mut self, name: &str, plan: &Plan) -> CommitBundle {
        let (apart, info) = (self.dice().chance(30), self.dice().chance(30));
        let bundle = self.world.prepare(name, |mut commit| {
            commit = plan.added.iter().fold(commit, |commit, (_, package)| commit.add(package.clone()));
            commit = plan.removed.into_iter().fold(commit, cenacle_mls::group::CommitBuilder::remove);
            commit = if plan.path { commit.with_path() } else { commit };
            commit = if plan.psk { commit.psk(shared()) } else { commit };
            commit = if apart { commit.without_tree() } else { commit };
            if info { commit.with_group_info() } else { commit }
        });
        if bundle.welcome.is_some() {
            let group = self.group(name);
            let own = group.own_leaf();
            let next = group.pending_public().expect("a pending commit").tree().leaf(own);
            let has_path = next != group.member(own);
            self.count(if has_path { "welcome with a path" } else { "welcome without a path" });
        }
        bundle
    }

    /// Someone from outside comes in by an external commit.
    pub(super) fn come_in(&mut self) {
        let live = self.live();
        if live.len() > CROWD / 2 {
            return;
        }
        let via = self.dice().pick(&live).expect("a member").clone();
        if self.catch_up(&via) {
            let stranger = self.stranger(&via);
            self.come_back(&stranger);
        }
    }
}
