//! Ways into a group, as outsiders and insiders could make them: Welcomes, trees that come apart, GroupInfos, key packages.
//! What outsiders make leads nowhere but where the genuine object leads; nothing panics, and nothing is used up.

use alloc::sync::Arc;
use core::cell::RefCell;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::{
    CipherSuite, Rng, SecretBytes, Signer, Suite,
    conformance::SeededRng,
    labeled::{EncryptContext, sign_with_label},
};
use cenacle_mls::{
    Error,
    delta::{Change, Delta},
    group::{ExternalJoin, NewGroup, OwnKeyPackage},
    schedule::{JoinerSecret, psk_secret},
    tree::RatchetTree,
    wire::{
        EncryptedGroupSecrets, ExtensionType, GroupInfo, GroupInfoTbs, GroupSecrets, KeyPackage, LeafIndex, MlsMessage,
        MlsMessageBody, Psk, Welcome, WireTree,
    },
};
use cenacle_testkit::world::{Person, Provider, Visible, World};

use crate::{
    scene::{assert_blames_the_input, resign_key_package},
    source::Source,
};

const LOOK_EVERY: u64 = 512;
/// The one pre-shared key, under a name of its own.
const PSK: [u8; 32] = [7; 32];
const JOINERS: [&str; 2] = ["carol", "dave"];

/// A group of two, and two who are invited.
struct Scene {
    world: World,
    /// Of the committer, who knows all the joiners' secrets.
    signer: Arc<dyn Signer>,
    committer: LeafIndex,
    invitations: Vec<Invitation>,
    /// A key package that nobody has used, and its owner's signer.
    package: (KeyPackage, Arc<dyn Signer>),
    /// Where the group is in the end, for external joins.
    info: GroupInfo,
    before: Visible,
    tried: u64,
}

/// A Welcome, and what its maker knows.
struct Invitation {
    welcome: Welcome,
    tree: Option<Vec<u8>>,
    for_whom: &'static str,
    own: OwnKeyPackage,
    secrets: GroupSecrets,
    info: GroupInfo,
    changes: Vec<Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new(5, Provider::AwsLc, CipherSuite(1));
        world.psks.insert_external(&b"known"[..], PSK.to_vec());
        let signer = world.signer();
        world.enter("alice");
        world.enter_with("bob", Arc::clone(&signer));
        world.create("alice");
        world.invite("alice", "bob");
        for name in JOINERS.into_iter().chain(["erin"]) {
            world.enter(name);
        }
        let frank = world.signer();
        world.enter_with("frank", Arc::clone(&frank));
        let mut invitations = Vec::new();
        for kind in 0..3 {
            let packages = JOINERS.map(|name| package(&mut world, name));
            let bundle = world.prepare("bob", |commit| {
                let commit = packages.into_iter().fold(commit, cenacle_mls::group::CommitBuilder::add);
                match kind {
                    0 => commit.with_path(),
                    1 => commit.psk(Psk::External((&b"known"[..]).into())),
                    _ => commit.without_tree(),
                }
            });
            // Where the commit leads, as a member sees it.
            let staged = world.at("alice").stage(&bundle.commit.to_bytes().unwrap(), &world.inputs()).unwrap();
            let tree = staged.preview_public().unwrap().tree().to_bytes().unwrap();
            let welcome = bundle.welcome.unwrap();
            let apart = (kind == 2).then_some(tree);
            invitations.extend(JOINERS.map(|name| Invitation::new(&world, name, &welcome, apart.clone())));
            world.step("bob", |group, _| group.discard_pending());
        }
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&world.group_info("bob", true)).unwrap().body
        else {
            panic!("a GroupInfo")
        };
        let package = (package(&mut world, "frank"), frank);
        let before = world.at("carol").visible();
        let committer = world.leaf("bob");
        Self { world, signer, committer, invitations, package, info, before, tried: 0 }
    }

    fn tried(&mut self) {
        if self.tried.is_multiple_of(LOOK_EVERY) {
            for invitation in &self.invitations {
                let new = invitation.accept(self, &invitation.welcome, invitation.tree.as_deref()).unwrap();
                assert!(changes(new.delta()) == invitation.changes, "an invitation leads elsewhere");
            }
            assert!(self.before == self.world.at("carol").visible(), "something has changed");
        }
        self.tried += 1;
    }

    fn suite(&self) -> &dyn Suite {
        &*self.world.unwatched
    }
}

