//! Commits: what a member may want of one, who is in the group after it, and how it is sealed.

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use cenacle_codec::Encode as _;
use cenacle_mls::{
    Error, Rule, What as Unverified,
    group::{CommitBuilder, CommitBundle, Group, Transition},
    wire::{
        Credential, Extensions, KeyPackageRef, LeafIndex, MlsMessage, MlsMessageBody, Psk, ReInit, ResumptionPskUsage,
    },
};

use super::{Event, Simulation, TEST_PROPOSAL, inputs};
use crate::{
    finding::{Have as _, Must as _, Step, What},
    ids::{ActId, PersonId},
    model::Wanted,
    person::{Cargo, Plan, Waiting, core_error},
    service::{Harmless, Notice, Offer, Signal},
    witness::{Short, short},
};

/// What a commit is to do, beside the proposals that wait.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub(super) adds: Vec<(PersonId, Offer)>,
    pub(super) remove: Option<(PersonId, LeafIndex)>,
    pub(super) extensions: Option<Extensions>,
    pub(super) psk: bool,
    pub(super) resumption: bool,
    pub(super) custom: bool,
    pub(super) path: bool,
    pub(super) tree_apart: bool,
    pub(super) info: bool,
    pub(super) reinit: Option<ReInit>,
}

impl Wish {
    fn fill<'a>(&self, group: &'a Group, witness: &[u8]) -> CommitBuilder<'a> {
        let mut commit = group.commit().authenticated_data(witness);
        if let Some(reinit) = &self.reinit {
            return commit.reinit(reinit.clone());
        }
        for (_, offer) in &self.adds {
            commit = commit.add(offer.package.clone());
        }
        if let Some((_, leaf)) = self.remove {
            commit = commit.remove(leaf);
        }
        if let Some(extensions) = &self.extensions {
            commit = commit.extensions(extensions.clone());
        }
        if self.psk {
            commit = commit.psk(Psk::External((&b"shared"[..]).into()));
        }
        if self.resumption {
            let (psk_group_id, psk_epoch) = (group.group_id().clone(), group.epoch());
            let usage = ResumptionPskUsage::Application;
            commit = commit.psk(Psk::Resumption { usage, psk_group_id, psk_epoch });
        }
        if self.custom {
            commit = commit.custom(TEST_PROPOSAL, &b"anything"[..]);
        }
        commit = if self.path { commit.with_path() } else { commit };
        commit = if self.tree_apart { commit.without_tree() } else { commit };
        if self.info { commit.with_group_info() } else { commit }
    }

    /// Who comes and goes by the commit itself.
    fn by_value(&self) -> Vec<Wanted> {
        let adds = self.adds.iter().map(|(who, _)| Wanted::Add(*who));
        adds.chain(self.remove.iter().map(|(who, _)| Wanted::Remove(*who))).collect()
    }
}

impl Simulation {
    /// A member makes a commit, which waits in its outbox. Whether it came about.
    pub(super) fn make_commit(&mut self, who: PersonId, wish: Wish) -> Step<bool> {
        let mut rng = self.dice.fork();
        let (now, witness) = (self.now_seconds(), self.witness(who)?);
        let person = self.people.get_mut(who.0).have("a person")?;
        let from = person.standing.at.have("where a member stands")?;
        let group = person.group.as_mut().have("a group")?;
        let inputs = inputs(&self.authority, &self.psks, now);
        let transition = match wish.fill(group, &witness).build(&inputs, &mut rng) {
            Ok(transition) => transition,
            Err(error) => {
                let acts = wish.adds.iter().filter_map(|(_, offer)| offer.act).collect();
                return self.not_made(who, !wish.adds.is_empty(), acts, &error).map(|()| false);
            }
        };
        let roster = roster_after(&transition)?;
        self.model.explain(&person.standing, &roster, &wish.by_value())?;
        let removes: Vec<LeafIndex> =
            transition.summary().into_iter().flat_map(|does| does.removed.iter().map(|(leaf, _)| *leaf)).collect();
        let own = group.own_leaf();
        // RFC 9420 §12.4: a committer includes all valid proposals it knows of. A Remove of somebody else is always one.
        let ignored = group.proposals().any(|(_, _, proposal)| {
            matches!(proposal, cenacle_mls::wire::Proposal::Remove(remove)
                if remove.removed != own && !removes.contains(&remove.removed))
        });
        if ignored && wish.reinit.is_none() {
            return Err(What::Unproposed { change: format!("{who} leaves a proposed removal out") }.into());
        }
        let epoch = group.epoch().0;
        let tree = match wish.tree_apart {
            true => transition
                .preview_public()
                .map(|public| public.tree().to_bytes())
                .transpose()
                .must("to encode a tree")?,
            false => None,
        };
        let bundle = group.merge(transition, &mut person.store).map_err(core_error).must("to store a commit")?;
        let waiting = self.waiting(&bundle, (from, epoch, roster), tree, wish.reinit.is_some())?;
        self.note(format_args!("{who} commits in epoch {epoch}"));
        self.counts.did("commit made");
        let person = self.people.get_mut(who.0).have("a person")?;
        person.standing.pending = Some(waiting.digest);
        person.file.sent.insert(waiting.digest);
        person.file.outbox.push_back(waiting);
        Ok(true)
    }

