//! Accounts, devices, bindings and key packages.

use axum::{extract::State, http::StatusCode};
use cenacle_service::wire::{
    AccountName, AddBindings, PublishKeyPackages, RegisterAccount, RegisterDevice, TakeKeyPackages,
};

use crate::{
    app::{App, Reply},
    extract::{Authenticated, Body, Segment},
    server::SystemRandomness,
};

pub(super) async fn register(State(app): State<App>, Body(request): Body<RegisterAccount>) -> Reply {
    app.answer(StatusCode::CREATED, move |service, now| service.register_account(&request, &mut SystemRandomness, now))
        .await
}

pub(super) async fn register_device(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(name): Segment,
    Body(request): Body<RegisterDevice>,
) -> Reply {
    app.answer(StatusCode::CREATED, move |service, now| {
        let name: AccountName = name.parse()?;
        service.register_device(&bearer, &name, &request, &mut SystemRandomness, now)
    })
    .await
}

pub(super) async fn devices(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(name): Segment,
) -> Reply {
    app.answer(StatusCode::OK, move |service, _| service.devices(&bearer, &name.parse()?)).await
}

pub(super) async fn add_bindings(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Body(request): Body<AddBindings>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, now| service.add_bindings(&bearer, &request, now)).await
}

pub(super) async fn as_key(State(app): State<App>) -> Reply {
    app.answer(StatusCode::OK, |service, _| Ok(service.as_key())).await
}

pub(super) async fn publish_key_packages(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Body(request): Body<PublishKeyPackages>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, now| service.publish_key_packages(&bearer, request, now)).await
}

pub(super) async fn count_key_packages(State(app): State<App>, Authenticated(bearer): Authenticated) -> Reply {
    app.answer(StatusCode::OK, move |service, now| service.key_package_stock(&bearer, now)).await
}

pub(super) async fn withdraw_key_packages(State(app): State<App>, Authenticated(bearer): Authenticated) -> Reply {
    app.answer(StatusCode::OK, move |service, now| service.withdraw_key_packages(&bearer, now)).await
}

pub(super) async fn take_key_packages(
    State(app): State<App>,
    Authenticated(bearer): Authenticated,
    Segment(name): Segment,
    Body(request): Body<TakeKeyPackages>,
) -> Reply {
    app.answer(StatusCode::OK, move |service, now| service.take_key_packages(&bearer, &name.parse()?, &request, now))
        .await
}
