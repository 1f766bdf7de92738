//! Between people and the service: what waits is sent, and may be lost on the way there or back; what the service takes in is
//! pushed to everyone who follows the log, late, twice or not at all; and the log can be read.

use alloc::sync::Arc;

use super::{Event, Simulation};
use crate::{
    finding::{Have as _, Step, What},
    ids::{BranchId, PersonId},
    model::EpochFacts,
    person::{Cargo, Plan, Waiting},
    service::{Behaviour, GroupInfoOffer, Harmless, Invitation, Notice, Posted, Record, Shown, Signal, Truth},
};

impl Simulation {
    /// Sends what waits in someone's outbox, in its order.
    pub(super) fn flush(&mut self, who: PersonId) -> Step<()> {
        while let Some(waiting) = self.next_to_send(who)? {
            if !self.calm && self.dice.chance(5) {
                self.counts.fault("request lost");
                return self.flush_soon(who);
            }
            let era = self.person(who)?.file.era;
            let posted = self.post(who, era, &waiting)?;
            if !self.calm && self.dice.chance(5) {
                self.counts.fault("answer lost");
                return self.flush_soon(who);
            }
            self.person_mut(who)?.file.outbox.pop_front();
            if posted == Posted::Refused {
                self.refused(who, &waiting)?;
            }
        }
        Ok(())
    }

    /// The first thing that waits and can still be of use.
    fn next_to_send(&self, who: PersonId) -> Step<Option<Waiting>> {
        let person = self.person(who)?;
        let sends = person.online && person.is_active() && person.trouble.is_none() && !person.halted;
        Ok(person.file.outbox.front().filter(|_| sends).cloned())
    }

    fn flush_soon(&mut self, who: PersonId) -> Step<()> {
        let delay = 1_000 + self.dice.millis(10_000);
        self.agenda.after(delay, Event::Flush(who));
        Ok(())
    }

    /// The service did not take a commit, since its epoch is over: the log says by which.
    fn refused(&mut self, who: PersonId, waiting: &Waiting) -> Step<()> {
        if !matches!(waiting.cargo, Cargo::Commit(_)) {
            return Ok(());
        }
        self.counts.did("commit refused");
        self.signal(who, Signal::EpochOver, &[who])?;
        let is_pending = self.person(who)?.standing.pending == Some(waiting.digest);
        if is_pending && self.dice.chance(50) {
            self.give_up_commit(who)?;
        }
        self.pull(who)?;
        let person = self.person(who)?;
        if !person.is_able() || person.group()?.epoch().0 != waiting.epoch {
            return Ok(());
        }
        // The service says that the epoch is over, and shows nothing that ended it: nothing takes the commit's place.
        if person.standing.pending == Some(waiting.digest) {
            self.give_up_commit(who)?;
        }
        self.left_behind(who)
    }

    /// The service gets something.
    pub(super) fn post(&mut self, who: PersonId, era: usize, waiting: &Waiting) -> Step<Posted> {
        let logs = self.service.logs(era)?;
        let branch = logs.branch_of(who);
        if let Some(position) = logs.find(branch, &waiting.digest)? {
            return Ok(Posted::There(position));
        }
        if logs.closed {
            return Ok(Posted::Refused);
        }
        let (truth, tip) = match &waiting.cargo {
            Cargo::Said(id) => (Truth::Said(*id), None),
            Cargo::Proposal(id) => (Truth::Proposed(*id), None),
            Cargo::Commit(plan) => {
                let tip = logs.branch(branch)?.tip;
                if self.model.epoch(tip)?.number != waiting.epoch {
                    return Ok(Posted::Refused);
                }
                if tip != plan.from && self.config.dishonest.is_empty() {
                    return Err(What::Internal("a commit for another line of history").into());
                }
                if tip != plan.from {
                    return Ok(Posted::Refused);
                }
                (Truth::Commit(self.begin_epoch(who, era, plan)?), Some(plan))
            }
        };
        let act = self.hold_back(who, &waiting.cargo);
        let record = Arc::new(Record { bytes: Arc::clone(&waiting.bytes), digest: waiting.digest, truth, act });
        self.note(format_args!("{who} posts {truth:?}"));
        if act.is_some() {
            let delay = 30_000 + self.dice.millis(1_200_000);
            self.agenda.after(delay, Event::Late { era, branch, record, by: who });
            return Ok(Posted::Taken(0));
        }
        let position = self.take_in(era, branch, record, who)?;
        if let (Some(plan), Truth::Commit(epoch)) = (tip, truth) {
            self.publish_commit(era, branch, plan, (epoch, position, waiting.digest))?;
        }
        Ok(Posted::Taken(position))
    }