    fn waiting(
        &self,
        bundle: &CommitBundle,
        (from, epoch, roster): (crate::EpochId, u64, BTreeSet<PersonId>),
        tree: Option<Vec<u8>>,
        is_last: bool,
    ) -> Step<Waiting> {
        let tree: Option<Arc<[u8]>> = tree.map(Into::into);
        let encoded =
            |message: &MlsMessage| -> Step<Arc<[u8]>> { Ok(message.to_bytes().must("to encode a message")?.into()) };
        let with_tree = |message: &Option<MlsMessage>| -> Step<Option<(Arc<[u8]>, Option<Arc<[u8]>>)>> {
            let Some(message) = message else { return Ok(None) };
            Ok(Some((encoded(message)?, tree.clone())))
        };
        let bytes: Arc<[u8]> = encoded(&bundle.commit)?;
        let (welcome, info) = (with_tree(&bundle.welcome)?, with_tree(&bundle.group_info)?);
        let invited = bundle.welcome.as_ref().map(invited).unwrap_or_default();
        let plan = Plan { from, roster, external: false, is_last, welcome, invited, info };
        Ok(Waiting { digest: self.digest_of(&bytes), bytes, epoch, cargo: Cargo::Commit(Box::new(plan)) })
    }

    /// The library refuses to make a commit or proposal. It may only for what the service handed out, by these acts.
    pub(super) fn not_made(&mut self, who: PersonId, adds: bool, acts: Vec<ActId>, error: &Error) -> Step<()> {
        self.counts.refused(error);
        match error {
            Error::Unverified(Unverified::Credential(_)) if adds => self.signal(who, Signal::Impostor, &[who])?,
            // A key package that was handed out again, of someone who is in the group by it.
            Error::Invalid(Rule::EncryptionKeyUnique) if adds => {}
            _ => return Err(What::Refused { doing: "to make a commit or proposal", error: error.to_string() }.into()),
        }
        // None of the key packages got anywhere.
        acts.into_iter().for_each(|act| self.mischief.end(act, Notice::Harmless(Harmless::Refused)));
        Ok(())
    }

    /// A commit that was refused, or is not wanted any more, is given up.
    pub(super) fn give_up_commit(&mut self, who: PersonId) -> Step<()> {
        let mut rng = self.dice.fork();
        let person = self.people.get_mut(who.0).have("a person")?;
        person.standing.pending = None;
        person.step(&mut rng, |group, _| group.discard_pending())?.must("to give up a commit")
    }

    /// What a member's messages carry.
    pub(super) fn witness(&self, who: PersonId) -> Step<Vec<u8>> {
        let person = self.person(who)?;
        let witness = person.file.diary.witness(person.group()?.epoch().0).have("a mark of the present epoch")?;
        witness.to_bytes().must("to encode a witness")
    }

    pub(super) fn digest_of(&self, bytes: &[u8]) -> Short {
        short(&*self.suite, &[bytes])
    }

    /// What waits is sent in a moment, which gives others time to be first.
    pub(super) fn send_soon(&mut self, who: PersonId) {
        let delay = match self.dice.below(8) {
            0 => self.dice.millis(60_000),
            _ => self.dice.millis(5_000),
        };
        self.agenda.after(delay, Event::Flush(who));
    }
}

/// Who is in the group after a commit.
fn roster_after(transition: &Transition<CommitBundle>) -> Step<BTreeSet<PersonId>> {
    let public = transition.preview_public().have("the epoch that a commit begins")?;
    public.members().map(|(_, leaf)| person_of(&leaf.credential)).collect()
}

/// Whom a Welcome is for.
pub(super) fn invited(welcome: &MlsMessage) -> Vec<KeyPackageRef> {
    match &welcome.body {
        MlsMessageBody::Welcome(welcome) => welcome.secrets.iter().map(|entry| entry.new_member).collect(),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::GroupInfo(_)
        | MlsMessageBody::KeyPackage(_) => Vec::new(),
    }
}

/// A credential's name.
pub(super) fn name_of(credential: &Credential) -> Option<String> {
    match credential {
        Credential::Basic(name) => String::from_utf8(name.to_vec()).ok(),
        Credential::X509(_) | Credential::Custom(..) => None,
    }
}

/// Whose name a credential shows.
pub(super) fn person_of(credential: &Credential) -> Step<PersonId> {
    let name = name_of(credential);
    let number = name.as_deref().and_then(|name| name.strip_prefix('p')).and_then(|number| number.parse().ok());
    Ok(PersonId(number.have("a person's name")?))
}
