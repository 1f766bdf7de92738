//! Refusals, as RFC 9457 problem documents (`application/problem+json`). The `type` is a stable URI, the machine
//! fields stand beside it; both sides read and write them through [`Problem`].

use alloc::{
    borrow::Cow,
    string::{String, ToString},
};
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountName, BindingFault, ContentHash, DeviceId, GroupId, Malformed, NameFault};

/// The media type of a [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// A refusal: what kind with its machine fields, the HTTP status, and words for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The kind, written as `type` and the fields that belong to it.
    #[serde(flatten)]
    pub kind: ProblemKind,
    /// A short sentence, the same for every problem of this kind.
    #[serde(default)]
    pub title: Cow<'static, str>,
    /// The HTTP status, repeated.
    #[serde(default)]
    pub status: u16,
    /// What is special about this occurrence, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Defines the kinds of problem with their type URI, status and title in one place.
macro_rules! problems {
    ($($(#[$meta:meta])* $name:ident $(($($field:ident: $ty:ty, $fdoc:literal);+))? = $uri:literal, $status:literal, $title:literal;)*) => {
        /// What was refused and why. Each variant is one `type` URI, its fields are the machine fields.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        #[non_exhaustive]
        pub enum ProblemKind {
            $($(#[$meta])* #[serde(rename = $uri)] $name $({ $(#[doc = $fdoc] $field: $ty),+ })?,)*
            /// A kind this version does not know: go by the status.
            #[serde(other, rename = "about:blank")]
            Unknown,
        }

        impl ProblemKind {
            /// The HTTP status.
            #[must_use]
            pub const fn status(&self) -> u16 {
                match self {
                    $(Self::$name { .. } => $status,)*
                    Self::Unknown => 500,
                }
            }

            /// A short sentence about the kind.
            #[must_use]
            pub const fn title(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $title,)*
                    Self::Unknown => "A problem of a kind this version does not know",
                }
            }

            /// The stable type URI.
            #[must_use]
            pub const fn type_uri(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $uri,)*
                    Self::Unknown => "about:blank",
                }
            }
        }
    };
}

problems! {
    /// Another commit won the epoch. Pull the log, process the winner, make the commit anew.
    EpochConflict(
        group: GroupId, "The group.";
        current_epoch: u64, "The epoch the group is in now.";
        head_seq: u64, "The number of its last record.";
        winning_commit_hash: ContentHash, "SHA-256 of the MLSMessage that won the epoch of the refused commit.";
        winning_commit_seq: u64, "The number of the winner's record."
    ) = "urn:cenacle:problem:epoch-conflict", 409, "Another commit won this epoch";
    /// The message is of an epoch that has not begun here. The poster is ahead of the server: has it been restored?
    EpochFuture(group: GroupId, "The group."; current_epoch: u64, "The epoch the group is in now.")
        = "urn:cenacle:problem:epoch-future", 409, "This epoch has not begun";
    /// The message is of an epoch the server takes no more messages for. Pull the log and make the message anew.
    EpochStale(
        group: GroupId, "The group.";
        current_epoch: u64, "The epoch the group is in now.";
        oldest_epoch: u64, "The oldest epoch that messages of this kind are taken for."
    ) = "urn:cenacle:problem:epoch-stale", 409, "This epoch is over";
    /// The commit, or what came with it, is not what it has to be.
    CommitInvalid(reason: MessageFault, "What is wrong.")
        = "urn:cenacle:problem:commit-invalid", 422, "The commit is not valid";
    /// The message is not what it has to be.
    MessageInvalid(reason: MessageFault, "What is wrong.")
        = "urn:cenacle:problem:message-invalid", 422, "The message is not valid";
    /// There is a group of this id already.
    GroupExists(group: GroupId, "The group.")
        = "urn:cenacle:problem:group-exists", 409, "The group exists already";
    /// There is no group of this id.
    GroupUnknown(group: GroupId, "The group.")
        = "urn:cenacle:problem:group-unknown", 404, "There is no such group";
    /// The last commit came without a GroupInfo. Ask again after the next, or ask a member.
    GroupInfoMissing(group: GroupId, "The group."; current_epoch: u64, "The epoch the group is in now.")
        = "urn:cenacle:problem:group-info-missing", 404, "There is no GroupInfo for the current epoch";
    /// The bearer does not take part in the group.
    NotAMember(group: GroupId, "The group.")
        = "urn:cenacle:problem:not-a-member", 403, "The device does not take part in this group";
    /// None of the devices asked for has a key package for the cipher suite left.
    KeypackagesExhausted(devices: Vec<DeviceId>, "The devices without.")
        = "urn:cenacle:problem:keypackages-exhausted", 404, "No key package is left";
    /// A key package of the request is refused; none of them was published.
    KeyPackageInvalid(index: u64, "Which, counted from 0."; reason: KeyPackageFault, "What is wrong.")
        = "urn:cenacle:problem:key-package-invalid", 422, "A key package is not valid";
    /// There is no account of this name.
    AccountUnknown(name: AccountName, "The name.")
        = "urn:cenacle:problem:account-unknown", 404, "There is no such account";
    /// Devices named in the request are not registered.
    DeviceUnknown(devices: Vec<DeviceId>, "The devices.")
        = "urn:cenacle:problem:device-unknown", 422, "There is no such device";
    /// The account name is someone else's.
    NameTaken(name: AccountName, "The name.")
        = "urn:cenacle:problem:name-taken", 409, "The account name is taken";
    /// The text cannot be an account name.
    NameInvalid(reason: NameFault, "What is wrong.")
        = "urn:cenacle:problem:name-invalid", 422, "Not an account name";
    /// A request to bind a key is refused; none of them was granted.
    BindingInvalid(index: u64, "Which, counted from 0."; reason: BindingFault, "What is wrong.")
        = "urn:cenacle:problem:binding-invalid", 422, "The key cannot be bound";
    /// No token, or one the server does not know.
    Unauthorized = "urn:cenacle:problem:unauthorized", 401, "A valid device token is needed";
    /// The token is good, but not for this.
    Forbidden = "urn:cenacle:problem:forbidden", 403, "The device may not do this";
    /// Too many requests. Try again later.
    RateLimited(retry_after_seconds: u64, "When to try again, in seconds from now.")
        = "urn:cenacle:problem:rate-limited", 429, "Too many requests";
    /// More bytes than allowed.
    PayloadTooLarge(limit_bytes: u64, "The most that is allowed.")
        = "urn:cenacle:problem:payload-too-large", 413, "The request is too large";
    /// There is no blob of this hash.
    BlobUnknown(hash: ContentHash, "The hash asked for.")
        = "urn:cenacle:problem:blob-unknown", 404, "There is no such blob";
    /// The content has another hash than the one it was sent under.
    BlobMismatch(expected: ContentHash, "The hash of the URL."; actual: ContentHash, "The content's hash.")
        = "urn:cenacle:problem:blob-mismatch", 422, "The content has another hash";
    /// Body, path or query is not of the form the route takes.
    RequestInvalid = "urn:cenacle:problem:request-invalid", 400, "The request is not of the right form";
    /// The body's media type is not one the route takes.
    MediaTypeUnsupported = "urn:cenacle:problem:media-type-unsupported", 415, "The media type is not supported";
    /// There is no such route.
    RouteUnknown = "urn:cenacle:problem:route-unknown", 404, "There is no such route";
    /// The route does not take this method.
    MethodNotAllowed = "urn:cenacle:problem:method-not-allowed", 405, "The method is not allowed here";
    /// The server is not able to serve now. Try again later.
    Unavailable = "urn:cenacle:problem:unavailable", 503, "The server cannot serve now";
    /// The server failed.
    Internal = "urn:cenacle:problem:internal", 500, "The server failed";
}

