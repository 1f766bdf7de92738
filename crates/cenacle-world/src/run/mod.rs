//! A run: people who wake, read the log, do something, and go away; the network between them and the service; and the check
//! of everything that comes of it against the model.

mod act;
mod commit;
mod enter;
mod mischief;
mod network;
mod receive;
mod recover;
mod settle;
mod setup;
mod succession;

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;

use cenacle_crypto::Suite;
use cenacle_mls::{
    group::{Client, Inputs, Psks},
    wire::{ExtensionType, GroupId, Lifetime, ProposalType},
};

use crate::{
    Config, Finding, Progress, Report,
    agenda::Agenda,
    authority::Authority,
    dice::Dice,
    finding::{Have as _, Step, What},
    ids::{BranchId, EpochId, PersonId},
    model::{Messages, Model},
    person::Person,
    report::Counts,
    service::{Mischief, Record, Service, Shown, Signal},
    witness::{Short, short},
};

/// When every run begins, in seconds since the Unix epoch.
const BEGINNING_SECONDS: u64 = 1_800_000_000;
/// How long key packages and first leaves are valid.
const LIFETIME: Lifetime =
    Lifetime { not_before: BEGINNING_SECONDS - 3_600, not_after: BEGINNING_SECONDS + 83 * 24 * 3_600 };
/// An extension type and a proposal type of the private range that every client supports.
const TEST_EXTENSION: ExtensionType = ExtensionType(0xF00D);
const TEST_PROPOSAL: ProposalType = ProposalType(0xF00E);
/// So many seconds lie between two things that members do, on average.
const PACE_MILLIS: u64 = 10_000;
/// So many epochs lie between two moments of rest.
const SETTLE_EVERY: u64 = 250;
/// So many events without an accepted commit mean that nothing goes on any more.
const PATIENCE_EVENTS: u64 = 200_000;

/// What is to happen.
#[derive(Debug)]
enum Event {
    /// Someone looks at the group, and does something perhaps.
    Wake(PersonId),
    /// Someone reads the log.
    Pull(PersonId),
    /// What waits in someone's outbox is sent.
    Flush(PersonId),
    /// A record reaches someone by itself.
    Push { to: PersonId, era: usize, shown: Shown },
    /// A record comes to the log later than it was sent.
    Late { era: usize, branch: BranchId, record: Arc<Record>, by: PersonId },
    /// Someone comes back.
    Return(PersonId),
    /// Someone is shown again what was withheld.
    Thaw { whom: PersonId, era: usize },
    /// Two people compare what they see.
    Compare(PersonId, PersonId),
    /// Any two people do.
    Meet,
}

/// A fork that the service keeps up.
#[derive(Clone, Copy, Debug)]
struct Fork {
    sides: [BranchId; 2],
    /// The side that people decided for, once they saw.
    kept: Option<BranchId>,
}

/// Who is told of every event, if anybody is.
#[derive(Default)]
struct Trace(Option<Box<dyn FnMut(u64, &str) + Send>>);

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trace").field(&self.0.is_some()).finish()
    }
}

/// A run that has not begun.
#[derive(Debug)]
pub struct Simulation {
    trace: Trace,
    config: Config,
    suite: Arc<dyn Suite>,
    dice: Dice,
    agenda: Agenda<Event>,
    people: Vec<Person>,
    /// Someone outside the group who may propose.
    warden: Option<Client>,
    authority: Authority,
    psks: Psks,
    group_ids: Vec<GroupId>,
    service: Service,
    mischief: Mischief,
    fork: Option<Fork>,
    /// Where members stood who saw during the fork that they cannot go on, and by what.
    torn: Vec<(EpochId, Signal)>,
    /// The log that goes on.
    main: BranchId,
    model: Model,
    counts: Counts,
    /// The network loses nothing, and nobody does anything at random.
    calm: bool,
    events: u64,
    commits: u64,
    /// Nobody was left to make more of them.
    deserted: bool,
    commit_event: u64,
    received: u64,
    digest: Short,
}

impl Simulation {
    /// A run over this cryptography. It is the same each time only where signatures are deterministic.
    #[must_use]
    pub fn new(config: Config, suite: Arc<dyn Suite>) -> Self {
        let dice = Dice::new(config.seed);
        let mischief = Mischief::new(config.dishonest.clone());
        Self {
            trace: Trace::default(),
            config,
            suite,
            dice,
            agenda: Agenda::new(),
            people: Vec::new(),
            warden: None,
            authority: Authority::default(),
            psks: Psks::default(),
            group_ids: Vec::new(),
            service: Service::default(),
            mischief,
            fork: None,
            torn: Vec::new(),
            main: BranchId(0),
            model: Model::default(),
            counts: Counts::default(),
            calm: false,
            events: 0,
            commits: 0,
            deserted: false,
            commit_event: 0,
            received: 0,
            digest: [0; 16],
        }
    }

