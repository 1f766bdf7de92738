//! What must be true: who is in the group and online, and who is entitled to which message. The same bookkeeping judges a
//! script before anything is started and, line by line, what the processes really did.

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_service::{ServiceConfig, wire::AccountName};

use super::script::{Act, Closed, Deed, Line, Nonsense, Step};

/// The most people a script may have: each is a process.
const MAX_PEOPLE: usize = 12;
/// What restoring a backup takes: a commit that it knows nothing of, and the one that comes back.
pub(super) const RESTORE_COMMITS: u64 = 2;

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Text(String),
    /// A file; its name is unique in a script.
    File {
        name: String,
        bytes: usize,
    },
}

/// A message that reached the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) from: AccountName,
    pub(super) said: Said,
    /// Who was a member then.
    pub(super) entitled: BTreeSet<AccountName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not yet in.
    Outside,
    Inside,
    /// Was in.
    Removed,
}

#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) standing: Standing,
    pub(super) online: bool,
    /// What was said without a network.
    waiting: Vec<Waiting>,
    /// How many messages there were when they joined or were removed last.
    since: usize,
}

/// Something said without a network. It was encrypted at once, for the members of that moment.
#[derive(Clone, Debug)]
struct Waiting {
    said: Said,
    members: BTreeSet<AccountName>,
    /// How many commits there had been.
    commits: u64,
}

/// The story so far.
#[derive(Clone, Debug)]
pub(super) struct Story {
    commits: u64,
    /// For how many commits the server still takes a message; then it is encrypted anew.
    window: u64,
    /// In the order of the script.
    order: Vec<AccountName>,
    people: BTreeMap<AccountName, Person>,
    pub(super) entries: Vec<Entry>,
}

impl Story {
    /// Judges a whole script: the story before its first line, with those inside who are there from the beginning, or
    /// what is wrong with it.
    pub(super) fn begin(lines: &[Line]) -> Result<Self, Vec<Nonsense>> {
        let story = Self::cast(lines)?;
        let mut rehearsal = story.clone();
        let mut nonsense = Vec::new();
        for line in lines {
            if let Err(reason) = rehearsal.go_on(line) {
                nonsense.push(Nonsense { number: line.number, text: line.text.clone(), reason });
            }
        }
        if nonsense.is_empty() { Ok(story) } else { Err(nonsense) }
    }

    fn cast(lines: &[Line]) -> Result<Self, Vec<Nonsense>> {
        let window = ServiceConfig::default().retention.past_epochs;
        let mut story = Self { commits: 0, window, order: Vec::new(), people: BTreeMap::new(), entries: Vec::new() };
        // What the first line that shows it says about who is in from the beginning.
        let mut shown = BTreeSet::new();
        for line in lines {
            for (name, shows) in names(&line.step) {
                if !story.people.contains_key(name) {
                    let person = Person { standing: Standing::Inside, online: true, waiting: Vec::new(), since: 0 };
                    story.people.insert(name.clone(), person);
                    story.order.push(name.clone());
                }
                let Some(standing) = shows else { continue };
                if shown.insert(name.clone())
                    && let Some(person) = story.people.get_mut(name)
                {
                    person.standing = standing;
                }
            }
            if story.order.len() > MAX_PEOPLE {
                let reason = format!("more than {MAX_PEOPLE} people: each is a process");
                return Err(vec![Nonsense { number: line.number, text: line.text.clone(), reason }]);
            }
        }
        Ok(story)
    }

    /// Everybody, in the order of the script.
    pub(super) fn everybody(&self) -> &[AccountName] {
        &self.order
    }

    /// Who begins the conversation: the first in the script who is in from the beginning.
    pub(super) fn founder(&self) -> Option<&AccountName> {
        self.order.iter().find(|name| self.is_inside(name))
    }

    pub(super) fn person(&self, name: &AccountName) -> Option<&Person> {
        self.people.get(name)
    }

    pub(super) fn is_inside(&self, name: &AccountName) -> bool {
        self.people.get(name).is_some_and(|person| person.standing == Standing::Inside)
    }

    pub(super) fn is_online(&self, name: &AccountName) -> bool {
        self.people.get(name).is_some_and(|person| person.online)
    }

