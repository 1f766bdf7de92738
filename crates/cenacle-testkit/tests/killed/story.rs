//! Everything that writes, done by four people, one of whom is a process that is killed: what it was asked for is asked for
//! again until it is done.

use alloc::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use cenacle_crypto::CipherSuite;
use cenacle_mls::group::{Handshake, Psks};
use cenacle_testkit::{
    killed::{Killed, Telling, Victim},
    tapped::Tapped,
    world::{Dice, Medium, Provider, World, inputs},
};

use crate::{
    actor::Actor,
    orders::{Answer, Asked, Content, Heard, Hex, Order, Slot, Status},
};

const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// The same four people in every process.
fn people(handshake: Handshake, telling: bool) -> World {
    let mut world = World::new(1, Provider::RustCrypto, CipherSuite(1)).framing(handshake);
    if telling {
        world.suite = Arc::new(Tapped::new(world.suite, Telling));
    }
    world.settings.limits.reserved_generations = 2;
    world.settings.limits.past_epochs = 2;
    for name in NAMES {
        world.enter(name);
    }
    world
}

/// One of them, with what is in a file, in the process that is killed.
pub(crate) fn one(name: &str, handshake: Handshake, medium: Medium) -> (Actor, Psks) {
    let World { mut people, group_id, psks, .. } = people(handshake, true);
    let mut person = people.remove(name).unwrap();
    person.disk = cenacle_testkit::world::Disk::new(medium);
    (Actor::new(person, group_id), psks)
}

/// The story so far.
pub(crate) struct Story {
    others: BTreeMap<String, Actor>,
    psks: Psks,
    name: &'static str,
    pub(crate) victim: Victim,
    /// Before each order to the process, which may be told to die at a moment of its own.
    before_order: Box<dyn FnMut(&mut Victim)>,
    dice: Dice,
    last_slot: Slot,
    /// What everybody must have heard.
    heard: BTreeMap<String, Vec<String>>,
    /// Receiver, sender, epoch and generation of every message read since the group began.
    read: BTreeSet<(String, u32, u64, u32)>,
}

impl Story {
    /// Nothing has happened yet.
    pub(crate) fn new(name: &'static str, handshake: Handshake, victim: Victim, seed: u64) -> Self {
        let World { people, group_id, psks, .. } = people(handshake, false);
        let others = people.into_iter().filter(|(other, _)| other != name);
        Self {
            others: others.map(|(name, person)| (name, Actor::new(person, group_id.clone()))).collect(),
            psks,
            name,
            victim,
            before_order: Box::new(|_| {}),
            dice: Dice::new(seed),
            last_slot: 0,
            heard: NAMES.iter().map(|name| ((*name).into(), Vec::new())).collect(),
            read: BTreeSet::new(),
        }
    }

    /// Does something before each order to the process.
    pub(crate) fn before_order(mut self, f: impl FnMut(&mut Victim) + 'static) -> Self {
        self.before_order = Box::new(f);
        self
    }

    fn ask(&mut self, name: &str, order: &Order) -> Result<Answer, Killed> {
        let asked = Asked { seed: self.dice.fork().next_u64(), order: order.clone() };
        if name != self.name {
            return Ok(self.others.get_mut(name).unwrap().obey(&asked, &inputs(&self.psks)));
        }
        (self.before_order)(&mut self.victim);
        let answer = self.victim.ask(&serde_json::to_string(&asked).unwrap())?;
        Ok(serde_json::from_str(&answer).unwrap())
    }

    /// Asks for something that is done only when it is answered. After two attempts it is spared.
    fn insist(&mut self, name: &str, order: &Order) -> Answer {
        for attempt in 0.. {
            self.victim.merciful = attempt >= 2;
            if let Ok(answer) = self.ask(name, order) {
                self.victim.merciful = false;
                return answer;
            }
        }
        unreachable!("it is asked until it is answered")
    }

    /// Has something made that is kept in the outbox: after a kill it is there, or was never made.
    fn keep(&mut self, name: &str, order: impl Fn(Slot) -> Order) -> Answer {
        self.last_slot += 1;
        let slot = self.last_slot;
        loop {
            let made = match self.ask(name, &order(slot)) {
                Ok(made) => made,
                Err(Killed) => self.insist(name, &Order::Outbox(slot)),
            };
            match made {
                Answer::Nothing => {}
                Answer::Refused(why) => panic!("{name} cannot {:?}: {why}", order(slot)),
                made => return made,
            }
        }
    }

    fn status(&mut self, name: &str) -> Option<Status> {
        let Answer::Status(status) = self.insist(name, &Order::Status) else { panic!("no status") };
        status
    }

