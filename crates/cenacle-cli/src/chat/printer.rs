//! What a chat prints: lines for people, or one JSON object a line. What others wrote reaches a terminal without its
//! control characters.

use std::{
    env,
    io::{self, IsTerminal as _, Stdout, Write as _},
};

use cenacle::{Change, Content, ConversationId, Delivery, Error, Event, MemberId, Message};
use serde_json::{Value, json};

const DIM: &str = "2";
const NAME: &str = "36";
const BAD: &str = "31";

#[derive(Debug)]
pub(super) struct Printer {
    out: Stdout,
    json: bool,
    colours: bool,
}

/// Text from somebody else, as it may be shown: an escape sequence could do anything to a terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

fn names(members: &[MemberId]) -> Vec<&str> {
    let mut names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    // An account may have several devices.
    names.dedup();
    names
}

fn change(change: &Change) -> String {
    match change {
        Change::Add(name) => format!("to invite {name}"),
        Change::Remove(name) => format!("to remove {name}"),
        Change::Rotate | _ => "to renew the own keys".to_owned(),
    }
}

const fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Waiting => "waiting",
        Delivery::NotDelivered => "not_delivered",
        Delivery::Delivered | _ => "delivered",
    }
}

/// A message as JSON.
fn to_json(event: &str, conversation: &ConversationId, message: &Message) -> Value {
    let mut value = json!({
        "event": event, "conversation": conversation.to_string(), "id": message.id.to_string(),
        "from": message.from.name.as_str(), "mine": message.mine, "epoch": message.epoch, "seq": message.seq,
        "received_at": message.received_at, "delivery": delivery(message.delivery),
    });
    let (key, content) = match &message.content {
        Content::Text(text) => ("text", json!(text)),
        Content::File(file) => ("file", json!({ "name": file.name, "bytes": file.size_bytes })),
        Content::Unknown | _ => ("unknown", json!(true)),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), content);
    }
    value
}

