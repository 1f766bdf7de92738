//! Trouble, and the way out of it: backups that are put back, states that cannot be gone on with, people who compare what
//! they see. Nobody joins anew silently: each time has its signal, and the policy decides.

use super::{Event, Fork, Simulation};
use crate::{
    Recovery,
    finding::{Have as _, Step, What},
    ids::{BranchId, EpochId, PersonId},
    service::{Behaviour, Harmless, Notice, Signal},
    witness::Comparison,
};

impl Simulation {
    /// Someone sees something. `concerns` are those it may be about.
    pub(super) fn signal(&mut self, who: PersonId, signal: Signal, concerns: &[PersonId]) -> Step<()> {
        let is_possible = |causes: &[Behaviour]| causes.iter().any(|cause| self.config.dishonest.contains(cause));
        if signal.causes().is_some_and(|causes| !is_possible(causes)) {
            return Err(What::FalseAlarm { signal: format!("{} ({who})", signal.name()) }.into());
        }
        self.note(format_args!("{who} sees {signal:?}"));
        *self.counts.signals.entry(signal).or_default() += 1;
        self.mischief.seen(signal, concerns);
        Ok(())
    }

    /// Someone sees that it cannot go on with its state.
    pub(super) fn trouble(&mut self, who: PersonId, signal: Signal) -> Step<()> {
        self.signal(who, signal, &[who])?;
        let recovery = self.config.recovery;
        let person = self.people.get_mut(who.0).have("a person")?;
        person.trouble = Some(signal);
        if self.fork.is_some() {
            self.torn.extend(person.standing.at.map(|at| (at, signal)));
        }
        if recovery == Recovery::Stop {
            person.halted = true;
            self.counts.recover("stopped");
            for behaviour in [Behaviour::Drop, Behaviour::Withhold] {
                self.mischief.end_all(behaviour, Some(who), Notice::Harmless(Harmless::NeverSeen));
            }
            // What led it to where it cannot go on from.
            for behaviour in [Behaviour::StaleGroupInfo, Behaviour::WrongWelcome] {
                self.mischief.end_all(behaviour, Some(who), Notice::Seen(signal));
            }
            self.leave_log(who, crate::Why::Stopped)?;
            return Ok(());
        }
        self.agenda.after(1_000, Event::Wake(who));
        Ok(())
    }

    /// Someone in trouble joins anew, if the policy wants it so.
    pub(super) fn recover(&mut self, who: PersonId) -> Step<()> {
        let person = self.person(who)?;
        let Some(signal) = person.trouble.filter(|_| person.online && !person.halted) else { return Ok(()) };
        let kept = self.fork.map_or(Some(self.main), |fork| fork.kept);
        if let Some(kept) = kept {
            self.service.logs_mut(self.service.era())?.view_mut(who).branch = kept;
        }
        self.enter_from_outside(who)?;
        if self.person(who)?.trouble.is_none() {
            self.counts.recover(match signal {
                Signal::OldCopy => "joined anew: old copy of the state",
                Signal::Fork => "joined anew: fork",
                Signal::Behind => "joined anew: cut off",
                _ => "joined anew: log cannot be followed",
            });
        }
        Ok(())
    }

    /// A member joins anew in its own place, for no reason.
    pub(super) fn resync(&mut self, who: PersonId) -> Step<()> {
        self.counts.did("resync");
        self.enter_from_outside(who)
    }

    pub(super) fn back_up(&mut self, who: PersonId) -> Step<()> {
        self.counts.did("backup");
        let before = (0..self.person(who)?.file.era).map(|era| Ok(self.service.logs(era)?.branch_of(who)));
        let before = before.collect::<Step<Vec<BranchId>>>()?;
        self.person_mut(who)?.back_up(before)
    }

    /// Someone's old backup is put back. What was sealed and never reached the service leaves no sign in any log, nor does what
    /// the service hides: against that there is only the reuse guard (RFC 9420 §6.3.1). So it is done here only to those whose
    /// outbox is empty, and who see the whole log.
    pub(super) fn restore(&mut self, who: PersonId) -> Step<()> {
        let person = self.person(who)?;
        let Some(backup) = &person.backup else { return Ok(()) };
        let sees_all =
            self.service.logs(backup.era())?.is_straight(who) && self.service.logs(person.file.era)?.is_straight(who);
        if !person.file.outbox.is_empty() || !sees_all || self.fork.is_some() {
            return Ok(());
        }
        self.counts.fault("old backup restored");
        self.note(format_args!("{who} is restored"));
        let person = self.person_mut(who)?;
        let branches = person.restore()?;
        person.check_stored()?;
        // It may have been led back into a group before, since.
        for (era, branch) in branches.into_iter().enumerate() {
            self.service.logs_mut(era)?.view_mut(who).branch = branch;
        }
        self.switch(who)?;
        self.leave_astray(who)?;
        self.agenda.after(1_000, Event::Wake(who));
        Ok(())
    }

