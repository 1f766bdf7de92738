//! Starting and stopping: configuration, the listener, the end.

use alloc::sync::Arc;
use core::{
    error::Error,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::io;

use cenacle_crypto::CryptoProvider;
use tokio::{net::TcpListener, sync::oneshot, time};
use tonic::transport::{self, server::TcpIncoming};

use crate::{proto::mls_client_server::MlsClientServer, rpc::Interop, service::Service};

/// Largest request, in bytes: the tree of 50,000 members, or a commit's list of as many small proposals. Decoded, it may take
/// many times as much: whoever reaches this service has been given private keys.
const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// How long calls may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);

/// What whoever starts a server chooses.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Whether addresses beyond loopback are allowed. The protocol has neither passwords nor TLS, and gives private keys away.
    pub allow_remote: bool,
    /// What this client calls itself in results.
    pub name: String,
    /// Whether leaves and key packages carry extensions that mean nothing, as RFC 9420 §13.5 wishes (GREASE). Not all
    /// stacks accept them, even listed in the capabilities. Values in capabilities are sent in any case.
    pub grease_extensions: bool,
    /// Where cipher suites come from: of several providers that have one, the first serves it.
    pub providers: Vec<Arc<dyn CryptoProvider>>,
}

impl Config {
    /// On a free loopback port, with these providers.
    #[must_use]
    pub fn new(providers: Vec<Arc<dyn CryptoProvider>>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            grease_extensions: false,
            name: concat!("Cenacle ", env!("CARGO_PKG_VERSION")).to_owned(),
            providers,
        }
    }
}

/// Why a server does not start, or stopped by itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is not a loopback one, and others were not allowed.
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The listener failed while serving.
    Serve(transport::Error),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "refusing to listen on {address}: anyone who reaches it is given private keys. Listen on 127.0.0.1 or \
                 [::1], or allow other addresses explicitly"
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Serve(error) => write!(f, "the listener failed: {error}"),
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotLoopback(_) => None,
            Self::Listen(_, error) => Some(error),
            Self::Serve(error) => Some(error),
        }
    }
}

/// A server that has its address, and serves once it is [`run`](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    interop: Arc<Interop>,
}

impl Server {
    /// Takes the address. Connections wait from here on.
    ///
    /// # Errors
    /// When the address is not loopback and others were not allowed, or is not free.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        let Config { listen, allow_remote, name, grease_extensions, providers } = config;
        if !allow_remote && !listen.ip().is_loopback() {
            return Err(ServerError::NotLoopback(listen));
        }
        let listener = TcpListener::bind(listen).await.map_err(|error| ServerError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| ServerError::Listen(listen, error))?;
        Ok(Self { listener, address, interop: Arc::new(Interop::new(name, &providers, grease_extensions)) })
    }

    /// The address it listens on, with the port it was given.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves; calls under way finish, unless they take too long.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        let service = MlsClientServer::new(Service(self.interop)).max_decoding_message_size(MAX_REQUEST_BYTES);
        let incoming = TcpIncoming::from(self.listener).with_nodelay(Some(true));
        let (tell, told) = oneshot::channel::<()>();
        let told = async { drop(told.await) };
        let serving = transport::Server::builder().add_service(service).serve_with_incoming_shutdown(incoming, told);
        let drained = async {
            stop.await;
            drop(tell);
            time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = serving => ended.map_err(ServerError::Serve),
            () = drained => Ok(()),
        }
    }
}
