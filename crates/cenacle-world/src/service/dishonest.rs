//! What a dishonest service may do, and what came of each thing it did: no harm, and why, or a signal that members see.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{fmt, str::FromStr};

use crate::{
    finding::{Step, What},
    ids::{ActId, EpochId, PersonId},
};

macro_rules! behaviours {
    ($($(#[doc = $doc:literal])* $name:ident, $word:literal;)*) => {
        /// A way in which a service is dishonest.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Behaviour { $($(#[doc = $doc])* $name,)* }

        impl Behaviour {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As it is called on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it means.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }

        impl FromStr for Behaviour {
            type Err = UnknownBehaviour;
            fn from_str(word: &str) -> Result<Self, UnknownBehaviour> {
                match word { $($word => Ok(Self::$name),)* _ => Err(UnknownBehaviour) }
            }
        }
    };
}
behaviours! {
    /// Leaves records out of one member's log, with a gap or renumbered.
    Drop, "drop";
    /// Takes messages into the log long after they were sent.
    Delay, "delay";
    /// Puts records into the log again.
    Duplicate, "duplicate";
    /// Answers with records in another order than the log's, and takes messages in out of order.
    Reorder, "reorder";
    /// Shows one member nothing new for a long time.
    Withhold, "withhold";
    /// Accepts two commits for one epoch, and shows each half of the members one of them.
    Fork, "fork";
    /// Gives a GroupInfo of an epoch that is over to whoever joins from outside, and may say that the commit was taken.
    StaleGroupInfo, "stale-group-info";
    /// Hands out Welcomes that are for others, or that were opened before.
    WrongWelcome, "wrong-welcome";
    /// Hands out key packages with the attacker's key, of another client, or that were used before.
    ReplaceKeyPackage, "replace-key-package";
    /// Shows records of epochs that are over again.
    Replay, "replay";
}

/// No behaviour is called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBehaviour;

impl fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<&str> = Behaviour::ALL.iter().map(|behaviour| behaviour.name()).collect();
        write!(f, "the service's ways to be dishonest are: {}", known.join(", "))
    }
}

impl core::error::Error for UnknownBehaviour {}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a dishonest act did no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Harmless {
    /// What came late was read all the same.
    ReadLate,
    /// The second time it was refused: its key is used up, its epoch over, or it is known.
    KnownAlready,
    /// Records carry their number: whoever reads sorts them.
    SortedByNumber,
    /// The member heard of everything once it was shown.
    CaughtUp,
    /// A key package that was handed out before had not been used.
    NotUsedYet,
    /// It was refused with a typed error, and the model expected that.
    Refused,
    /// The state it led to was given up, for a new one in the group or for a copy of before.
    Replaced,
    /// Whom it was meant for left, joined anew or stopped before it could matter, or never asked for it.
    NeverSeen,
    /// Everyone who was shown it left, joined anew or stopped: nobody is left who could tell.
    NobodyKnows,
}

/// What members see of an attack, or of trouble of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Signal {
    /// The numbers of the log's records have a gap.
    Gap,
    /// What another member says it saw in the log is not what one was shown.
    LogDiffers,
    /// Another member is in a later epoch than the log leads to.
    Behind,
    /// Another member is in another state of the same epoch: their epoch authenticators differ.
    Fork,
    /// The log's next commit cannot be followed.
    Diverged,
    /// The log holds something of one's own that this state has never sent: it is an old copy.
    OldCopy,
    /// A Welcome is for none of one's key packages.
    WelcomeForNobody,
    /// A Welcome leads to an epoch that is over, or into a group one is in.
    WelcomeOutOfDate,
    /// A key package shows another identity or key than the one asked for.
    Impostor,
    /// A commit was refused since its epoch is over.
    EpochOver,
    /// A message came so late that its epoch is not kept any more.
    TooLate,
}

impl Signal {
    /// In reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap in the log",
            Self::LogDiffers => "another member saw another log",
            Self::Behind => "another member is further on",
            Self::Fork => "fork",
            Self::Diverged => "a commit that cannot be followed",
            Self::OldCopy => "the state is an old copy",
            Self::WelcomeForNobody => "a Welcome for nobody here",
            Self::WelcomeOutOfDate => "a Welcome out of date",
            Self::Impostor => "an impostor's key package",
            Self::EpochOver => "the epoch is over",
            Self::TooLate => "a message too late to be read",
        }
    }

    /// The dishonest behaviours that may lead to it. `None` where an honest service may, too.
    pub(crate) const fn causes(self) -> Option<&'static [Behaviour]> {
        use Behaviour::{Drop, Fork, ReplaceKeyPackage, StaleGroupInfo, Withhold};
        match self {
            Self::Gap => Some(&[Drop]),
            Self::LogDiffers => Some(&[Drop, Withhold, Fork]),
            Self::Behind => Some(&[Drop, Withhold, Fork, StaleGroupInfo]),
            Self::Fork => Some(&[Fork, StaleGroupInfo]),
            Self::Diverged => Some(&[Drop, Fork, StaleGroupInfo]),
            Self::Impostor => Some(&[ReplaceKeyPackage]),
            Self::OldCopy | Self::WelcomeForNobody | Self::WelcomeOutOfDate | Self::EpochOver | Self::TooLate => None,
        }
    }

    /// Whether it tells that the service did this. Of a fork only the comparison does.
    const fn tells(self, behaviour: Behaviour) -> bool {
        match behaviour {
            Behaviour::Drop => matches!(self, Self::Gap | Self::LogDiffers | Self::Behind | Self::Diverged),
            Behaviour::Withhold => matches!(self, Self::LogDiffers | Self::Behind),
            Behaviour::Fork => matches!(self, Self::Fork),
            Behaviour::StaleGroupInfo => matches!(self, Self::Behind | Self::Fork | Self::Diverged),
            Behaviour::ReplaceKeyPackage => matches!(self, Self::Impostor),
            Behaviour::Delay
            | Behaviour::Duplicate
            | Behaviour::Reorder
            | Behaviour::WrongWelcome
            | Behaviour::Replay => false,
        }
    }
}

