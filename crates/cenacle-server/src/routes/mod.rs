//! The routes of `cenacle_service::wire`, one short handler each: take what the request holds, hand it to the
//! services, answer.

mod accounts;
mod groups;
mod info;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post, put},
};
use cenacle_service::wire::ProblemKind;

use crate::{app::App, refusal::Refusal};

pub(crate) fn router(app: App) -> Router {
    let limits = &app.service().config().limits;
    let limit = |bytes: u64| DefaultBodyLimit::max(usize::try_from(bytes).unwrap_or(usize::MAX));
    let (body, blob) = (limit(limits.body_bytes), limit(limits.blob_bytes));
    Router::new()
        .route("/v1/accounts", post(accounts::register))
        .route("/v1/accounts/{name}/devices", post(accounts::register_device).get(accounts::devices))
        .route("/v1/accounts/{name}/key-packages/take", post(accounts::take_key_packages))
        .route("/v1/bindings", post(accounts::add_bindings))
        .route("/v1/as/key", get(accounts::as_key))
        .route("/v1/key-packages", put(accounts::publish_key_packages))
        .route("/v1/key-packages/count", get(accounts::count_key_packages))
        .route("/v1/key-packages/withdraw", post(accounts::withdraw_key_packages))
        .route("/v1/groups", post(groups::create))
        .route("/v1/groups/{gid}/commits", post(groups::commit))
        .route("/v1/groups/{gid}/messages", post(groups::message))
        .route("/v1/groups/{gid}/log", get(groups::log))
        .route("/v1/groups/{gid}/group-info", get(groups::group_info))
        .route("/v1/queue", get(groups::queue))
        .route("/v1/queue/ack", post(groups::acknowledge))
        .route("/v1/heads", post(groups::heads))
        .route("/v1/blobs/{hash}", put(groups::put_blob).layer(blob).get(groups::blob))
        .route("/v1/hints", get(info::hints))
        .route("/.well-known/mls-ds", get(info::server_info))
        .route("/livez", get(info::live))
        .route("/readyz", get(info::ready))
        .fallback(async || Refusal::from(ProblemKind::RouteUnknown))
        .method_not_allowed_fallback(async || Refusal::from(ProblemKind::MethodNotAllowed))
        .layer(body)
        .layer(middleware::from_fn(around))
        .with_state(app)
}

/// Around every request: answers are not for caches nor for guessing at, and a line in the log that names the route
/// but nobody in it.
async fn around(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let route = route.as_ref().map_or("unknown", MatchedPath::as_str);
    tracing::debug!(%method, route, status = response.status().as_u16(), "request");
    response
}
