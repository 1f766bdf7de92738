//! Small worlds in which messages are fuzzed: one group, somebody to receive, genuine messages that it would accept now, and
//! an insider who can sign, tag and encrypt whatever it likes.

mod insider;

use alloc::sync::Arc;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Error,
    group::{CommitBuilder, Handshake, Observer, Settings},
    wire::{
        Content, Extensions, FramedContent, MlsMessage, MlsMessageBody, Proposal, ProposalType, Psk, ReInit, Remove,
    },
};
use cenacle_store::{MemoryStore, Snapshot};
use cenacle_testkit::world::{Provider, TEST_EXTENSION, Visible, World};

pub(crate) use insider::{Insider, resign_key_package};

/// How many executions lie between two looks at everything.
const LOOK_EVERY: u64 = 512;

/// Who receives.
pub(crate) const VICTIM: &str = "bob";

/// A group of four, some of whom are about to say something to [`VICTIM`].
pub(crate) struct Scene {
    pub(crate) world: World,
    /// What would be accepted now, and does something.
    pub(crate) genuine: Vec<Vec<u8>>,
    /// What came before, what is one's own, what is for another epoch.
    pub(crate) others: Vec<Vec<u8>>,
    /// Contents for an insider to begin with.
    pub(crate) contents: Vec<FramedContent>,
    pub(crate) insider: Insider,
    pub(crate) observer: Observer,
    /// What the observer stores.
    pub(crate) observed: Snapshot,
    before: Visible,
    tried: u64,
}

fn shared() -> Psk {
    Psk::External((&b"shared"[..]).into())
}

impl Scene {
    /// The worlds that messages are delivered to: with handshakes in the clear and encrypted, to a victim who has nothing to
    /// do, and to one who waits for proposals and for its own commit.
    pub(crate) fn all() -> Vec<Self> {
        let kinds = [Handshake::Public, Handshake::Private].into_iter().flat_map(|kind| [(kind, false), (kind, true)]);
        (1..).zip(kinds).map(|(seed, (handshake, busy))| Self::new(seed, handshake, busy)).collect()
    }

    fn new(seed: u64, handshake: Handshake, busy: bool) -> Self {
        let mut world = World::new(seed, Provider::AwsLc, CipherSuite(1)).framing(handshake);
        let alice = world.signer();
        world.enter_with("alice", Arc::clone(&alice));
        for name in [VICTIM, "carol", "dave"] {
            world.enter(name);
        }
        world.create("alice");
        for name in [VICTIM, "carol", "dave"] {
            world.invite("alice", name);
        }
        let warden = world.enter("warden").client.clone();
        let mut extensions = Extensions::default();
        extensions.push_external_senders(&vec![warden.external_sender()]).unwrap();
        let late = world.protect("carol", b"late");
        let read = world.protect("carol", b"read already");
        world.receive(VICTIM, &read).unwrap();
        world.commit("alice", |commit| commit.extensions(extensions).with_path());
        world.commit("carol", |commit| commit.with_path());
        // Before the insider's own ratchets begin.
        let insider = Insider::new(&world, "alice", alice);
        let mut scene = Self::with(world, insider);
        scene.others.push(read);
        scene.genuine.push(late);
        // Nothing is said while proposals wait.
        scene.say();
        if busy {
            scene.make_busy();
        }
        scene.propose();
        scene.commit();
        scene.come_from_outside(&warden);
        scene.contents = scene.read_contents();
        scene.before = scene.world.at(VICTIM).visible();
        scene.check_genuine();
        scene
    }