fn package(world: &mut World, name: &str) -> KeyPackage {
    let mut rng = world.dice.fork();
    world.person(name).try_key_package(false, &mut rng).unwrap()
}

fn changes(delta: &Delta) -> Vec<Vec<u8>> {
    delta.changes().iter().map(|change: &Change| change.to_bytes().unwrap()).collect()
}

fn welcome_of(message: MlsMessage) -> Option<Welcome> {
    if let MlsMessageBody::Welcome(welcome) = message.body { Some(welcome) } else { None }
}

impl Invitation {
    fn new(world: &World, for_whom: &'static str, message: &MlsMessage, tree: Option<Vec<u8>>) -> Self {
        let (suite, person) = (&*world.suite, world.at(for_whom));
        let welcome = welcome_of(message.clone()).unwrap();
        let own = OwnKeyPackage::find(&person.disk, &welcome).unwrap().unwrap();
        let reference = own.key_package().reference(suite).unwrap();
        let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference).unwrap();
        let context = EncryptContext::new(suite, "Welcome", &welcome.encrypted_group_info).unwrap();
        let plain = context.decrypt(suite, own.init_key(), &entry.encrypted_group_secrets).unwrap();
        let secrets = GroupSecrets::from_bytes(plain.expose()).unwrap();
        let (key, nonce) = key_and_nonce(world, &secrets);
        let plain = suite.aead_open(&key, &nonce, &[], &welcome.encrypted_group_info).unwrap();
        let info = GroupInfo::from_bytes(plain.expose()).unwrap();
        let new = join(person, world, &welcome, &own, tree.as_deref()).unwrap();
        let changes = changes(new.delta());
        Self { welcome, tree, for_whom, own, secrets, info, changes }
    }

    fn accept(&self, scene: &Scene, welcome: &Welcome, tree: Option<&[u8]>) -> Result<NewGroup, Error> {
        join(scene.world.at(self.for_whom), &scene.world, welcome, &self.own, tree)
    }

    /// A Welcome of these secrets and this GroupInfo, each as bytes.
    fn seal(&self, scene: &Scene, secrets: &[u8], info: &[u8], rng: &mut dyn Rng) -> Welcome {
        let suite = scene.suite();
        let (key, nonce) = key_and_nonce(&scene.world, &self.secrets);
        let encrypted_group_info = suite.aead_seal(&key, &nonce, &[], info).unwrap();
        let context = EncryptContext::new(suite, "Welcome", &encrypted_group_info).unwrap();
        let package = self.own.key_package();
        let entry = EncryptedGroupSecrets {
            new_member: package.reference(suite).unwrap(),
            encrypted_group_secrets: context.encrypt(suite, &package.init_key, secrets, rng).unwrap(),
        };
        let encrypted_group_info = encrypted_group_info.into();
        Welcome { cipher_suite: suite.cipher_suite(), secrets: vec![entry], encrypted_group_info }
    }
}

fn key_and_nonce(world: &World, secrets: &GroupSecrets) -> (cenacle_crypto::Secret, cenacle_crypto::Secret) {
    let suite = &*world.suite;
    let psks: Vec<_> = secrets.psks.iter().map(|id| (id.clone(), SecretBytes::from(&PSK[..]))).collect();
    let joiner_secret = JoinerSecret(secrets.joiner_secret.duplicate());
    let member_secret = joiner_secret.member_secret(suite, &psk_secret(suite, &psks).unwrap());
    member_secret.welcome_secret(suite).unwrap().key_and_nonce(suite).unwrap()
}