impl Harmless {
    /// In reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadLate => "read late",
            Self::KnownAlready => "known already",
            Self::SortedByNumber => "sorted by number",
            Self::CaughtUp => "caught up",
            Self::NotUsedYet => "not used yet",
            Self::Refused => "refused",
            Self::Replaced => "state given up",
            Self::NeverSeen => "never mattered",
            Self::NobodyKnows => "nobody left who saw it",
        }
    }
}

/// What came of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// No harm, for this reason.
    Harmless(Harmless),
    /// Somebody saw this.
    Seen(Signal),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Harmless(why) => write!(f, "harmless: {}", why.name()),
            Self::Seen(signal) => write!(f, "seen: {}", signal.name()),
        }
    }
}

/// One thing the service did.
#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) behaviour: Behaviour,
    /// Whom it was done to, if it was one.
    pub(crate) to: Option<PersonId>,
    /// What exactly.
    pub(crate) what: &'static str,
    outcome: Option<Notice>,
    /// Whether somebody got what it was about.
    reached: bool,
    /// The epoch outside the log that it led somebody to.
    led_to: Option<EpochId>,
    /// The epoch, with its group, of what was said or proposed and is kept from somebody.
    kept_from: Option<(usize, u64)>,
}

/// What came of all acts of one behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// How many there were.
    pub count: u64,
    /// What came of them.
    pub outcomes: BTreeMap<Notice, u64>,
}

/// The dishonest half of the service.
#[derive(Debug, Default)]
pub(crate) struct Mischief {
    on: BTreeSet<Behaviour>,
    acts: Vec<Act>,
    open: BTreeSet<ActId>,
}

impl Mischief {
    pub(crate) const fn new(on: BTreeSet<Behaviour>) -> Self {
        Self { on, acts: Vec::new(), open: BTreeSet::new() }
    }

    pub(crate) fn does(&self, behaviour: Behaviour) -> bool {
        self.on.contains(&behaviour)
    }

    /// From now on the service is honest.
    pub(crate) fn repent(&mut self) -> BTreeSet<Behaviour> {
        core::mem::take(&mut self.on)
    }

    /// And from now on it is not.
    pub(crate) fn relapse(&mut self, on: BTreeSet<Behaviour>) {
        self.on = on;
    }

    /// Something is done to somebody, here and now.
    pub(crate) fn act(&mut self, behaviour: Behaviour, to: Option<PersonId>, what: &'static str) -> ActId {
        let id = self.plan(behaviour, to, what);
        self.reach(id);
        id
    }

    /// Something is on its way to somebody, and may get nowhere: [`Mischief::reach`] says when it did.
    pub(crate) fn plan(&mut self, behaviour: Behaviour, to: Option<PersonId>, what: &'static str) -> ActId {
        self.acts.push(Act { behaviour, to, what, outcome: None, reached: false, led_to: None, kept_from: None });
        let id = ActId(self.acts.len() - 1);
        self.open.insert(id);
        id
    }

    /// Somebody got it: from now on it needs an outcome.
    pub(crate) fn reach(&mut self, id: ActId) {
        if let Some(act) = self.acts.get_mut(id.0) {
            act.reached = true;
        }
    }

    /// What came of an act; the first counts.
    pub(crate) fn end(&mut self, id: ActId, notice: Notice) {
        if let Some(act) = self.acts.get_mut(id.0)
            && self.open.remove(&id)
        {
            act.outcome = Some(notice);
        }
    }

    /// Somebody saw a signal, which may be about several acts.
    pub(crate) fn seen(&mut self, signal: Signal, concerns: &[PersonId]) {
        let about = |act: &Act| signal.tells(act.behaviour) && act.to.is_none_or(|to| concerns.contains(&to));
        let ids: Vec<ActId> = self.open.iter().copied().filter(|id| self.acts.get(id.0).is_some_and(about)).collect();
        for id in ids {
            self.end(id, Notice::Seen(signal));
        }
    }