    fn with(world: World, insider: Insider) -> Self {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&world.group_info(VICTIM, true)).unwrap().body
        else {
            panic!("a GroupInfo")
        };
        let suite = Arc::clone(&world.suite);
        let observer = Observer::new(&info, None, suite, Settings::default(), &world.inputs()).unwrap();
        let mut store = MemoryStore::default();
        let observer = observer.persist(&mut store).unwrap_or_else(|never| match never {});
        let observed = store.snapshot();
        let before = world.at(VICTIM).visible();
        let (genuine, others, contents) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, genuine, others, contents, insider, observer, observed, before, tried: 0 }
    }

    /// The victim keeps two proposals, has one of its own and a commit waiting for its echo.
    fn make_busy(&mut self) {
        let world = &mut self.world;
        let carols = world.step("carol", |group, rng| group.propose_psk(shared(), rng)).to_bytes().unwrap();
        let update = world.step("dave", |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        let own = world.step(VICTIM, |group, rng| group.propose_update(rng)).to_bytes().unwrap();
        for (from, bytes) in [("carol", &carols), ("dave", &update), (VICTIM, &own)] {
            for name in ["alice", VICTIM, "carol", "dave"].into_iter().filter(|name| *name != from) {
                world.receive(name, bytes).unwrap();
            }
        }
        let commit = world.prepare(VICTIM, |commit| commit.with_path()).commit.to_bytes().unwrap();
        self.others.extend([carols, update, own, commit]);
    }

    fn say(&mut self) {
        for (name, data) in [("alice", &b"hello"[..]), ("alice", b""), ("carol", &[7; 100]), (VICTIM, b"own")] {
            let said = self.world.protect(name, data);
            if name == VICTIM { self.others.push(said) } else { self.genuine.push(said) }
        }
    }

    fn propose(&mut self) {
        let package = self.package("frank");
        let dave = self.world.leaf("dave");
        let mut rng = self.world.dice.fork();
        let inputs = self.world.inputs();
        let add = self.world.at("alice").group().propose_add(package, &inputs, &mut rng).unwrap();
        let add = self.world.person("alice").step(|_| Ok(add));
        let world = &mut self.world;
        let reinit = ReInit {
            group_id: world.group_id.clone(),
            version: cenacle_mls::wire::ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(1),
            extensions: Extensions::default(),
        };
        let proposals = [
            add,
            world.step("alice", |group, rng| group.propose_remove(dave, rng)),
            world.step("alice", |group, rng| group.propose_psk(shared(), rng)),
            world.step("alice", |group, rng| group.propose_extensions(Extensions::default(), rng)),
            world.step("alice", |group, rng| group.propose_update(rng)),
            world.step("carol", |group, rng| group.propose_update(rng)),
            world.step("alice", |group, rng| group.propose_reinit(reinit, rng)),
        ];
        self.genuine.extend(proposals.map(|message| message.to_bytes().unwrap()));
    }

    /// Commits that alice could make, each instead of the others.
    fn commit(&mut self) {
        let package = self.package("grace");
        let dave = self.world.leaf("dave");
        let victim = self.world.leaf(VICTIM);
        let mut extensions = Extensions::default();
        let extension_type = TEST_EXTENSION;
        extensions.0.push(cenacle_mls::wire::Extension { extension_type, extension_data: (&b"new"[..]).into() });
        let kinds: [&dyn Fn(CommitBuilder<'_>) -> CommitBuilder<'_>; 6] = [
            &|commit| commit.with_path(),
            &|commit| commit.psk(shared()),
            &|commit| commit.add(package.clone()),
            &|commit| commit.remove(dave).authenticated_data(*b"in the clear"),
            &|commit| commit.remove(victim),
            &|commit| commit.add(package.clone()).psk(shared()).extensions(extensions.clone()).with_path(),
        ];
        for kind in kinds {
            // By reference only what the victim has.
            let known = self.world.at(VICTIM).group().proposals().count();
            let waiting: Vec<_> = self.world.at("alice").group().proposals().map(|(reference, ..)| reference).collect();
            let bundle = self.world.prepare("alice", |commit| {
                kind(waiting.iter().skip(known).fold(commit, |commit, unknown| commit.without(*unknown)))
            });
            self.genuine.push(bundle.commit.to_bytes().unwrap());
            self.world.step("alice", |group, _| group.discard_pending());
        }
    }

    /// Proposals and a commit by those who are not members.
    fn come_from_outside(&mut self, warden: &cenacle_mls::group::Client) {
        let dave = self.world.leaf("dave");
        let proposal = Proposal::Remove(Remove { removed: dave });
        let public = self.world.at(VICTIM).group().public().clone();
        let remove = warden.propose_externally(&public, proposal, &self.world.inputs()).unwrap();
        let package = self.package("heidi");
        let join = self.world.at("heidi").client.propose_joining(&public, package, &self.world.inputs()).unwrap();
        self.world.enter("ivan");
        let commit = self.world.prepare_external("carol", "ivan");
        self.genuine.extend([remove, join, commit.commit().clone()].map(|message| message.to_bytes().unwrap()));
    }

    fn package(&mut self, name: &str) -> cenacle_mls::wire::KeyPackage {
        self.world.enter(name);
        let mut rng = self.world.dice.fork();
        self.world.person(name).try_key_package(false, &mut rng).unwrap()
    }

    /// What is inside the genuine messages, and a few things that nobody here says.
    fn read_contents(&self) -> Vec<FramedContent> {
        let group = self.world.at(VICTIM).group();
        let open = |bytes: &Vec<u8>| group.open(&MlsMessage::from_bytes(bytes).unwrap()).unwrap().content().cloned();
        let mut contents: Vec<_> = self.genuine.iter().filter_map(open).collect();
        let unknown = Proposal::Custom(ProposalType(0xf001), (&b"body"[..]).into());
        contents.push(FramedContent { content: Content::Proposal(unknown), ..contents[0].clone() });
        contents
    }

    /// Every genuine message is accepted, and nothing was changed by what came before.
    fn check_genuine(&self) {
        let victim = self.world.at(VICTIM);
        for bytes in &self.genuine {
            let staged = victim.stage(bytes, &self.world.inputs());
            assert!(staged.is_ok(), "a genuine message is refused: {:?}", staged.map(drop).unwrap_err());
        }
        assert!(self.before == victim.visible(), "something has changed");
    }

    /// To be called with each execution: now and then everything is looked at, and always after the first.
    pub(crate) fn tried(&mut self) {
        if self.tried.is_multiple_of(LOOK_EVERY) {
            self.check_genuine();
        }
        self.tried += 1;
    }

    /// Whether somebody really sent these bytes.
    pub(crate) fn is_known(&self, bytes: &[u8]) -> bool {
        self.genuine.iter().chain(&self.others).any(|known| known == bytes)
    }

    /// The tree of such a group.
    pub(crate) fn tree() -> Vec<u8> {
        Self::new(1, Handshake::Public, false).world.at(VICTIM).group().public().tree().to_bytes().unwrap()
    }
}

/// A refusal must blame what came, and not the receiver.
pub(crate) fn assert_blames_the_input(error: &Error) {
    assert!(!matches!(error, Error::Provider(_) | Error::Corrupt(_)), "the refusal blames the receiver: {error:?}");
}
