//! Where the dishonest service acts. Each act is put on record, to be found again when something comes of it.

use alloc::sync::Arc;

use super::{Event, Fork, Simulation};
use crate::{
    finding::{Have as _, Step},
    ids::{ActId, BranchId, EpochId, PersonId},
    model::Why,
    person::Cargo,
    run::commit::person_of,
    service::{Behaviour, GroupInfoOffer, Harmless, Invitation, Notice, Offer, Record, Shown, Signal, Truth},
};

impl Simulation {
    fn tempted(&mut self, behaviour: Behaviour, once_in: usize) -> bool {
        self.mischief.does(behaviour) && !self.calm && self.dice.once_in(once_in)
    }

    /// Begins what goes on for longer: withholding, and forks.
    pub(super) fn scheme(&mut self, who: PersonId) -> Step<()> {
        self.close_fork()?;
        let era = self.service.era();
        let person = self.person(who)?;
        let is_inside = person.is_active() && person.file.era == era && self.service.logs(era)?.is_straight(who);
        if self.fork.is_none() && is_inside && self.tempted(Behaviour::Withhold, 60) {
            self.mischief.act(Behaviour::Withhold, Some(who), "shows nothing new");
            let logs = self.service.logs_mut(era)?;
            let length = logs.branch(logs.branch_of(who))?.records.len();
            logs.view_mut(who).frozen = Some(length);
            let delay = 300_000 + self.dice.millis(3_000_000);
            self.agenda.after(delay, Event::Thaw { whom: who, era });
        }
        if self.fork.is_none() && !self.service.logs(era)?.closed && self.tempted(Behaviour::Fork, 100) {
            self.begin_fork()?;
        }
        if is_inside && self.tempted(Behaviour::Replay, 4) {
            self.replay(who, era)?;
        }
        Ok(())
    }

    fn begin_fork(&mut self) -> Step<()> {
        self.mischief.act(Behaviour::Fork, None, "keeps two logs");
        let everybody: Vec<PersonId> = self.everybody().collect();
        let moved: Vec<PersonId> = everybody.into_iter().filter(|_| self.dice.chance(50)).collect();
        let main = self.main;
        let era = self.service.era();
        let logs = self.service.logs_mut(era)?;
        let other = logs.fork(main)?;
        for who in moved.iter().copied() {
            logs.view_mut(who).branch = other;
            if let Some(person) = self.people.get_mut(who.0).filter(|person| person.file.era == era) {
                person.file.branch = other;
            }
        }
        self.fork = Some(Fork { sides: [main, other], kept: None });
        self.note(format_args!("the service forks {main:?}, {other:?} is shown to {moved:?}"));
        Ok(())
    }

    pub(super) fn thaw(&mut self, whom: PersonId, era: usize) -> Step<()> {
        if self.service.logs_mut(era)?.view_mut(whom).frozen.take().is_some() {
            self.pull_soon(whom)?;
        }
        Ok(())
    }

    /// A record of long ago comes again.
    fn replay(&mut self, who: PersonId, era: usize) -> Step<()> {
        let cursor = self.person(who)?.file.cursor;
        let records = self.service.logs(era)?.read(who, 0)?;
        let old: Vec<Shown> = records.into_iter().filter(|shown| shown.seq < cursor).collect();
        let Some(shown) = self.dice.pick(&old).cloned() else { return Ok(()) };
        let act = self.mischief.plan(Behaviour::Replay, Some(who), "shows an old record again");
        self.agenda.after(
            100,
            Event::Push { to: who, era, shown: Shown { act: Some(act), session: Some(u64::MAX), ..shown } },
        );
        Ok(())
    }

    /// A message is not taken in yet.
    pub(super) fn hold_back(&mut self, who: PersonId, cargo: &Cargo) -> Option<ActId> {
        if !matches!(cargo, Cargo::Said(_)) {
            return None;
        }
        if self.tempted(Behaviour::Delay, 10) {
            return Some(self.mischief.plan(Behaviour::Delay, Some(who), "takes a message in late"));
        }
        let reorders = self.tempted(Behaviour::Reorder, 12);
        reorders.then(|| self.mischief.plan(Behaviour::Reorder, Some(who), "takes a message in out of order"))
    }

