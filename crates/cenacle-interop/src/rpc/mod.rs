//! What each method of the protocol does, without gRPC around it: a request in, an answer or a [`Failure`] out. Each call locks
//! what it works on and nothing else; a call that fails leaves its state as it was, but for valid proposals it received.

use alloc::sync::Arc;

use cenacle_crypto::CryptoProvider;

use crate::{actor::Workshop, failure::Failure, proto, suites::Suites, table::Table};

mod branch;
mod commits;
mod joining;
mod members;
mod outside;
mod proposals;
mod reinit;

/// All actors of this process.
#[derive(Debug)]
pub(crate) struct Interop {
    name: String,
    workshop: Workshop,
    table: Table,
}

impl Interop {
    pub(crate) fn new(name: String, providers: &[Arc<dyn CryptoProvider>], grease_extensions: bool) -> Self {
        let workshop = Workshop { suites: Suites::new(providers), grease_extensions };
        Self { name, workshop, table: Table::default() }
    }

    pub(crate) fn name(&self, _: &proto::NameRequest) -> Result<proto::NameResponse, Failure> {
        Ok(proto::NameResponse { name: self.name.clone() })
    }

    pub(crate) fn supported_ciphersuites(
        &self,
        _: &proto::SupportedCiphersuitesRequest,
    ) -> Result<proto::SupportedCiphersuitesResponse, Failure> {
        let ciphersuites = self.workshop.suites.codes().map(|code| code.0.into()).collect();
        Ok(proto::SupportedCiphersuitesResponse { ciphersuites })
    }

    /// Forgets a number, whatever it names. A runner frees what is gone already, and more than once.
    pub(crate) fn free(&self, request: &proto::FreeRequest) -> Result<proto::FreeResponse, Failure> {
        self.table.remove(request.state_id)?;
        Ok(proto::FreeResponse {})
    }
}
