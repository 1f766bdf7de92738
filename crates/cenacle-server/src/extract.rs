//! What handlers take from a request. Each refuses with a problem document; who sends the request is found out
//! before its body is read.

use alloc::{
    boxed::Box,
    string::{String, ToString},
};
use core::error::Error;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::IntoResponse,
};
use cenacle_service::{
    Bearer,
    wire::{DeviceToken, Problem, ProblemKind},
};
use serde::de::DeserializeOwned;
use tokio::task;

use crate::{app::App, refusal::Refusal};

/// Bodies from this size on are read on a blocking thread, in bytes.
const LONG_BODY: usize = 64 * 1024;

fn invalid(detail: impl Into<Box<dyn Error>>) -> Refusal {
    Problem::new(ProblemKind::RequestInvalid).with_detail(detail.into().to_string()).into()
}

/// The device that sends the request, by its bearer token.
pub(crate) struct Authenticated(pub(crate) Bearer);

impl FromRequestParts<App> for Authenticated {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let token = token(&parts.headers).ok_or(ProblemKind::Unauthorized)?;
        app.run(move |service, now| service.authenticate(&token, now)).await.map(Self)
    }
}

fn token(headers: &HeaderMap) -> Option<DeviceToken> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    // RFC 9110 §11.1: the scheme is case-insensitive.
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().parse().ok())?
}

/// The one variable part of the path, as text.
pub(crate) struct Segment(pub(crate) String);

impl FromRequestParts<App> for Segment {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Path(text) = Path::from_request_parts(parts, app).await.map_err(invalid)?;
        Ok(Self(text))
    }
}

/// The query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Asked<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Query(query) = Query::from_request_parts(parts, app).await.map_err(invalid)?;
        Ok(Self(query))
    }
}

/// A body of plain bytes.
pub(crate) struct Content(pub(crate) Bytes);

impl FromRequest<App> for Content {
    type Rejection = Refusal;
    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let limit_bytes = app.service().config().limits.blob_bytes;
        read(request, app, "application/octet-stream", limit_bytes).await.map(Self)
    }
}

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<App> for Body<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, app: &App) -> Result<Self, Refusal> {
        let limit_bytes = app.service().config().limits.body_bytes;
        let bytes = read(request, app, "application/json", limit_bytes).await?;
        if bytes.len() < LONG_BODY {
            return serde_json::from_slice(&bytes).map(Self).map_err(invalid);
        }
        let parsed = task::spawn_blocking(move || serde_json::from_slice(&bytes).map_err(invalid)).await;
        parsed.map_err(|_| Refusal::from(ProblemKind::Internal))?.map(Self)
    }
}

async fn read(request: Request, app: &App, media_type: &str, limit_bytes: u64) -> Result<Bytes, Refusal> {
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case(media_type) {
        let detail = alloc::format!("this route takes {media_type}");
        return Err(Problem::new(ProblemKind::MediaTypeUnsupported).with_detail(detail).into());
    }
    Bytes::from_request(request, app).await.map_err(|rejection| too_large_or_broken(rejection, limit_bytes))
}

fn too_large_or_broken(rejection: BytesRejection, limit_bytes: u64) -> Refusal {
    let detail = rejection.to_string();
    if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
        ProblemKind::PayloadTooLarge { limit_bytes }.into()
    } else {
        invalid(detail)
    }
}