impl Printer {
    pub(super) fn new(json: bool) -> Self {
        let out = io::stdout();
        // https://no-color.org: any value but none turns colours off.
        let is_wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colours = !json && is_wanted && out.is_terminal();
        Self { out, json, colours }
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&self, text: &str) -> io::Result<()> {
        let mut out = self.out.lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Says the same to people and to programs.
    pub(super) fn say(&self, text: &str, value: &Value) -> io::Result<()> {
        if self.json { self.line(&value.to_string()) } else { self.line(text) }
    }

    /// Something happened, as opposed to being said.
    pub(super) fn note(&self, text: &str, value: &Value) -> io::Result<()> {
        self.say(&self.paint(DIM, &format!("* {text}")), value)
    }

    /// Something could not be done.
    pub(super) fn complain(&self, line: &str, reason: &str) -> io::Result<()> {
        let text = self.paint(BAD, &format!("! {reason}"));
        self.say(&text, &json!({ "event": "error", "line": line, "reason": reason }))
    }

    /// A message; `place` says where, if that is not obvious.
    pub(super) fn message(
        &self,
        event: &str,
        place: &str,
        conversation: &ConversationId,
        message: &Message,
    ) -> io::Result<()> {
        let said = match &message.content {
            Content::Text(text) => plain(text),
            Content::File(file) => format!("sends {:?} ({} bytes); /save PATH", plain(&file.name), file.size_bytes),
            Content::Unknown | _ => "says something that a newer version of this program understands".to_owned(),
        };
        let waits = match message.delivery {
            Delivery::Waiting => " (not sent yet)",
            Delivery::NotDelivered => " (not delivered)",
            Delivery::Delivered | _ => "",
        };
        let place = if place.is_empty() { String::new() } else { format!("[{}] ", plain(place)) };
        let text = format!("{place}{}: {said}{waits}", self.paint(NAME, message.from.name.as_str()));
        self.say(&text, &to_json(event, conversation, message))
    }

    /// Something that happened. `place` says where, if that is not obvious.
    pub(super) fn event(&self, place: &str, event: &Event) -> io::Result<()> {
        let at = if place.is_empty() { String::new() } else { format!("[{}] ", plain(place)) };
        match event {
            Event::Joined { conversation, title, epoch } => self.note(
                &format!("you are in {:?} now", plain(title)),
                &json!({ "event": "joined", "conversation": conversation.to_string(), "title": title, "epoch": epoch }),
            ),
            Event::Message { conversation, message } => self.message("message", place, conversation, message),
            Event::FileReceived { conversation, message } => self.message("file", place, conversation, message),
            Event::Delivered { conversation, id, seq } => self.silent(&json!({
                "event": "delivered", "conversation": conversation.to_string(), "id": id.to_string(), "seq": seq,
            })),
            Event::EpochChanged { conversation, epoch } => self.silent(&json!({
                "event": "epoch", "conversation": conversation.to_string(), "epoch": epoch,
            })),
            Event::MembersChanged { conversation, added, removed, by } => {
                let by = by.as_ref().map_or("somebody", |by| by.name.as_str());
                let verb = |verb, who: &[MemberId]| {
                    (!who.is_empty()).then(|| format!("{by} {verb} {}", names(who).join(", ")))
                };
                let news: Vec<_> = [verb("added", added), verb("removed", removed)].into_iter().flatten().collect();
                self.note(
                    &format!("{at}{}", news.join("; ")),
                    &json!({
                        "event": "members", "conversation": conversation.to_string(), "by": by,
                        "added": names(added), "removed": names(removed),
                    }),
                )
            }
            Event::Removed { conversation, by } => {
                let by = by.as_ref().map_or("somebody", |by| by.name.as_str());
                let value = json!({ "event": "removed", "conversation": conversation.to_string(), "by": by });
                self.note(&format!("{at}{by} removed you; what was said before stays readable"), &value)
            }
            Event::Lost { .. }
            | Event::Rejoined { .. }
            | Event::MemberRejoined { .. }
            | Event::ForkSuspected { .. }
            | Event::InvitationLost { .. } => self.loss(&at, event),
            Event::NotDelivered { reason, .. } => {
                self.failure(&at, "not_delivered", "a message was not delivered", reason)
            }
            Event::Dropped { change: wanted, reason, .. } => {
                self.failure(&at, "dropped", &format!("{} is given up", change(wanted)), reason)
            }
            Event::Rejected { seq, reason, .. } => {
                self.failure(&at, "rejected", &format!("record {seq} was refused"), reason)
            }
            Event::SyncFailed { reason, .. } => {
                self.failure(&at, "sync_failed", "what is new could not be fetched", reason)
            }
            Event::Missed { count } => {
                let text = format!("{count} events were missed; /history has all messages");
                self.note(&text, &json!({ "event": "missed", "count": count }))
            }
            _ => Ok(()),
        }
    }

    /// Something about conversations lost and found again.
    fn loss(&self, at: &str, event: &Event) -> io::Result<()> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "it is called with these alone")]
        match event {
            Event::Lost { conversation, loss } => {
                let way_back = if self.json { "" } else { " (/rejoin comes back)" };
                let text = self.paint(BAD, &format!("* {at}{loss}{way_back}"));
                let value = json!({
                    "event": "lost", "conversation": conversation.to_string(), "reason": loss.to_string(),
                });
                self.say(&text, &value)
            }
            Event::Rejoined { conversation, epoch, added, removed, unread } => {
                let who = |what, who: &[MemberId]| {
                    if who.is_empty() { String::new() } else { format!("; {what}: {}", names(who).join(", ")) }
                };
                let (came, went) = (who("came meanwhile", added), who("went meanwhile", removed));
                self.note(
                    &format!("{at}you are back, with new keys; messages passed over unread: {unread}{came}{went}"),
                    &json!({
                        "event": "rejoined", "conversation": conversation.to_string(), "epoch": epoch,
                        "added": names(added), "removed": names(removed), "unread": unread,
                    }),
                )
            }
            Event::InvitationLost { conversation } => {
                let text = self.paint(
                    BAD,
                    "* somebody invited you by a key package that this device does not have (is its state an old copy?): \
                     ask to be removed and invited again",
                );
                let value = json!({ "event": "invitation_lost", "conversation": conversation.to_string() });
                self.say(&text, &value)
            }
            Event::MemberRejoined { conversation, member } => {
                let name = member.name.as_str();
                let value = json!({
                    "event": "member_rejoined", "conversation": conversation.to_string(), "name": name,
                });
                self.note(&format!("{at}{name} had lost the conversation and is back, with new keys"), &value)
            }
            Event::ForkSuspected { conversation, seq, suspicion } => {
                let text = format!("* {at}record {seq}: {suspicion}. Compare what /verify shows");
                let value = json!({
                    "event": "fork_suspected", "conversation": conversation.to_string(), "seq": seq,
                    "reason": suspicion.to_string(),
                });
                self.say(&self.paint(BAD, &text), &value)
            }
            _ => Ok(()),
        }
    }

    fn silent(&self, value: &Value) -> io::Result<()> {
        if self.json { self.line(&value.to_string()) } else { Ok(()) }
    }

    /// Something did not go well.
    fn failure(&self, at: &str, event: &str, what: &str, reason: &Error) -> io::Result<()> {
        let text = self.paint(BAD, &format!("* {at}{what}: {reason}"));
        self.say(&text, &json!({ "event": event, "reason": reason.to_string() }))
    }
}
