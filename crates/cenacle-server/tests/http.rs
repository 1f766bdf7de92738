//! The server on a free loopback port, spoken to as a client does: routes, problem documents, hints, and the end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests stop at the first surprise"
)]

extern crate alloc;

mod support;

use cenacle_service::wire::{
    Accepted, AckQueue, Acknowledged, AddBindings, AsKey, AskHeads, BlobStored, Bound, ContentHash, CreateGroup,
    Devices, GoAway, GroupId, GroupInfoAnswer, Heads, Hint, HintRequest, JoinPolicy, KeyPackageKind, KeyPackageOffer,
    Log, PostCommit, PostMessage, Posted, Problem, ProblemKind, PublishKeyPackages, Queue, RecordKind, RegisterAccount,
    ServerInfo, Stock, SuiteNumber, TakeKeyPackages, TakenKeyPackages, WelcomeFor,
};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use support::{Account, Running, application, commit, config, key_package, suite, welcome};

#[tokio::test]
async fn a_conversation_over_every_route() {
    let server = Running::start().await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let phone = server.register_beside(&alice).await;

    let as_key: AsKey = server.json(Method::GET, "/v1/as/key", None, &()).await;
    let info: ServerInfo = server.json(Method::GET, "/.well-known/mls-ds", None, &()).await;
    assert_eq!(info.authentication_service, as_key);
    let devices: Devices = server.json(Method::GET, "/v1/accounts/alice/devices", Some(&bob), &()).await;
    assert_eq!(devices.devices.iter().map(|d| d.device_id).collect::<Vec<_>>(), [alice.id, phone.id]);
    let as_key = cenacle_crypto::SignaturePublicKey(as_key.signature_key.as_slice().into());
    let binding = devices.devices[1].bindings[0].verify(&*suite(), &as_key, support::now()).unwrap();
    assert_eq!((binding.name.as_str(), binding.device_id), ("alice", phone.id));
    let renewal = AddBindings { bindings: support::asking("bob", &*bob.signer) };
    let bound: Bound = server.json(Method::POST, "/v1/bindings", Some(&bob), &renewal).await;
    assert_eq!(bound.bindings.len(), 1);

    let offer = KeyPackageOffer { kind: KeyPackageKind::Normal, key_package: key_package(&*bob.signer) };
    let publish = PublishKeyPackages { key_packages: vec![offer.clone()] };
    let stock: Stock = server.json(Method::PUT, "/v1/key-packages", Some(&bob), &publish).await;
    assert_eq!(stock.suites[0].normal, 1);
    let take = TakeKeyPackages { cipher_suite: SuiteNumber(1), device_id: None };
    let path = "/v1/accounts/bob/key-packages/take";
    let taken: TakenKeyPackages = server.json(Method::POST, path, Some(&alice), &take).await;
    assert_eq!(taken.key_packages[0].key_package, offer.key_package);
    let problem = server.refused(Method::POST, path, Some(&alice), &take).await;
    assert_eq!(problem.kind, ProblemKind::KeypackagesExhausted { devices: vec![bob.id] });
    let stock: Stock = server.json(Method::GET, "/v1/key-packages/count", Some(&bob), &()).await;
    assert!(stock.suites.is_empty());
    let offer = KeyPackageOffer { kind: KeyPackageKind::LastResort, key_package: key_package(&*alice.signer) };
    let publish = PublishKeyPackages { key_packages: vec![offer] };
    let stock: Stock = server.json(Method::PUT, "/v1/key-packages", Some(&alice), &publish).await;
    assert!(stock.suites[0].last_resort);
    let stock: Stock = server.json(Method::POST, "/v1/key-packages/withdraw", Some(&alice), &()).await;
    assert!(stock.suites.is_empty());
    let problem = server.refused(Method::POST, "/v1/key-packages/withdraw", None, &()).await;
    assert_eq!(problem.kind, ProblemKind::Unauthorized);

    let group = server.group(&alice, &[&bob], JoinPolicy::Closed).await;
    let queue: Queue = server.json(Method::GET, "/v1/queue?limit=5", Some(&bob), &()).await;
    assert_eq!((queue.items.len(), queue.items[0].commit_seq, queue.items[0].epoch), (1, 2, 1));
    let acknowledge = AckQueue { ids: vec![queue.items[0].id] };
    let acknowledged: Acknowledged = server.json(Method::POST, "/v1/queue/ack", Some(&bob), &acknowledge).await;
    assert_eq!(acknowledged.removed, 1);

    let post = PostMessage { epoch: 1, message: application(&group, 1, 1) };
    let posted: Posted = server.json(Method::POST, &format!("/v1/groups/{group}/messages"), Some(&bob), &post).await;
    assert_eq!(posted.seq, 3);
    let log: Log = server.json(Method::GET, &format!("/v1/groups/{group}/log"), Some(&alice), &()).await;
    let kinds: Vec<RecordKind> = log.records.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, [RecordKind::Created, RecordKind::Commit, RecordKind::Application]);
    let path = format!("/v1/groups/{group}/log?from=2&limit=1");
    let log: Log = server.json(Method::GET, &path, Some(&bob), &()).await;
    assert_eq!((log.records.len(), log.records[0].seq, log.head), (1, 2, 3));
    let heads: Heads =
        server.json(Method::POST, "/v1/heads", Some(&bob), &AskHeads { groups: vec![group.clone()] }).await;
    assert_eq!((heads.heads[0].seq, heads.lineage), (3, info.lineage));
    let missing = server.refused(Method::GET, &format!("/v1/groups/{group}/group-info"), Some(&bob), &()).await;
    assert_eq!(missing.kind, ProblemKind::GroupInfoMissing { group, current_epoch: 1 });
    let open = server.group(&bob, &[], JoinPolicy::Open).await;
    let answer: GroupInfoAnswer =
        server.json(Method::GET, &format!("/v1/groups/{open}/group-info"), Some(&alice), &()).await;
    assert_eq!((answer.epoch, answer.seq), (0, 1));
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.send(Method::GET, path, None, &()).await.status(), StatusCode::NO_CONTENT);
    }
    server.stop().await;
}

