//! A client as an application would write it: what it has heard is stored in the batch that takes the key, what it is to
//! send in the batch that made it. The process that is killed keeps its rows in a file, everybody else in memory.

use cenacle_codec::{Decode as _, Encode};
use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error,
    delta::{Delta, PersistError, RowKey, Store as _, Table},
    group::{
        Client, CommitBuilder, CommitBundle, ExternalJoin, Group, Inputs, OwnKeyPackage, PendingJoin, PublicGroup,
        Received, Transition,
    },
    wire::{
        ContentType, Extensions, GroupId, KeyPackage, LeafIndex, MlsMessage, MlsMessageBody, ProtocolVersion, Psk,
        ReInit, Welcome,
    },
};
use cenacle_testkit::world::{Disk, DiskError, LIFETIME, Medium, Person};

use crate::orders::{Answer, Asked, Content, Heard, Hex, Order, Shared, Slot, Status};

/// What was heard: key index, value text.
const HISTORY: Table = Table(200);
/// What is to be sent: key slot, value its kind and its encoding.
const OUTBOX: Table = Table(201);

/// Kinds of what is to be sent. Of commits and proposals nothing is left when their epoch ends.
const MESSAGE: u8 = 0;
const PROPOSAL: u8 = 1;
const COMMIT: u8 = 2;

type Outcome = Result<Answer, PersistError<DiskError>>;

/// A client with its group and its store.
pub(crate) struct Actor {
    person: Person,
    group_id: GroupId,
    /// An external commit made by this process.
    joining: Option<PendingJoin>,
}

fn outbox_row(slot: Slot) -> RowKey {
    RowKey::new(OUTBOX, slot.to_be_bytes())
}

fn to_hex(message: &impl Encode) -> Hex {
    hex::encode(message.to_bytes().unwrap())
}

fn message(hex: &str) -> MlsMessage {
    MlsMessage::from_bytes(&hex::decode(hex).unwrap()).unwrap()
}

fn welcome(hex: &str) -> Welcome {
    match message(hex).body {
        MlsMessageBody::Welcome(welcome) => welcome,
        other => panic!("not a Welcome: {other:?}"),
    }
}

fn key_package(hex: &str) -> KeyPackage {
    match message(hex).body {
        MlsMessageBody::KeyPackage(key_package) => key_package,
        other => panic!("not a key package: {other:?}"),
    }
}

impl Actor {
    /// Somebody as their store has them: one whole state, or none yet.
    pub(crate) fn new(mut person: Person, group_id: GroupId) -> Self {
        person.group = match person.load() {
            Ok(group) => Some(group),
            Err(error) => {
                assert_eq!(error, Error::Corrupt("no group is stored"));
                None
            }
        };
        person.assert_stored();
        Self { person, group_id, joining: None }
    }

    /// Closes the store, has another opened in its place, and goes on with what it holds.
    pub(crate) fn reopen(&mut self, open: impl FnOnce() -> Medium) {
        self.person.group = None;
        self.person.disk = Disk::default();
        self.person.disk = Disk::new(open());
        self.person.reload();
    }

    /// Carries out an order.
    pub(crate) fn obey(&mut self, asked: &Asked, inputs: &Inputs<'_>) -> Answer {
        let mut rng = SeededRng::new(asked.seed);
        let done = match &asked.order {
            Order::Create | Order::KeyPackage(_) | Order::Join(_) | Order::Found(..) => {
                self.begin(&asked.order, inputs, &mut rng)
            }
            Order::Enter(_) | Order::Entered | Order::Entering => self.enter(&asked.order, inputs, &mut rng),
            Order::Abandon => self.abandon(),
            Order::Murmur(text) => self.murmur(text, &mut rng),
            Order::Say(..) | Order::Whisper(_) | Order::ProposeUpdate(_) | Order::ProposeRemove(..) => {
                self.send(&asked.order, &mut rng)
            }
            Order::Commit(slot, content) => self.commit(*slot, content, inputs, &mut rng),
            Order::Discard => self.discard(),
            Order::SetAside => self.set_aside(),
            Order::Forget => self.forget(),
            Order::Hear(bytes) => self.hear(&message(bytes), inputs),
            // A store in memory is not reopened.
            Order::Reopen => Ok(Answer::Done),
            Order::Outbox(_) | Order::GroupInfo | Order::Status | Order::History => Ok(self.tell(&asked.order)),
        };
        self.person.assert_stored();
        done.unwrap_or_else(|error| match error {
            PersistError::State(error) => Answer::Refused(format!("{error:?}")),
            PersistError::Store(error) => panic!("{}: {error}", self.person.name),
        })
    }

