//! The lines a person writes: a message, or a command behind a slash.

use std::path::PathBuf;

/// What `/help` says.
pub(super) const HELP: &str =
    "  hello                a line without a slash is said to the conversation; `//` begins one with a slash
  /new TITLE           begin a conversation, and make it the current one
  /switch [TITLE]      make another conversation the current one; alone, list them
  /invite NAME         add somebody: they read what is said from then on
  /remove NAME         remove somebody: they read nothing that is said from then on
  /members             who is in the conversation
  /history             what was said
  /send FILE           send a file
  /save PATH [NAME]    save the last file that was sent, or the last one called NAME
  /tree                draw the conversation's keys
  /rotate              renew the own keys
  /verify              a number to compare with the others: who sees the same is in the same conversation
  /rejoin [NAME...]    come back to the conversation when it is lost; with those who came into it meanwhile by name
  /help                this
  /quit                leave the program; the conversation goes on";

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Say(String),
    New(String),
    Switch(Option<String>),
    Invite(String),
    Remove(String),
    Members,
    History,
    Send(PathBuf),
    Save { to: PathBuf, name: Option<String> },
    Tree,
    Rotate,
    Verify,
    Rejoin(Vec<String>),
    Help,
    Quit,
}

/// Reads a line; an empty one asks for nothing.
pub(super) fn read(line: &str) -> Result<Option<Command>, String> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return Ok((!line.is_empty()).then(|| Command::Say(line.to_owned())));
    };
    if command.starts_with('/') {
        return Ok(Some(Command::Say(command.to_owned())));
    }
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    let needs = |what: &str| if rest.is_empty() { Err(format!("/{word} {what}")) } else { Ok(rest.to_owned()) };
    let alone = |command| if rest.is_empty() { Ok(command) } else { Err(format!("/{word}, and nothing behind it")) };
    let read = match word {
        "new" => needs("TITLE").map(Command::New),
        "switch" => Ok(Command::Switch((!rest.is_empty()).then(|| rest.to_owned()))),
        "invite" => needs("NAME").map(Command::Invite),
        "remove" => needs("NAME").map(Command::Remove),
        "members" => alone(Command::Members),
        "history" => alone(Command::History),
        "send" => needs("FILE").map(|file| Command::Send(file.into())),
        "save" => needs("PATH [NAME]").map(|rest| save(&rest)),
        "tree" => alone(Command::Tree),
        "rotate" => alone(Command::Rotate),
        "verify" => alone(Command::Verify),
        "rejoin" => Ok(Command::Rejoin(rest.split_whitespace().map(str::to_owned).collect())),
        "help" => alone(Command::Help),
        "quit" => alone(Command::Quit),
        _ => return Err(format!("there is no command /{word}; /help lists them, and `//` says a line with a slash")),
    };
    read.map(Some).map_err(|usage| format!("write {usage}"))
}

fn save(rest: &str) -> Command {
    let (to, name) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = name.trim();
    Command::Save { to: to.into(), name: (!name.is_empty()).then(|| name.to_owned()) }
}