    /// Who is in the group, offline or not.
    pub(super) fn members(&self) -> BTreeSet<AccountName> {
        self.order.iter().filter(|name| self.is_inside(name)).cloned().collect()
    }

    /// The messages that somebody is to have, in their order.
    pub(super) fn entitled<'a>(&'a self, name: &'a AccountName) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.entitled.contains(name))
    }

    /// The messages that somebody is not to read, as positions among all.
    pub(super) fn closed_to(&self, name: &AccountName, closed: Closed) -> Vec<usize> {
        let since = self.people.get(name).map_or(0, |person| person.since);
        let entries = self.entries.iter().enumerate().filter(|(position, entry)| {
            let is_within = if closed == Closed::Before { *position < since } else { *position >= since };
            is_within && !entry.entitled.contains(name)
        });
        entries.map(|(position, _)| position).collect()
    }

    /// A member online who can read most of `positions`, and those that they can read.
    pub(super) fn witness(&self, positions: &[usize]) -> Option<(&AccountName, Vec<usize>)> {
        let can_read = |name: &AccountName| -> Vec<usize> {
            let read = |position: &&usize| self.entries.get(**position).is_some_and(|e| e.entitled.contains(name));
            positions.iter().filter(read).copied().collect()
        };
        let online = self.order.iter().filter(|name| self.is_inside(name) && self.is_online(name));
        let witnesses = online.map(|name| (name, can_read(name))).filter(|(_, read)| !read.is_empty());
        // The first of the best.
        witnesses.rev().max_by_key(|(_, read)| read.len())
    }

    /// Takes one line into the story, or says why it cannot be.
    pub(super) fn go_on(&mut self, line: &Line) -> Result<(), String> {
        match &line.step {
            Step::Say { who, text } => self.say(who, Said::Text(text.clone())),
            Step::SendFile { who, bytes } => {
                self.check_online(who)?;
                self.say(who, Said::File { name: file_name(line.number), bytes: *bytes })
            }
            Step::Commit(act) | Step::Kill { act, .. } => {
                self.check_act(act)?;
                self.take(act);
                Ok(())
            }
            Step::Together(first, second) => self.together(first, second),
            Step::Restore(who) => {
                self.check_inside(who)?;
                self.check_online(who)?;
                self.commits = self.commits.saturating_add(RESTORE_COMMITS);
                Ok(())
            }
            Step::Offline(who) => self.turn(who, false),
            Step::Online(who) => {
                self.turn(who, true)?;
                self.catch_up(who);
                Ok(())
            }
            Step::Check { who, closed } => self.check_closed(who, *closed),
        }
    }

    fn say(&mut self, who: &AccountName, said: Said) -> Result<(), String> {
        self.check_inside(who)?;
        let entitled = self.members();
        match self.people.get_mut(who) {
            Some(person) if !person.online => {
                person.waiting.push(Waiting { said, members: entitled, commits: self.commits });
            }
            Some(_) | None => self.entries.push(Entry { from: who.clone(), said, entitled }),
        }
        Ok(())
    }

    /// What waited arrives. Whoever joined meanwhile cannot read it, unless it had to be encrypted anew.
    fn catch_up(&mut self, who: &AccountName) {
        let waiting = self.people.get_mut(who).map(|person| core::mem::take(&mut person.waiting)).unwrap_or_default();
        let members = self.members();
        let oldest = self.commits.saturating_sub(self.window);
        let (in_time, late): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| waiting.commits >= oldest);
        let in_time = in_time.into_iter().map(|Waiting { said, members: then, .. }| Entry {
            from: who.clone(),
            said,
            entitled: then.intersection(&members).cloned().collect(),
        });
        self.entries.extend(in_time);
        let late = late.into_iter().map(|Waiting { said, .. }| (said, members.clone()));
        self.entries.extend(late.map(|(said, entitled)| Entry { from: who.clone(), said, entitled }));
    }

    fn together(&mut self, first: &Act, second: &Act) -> Result<(), String> {
        self.check_act(first)?;
        self.check_act(second)?;
        let target = |act: &Act| match &act.deed {
            Deed::Invite(name) | Deed::Remove(name) => Some(name.clone()),
            Deed::Rotate => None,
        };
        if first.who == second.who {
            return Err(format!("{} cannot do two things at the same moment", first.who));
        }
        if target(first).is_some() && target(first) == target(second) {
            return Err("both are about the same person".to_owned());
        }
        if target(first).as_ref() == Some(&second.who) || target(second).as_ref() == Some(&first.who) {
            return Err("one would remove the other at the same moment: only one of the two could come true".to_owned());
        }
        self.take(first);
        self.take(second);
        Ok(())
    }

    fn check_known(&self, who: &AccountName) -> Result<&Person, String> {
        self.people.get(who).ok_or_else(|| format!("nobody is called {who}"))
    }

    fn check_online(&self, who: &AccountName) -> Result<(), String> {
        let is_online = self.check_known(who)?.online;
        if is_online { Ok(()) } else { Err(format!("{who} is offline, and can only say something")) }
    }

    fn check_inside(&self, who: &AccountName) -> Result<(), String> {
        match self.check_known(who)?.standing {
            Standing::Inside => Ok(()),
            Standing::Outside => Err(format!("{who} is not in the group yet")),
            Standing::Removed => Err(format!("{who} is not in the group any more")),
        }
    }

    fn check_act(&self, act: &Act) -> Result<(), String> {
        self.check_inside(&act.who)?;
        self.check_online(&act.who)?;
        match &act.deed {
            Deed::Rotate => Ok(()),
            Deed::Invite(other) if self.is_inside(other) => Err(format!("{other} is in the group already")),
            Deed::Invite(other) => self.check_known(other).map(drop),
            Deed::Remove(other) if *other == act.who => Err(format!("{other} cannot remove themselves")),
            Deed::Remove(other) => self.check_inside(other),
        }
    }

    /// A commit that came true.
    fn take(&mut self, act: &Act) {
        self.commits = self.commits.saturating_add(1);
        let since = self.entries.len();
        let (other, standing) = match &act.deed {
            Deed::Invite(other) => (other, Standing::Inside),
            Deed::Remove(other) => (other, Standing::Removed),
            Deed::Rotate => return,
        };
        if let Some(person) = self.people.get_mut(other) {
            (person.standing, person.since) = (standing, since);
            // What waited was for a group that is no more, for them.
            person.waiting.clear();
        }
    }

    fn turn(&mut self, who: &AccountName, online: bool) -> Result<(), String> {
        self.check_known(who)?;
        match self.people.get_mut(who) {
            Some(person) if person.online != online => person.online = online,
            Some(_) | None if online => return Err(format!("{who} is not offline")),
            Some(_) | None => return Err(format!("{who} is offline already")),
        }
        Ok(())
    }

    fn check_closed(&self, who: &AccountName, closed: Closed) -> Result<(), String> {
        self.check_online(who)?;
        let standing = self.check_known(who)?.standing;
        match closed {
            Closed::Before => self.check_inside(who)?,
            Closed::After if standing != Standing::Removed => return Err(format!("{who} was not removed")),
            Closed::After => {}
        }
        match self.witness(&self.closed_to(who, closed)) {
            Some(_) => Ok(()),
            None if closed == Closed::Before => Err(format!("nothing was said before {who} joined")),
            None => Err(format!("nothing was said since {who} was removed")),
        }
    }
}

/// What the file of a line is called.
pub(super) fn file_name(number: usize) -> String {
    format!("line-{number}.bin")
}

/// Everybody whom a step names, in its order, and whether it shows them to be in the group or not to be.
fn names(step: &Step) -> Vec<(&AccountName, Option<Standing>)> {
    let inside = Some(Standing::Inside);
    let acts: Vec<&Act> = match step {
        Step::Say { who, .. } | Step::SendFile { who, .. } | Step::Restore(who) => return vec![(who, inside)],
        Step::Offline(who) | Step::Online(who) | Step::Check { who, .. } => return vec![(who, None)],
        Step::Commit(act) | Step::Kill { act, .. } => vec![act],
        Step::Together(first, second) => vec![first, second],
    };
    let mut named = Vec::new();
    for act in acts {
        named.push((&act.who, inside));
        match &act.deed {
            Deed::Invite(name) => named.push((name, Some(Standing::Outside))),
            Deed::Remove(name) => named.push((name, inside)),
            Deed::Rotate => {}
        }
    }
    named
}
