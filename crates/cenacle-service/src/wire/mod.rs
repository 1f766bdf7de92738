//! What client and server say to each other: the JSON bodies of every route, and the [`Problem`] that refuses.
//!
//! MLS objects travel as base64url strings without padding inside JSON and are never re-encoded. Every one is an
//! `MLSMessage` (RFC 9420 §6) unless said otherwise. `{gid}` and `{hash}` in a path are base64url without padding.
//! A request other than those marked *open* carries `Authorization: Bearer` with the [`DeviceToken`]'s text. A refusal
//! is always a [`Problem`] of type `application/problem+json`; times are seconds since the Unix epoch.
//!
//! | route | body | answer | refusals of its own |
//! |---|---|---|---|
//! | `POST /v1/accounts` (*open*) | [`RegisterAccount`] | 201 [`Registered`] | `name-taken`, `name-invalid`, `binding-invalid` |
//! | `POST /v1/accounts/{name}/devices` | [`RegisterDevice`] | 201 [`Registered`] | `forbidden` (another's account), `binding-invalid` |
//! | `GET /v1/accounts/{name}/devices` | | 200 [`Devices`] | `account-unknown` |
//! | `POST /v1/bindings` | [`AddBindings`] | 200 [`Bound`] | `binding-invalid` |
//! | `GET /v1/as/key` (*open*) | | 200 [`AsKey`] | |
//! | `PUT /v1/key-packages` | [`PublishKeyPackages`] | 200 [`Stock`] | `key-package-invalid` |
//! | `GET /v1/key-packages/count` | | 200 [`Stock`] | |
//! | `POST /v1/accounts/{name}/key-packages/take` | [`TakeKeyPackages`] | 200 [`TakenKeyPackages`] | `account-unknown`, `device-unknown`, `keypackages-exhausted` |
//! | `POST /v1/groups` | [`CreateGroup`] | 201 [`Accepted`] | `group-exists`, `message-invalid` |
//! | `POST /v1/groups/{gid}/commits` | [`PostCommit`] | 201 [`Accepted`] | `epoch-conflict`, `epoch-future`, `commit-invalid`, `device-unknown`, `not-a-member`, `group-unknown` |
//! | `POST /v1/groups/{gid}/messages` | [`PostMessage`] | 201 [`Posted`] | `epoch-stale`, `epoch-future`, `message-invalid`, `not-a-member`, `group-unknown` |
//! | `GET /v1/groups/{gid}/log?from=SEQ&limit=N` | | 200 [`Log`] | `not-a-member`, `group-unknown` |
//! | `GET /v1/groups/{gid}/group-info` | | 200 [`GroupInfoAnswer`] | `group-info-missing`, `not-a-member`, `group-unknown` |
//! | `GET /v1/queue?limit=N` | | 200 [`Queue`] | |
//! | `POST /v1/queue/ack` | [`AckQueue`] | 200 [`Acknowledged`] | |
//! | `POST /v1/heads` | [`AskHeads`] | 200 [`Heads`] | |
//! | `PUT /v1/blobs/{hash}` | the bytes, `application/octet-stream` | 201 [`BlobStored`] | `blob-mismatch`, `payload-too-large` |
//! | `GET /v1/blobs/{hash}` | | 200 the bytes | `blob-unknown` |
//! | `GET /v1/hints` (WebSocket) | [`HintRequest`] | [`Hint`] | |
//! | `GET /.well-known/mls-ds` (*open*) | | 200 [`ServerInfo`] | |
//! | `GET /livez`, `GET /readyz` (*open*) | | 204 | `unavailable` |
//!
//! `from` is the first number wanted (1 if left out), `limit` the most items wanted. Any route may refuse with
//! `unauthorized`, `rate-limited`, `payload-too-large`, `request-invalid`, `unavailable` or `internal`.
//!
//! **Asking again is always safe.** Posting the same MLSMessage again gets the answer it got the first time, so a
//! client that lost a reply posts again. Registering again with a key that is bound already gives the same device a
//! fresh token and ends the one before. Taking key packages again takes others.

mod account;
mod binding;
mod capability;
mod group;
mod problem;
mod values;

pub use account::{
    AddBindings, AsKey, Bound, Device, Devices, KeyPackageKind, KeyPackageOffer, PublishKeyPackages, RegisterAccount,
    RegisterDevice, Registered, Stock, SuiteStock, TakeKeyPackages, TakenKeyPackage, TakenKeyPackages,
};
pub use binding::{Binding, BindingFault, BindingRequest, SignedBinding};
pub use capability::{ApiVersion, Consistency, HandshakeMode, Limits, Retention, ServerInfo};
pub use group::{
    Accepted, AckQueue, Acknowledged, AskHeads, BlobStored, CreateGroup, GoAway, GroupInfoAnswer, Head, Heads, Hint,
    HintRequest, JoinPolicy, Log, LogRecord, PostCommit, PostMessage, Posted, Queue, QueueItem, RecordKind, WelcomeFor,
};
pub use problem::{KeyPackageFault, MessageFault, PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
pub use values::{
    AccountName, Base64Url, ContentHash, DeviceId, DeviceToken, GroupId, Lineage, Malformed, NameFault, SuiteNumber,
};
