//! Starting and stopping: configuration, the storage, the listener, and the drain at the end.

use alloc::sync::Arc;
use core::{
    error::Error,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cenacle_crypto::{CryptoError, CryptoProvider, Rng};
use cenacle_service::{Service, ServiceConfig, storage::SqliteStorage};
use tokio::{net::TcpListener, task, time};

use crate::{app::App, hints::Broadcast, routes};

/// The name of the file in the data directory that holds everything.
const FILE: &str = "service.sqlite";
/// Locked while a server runs.
const LOCK: &str = "server.lock";

/// What an operator may choose. Only the data directory and the provider have no default.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen: a loopback address, `127.0.0.1:8443` by default. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The directory of the storage. Made if there is none, then readable by nobody else.
    pub data: PathBuf,
    /// The cryptography of the services.
    pub provider: Arc<dyn CryptoProvider>,
    /// Limits and retention.
    pub service: ServiceConfig,
    /// How long requests and connections may take to end when the server stops. 10 seconds by default.
    pub drain: Duration,
    /// How long a hint connection may be silent before the server says that it is alive. 20 seconds by default.
    pub heartbeat: Duration,
}

impl Config {
    /// The defaults, with a data directory and a provider.
    pub fn new(data: impl Into<PathBuf>, provider: Arc<dyn CryptoProvider>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            data: data.into(),
            provider,
            service: ServiceConfig::default(),
            drain: Duration::from_secs(10),
            heartbeat: Duration::from_secs(20),
        }
    }
}

/// Why a server does not start, or stopped by itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is not a loopback one, and there is no TLS yet.
    NotLoopback(SocketAddr),
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The data directory cannot be made.
    Data(PathBuf, io::Error),
    /// Another server runs on the data directory.
    InUse(PathBuf),
    /// The services cannot start over this storage.
    Service(cenacle_service::Error),
    /// The listener failed while serving.
    Serve(io::Error),
    /// A task of the runtime was ended from outside.
    Interrupted,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "refusing to listen on {address}: the server does not speak TLS yet, and tokens would cross the \
                 network in the clear. Listen on 127.0.0.1 or [::1], and put a proxy with TLS in front to be reachable"
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Data(path, error) => write!(f, "cannot make the data directory {}: {error}", path.display()),
            Self::InUse(path) => {
                write!(f, "another server runs on {}: end it first, or choose another directory", path.display())
            }
            Self::Service(error) => write!(f, "the services cannot start: {error}"),
            Self::Serve(error) => write!(f, "the listener failed: {error}"),
            Self::Interrupted => f.write_str("the server was interrupted"),
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NotLoopback(_) | Self::InUse(_) | Self::Interrupted => None,
            Self::Listen(_, error) | Self::Data(_, error) | Self::Serve(error) => Some(error),
            Self::Service(error) => Some(error),
        }
    }
}

/// Randomness from the operating system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemRandomness;

impl Rng for SystemRandomness {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::NoRandomness)
    }
}

/// A server that has its address and storage, and serves once it is [`run`](Server::run).
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
    drain: Duration,
    /// Held as long as the server lives: one server for one data directory.
    lock: fs::File,
}

impl Server {
    /// Opens the storage and takes the address. Connections wait from here on, and are served by [`Server::run`].
    ///
    /// # Errors
    /// When the address is not loopback or not free, or the storage cannot be opened.
    pub async fn bind(config: Config) -> Result<Self, ServerError> {
        let listen = config.listen;
        if !listen.ip().is_loopback() {
            return Err(ServerError::NotLoopback(listen));
        }
        let drain = config.drain;
        let opened = task::spawn_blocking(move || open(&config)).await;
        let (app, lock) = opened.map_err(|_| ServerError::Interrupted)??;
        let listener = TcpListener::bind(listen).await.map_err(|error| ServerError::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| ServerError::Listen(listen, error))?;
        Ok(Self { listener, address, app, drain, lock })
    }

    /// The address it listens on, with the port it was given.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves. Then no connection is taken any more, hint connections are told to go, and
    /// requests under way have [`Config::drain`] to end.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self { listener, address, app, drain, lock: _lock } = self;
        let mut closing = app.closing();
        let router = routes::router(app.clone());
        let stop = async move { closing.wait().await };
        let mut serving = task::spawn(axum::serve(listener, router).with_graceful_shutdown(stop).into_future());
        tracing::info!(%address, "serving");
        tokio::select! {
            ended = &mut serving => return served(ended),
            () = shutdown => {}
        }
        tracing::info!("stopping");
        app.close();
        if let Ok(ended) = time::timeout(drain, &mut serving).await {
            // Requests are done; hint connections live outside of them.
            drop(time::timeout(drain, app.closed()).await);
            return served(ended);
        }
        tracing::warn!("not all requests ended in time");
        serving.abort();
        Ok(())
    }
}

fn served(ended: Result<io::Result<()>, task::JoinError>) -> Result<(), ServerError> {
    ended.map_err(|_| ServerError::Interrupted)?.map_err(ServerError::Serve)
}

fn open(config: &Config) -> Result<(App, fs::File), ServerError> {
    let cannot = |error| ServerError::Data(config.data.clone(), error);
    private_directory(&config.data).map_err(cannot)?;
    let lock = fs::File::create(config.data.join(LOCK)).map_err(cannot)?;
    lock.try_lock().map_err(|_| ServerError::InUse(config.data.clone()))?;
    let service = || {
        let storage = SqliteStorage::open(&config.data.join(FILE), &mut SystemRandomness)?;
        let broadcast = Arc::new(Broadcast::new());
        let provider = Arc::clone(&config.provider);
        let notices = Arc::clone(&broadcast);
        let service = Service::new(Arc::new(storage), provider, notices, config.service, &mut SystemRandomness)?;
        Ok(App::new(service, broadcast, config.heartbeat))
    };
    Ok((service().map_err(ServerError::Service)?, lock))
}

/// The storage holds the Authentication Service's private key: nobody else may look inside.
#[cfg(unix)]
fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// The storage holds the Authentication Service's private key: the directory must be one that nobody else can enter.
#[cfg(not(unix))]
fn private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).create(path)
}
