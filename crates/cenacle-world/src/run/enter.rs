//! Ways into the group: Welcomes, and external commits, also in place of an earlier self.

use alloc::sync::Arc;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_mls::{
    Error, Misuse, Need,
    delta::{Delta, RowKey, Store as _, Table},
    group::{Client, ExternalJoin, Group, NewGroup, OwnKeyPackage, PendingJoin, PublicGroup},
    wire::{GroupInfo, MlsMessage, MlsMessageBody, WireTree},
};

use super::{Simulation, inputs};
use crate::{
    finding::{Have as _, Must as _, Step, What},
    ids::{ActId, EpochId, PersonId},
    model::{EpochFacts, Why},
    person::{Cargo, Joining, Plan, Waiting, core_error},
    service::{Behaviour, GroupInfoOffer, Harmless, Invitation, Notice, Posted, Signal},
    witness::Short,
};

/// Where a group begins for someone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) era: usize,
    pub(super) epoch: EpochId,
    /// The position behind the commit that brought it in.
    pub(super) next: usize,
    pub(super) began_by: Short,
    /// Why what it did not read before is not read any more.
    pub(super) why: Why,
    /// What was dishonest about the way in.
    pub(super) act: Option<ActId>,
}

impl Simulation {
    /// Someone who is not in the group, or in one that is over, looks for a way in.
    pub(super) fn seek_entry(&mut self, who: PersonId) -> Step<()> {
        let person = self.person(who)?;
        let is_over = person.is_at_the_end() && self.service.era() > person.file.era;
        if (person.is_active() && !is_over) || person.trouble.is_some() || person.halted {
            return Ok(());
        }
        if person.file.joining.is_some() {
            return Ok(());
        }
        while self.service.desk.invitations(who) > 0 {
            if self.open_invitation(who)? {
                return self.pull(who);
            }
        }
        // An invitation into a log that nobody follows any more may have led astray.
        if self.fork.is_none() {
            self.service.logs_mut(self.service.era())?.view_mut(who).branch = self.main;
        }
        let tip = self.branch_tip(who)?;
        let roster = &self.model.epoch(tip)?.roster;
        let most = usize::try_from(self.config.members).unwrap_or(usize::MAX);
        // The others think it is in: its invitation went astray, or its old copy of the state missed how it came in.
        let is_in = roster.contains(&who);
        let has_room = roster.len() < most + most / 8;
        if is_in || (!self.calm && has_room && self.dice.chance(25)) {
            self.enter_from_outside(who)?;
        }
        Ok(())
    }

    /// Someone opens a Welcome that waits. Whether it led into the group.
    fn open_invitation(&mut self, who: PersonId) -> Step<bool> {
        let waiting = self.service.desk.invitations(who);
        let chosen = self.dice.below(waiting);
        let Some(genuine) = self.service.desk.take(who, chosen) else { return Ok(false) };
        let invitation = self.mislay(who, genuine);
        invitation.act.into_iter().for_each(|act| self.mischief.reach(act));
        let end = |this: &mut Self, notice| invitation.act.into_iter().for_each(|act| this.mischief.end(act, notice));
        let person = self.person(who)?;
        let file = &person.file;
        let is_held = |name| file.packages.contains(name) || file.last_resorts.contains(name);
        let holds = invitation.references.iter().any(is_held);
        let new = match self.read_welcome(who, &invitation)? {
            Ok(new) if holds => new,
            Ok(_) => return Err(What::Allowed { doing: "a Welcome without its key package" }.into()),
            Err(Error::Missing(Need::KeyPackage)) if !holds => {
                self.counts.refused(&Error::Missing(Need::KeyPackage));
                end(self, Notice::Seen(Signal::WelcomeForNobody));
                return self.signal(who, Signal::WelcomeForNobody, &[who]).map(|()| false);
            }
            // The group it continues is not at its end here, or was left.
            Err(error @ Error::Missing(Need::Origin(..))) if self.continues(&invitation)? => {
                self.counts.refused(&error);
                end(self, Notice::Harmless(Harmless::Refused));
                return Ok(false);
            }
            Err(error) => return Err(What::Refused { doing: "a Welcome", error: error.to_string() }.into()),
        };
        let facts = self.model.epoch(invitation.epoch)?;
        let person = self.people.get_mut(who.0).have("a person")?;
        let here = person.standing.at.filter(|_| person.file.era == invitation.era);
        let here = here.map(|at| self.model.epoch(at)).transpose()?.map(|at| at.number);
        let is_back = here.is_some_and(|here| here >= facts.number);
        match new.accept(&mut person.store).map_err(core_error) {
            Ok(_) if is_back => return Err(What::Allowed { doing: "a Welcome to an epoch that is over" }.into()),
            Ok(group) => self.replace_group(who, group)?,
            Err(error @ (Error::Stale(_) | Error::Misuse(Misuse::GroupExists))) if is_back => {
                self.counts.refused(&error);
                end(self, Notice::Seen(Signal::WelcomeOutOfDate));
                return self.signal(who, Signal::WelcomeOutOfDate, &[who]).map(|()| false);
            }
            Err(error) => return Err(What::Refused { doing: "a Welcome", error: error.to_string() }.into()),
        }
        self.person_mut(who)?.file.packages.retain(|name| !invitation.references.contains(name));
        // Where another's Welcome or an old one leads, it is known only once the log was read on from there.
        if let Some(act) = invitation.act.filter(|act| self.mischief.is_of(*act, Behaviour::ReplaceKeyPackage)) {
            self.mischief.end(act, Notice::Harmless(Harmless::NotUsedYet));
        }
        self.service.logs_mut(invitation.era)?.view_mut(who).branch = invitation.branch;
        let Invitation { era, epoch, next, began_by, act, .. } = invitation;
        let why = if self.person(who)?.file.era == era { Why::Out } else { Why::Succession };
        self.arrive(who, Arrival { era, epoch, next, began_by, why, act })?;
        self.counts.did("join by Welcome");
        Ok(true)
    }

