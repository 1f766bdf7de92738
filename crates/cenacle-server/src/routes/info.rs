//! What the server says about itself, and the way to hints.

use alloc::string::ToString;

use axum::{
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::StatusCode,
    response::IntoResponse,
};
use cenacle_service::wire::{Problem, ProblemKind};

use crate::{
    app::{App, Reply},
    extract::Authenticated,
    hints,
    refusal::Refusal,
};

pub(super) async fn server_info(State(app): State<App>) -> Reply {
    app.answer(StatusCode::OK, |service, _| Ok(service.info())).await
}

pub(super) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) async fn ready(State(app): State<App>) -> Reply {
    let ready = app.run(|service, _| service.ready()).await;
    // The reason is in the log; who asks only has to know to come again.
    ready.map_err(|_| Refusal::from(ProblemKind::Unavailable))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn hints(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Reply {
    let upgrade = upgrade.map_err(|rejection| {
        Refusal::from(Problem::new(ProblemKind::RequestInvalid).with_detail(rejection.to_string()))
    })?;
    let upgrade = upgrade.max_message_size(hints::REQUEST_BYTES).max_frame_size(hints::REQUEST_BYTES);
    Ok(upgrade.on_upgrade(move |socket| hints::serve(app, bearer, socket)))
}
