//! Coming to rest: the service is honest for a while, the network loses nothing, everyone comes back, recovers and catches up.
//! Then all members must agree, everyone must read everyone, and nobody else may. At the end every message is accounted for.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_mls::{
    Error,
    wire::{Epoch, MlsMessage, MlsMessageBody},
};

use super::{Event, Fork, Simulation, commit::Wish, inputs};
use crate::{
    finding::{Have as _, Must as _, Step, What},
    ids::{EpochId, PersonId},
    model::{Messages, Why},
    person::Person,
    service::Truth,
};

/// After so many rounds everybody must have come to rest.
const ROUNDS: usize = 40;
/// So many members speak when all are at rest.
const SPEAKERS: usize = 8;

impl Simulation {
    /// Everyone comes to rest, and is looked at.
    pub(super) fn settle(&mut self) -> Step<()> {
        self.haunt()?;
        self.calm = true;
        let on = self.mischief.repent();
        self.come_to_rest()?;
        self.check_members()?;
        self.speak_to_all()?;
        self.check_members()?;
        self.forget_untold()?;
        // What is still on its way may come later; what reached somebody has had its effect by now.
        self.mischief.check()?;
        self.mischief.relapse(on);
        self.calm = false;
        self.counts.did("settle");
        self.note(format_args!("at rest"));
        Ok(())
    }

    fn come_to_rest(&mut self) -> Step<()> {
        self.end_delays()?;
        for _ in 0..ROUNDS {
            self.part()?;
            self.compare_all()?;
            for who in self.everybody() {
                self.catch_up(who)?;
                self.flush(who)?;
                self.pull(who)?;
            }
            self.close_fork()?;
            if self.busy()?.is_none() {
                return Ok(());
            }
        }
        Err(What::Unsettled { why: self.busy()?.unwrap_or_default() }.into())
    }

    /// What was on its way arrives, or never does; what was withheld is shown; everyone comes back.
    fn end_delays(&mut self) -> Step<()> {
        for (era, branch, record, by) in self.late() {
            self.take_in_late(era, branch, record, by)?;
        }
        self.agenda.retain(|event| matches!(event, Event::Wake(_) | Event::Meet));
        for who in self.everybody() {
            for era in 0..=self.service.era() {
                self.thaw(who, era)?;
            }
            let person = self.person_mut(who)?;
            (person.online, person.pulling) = (true, false);
        }
        self.agenda.retain(|event| matches!(event, Event::Wake(_) | Event::Meet));
        Ok(())
    }

    fn late(&mut self) -> Vec<(usize, crate::BranchId, Arc<crate::service::Record>, PersonId)> {
        let mut late = Vec::new();
        self.agenda.retain(|event| {
            if let Event::Late { era, branch, record, by } = event {
                late.push((*era, *branch, Arc::clone(record), *by));
                return false;
            }
            true
        });
        late
    }

    /// Everyone compares with the next one, and with whoever remembers most, so that nothing stays unseen.
    fn compare_all(&mut self) -> Step<()> {
        // Whoever stopped compares nothing.
        let here = || self.people.iter().filter(|person| person.is_active() && !person.halted);
        let memory = |person: &&Person| person.file.diary.first_epoch();
        let veteran = here().min_by_key(memory).map(|person| person.id);
        let here: Vec<PersonId> = here().map(|person| person.id).collect();
        // Whoever has nobody to compare with finds out where it stands by a commit.
        if let [alone] = *here.as_slice()
            && self.person(alone)?.is_able()
            && self.person(alone)?.file.outbox.is_empty()
        {
            self.renew(alone)?;
            self.flush(alone)?;
        }
        let pairs = here.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
        let pairs: Vec<_> = pairs.chain(here.iter().filter_map(|who| Some((*who, veteran?)))).collect();
        for (one, other) in pairs.into_iter().filter(|(one, other)| one != other) {
            self.pull(one)?;
            self.pull(other)?;
            self.meet(one, other)?;
        }
        Ok(())
    }

    fn main_tip(&self) -> Step<EpochId> {
        Ok(self.service.logs(self.service.era())?.branch(self.main)?.tip)
    }

    /// Someone who is not at rest, and why.
    fn busy(&self) -> Step<Option<String>> {
        if let Some(Fork { sides, kept }) = self.fork {
            return Ok(Some(format!("the log is forked: {sides:?}, and {kept:?} was decided for")));
        }
        let tip = self.main_tip()?;
        for person in self.people.iter().filter(|person| !person.halted) {
            let at_tip = person.standing.at == Some(tip);
            let is_invited = self.model.epoch(tip)?.roster.contains(&person.id);
            let why = match person {
                _ if person.trouble.is_some() => "in trouble",
                _ if person.file.joining.is_some() => "joining",
                _ if !person.is_active() && is_invited => "invited",
                // Removed from the successor before it came there.
                _ if !person.is_active() || (person.is_at_the_end() && !is_invited) => continue,
                _ if !person.file.outbox.is_empty() => "has something to send",
                _ if !at_tip || !self.has_read_all(person)? => "not up to date",
                _ => continue,
            };
            return Ok(Some(format!("{} is {why}", person.id)));
        }
        Ok(None)
    }

    /// While nobody has seen a fork, each side goes on by a commit, so that it can be seen.
    fn part(&mut self) -> Step<()> {
        let Some(fork @ Fork { sides, kept: None }) = self.fork else { return Ok(()) };
        let logs = self.service.logs(self.service.era())?;
        let follow = |branch| {
            let follows = |person: &&Person| person.is_able() && logs.branch_of(person.id) == branch;
            self.people.iter().find(follows).map(|person| person.id)
        };
        let leaders = sides.map(follow);
        for (leader, other) in leaders.into_iter().zip(sides.into_iter().rev()) {
            match leader {
                Some(who) if self.person(who)?.file.outbox.is_empty() => self.renew(who)?,
                Some(_) => {}
                // Nobody follows this side.
                None => self.keep(fork, other),
            }
        }
        Ok(())
    }