    /// What a slot of the outbox holds.
    fn outbox(&self, slot: Slot) -> Answer {
        let Some(row) = self.person.disk.row(&outbox_row(slot)).unwrap() else { return Answer::Nothing };
        match row.expose() {
            [COMMIT, bundle @ ..] => committed(&CommitBundle::from_bytes(bundle).unwrap()),
            [_, message @ ..] => Answer::Bytes(hex::encode(message)),
            [] => panic!("an empty slot"),
        }
    }

    /// Answers that change nothing.
    fn tell(&self, order: &Order) -> Answer {
        match order {
            Order::Outbox(slot) => self.outbox(*slot),
            Order::GroupInfo => Answer::Bytes(to_hex(&self.person.group().group_info(true, true).unwrap())),
            Order::History => {
                let rows = self.person.disk.rows(&RowKey::new(HISTORY, Vec::new())).unwrap().into_iter();
                Answer::History(rows.map(|(_, text)| String::from_utf8(text.expose().to_vec()).unwrap()).collect())
            }
            _ => Answer::Status(self.person.group.as_ref().map(status)),
        }
    }

    fn begin(&mut self, order: &Order, inputs: &Inputs<'_>, rng: &mut SeededRng) -> Outcome {
        let Person { client, disk, group, .. } = &mut self.person;
        match order {
            Order::KeyPackage(slot) => {
                let mut made = client.key_package(LIFETIME, false, rng)?;
                made.store_as(outbox_row(*slot), &[MESSAGE])?;
                return Ok(Answer::Bytes(to_hex(&made.persist(disk).map_err(PersistError::Store)?)));
            }
            Order::Join(bytes) => {
                let welcome = welcome(bytes);
                let own = OwnKeyPackage::find(disk, &welcome)?;
                let own = own.ok_or(Error::Missing(cenacle_mls::Need::KeyPackage))?;
                let old = group.take();
                let inputs = old.as_ref().map_or(*inputs, |old| inputs.with_origin(old));
                let mut new = client.join(&welcome, &own, None, &inputs)?;
                new.delta_mut().delete_prefix(RowKey::new(OUTBOX, Vec::new()));
                *group = Some(match old {
                    Some(old) => new.accept_in_place_of(old, disk)?,
                    None => new.accept(disk)?,
                });
            }
            Order::Found(slot, key_packages) => {
                let old = group.take().expect("a group to continue");
                let founding = client.reinit(&old, LIFETIME)?;
                let founding = key_packages.iter().fold(founding, |founding, hex| founding.add(key_package(hex)));
                let mut founded = founding.build(inputs, rng)?;
                founded.store_welcome_as(outbox_row(*slot), &[MESSAGE])?;
                let (new, welcome) = founded.accept_in_place_of(old, disk)?;
                *group = Some(new);
                return Ok(Answer::Bytes(to_hex(&welcome.unwrap())));
            }
            _ => {
                let id = self.group_id.clone();
                let new = client.create_group(id, Extensions::default(), LIFETIME, inputs, rng)?;
                *group = Some(new.accept(disk)?);
            }
        }
        Ok(Answer::Done)
    }