fn join(
    person: &Person,
    world: &World,
    welcome: &Welcome,
    own: &OwnKeyPackage,
    tree: Option<&[u8]>,
) -> Result<NewGroup, Error> {
    let tree = tree.map(WireTree::from_bytes).transpose()?;
    person.client.join(welcome, own, tree, &world.inputs())
}

pub(crate) fn run(input: &[u8]) {
    thread_local!(static SCENE: RefCell<Option<Scene>> = const { RefCell::new(None) });
    SCENE.with_borrow_mut(|scene| {
        let scene = scene.get_or_insert_with(Scene::new);
        // Nothing that is made here leaves, and what is random is the same for each input.
        scene.world.ledger.dropped(|| try_input(scene, &mut Source::new(input)));
        scene.tried();
    });
}

fn try_input(scene: &Scene, source: &mut Source<'_>) {
    let how = source.byte() % 8;
    let invitation = source.pick(&scene.invitations);
    let mut rng = SeededRng::new(7);
    match how {
        // An outsider's Welcome, of any bytes or a genuine one that was edited.
        0 | 1 => {
            let message = MlsMessage::from(invitation.welcome.clone()).to_bytes().unwrap();
            let bytes = edited(how == 0, message, source);
            let Some(welcome) = MlsMessage::from_bytes(&bytes).ok().and_then(welcome_of) else { return };
            let joined = invitation.accept(scene, &welcome, invitation.tree.as_deref());
            must_lead_to(invitation, joined);
        }
        // An outsider's tree.
        2 => {
            let genuine = scene.invitations.iter().rev().find(|other| other.tree.is_some()).unwrap();
            let tree = edited(source.byte().is_multiple_of(4), genuine.tree.clone().unwrap(), source);
            must_lead_to(genuine, genuine.accept(scene, &genuine.welcome, Some(&tree)));
        }
        // The committer's Welcome, with secrets or a GroupInfo of its own making.
        3 => {
            let mut secrets = invitation.secrets.to_bytes().unwrap();
            source.edit(&mut secrets);
            let welcome = invitation.seal(scene, &secrets, &invitation.info.to_bytes().unwrap(), &mut rng);
            judged(invitation.accept(scene, &welcome, invitation.tree.as_deref()));
        }
        4 => {
            let Some(info) = forged_info(scene, &invitation.info, source) else { return };
            let secrets = invitation.secrets.to_bytes().unwrap();
            let welcome = invitation.seal(scene, &secrets, &info, &mut rng);
            judged(invitation.accept(scene, &welcome, invitation.tree.as_deref()));
        }
        // A GroupInfo for an external join.
        5 => {
            let info = edited(source.byte().is_multiple_of(4), scene.info.to_bytes().unwrap(), source);
            let Ok(info) = GroupInfo::from_bytes(&info) else { return };
            let joined = join_from_outside(scene, &info, &mut rng);
            assert!(joined.is_err() || info == scene.info, "a GroupInfo that nobody signed is taken");
        }
        6 => {
            let Some(info) = forged_info(scene, &scene.info, source) else { return };
            let Ok(info) = GroupInfo::from_bytes(&info) else { return };
            drop(join_from_outside(scene, &info, &mut rng));
        }
        _ => try_package(scene, source, &mut rng),
    }
}

/// The rest of the input, or something genuine as it says.
fn edited(raw: bool, mut genuine: Vec<u8>, source: &mut Source<'_>) -> Vec<u8> {
    if raw {
        return source.rest().to_vec();
    }
    source.edit(&mut genuine);
    genuine
}

fn must_lead_to(invitation: &Invitation, joined: Result<NewGroup, Error>) {
    match joined {
        Err(error) => assert_blames_the_input(&error),
        Ok(new) => {
            assert!(changes(new.delta()) == invitation.changes, "an invitation that nobody made leads elsewhere")
        }
    }
}