    /// A member renews its keys, unless the log shows that it was outdone. A commit of its own that is not there was refused.
    fn renew(&mut self, who: PersonId) -> Step<()> {
        self.pull(who)?;
        if !self.person(who)?.is_able() {
            return Ok(());
        }
        if self.person(who)?.group()?.has_pending_commit() {
            self.give_up_commit(who)?;
        }
        self.make_commit(who, Wish { path: true, info: true, ..Wish::default() }).map(drop)
    }

    fn has_read_all(&self, person: &Person) -> Step<bool> {
        Ok(self.service.logs(person.file.era)?.read(person.id, person.file.cursor)?.is_empty())
    }

    /// The members are those of the model, in one epoch and one state, and what is in memory is what is stored.
    fn check_members(&mut self) -> Step<()> {
        let tip = self.main_tip()?;
        let facts = self.model.epoch(tip)?.clone();
        for who in self.everybody() {
            let person = self.person(who)?;
            let is_in = person.is_active() && person.standing.at == Some(tip);
            if !person.halted && is_in != facts.roster.contains(&who) {
                let about = format!("whether {who} is in epoch {}", facts.number);
                return Err(What::Disagreement { about }.into());
            }
            if is_in {
                person.check_stored()?;
                let group = person.group()?;
                let held = (group.epoch_authenticator().expose().to_vec(), group.public().tree().tree_hash().to_vec());
                self.model.agree(tip, who, held)?;
            }
        }
        Ok(())
    }

    /// One member renews its keys; then some speak, and all others hear them.
    fn speak_to_all(&mut self) -> Step<()> {
        let able: Vec<PersonId> =
            self.people.iter().filter(|person| person.is_able()).map(|person| person.id).collect();
        let Some(committer) = self.someone(&able) else { return Ok(()) };
        self.renew(committer)?;
        self.come_to_rest()?;
        let able: Vec<PersonId> =
            self.people.iter().filter(|person| person.is_able()).map(|person| person.id).collect();
        for _ in 0..SPEAKERS.min(able.len()) {
            if let Some(speaker) = self.someone(&able)
                && self.person(speaker)?.group()?.proposals().next().is_none()
            {
                self.speak(speaker)?;
            }
        }
        self.come_to_rest()
    }

    /// Those who are behind, some of them removed without knowing it, read nothing of what is said now, whatever epoch it
    /// claims to be of.
    fn haunt(&mut self) -> Step<()> {
        let tip = self.main_tip()?;
        let last = self.service.logs(self.service.era())?.branch(self.main)?.records.iter().rev().take(20);
        let is_new = |record: &&Arc<crate::service::Record>| matches!(record.truth, Truth::Said(id) if self.model.said(id).is_ok_and(|said| said.epoch == tip));
        let Some(record) = last.clone().find(is_new).cloned() else { return Ok(()) };
        let MlsMessageBody::PrivateMessage(message) =
            MlsMessage::from_bytes(&record.bytes).must("to decode a message")?.body
        else {
            return Ok(());
        };
        let (era, number) = (self.service.era(), self.model.epoch(tip)?.number);
        let behind = |person: &&Person| {
            person.is_active()
                && person.file.era == era
                && person.group.as_ref().is_some_and(|group| group.epoch().0 < number)
        };
        let ghosts: Vec<PersonId> = self.people.iter().filter(behind).map(|person| person.id).take(3).collect();
        for ghost in ghosts {
            let now = self.person(ghost)?.group()?.epoch().0;
            for epoch in now.saturating_sub(2)..=now {
                let mut claimed = message.clone();
                claimed.epoch = Epoch(epoch);
                let bytes = MlsMessage::from(claimed).to_bytes().must("to encode a message")?;
                let seconds = self.now_seconds();
                let person = self.people.get_mut(ghost.0).have("a person")?;
                let got = person.receive(&bytes, &inputs(&self.authority, &self.psks, seconds), true)?;
                self.counts.did("haunt");
                match got {
                    Err(Error::Stale(_) | Error::Unverified(_)) => {}
                    Err(Error::Invalid(cenacle_mls::Rule::ReInitIsLast)) => {}
                    _ => return Err(What::Allowed { doing: "reading a message of another epoch" }.into()),
                }
            }
        }
        Ok(())
    }

    /// Every message was read by everyone who may read it, or there is a reason.
    pub(super) fn account(&mut self) -> Step<Messages> {
        for who in self.everybody() {
            self.pass_over(who)?;
            let person = self.person(who)?;
            if !person.is_active() || person.halted {
                let why = if person.halted { Why::Stopped } else { Why::Out };
                self.leave_log(who, why)?;
            }
            for era in self.person(who)?.file.era + 1..=self.service.era() {
                self.skip(who, (era, 0, u64::MAX), Why::Succession)?;
            }
        }
        let mut lines = BTreeMap::new();
        for era in 0..=self.service.era() {
            for (number, branch) in self.service.logs(era)?.branches.iter().enumerate() {
                lines.insert((era, crate::BranchId(number)), self.model.line(branch.tip)?);
            }
        }
        let standings: Vec<_> = self.people.iter().map(|person| &person.standing).collect();
        self.model.account(&standings, |who, said, branch| {
            let era = self.model.epoch(said.epoch)?.era;
            let is_elsewhere = self.service.logs(era)?.branch_of(who) != branch;
            let is_aside = !lines.get(&(era, branch)).is_some_and(|line| line.contains(&said.epoch));
            Ok((is_elsewhere || is_aside).then_some(Why::OtherLog))
        })
    }
}
