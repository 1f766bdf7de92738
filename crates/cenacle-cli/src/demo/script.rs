//! The demo's language: one line, one step. A line is read into a [`Step`] or refused with its number; whether it can
//! be done at that point of the story is [`super::story`]'s question.

use core::fmt;

use cenacle::MAX_FILE_BYTES;
use cenacle_service::wire::AccountName;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What ships with the program.
pub(super) const DEFAULT: &str = include_str!("default.script");

/// What a script may say, for `--help` and for whoever wrote something else.
pub(super) const LANGUAGE: &str = "  alice: Hello!                         says something; while offline it is sent on coming back
  alice invites dave                    adds somebody: one commit
  alice removes dave                    removes somebody: one commit
  alice rotates                         renews alice's keys: one commit
  alice and bob rotate together         two commits at the same moment
  alice invites dave and bob rotates    any two of the above at the same moment
  bob goes offline                      bob's process loses the network
  bob comes back                        and finds it again
  kill bob while committing             SIGKILL in the middle of a commit; bob restarts and goes on
  kill bob while inviting dave          the same with another commit, or `removing dave`
    ... before the post                 the commit is stored, the server has not heard of it
    ... after the post                  the server has it, bob does not know
    ... before the merge                bob has its echo and has not taken it into use
    ... at random                       at any moment
  bob restores a backup                 bob goes on with an old copy of his state: he has to notice, and to rejoin
  alice sends 1 MiB file                sends random bytes as a file; `bytes`, `KiB` and `MiB` are known
  check dave cannot read before         dave, who joined later, tries to read what was said before
  check dave cannot read after          dave, who was removed, tries to read what was said since
  # anything                            is not read; nor are empty lines

Names are of a-z, 0-9, '.', '_', '-'. Whoever says or does something before being invited is in the conversation from the
beginning; the first of them begins it.";

/// Words that no one can be called.
const RESERVED: [&str; 3] = ["and", "check", "kill"];

/// Where a process is stopped in the middle of its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Point {
    /// The commit is stored; the server has not heard of it.
    BeforePost,
    /// The server has the commit; its answer was not heard.
    AfterPost,
    /// The echo of the commit was fetched; it is not merged.
    BeforeMerge,
    /// Any moment after the order was given.
    Random,
}

impl Point {
    const WORDS: [(&[&str], Self); 4] = [
        (&["before", "the", "post"], Self::BeforePost),
        (&["after", "the", "post"], Self::AfterPost),
        (&["before", "the", "merge"], Self::BeforeMerge),
        (&["at", "random"], Self::Random),
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforePost => "before the post",
            Self::AfterPost => "after the post",
            Self::BeforeMerge => "before the merge",
            Self::Random => "at random",
        })
    }
}

/// Something that takes a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Invite(AccountName),
    Remove(AccountName),
    Rotate,
}

/// Someone's commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) who: AccountName,
    pub(super) deed: Deed,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.deed {
            Deed::Invite(name) => write!(f, "{} invites {name}", self.who),
            Deed::Remove(name) => write!(f, "{} removes {name}", self.who),
            Deed::Rotate => write!(f, "{} rotates", self.who),
        }
    }
}

/// Which messages someone is not to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closed {
    /// Those from before they joined.
    Before,
    /// Those since they were removed.
    After,
}

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Say { who: AccountName, text: String },
    Commit(Act),
    Together(Act, Act),
    Offline(AccountName),
    Online(AccountName),
    Kill { act: Act, point: Option<Point> },
    Restore(AccountName),
    SendFile { who: AccountName, bytes: usize },
    Check { who: AccountName, closed: Closed },
}

/// A line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1; 0 for what happens before the first.
    pub(super) number: usize,
    /// As it was written.
    pub(super) text: String,
    pub(super) step: Step,
}

/// A line that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nonsense {
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) reason: String,
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {:?}: {}", self.number, self.text, self.reason)
    }
}

