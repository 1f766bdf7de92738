//! What a run came to, as text and as JSON.

use alloc::collections::BTreeMap;
use core::fmt::Display;

use cenacle_world::Report;
use serde_json::{Value, json};

/// A line for one of many seeds.
pub(super) fn line(report: &Report) -> String {
    let Report { config, events, messages, digest, .. } = report;
    format!(
        "seed {}: {}, {events} events, {} of {} readings, all explained; digest {digest}",
        config.seed,
        epochs(report),
        messages.read,
        messages.expected
    )
}

/// How many epochs there were, of how many if not all.
fn epochs(report: &Report) -> String {
    match report.deserted {
        true => format!("{} of {} epochs, then nobody was left", report.epochs, report.config.epochs),
        false => format!("{} epochs", report.epochs),
    }
}

/// Everything, in lines.
pub(super) fn text(report: &Report, replay: &str) -> String {
    let mut lines = vec![format!(
        "seed {}: {} members, {}, {} events in {} s of virtual time",
        report.config.seed,
        report.members,
        epochs(report),
        report.events,
        report.virtual_seconds
    )];
    let mut list = |title: &str, counted: Vec<(String, u64)>| {
        if !counted.is_empty() {
            lines.push(format!("  {title}"));
            lines.extend(counted.into_iter().map(|(what, count)| format!("    {count:>9}  {what}")));
        }
    };
    list("done", named(&report.operations));
    list("faults", named(&report.faults));
    list("refused by members", named(&report.refusals));
    list("seen by members", report.signals.iter().map(|(signal, count)| (signal.name().into(), *count)).collect());
    list("done about it", named(&report.recoveries));
    for (behaviour, acts) in &report.dishonest {
        list(&format!("the service: {behaviour}, {} times", acts.count), named(&acts.outcomes));
    }
    let unread = report.messages.unread.iter().map(|(why, count)| (format!("unread: {why}"), *count));
    let read = ("read, of all that should be".to_owned(), report.messages.read);
    let sent = ("messages sent".to_owned(), report.messages.sent);
    list("messages", [sent, read].into_iter().chain(unread).collect());
    lines.push(format!("  digest {}", report.digest));
    match &report.finding {
        None => lines.push("Everything that came is explained.".into()),
        Some(finding) => {
            lines.push(format!("NOT EXPLAINED: {finding}"));
            lines.push(format!("The same again: {replay}"));
        }
    }
    lines.join("\n")
}

/// Everything, as an object in one line.
pub(super) fn json(report: &Report, replay: &str) -> String {
    let object = |counted: Vec<(String, u64)>| -> Value {
        Value::Object(counted.into_iter().map(|(what, count)| (what, count.into())).collect())
    };
    let dishonest: serde_json::Map<String, Value> = report
        .dishonest
        .iter()
        .map(|(how, acts)| (how.to_string(), json!({ "count": acts.count, "outcomes": object(named(&acts.outcomes)) })))
        .collect();
    let signals = report.signals.iter().map(|(signal, count)| (signal.name().to_owned(), *count)).collect();
    json!({
        "seed": report.config.seed,
        "members": report.members,
        "epochs": report.epochs,
        "deserted": report.deserted,
        "events": report.events,
        "virtual_seconds": report.virtual_seconds,
        "digest": report.digest,
        "operations": object(named(&report.operations)),
        "faults": object(named(&report.faults)),
        "refusals": object(named(&report.refusals)),
        "signals": object(signals),
        "recoveries": object(named(&report.recoveries)),
        "dishonest": dishonest,
        "messages": {
            "sent": report.messages.sent,
            "expected": report.messages.expected,
            "read": report.messages.read,
            "unread": object(named(&report.messages.unread)),
        },
        "finding": report.finding.as_ref().map(ToString::to_string),
        "replay": replay,
    })
    .to_string()
}

fn named<K: Display>(counted: &BTreeMap<K, u64>) -> Vec<(String, u64)> {
    counted.iter().map(|(what, count)| (what.to_string(), *count)).collect()
}