#[tokio::test]
async fn two_commits_for_one_epoch() {
    let server = Running::start().await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let group = server.group(&alice, &[&bob], JoinPolicy::Closed).await;
    let path = format!("/v1/groups/{group}/commits");
    let (hers, his) = (commit(&group, 1, 1), commit(&group, 1, 2));
    let (one, two) = tokio::join!(
        server.send(Method::POST, &path, Some(&alice), &hers),
        server.send(Method::POST, &path, Some(&bob), &his),
    );
    let hash = |post: &PostCommit| ContentHash::of(&*suite(), post.commit.as_slice());
    let (won, lost, winner, winners_post) = match (one.status(), two.status()) {
        (StatusCode::CREATED, StatusCode::CONFLICT) => (one, two, &alice, &hers),
        (StatusCode::CONFLICT, StatusCode::CREATED) => (two, one, &bob, &his),
        other => panic!("{other:?}"),
    };
    let accepted: Accepted = won.json().await.unwrap();
    let conflict = ProblemKind::EpochConflict {
        group,
        current_epoch: 2,
        head_seq: 3,
        winning_commit_hash: hash(winners_post),
        winning_commit_seq: 3,
    };
    assert_eq!(lost.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(lost.json::<Problem>().await.unwrap().kind, conflict);
    let again: Accepted = server.json(Method::POST, &path, Some(winner), winners_post).await;
    assert_eq!(again, accepted);
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_is_a_problem_document() {
    let mut config = config();
    config.service.limits.body_bytes = 2000;
    config.service.limits.blob_bytes = 5000;
    let server = Running::with(config).await;
    let alice = server.register("alice").await;
    let big = json!({ "name": "a".repeat(3000), "bindings": [] });
    let group = "/v1/groups/AAAA/messages";
    let unknown = ProblemKind::GroupUnknown { group: GroupId::from_slice(&[0; 3]).unwrap() };
    let cases = [
        (Method::GET, "/", None, json!(null), ProblemKind::RouteUnknown),
        (Method::GET, "/v1/nothing", Some(&alice), json!(null), ProblemKind::RouteUnknown),
        (Method::DELETE, "/v1/accounts", None, json!(null), ProblemKind::MethodNotAllowed),
        (Method::GET, "/v1/queue", None, json!(null), ProblemKind::Unauthorized),
        (Method::POST, "/v1/accounts", None, json!({ "nom": 1 }), ProblemKind::RequestInvalid),
        (Method::POST, "/v1/accounts", None, big, ProblemKind::PayloadTooLarge { limit_bytes: 2000 }),
        (Method::POST, group, None, json!({}), ProblemKind::Unauthorized),
        (Method::POST, group, Some(&alice), json!({}), ProblemKind::RequestInvalid),
        (Method::GET, "/v1/groups/AAAA/log", Some(&alice), json!(null), unknown),
        (Method::GET, "/v1/groups/A=/log", Some(&alice), json!(null), ProblemKind::RequestInvalid),
        (Method::GET, "/v1/groups/AAAA/log?from=-1", Some(&alice), json!(null), ProblemKind::RequestInvalid),
        (Method::GET, "/v1/groups/%ff/log", Some(&alice), json!(null), ProblemKind::RequestInvalid),
        (Method::GET, "/v1/hints", None, json!(null), ProblemKind::Unauthorized),
        (Method::GET, "/v1/hints", Some(&alice), json!(null), ProblemKind::RequestInvalid),
        (Method::GET, "/v1/blobs/AAAA", Some(&alice), json!(null), ProblemKind::RequestInvalid),
    ];
    for (method, path, who, body, kind) in cases {
        let problem = server.refused(method.clone(), path, who, &body).await;
        assert_eq!(problem.kind, kind, "{method} {path}");
    }
    let name = server.refused(Method::GET, "/v1/accounts/Alice/devices", Some(&alice), &()).await;
    assert!(matches!(name.kind, ProblemKind::NameInvalid { .. }), "{name:?}");

    let form = server.request(Method::POST, "/v1/accounts", None).body("name=alice").send().await.unwrap();
    assert_eq!(form.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(form.json::<Problem>().await.unwrap().kind, ProblemKind::MediaTypeUnsupported);
    let token = server.request(Method::GET, "/v1/queue", None).bearer_auth("nonsense").send().await.unwrap();
    assert_eq!(token.headers()[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(token.json::<Problem>().await.unwrap().kind, ProblemKind::Unauthorized);
    server.stop().await;
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_again() {
    let mut config = config();
    config.service.limits.burst_requests = 2;
    config.service.limits.requests_per_second = 0;
    let server = Running::with(config).await;
    let alice = server.register("alice").await;
    for _ in 0..2 {
        assert_eq!(server.send(Method::GET, "/v1/queue", Some(&alice), &()).await.status(), StatusCode::OK);
    }
    let limited = server.send(Method::GET, "/v1/queue", Some(&alice), &()).await;
    assert_eq!(limited.headers()[header::RETRY_AFTER], "1");
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let kind = limited.json::<Problem>().await.unwrap().kind;
    assert_eq!(kind, ProblemKind::RateLimited { retry_after_seconds: 1 });
    server.stop().await;
}

#[tokio::test]
async fn blobs_travel_as_they_are() {
    let mut config = config();
    config.service.limits.blob_bytes = 100_000;
    config.service.limits.body_bytes = 1000;
    let server = Running::with(config).await;
    let alice = server.register("alice").await;
    let put = |content: Vec<u8>| {
        let path = format!("/v1/blobs/{}", ContentHash::of(&*suite(), &content));
        let request = server.request(Method::PUT, &path, Some(&alice));
        request.header(header::CONTENT_TYPE, "application/octet-stream").body(content).send()
    };
    let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let stored: BlobStored = put(content.clone()).await.unwrap().json().await.unwrap();
    assert_eq!(stored.bytes, 100_000);
    let got = server.send(Method::GET, &format!("/v1/blobs/{}", stored.hash), Some(&alice), &()).await;
    assert_eq!(got.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(got.bytes().await.unwrap(), content);
    let problem: Problem = put(vec![0; 100_001]).await.unwrap().json().await.unwrap();
    assert_eq!(problem.kind, ProblemKind::PayloadTooLarge { limit_bytes: 100_000 });
    server.stop().await;
}

#[tokio::test]
async fn hints_say_pull() {
    let mut config = config();
    config.heartbeat = core::time::Duration::from_millis(50);
    let server = Running::with(config).await;
    let (alice, bob) = (server.register("alice").await, server.register("bob").await);
    let group = server.group(&alice, &[], JoinPolicy::Closed).await;
    let (mut hers, mut his) = (server.hints(&alice).await, server.hints(&bob).await);
    let subscribe = HintRequest::Subscribe { groups: vec![group.clone()] };
    for socket in [&mut hers, &mut his] {
        socket.send(serde_json::to_string(&subscribe).unwrap().into()).await.unwrap();
    }
    let Hint::Subscribed { heads, .. } = support::next_hint(&mut hers).await else { panic!() };
    assert_eq!((heads.len(), heads[0].seq), (1, 1));
    let Hint::Subscribed { heads, .. } = support::next_hint(&mut his).await else { panic!() };
    assert_eq!(heads, [], "a stranger hears nothing of the group");

    let welcomes = vec![WelcomeFor { recipients: vec![bob.id], welcome: welcome(7) }];
    let post = PostCommit { added: vec![bob.id], welcomes, ..commit(&group, 0, 7) };
    let path = format!("/v1/groups/{group}/commits");
    let _: Accepted = server.json(Method::POST, &path, Some(&alice), &post).await;
    let Hint::Head { head } = support::next_hint(&mut hers).await else { panic!() };
    assert_eq!((head.group_id, head.epoch, head.seq), (group.clone(), 1, 2));
    assert_eq!(support::next_hint(&mut his).await, Hint::Queue);

    his.send(serde_json::to_string(&subscribe).unwrap().into()).await.unwrap();
    let Hint::Subscribed { .. } = support::next_hint(&mut his).await else { panic!() };
    let removal = PostCommit { removed: vec![bob.id], ..commit(&group, 1, 8) };
    let _: Accepted = server.json(Method::POST, &path, Some(&alice), &removal).await;
    let _: Accepted = server.json(Method::POST, &path, Some(&alice), &commit(&group, 2, 9)).await;
    let Hint::Head { head } = support::next_hint(&mut his).await else { panic!() };
    assert_eq!(head.seq, 3, "its own removal");
    assert_eq!(support::raw_hint(&mut his).await, Hint::Heartbeat, "and nothing after");

    his.send("what?".into()).await.unwrap();
    assert_eq!(support::next_hint(&mut his).await, Hint::GoAway { reason: GoAway::NotUnderstood });
    server.stop().await;
    while let Some(Ok(message)) = hers.next().await {
        if let Ok(text) = message.to_text()
            && text.contains("go_away")
        {
            let hint: Hint = serde_json::from_str(text).unwrap();
            assert_eq!(hint, Hint::GoAway { reason: GoAway::Shutdown });
            return;
        }
    }
    panic!("the client was not told to go");
}

#[tokio::test]
async fn a_restarted_server_remembers() {
    let directory = tempfile::tempdir().unwrap();
    let server = Running::in_directory(config_in(directory.path())).await;
    let alice = server.register("alice").await;
    let group = server.group(&alice, &[], JoinPolicy::Closed).await;
    let before: ServerInfo = server.json(Method::GET, "/.well-known/mls-ds", None, &()).await;
    server.stop().await;
    let server = Running::in_directory(config_in(directory.path())).await;
    let after: ServerInfo = server.json(Method::GET, "/.well-known/mls-ds", None, &()).await;
    assert_eq!(before, after, "the same lineage and the same key");
    let log: Log = server.json(Method::GET, &format!("/v1/groups/{group}/log"), Some(&alice), &()).await;
    assert_eq!(log.head, 1);
    let name = RegisterAccount { name: "alice".into(), bindings: support::asking("alice", &*support::signer()) };
    let taken = server.refused(Method::POST, "/v1/accounts", None, &name).await;
    assert_eq!((taken.status, taken.kind), (409, ProblemKind::NameTaken { name: "alice".parse().unwrap() }));
    server.stop().await;
}

fn config_in(directory: &std::path::Path) -> cenacle_server::Config {
    cenacle_server::Config { data: directory.join("data"), ..config() }
}

#[tokio::test]
async fn only_loopback_without_tls() {
    let mut config = config();
    config.listen = "0.0.0.0:0".parse().unwrap();
    let refused = cenacle_server::Server::bind(config).await.unwrap_err();
    assert!(matches!(refused, cenacle_server::ServerError::NotLoopback(_)));
    assert!(refused.to_string().contains("127.0.0.1"), "{refused}");
}

#[tokio::test]
async fn groups_are_created_once() {
    let server = Running::start().await;
    let (alice, bob): (Account, Account) = (server.register("alice").await, server.register("bob").await);
    let group_id = server.group(&alice, &[], JoinPolicy::Closed).await;
    let again = CreateGroup {
        group_id: group_id.clone(),
        policy: JoinPolicy::Closed,
        group_info: None,
        group_info_sealed: false,
        ratchet_tree: None,
    };
    let exists = server.refused(Method::POST, "/v1/groups", Some(&bob), &again).await;
    assert_eq!((exists.status, exists.kind), (409, ProblemKind::GroupExists { group: group_id }));
    server.stop().await;
}