    /// What was held back comes to the log, if the group still has it.
    pub(super) fn take_in_late(&mut self, era: usize, branch: BranchId, record: Arc<Record>, by: PersonId) -> Step<()> {
        if self.service.logs(era)?.closed {
            record.act.into_iter().for_each(|act| self.mischief.end(act, Notice::Harmless(Harmless::NeverSeen)));
            return Ok(());
        }
        self.take_in(era, branch, record, by).map(drop)
    }

    /// A record is left out of somebody's log for good.
    pub(super) fn leave_out(&mut self, era: usize, branch: BranchId, position: usize, by: PersonId) -> Step<()> {
        if self.fork.is_some() || era != self.service.era() || !self.tempted(Behaviour::Drop, 25) {
            return Ok(());
        }
        let logs = self.service.logs(era)?;
        let log = logs.branch(branch)?;
        let record = log.records.get(position).have("a record")?;
        let (truth, epoch) = (record.truth, self.model.epoch(log.tip)?.number);
        let leads_on = matches!(truth, Truth::Commit(_)) && logs.find(branch, &record.digest)? == Some(position);
        let fits = |person: &&crate::person::Person| {
            let follows = person.is_able() && person.file.era == era && logs.branch_of(person.id) == branch;
            person.id != by && follows && logs.is_straight(person.id)
        };
        let victims: Vec<PersonId> = self.people.iter().filter(fits).map(|person| person.id).collect();
        let Some(victim) = self.someone(&victims) else { return Ok(()) };
        let act = self.mischief.act(Behaviour::Drop, Some(victim), "leaves a record out");
        // Without the commit that ends its epoch nobody gets on; of anything else only the others know.
        if !leads_on {
            self.mischief.keep_from(act, (era, epoch));
        }
        self.note(format_args!("{victim} is not shown {truth:?}"));
        self.service.logs_mut(era)?.view_mut(victim).omitted.insert(position);
        if let Truth::Said(id) = truth {
            self.person_mut(victim)?.standing.miss(id, Why::Withheld);
        }
        Ok(())
    }

    /// What somebody is not shown can come out only while somebody else is there who was. Acts of which nobody is left to tell
    /// end here.
    pub(super) fn forget_untold(&mut self) -> Step<()> {
        for (act, victim, (era, epoch)) in self.mischief.kept() {
            let tells = |person: &crate::person::Person| {
                let goes_on = person.is_active() && !person.halted && person.file.era == era;
                person.id != victim && goes_on && person.file.diary.saw(epoch)
            };
            if !self.people.iter().any(tells) {
                self.mischief.end(act, Notice::Harmless(Harmless::NobodyKnows));
            }
        }
        Ok(())
    }

    /// A record comes to the log again.
    pub(super) fn repeat(&mut self, era: usize, branch: BranchId, record: &Arc<Record>) -> Step<()> {
        if record.act.is_some() || !self.tempted(Behaviour::Duplicate, 12) {
            return Ok(());
        }
        let act = self.mischief.plan(Behaviour::Duplicate, None, "puts a record into the log again");
        let Record { bytes, digest, truth, .. } = &**record;
        let again = Record { bytes: Arc::clone(bytes), digest: *digest, truth: *truth, act: Some(act) };
        let by = PersonId(usize::MAX);
        let delay = self.dice.millis(120_000);
        self.agenda.after(delay, Event::Late { era, branch, record: Arc::new(again), by });
        Ok(())
    }

    /// A record of one side of a fork reaches someone on the other.
    pub(super) fn mislead(&mut self, to: PersonId, era: usize, branch: BranchId, record: &Arc<Record>) -> Step<()> {
        let Some(fork) = self.fork else { return Ok(()) };
        let is_inside = !matches!(record.truth, Truth::Proposed(_)) && fork.sides.contains(&branch);
        if is_inside && self.dice.chance(2) {
            let shown = Shown { seq: 0, record: Arc::clone(record), session: Some(u64::MAX), act: None };
            self.agenda.after(1_000, Event::Push { to, era, shown });
        }
        Ok(())
    }

