//! A small world whose network delivers everything at once and in order: to set up groups of any shape.

use alloc::{collections::BTreeMap, sync::Arc};

use cenacle_codec::Encode as _;
use cenacle_crypto::{CipherSuite, CryptoProvider as _, Rng, Signer, Suite};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::RustCryptoProvider;
use cenacle_mls::{
    group::{
        AcceptAll, Client, CommitBuilder, CommitBundle, ExternalJoin, Handshake, Inputs, Psks, Received, Settings,
    },
    wire::{Capabilities, Credential, Extensions, GroupId, LeafIndex, MlsMessageBody},
};

use super::{Dice, LIFETIME, NOW_SECONDS, Person, TEST_EXTENSION, person::decoded};
use crate::ledger::Ledger;

/// Whose cryptography a world uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The pure-Rust provider: the same bytes for the same seed, with Ed25519 and deterministic ECDSA.
    RustCrypto,
    /// The native provider.
    AwsLc,
}

/// Clients by name, and what they share.
#[derive(Debug)]
pub struct World {
    /// The cryptography.
    pub suite: Arc<dyn Suite>,
    /// Every nonce that left.
    pub ledger: Ledger,
    /// The same cryptography for those whose seals are not their own: they are not entered.
    pub unwatched: Arc<dyn Suite>,
    /// What chance decides, and every client's randomness.
    pub dice: Dice,
    /// Everyone, by name.
    pub people: BTreeMap<String, Person>,
    /// Everyone's signer, by name.
    pub signers: BTreeMap<String, Arc<dyn Signer>>,
    /// Pre-shared keys that everyone has.
    pub psks: Psks,
    /// The group's identifier.
    pub group_id: GroupId,
    /// Settings of clients to come.
    pub settings: Settings,
    /// What clients to come list as supported, besides what every client here does.
    pub supports: Capabilities,
}

impl World {
    /// A world with nobody in it.
    #[must_use]
    pub fn new(seed: u64, provider: Provider, suite: CipherSuite) -> Self {
        Self::watched_by(&Ledger::default(), seed, provider, suite)
    }

    /// A world with nobody in it yet, whose nonces go into this ledger.
    #[must_use]
    pub fn watched_by(ledger: &Ledger, seed: u64, provider: Provider, suite: CipherSuite) -> Self {
        let suite = match provider {
            Provider::RustCrypto => RustCryptoProvider.suite(suite),
            Provider::AwsLc => AwsLcProvider.suite(suite),
        };
        let mut dice = Dice::new(seed);
        let mut psks = Psks::default();
        psks.insert_external(&b"shared"[..], dice.bytes(32));
        let group_id = GroupId::from(dice.bytes(16).as_slice());
        let (ledger, unwatched) = (ledger.clone(), suite.expect("the provider has the suite"));
        let suite = ledger.watch(Arc::clone(&unwatched));
        Self {
            suite,
            ledger,
            unwatched,
            dice,
            people: BTreeMap::new(),
            signers: BTreeMap::new(),
            psks,
            group_id,
            settings: Settings::default(),
            supports: Capabilities::default(),
        }
    }

    /// The same world, its clients to frame handshakes in this way.
    #[must_use]
    pub const fn framing(mut self, handshake: Handshake) -> Self {
        self.settings.handshake = handshake;
        self
    }

