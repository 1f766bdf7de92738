//! Someone with a client: the library's state in a store, what an application keeps beside it, and backups of both.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};
use core::convert::Infallible;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::{Rng, Suite};
use cenacle_mls::{
    Error,
    delta::PersistError,
    group::{Client, Group, Inputs, PendingJoin, Received, Transition},
    wire::{GroupId, KeyPackageRef, MlsMessage},
};
use cenacle_store::{MemoryStore, Snapshot};

use crate::{
    deep::{Visible, unlike},
    finding::{Have as _, Must as _, Step, What},
    ids::{BranchId, EpochId, PersonId, ProposalId, SaidId},
    model::Standing,
    service::{GroupInfoOffer, Signal},
    witness::{Diary, Short},
};

/// What goes to the service.
#[derive(Clone, Debug)]
pub(crate) enum Cargo {
    Said(SaidId),
    Proposal(ProposalId),
    Commit(Box<Plan>),
}

/// What a commit leads to, for when the service takes it.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) from: EpochId,
    pub(crate) roster: BTreeSet<PersonId>,
    pub(crate) external: bool,
    pub(crate) is_last: bool,
    /// The Welcome, with the tree where it does not carry it, and whom it is for.
    pub(crate) welcome: Option<(Arc<[u8]>, Option<Arc<[u8]>>)>,
    pub(crate) invited: Vec<KeyPackageRef>,
    pub(crate) info: Option<(Arc<[u8]>, Option<Arc<[u8]>>)>,
}

/// Something sealed and stored that is on its way to the service.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: Short,
    /// The number of its epoch.
    pub(crate) epoch: u64,
    pub(crate) cargo: Cargo,
}

/// An external commit that was sent, and of which it is not known whether it was taken.
#[derive(Clone, Debug)]
pub(crate) struct Joining {
    pub(crate) era: usize,
    pub(crate) digest: Short,
}

/// What the application keeps in the same file as the library's rows.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// Which group of the succession it is in, or looks at.
    pub(crate) era: usize,
    /// Which of its logs was read.
    pub(crate) branch: BranchId,
    /// Records before this number were read in another log.
    pub(crate) elsewhere: u64,
    /// All records before this number were taken, and of those from there on these.
    pub(crate) cursor: u64,
    pub(crate) ahead: BTreeMap<u64, Short>,
    pub(crate) outbox: VecDeque<Waiting>,
    /// What was sent, to know it again.
    pub(crate) sent: BTreeSet<Short>,
    pub(crate) diary: Diary,
    pub(crate) joining: Option<Joining>,
    /// The private halves of key packages that the store has.
    pub(crate) packages: BTreeSet<KeyPackageRef>,
    pub(crate) last_resorts: BTreeSet<KeyPackageRef>,
}

/// A copy of everything, to be put back some time.
#[derive(Debug)]
pub(crate) struct Backup {
    rows: Snapshot,
    file: File,
    standing: Standing,
    group_id: GroupId,
    /// Which log it was shown of each group before.
    branches: Vec<BranchId>,
}

impl Backup {
    /// Which group of the succession it is a copy of.
    pub(crate) const fn era(&self) -> usize {
        self.file.era
    }
}

/// Someone with a client.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: PersonId,
    pub(crate) client: Client,
    pub(crate) store: MemoryStore,
    pub(crate) group: Option<Group>,
    /// An external commit in memory; a restart loses it, the store does not.
    pub(crate) join: Option<PendingJoin>,
    pub(crate) file: File,
    /// What the model holds of this state.
    pub(crate) standing: Standing,
    pub(crate) backup: Option<Backup>,
    pub(crate) online: bool,
    /// Whether the log was read to its end since the process began: nothing is sent before.
    pub(crate) current: bool,
    /// Why the state cannot be gone on with, until it is recovered from.
    pub(crate) trouble: Option<Signal>,
    /// Stopped for good, as the policy wants it.
    pub(crate) halted: bool,
    /// After how many missed epochs it joins anew instead of catching up.
    pub(crate) patience: u64,
    /// How often its log was another or was numbered anew: numbers given before mean nothing any more.
    pub(crate) session: u64,
    /// In which epoch it saw that others are further on than its log.
    pub(crate) behind_in: Option<u64>,
    /// A pull is planned already.
    pub(crate) pulling: bool,
}

/// The library's refusal: a store in memory does not fail.
pub(crate) fn core_error(error: PersistError<Infallible>) -> Error {
    match error {
        PersistError::State(error) => error,
        PersistError::Store(never) => match never {},
    }
}

impl Person {
    pub(crate) fn new(id: PersonId, client: Client, standing: Standing, patience: u64) -> Self {
        let file = File {
            era: 0,
            branch: BranchId(0),
            elsewhere: 0,
            cursor: 0,
            ahead: BTreeMap::new(),
            outbox: VecDeque::new(),
            sent: BTreeSet::new(),
            diary: Diary::default(),
            joining: None,
            packages: BTreeSet::new(),
            last_resorts: BTreeSet::new(),
        };
        Self {
            id,
            client,
            store: MemoryStore::default(),
            group: None,
            join: None,
            file,
            standing,
            backup: None,
            online: true,
            current: false,
            trouble: None,
            halted: false,
            patience,
            session: 0,
            behind_in: None,
            pulling: false,
        }
    }