    fn begin_epoch(&mut self, by: PersonId, era: usize, plan: &Plan) -> Step<crate::EpochId> {
        let number = self.model.epoch(plan.from)?.number + 1;
        let Plan { from, roster, external, is_last, .. } = plan;
        self.commits += 1;
        self.commit_event = self.events;
        self.counts.did(if *external { "external commit" } else { "commit" });
        Ok(self.model.begin(EpochFacts {
            era,
            number,
            parent: Some(*from),
            roster: roster.clone(),
            by,
            external: *external,
            is_last: *is_last,
            agreed: None,
        }))
    }

    /// What came with a commit is given to whom it is for.
    fn publish_commit(
        &mut self,
        era: usize,
        branch: BranchId,
        plan: &Plan,
        (epoch, position, digest): (crate::EpochId, usize, [u8; 16]),
    ) -> Step<()> {
        let logs = self.service.logs_mut(era)?;
        logs.closed |= plan.is_last;
        let log = logs.branch_mut(branch)?;
        log.tip = epoch;
        if let Some((bytes, tree)) = &plan.info {
            log.infos.push(GroupInfoOffer { epoch, bytes: Arc::clone(bytes), tree: tree.clone(), act: None });
            if log.infos.len() > 16 {
                log.infos.remove(0);
            }
        }
        let Some((welcome, tree)) = &plan.welcome else { return Ok(()) };
        let references: Arc<[_]> = plan.invited.clone().into();
        for reference in &plan.invited {
            let (invited, act) = self.service.desk.owner(reference).have("whose key package it is")?;
            let invitation = Invitation {
                welcome: Arc::clone(welcome),
                tree: tree.clone(),
                era,
                branch,
                epoch,
                references: Arc::clone(&references),
                next: position + 1,
                began_by: digest,
                act,
            };
            self.service.desk.invite(invited, invitation);
        }
        Ok(())
    }

    /// A record comes to a log, and to everyone who follows it.
    pub(super) fn take_in(&mut self, era: usize, branch: BranchId, record: Arc<Record>, by: PersonId) -> Step<usize> {
        match record.truth {
            Truth::Said(id) => self.model.said_in(id, branch)?,
            Truth::Proposed(id) => self.model.proposed_openly(id)?,
            Truth::Commit(_) => {}
        }
        let position = self.service.logs_mut(era)?.append(branch, Arc::clone(&record))?;
        self.leave_out(era, branch, position, by)?;
        for to in self.everybody() {
            self.push(to, (era, branch, position), &record)?;
        }
        self.repeat(era, branch, &record)?;
        Ok(position)
    }

    fn push(
        &mut self,
        to: PersonId,
        (era, branch, position): (usize, BranchId, usize),
        record: &Arc<Record>,
    ) -> Step<()> {
        let person = self.person(to)?;
        let session = Some(person.session);
        if self.calm || !person.online || person.file.era != era || person.group.is_none() {
            return Ok(());
        }
        // Whoever is out hears of the group by mistake only.
        if !person.is_active() && !self.dice.chance(3) {
            return Ok(());
        }
        let logs = self.service.logs(era)?;
        let view = logs.view(to);
        let is_shown = view.branch == branch && !view.omitted.contains(&position);
        let is_shown = is_shown && view.frozen.is_none_or(|frozen| position < frozen);
        let act = if is_shown { record.act } else { return self.mislead(to, era, branch, record) };
        let shown = Shown { seq: logs.seq(to, position), record: Arc::clone(record), session, act };
        let copies = match self.dice.below(25) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        match copies {
            0 => self.counts.fault("push lost"),
            2 => self.counts.fault("push twice"),
            _ => {}
        }
        for _ in 0..copies {
            let delay = match self.dice.below(12) {
                0 => self.dice.millis(60_000),
                _ => 50 + self.dice.millis(2_000),
            };
            self.agenda.after(delay, Event::Push { to, era, shown: shown.clone() });
        }
        Ok(())
    }