    /// What every call is told.
    #[must_use]
    pub const fn inputs(&self) -> Inputs<'_> {
        inputs(&self.psks)
    }

    /// A fresh signer of this world's suite.
    pub fn signer(&mut self) -> Arc<dyn Signer> {
        let (secret, _) = self.suite.signature_key_pair(&mut self.dice.fork()).unwrap();
        Arc::from(self.suite.signer(&secret).unwrap())
    }

    /// A client of this name with this signer.
    #[must_use]
    pub fn client(&self, name: &str, signer: Arc<dyn Signer>) -> Client {
        self.client_with(Arc::clone(&self.suite), name, signer)
    }

    /// As [`World::client`], for someone with another's secrets: what a forger seals under keys that are not their own is not
    /// entered into the ledger.
    #[must_use]
    pub fn forger(&self, name: &str, signer: Arc<dyn Signer>) -> Client {
        self.client_with(Arc::clone(&self.unwatched), name, signer)
    }

    fn client_with(&self, suite: Arc<dyn Suite>, name: &str, signer: Arc<dyn Signer>) -> Client {
        let client = Client::new(suite, signer, Credential::Basic(name.as_bytes().into()));
        let mut capabilities = client.capabilities().clone();
        capabilities.extensions.push(TEST_EXTENSION);
        capabilities.extensions.extend(&self.supports.extensions);
        capabilities.proposals.extend(&self.supports.proposals);
        capabilities.credentials.extend(&self.supports.credentials);
        client.with_capabilities(capabilities).with_settings(self.settings)
    }

    /// Someone new.
    pub fn enter(&mut self, name: &str) -> &mut Person {
        let signer = self.signer();
        self.enter_with(name, signer)
    }

    /// Someone new with this signer.
    pub fn enter_with(&mut self, name: &str, signer: Arc<dyn Signer>) -> &mut Person {
        self.signers.insert(name.into(), Arc::clone(&signer));
        let person = Person::new(name, self.client(name, signer), self.ledger.clone());
        assert!(self.people.insert(name.into(), person).is_none(), "{name} is there already");
        self.person(name)
    }

    /// Someone who is there.
    pub fn person(&mut self, name: &str) -> &mut Person {
        self.people.get_mut(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// Someone who is there, to be looked at.
    #[must_use]
    pub fn at(&self, name: &str) -> &Person {
        self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// Names of all members, as far as they know.
    #[must_use]
    pub fn members(&self) -> Vec<String> {
        self.people.values().filter(|person| person.is_member()).map(|person| person.name.clone()).collect()
    }

    /// A leaf by its member's name.
    #[must_use]
    pub fn leaf(&self, name: &str) -> LeafIndex {
        self.at(name).group().own_leaf()
    }

    /// `name` creates the group.
    pub fn create(&mut self, name: &str) {
        let mut rng = self.dice.fork();
        let Self { people, psks, group_id, .. } = self;
        let person = people.get_mut(name).expect("someone");
        let id = group_id.clone();
        let new = person.client.create_group(id, Extensions::default(), LIFETIME, &inputs(psks), &mut rng).unwrap();
        person.group = Some(new.accept(&mut person.disk).unwrap());
    }

    /// A group of these people, the first of whom creates it and adds the others; then each renews its keys once.
    #[must_use]
    pub fn group_of(mut self, names: &[&str]) -> Self {
        for name in names {
            self.enter(name);
        }
        let (first, others) = names.split_first().expect("somebody");
        self.create(first);
        for name in others {
            self.invite(first, name);
        }
        for name in names {
            self.commit(name, |commit| commit.with_path());
        }
        self
    }

    /// `name` prepares a step, and it is merged.
    pub fn step<T>(
        &mut self,
        name: &str,
        f: impl FnOnce(
            &cenacle_mls::group::Group,
            &mut dyn Rng,
        ) -> Result<cenacle_mls::group::Transition<T>, cenacle_mls::Error>,
    ) -> T {
        let mut rng = self.dice.fork();
        self.person(name).step(|group| f(group, &mut rng))
    }

    /// `name` sends application data; the bytes on the wire.
    pub fn protect(&mut self, name: &str, data: &[u8]) -> Vec<u8> {
        self.step(name, |group, rng| group.protect(data, b"in the clear", rng)).to_bytes().unwrap()
    }

    /// `name` makes a commit, which waits for its echo.
    pub fn prepare(&mut self, name: &str, f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let mut rng = self.dice.fork();
        let Self { people, psks, .. } = self;
        people.get_mut(name).expect("someone").step(|group| f(group.commit()).build(&inputs(psks), &mut rng))
    }

    /// `name` receives bytes.
    ///
    /// # Errors
    /// The core's refusal.
    pub fn receive(&mut self, name: &str, bytes: &[u8]) -> Result<Received, cenacle_mls::Error> {
        let Self { people, psks, .. } = self;
        people.get_mut(name).expect("someone").receive(bytes, &inputs(psks))
    }

    /// All members receive bytes, whoever sent them.
    pub fn deliver(&mut self, bytes: &[u8]) {
        for name in self.members() {
            if let Err(error) = self.receive(&name, bytes) {
                panic!("{name} receives: {error}");
            }
        }
    }

    /// `name` makes a commit and all members receive it.
    pub fn commit(&mut self, name: &str, f: impl FnOnce(CommitBuilder<'_>) -> CommitBuilder<'_>) -> CommitBundle {
        let bundle = self.prepare(name, f);
        self.deliver(&bundle.commit.to_bytes().unwrap());
        self.agree();
        bundle
    }

    /// `by` adds `name`, who joins by the Welcome.
    pub fn invite(&mut self, by: &str, name: &str) {
        let mut rng = self.dice.fork();
        let package = self.person(name).try_key_package(false, &mut rng).unwrap();
        let bundle = self.commit(by, |commit| commit.add(package));
        let Self { people, psks, .. } = self;
        let welcome = bundle.welcome.expect("a Welcome").to_bytes().unwrap();
        people.get_mut(name).expect("someone").try_join(&welcome, None, &inputs(psks)).unwrap();
        self.agree();
    }

    /// A GroupInfo for external joins, on the wire.
    #[must_use]
    pub fn group_info(&self, via: &str, with_tree: bool) -> Vec<u8> {
        self.at(via).group().group_info(with_tree, true).unwrap().to_bytes().unwrap()
    }

    /// `name` makes an external commit from a member's GroupInfo, in place of its earlier self if there is one.
    pub fn prepare_external(&mut self, via: &str, name: &str) -> cenacle_mls::group::PendingJoin {
        let MlsMessageBody::GroupInfo(info) = decoded(&self.group_info(via, true)).body else { panic!("a GroupInfo") };
        let mut rng = self.dice.fork();
        let former = cenacle_mls::group::Group::former_leaf(&self.at(name).client, self.at(via).group().public()).ok();
        let Self { people, psks, .. } = self;
        let person = people.get_mut(name).expect("someone");
        let pending = person
            .client
            .join_external(&info, ExternalJoin { replaces: former, ..ExternalJoin::default() }, &inputs(psks), &mut rng)
            .unwrap();
        pending.persist(&mut person.disk).unwrap()
    }

    /// All members share one epoch, and everyone's memory is what its disk holds.
    pub fn agree(&self) {
        let members: Vec<&Person> = self.people.values().filter(|person| person.is_member()).collect();
        for pair in members.windows(2) {
            let [one, other] = [pair[0].group(), pair[1].group()];
            assert_eq!(one.epoch(), other.epoch());
            assert!(one.epoch_authenticator().ct_eq(other.epoch_authenticator()));
            assert_eq!(one.public().tree().tree_hash(), other.public().tree().tree_hash());
        }
        for person in self.people.values() {
            person.assert_stored();
        }
    }
}

/// What every call is told, with these keys.
#[must_use]
pub const fn inputs(psks: &Psks) -> Inputs<'_> {
    Inputs::new(&AcceptAll).with_policy(&AcceptAll).at(NOW_SECONDS).with_psks(psks)
}
