//! What the passive-client files tell: how someone is added to a group, and what the others do with it from then on.

use alloc::collections::BTreeSet;

use cenacle_codec::Encode as _;
use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::{
    group::Handshake,
    wire::{
        Credential, CredentialType, Extension, Extensions, ExternalSender, LeafIndex, MlsMessage, ProposalType, Psk,
        RequiredCapabilities, ResumptionPskUsage,
    },
};

use super::{
    super::{
        check::Failure,
        passive_client::{EpochVector, PassiveClient},
    },
    Case, Dice,
    crew::{Change, Crew, Newcomer, Order},
    person::PRIVATE_EXTENSION,
};

/// How the passive client comes in.
pub(super) struct Opening {
    /// How many members there are before.
    pub(super) members: usize,
    /// How many of them act.
    pub(super) actors: usize,
    pub(super) handshake: Handshake,
    /// Whether the Welcome lacks the tree.
    pub(super) tree_apart: bool,
    /// Whether the commit that adds it folds in an external PSK.
    pub(super) psk: bool,
    /// Whether that commit has a path.
    pub(super) path: bool,
}

/// A group with a passive client in it, and the vector that tells of both.
pub(super) struct Story {
    crew: Crew,
    /// The passive client's leaf.
    passive: LeafIndex,
    /// How many act at most; of those who are added later, some join them.
    actors: usize,
    vector: PassiveClient,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Add,
    Update,
    Remove,
    Psk,
    /// The resumption PSK of the present epoch.
    Resumption,
    Extensions,
}

impl Story {
    /// Begins.
    pub(super) fn open(case: &mut Case, opening: &Opening) -> Result<Self, Failure> {
        let mut crew = Crew::found(case, opening.handshake)?;
        let dice = &mut case.dice;
        gather(&mut crew, dice, opening)?;
        let passive = crew.newcomer(dice)?;
        let mut by_value = vec![passive.add()];
        if dice.chance(50) {
            let companion = crew.newcomer(dice)?;
            by_value.insert(dice.below(2), companion.add());
        }
        if opening.psk {
            by_value.push(Change::Psk(crew.external_psk(dice)));
        }
        let committer = dice.pick(&crew.actors()).copied().unwrap_or(LeafIndex(0));
        let order = Order { by_value, path: opening.path, tree_apart: opening.tree_apart };
        let welcome = crew.commit(dice, committer, &order)?.welcome.ok_or_else(no_welcome)?;
        let vector = PassiveClient {
            cipher_suite: case.suite.cipher_suite().0,
            external_psks: Vec::new(),
            key_package: passive.key_package()?,
            signature_priv: passive.person.signature_priv.clone(),
            encryption_priv: passive.offer.encryption_priv.clone(),
            init_priv: passive.offer.init_priv.clone(),
            welcome: welcome.to_bytes()?.into(),
            ratchet_tree: match opening.tree_apart {
                true => Some(crew.group()?.public().tree().to_bytes()?.into()),
                false => None,
            },
            initial_epoch_authenticator: crew.authenticator()?,
            epochs: Vec::new(),
        };
        let leaf = leaf_of(&crew, &passive.offer.key_package.leaf_node.signature_key)?;
        Ok(Self { crew, passive: leaf, actors: opening.actors, vector })
    }

    /// How many members there are.
    pub(super) fn members(&self) -> Result<usize, Failure> {
        Ok(self.crew.group()?.members().count())
    }

    /// An epoch that begins with an external commit: of someone new, or of an actor who has lost its state.
    pub(super) fn external_join(&mut self, dice: &mut Dice, resync: bool) -> Result<(), Failure> {
        let replaces = if resync { dice.pick(&self.crew.actors()).copied() } else { None };
        let commit = self.crew.join_externally(dice, replaces)?;
        self.tell(&[], &commit)
    }