    /// Whether an invitation leads into a group that continues another.
    fn continues(&self, invitation: &Invitation) -> Step<bool> {
        Ok(invitation.era > 0 && self.model.epoch(invitation.epoch)?.parent.is_none())
    }

    /// What a Welcome leads to. Nothing is stored.
    fn read_welcome(&self, who: PersonId, invitation: &Invitation) -> Step<Result<NewGroup, Error>> {
        let message = MlsMessage::from_bytes(&invitation.welcome).must("to decode a Welcome")?;
        let MlsMessageBody::Welcome(welcome) = message.body else {
            return Err(What::Internal("a Welcome of another kind").into());
        };
        let person = self.person(who)?;
        let own = OwnKeyPackage::find(&person.store, &welcome).map_err(core_error).must("to look for a key package")?;
        let Some(own) = own else { return Ok(Err(Error::Missing(Need::KeyPackage))) };
        let tree = invitation.tree.as_deref().map(WireTree::from_bytes).transpose().must("to decode a tree")?;
        let mut inputs = inputs(&self.authority, &self.psks, self.now_seconds());
        // Whoever was added to the successor later than its founding does not continue the old group there.
        let continues = self.continues(invitation)? && person.is_at_the_end();
        if let Some(origin) = person.group.as_ref().filter(|_| continues) {
            inputs = inputs.with_origin(origin);
        }
        Ok(person.client.join(&welcome, &own, tree, &inputs))
    }

    /// A new group takes the place of the old one, whose rows go if it was another group.
    pub(super) fn replace_group(&mut self, who: PersonId, group: Group) -> Step<()> {
        let person = self.people.get_mut(who.0).have("a person")?;
        let new_id = group.group_id().clone();
        if let Some(old) = person.group.replace(group)
            && *old.group_id() != new_id
        {
            let id = old.group_id().clone();
            drop(old);
            Client::forget_group(&mut person.store, &id).must("to forget a group")?;
        }
        Ok(())
    }

    /// A group begins for someone.
    pub(super) fn arrive(&mut self, who: PersonId, arrival: Arrival) -> Step<()> {
        let Arrival { era, epoch, next, began_by, why, act } = arrival;
        let file = &self.person(who)?.file;
        let (old_era, old_branch, old_cursor) = (file.era, file.branch, file.cursor);
        if old_era == era {
            self.pass_over(who)?;
        } else {
            self.leave_log(who, why)?;
        }
        for between in old_era + 1..era {
            self.skip(who, (between, 0, u64::MAX), why)?;
        }
        let logs = self.service.logs_mut(era)?;
        let branch = logs.branch_of(who);
        let view = logs.view_mut(who);
        view.omitted.clear();
        view.frozen = None;
        let cursor = logs.seq(who, next);
        let from = if (old_era, old_branch) == (era, branch) { old_cursor } else { 0 };
        self.skip(who, (era, from, cursor), why)?;
        let number = self.model.epoch(epoch)?.number;
        let suite = Arc::clone(&self.suite);
        let person = self.person_mut(who)?;
        person.begin_at(era, cursor);
        person.file.branch = branch;
        person.standing.arrive(epoch, number, old_era != era);
        person.file.diary.begin(&*suite, number, &began_by);
        person.check_stored()?;
        self.service.desk.forget(who, era);
        for behaviour in [Behaviour::Drop, Behaviour::Withhold] {
            self.mischief.end_all(behaviour, Some(who), Notice::Harmless(Harmless::NeverSeen));
        }
        self.mischief.replaced(who, act);
        self.note(format_args!("{who} arrives in {epoch:?}"));
        self.settle_in(who, epoch)
    }