    /// What the service answers when a log is read, and the act by which it is in another order than the log's.
    pub(super) fn tamper(&mut self, who: PersonId, mut shown: Vec<Shown>) -> (Vec<Shown>, Option<ActId>) {
        if shown.len() > 2 && self.tempted(Behaviour::Drop, 20) {
            self.mischief.act(Behaviour::Drop, Some(who), "leaves a gap");
            let gap = self.dice.below(shown.len() - 1);
            shown.remove(gap);
        }
        let reorders = shown.len() > 1 && self.tempted(Behaviour::Reorder, 10);
        let act = reorders.then(|| self.mischief.act(Behaviour::Reorder, Some(who), "answers in another order"));
        if reorders {
            shown.reverse();
        }
        (shown, act)
    }

    /// A GroupInfo of an epoch that is over.
    pub(super) fn stale_info(&mut self, who: PersonId, tip: EpochId) -> Step<Option<GroupInfoOffer>> {
        if !self.tempted(Behaviour::StaleGroupInfo, 2) {
            return Ok(None);
        }
        let logs = self.service.logs(self.service.era())?;
        let infos = &logs.branch(logs.branch_of(who))?.infos;
        let old: Vec<GroupInfoOffer> = infos.iter().filter(|offer| offer.epoch != tip).cloned().collect();
        let Some(offer) = self.dice.pick(&old).cloned() else { return Ok(None) };
        let act = self.mischief.act(Behaviour::StaleGroupInfo, Some(who), "gives an old GroupInfo");
        Ok(Some(GroupInfoOffer { act: Some(act), ..offer }))
    }

    /// The Welcome that someone gets in place of the one that waits.
    pub(super) fn mislay(&mut self, who: PersonId, genuine: Invitation) -> Invitation {
        if !self.tempted(Behaviour::WrongWelcome, 2) {
            return genuine;
        }
        let old = self.dice.chance(50);
        let (wrong, what) = match old {
            true => (
                self.service.desk.opened(who).filter(|opened| opened.references != genuine.references),
                "an old Welcome",
            ),
            false => (self.service.desk.of_another(who, &genuine), "another's Welcome"),
        };
        let Some(wrong) = wrong else { return genuine };
        let act = self.mischief.act(Behaviour::WrongWelcome, Some(who), what);
        self.service.desk.invite(who, genuine);
        Invitation { act: Some(act), ..wrong }
    }

    /// The key package that a member gets who asks for somebody's.
    pub(super) fn ask_for_package(&mut self, who: PersonId, whom: PersonId) -> Step<Option<(PersonId, Offer)>> {
        if !self.tempted(Behaviour::ReplaceKeyPackage, 4) {
            return Ok(self.service.desk.hand_out(whom).map(|offer| (whom, offer)));
        }
        match self.dice.below(3) {
            0 => {
                let act = self.mischief.act(
                    Behaviour::ReplaceKeyPackage,
                    Some(who),
                    "gives a key package with the attacker's key",
                );
                Ok(Some((whom, Offer { act: Some(act), ..self.forged_offer(whom)? })))
            }
            1 => {
                let others: Vec<PersonId> = self.everybody().filter(|other| *other != whom).collect();
                let other = self.someone(&others).have("somebody else")?;
                let Some(offer) = self.service.desk.hand_out(other) else { return Ok(None) };
                self.mischief.act(Behaviour::ReplaceKeyPackage, Some(who), "gives another's key package");
                // Whoever asked for a name looks whether it is the one that is shown.
                if person_of(&offer.package.leaf_node.credential)? == whom {
                    return Ok(Some((whom, offer)));
                }
                self.signal(who, Signal::Impostor, &[who])?;
                Ok(None)
            }
            _ => {
                let Some(offer) = self.service.desk.used(whom) else { return Ok(None) };
                let act = self.mischief.plan(Behaviour::ReplaceKeyPackage, Some(whom), "gives a key package again");
                self.service.desk.blame(&offer.reference, act);
                Ok(Some((whom, Offer { act: Some(act), ..offer })))
            }
        }
    }
}
