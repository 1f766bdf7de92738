//! What is checked, as functions of what everybody sees: nothing here talks to a process.

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_service::wire::AccountName;

use super::{
    protocol::{Heard, Pried, Record, Status, View, What},
    script::{Act, Deed},
    story::{Entry, Said, Standing, Story},
};

/// A statement, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) fault: Option<String>,
}

impl Check {
    pub(super) fn new(what: impl Into<String>, fault: Option<String>) -> Self {
        Self { what: what.into(), fault }
    }

    pub(super) const fn holds(&self) -> bool {
        self.fault.is_none()
    }
}

/// What everybody online sees, by name.
pub(super) type Views = BTreeMap<AccountName, Status>;

pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a AccountName>) -> String {
    names.into_iter().map(AccountName::as_str).collect::<Vec<_>>().join(", ")
}

/// The three checks after each step: one epoch, the right members, the right messages.
pub(super) fn judge(story: &Story, views: &Views, epoch: u64) -> Vec<Check> {
    vec![same_epoch(story, views, epoch), members(story, views), messages(story, views)]
}

/// The members online with their views.
fn inside<'a>(story: &'a Story, views: &'a Views) -> impl Iterator<Item = (&'a AccountName, Option<&'a View>)> {
    views.iter().filter(|(name, _)| story.is_inside(name)).map(|(name, status)| (name, status.view.as_ref()))
}

/// What the first member online sees.
pub(super) fn shared<'a>(story: &'a Story, views: &'a Views) -> Option<&'a View> {
    inside(story, views).find_map(|(_, view)| view)
}

fn same_epoch(story: &Story, views: &Views, epoch: u64) -> Check {
    let online: Vec<_> = inside(story, views).map(|(name, _)| name).collect();
    if online.is_empty() {
        return Check::new("nobody is online", None);
    }
    let what = format!("{} share one epoch and its authenticator", list(online));
    let Some(first) = shared(story, views) else { return Check::new(what, Some("none of them is in".to_owned())) };
    let fault = inside(story, views).find_map(|(name, view)| match view {
        None => Some(format!("{name} is not in")),
        Some(view) if view.epoch != first.epoch => {
            Some(format!("{name} is in epoch {}, others in {}", view.epoch, first.epoch))
        }
        Some(view) if view.authenticator != first.authenticator => Some(format!("{name} has another authenticator")),
        Some(_) => None,
    });
    let other = || (first.epoch != epoch).then(|| format!("epoch {} where {epoch} was expected", first.epoch));
    Check::new(what, fault.or_else(other))
}

fn members(story: &Story, views: &Views) -> Check {
    let expected = story.members();
    let what = format!("all see the members {} under the same keys", list(&expected));
    let names: BTreeSet<&str> = expected.iter().map(AccountName::as_str).collect();
    let first = shared(story, views);
    let fault = views.iter().find_map(|(name, status)| {
        let standing = story.person(name).map(|person| person.standing);
        match (standing, &status.view) {
            (Some(Standing::Inside), None) => Some(format!("{name} does not know of being in")),
            (Some(Standing::Inside), Some(view)) => {
                let seen: BTreeSet<&str> = view.members.keys().map(String::as_str).collect();
                let wrong = || format!("{name} sees {}", seen.iter().copied().collect::<Vec<_>>().join(", "));
                let same_keys = first.is_none_or(|first| first.members == view.members);
                (seen != names).then(wrong).or_else(|| (!same_keys).then(|| format!("{name} sees other keys")))
            }
            (_, Some(_)) => Some(format!("{name} still counts as in")),
            (_, None) => None,
        }
    });
    Check::new(what, fault)
}

fn messages(story: &Story, views: &Views) -> Check {
    let what = format!("each of {} messages is, once, with those it is for and nobody else", story.entries.len());
    let fault = views.iter().find_map(|(name, status)| {
        let expected: Vec<_> = story.entitled(name).collect();
        let differs = expected.iter().zip(&status.history).position(|(entry, heard)| !is_heard(entry, heard));
        if let Some(position) = differs {
            let (number, from) = (position + 1, expected.get(position).map_or("", |entry| entry.from.as_str()));
            return Some(format!("{name}'s message {number} is not the one that {from} sent"));
        }
        let (has, should) = (status.history.len(), expected.len());
        (has != should).then(|| format!("{name} has {has} messages and should have {should}"))
    });
    Check::new(what, fault)
}