impl Problem {
    /// A problem with the kind's own status and title.
    #[must_use]
    pub const fn new(kind: ProblemKind) -> Self {
        let (title, status) = (Cow::Borrowed(kind.title()), kind.status());
        Self { kind, title, status, detail: None }
    }

    /// Adds words about this occurrence.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl From<ProblemKind> for Problem {
    fn from(kind: ProblemKind) -> Self {
        Self::new(kind)
    }
}

impl From<NameFault> for Problem {
    fn from(fault: NameFault) -> Self {
        Self::new(ProblemKind::NameInvalid { reason: fault }).with_detail(fault.to_string())
    }
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::new(ProblemKind::RequestInvalid).with_detail(malformed.to_string())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        match &self.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Problem {}

/// What is wrong with a posted message or with something posted beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageFault {
    /// Not the encoding of an MLSMessage.
    NotDecodable,
    /// It is for another group than the one it was posted to.
    OtherGroup,
    /// It names another epoch than the one declared.
    OtherEpoch,
    /// It is not a commit.
    NotACommit,
    /// It is a commit, which has a route of its own.
    IsACommit,
    /// It is neither a proposal nor application data nor a commit.
    NotAGroupMessage,
    /// The Welcome is not an MLSMessage holding a Welcome.
    WelcomeNotDecodable,
    /// A Welcome's recipient is not among the devices added.
    WelcomeForOther,
    /// The GroupInfo is not an MLSMessage holding a GroupInfo.
    GroupInfoNotDecodable,
    /// The GroupInfo is of another group or epoch than the record leads to.
    GroupInfoOfOtherEpoch,
    /// A device is named as added or removed twice, or as both.
    DeviceNamedTwice,
    /// The poster names itself as added or removed.
    NamesItself,
    /// A device named as removed does not take part in the group.
    RemovesStranger,
    /// Application data in a PublicMessage, which RFC 9420 §6 forbids.
    ApplicationInTheClear,
    /// The epoch is too large to have a next one.
    EpochTooLarge,
}

/// What is wrong with a key package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyPackageFault {
    /// Not the encoding of an MLSMessage holding a KeyPackage.
    NotDecodable,
    /// The server does not have its cipher suite.
    UnknownSuite,
    /// Its signature key is not the one bound to the publishing device for its cipher suite.
    OtherKey,
    /// Its leaf is not one for a key package.
    NoLifetime,
    /// Its time has not begun or is over.
    NotValidNow,
    /// Its lifetime is longer than the server's limit.
    LifetimeTooLong,
    /// Its signature or its leaf's does not verify.
    BadSignature,
    /// The device has as many in stock as the server's limit allows.
    StockFull,
}
