//! `cenacle interop`: this build as a client of the MLS working group's interoperability test-runner. It says where it listens
//! and runs until it is told to stop; what it does meanwhile is `cenacle_interop`'s business.

use alloc::sync::Arc;
use core::net::SocketAddr;
use std::{
    io::{self, Write},
    process::ExitCode,
};

use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::ExperimentalRustCryptoProvider;
use cenacle_interop::{Config, Server, ServerError};
use clap::Args;
use tokio::runtime;

use crate::{
    output::{FAILED, OK, USAGE, complain, finish},
    serve::address_like,
    signals::asked_to_stop,
};

/// Answer the MLS working group's test-runner, to be tested with other implementations
///
/// The runner asks several stacks, over gRPC, to play the members of groups, and compares what they agree on. One process plays
/// any number of members, and everything is in memory. The protocol gives private keys away to whoever asks, so this listens
/// on loopback addresses only, unless it is told otherwise. Ctrl-C and SIGTERM let calls under way finish and then stop it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InteropArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:50001", value_parser = address)]
    listen: SocketAddr,
    /// Allow addresses that other machines reach
    #[arg(long)]
    allow_remote: bool,
    /// Put extensions that mean nothing (GREASE) into leaves, key packages and GroupInfos, which some stacks do not accept
    #[arg(long)]
    grease_extensions: bool,
    /// What this client is called in the runner's results [default: Cenacle and its version]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Say where it listens as a JSON object
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  A client for a runner on this machine:
    cenacle interop
  Then, with the runner of github.com/mlswg/mls-implementations, Cenacle alone and with another stack:
    test-runner -client 127.0.0.1:50001 -config configs/welcome_join.json
    test-runner -client 127.0.0.1:50001 -client 127.0.0.1:50002 -config configs/commit.json
  On a free port, for a script that reads which:
    cenacle interop --listen 127.0.0.1:0 --json

Exit status: 0 after being told to stop, 1 if it cannot serve, 2 for a wrong command line.";

fn address(text: &str) -> Result<SocketAddr, String> {
    address_like(text, "127.0.0.1:50001")
}

impl InteropArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, FAILED).into(),
        };
        let outcome = runtime.block_on(self.serve());
        runtime.shutdown_background();
        finish(outcome)
    }

    async fn serve(&self) -> io::Result<u8> {
        // Suites that the fast provider does not have are the portable one's, which are experimental.
        let defaults = Config::new(vec![Arc::new(AwsLcProvider), Arc::new(ExperimentalRustCryptoProvider)]);
        let name = self.name.clone().unwrap_or_else(|| defaults.name.clone());
        let Self { listen, allow_remote, grease_extensions, .. } = *self;
        let config = Config { listen, allow_remote, grease_extensions, name, ..defaults };
        // Whoever reads that the server is there may ask it to stop at once.
        let stop = asked_to_stop()?;
        let server = match Server::bind(config).await {
            Ok(server) => server,
            Err(ServerError::NotLoopback(address)) => {
                let complaint = format!(
                    "refusing to listen on {address}: anyone who reaches it is given private keys. Listen on 127.0.0.1 or \
                     [::1], or allow other machines in with --allow-remote"
                );
                return Ok(complain(&complaint, USAGE));
            }
            Err(error) => return Ok(complain(&error, FAILED)),
        };
        let address = server.local_addr();
        if !address.ip().is_loopback() {
            complain(&format_args!("warning: whoever reaches {address} over the network is given private keys"), OK);
        }
        self.announce(address)?;
        Ok(server.run(stop).await.map_or_else(|error| complain(&error, FAILED), |()| OK))
    }

    fn announce(&self, address: SocketAddr) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::json!({ "address": address.to_string() }))?;
        } else {
            writeln!(out, "answering the test-runner on {address}; Ctrl-C stops")?;
        }
        out.flush()
    }
}
