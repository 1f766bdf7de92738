//! The services over HTTP and WebSocket. Plain connections go to loopback addresses only
//! (RFC 9420 §16.1, RFC 9750 §8.1.2); one request is one attempt.

use core::time::Duration;

use cenacle_service::wire::{DeviceToken, GroupId, Hint, HintRequest};
use futures_util::{SinkExt, StreamExt};
use reqwest::{
    Url,
    header::{AUTHORIZATION, CONTENT_TYPE},
    redirect::Policy,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig},
};

use super::{BoxFuture, Hints, Method, Request, Response, Transport, TransportError};
use crate::Error;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for a whole answer, a large file's included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer. The service's are at most 16 MiB (a file), 12 MiB (8 MiB of a log or queue, as base64url), or 11 MiB (a
/// description with its tree) by default: twice the longest leaves room for a service that is configured otherwise.
const ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// The longest hint: it may name as many groups as a subscription.
const HINT_BYTES: usize = 2 * 1024 * 1024;

/// A [`Transport`] over HTTP/1.1 with a pool of connections.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    base: Url,
    client: reqwest::Client,
}

impl HttpTransport {
    /// A way to the services at `server`, such as `http://127.0.0.1:8443`.
    ///
    /// # Errors
    /// [`Error::BadServerUrl`]; [`Error::NoTls`] for https; [`Error::InsecureServer`] for a plain address of another machine.
    pub fn new(server: &str) -> Result<Self, Error> {
        let base = Url::parse(server).map_err(|_| Error::BadServerUrl)?;
        if base.scheme() == "https" {
            return Err(Error::NoTls);
        }
        if base.scheme() != "http" || base.cannot_be_a_base() {
            return Err(Error::BadServerUrl);
        }
        if !is_loopback(&base) {
            return Err(Error::InsecureServer);
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // Neither a proxy nor a redirection may take a plain request off this machine.
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(|_| Error::BadServerUrl)?;
        Ok(Self { base, client })
    }

    fn url(&self, path: &str) -> Result<Url, TransportError> {
        self.base.join(path).map_err(|_| TransportError::NotUnderstood)
    }

    async fn send_once(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut builder = self.client.request(method, self.url(&request.path)?);
        if let Some(token) = request.token {
            builder = builder.header(AUTHORIZATION, bearer(&token)?);
        }
        if let Some((media, content)) = request.content {
            builder = builder.header(CONTENT_TYPE, media.as_str()).body(content);
        }
        let mut answer = builder.send().await.map_err(|error| fault(&error))?;
        let (status, mut content) = (answer.status().as_u16(), Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(|error| fault(&error))? {
            if content.len().saturating_add(chunk.len()) > ANSWER_BYTES {
                return Err(TransportError::TooLarge);
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Response { status, content })
    }

    async fn connect(&self, token: DeviceToken) -> Result<Box<dyn Hints>, TransportError> {
        let mut url = self.url("/v1/hints")?;
        url.set_scheme("ws").map_err(|()| TransportError::NotUnderstood)?;
        let mut request = url.as_str().into_client_request().map_err(|_| TransportError::NotUnderstood)?;
        request.headers_mut().insert(AUTHORIZATION, bearer(&token)?);
        let limits = WebSocketConfig::default().max_message_size(Some(HINT_BYTES)).max_frame_size(Some(HINT_BYTES));
        let connecting = connect_async_with_config(request, Some(limits), false);
        let connection = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        let (socket, _) = connection.map_err(|_| TransportError::TimedOut)?.map_err(|_| TransportError::Unreachable)?;
        Ok(Box::new(Socket(socket)))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.send_once(request))
    }

    fn hints(&self, token: DeviceToken) -> BoxFuture<'_, Result<Box<dyn Hints>, TransportError>> {
        Box::pin(self.connect(token))
    }
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Hints for Socket {
    fn subscribe(&mut self, groups: Vec<GroupId>) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move {
            let text = serde_json::to_string(&HintRequest::Subscribe { groups });
            let text = text.map_err(|_| TransportError::NotUnderstood)?;
            self.0.send(Message::text(text)).await.map_err(|_| TransportError::Unreachable)
        })
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Hint, TransportError>> {
        Box::pin(async move {
            while let Some(message) = self.0.next().await {
                if let Message::Text(text) = message.map_err(|_| TransportError::Unreachable)? {
                    return serde_json::from_str(&text).map_err(|_| TransportError::NotUnderstood);
                }
            }
            Err(TransportError::Unreachable)
        })
    }
}

fn bearer(token: &DeviceToken) -> Result<HeaderValue, TransportError> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", token.to_text())).map_err(|_| TransportError::NotUnderstood)?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<core::net::IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

fn fault(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() { TransportError::TimedOut } else { TransportError::Unreachable }
}