    /// A state that an old GroupInfo led to is gone, where the copy is not one of it.
    fn leave_astray(&mut self, who: PersonId) -> Step<()> {
        let Some(at) = self.person(who)?.standing.at else { return Ok(()) };
        for (act, led_to) in self.mischief.astray(who) {
            if self.model.ancestor(at, self.model.epoch(led_to)?.number)? != Some(led_to) {
                self.mischief.end(act, Notice::Harmless(Harmless::Replaced));
            }
        }
        Ok(())
    }

    /// Two people meet.
    pub(super) fn meet_somebody(&mut self) -> Step<()> {
        self.agenda.after(45_000, Event::Meet);
        let here: Vec<PersonId> =
            self.people.iter().filter(|person| person.is_able()).map(|person| person.id).collect();
        match (self.someone(&here), self.someone(&here)) {
            (Some(one), Some(other)) if one != other => self.meet(one, other),
            _ => Ok(()),
        }
    }

    /// Two people who trust each other compare what they see.
    pub(super) fn meet(&mut self, one: PersonId, other: PersonId) -> Step<()> {
        let (first, second) = (self.person(one)?, self.person(other)?);
        if !first.is_able() || !second.is_able() {
            return Ok(());
        }
        if first.file.era != second.file.era {
            // One is in a successor of the other's group: the other's log leads there, or leads nowhere.
            let behind = if first.file.era < second.file.era { one } else { other };
            self.pull(behind)?;
            return if self.person(behind)?.is_able() { self.trouble(behind, Signal::Behind) } else { Ok(()) };
        }
        match first.file.diary.compare(&second.file.diary) {
            Comparison::Fork(epoch) => {
                self.note(format_args!("{one} and {other} differ about epoch {epoch}"));
                self.fork_seen(one, other)
            }
            comparison => {
                let (behind, ahead) =
                    if first.group()?.epoch() < second.group()?.epoch() { (one, other) } else { (other, one) };
                if comparison == Comparison::LogDiffers {
                    self.signal(one, Signal::LogDiffers, &[one, other])?;
                }
                self.pull(behind)?;
                let (slow, fast) = (self.person(behind)?, self.person(ahead)?);
                let here = slow.group()?.epoch().0;
                if !slow.is_able() || here >= fast.group()?.epoch().0 {
                    return Ok(());
                }
                // Being further on counts for nothing in a log that people decided against.
                if let Some(Fork { kept: Some(kept), .. }) = self.fork
                    && self.is_on(behind, kept)?
                    && !self.is_on(ahead, kept)?
                {
                    return self.trouble(ahead, Signal::LogDiffers);
                }
                // Without an epoch in common there is no telling whether it could ever catch up.
                if comparison == Comparison::Apart {
                    return self.trouble(behind, Signal::Behind);
                }
                self.left_behind(behind)
            }
        }
    }

    /// Someone sees, having read the log, that the group is further on. It may be shown the rest later: only who sees it again
    /// in the same epoch cannot go on.
    pub(super) fn left_behind(&mut self, who: PersonId) -> Step<()> {
        let here = self.person(who)?.group()?.epoch().0;
        if self.person(who)?.behind_in == Some(here) {
            return self.trouble(who, Signal::Behind);
        }
        self.person_mut(who)?.behind_in = Some(here);
        self.signal(who, Signal::Behind, &[who])
    }

    /// Two people found out that they are in different states of one epoch. People decide which side goes on; the others
    /// join it anew.
    fn fork_seen(&mut self, one: PersonId, other: PersonId) -> Step<()> {
        let sides = [one, other];
        self.signal(one, Signal::Fork, &sides)?;
        self.signal(other, Signal::Fork, &sides)?;
        let kept = self.decide()?;
        for who in sides {
            if !self.is_on(who, kept)? {
                self.trouble(who, Signal::Fork)?;
            }
        }
        Ok(())
    }

    /// The log that goes on: the one that more members follow.
    fn decide(&mut self) -> Step<BranchId> {
        let Some(fork) = self.fork else { return Ok(self.main) };
        if let Some(kept) = fork.kept {
            return Ok(kept);
        }
        let [one, other] = fork.sides;
        let kept = if self.followers(other)? > self.followers(one)? { other } else { one };
        self.keep(fork, kept);
        Ok(kept)
    }

