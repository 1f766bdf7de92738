//! The JSON both sides write and read: its form is a promise.

use cenacle_service::wire::{
    Base64Url, ContentHash, DeviceId, DeviceToken, GroupId, Head, Hint, JoinPolicy, MessageFault, NameFault, Problem,
    ProblemKind, RecordKind,
};
use serde_json::{from_value, json, to_value};

fn group() -> GroupId {
    GroupId::from_slice(&[255, 254]).unwrap()
}

#[test]
fn a_problem_is_flat_and_comes_back() {
    let problem = Problem::new(ProblemKind::EpochConflict {
        group: group(),
        current_epoch: 7,
        head_seq: 12,
        winning_commit_hash: ContentHash([0; 32]),
        winning_commit_seq: 11,
    })
    .with_detail("too late");
    let json = to_value(&problem).unwrap();
    assert_eq!(
        json,
        json!({
            "type": "urn:cenacle:problem:epoch-conflict",
            "group": "__4",
            "current_epoch": 7,
            "head_seq": 12,
            "winning_commit_hash": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "winning_commit_seq": 11,
            "title": "Another commit won this epoch",
            "status": 409,
            "detail": "too late",
        })
    );
    assert_eq!(from_value::<Problem>(json).unwrap(), problem);
}

#[test]
fn problems_of_every_shape_come_back() {
    let kinds = [
        ProblemKind::Unauthorized,
        ProblemKind::NameInvalid { reason: NameFault::Character { found: 'Ä' } },
        ProblemKind::CommitInvalid { reason: MessageFault::NotACommit },
        ProblemKind::KeypackagesExhausted { devices: vec![DeviceId([1; 16])] },
        ProblemKind::RateLimited { retry_after_seconds: u64::MAX },
    ];
    for kind in kinds {
        let problem = Problem::new(kind);
        let text = serde_json::to_string(&problem).unwrap();
        assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem, "{text}");
        assert!(text.contains(problem.kind.type_uri()), "{text}");
    }
}

#[test]
fn a_problem_of_another_version_is_still_one() {
    let json = json!({ "type": "urn:cenacle:problem:from-the-future", "status": 418, "title": "?", "more": [1] });
    let problem: Problem = from_value(json).unwrap();
    assert_eq!((problem.kind, problem.status, problem.title.as_ref()), (ProblemKind::Unknown, 418, "?"));
}

#[test]
fn bytes_have_one_text_each() {
    assert_eq!(to_value(Base64Url::from(vec![0xfb, 0xff])).unwrap(), json!("-_8"));
    for text in ["-_8=", "+/8", "-_9", "-_8 ", "-"] {
        assert!(from_value::<Base64Url>(json!(text)).is_err(), "{text}");
    }
    assert!(from_value::<GroupId>(json!("")).is_err());
    assert!(GroupId::from_slice(&[0; 256]).is_none());
    assert!(from_value::<DeviceId>(json!("AAAA")).is_err());
}

#[test]
fn a_token_does_not_print() {
    let token = DeviceToken::new(DeviceId([1; 16]), &[2; 32]);
    assert_eq!(format!("{token:?}"), "DeviceToken(..)");
    let again: DeviceToken = token.to_text().parse().unwrap();
    assert_eq!((again.expose(), again.device_id()), (token.expose(), DeviceId([1; 16])));
}

#[test]
fn hints_and_kinds_have_stable_names() {
    let head = Head { group_id: group(), epoch: 1, seq: 2 };
    let json = json!({ "type": "head", "group_id": "__4", "epoch": 1, "seq": 2 });
    assert_eq!(to_value(Hint::Head { head: head.clone() }).unwrap(), json);
    assert_eq!(from_value::<Hint>(json).unwrap(), Hint::Head { head });
    assert_eq!(to_value(RecordKind::Created).unwrap(), json!("created"));
    assert_eq!(to_value(JoinPolicy::Open).unwrap(), json!("open"));
}