    /// Someone joins by an external commit, in its own place if it has one.
    pub(super) fn enter_from_outside(&mut self, who: PersonId) -> Step<()> {
        let era = self.service.era();
        let Some(offer) = self.group_info_for(who)? else { return Ok(()) };
        let Some((pending, waiting)) = self.external_commit(who, era, &offer)? else { return Ok(()) };
        let epoch = waiting.epoch;
        let posted = match offer.act {
            Some(act) if self.dice.chance(50) => return self.lie(who, pending, &waiting, act),
            _ if !self.calm && self.dice.chance(5) => {
                self.counts.fault("request lost");
                // It is given up unanswered.
                offer.act.into_iter().for_each(|act| self.mischief.end(act, Notice::Harmless(Harmless::NeverSeen)));
                Posted::Refused
            }
            _ => self.post(who, era, &waiting)?,
        };
        match posted {
            Posted::Refused => {
                offer.act.into_iter().for_each(|act| self.mischief.end(act, Notice::Seen(Signal::EpochOver)));
                let person = self.person_mut(who)?;
                pending.discard().persist(&mut person.store).must("to give up joining")?;
                person.check_stored()?;
                self.counts.did("external commit refused");
                self.note(format_args!("{who} does not join after {epoch}"));
                Ok(())
            }
            Posted::Taken(_) | Posted::There(_) if !self.calm && self.dice.chance(20) => {
                // The process ends before it hears that its commit was taken.
                self.counts.did("restart while joining");
                let person = self.person_mut(who)?;
                person.file.joining = Some(Joining { era, digest: waiting.digest });
                person.restart()
            }
            Posted::Taken(position) | Posted::There(position) => {
                let epoch = self.branch_tip(who)?;
                self.joined(
                    who,
                    pending,
                    Arrival { era, epoch, next: position + 1, began_by: waiting.digest, why: Why::Resync, act: None },
                )
            }
        }
    }

    /// A GroupInfo, from the service or from a member.
    fn group_info_for(&mut self, who: PersonId) -> Step<Option<GroupInfoOffer>> {
        let tip = self.branch_tip(who)?;
        if self.model.epoch(tip)?.is_last {
            return Ok(None);
        }
        if let Some(stale) = self.stale_info(who, tip)? {
            return Ok(Some(stale));
        }
        let logs = self.service.logs(self.service.era())?;
        let known = logs.branch(logs.branch_of(who))?.infos.last().filter(|offer| offer.epoch == tip).cloned();
        if known.is_some() && self.dice.chance(50) {
            return Ok(known);
        }
        let mut members = self.able_beside(who)?;
        members.retain(|member| self.is_at_tip(*member).is_ok_and(|at_tip| at_tip));
        let Some(via) = self.someone(&members) else {
            // Somebody has to catch up first.
            for behind in self.able_beside(who)? {
                self.pull_soon(behind)?;
            }
            return Ok(known);
        };
        let with_tree = self.dice.chance(50);
        Ok(Some(self.person(via)?.group_info(with_tree)?))
    }