    /// Of the two logs of a fork this one is to go on.
    pub(super) fn keep(&mut self, fork: Fork, kept: BranchId) {
        self.fork = Some(Fork { kept: Some(kept), ..fork });
        self.note(format_args!("{kept:?} goes on"));
    }

    /// How many members go on in a log: not those who were led to where no log leads, and not those in trouble.
    fn followers(&self, branch: BranchId) -> Step<usize> {
        let mut count = 0;
        for person in self.people.iter().filter(|person| person.is_active() && !person.halted) {
            let is_shown = self.service.logs(self.service.era())?.branch_of(person.id) == branch;
            if is_shown && person.trouble.is_none() && self.is_on(person.id, branch)? {
                count += 1;
            }
        }
        Ok(count)
    }

    /// The log that was decided for may have lost all its members since: then the other one goes on.
    fn reconsider(&mut self) -> Step<()> {
        let Some(fork @ Fork { sides, kept: Some(kept) }) = self.fork else { return Ok(()) };
        if self.followers(kept)? > 0 {
            return Ok(());
        }
        for side in sides.into_iter().filter(|side| *side != kept) {
            if self.followers(side)? > 0 {
                self.keep(fork, side);
            }
        }
        Ok(())
    }

    /// Whether someone's epoch is one of this log's.
    pub(super) fn is_on(&self, who: PersonId, branch: BranchId) -> Step<bool> {
        self.person(who)?.standing.at.map_or(Ok(false), |at| self.is_part_of(at, branch))
    }

    /// Whether an epoch is one of this log's.
    fn is_part_of(&self, at: EpochId, branch: BranchId) -> Step<bool> {
        let tip = self.service.logs(self.service.era())?.branch(branch)?.tip;
        Ok(self.model.ancestor(tip, self.model.epoch(at)?.number)? == Some(at))
    }

    /// Whether the fork is over: everyone who is in the group follows one log again. Then the service has only that one.
    pub(super) fn close_fork(&mut self) -> Step<()> {
        self.reconsider()?;
        let Some(Fork { sides, kept: Some(kept) }) = self.fork else { return Ok(()) };
        for who in self.everybody() {
            let person = self.person(who)?;
            if person.is_active()
                && !person.halted
                && person.file.era == self.service.era()
                && !self.is_on(who, kept)?
            {
                return Ok(());
            }
        }
        for who in self.everybody() {
            self.service.logs_mut(self.service.era())?.view_mut(who).branch = kept;
            self.switch(who)?;
        }
        self.service.desk.keep_only(self.service.era(), kept);
        self.main = kept;
        self.fork = None;
        self.note(format_args!("only {kept:?} is left"));
        let mut parted = false;
        for side in sides {
            parted |= side != kept && self.is_followed_apart(side, kept)?;
        }
        if !parted {
            self.mischief.end_all(Behaviour::Fork, None, Notice::Harmless(Harmless::NeverSeen));
        }
        // Those who were led apart and did not meet anybody may have seen something else.
        for (at, signal) in core::mem::take(&mut self.torn) {
            if !self.is_part_of(at, kept)? {
                self.mischief.end_all(Behaviour::Fork, None, Notice::Seen(signal));
            }
        }
        self.counts.recover("fork healed");
        Ok(())
    }

    /// Whether anybody was ever in an epoch of one log that is not one of the other's.
    fn is_followed_apart(&self, side: BranchId, other: BranchId) -> Step<bool> {
        let logs = self.service.logs(self.service.era())?;
        let (mut at, tip) = (Some(logs.branch(side)?.tip), logs.branch(other)?.tip);
        while let Some(epoch) = at {
            let facts = self.model.epoch(epoch)?;
            if self.model.ancestor(tip, facts.number)? == Some(epoch) {
                return Ok(false);
            }
            if facts.agreed.is_some() {
                return Ok(true);
            }
            at = facts.parent;
        }
        Ok(false)
    }

    /// Someone who had read on in another log, without having followed a commit of it, is shown the one it is given now: what
    /// that has in the same places, or will have, is passed over.
    fn switch(&mut self, who: PersonId) -> Step<()> {
        let file = &self.person(who)?.file;
        let branch = self.service.logs(file.era)?.branch_of(who);
        if file.branch == branch || !self.person(who)?.is_active() {
            return Ok(());
        }
        let person = self.person_mut(who)?;
        person.session += 1;
        person.file.branch = branch;
        person.file.ahead.clear();
        person.file.elsewhere = person.file.cursor;
        Ok(())
    }
}
