//! A record is received: what comes of it is compared with what the model expects, and has its consequences for both.

use cenacle_codec::Decode as _;
use cenacle_mls::{
    Error,
    group::{ApplicationMessage, Group, Received},
    wire::{Epoch, MlsMessage, MlsMessageBody},
};

use super::{Event, Simulation, inputs};
use crate::{
    authority::credential,
    finding::{Have as _, Step, What},
    ids::{EpochId, PersonId, SaidId},
    model::{Outcome, Why},
    person::Cargo,
    service::{Behaviour, Harmless, Notice, Record, Shown, Signal, Truth},
    witness::{Witness, mark},
};

impl Simulation {
    /// Someone takes a record, from the log or as it comes. Whether it is dealt with.
    pub(super) fn take(&mut self, who: PersonId, era: usize, shown: &Shown, pulled: bool) -> Step<bool> {
        let record = &shown.record;
        let (now, deep_every) = (self.now_seconds(), self.config.deep_every.max(1));
        let person = self.people.get_mut(who.0).have("a person")?;
        let expected = self.model.expect(who, &person.standing, record)?;
        self.received += 1;
        let deep = self.received.is_multiple_of(deep_every);
        let received = person.receive(&record.bytes, &inputs(&self.authority, &self.psks, now), deep)?;
        let outcome = Outcome::of(&received);
        if !expected.contains(&outcome) {
            let error = received.as_ref().err().map(Error::to_string).unwrap_or_default();
            let at = person.standing.at.and_then(|at| self.model.epoch(at).ok()).map(|facts| facts.number);
            let receiving = format!("{who} in epoch {at:?} receives {:?}", record.truth);
            return Err(What::Unexpected { receiving, expected, got: outcome, error }.into());
        }
        self.note(format_args!("{who} takes {:?}: {outcome:?}", record.truth));
        if let Err(error) = &received {
            self.counts.refused(error);
        }
        let again = self.is_known(who, record)?;
        let is_dealt_with = self.follow(who, shown, received, (outcome, pulled))?;
        let person = self.person(who)?;
        let is_numbered = person.file.era == era && shown.session.is_none_or(|session| session == person.session);
        if is_dealt_with && outcome != Outcome::NotMember && is_numbered {
            let person = self.people.get_mut(who.0).have("a person")?;
            if let (Outcome::Commit | Outcome::OwnCommit, Truth::Commit(id)) = (outcome, record.truth) {
                person.file.diary.follow(record.digest, self.model.epoch(id)?.number);
            }
            if person.pass(&*self.suite, shown.seq, record.digest) {
                self.signal(who, Signal::LogDiffers, &[who])?;
            }
        }
        // Whoever is not in the group reads nothing; and what cannot be taken yet is read again.
        if is_dealt_with && outcome != Outcome::NotMember {
            self.judge_act(shown, outcome, again);
        }
        Ok(is_dealt_with)
    }

    /// Whether someone took a record before, as far as its state tells.
    fn is_known(&self, who: PersonId, record: &Record) -> Step<bool> {
        let standing = &self.person(who)?.standing;
        Ok(match (record.truth, standing.at) {
            (Truth::Said(id), _) => standing.has_read(id),
            (Truth::Proposed(id), _) => standing.known.contains(&id),
            (Truth::Commit(id), Some(at)) => self.model.ancestor(at, self.model.epoch(id)?.number)? == Some(id),
            (Truth::Commit(_), None) => false,
        })
    }

    /// The consequences. Whether the record is dealt with.
    fn follow(
        &mut self,
        who: PersonId,
        shown: &Shown,
        received: Result<Received, Error>,
        (outcome, pulled): (Outcome, bool),
    ) -> Step<bool> {
        let record = &shown.record;
        match (outcome, record.truth) {
            (Outcome::Read, Truth::Said(id)) => {
                if let Ok(Received::Application(message)) = &received {
                    self.read(who, id, message)?;
                }
            }
            (Outcome::Proposal, Truth::Proposed(id)) => {
                self.counts.did("proposal received");
                self.person_mut(who)?.standing.known.insert(id);
            }
            (Outcome::Commit | Outcome::OwnCommit, Truth::Commit(id)) => {
                if let Ok(Received::Commit(summary)) = &received {
                    self.compare_witness(who, self.model.epoch(id)?.by, &summary.authenticated_data)?;
                }
                self.begin_here(who, id)?;
            }
            (Outcome::Removed, _) => self.removed(who)?,
            (Outcome::Own, _) => self.own_back(who, record)?,
            (Outcome::OldState | Outcome::NotSelf, _) => self.trouble(who, Signal::OldCopy)?,
            (Outcome::Stale, Truth::Said(id)) => {
                let standing = &mut self.person_mut(who)?.standing;
                standing.miss(id, Why::TooLate);
            }
            // Somebody in another state may have put it there: only a commit shows that the log leads elsewhere.
            (Outcome::Future, Truth::Said(id)) if pulled => self.person_mut(who)?.standing.miss(id, Why::Withheld),
            (Outcome::Future, Truth::Proposed(_)) if pulled => {}
            (Outcome::Future | Outcome::ProposalUnknown, _) => {
                if pulled {
                    self.trouble(who, Signal::Diverged)?;
                }
                return Ok(false);
            }
            (Outcome::Foreign, truth) => {
                if let Truth::Said(id) = truth {
                    self.person_mut(who)?.standing.miss(id, Why::OtherLog);
                }
                self.foreign(who, record)?;
                if pulled && matches!(truth, Truth::Commit(_)) && self.person(who)?.trouble.is_none() {
                    self.trouble(who, Signal::Diverged)?;
                }
            }
            _ => {}
        }
        Ok(true)
    }

