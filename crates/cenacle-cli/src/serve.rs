//! `cenacle serve`: the Delivery and Authentication Service on this machine. It says where it listens and runs until it is
//! told to stop; what it does meanwhile is `cenacle_server`'s business.

use alloc::sync::Arc;
use core::net::SocketAddr;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_server::{Config, Server, ServerError};
use clap::Args;
use tokio::{io::AsyncReadExt as _, runtime};

use crate::{
    output::{FAILED, OK, USAGE, complain, finish},
    place,
    signals::asked_to_stop,
};

/// Run the server: accounts, key packages, groups' logs, files
///
/// Everything is kept in one SQLite file. The server stores and orders ciphertexts; it reads none of them. There is no TLS
/// yet, so it listens on loopback addresses only: put a proxy with TLS in front to be reachable from elsewhere. Ctrl-C and
/// SIGTERM let requests under way finish and then stop it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8443", value_parser = address)]
    listen: SocketAddr,
    /// Directory of the server's file, made if there is none [default: cenacle/server in the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Say where it listens as a JSON object
    #[arg(long)]
    json: bool,
    /// Stop when standard input ends, for a program that runs this one.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

const EXAMPLES: &str = "\
Examples:
  The usual place, for the chats of this machine:
    cenacle serve
  On a free port, with a file that can be thrown away:
    cenacle serve --listen 127.0.0.1:0 --data ./try
  Then, in two other terminals:
    cenacle chat --as alice
    cenacle chat --as bob

Exit status: 0 after being told to stop, 1 if it cannot serve, 2 for a wrong command line.";

fn address(text: &str) -> Result<SocketAddr, String> {
    address_like(text, "127.0.0.1:8443")
}

/// Reads an address; what is none is told what one looks like.
pub(crate) fn address_like(text: &str, example: &str) -> Result<SocketAddr, String> {
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    text.parse().map_err(|_| format!("not an address with a port; {example} and [::1]:0 are"))
}

impl ServeArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let Some(data) = self.data.clone().or_else(|| place::of("server")) else {
            return complain(&place::NOT_FOUND, USAGE).into();
        };
        let runtime = match runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, FAILED).into(),
        };
        let outcome = runtime.block_on(self.serve(&data));
        // Reading standard input cannot be interrupted.
        runtime.shutdown_background();
        finish(outcome)
    }

    async fn serve(&self, data: &Path) -> io::Result<u8> {
        let config = Config { listen: self.listen, ..Config::new(data, Arc::new(AwsLcProvider)) };
        // Whoever reads that the server is there may ask it to stop at once.
        let stop = asked_to_stop()?;
        let server = match Server::bind(config).await {
            Ok(server) => server,
            Err(error @ ServerError::NotLoopback(_)) => return Ok(complain(&error, USAGE)),
            Err(error) => return Ok(complain(&error, FAILED)),
        };
        self.announce(server.local_addr(), data)?;
        let until_stdin_closes = self.until_stdin_closes;
        let stopped = server.run(async move {
            tokio::select! {
                () = stop => {}
                () = stdin_closed(), if until_stdin_closes => {}
            }
        });
        Ok(stopped.await.map_or_else(|error| complain(&error, FAILED), |()| OK))
    }

    fn announce(&self, address: SocketAddr, data: &Path) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if self.json {
            let line = serde_json::json!({ "url": format!("http://{address}"), "data": data });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "serving http://{address} with {}; Ctrl-C stops", data.display())?;
        }
        out.flush()
    }
}

async fn stdin_closed() {
    let mut ignored = [0; 256];
    let mut input = tokio::io::stdin();
    while input.read(&mut ignored).await.is_ok_and(|bytes| bytes > 0) {}
}