    /// Someone reads the log on from where it was left.
    pub(super) fn pull(&mut self, who: PersonId) -> Step<()> {
        let person = self.person(who)?;
        if !person.is_active() || !person.follows() {
            return Ok(());
        }
        let (era, cursor) = (person.file.era, person.file.cursor);
        let shown = self.service.logs(era)?.read(who, cursor)?;
        let (mut shown, reordered) = self.tamper(who, shown);
        // Records carry their number, whatever order they come in.
        shown.sort_by_key(|shown| shown.seq);
        if let Some(act) = reordered
            && is_in_order(&shown, &self.service.logs(era)?.read(who, cursor)?)
        {
            self.mischief.end(act, Notice::Harmless(Harmless::SortedByNumber));
        }
        let mut expected = cursor;
        for shown in shown {
            if shown.seq != expected {
                // A log has no gaps: whoever leaves records out is not to be followed past them.
                self.signal(who, Signal::Gap, &[who])?;
                return self.pull_soon(who);
            }
            expected += 1;
            let person = self.person(who)?;
            let is_taken = shown.seq < person.file.cursor || person.file.ahead.contains_key(&shown.seq);
            if is_taken && !self.dice.chance(10) {
                continue;
            }
            self.take(who, era, &shown, true)?;
            let person = self.person(who)?;
            if !person.is_active() || !person.follows() {
                return Ok(());
            }
        }
        self.person_mut(who)?.current = true;
        if self.service.logs(era)?.view(who).frozen.is_none() {
            for behaviour in [Behaviour::Withhold, Behaviour::WrongWelcome] {
                self.mischief.end_all(behaviour, Some(who), Notice::Harmless(Harmless::CaughtUp));
            }
        }
        Ok(())
    }

    /// A record comes by itself.
    pub(super) fn pushed(&mut self, to: PersonId, era: usize, shown: &Shown) -> Step<()> {
        let person = self.person(to)?;
        if person.group.is_none() || !person.follows() {
            return Ok(());
        }
        if self.take(to, era, shown, false)? { Ok(()) } else { self.pull_soon(to) }
    }

    pub(super) fn pull_soon(&mut self, who: PersonId) -> Step<()> {
        let delay = 500 + self.dice.millis(3_000);
        let person = self.person_mut(who)?;
        if !person.pulling {
            person.pulling = true;
            self.agenda.after(delay, Event::Pull(who));
        }
        Ok(())
    }

    /// Whom a record may be shown from the log's point of view.
    pub(super) fn branch_tip(&self, who: PersonId) -> Step<crate::EpochId> {
        self.service.logs(self.service.era())?.tip(who)
    }

    pub(super) fn someone(&mut self, among: &[PersonId]) -> Option<PersonId> {
        self.dice.pick(among).copied()
    }

    /// Members that may send, on the log of `who`.
    pub(super) fn able_beside(&self, who: PersonId) -> Step<Vec<PersonId>> {
        let logs = self.service.logs(self.service.era())?;
        let branch = logs.branch_of(who);
        let fits = |person: &&crate::person::Person| {
            person.id != who
                && person.online
                && person.is_able()
                && person.file.era == self.service.era()
                && logs.branch_of(person.id) == branch
        };
        Ok(self.people.iter().filter(fits).map(|person| person.id).collect())
    }

    /// Whether a position of a log is the tip that someone stands at.
    pub(super) fn is_at_tip(&self, who: PersonId) -> Step<bool> {
        let at = self.person(who)?.standing.at.have("where a member stands")?;
        Ok(at == self.branch_tip(who)?)
    }
}

/// Whether what was shown is what a log has, each at its number and one after the other; it may have more.
fn is_in_order(shown: &[Shown], log: &[Shown]) -> bool {
    let mut log = log.iter();
    shown.iter().all(|shown| log.any(|own| own.seq == shown.seq && own.record.digest == shown.record.digest))
}