fn judged(joined: Result<NewGroup, Error>) {
    if let Err(error) = joined {
        assert_blames_the_input(&error);
    }
}

/// A GroupInfo that was edited, with a tree of the hash it states if wanted, and signed again.
fn forged_info(scene: &Scene, genuine: &GroupInfo, source: &mut Source<'_>) -> Option<Vec<u8>> {
    let (what, signer) = (source.byte(), source.byte());
    let mut info = genuine.clone();
    let carried = info.extensions.0.iter_mut().find(|one| one.extension_type == ExtensionType::RATCHET_TREE);
    if let Some(carried) = carried.filter(|_| what.is_multiple_of(2)) {
        let mut tree = carried.extension_data.to_vec();
        source.edit(&mut tree);
        if let Ok(wire) = WireTree::from_bytes(&tree)
            && let Ok(tree) = RatchetTree::from_wire(&wire, scene.suite())
        {
            info.group_context.tree_hash = *tree.tree_hash();
        }
        carried.extension_data = tree.into();
    } else {
        let mut bytes = info.to_bytes().unwrap();
        source.edit(&mut bytes);
        info = GroupInfo::from_bytes(&bytes).ok()?;
    }
    info.signer = if signer < 128 { scene.committer } else { LeafIndex(u32::from(signer % 8)) };
    let tbs = GroupInfoTbs(&info).to_bytes().unwrap();
    info.signature = sign_with_label(&*scene.signer, "GroupInfoTBS", &tbs).unwrap();
    Some(info.to_bytes().unwrap())
}

fn join_from_outside(scene: &Scene, info: &GroupInfo, rng: &mut dyn Rng) -> Result<(), Error> {
    let erin = &scene.world.at("erin").client;
    let joined = erin.join_external(info, ExternalJoin::default(), &scene.world.inputs(), rng);
    if let Err(error) = &joined {
        assert_blames_the_input(error);
    }
    joined.map(drop)
}

/// A key package that a member is asked to add.
fn try_package(scene: &Scene, source: &mut Source<'_>, rng: &mut dyn Rng) {
    let (genuine, signer) = &scene.package;
    let resign = source.byte();
    let bytes = edited(resign >= 192, genuine.to_bytes().unwrap(), source);
    let Ok(mut package) = KeyPackage::from_bytes(&bytes) else { return };
    if resign % 2 == 1 {
        resign_key_package(&mut package, &**signer);
    }
    let unsigned = resign.is_multiple_of(2) && package != *genuine;
    match scene.world.at("alice").group().commit().add(package).build(&scene.world.inputs(), rng) {
        Err(error) => assert_blames_the_input(&error),
        Ok(_) => assert!(!unsigned, "a key package that nobody signed is taken"),
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let scene = Scene::new();
    let places = 0..u8::try_from(scene.invitations.len()).unwrap();
    let mut seeds = Vec::new();
    for (place, invitation) in places.zip(&scene.invitations) {
        let message = MlsMessage::from(invitation.welcome.clone()).to_bytes().unwrap();
        seeds.push([&[0, place], message.as_slice()].concat());
        seeds.extend([vec![1, place], vec![3, place], vec![4, place, 0, 0], vec![4, place, 1, 0]]);
        seeds.extend(invitation.tree.iter().map(|tree| [&[2, place, 0], tree.as_slice()].concat()));
    }
    seeds.push([&[5, 0, 0], scene.info.to_bytes().unwrap().as_slice()].concat());
    seeds.push([&[7, 0, 192], scene.package.0.to_bytes().unwrap().as_slice()].concat());
    seeds.extend([vec![2, 0, 1], vec![5, 0, 1], vec![6, 0, 0, 0], vec![6, 0, 1, 200], vec![7, 0, 0], vec![7, 0, 1]]);
    seeds
}