/// Reads a script, or says what is wrong with each line that is.
pub(super) fn read(script: &str) -> Result<Vec<Line>, Vec<Nonsense>> {
    let (mut lines, mut nonsense) = (Vec::new(), Vec::new());
    for (number, text) in (1..).zip(script.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match step(text) {
            Ok(step) => lines.push(Line { number, text: text.to_owned(), step }),
            Err(reason) => nonsense.push(Nonsense { number, text: text.to_owned(), reason }),
        }
    }
    if nonsense.is_empty() { Ok(lines) } else { Err(nonsense) }
}

fn step(text: &str) -> Result<Step, String> {
    if let Some((who, said)) = text.split_once(':')
        && !who.contains(char::is_whitespace)
    {
        let said = said.trim();
        return if said.is_empty() { Err("says nothing".to_owned()) } else { say(who, said) };
    }
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["check", who, "cannot", "read", "before"] => Ok(Step::Check { who: name(who)?, closed: Closed::Before }),
        ["check", who, "cannot", "read", "after"] => Ok(Step::Check { who: name(who)?, closed: Closed::After }),
        ["kill", who, "while", doing @ ..] => kill(who, doing),
        [who, "goes", "offline"] => Ok(Step::Offline(name(who)?)),
        [who, "comes", "back"] => Ok(Step::Online(name(who)?)),
        [who, "restores", "a", "backup"] => Ok(Step::Restore(name(who)?)),
        [who, "sends", count, unit, "file"] | [who, "sends", "a", count, unit, "file"] => {
            Ok(Step::SendFile { who: name(who)?, bytes: size(count, unit)? })
        }
        [first, "and", second, "rotate", "together"] => {
            let rotates = |who| Ok::<_, String>(Act { who: name(who)?, deed: Deed::Rotate });
            Ok(Step::Together(rotates(first)?, rotates(second)?))
        }
        words => match words.split(|word| *word == "and").collect::<Vec<_>>().as_slice() {
            [one] => Ok(Step::Commit(act(one)?)),
            [first, second] => Ok(Step::Together(act(first)?, act(second)?)),
            _ => Err("more than two at the same moment are not understood".to_owned()),
        },
    }
}

fn say(who: &str, text: &str) -> Result<Step, String> {
    Ok(Step::Say { who: name(who)?, text: text.to_owned() })
}

fn act(words: &[&str]) -> Result<Act, String> {
    let (who, deed) = match words {
        [who, "invites", other] => (who, Deed::Invite(name(other)?)),
        [who, "removes", other] => (who, Deed::Remove(name(other)?)),
        [who, "rotates"] => (who, Deed::Rotate),
        _ => return Err("not understood".to_owned()),
    };
    Ok(Act { who: name(who)?, deed })
}

fn kill(who: &str, doing: &[&str]) -> Result<Step, String> {
    let (deed, rest) = match doing {
        ["committing", rest @ ..] | ["rotating", rest @ ..] => (Deed::Rotate, rest),
        ["inviting", other, rest @ ..] => (Deed::Invite(name(other)?), rest),
        ["removing", other, rest @ ..] => (Deed::Remove(name(other)?), rest),
        _ => return Err("kill somebody while `committing`, `inviting NAME` or `removing NAME`".to_owned()),
    };
    let found = Point::WORDS.iter().find(|(words, _)| *words == rest).map(|(_, point)| *point);
    if found.is_none() && !rest.is_empty() {
        let points = Point::WORDS.map(|(words, _)| format!("`{}`", words.join(" ")));
        return Err(format!("the moment is one of {}", points.join(", ")));
    }
    Ok(Step::Kill { act: Act { who: name(who)?, deed }, point: found })
}

fn name(word: &str) -> Result<AccountName, String> {
    if RESERVED.contains(&word) {
        return Err(format!("nobody can be called {word:?}"));
    }
    word.parse().map_err(|fault: cenacle_service::wire::NameFault| fault.to_string())
}

fn size(count: &str, unit: &str) -> Result<usize, String> {
    let unit = match unit {
        "byte" | "bytes" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err("a size is in bytes, KiB or MiB".to_owned()),
    };
    let count: usize = count.parse().map_err(|_| format!("{count:?} is not a number"))?;
    let bytes = count.checked_mul(unit).filter(|bytes| *bytes <= MAX_FILE_BYTES);
    bytes.ok_or_else(|| "more than 15 MiB: the server takes no such file".to_owned())
}