    fn external_commit(
        &mut self,
        who: PersonId,
        era: usize,
        offer: &GroupInfoOffer,
    ) -> Step<Option<(PendingJoin, Waiting)>> {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&offer.bytes).must("to decode a GroupInfo")?.body
        else {
            return Err(What::Internal("a GroupInfo of another kind").into());
        };
        let decoded = || offer.tree.as_deref().map(WireTree::from_bytes).transpose().must("to decode a tree");
        let mut rng = self.dice.fork();
        let inputs = inputs(&self.authority, &self.psks, self.now_seconds());
        let person = self.people.get_mut(who.0).have("a person")?;
        let public = public_of(&info, decoded()?, &person.client, &inputs)?;
        let former = Group::former_leaf(&person.client, &public).ok();
        let facts = self.model.epoch(offer.epoch)?;
        if former.is_some() != facts.roster.contains(&who) {
            return Err(What::Disagreement { about: format!("whether {who} is in epoch {}", facts.number) }.into());
        }
        let how = ExternalJoin { tree: decoded()?, replaces: former, psks: Vec::new() };
        let pending = person.client.join_external(&info, how, &inputs, &mut rng).must("to join from outside")?;
        let pending = pending.persist(&mut person.store).must("to store an external commit")?;
        let mut roster = facts.roster.clone();
        roster.insert(who);
        let bytes: Arc<[u8]> = pending.commit().to_bytes().must("to encode a commit")?.into();
        let digest = self.digest_of(&bytes);
        let plan = Plan {
            from: offer.epoch,
            roster,
            external: true,
            is_last: false,
            welcome: None,
            invited: Vec::new(),
            info: None,
        };
        let epoch = self.model.epoch(offer.epoch)?.number;
        self.note(format_args!("{who} joins group {era} from outside in epoch {epoch}"));
        Ok(Some((pending, Waiting { bytes, digest, epoch, cargo: Cargo::Commit(Box::new(plan)) })))
    }

    /// The service says that it took an external commit, and shows it to nobody.
    fn lie(&mut self, who: PersonId, pending: PendingJoin, waiting: &Waiting, act: ActId) -> Step<()> {
        let Cargo::Commit(plan) = &waiting.cargo else { return Ok(()) };
        let era = self.service.era();
        let number = waiting.epoch + 1;
        let epoch = self.model.begin(EpochFacts {
            era,
            number,
            parent: Some(plan.from),
            roster: plan.roster.clone(),
            by: who,
            external: true,
            is_last: false,
            agreed: None,
        });
        self.counts.fault("external commit taken for show");
        self.mischief.lead(act, epoch);
        let logs = self.service.logs(era)?;
        let next = logs.branch(logs.branch_of(who))?.records.len();
        self.joined(
            who,
            pending,
            Arrival { era, epoch, next, began_by: waiting.digest, why: Why::Resync, act: Some(act) },
        )
    }

    /// An external commit was taken.
    fn joined(&mut self, who: PersonId, pending: PendingJoin, arrival: Arrival) -> Step<()> {
        let new = pending.accepted();
        let person = self.people.get_mut(who.0).have("a person")?;
        let id = new.public().group_id().clone();
        let group = match person.group.take() {
            Some(old) if *old.group_id() == id => new.accept_in_place_of(old, &mut person.store),
            old => {
                person.group = old;
                new.accept(&mut person.store)
            }
        };
        let group = group.map_err(core_error).must("to take an external commit into use")?;
        self.replace_group(who, group)?;
        self.counts.did("join from outside");
        self.arrive(who, arrival)
    }

    /// After a restart: whether an external commit of one's own was taken, the log says.
    pub(super) fn finish_joining(&mut self, who: PersonId) -> Step<()> {
        let Some(Joining { era, digest }) = self.person(who)?.file.joining.clone() else { return Ok(()) };
        let id = self.group_ids.get(era).have("a group's identifier")?.clone();
        let logs = self.service.logs(era)?;
        let branch = logs.branch_of(who);
        let found = logs.find(branch, &digest)?;
        let epoch =
            found.and_then(|position| logs.branch(branch).ok()?.records.get(position).map(|record| record.truth));
        let person = self.people.get_mut(who.0).have("a person")?;
        person.file.joining = None;
        let (Some(position), Some(crate::service::Truth::Commit(epoch))) = (found, epoch) else {
            let mut delta = Delta::new();
            delta.delete(RowKey::of_group(Table::PENDING_JOIN, &id));
            person.store.apply(&delta).must("to give up joining")?;
            return Ok(());
        };
        let recovered = PendingJoin::recover(&person.store, &id).map_err(core_error).must("to recover a join")?;
        let (_, delta) = recovered.have("a stored external commit")?;
        person.store.apply(&delta).must("to store a group")?;
        let old = person.group.take();
        person.load(&id)?;
        let group = person.group.take().have("a group")?;
        person.group = old;
        self.replace_group(who, group)?;
        self.counts.did("join finished after a restart");
        self.arrive(who, Arrival { era, epoch, next: position + 1, began_by: digest, why: Why::Resync, act: None })
    }
}

fn public_of(
    info: &GroupInfo,
    tree: Option<WireTree>,
    client: &Client,
    inputs: &cenacle_mls::group::Inputs<'_>,
) -> Step<PublicGroup> {
    PublicGroup::from_group_info(info, tree, client.suite(), client.settings(), inputs).must("to read a GroupInfo")
}
