//! A group whose members are played: the state machines of all who act are real, and everything that is sent is received
//! by all of them. Others are members by their leaves alone and never say a word.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc};
use core::fmt::Display;

use cenacle_codec::Encode as _;
use cenacle_crypto::Suite;
use cenacle_mls::{
    group::{AcceptAll, Client, CommitBuilder, CommitBundle, ExternalJoin, Group, Handshake, Inputs, Psks},
    wire::{Extensions, GroupId, KeyPackage, LeafIndex, MlsMessage, MlsMessageBody, Psk, WireTree},
};
use cenacle_store::MemoryStore;

use super::{
    super::{check::Failure, hex_field::Hex, passive_client::ExternalPsk},
    Case, Dice,
    person::{LIFETIME, Offer, Person},
};

/// A group.
pub(super) struct Crew {
    pub(super) suite: Arc<dyn Suite>,
    handshake: Handshake,
    psks: Psks,
    /// The external PSKs that everybody knows.
    pub(super) external_psks: Vec<ExternalPsk>,
    /// Those who act, by their leaves.
    actors: BTreeMap<LeafIndex, Actor>,
}

struct Actor {
    client: Client,
    store: MemoryStore,
    group: Group,
}

/// Someone who is about to be added.
pub(super) struct Newcomer {
    pub(super) person: Person,
    pub(super) offer: Offer,
}

/// What a proposal is to do.
pub(super) enum Change {
    Add(Box<KeyPackage>),
    Update,
    Remove(LeafIndex),
    Psk(Psk),
    Extensions(Extensions),
}

/// A commit in the making.
#[derive(Default)]
pub(super) struct Order {
    pub(super) by_value: Vec<Change>,
    /// Whether it renews the committer's keys even where it need not.
    pub(super) path: bool,
    /// Whether its Welcome lacks the tree.
    pub(super) tree_apart: bool,
}

impl Crew {
    /// A group of one.
    pub(super) fn found(case: &mut Case, handshake: Handshake) -> Result<Self, Failure> {
        let Case { suite, dice, .. } = case;
        let client = Person::new(suite, dice)?.client(handshake);
        let group_id = GroupId::from(dice.bytes(16).as_slice());
        let inputs = Inputs::new(&AcceptAll);
        let mut store = MemoryStore::default();
        let new = client.create_group(group_id, Extensions::default(), LIFETIME, &inputs, dice)?;
        let group = new.accept(&mut store).map_err(refused)?;
        Ok(Self {
            suite: Arc::clone(suite),
            handshake,
            psks: Psks::default(),
            external_psks: Vec::new(),
            actors: BTreeMap::from([(group.own_leaf(), Actor { client, store, group })]),
        })
    }

    /// Someone who may be added.
    pub(super) fn newcomer(&self, dice: &mut Dice) -> Result<Newcomer, Failure> {
        let person = Person::new(&self.suite, dice)?;
        let offer = person.offer(dice)?;
        Ok(Newcomer { person, offer })
    }

    /// A new external PSK.
    pub(super) fn external_psk(&mut self, dice: &mut Dice) -> Psk {
        let (psk_id, psk) = (dice.bytes(12), dice.bytes(self.suite.hash_length()));
        self.psks.insert_external(psk_id.as_slice(), psk.as_slice());
        self.external_psks.push(ExternalPsk { psk_id: psk_id.as_slice().into(), psk: psk.into() });
        Psk::External(psk_id.into())
    }

    /// The leaves of those who act.
    pub(super) fn actors(&self) -> Vec<LeafIndex> {
        self.actors.keys().copied().collect()
    }

    /// The group as one of its members sees it, which is how all see it.
    pub(super) fn group(&self) -> Result<&Group, Failure> {
        let (_, actor) = self.actors.first_key_value().ok_or_else(nobody)?;
        Ok(&actor.group)
    }

    /// What all members of the epoch have in common.
    pub(super) fn authenticator(&self) -> Result<Hex, Failure> {
        Ok(self.group()?.epoch_authenticator().into())
    }

    /// A proposal, which everybody receives.
    pub(super) fn propose(&mut self, dice: &mut Dice, by: LeafIndex, change: &Change) -> Result<MlsMessage, Failure> {
        let actor = self.actors.get_mut(&by).ok_or_else(nobody)?;
        let group = &actor.group;
        let transition = match change {
            Change::Add(key_package) => group.propose_add((**key_package).clone(), &Inputs::new(&AcceptAll), dice),
            Change::Update => group.propose_update(dice),
            Change::Remove(leaf) => group.propose_remove(*leaf, dice),
            Change::Psk(psk) => group.propose_psk(psk.clone(), dice),
            Change::Extensions(extensions) => group.propose_extensions(extensions.clone(), dice),
        };
        let message = actor.group.merge(transition?, &mut actor.store).map_err(refused)?;
        self.deliver(&message, Some(by))?;
        Ok(message)
    }

