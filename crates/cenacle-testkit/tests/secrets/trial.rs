//! A random story around a member in a process of its own, which is searched after everything it does.

use alloc::collections::BTreeMap;
use std::path::Path;

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_crypto::{CipherSuite, Secret};
use cenacle_mls::{
    group::{CommitBundle, Received},
    protect::private::open_sender_data,
    wire::{
        Content, ContentType, GroupContext, KeyPackage, MlsMessage, MlsMessageBody, PreSharedKeyId, Proposal,
        ProposalRef, Sender,
    },
};
use cenacle_testkit::{
    suspect::{
        Begin, Named, Order, Stolen, Suspect,
        consumed::{Epochs, Use, by_commit, by_message},
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
                _ => self.be_invited(),
            };
        }
        match self.world.dice.below(100) {
            0..24 => self.hear(),
            24..36 => self.hear_late(),
            36..46 => self.say(),
            46..58 => self.others_commit(),
            58..68 => self.commit(),
            68..74 => self.update_and_commit(),
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

    fn rows(&self) -> Stolen {
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

    fn hear(&mut self) {
        let name = self.one();
        let mut messages: Vec<_> =
            (0..=self.world.dice.below(4)).map(|n| self.world.protect(&name, &vec![b'x'; 100 + n])).collect();
        for message in &messages {
            for other in self.others().iter().filter(|other| **other != name) {
                self.world.receive(other, message).unwrap();
            }
        }
        while !messages.is_empty() {
            let chosen = self.world.dice.below(messages.len());
            let message = messages.swap_remove(chosen);
            if self.world.dice.chance(30) {
                self.late.push(message);
            } else if self.world.dice.chance(20) {
                assert_eq!(self.receive("hear without a tree", &message, Order::ReceivePartially), Some(b'a'));
            } else {
                assert_eq!(self.receive("hear", &message, Order::Receive), Some(b'a'));
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

    /// What a commit is, as one who did not make it reads it.
    fn read_commit(&self, commit: &[u8]) -> (cenacle_mls::wire::Commit, Sender) {
        let message = MlsMessage::from_bytes(commit).unwrap();
        let read = |name: &String| {
            let opened = self.world.at(name).group().open(&message).unwrap();
            let content = opened.content()?.clone();
            let Content::Commit(commit) = content.content else { panic!("not a commit") };
            Some((commit, content.sender))
        };
        self.others().iter().find_map(read).unwrap()
    }

    /// All others receive a commit. Gives what it consumes by their knowledge.
    fn others_receive(&mut self, before: &Before, commit: &[u8]) -> Vec<Named> {
        let (content, sender) = self.read_commit(commit);
        let used = self.used(commit);
        let mut psks: Vec<PreSharedKeyId> = Vec::new();
        for name in self.others() {
            match self.world.receive(&name, commit).unwrap() {
                Received::Commit(summary) | Received::OwnCommit(summary) => psks = summary.psks,
                Received::Removed(_) => self.erin = false,
                other => panic!("{other:?}"),
            }
        }
        self.world.agree();
        self.remember_epoch();
        let confirmed = self.rows_of("alice");
        let members: Vec<&Stolen> = before.others.iter().chain([&before.bob]).collect();
        let context = |rows: &Stolen| -> GroupContext { rows.context.clone().unwrap() };
        let (before_context, after_context) = (context(&before.others[0]), context(&confirmed));
        let epochs = Epochs {
            commit: &content,
            psks: &psks,
            external_psk: &self.psk,
            before: &before_context,
            after: &after_context,
        };
        let suite = &*self.world.suite;
        let mut gone = by_commit(suite, &members, epochs, &confirmed);
        if let (Some(used), Sender::Member(_)) = (used, sender) {
            let reader = before.others.iter().find(|rows| rows.reaches(used));
            gone.extend(by_message(suite, reader.unwrap(), used));
        }
        gone
    }

    /// Others' commit arrives at the suspect.
    fn commit_arrives(&mut self, what: &'static str, before: &Before, commit: &[u8], gone: Vec<Named>) {
        let received = self.bob.must(&Order::Receive(Opaque::from(commit)));
        match received[0] {
            b'c' | b'o' => {}
            b'r' => self.is_member = false,
            other => panic!("{what}: {other}"),
        }
        self.check(what, &before.bob, gone);
    }

    fn encoded(bundle: &CommitBundle) -> Vec<u8> {
        bundle.commit.to_bytes().unwrap()
    }

    /// Another member commits, with what it likes.
    pub(crate) fn others_commit(&mut self) {
        let name = self.one();
        let kind = self.world.dice.below(4);
        let before = self.before();
        let bundle = self.world.prepare(&name, |commit| match kind {
            0 => commit.psk(cenacle_mls::wire::Psk::External((&b"shared"[..]).into())),
            _ => commit.with_path(),
        });
        let commit = Self::encoded(&bundle);
        let gone = self.others_receive(&before, &commit);
        self.commit_arrives("others commit", &before, &commit, gone);
    }

    /// The suspect commits; its commit is accepted, another's is first, or it gives up.
    fn commit(&mut self) {
        let proposals = match self.world.dice.below(4) {
            0 => vec![Proposal::ExternalInit(cenacle_mls::wire::ExternalInit { kem_output: Opaque::EMPTY })],
            _ => Vec::new(),
        };
        // A by-value proposal of a kind that the suspect takes for the pre-shared key.
        let with_path = u8::from(proposals.is_empty() || self.world.dice.chance(50));
        let before = self.before();
        let bundle = self.bob.must(&Order::Commit((proposals, with_path)));
        let commit = Self::encoded(&CommitBundle::from_bytes(&bundle).unwrap());
        match self.world.dice.below(5) {
            0 => {
                self.check("commit", &before.bob, Vec::new());
                let before = self.rows();
                self.bob.must(&Order::Discard(()));
                self.check("discard", &before, Vec::new());
            }
            1 => {
                self.check("commit", &before.bob, Vec::new());
                let rival = Self::encoded(&self.world.prepare("carol", |commit| commit.with_path()));
                let before = self.before();
                let gone = self.others_receive(&before, &rival);
                self.commit_arrives("rival commit", &before, &rival, gone);
            }
            _ => {
                if self.world.dice.chance(30) {
                    self.restart();
                }
                let gone = self.others_receive(&before, &commit);
                // Before the echo only the key schedule's way to the new epoch is consumed.
                let pending: Vec<_> = gone.iter().filter(|named| named.name != "init_secret[n-1]").cloned().collect();
                self.check("commit", &before.bob, pending);
                let before = Before { bob: self.rows(), ..before };
                self.commit_arrives("own commit accepted", &before, &commit, gone);
            }
        }
    }

    /// The suspect proposes an Update, which another commits or leaves out.
    fn update_and_commit(&mut self) {
        let before = self.before();
        let proposal = match self.world.dice.below(4) {
            0 => self.bob.must(&Order::ProposePsk(())),
            _ => self.bob.must(&Order::Propose(None)),
        };
        let gone = match self.used(&proposal) {
            Some(used) => by_message(&*self.world.suite, &before.others[0], used),
            None => Vec::new(),
        };
        for name in self.others() {
            self.world.receive(&name, &proposal).unwrap();
        }
        self.check("propose", &before.bob, gone);
        let name = self.one();
        let left_out = self.world.dice.chance(50);
        let before = self.before();
        let waiting: Vec<ProposalRef> =
            self.world.at(&name).group().proposals().map(|(reference, ..)| reference).collect();
        let bundle = self.world.prepare(&name, |commit| match left_out {
            true => waiting.into_iter().fold(commit.with_path(), |commit, reference| commit.without(reference)),
            false => commit,
        });
        let commit = Self::encoded(&bundle);
        let gone = self.others_receive(&before, &commit);
        let what = if left_out { "proposal left out" } else { "proposal committed" };
        self.commit_arrives(what, &before, &commit, gone);
    }

    /// Another comes or goes.
    fn crowd(&mut self) {
        let name = (*self.world.dice.pick(&OTHERS).unwrap()).to_owned();
        let before = self.before();
        if self.erin {
            let leaf = self.world.leaf("erin");
            let commit = Self::encoded(&self.world.prepare(&name, |commit| commit.remove(leaf)));
            let gone = self.others_receive(&before, &commit);
            self.world.people.remove("erin");
            return self.commit_arrives("another is removed", &before, &commit, gone);
        }
        self.world.enter("erin");
        let mut rng = self.world.dice.fork();
        let package = self.world.person("erin").try_key_package(false, &mut rng).unwrap();
        let bundle = self.world.prepare(&name, |commit| commit.add(package));
        let commit = Self::encoded(&bundle);
        let gone = self.others_receive(&before, &commit);
        let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
        let World { people, psks, .. } = &mut self.world;
        let inputs = cenacle_testkit::world::inputs(psks);
        people.get_mut("erin").unwrap().try_join(&welcome, None, &inputs).unwrap();
        self.erin = true;
        self.commit_arrives("another is added", &before, &commit, gone);
    }

    /// The suspect looks at what it then does not take.
    fn look(&mut self) {
        let name = self.one();
        let message = self.world.protect(&name, &[b'y'; 150]);
        for other in self.others().iter().filter(|other| **other != name) {
            self.world.receive(other, &message).unwrap();
        }
        let before = self.rows();
        assert_eq!(self.bob.must(&Order::Look(Opaque::from(&*message))), [b'a']);
        self.check("look at a message", &before, Vec::new());
        assert_eq!(self.receive("hear", &message, Order::Receive), Some(b'a'));
        let before = self.before();
        let commit = Self::encoded(&self.world.prepare(&name, |commit| commit.with_path()));
        assert_eq!(self.bob.must(&Order::Look(Opaque::from(&*commit))), [b'c']);
        self.check("look at a commit", &before.bob, Vec::new());
        let gone = self.others_receive(&before, &commit);
        self.commit_arrives("others commit", &before, &commit, gone);
    }

    fn leaf(&self) -> cenacle_mls::wire::LeafIndex {
        let own = |(_, leaf): &(_, cenacle_mls::wire::LeafNode)| {
            leaf.credential == cenacle_mls::wire::Credential::Basic(b"bob".into())
        };
        self.world.at("alice").group().members().find(own).unwrap().0
    }

    fn be_removed(&mut self) {
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

    fn key_packages(&mut self) {
        let before = self.rows();
        self.key_package(self.tally.is_empty());
        self.check("make a key package", &before, Vec::new());
    }

    fn be_invited(&mut self) {
        let last_resort = self.world.dice.chance(20);
        let package = self.key_package(last_resort);
        let name = self.one();
        let before = self.before();
        let bundle = self.world.prepare(&name, |commit| commit.add(package));
        let commit = Self::encoded(&bundle);
        let gone = self.others_receive(&before, &commit);
        let welcome = bundle.welcome.unwrap().to_bytes().unwrap();
        self.bob.must(&Order::Join(welcome.into()));
        self.is_member = true;
        // The init key is among what is missing in the rows afterwards.
        let used = usize::from(!last_resort);
        assert_eq!(self.rows().key_packages.len() + used, before.bob.key_packages.len());
        self.check(if last_resort { "join by a last resort" } else { "join by a Welcome" }, &before.bob, gone);
    }

    /// For the first time, or in one's own place.
    fn join_from_outside(&mut self) {
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
