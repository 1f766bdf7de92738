//! Commits and proposals, the suspect's and others'.

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_mls::{
    group::{CommitBundle, Received},
    wire::{
        Add, Commit, Content, ExternalInit, GroupContext, MlsMessage, MlsMessageBody, PreSharedKeyId, Proposal,
        ProposalRef, Psk, Sender,
    },
};
use cenacle_store::MemoryStore;
use cenacle_testkit::{
    suspect::{
        Named, Order, Stolen,
        consumed::{Epochs, by_commit, by_message},
    },
    world::{LIFETIME, World, inputs},
};

use super::{Before, OTHERS, Trial};

impl Trial {
    /// What a commit is, as one who did not make it reads it.
    fn read_commit(&self, commit: &[u8]) -> (Commit, Sender) {
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
    pub(super) fn others_receive(&mut self, before: &Before, commit: &[u8]) -> Vec<Named> {
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
    pub(super) fn commit_arrives(&mut self, what: &'static str, before: &Before, commit: &[u8], gone: Vec<Named>) {
        let received = self.bob.must(&Order::Receive(Opaque::from(commit)));
        match received[0] {
            b'c' | b'o' => {}
            b'r' => self.is_member = false,
            other => panic!("{what}: {other}"),
        }
        self.check(what, &before.bob, gone);
    }

    pub(super) fn encoded(bundle: &CommitBundle) -> Vec<u8> {
        bundle.commit.to_bytes().unwrap()
    }

    /// Another member commits.
    pub(crate) fn others_commit(&mut self) {
        let name = self.one();
        let commit = self.prepare_commit(&name);
        self.accept("others commit", &commit);
    }

    /// Another member commits the pre-shared key.
    pub(crate) fn others_commit_with_psk(&mut self) {
        let (name, psk) = (self.one(), Psk::External((&b"shared"[..]).into()));
        let commit = Self::encoded(&self.world.prepare(&name, |commit| commit.psk(psk)));
        self.accept("others commit a PSK", &commit);
    }

    /// A commit of another member, which nobody got yet.
    pub(crate) fn prepare_commit(&mut self, name: &str) -> Vec<u8> {
        Self::encoded(&self.world.prepare(name, |commit| commit.with_path()))
    }

    /// All receive a commit, the suspect last.
    fn accept(&mut self, what: &'static str, commit: &[u8]) {
        let before = self.before();
        let gone = self.others_receive(&before, commit);
        self.commit_arrives(what, &before, commit, gone);
    }

    /// The suspect commits; its commit is accepted, another's is first, or it gives up.
    pub(super) fn commit(&mut self) {
        let before = self.before();
        let commit = self.prepare_own_commit();
        match self.world.dice.below(5) {
            0 => {
                self.check("commit", &before.bob, Vec::new());
                let before = self.rows();
                self.bob.must(&Order::Discard(()));
                self.check("discard", &before, Vec::new());
            }
            1 => {
                self.check("commit", &before.bob, Vec::new());
                let rival = self.prepare_commit("carol");
                self.accept("rival commit", &rival);
            }
            _ => {
                if self.world.dice.chance(30) {
                    self.restart();
                }
                self.own_commit_is_accepted(before, &commit);
            }
        }
    }

    pub(crate) fn commit_and_be_accepted(&mut self) {
        let before = self.before();
        let commit = self.prepare_own_commit();
        self.own_commit_is_accepted(before, &commit);
    }

    /// The suspect adds so many, who are not heard of again.
    pub(crate) fn add_many_and_be_accepted(&mut self, count: usize) {
        let mut proposals = Vec::with_capacity(count);
        for n in 0..count {
            let (signer, mut rng) = (self.world.signer(), self.world.dice.fork());
            let client = self.world.client(&format!("one of many, {n}"), signer);
            let package = client.key_package(LIFETIME, false, &mut rng).unwrap();
            let MlsMessageBody::KeyPackage(package) =
                package.persist(&mut MemoryStore::default()).unwrap_or_else(|never| match never {}).body
            else {
                panic!("not a key package")
            };
            proposals.push(Proposal::Add(Add { key_package: Box::new(package) }));
        }
        let before = self.before();
        let bundle = self.bob.must(&Order::Commit((proposals, 1)));
        let commit = Self::encoded(&CommitBundle::from_bytes(&bundle).unwrap());
        self.own_commit_is_accepted(before, &commit);
    }

    fn prepare_own_commit(&mut self) -> Vec<u8> {
        // Whatever is not to add or remove somebody, the suspect takes for the pre-shared key.
        let psk = || Proposal::ExternalInit(ExternalInit { kem_output: Opaque::EMPTY });
        let bundle = self.bob.must(&Order::Commit((self.world.dice.chance(25).then(psk).into_iter().collect(), 1)));
        Self::encoded(&CommitBundle::from_bytes(&bundle).unwrap())
    }

    fn own_commit_is_accepted(&mut self, before: Before, commit: &[u8]) {
        let gone = self.others_receive(&before, commit);
        // Before the echo only the key schedule's way to the new epoch is consumed.
        let pending: Vec<_> = gone.iter().filter(|named| named.name != "init_secret[n-1]").cloned().collect();
        self.check("commit", &before.bob, pending);
        let before = Before { bob: self.rows(), ..before };
        self.commit_arrives("own commit accepted", &before, commit, gone);
    }

    /// The suspect proposes something, which another commits or leaves out.
    pub(super) fn propose_and_commit(&mut self) {
        match self.world.dice.below(4) {
            0 => self.propose(&Order::ProposePsk(())),
            _ => self.propose(&Order::Propose(None)),
        }
        if self.world.dice.chance(50) {
            self.leave_out_proposals();
        } else {
            let name = self.one();
            let commit = Self::encoded(&self.world.prepare(&name, |commit| commit));
            self.accept("proposal committed", &commit);
        }
    }

    fn propose(&mut self, order: &Order) {
        let before = self.before();
        let proposal = self.bob.must(order);
        let gone = match self.used(&proposal) {
            Some(used) => by_message(&*self.world.suite, &before.others[0], used),
            None => Vec::new(),
        };
        for name in self.others() {
            self.world.receive(&name, &proposal).unwrap();
        }
        self.check("propose", &before.bob, gone);
    }

    /// The suspect proposes an Update; its new private key.
    pub(crate) fn propose_update(&mut self) -> Vec<u8> {
        self.propose(&Order::Propose(None));
        self.rows().update_keys.pop().unwrap().0.expose().to_vec()
    }

    /// Another commits, but not what was proposed.
    pub(crate) fn leave_out_proposals(&mut self) {
        let name = self.one();
        let waiting: Vec<ProposalRef> =
            self.world.at(&name).group().proposals().map(|(reference, ..)| reference).collect();
        let bundle = self.world.prepare(&name, |commit| {
            waiting.into_iter().fold(commit.with_path(), |commit, reference| commit.without(reference))
        });
        self.accept("proposal left out", &Self::encoded(&bundle));
    }

    /// Another comes or goes.
    pub(super) fn crowd(&mut self) {
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
        let inputs = inputs(psks);
        people.get_mut("erin").unwrap().try_join(&welcome, None, &inputs).unwrap();
        self.erin = true;
        self.commit_arrives("another is added", &before, &commit, gone);
    }

    /// The suspect looks at what it then does not take.
    pub(super) fn look(&mut self) {
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
}
