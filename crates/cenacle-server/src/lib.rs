//! The network server of Cenacle: HTTP and WebSocket over the Delivery and Authentication Service.
//!
//! Zero configuration on one machine: [`Config::new`] takes a directory and a cryptography provider, listens on
//! `127.0.0.1:8443` and keeps everything in one SQLite file. The routes and their bodies are
//! [`cenacle_service::wire`]'s. There is no TLS yet, so addresses other than loopback are refused.
//!
//! ```no_run
//! # async fn example(provider: std::sync::Arc<dyn cenacle_crypto::CryptoProvider>) -> Result<(), cenacle_server::ServerError> {
//! use cenacle_server::{Config, Server};
//!
//! let server = Server::bind(Config::new("./data", provider)).await?;
//! println!("http://{}", server.local_addr());
//! server.run(async { /* resolves when it is time to stop */ }).await
//! # }
//! ```
#![forbid(unsafe_code)]

extern crate alloc;

mod app;
mod extract;
mod hints;
mod refusal;
mod routes;
mod server;

pub use cenacle_service::ServiceConfig;
pub use server::{Config, Server, ServerError};