    /// Tells of every event, with its time in milliseconds.
    #[must_use]
    pub fn traced(self, trace: impl FnMut(u64, &str) + Send + 'static) -> Self {
        Self { trace: Trace(Some(Box::new(trace))), ..self }
    }

    /// Runs.
    #[must_use]
    pub fn run(self) -> Report {
        self.run_watched(&mut |_| ())
    }

    /// Runs, and tells now and then how far it is.
    #[must_use]
    pub fn run_watched(mut self, watch: &mut dyn FnMut(Progress)) -> Report {
        let outcome = self.play(watch);
        let (messages, finding) = match outcome {
            Ok(messages) => (messages, None),
            Err(what) => {
                (Messages::default(), Some(Finding { event: self.events, millis: self.agenda.now(), what: *what }))
            }
        };
        let members = self.people.iter().filter(|person| person.is_active()).count();
        let Counts { operations, refusals, faults, signals, recoveries } = self.counts;
        Report {
            config: self.config,
            digest: hex_of(&self.digest),
            events: self.events,
            virtual_seconds: self.agenda.now() / 1_000,
            epochs: self.commits,
            members: u64::try_from(members).unwrap_or(u64::MAX),
            deserted: self.deserted,
            operations,
            refusals,
            faults,
            signals,
            recoveries,
            messages,
            dishonest: self.mischief.account(),
            finding,
        }
    }

    fn play(&mut self, watch: &mut dyn FnMut(Progress)) -> Step<Messages> {
        self.set_up()?;
        let mut rest = SETTLE_EVERY;
        while self.commits < self.config.epochs && self.goes_on() {
            let Some(event) = self.agenda.next() else {
                return Err(What::Internal("nothing is planned any more").into());
            };
            self.events += 1;
            self.happen(event)?;
            if self.events - self.commit_event > PATIENCE_EVENTS {
                return Err(What::Unsettled { why: "no commit is accepted any more".into() }.into());
            }
            if self.events.is_multiple_of(1_024) {
                watch(Progress { epochs: self.commits, events: self.events });
            }
            if self.commits >= rest {
                self.settle()?;
                rest = self.commits + SETTLE_EVERY;
            }
        }
        self.deserted = self.commits < self.config.epochs;
        self.settle()?;
        self.mischief.close();
        self.account()
    }

    /// Whether anybody is left who is in the group, or on the way into it, and did not stop.
    fn goes_on(&self) -> bool {
        let goes_on = |person: &Person| !person.halted && (person.is_active() || person.file.joining.is_some());
        self.people.iter().any(goes_on)
    }

    fn happen(&mut self, event: Event) -> Step<()> {
        match event {
            Event::Wake(who) => self.wake(who),
            Event::Pull(who) => {
                self.person_mut(who)?.pulling = false;
                self.pull(who)
            }
            Event::Flush(who) => self.flush(who),
            Event::Push { to, era, shown } => self.pushed(to, era, &shown),
            Event::Late { era, branch, record, by } => self.take_in_late(era, branch, record, by),
            Event::Return(who) => self.come_back(who),
            Event::Thaw { whom, era } => self.thaw(whom, era),
            Event::Compare(one, other) => self.meet(one, other),
            Event::Meet => self.meet_somebody(),
        }
    }

    fn person(&self, who: PersonId) -> Step<&Person> {
        self.people.get(who.0).have("a person")
    }

    fn person_mut(&mut self, who: PersonId) -> Step<&mut Person> {
        self.people.get_mut(who.0).have("a person")
    }

    /// Everybody's number.
    fn everybody(&self) -> impl Iterator<Item = PersonId> + use<> {
        (0..self.people.len()).map(PersonId)
    }

    /// The present, in seconds since the Unix epoch.
    fn now_seconds(&self) -> u64 {
        BEGINNING_SECONDS + self.agenda.now() / 1_000
    }

    /// Puts something on record: the run's digest is made of it.
    fn note(&mut self, what: fmt::Arguments<'_>) {
        let line = what.to_string();
        if let Some(trace) = &mut self.trace.0 {
            trace(self.agenda.now(), &line);
        }
        self.digest = short(&*self.suite, &[&self.digest, &self.agenda.now().to_be_bytes(), line.as_bytes()]);
    }
}

/// What every call of the library is told.
fn inputs<'a>(authority: &'a Authority, psks: &'a Psks, now_seconds: u64) -> Inputs<'a> {
    Inputs::new(authority).with_policy(authority).at(now_seconds).with_psks(psks)
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