    fn enter(&mut self, order: &Order, inputs: &Inputs<'_>, rng: &mut SeededRng) -> Outcome {
        let Person { client, disk, group, .. } = &mut self.person;
        let stored = PendingJoin::recover(disk, &self.group_id)?;
        match (order, self.joining.take(), stored) {
            (Order::Enter(info), ..) => {
                let MlsMessageBody::GroupInfo(info) = message(info).body else { panic!("not a GroupInfo") };
                let public = PublicGroup::from_group_info(&info, None, client.suite(), client.settings(), inputs)?;
                let replaces = Group::former_leaf(client, &public).ok();
                let joining =
                    client.join_external(&info, ExternalJoin { replaces, ..ExternalJoin::default() }, inputs, rng)?;
                let joining = joining.persist(disk).map_err(PersistError::Store)?;
                let commit = to_hex(joining.commit());
                self.joining = Some(joining);
                Ok(Answer::Bytes(commit))
            }
            (Order::Entering, joining, stored) => {
                self.joining = joining;
                Ok(stored.map_or(Answer::Nothing, |(commit, _)| Answer::Bytes(to_hex(&commit))))
            }
            (_, Some(joining), _) => {
                *group = Some(match group.take() {
                    Some(old) => joining.accepted().accept_in_place_of(old, disk)?,
                    None => joining.accepted().accept(disk)?,
                });
                Ok(Answer::Done)
            }
            // Made by an earlier life of this process: its group is what was stored with it.
            (_, None, Some((_, delta))) => {
                disk.apply(&delta).map_err(PersistError::Store)?;
                *group = client.load_group(disk, &self.group_id)?;
                Ok(Answer::Done)
            }
            // An earlier life got that far.
            (_, None, None) => Ok(Answer::Done),
        }
    }

    fn abandon(&mut self) -> Outcome {
        let disk = &mut self.person.disk;
        let abandoned = match self.joining.take() {
            Some(joining) => joining.discard().persist(disk),
            None => {
                let mut delta = Delta::new();
                delta.delete(RowKey::of_group(Table::PENDING_JOIN, &self.group_id));
                disk.apply(&delta)
            }
        };
        abandoned.map(|()| Answer::Done).map_err(PersistError::Store)
    }

    fn forget(&mut self) -> Outcome {
        self.person.group = None;
        Client::forget_group(&mut self.person.disk, &self.group_id).map_err(PersistError::Store)?;
        Ok(Answer::Done)
    }

    fn murmur(&mut self, text: &str, rng: &mut SeededRng) -> Outcome {
        let Person { client, disk, group, .. } = &mut self.person;
        // A group is held once.
        *group = None;
        let mut partial = client.open_group(disk, &self.group_id)?.expect("a group");
        let message = partial.merge(partial.protect(text.as_bytes(), b"", rng)?, disk)?;
        *group = Some(partial.complete(client, disk)?);
        Ok(Answer::Bytes(to_hex(&message)))
    }

    fn send(&mut self, order: &Order, rng: &mut SeededRng) -> Outcome {
        let Person { disk, group, .. } = &mut self.person;
        let group = group.as_mut().expect("a member");
        let (transition, kept) = match order {
            Order::Say(slot, text) => (group.protect(text.as_bytes(), b"", rng)?, Some((slot, MESSAGE))),
            Order::Whisper(text) => (group.protect(text.as_bytes(), b"", rng)?, None),
            Order::ProposeUpdate(slot) => (group.propose_update(rng)?, Some((slot, PROPOSAL))),
            Order::ProposeRemove(slot, leaf) => (group.propose_remove(LeafIndex(*leaf), rng)?, Some((slot, PROPOSAL))),
            other => panic!("nothing to send: {other:?}"),
        };
        let mut transition = transition;
        if let Some((slot, kind)) = kept {
            transition.store_output_as(outbox_row(*slot), &[kind])?;
        }
        Ok(Answer::Bytes(to_hex(&group.merge(transition, disk)?)))
    }

    fn commit(&mut self, slot: Slot, content: &Content, inputs: &Inputs<'_>, rng: &mut SeededRng) -> Outcome {
        let Person { disk, group, .. } = &mut self.person;
        let group = group.as_mut().expect("a member");
        let mut transition = fill(group, content).build(inputs, rng)?;
        transition.store_output_as(outbox_row(slot), &[COMMIT])?;
        Ok(committed(&group.merge(transition, disk)?))
    }

    fn discard(&mut self) -> Outcome {
        let ended = self.ended();
        let Person { disk, group, .. } = &mut self.person;
        let group = group.as_mut().expect("a member");
        let mut transition = group.discard_pending()?;
        transition.delta_mut().append(ended);
        group.merge(transition, disk)?;
        Ok(Answer::Done)
    }