    /// A message was read: it is the one that was sent, and says nothing that contradicts what was seen here.
    fn read(&mut self, who: PersonId, id: SaidId, message: &ApplicationMessage) -> Step<()> {
        let said = self.model.said(id)?;
        let number = Epoch(self.model.epoch(said.epoch)?.number);
        let is_same = message.data.expose() == said.data
            && message.authenticated_data == said.authenticated_data
            && message.epoch == number
            && message.credential == credential(&said.by.to_string());
        if !is_same {
            return Err(What::Altered { message: format!("{id:?} of {} for {who}", said.by) }.into());
        }
        let by = said.by;
        self.model.used(id, message.generation)?;
        let is_late = self.person(who)?.group()?.epoch() != number;
        self.counts.did(if is_late { "message read late" } else { "message read" });
        self.person_mut(who)?.standing.read(id);
        self.compare_witness(who, by, &message.authenticated_data)
    }

    /// What a member says it saw is compared with what was seen here.
    fn compare_witness(&mut self, who: PersonId, by: PersonId, carried: &[u8]) -> Step<()> {
        let Ok(told) = Witness::from_bytes(carried) else { return Ok(()) };
        let diary = &mut self.person_mut(who)?.file.diary;
        if diary.contradicts(told.epoch, &told.mark) {
            return Err(What::Disagreement { about: format!("{who} reads {by}, who marks the epoch otherwise") }.into());
        }
        if diary.differs(&told) { self.signal(who, Signal::LogDiffers, &[who, by]) } else { Ok(()) }
    }

    /// What cannot be opened may be from another state of the same epoch. What it carries in the clear says so, but anybody
    /// could have written that: the two compare out of band.
    fn foreign(&mut self, who: PersonId, record: &Record) -> Step<()> {
        let MlsMessageBody::PrivateMessage(message) =
            MlsMessage::from_bytes(&record.bytes).map_err(|_| What::Internal("a record that does not decode"))?.body
        else {
            return Ok(());
        };
        let Ok(told) = Witness::from_bytes(&message.authenticated_data) else { return Ok(()) };
        if !self.person(who)?.file.diary.contradicts(told.epoch, &told.mark) {
            return Ok(());
        }
        self.counts.did("fork suspected by a message");
        let by = match record.truth {
            Truth::Said(id) => self.model.said(id)?.by,
            Truth::Commit(id) => self.model.epoch(id)?.by,
            Truth::Proposed(_) => return Ok(()),
        };
        self.agenda.after(10_000, Event::Compare(who, by));
        Ok(())
    }

    /// The next epoch has begun for someone.
    pub(super) fn begin_here(&mut self, who: PersonId, id: EpochId) -> Step<()> {
        let person = self.people.get_mut(who.0).have("a person")?;
        person.standing.advance(id);
        // What was meant for the epoch that is over is of no use any more.
        person.file.outbox.retain(|waiting| matches!(waiting.cargo, Cargo::Said(_)));
        self.settle_in(who, id)
    }

    /// What someone holds is compared with what everyone else in that epoch held.
    pub(super) fn settle_in(&mut self, who: PersonId, id: EpochId) -> Step<()> {
        let person = self.people.get_mut(who.0).have("a person")?;
        let group = person.group.as_ref().have("a group")?;
        let held = (group.epoch_authenticator().expose().to_vec(), group.public().tree().tree_hash().to_vec());
        let facts = self.model.epoch(id)?;
        if group.epoch().0 != facts.number {
            return Err(What::Disagreement { about: format!("{who} about the number of an epoch") }.into());
        }
        person.file.diary.mark(facts.number, mark(&*self.suite, group));
        let is_first = facts.agreed.is_none();
        if is_first && roster_of(group) != Some(facts.roster.iter().map(ToString::to_string).collect()) {
            let about = format!("{who} about who is in epoch {}", facts.number);
            return Err(What::Disagreement { about }.into());
        }
        self.model.agree(id, who, held)
    }

