//! The services' JSON bodies. JSON has many spellings, so what must hold is that one reading is enough: what was read is
//! written as something that reads and writes the same.

use cenacle_service::wire::*;
use serde::{Serialize, de::DeserializeOwned};

type Body = (&'static str, fn(&[u8]) -> bool);

macro_rules! bodies {
    ($($type:ty),* $(,)?) => { &[$((stringify!($type), settles::<$type>)),*] };
}

/// New ones come last: the place is what chooses in a corpus.
const BODIES: &[Body] = bodies![
    RegisterAccount,
    RegisterDevice,
    Registered,
    Devices,
    AddBindings,
    Bound,
    AsKey,
    PublishKeyPackages,
    Stock,
    TakeKeyPackages,
    TakenKeyPackages,
    CreateGroup,
    Accepted,
    PostCommit,
    PostMessage,
    Posted,
    Log,
    GroupInfoAnswer,
    Queue,
    AckQueue,
    Acknowledged,
    AskHeads,
    Heads,
    BlobStored,
    HintRequest,
    Hint,
    ServerInfo,
    Problem,
];

/// Whether the bytes are such a body; panics if it does not settle.
fn settles<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<T>(bytes) else { return false };
    let written = serde_json::to_vec(&body).unwrap();
    let again = serde_json::from_slice::<T>(&written).expect("what is written can be read");
    assert_eq!(serde_json::to_vec(&again).unwrap(), written);
    true
}

pub(crate) fn run(input: &[u8]) {
    let Some((number, bytes)) = input.split_first() else { return };
    let (_, settles) = BODIES[usize::from(*number) % BODIES.len()];
    settles(bytes);
}

const EXAMPLES: &[&str] = &[
    r#"{"group_id":"AQID","policy":"open","group_info":"AAEABA","ratchet_tree":"AA"}"#,
    r#"{"epoch":7,"commit":"AAEAAQ","welcomes":[{"recipients":["AAAAAAAAAAAAAAAAAAAAAA"],"welcome":"AAEAAw"}],
        "added":["AAAAAAAAAAAAAAAAAAAAAA"],"removed":["AQAAAAAAAAAAAAAAAAAAAA"]}"#,
    r#"{"epoch":18446744073709551615,"message":"AAEAAg"}"#,
    r#"{"suites":[{"cipher_suite":1,"normal":3,"last_resort":true}]}"#,
    r#"{"cipher_suite":65535,"device_id":"AAAAAAAAAAAAAAAAAAAAAA"}"#,
    r#"{"key_packages":[{"kind":"last_resort","key_package":"AAEABQ"},{"kind":"normal","key_package":""}]}"#,
    r#"{"groups":["","AQID"]}"#,
    r#"{"type":"subscribe","groups":["AQID"]}"#,
    r#"{"type":"head","group_id":"AQID","epoch":1,"seq":2}"#,
    r#"{"type":"go_away","reason":"too_slow"}"#,
    r#"{"items":[],"more":false}"#,
    r#"{"type":"urn:cenacle:problem:rate-limited","retry_after_seconds":3,"title":"t","status":429,"detail":"d"}"#,
    r#"{"type":"urn:cenacle:problem:commit-invalid","reason":"not_a_commit"}"#,
    r#"{"type":"about:blank","title":"\u0000","status":0}"#,
];

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let with_place = |text: &&str| -> Vec<Vec<u8>> {
        let fitting = BODIES.iter().enumerate().filter(|(_, (_, settles))| settles(text.as_bytes()));
        fitting.map(|(place, _)| [&[u8::try_from(place).unwrap()], text.as_bytes()].concat()).collect()
    };
    EXAMPLES.iter().flat_map(with_place).collect()
}
