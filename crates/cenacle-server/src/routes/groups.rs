//! Groups, queues, heads and blobs.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use cenacle_service::wire::{AckQueue, AskHeads, ContentHash, CreateGroup, PostCommit, PostMessage};
use serde::Deserialize;

use crate::{
    app::{App, Reply},
    extract::{Asked, Authenticated, Body, Content, Segment},
};

pub(super) async fn create(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Body(request): Body<CreateGroup>,
) -> Reply {
    app.answer(StatusCode::CREATED, move |service, now| service.create_group(&bearer, request, now)).await
}

pub(super) async fn commit(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(gid): Segment,
    Body(post): Body<PostCommit>,
) -> Reply {
    app.answer(StatusCode::CREATED, move |service, now| service.post_commit(&bearer, gid.parse()?, post, now)).await
}

pub(super) async fn message(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(gid): Segment,
    Body(post): Body<PostMessage>,
) -> Reply {
    app.answer(StatusCode::CREATED, move |service, now| service.post_message(&bearer, gid.parse()?, post, now)).await
}

/// Which records of a log.
#[derive(Deserialize)]
pub(super) struct Records {
    #[serde(default = "first")]
    from: u64,
    limit: Option<u64>,
}

const fn first() -> u64 {
    1
}

pub(super) async fn log(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(gid): Segment,
    Asked(Records { from, limit }): Asked<Records>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.log(&bearer, gid.parse()?, from, limit)).await
}

pub(super) async fn group_info(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(gid): Segment,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.group_info(&bearer, gid.parse()?)).await
}

/// How many queue items.
#[derive(Deserialize)]
pub(super) struct Items {
    limit: Option<u64>,
}

pub(super) async fn queue(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Asked(Items { limit }): Asked<Items>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.queue(&bearer, limit)).await
}

pub(super) async fn acknowledge(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Body(request): Body<AckQueue>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.acknowledge(&bearer, request)).await
}

pub(super) async fn heads(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Body(request): Body<AskHeads>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.heads(&bearer, &request)).await
}

pub(super) async fn put_blob(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(hash): Segment,
    Content(content): Content,
) -> Reply {
    app.answer(StatusCode::CREATED, move |service, _| {
        let hash: ContentHash = hash.parse()?;
        service.put_blob(&bearer, hash, content.into())
    })
    .await
}

pub(super) async fn blob(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(hash): Segment,
) -> Reply {
    let content = app.run(move |service, _| service.blob(&bearer, hash.parse()?)).await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], content).into_response())
}