    /// Ends all open acts of a behaviour, towards one person or whomever.
    pub(crate) fn end_all(&mut self, behaviour: Behaviour, to: Option<PersonId>, notice: Notice) {
        let concerned = |act: &Act| act.behaviour == behaviour && (to.is_none() || act.to == to);
        let ids: Vec<ActId> =
            self.open.iter().copied().filter(|id| self.acts.get(id.0).is_some_and(concerned)).collect();
        for id in ids {
            self.end(id, notice);
        }
    }

    /// Somebody was led to an epoch that is not in its log.
    pub(crate) fn lead(&mut self, id: ActId, to: EpochId) {
        if let Some(act) = self.acts.get_mut(id.0) {
            act.led_to = Some(to);
        }
    }

    /// The open acts that led someone to an epoch outside its log.
    pub(crate) fn astray(&self, who: PersonId) -> Vec<(ActId, EpochId)> {
        let led = |id: &ActId| Some((*id, self.acts.get(id.0).filter(|act| act.to == Some(who))?.led_to?));
        self.open.iter().filter_map(led).collect()
    }

    /// What somebody is not shown was said or proposed in this epoch of a group.
    pub(crate) fn keep_from(&mut self, id: ActId, epoch: (usize, u64)) {
        if let Some(act) = self.acts.get_mut(id.0) {
            act.kept_from = Some(epoch);
        }
    }

    /// The open acts by which somebody is not shown what was said or proposed: who, and in which epoch of which group.
    pub(crate) fn kept(&self) -> Vec<(ActId, PersonId, (usize, u64))> {
        let kept = |id: &ActId| self.acts.get(id.0).and_then(|act| Some((*id, act.to?, act.kept_from?)));
        self.open.iter().filter_map(kept).collect()
    }

    /// Somebody is in another state than before, to which `by` led if anything: what led to the former is over.
    pub(crate) fn replaced(&mut self, who: PersonId, by: Option<ActId>) {
        let leads = |act: &Act| matches!(act.behaviour, Behaviour::StaleGroupInfo | Behaviour::WrongWelcome);
        let is_over = |act: &Act| leads(act) && act.to == Some(who) && act.reached;
        let ids: Vec<ActId> = self.open.iter().copied().filter(|id| self.acts.get(id.0).is_some_and(is_over)).collect();
        for id in ids.into_iter().filter(|id| Some(*id) != by) {
            self.end(id, Notice::Harmless(Harmless::Replaced));
        }
    }

    pub(crate) fn is_of(&self, id: ActId, behaviour: Behaviour) -> bool {
        self.acts.get(id.0).is_some_and(|act| act.behaviour == behaviour)
    }

    /// Nothing may be left that reached somebody and of which nobody knows what came.
    pub(crate) fn check(&self) -> Step<()> {
        match self.open.iter().filter_map(|id| self.acts.get(id.0)).find(|act| act.reached) {
            Some(act) => {
                let to = act.to.map(|to| format!(" ({to})")).unwrap_or_default();
                Err(What::Unnoticed { behaviour: act.behaviour, act: format!("{}{to}", act.what) }.into())
            }
            None => Ok(()),
        }
    }

    /// The run is over: what reached nobody until now never will.
    pub(crate) fn close(&mut self) {
        let unreached = |id: &ActId| self.acts.get(id.0).is_some_and(|act| !act.reached);
        for id in self.open.iter().copied().filter(unreached).collect::<Vec<_>>() {
            self.end(id, Notice::Harmless(Harmless::NeverSeen));
        }
    }

    /// All acts, by behaviour.
    pub(crate) fn account(&self) -> BTreeMap<Behaviour, Acts> {
        let mut account: BTreeMap<Behaviour, Acts> = BTreeMap::new();
        for act in &self.acts {
            let acts = account.entry(act.behaviour).or_default();
            acts.count += 1;
            if let Some(outcome) = act.outcome {
                *acts.outcomes.entry(outcome).or_default() += 1;
            }
        }
        account
    }
}

#[cfg(test)]
mod tests {
    use super::{Behaviour, Harmless, Mischief, Notice};
    use crate::{finding::What, ids::PersonId};

    #[test]
    fn what_reached_somebody_and_has_no_outcome_is_unnoticed() {
        for behaviour in Behaviour::ALL.iter().copied() {
            let mut mischief = Mischief::default();
            let act = mischief.plan(behaviour, Some(PersonId(1)), "something");
            assert!(mischief.check().is_ok(), "{behaviour}: it is on its way");
            mischief.reach(act);
            mischief.close();
            let finding = mischief.check().map_err(|what| *what);
            assert!(matches!(finding, Err(What::Unnoticed { behaviour: found, .. }) if found == behaviour));
            mischief.end(act, Notice::Harmless(Harmless::Refused));
            assert!(mischief.check().is_ok(), "{behaviour}");
        }
    }

    #[test]
    fn what_reached_nobody_was_never_seen() {
        let mut mischief = Mischief::default();
        mischief.plan(Behaviour::Replay, None, "something");
        mischief.close();
        let account = mischief.account();
        let outcomes = account.get(&Behaviour::Replay).map(|acts| &acts.outcomes);
        assert_eq!(outcomes, Some(&[(Notice::Harmless(Harmless::NeverSeen), 1)].into()));
    }
}
