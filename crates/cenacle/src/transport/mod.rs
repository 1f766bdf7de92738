//! How requests reach the services: a trait, so that an application can bring its own network, and [`HttpTransport`].
//! A transport carries bytes; what they mean, when to ask again and what a refusal says is the caller's business.

mod http;

use core::{fmt, future::Future, pin::Pin};

use cenacle_service::wire::{DeviceToken, GroupId, Hint};

pub use http::HttpTransport;

/// A future behind a pointer, as a trait object needs it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Asks for something to be done.
    Post,
    /// Stores.
    Put,
}

/// The media type of a request's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`.
    Json,
    /// `application/octet-stream`.
    Bytes,
}

impl Media {
    /// Its name in a header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Bytes => "application/octet-stream",
        }
    }
}

/// A request to the services.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, from the leading slash on.
    pub path: String,
    /// Who asks.
    pub token: Option<DeviceToken>,
    /// The content and what it is.
    pub content: Option<(Media, Vec<u8>)>,
}

/// An answer of the services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The content.
    pub content: Vec<u8>,
}

/// Why no answer came. Whether the request arrived is not known.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// What came back is not an answer.
    NotUnderstood,
    /// What came back is longer than any answer, and was not read to its end.
    TooLarge,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "no connection",
            Self::TimedOut => "no answer in time",
            Self::NotUnderstood => "an answer in another protocol",
            Self::TooLarge => "an answer that is too long",
        })
    }
}

impl core::error::Error for TransportError {}

/// A way to the services.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends a request and waits for its answer.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>>;

    /// Opens a stream of hints.
    fn hints(&self, token: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>>;
}

/// A stream of hints. It may lose some: they only say when to ask.
pub trait Hints: Send {
    /// Replaces the groups of interest.
    fn subscribe(&mut self, groups: Vec<GroupId>) -> BoxFuture<'_, Result<(), TransportError>>;

    /// The next hint. Dropping the future loses none.
    fn next(&mut self) -> BoxFuture<'_, Result<Hint, TransportError>>;
}