    /// Someone learns of its removal.
    fn removed(&mut self, who: PersonId) -> Step<()> {
        self.counts.did("removed");
        let mut rng = self.dice.fork();
        let person = self.people.get_mut(who.0).have("a person")?;
        person.standing.leave();
        person.file.outbox.clear();
        person.restart()?;
        let sent = person.step(&mut rng, |group, rng| group.protect(b"still here", b"", rng))?;
        if sent.is_ok() {
            return Err(What::Allowed { doing: "sending after one's removal" }.into());
        }
        self.leave_log(who, Why::Out)?;
        for behaviour in [Behaviour::Drop, Behaviour::Withhold] {
            self.mischief.end_all(behaviour, Some(who), Notice::Harmless(Harmless::NeverSeen));
        }
        // A Welcome into an epoch that is over led on to the present, where its reader is not.
        self.mischief.end_all(Behaviour::WrongWelcome, Some(who), Notice::Harmless(Harmless::CaughtUp));
        Ok(())
    }

    /// One's own comes back: it waits no more. What this state does not know shows that it is an old copy.
    fn own_back(&mut self, who: PersonId, record: &Record) -> Step<()> {
        let person = self.person_mut(who)?;
        if !person.file.sent.contains(&record.digest) {
            return self.trouble(who, Signal::OldCopy);
        }
        person.file.outbox.retain(|waiting| waiting.digest != record.digest);
        Ok(())
    }

    /// What came of a dishonest act, as far as this reception tells. What was taken a second time has done harm: of that
    /// nothing is said here.
    fn judge_act(&mut self, shown: &Shown, outcome: Outcome, again: bool) {
        for act in shown.act.into_iter().chain(shown.record.act) {
            let is_late = [Behaviour::Delay, Behaviour::Reorder].iter().any(|late| self.mischief.is_of(act, *late));
            let notice = match outcome {
                // Its author needs it least.
                Outcome::Own if is_late => continue,
                Outcome::Stale if is_late => Some(Notice::Seen(Signal::TooLate)),
                Outcome::KeyGone | Outcome::Stale | Outcome::Own => Some(Notice::Harmless(Harmless::KnownAlready)),
                // It waits once.
                Outcome::Proposal if again => Some(Notice::Harmless(Harmless::KnownAlready)),
                Outcome::Read | Outcome::Commit | Outcome::OwnCommit | Outcome::Removed if again => None,
                Outcome::Read | Outcome::Proposal | Outcome::Commit | Outcome::OwnCommit | Outcome::Removed => {
                    Some(Notice::Harmless(Harmless::ReadLate))
                }
                Outcome::OldState | Outcome::NotSelf => Some(Notice::Seen(Signal::OldCopy)),
                Outcome::NotMember
                | Outcome::WrongGroup
                | Outcome::Future
                | Outcome::Over
                | Outcome::Foreign
                | Outcome::ProposalUnknown
                | Outcome::Other => Some(Notice::Harmless(Harmless::Refused)),
            };
            self.mischief.reach(act);
            notice.into_iter().for_each(|notice| self.mischief.end(act, notice));
        }
    }

    /// Nothing more of its log concerns someone: what is not read of it will not be.
    pub(super) fn leave_log(&mut self, who: PersonId, why: Why) -> Step<()> {
        self.pass_over(who)?;
        let file = &self.person(who)?.file;
        // Of a log that was shown in place of the one it read, it read nothing.
        let is_same = self.service.logs(file.era)?.branch_of(who) == file.branch;
        let (era, from) = (file.era, if is_same { file.cursor } else { 0 });
        self.skip(who, (era, from, u64::MAX), why)
    }

    /// What is in places that someone read in another log is not read in this one.
    pub(super) fn pass_over(&mut self, who: PersonId) -> Step<()> {
        let file = &self.person(who)?.file;
        let (era, to) = (file.era, file.elsewhere);
        if to == 0 {
            return Ok(());
        }
        let omitted = u64::try_from(self.service.logs(era)?.view(who).omitted.len()).unwrap_or(u64::MAX);
        self.skip(who, (era, 0, to.saturating_add(omitted)), Why::OtherLog)
    }

    /// Records of a log, from a number on and before another, do not concern someone any more.
    pub(super) fn skip(&mut self, who: PersonId, (era, from, to): (usize, u64, u64), why: Why) -> Step<()> {
        let standing = &mut self.people.get_mut(who.0).have("a person")?.standing;
        for record in self.service.logs(era)?.stretch(who, from, to)? {
            if let Truth::Said(id) = record.truth {
                standing.miss(id, why);
            }
        }
        Ok(())
    }
}

/// The names of a group's members, sorted.
pub(super) fn roster_of(group: &Group) -> Option<alloc::collections::BTreeSet<String>> {
    group.members().map(|(_, leaf)| super::commit::name_of(&leaf.credential)).collect()
}