fn is_heard(entry: &Entry, heard: &Heard) -> bool {
    let is_same = match (&entry.said, &heard.what) {
        (Said::Text(said), What::Text(heard)) => said == heard,
        (Said::File { name, bytes }, What::File { name: heard_name, bytes: heard_bytes }) => {
            name == heard_name && u64::try_from(*bytes).as_ref() == Ok(heard_bytes)
        }
        (Said::Text(_) | Said::File { .. }, What::Text(_) | What::File { .. } | What::Unknown) => false,
    };
    is_same && entry.from.as_str() == heard.from
}

/// Why a commit has not come true, seen by one who has both epochs.
pub(super) fn not_come_true(act: &Act, before: &View, after: &View) -> Option<String> {
    let key = |view: &View| view.members.get(act.who.as_str()).cloned();
    let is_done = match &act.deed {
        Deed::Invite(name) => after.members.contains_key(name.as_str()),
        Deed::Remove(name) => !after.members.contains_key(name.as_str()),
        Deed::Rotate => key(after).is_some() && key(before) != key(after),
    };
    (!is_done).then(|| format!("{act}: not to be seen in epoch {}", after.epoch))
}

/// Records of the log that somebody is not to read, and all that was handed to them.
pub(super) struct Forbidden<'a> {
    pub(super) who: &'a AccountName,
    /// Numbers of the records that are not to open.
    pub(super) closed: BTreeSet<u64>,
    /// All that the witness has.
    pub(super) handed: &'a [Record],
    /// The epoch of the copied state.
    pub(super) epoch: u64,
    /// The last record there was when the state was copied.
    pub(super) head: u64,
}

fn records(count: usize) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

impl Forbidden<'_> {
    /// Whether the server keeps them back.
    pub(super) fn served(&self, given: &[Record]) -> Check {
        let what = format!("the server gives {} none of {}", self.who, records(self.closed.len()));
        let leaked = given.iter().find(|record| self.closed.contains(&record.seq));
        Check::new(what, leaked.map(|record| format!("it gives record {}", record.seq)))
    }

    /// Whether they stay closed to one who has them.
    pub(super) fn opened(&self, pried: &[Pried]) -> Check {
        let tried: Vec<_> = pried.iter().filter(|pried| self.closed.contains(&pried.seq)).collect();
        let reason = tried.iter().find_map(|pried| pried.relabelled_refusal.clone()).unwrap_or_default();
        let what = format!("handed to {}, none of them opens ({reason})", self.who);
        let opened = tried.iter().find(|pried| pried.refusal.is_none() || pried.relabelled_refusal.is_none());
        let fault = opened.map(|pried| format!("record {} opens", pried.seq));
        let missing = || format!("{} of {} were tried", tried.len(), self.closed.len());
        Check::new(what, fault.or_else(|| (tried.len() != self.closed.len()).then(missing)))
    }

    /// Whether the same means open what they should: records of the copied epoch that came after the copy. `None` if
    /// there are none to try.
    pub(super) fn control(&self, pried: &[Pried]) -> Option<Check> {
        let meant = |record: &&Record| record.epoch == self.epoch && record.seq > self.head;
        let meant: BTreeSet<u64> = self.handed.iter().filter(meant).map(|record| record.seq).collect();
        let tried: Vec<_> = pried.iter().filter(|pried| meant.contains(&pried.seq) && !pried.is_own).collect();
        let what = format!("the same means open what {} may read, {}", self.who, records(tried.len()));
        let closed = tried.iter().find_map(|pried| Some(format!("record {}: {}", pried.seq, pried.refusal.as_ref()?)));
        (!tried.is_empty()).then(|| Check::new(what, closed))
    }
}