    /// Adds an epoch to the vector.
    fn tell(&mut self, proposals: &[MlsMessage], commit: &MlsMessage) -> Result<(), Failure> {
        let proposals = proposals.iter().map(|message| Ok(message.to_bytes()?.into()));
        self.vector.epochs.push(EpochVector {
            proposals: proposals.collect::<Result<_, Failure>>()?,
            commit: commit.to_bytes()?.into(),
            epoch_authenticator: self.crew.authenticator()?,
        });
        Ok(())
    }

    /// The vector.
    pub(super) fn end(mut self) -> PassiveClient {
        self.vector.external_psks = self.crew.external_psks;
        self.vector
    }
}

/// The founder is joined by others; then those who act renew their keys, so that few parents are blank.
fn gather(crew: &mut Crew, dice: &mut Dice, opening: &Opening) -> Result<(), Failure> {
    let newcomers = (1..opening.members).map(|_| crew.newcomer(dice)).collect::<Result<Vec<_>, _>>()?;
    if newcomers.is_empty() {
        return Ok(());
    }
    let order = Order { by_value: newcomers.iter().map(Newcomer::add).collect(), ..Order::default() };
    let welcome = crew.commit(dice, LeafIndex(0), &order)?.welcome.ok_or_else(no_welcome)?;
    // Those who act are spread over the tree.
    let every = newcomers.len().checked_div(opening.actors.saturating_sub(1)).unwrap_or(usize::MAX).max(1);
    for newcomer in newcomers.iter().step_by(every).take(opening.actors.saturating_sub(1)) {
        crew.join(newcomer, &welcome, None)?;
    }
    for actor in crew.actors() {
        crew.commit(dice, actor, &Order { path: true, ..Order::default() })?;
    }
    Ok(())
}

fn leaf_of(crew: &Crew, key: &SignaturePublicKey) -> Result<LeafIndex, Failure> {
    let leaf = crew.group()?.public().tree().roster().member_by_signature_key(key, &*crew.suite);
    leaf.ok_or_else(|| Failure::refused(&"the passive client is no member"))
}

fn no_welcome() -> Failure {
    Failure::refused(&"a commit that adds without a Welcome")
}

/// The changes of one epoch.
pub(super) struct Draft {
    committer: LeafIndex,
    /// Leaves that this epoch must change no more.
    touched: BTreeSet<LeafIndex>,
    joining: Vec<Newcomer>,
    kinds: Vec<Kind>,
    proposals: Vec<MlsMessage>,
    by_value: Vec<Change>,
}

impl Draft {
    /// Begins an epoch by someone who acts.
    pub(super) fn begin(story: &Story, dice: &mut Dice) -> Self {
        let committer = dice.pick(&story.crew.actors()).copied().unwrap_or(LeafIndex(0));
        Self {
            committer,
            touched: BTreeSet::from([committer, story.passive]),
            joining: Vec::new(),
            kinds: Vec::new(),
            proposals: Vec::new(),
            by_value: Vec::new(),
        }
    }

    /// Proposes a change, to be committed by reference. False where it is not possible.
    pub(super) fn refer(&mut self, story: &mut Story, dice: &mut Dice, kind: Kind) -> Result<bool, Failure> {
        let mut actors = story.crew.actors();
        if kind == Kind::Update {
            actors.retain(|actor| !self.touched.contains(actor));
        }
        let Some(by) = dice.pick(&actors).copied() else { return Ok(false) };
        let Some(change) = self.change(story, dice, kind)? else { return Ok(false) };
        if kind == Kind::Update {
            self.touched.insert(by);
        }
        self.proposals.push(story.crew.propose(dice, by, &change)?);
        Ok(true)
    }

    /// Adds a change by value. False where it is not possible.
    pub(super) fn state(&mut self, story: &mut Story, dice: &mut Dice, kind: Kind) -> Result<bool, Failure> {
        if kind == Kind::Update {
            return Ok(false);
        }
        let change = self.change(story, dice, kind)?;
        let possible = change.is_some();
        self.by_value.extend(change);
        Ok(possible)
    }