    fn set_aside(&mut self) -> Outcome {
        let waiting: Vec<_> = self.person.group().proposals().map(|(reference, ..)| reference).collect();
        for reference in waiting {
            self.person.try_step(|group| group.set_aside(&reference))?;
        }
        Ok(Answer::Done)
    }

    /// Erases commits and proposals of an epoch that ends.
    fn ended(&self) -> Delta {
        let mut delta = Delta::new();
        for (key, value) in self.person.disk.rows(&RowKey::new(OUTBOX, Vec::new())).unwrap() {
            if matches!(value.expose(), [COMMIT | PROPOSAL, ..]) {
                delta.delete(key);
            }
        }
        delta
    }

    /// Erases what was sent and has come back.
    fn echoed(&self, message: &MlsMessage) -> Delta {
        let (mut delta, bytes) = (Delta::new(), message.to_bytes().unwrap());
        for (key, value) in self.person.disk.rows(&RowKey::new(OUTBOX, Vec::new())).unwrap() {
            if matches!(value.expose(), [MESSAGE, sent @ ..] if *sent == *bytes) {
                delta.delete(key);
            }
        }
        delta
    }

    fn hear(&mut self, message: &MlsMessage, inputs: &Inputs<'_>) -> Outcome {
        let group = self.person.group();
        let mut transition = group.stage(group.open(message)?, inputs)?;
        let goes_with = match transition.preview() {
            Received::Application(heard) => {
                let mut delta = Delta::new();
                let count = self.person.disk.rows(&RowKey::new(HISTORY, Vec::new())).unwrap().len();
                let index = u32::try_from(count).unwrap();
                delta.put(RowKey::new(HISTORY, index.to_be_bytes()), heard.data.expose().to_vec());
                delta
            }
            Received::Commit(_) | Received::OwnCommit(_) | Received::Removed(_) => self.ended(),
            Received::OwnMessage(ContentType::Application) => self.echoed(message),
            _ => Delta::new(),
        };
        transition.delta_mut().append(goes_with);
        self.take(transition)
    }

    fn take(&mut self, transition: Transition<Received>) -> Outcome {
        let Person { disk, group, .. } = &mut self.person;
        Ok(Answer::Heard(match group.as_mut().expect("a member").merge(transition, disk)? {
            Received::Application(heard) => Heard::Text {
                sender: heard.sender.0,
                epoch: heard.epoch.0,
                generation: heard.generation,
                text: String::from_utf8(heard.data.expose().to_vec()).unwrap(),
            },
            Received::Proposal { .. } => Heard::Proposal,
            Received::Commit(_) | Received::OwnCommit(_) => Heard::Commit,
            Received::Removed(_) => Heard::Removed,
            Received::OwnMessage(_) => Heard::Own,
            other => panic!("heard {other:?}"),
        }))
    }
}

fn committed(bundle: &CommitBundle) -> Answer {
    Answer::Commit { commit: to_hex(&bundle.commit), welcome: bundle.welcome.as_ref().map(to_hex) }
}

/// A commit with this content.
fn fill<'a>(group: &'a Group, content: &Content) -> CommitBuilder<'a> {
    let mut commit = group.commit();
    if let Some(hex) = &content.add {
        commit = commit.add(key_package(hex));
    }
    if let Some(leaf) = content.remove {
        commit = commit.remove(LeafIndex(leaf));
    }
    if content.psk {
        commit = commit.psk(Psk::External((&b"shared"[..]).into()));
    }
    if content.path {
        commit = commit.with_path();
    }
    if content.reinit {
        let context = group.public().context();
        commit = commit.reinit(ReInit {
            group_id: context.group_id.clone(),
            version: ProtocolVersion::MLS10,
            cipher_suite: context.cipher_suite,
            extensions: Extensions::default(),
        });
    }
    commit
}

fn status(group: &Group) -> Status {
    Status {
        leaf: group.own_leaf().0,
        active: group.is_active(),
        pending: group.has_pending_commit(),
        shared: Shared {
            epoch: group.epoch().0,
            authenticator: hex::encode(group.epoch_authenticator().expose()),
            tree_hash: hex::encode(group.public().tree().tree_hash()),
        },
    }
}