    /// A commit of all that was proposed and of what is ordered, which everybody receives.
    pub(super) fn commit(&mut self, dice: &mut Dice, by: LeafIndex, order: &Order) -> Result<CommitBundle, Failure> {
        let actor = self.actors.get_mut(&by).ok_or_else(nobody)?;
        let mut builder = actor.group.commit();
        for change in &order.by_value {
            builder = with(builder, change)?;
        }
        if order.path {
            builder = builder.with_path();
        }
        if order.tree_apart {
            builder = builder.without_tree();
        }
        let transition = builder.build(&Inputs::new(&AcceptAll).with_psks(&self.psks), dice)?;
        let bundle = actor.group.merge(transition, &mut actor.store).map_err(refused)?;
        self.deliver(&bundle.commit, None)?;
        self.actors.retain(|_, actor| actor.group.is_active());
        Ok(bundle)
    }

    /// Everybody receives a message, those who made a commit too; `but` has made a proposal and knows it.
    fn deliver(&mut self, message: &MlsMessage, but: Option<LeafIndex>) -> Result<(), Failure> {
        let inputs = Inputs::new(&AcceptAll).with_psks(&self.psks);
        for (_, Actor { store, group, .. }) in self.actors.iter_mut().filter(|(leaf, _)| Some(**leaf) != but) {
            let opened = group.open(message)?;
            let transition = group.stage(opened, &inputs)?;
            group.merge(transition, store).map_err(refused)?;
        }
        Ok(())
    }

    /// Someone who was added begins to act.
    pub(super) fn join(
        &mut self,
        newcomer: &Newcomer,
        welcome: &MlsMessage,
        tree: Option<WireTree>,
    ) -> Result<LeafIndex, Failure> {
        let MlsMessageBody::Welcome(welcome) = &welcome.body else { return Err(Failure::refused(&"no Welcome")) };
        let client = newcomer.person.client(self.handshake);
        let inputs = Inputs::new(&AcceptAll).with_psks(&self.psks);
        let mut store = MemoryStore::default();
        let new = client.join(welcome, &newcomer.offer.own(), tree, &inputs)?;
        let group = new.accept(&mut store).map_err(refused)?;
        let leaf = group.own_leaf();
        self.actors.insert(leaf, Actor { client, store, group });
        Ok(leaf)
    }

    /// Someone joins by an external commit, which everybody receives: someone new, or an actor in place of its former self.
    pub(super) fn join_externally(
        &mut self,
        dice: &mut Dice,
        replaces: Option<LeafIndex>,
    ) -> Result<MlsMessage, Failure> {
        let info = self.group()?.group_info(true, true)?;
        let MlsMessageBody::GroupInfo(info) = info.body else { return Err(Failure::refused(&"no GroupInfo")) };
        let former = replaces.and_then(|leaf| self.actors.remove(&leaf));
        let client = match &former {
            Some(former) => former.client.clone(),
            None => Person::new(&self.suite, dice)?.client(self.handshake),
        };
        let inputs = Inputs::new(&AcceptAll).with_psks(&self.psks);
        let mut store = MemoryStore::default();
        let how = ExternalJoin { replaces, ..ExternalJoin::default() };
        let pending = client.join_external(&info, how, &inputs, dice)?;
        let pending = pending.persist(&mut store).map_err(refused)?;
        let commit = pending.commit().clone();
        self.deliver(&commit, None)?;
        let group = pending.accepted().accept(&mut store).map_err(refused)?;
        self.actors.insert(group.own_leaf(), Actor { client, store, group });
        Ok(commit)
    }

    /// Application data, encrypted.
    pub(super) fn say(&mut self, dice: &mut Dice, by: LeafIndex, data: &[u8]) -> Result<MlsMessage, Failure> {
        let actor = self.actors.get_mut(&by).ok_or_else(nobody)?;
        let transition = actor.group.protect(data, &dice.bytes(5), dice)?;
        actor.group.merge(transition, &mut actor.store).map_err(refused)
    }
}

impl Newcomer {
    /// As a proposal adds it.
    pub(super) fn add(&self) -> Change {
        Change::Add(Box::new(self.offer.key_package.clone()))
    }

    /// Its key package in its message.
    pub(super) fn key_package(&self) -> Result<Hex, Failure> {
        Ok(MlsMessage::from(self.offer.key_package.clone()).to_bytes()?.into())
    }
}

fn with<'a>(builder: CommitBuilder<'a>, change: &Change) -> Result<CommitBuilder<'a>, Failure> {
    Ok(match change {
        Change::Add(key_package) => builder.add((**key_package).clone()),
        Change::Remove(leaf) => builder.remove(*leaf),
        Change::Psk(psk) => builder.psk(psk.clone()),
        Change::Extensions(extensions) => builder.extensions(extensions.clone()),
        // RFC 9420 §12.2: the committer's own leaf is renewed by the path.
        Change::Update => return Err(Failure::refused(&"an Update by value")),
    })
}

fn refused(error: impl Display) -> Failure {
    Failure::refused(&error)
}

fn nobody() -> Failure {
    Failure::refused(&"nobody acts at this leaf")
}