    fn change(&mut self, story: &mut Story, dice: &mut Dice, kind: Kind) -> Result<Option<Change>, Failure> {
        let excluded: &[Kind] = match kind {
            // Who joins does not have it.
            Kind::Resumption => &[Kind::Resumption, Kind::Add],
            Kind::Add => &[Kind::Resumption],
            Kind::Extensions => &[Kind::Extensions],
            Kind::Update | Kind::Remove | Kind::Psk => &[],
        };
        if excluded.iter().any(|kind| self.kinds.contains(kind)) {
            return Ok(None);
        }
        let change = match kind {
            Kind::Add => {
                let newcomer = story.crew.newcomer(dice)?;
                let change = newcomer.add();
                self.joining.push(newcomer);
                Some(change)
            }
            Kind::Update => Some(Change::Update),
            Kind::Remove => self.whom_to_remove(story, dice)?.map(Change::Remove),
            Kind::Psk => Some(Change::Psk(story.crew.external_psk(dice))),
            Kind::Resumption => {
                let group = story.crew.group()?;
                let usage = ResumptionPskUsage::Application;
                let (psk_group_id, psk_epoch) = (group.group_id().clone(), group.epoch());
                Some(Change::Psk(Psk::Resumption { usage, psk_group_id, psk_epoch }))
            }
            Kind::Extensions => Some(Change::Extensions(extensions(dice, story)?)),
        };
        if change.is_some() {
            self.kinds.push(kind);
        }
        Ok(change)
    }

    /// Someone who does not act, if there is one; else someone who does, if others remain.
    fn whom_to_remove(&mut self, story: &Story, dice: &mut Dice) -> Result<Option<LeafIndex>, Failure> {
        let actors = story.crew.actors();
        let mut candidates: Vec<_> = story.crew.group()?.members().map(|(leaf, _)| leaf).collect();
        candidates.retain(|leaf| !self.touched.contains(leaf));
        let silent: Vec<_> = candidates.iter().copied().filter(|leaf| !actors.contains(leaf)).collect();
        let removed = if !silent.is_empty() {
            dice.pick(&silent)
        } else if actors.len() > 3 {
            dice.pick(&candidates)
        } else {
            None
        };
        self.touched.extend(removed);
        Ok(removed.copied())
    }

    /// Commits, and adds the epoch to the vector.
    pub(super) fn commit(self, story: &mut Story, dice: &mut Dice, path: bool) -> Result<(), Failure> {
        let order = Order { by_value: self.by_value, path, tree_apart: false };
        let bundle = story.crew.commit(dice, self.committer, &order)?;
        story.tell(&self.proposals, &bundle.commit)?;
        let Some(welcome) = bundle.welcome else { return Ok(()) };
        for newcomer in &self.joining {
            if story.crew.actors().len() < story.actors {
                story.crew.join(newcomer, &welcome, None)?;
            }
        }
        Ok(())
    }
}

/// New extensions for the group's context, which everybody supports.
fn extensions(dice: &mut Dice, story: &Story) -> Result<Extensions, Failure> {
    let mut extensions = Extensions::default();
    let private = dice.chance(60);
    if private {
        let extension_data = dice.bytes(10).into();
        extensions.0.push(Extension { extension_type: PRIVATE_EXTENSION, extension_data });
    }
    // RFC 9420 does not ask that a group's extensions are among the required ones. Some implementations do.
    if private || dice.chance(50) {
        extensions.push_required_capabilities(&RequiredCapabilities {
            extension_types: vec![PRIVATE_EXTENSION],
            proposal_types: Vec::<ProposalType>::new(),
            credential_types: vec![CredentialType::BASIC],
        })?;
    }
    if dice.chance(40) {
        let signature_key = story.crew.newcomer(dice)?.offer.key_package.leaf_node.signature_key;
        let credential = Credential::Basic(b"external sender".into());
        extensions.push_external_senders(&vec![ExternalSender { signature_key, credential }])?;
    }
    Ok(extensions)
}