    fn is_member(&mut self, name: &str) -> bool {
        self.status(name).is_some_and(|status| status.active)
    }

    fn members(&mut self) -> Vec<&'static str> {
        NAMES.into_iter().filter(|name| self.is_member(name)).collect()
    }

    fn leaf(&mut self, name: &str) -> u32 {
        self.status(name).unwrap().leaf
    }

    fn agree(&mut self) {
        let members = self.members();
        let shared: Vec<_> = members.iter().map(|name| self.status(name).unwrap().shared).collect();
        assert!(shared.windows(2).all(|pair| pair[0] == pair[1]), "{members:?} do not agree: {shared:?}");
    }

    fn create(&mut self, name: &str) {
        while self.status(name).is_none() {
            drop(self.ask(name, &Order::Create));
        }
    }

    fn key_package(&mut self, name: &str) -> Hex {
        bytes(self.keep(name, Order::KeyPackage))
    }

    fn invite(&mut self, by: &str, name: &str) {
        let add = Some(self.key_package(name));
        let welcome = self.commit(by, &Content { add, ..Content::default() });
        self.join(by, name, &welcome.unwrap());
        self.agree();
    }

    /// Joins the group that another is in.
    fn join(&mut self, other: &str, name: &str, welcome: &str) {
        let joined = |story: &mut Self| {
            let there = story.status(other).map(|status| status.shared);
            story.status(name).filter(|status| status.active).map(|status| status.shared) == there
        };
        while !joined(self) {
            match self.ask(name, &Order::Join(welcome.into())) {
                Ok(Answer::Done) | Err(Killed) => {}
                Ok(refused) => panic!("{name} cannot join: {refused:?}"),
            }
        }
    }

    /// Makes an external commit.
    fn prepare_entry(&mut self, name: &str, via: &str) -> Hex {
        let info = bytes(self.insist(via, &Order::GroupInfo));
        loop {
            let made = match self.ask(name, &Order::Enter(info.clone())) {
                Ok(made) => made,
                Err(Killed) => self.insist(name, &Order::Entering),
            };
            if made != Answer::Nothing {
                return bytes(made);
            }
        }
    }

    fn abandon_entry(&mut self, name: &str, via: &str) {
        self.prepare_entry(name, via);
        while self.insist(name, &Order::Entering) != Answer::Nothing {
            drop(self.ask(name, &Order::Abandon));
        }
    }

    fn enter(&mut self, name: &str, via: &str) {
        let others: Vec<_> = self.members().into_iter().filter(|other| *other != name).collect();
        let commit = self.prepare_entry(name, via);
        for other in others {
            self.hear(other, &commit);
        }
        while self.ask(name, &Order::Entered) != Ok(Answer::Done) {}
        assert!(self.is_member(name));
        self.agree();
    }

    /// Delivers to all members, and says to whom.
    fn deliver(&mut self, message: &str) -> Vec<&'static str> {
        let members = self.members();
        for name in &members {
            self.hear(name, message);
        }
        members
    }

    fn hear(&mut self, name: &str, message: &str) {
        let mut was_killed = false;
        loop {
            match self.ask(name, &Order::Hear(message.into())) {
                Err(Killed) => was_killed = true,
                // It was stored before the kill.
                Ok(Answer::Refused(why)) if was_killed => {
                    let known = ["KeyGone", "Stale", "Misuse(NotMember)"].iter().any(|reason| why.starts_with(reason));
                    return assert!(known, "{name}: {why}");
                }
                Ok(Answer::Heard(Heard::Text { sender, epoch, generation, .. })) => {
                    let is_new = self.read.insert((name.into(), sender, epoch, generation));
                    return assert!(is_new, "{name}: generation {generation} of {sender} in epoch {epoch} again");
                }
                Ok(Answer::Heard(_)) => return,
                Ok(other) => panic!("{name} hears: {other:?}"),
            }
        }
    }

    /// Something said arrives with all members, once.
    fn deliver_text(&mut self, by: &str, message: &str, text: &str) {
        for name in self.deliver(message) {
            if name != by {
                self.heard.get_mut(name).unwrap().push(text.into());
            }
        }
    }

    fn prepare_text(&mut self, name: &str) -> (Hex, String) {
        let text = format!("{name} says {}", self.last_slot);
        (bytes(self.keep(name, |slot| Order::Say(slot, text.clone()))), text)
    }

    fn say(&mut self, name: &str) {
        let (message, text) = self.prepare_text(name);
        self.deliver_text(name, &message, &text);
    }

    /// Says something that a kill loses, with the keys that were reserved for it.
    fn whisper(&mut self, name: &str) {
        for order in [Order::Whisper, Order::Murmur] {
            let text = format!("{name} whispers {}", self.dice.below(usize::MAX));
            let made = self.insist(name, &order(text.clone()));
            self.deliver_text(name, &bytes(made), &text);
        }
    }

    fn propose(&mut self, name: &str, order: impl Fn(Slot) -> Order) {
        let proposal = bytes(self.keep(name, order));
        self.deliver(&proposal);
    }

    fn prepare(&mut self, name: &str, content: &Content) -> (Hex, Option<Hex>) {
        match self.keep(name, |slot| Order::Commit(slot, content.clone())) {
            Answer::Commit { commit, welcome } => (commit, welcome),
            other => panic!("{name}'s commit is {other:?}"),
        }
    }

    fn commit(&mut self, name: &str, content: &Content) -> Option<Hex> {
        let (commit, welcome) = self.prepare(name, content);
        self.deliver(&commit);
        self.agree();
        welcome
    }

    fn discard(&mut self, name: &str) {
        while self.status(name).is_some_and(|status| status.pending) {
            drop(self.ask(name, &Order::Discard));
        }
    }

    /// The group is replaced by one with the same members.
    fn reinit(&mut self, by: &str, founder: &str) {
        self.commit(by, &Content { reinit: true, ..Content::default() });
        let others: Vec<_> = self.members().into_iter().filter(|name| *name != founder).collect();
        let key_packages: Vec<_> = others.iter().map(|name| self.key_package(name)).collect();
        let welcome = bytes(self.keep(founder, |slot| Order::Found(slot, key_packages.clone())));
        for name in others {
            self.join(founder, name, &welcome);
        }
        self.read.clear();
        self.agree();
    }

    /// Everything that writes, by everyone.
    pub(crate) fn run(&mut self) {
        let path = Content { path: true, ..Content::default() };
        self.create("alice");
        self.invite("alice", "bob");
        self.say("alice");
        self.say("bob");
        self.invite("bob", "carol");
        // Across the end of a reservation, in any order, and late.
        let messages: Vec<_> = (0..4).map(|_| self.prepare_text("bob")).collect();
        for at in [2, 0, 3] {
            self.deliver_text("bob", &messages[at].0, &messages[at].1);
        }
        self.propose("carol", Order::ProposeUpdate);
        let alice = self.leaf("alice");
        self.propose("bob", |slot| Order::ProposeRemove(slot, alice));
        self.commit("alice", &path);
        self.deliver_text("bob", &messages[1].0, &messages[1].1);
        for name in ["carol", "alice"] {
            (0..2).for_each(|_| self.whisper(name));
        }
        for name in ["alice", "bob"] {
            let carol = self.leaf("carol");
            self.propose(name, |slot| Order::ProposeRemove(slot, carol));
            while self.ask(name, &Order::SetAside) != Ok(Answer::Done) {}
            self.commit(name, &path);
            assert!(self.is_member("carol"));
        }
        self.prepare("alice", &path);
        self.discard("alice");
        self.commit("bob", &Content { psk: true, ..Content::default() });
        self.abandon_entry("dave", "carol");
        self.enter("dave", "carol");
        self.say("dave");
        for name in NAMES {
            assert_eq!(self.insist(name, &Order::Reopen), Answer::Done);
        }
        // A rival commit ends one's own.
        self.prepare("carol", &path);
        self.commit("dave", &path);
        self.enter("bob", "dave");
        self.say("bob");
        let remove = Some(self.leaf("carol"));
        self.commit("alice", &Content { remove, ..Content::default() });
        assert!(!self.is_member("carol"));
        while self.status("carol").is_some() {
            drop(self.ask("carol", &Order::Forget));
        }
        for name in ["dave", "alice", "bob"] {
            self.say(name);
            self.whisper(name);
            self.commit(name, &Content::default());
        }
        self.reinit("bob", "alice");
        for name in ["alice", "bob", "dave"] {
            self.say(name);
            self.commit(name, &path);
        }
        self.compare_histories();
    }

    fn compare_histories(&mut self) {
        for name in NAMES {
            let Answer::History(history) = self.insist(name, &Order::History) else { panic!("no history") };
            assert_eq!(history, self.heard[name], "{name} has heard other things");
        }
    }
}

fn bytes(answer: Answer) -> Hex {
    match answer {
        Answer::Bytes(bytes) => bytes,
        other => panic!("no bytes: {other:?}"),
    }
}