    /// Whether it is in the group, as far as it knows.
    pub(crate) fn is_active(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_active)
    }

    /// Whether it takes what the log has.
    pub(crate) const fn follows(&self) -> bool {
        self.online && self.trouble.is_none() && !self.halted && self.file.joining.is_none()
    }

    /// Whether it may send: a member that is up to date, without trouble.
    pub(crate) fn is_able(&self) -> bool {
        self.is_active() && self.current && self.follows() && !self.is_at_the_end()
    }

    /// Whether the group was re-initialised: only its successor goes on.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.is_active() && group.reinit().is_some())
    }

    pub(crate) fn group(&self) -> Step<&Group> {
        self.group.as_ref().have("a group")
    }

    /// Prepares a transition, stores it and takes it into use.
    pub(crate) fn step<T>(
        &mut self,
        rng: &mut dyn Rng,
        f: impl FnOnce(&Group, &mut dyn Rng) -> Result<Transition<T>, Error>,
    ) -> Step<Result<T, Error>> {
        let group = self.group.as_mut().have("a group")?;
        let transition = match f(group, rng) {
            Ok(transition) => transition,
            Err(error) => return Ok(Err(error)),
        };
        Ok(Ok(group.merge(transition, &mut self.store).must("to store a step")?))
    }

    /// Receives bytes. A deep look finds out whether a refusal left a trace.
    pub(crate) fn receive(&mut self, bytes: &[u8], inputs: &Inputs<'_>, deep: bool) -> Step<Result<Received, Error>> {
        let before = if deep { Some(self.visible()?) } else { None };
        let received = self.receive_now(bytes, inputs)?;
        let changes = !matches!(received, Err(_) | Ok(Received::OwnMessage(_)));
        match before {
            Some(_) if changes => self.check_stored()?,
            Some(before) if before != self.visible()? => {
                return Err(What::LeftTrace { who: self.id.to_string() }.into());
            }
            Some(_) | None => {}
        }
        Ok(received)
    }

    fn receive_now(&mut self, bytes: &[u8], inputs: &Inputs<'_>) -> Step<Result<Received, Error>> {
        let group = self.group.as_mut().have("a group")?;
        let message = MlsMessage::from_bytes(bytes).must("to decode a message")?;
        let staged = group.open(&message).and_then(|opened| group.stage(opened, inputs));
        Ok(match staged {
            Ok(staged) => Ok(group.merge(staged, &mut self.store).must("to store what was received")?),
            Err(error) => Err(error),
        })
    }

    /// All that can be seen of it now.
    pub(crate) fn visible(&self) -> Step<Visible> {
        Visible::of(self.store.snapshot(), self.group.as_ref()).must("to write a group as rows")
    }

    /// What is in memory is what is stored.
    pub(crate) fn check_stored(&self) -> Step<()> {
        let Some(group) = &self.group else { return Ok(()) };
        match unlike(group, &self.store.snapshot()).must("to write a group as rows")? {
            Some(rows) => Err(What::NotStored { rows: format!("{}\n {rows}", self.id) }.into()),
            None => Ok(()),
        }
    }

    /// The process ends and begins again.
    pub(crate) fn restart(&mut self) -> Step<()> {
        (self.join, self.current) = (None, false);
        if let Some(group) = self.group.take() {
            let id = group.group_id().clone();
            drop(group);
            self.load(&id)?;
        }
        Ok(())
    }

    /// Reads the group back from the store.
    pub(crate) fn load(&mut self, id: &GroupId) -> Step<()> {
        let group = self.client.load_group(&self.store, id).must("to load a group")?;
        self.group = Some(group.have("a stored group")?);
        Ok(())
    }

    /// Takes a copy of everything; `branches` are the logs it was shown of the groups before.
    pub(crate) fn back_up(&mut self, branches: Vec<BranchId>) -> Step<()> {
        let group_id = self.group()?.group_id().clone();
        let (file, standing) = (self.file.clone(), self.standing.clone());
        self.backup = Some(Backup { rows: self.store.snapshot(), file, standing, group_id, branches });
        Ok(())
    }

    /// The copy is put back, as if nothing had happened since. The logs it was shown of the groups before.
    pub(crate) fn restore(&mut self) -> Step<Vec<BranchId>> {
        let Backup { rows, file, standing, group_id, branches } = self.backup.take().have("a backup")?;
        self.store = rows.into();
        self.session += 1;
        (self.file, self.standing) = (file, standing);
        (self.join, self.current, self.trouble, self.behind_in) = (None, false, None, None);
        self.load(&group_id)?;
        Ok(branches)
    }

    /// Moves the cursor behind a record that was taken, and behind those taken before it. Whether what is seen now is not what
    /// somebody claimed.
    pub(crate) fn pass(&mut self, suite: &dyn Suite, seq: u64, digest: Short) -> bool {
        if seq < self.file.cursor {
            return false;
        }
        self.file.ahead.insert(seq, digest);
        let mut differs = false;
        while let Some(digest) = self.file.ahead.remove(&self.file.cursor) {
            differs |= self.file.diary.see(suite, &digest);
            self.file.cursor = self.file.cursor.saturating_add(1);
        }
        differs
    }

    /// A group begins at this place of its log.
    pub(crate) fn begin_at(&mut self, era: usize, cursor: u64) {
        (self.file.era, self.file.cursor, self.file.elsewhere) = (era, cursor, 0);
        self.session += 1;
        self.file.ahead.clear();
        self.file.outbox.clear();
        self.file.joining = None;
        (self.trouble, self.current, self.behind_in) = (None, false, None);
    }

    /// A GroupInfo of the present epoch.
    pub(crate) fn group_info(&self, with_tree: bool) -> Step<GroupInfoOffer> {
        let group = self.group()?;
        let info = group.group_info(with_tree, true).must("to make a GroupInfo")?;
        let bytes = info.to_bytes().must("to encode a GroupInfo")?.into();
        let tree = match with_tree {
            true => None,
            false => Some(group.public().tree().to_bytes().must("to encode a tree")?.into()),
        };
        let epoch = self.standing.at.have("where a member stands")?;
        Ok(GroupInfoOffer { epoch, bytes, tree, act: None })
    }
}
