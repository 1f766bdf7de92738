//! A running server, accounts on it, and MLS messages of the right form.

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::{
    CipherSuite, CryptoProvider, Digest, HpkePublicKey, Signature, Signer, Suite, labeled::sign_with_label,
};
use cenacle_crypto_rustcrypto::{RustCryptoProvider, SystemRng};
use cenacle_mls::wire::{
    Capabilities, ContentType, Credential, Epoch, Extensions, GroupContext, GroupInfo, KeyPackage, KeyPackageTbs,
    LeafIndex, LeafNode, LeafNodeSource, LeafNodeTbs, Lifetime, MlsMessage, PrivateMessage, ProtocolVersion, Welcome,
};
use cenacle_server::{Config, Server};
use cenacle_service::wire::{
    Accepted, Base64Url, BindingRequest, CreateGroup, DeviceId, DeviceToken, GroupId, Hint, JoinPolicy, PostCommit,
    Problem, RegisterAccount, RegisterDevice, Registered, WelcomeFor,
};
use futures_util::StreamExt;
use reqwest::{Client, Method, RequestBuilder, Response, header};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{net::TcpStream, sync::oneshot, task::JoinHandle};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::client::IntoClientRequest};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) fn suite() -> Arc<dyn Suite> {
    RustCryptoProvider.suite(CipherSuite(1)).unwrap()
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Any free port, quick to stop.
pub(crate) fn config() -> Config {
    let mut config = Config::new(PathBuf::new(), Arc::new(RustCryptoProvider));
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.drain = Duration::from_secs(5);
    config
}

pub(crate) struct Running {
    address: String,
    client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _directory: Option<tempfile::TempDir>,
}

pub(crate) struct Account {
    name: String,
    pub(crate) id: DeviceId,
    token: DeviceToken,
    pub(crate) signer: Box<dyn Signer>,
}

pub(crate) fn signer() -> Box<dyn Signer> {
    let (secret, _) = suite().signature_key_pair(&mut SystemRng).unwrap();
    suite().signer(&secret).unwrap()
}

pub(crate) fn asking(name: &str, signer: &dyn Signer) -> Vec<BindingRequest> {
    vec![BindingRequest::new(name.parse().unwrap(), CipherSuite(1), signer).unwrap()]
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    /// Starts in a directory of its own.
    pub(crate) async fn with(mut config: Config) -> Self {
        let directory = tempfile::tempdir().unwrap();
        config.data = directory.path().join("data");
        Self { _directory: Some(directory), ..Self::in_directory(config).await }
    }

    pub(crate) async fn in_directory(config: Config) -> Self {
        let server = Server::bind(config).await.unwrap();
        let address = server.local_addr().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move { server.run(async { drop(stopped.await) }).await.unwrap() });
        Self { address, client: Client::new(), stop, served, _directory: None }
    }

    /// Stops as an operator does, and waits for the end.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        drop(self.client);
        self.served.await.unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str, who: Option<&Account>) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        match who {
            Some(account) => request.bearer_auth(account.token.to_text()),
            None => request,
        }
    }

    /// Sends `body` as JSON, unless it is null or the method takes none.
    pub(crate) async fn send<T: Serialize>(
        &self,
        method: Method,
        path: &str,
        who: Option<&Account>,
        body: &T,
    ) -> Response {
        let request = self.request(method.clone(), path, who);
        let request = if method == Method::GET { request } else { request.json(body) };
        request.send().await.unwrap()
    }

    pub(crate) async fn json<T: Serialize, A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        who: Option<&Account>,
        body: &T,
    ) -> A {
        let response = self.send(method, path, who, body).await;
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The problem document of a refused request, whose status and media type are as they must be.
    pub(crate) async fn refused<T: Serialize>(
        &self,
        method: Method,
        path: &str,
        who: Option<&Account>,
        body: &T,
    ) -> Problem {
        let response = self.send(method, path, who, body).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json", "{path}");
        let status = response.status().as_u16();
        let problem: Problem = response.json().await.unwrap();
        assert_eq!((problem.status, problem.kind.status()), (status, status), "{path}");
        problem
    }

    pub(crate) async fn register(&self, name: &str) -> Account {
        let signer = signer();
        let request = RegisterAccount { name: name.into(), bindings: asking(name, &*signer) };
        let registered: Registered = self.json(Method::POST, "/v1/accounts", None, &request).await;
        Account { name: name.into(), id: registered.device_id, token: registered.token, signer }
    }

    pub(crate) async fn register_beside(&self, first: &Account) -> Account {
        let signer = signer();
        let request = RegisterDevice { bindings: asking(&first.name, &*signer) };
        let path = format!("/v1/accounts/{}/devices", first.name);
        let registered: Registered = self.json(Method::POST, &path, Some(first), &request).await;
        Account { name: first.name.clone(), id: registered.device_id, token: registered.token, signer }
    }

    /// A group by `creator`, to which its first commit adds `members`.
    pub(crate) async fn group(&self, creator: &Account, members: &[&Account], policy: JoinPolicy) -> GroupId {
        let group_id = GroupId::from_slice(&creator.id.0).unwrap();
        let group_info = Some(group_info(&group_id));
        let request = CreateGroup {
            group_id: group_id.clone(),
            policy,
            group_info,
            group_info_sealed: false,
            ratchet_tree: None,
        };
        let created: Accepted = self.json(Method::POST, "/v1/groups", Some(creator), &request).await;
        assert_eq!((created.seq, created.epoch), (1, 0));
        if !members.is_empty() {
            let added: Vec<DeviceId> = members.iter().map(|member| member.id).collect();
            let welcomes = vec![WelcomeFor { recipients: added.clone(), welcome: welcome(1) }];
            let post = PostCommit { added, welcomes, ..commit(&group_id, 0, 0) };
            let path = format!("/v1/groups/{group_id}/commits");
            let accepted: Accepted = self.json(Method::POST, &path, Some(creator), &post).await;
            assert_eq!((accepted.seq, accepted.epoch), (2, 1));
        }
        group_id
    }

    pub(crate) async fn hints(&self, who: &Account) -> Socket {
        let mut request = format!("ws://{}/v1/hints", self.address).into_client_request().unwrap();
        let bearer = format!("Bearer {}", who.token.to_text()).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        tokio_tungstenite::connect_async(request).await.unwrap().0
    }
}

pub(crate) async fn raw_hint(socket: &mut Socket) -> Hint {
    let message = tokio::time::timeout(Duration::from_secs(5), socket.next()).await.unwrap().unwrap().unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap()
}

/// The next hint that is not a heartbeat.
pub(crate) async fn next_hint(socket: &mut Socket) -> Hint {
    loop {
        match raw_hint(socket).await {
            Hint::Heartbeat => {}
            hint => return hint,
        }
    }
}

fn encoded(message: impl Into<MlsMessage>) -> Base64Url {
    message.into().to_bytes().unwrap().into()
}

fn private(group: &GroupId, epoch: u64, content_type: ContentType, salt: u8) -> Base64Url {
    encoded(PrivateMessage {
        group_id: group.as_slice().into(),
        epoch: Epoch(epoch),
        content_type,
        authenticated_data: Opaque::EMPTY,
        encrypted_sender_data: Opaque::from(vec![salt; 28]),
        ciphertext: Opaque::from(vec![salt; 100]),
    })
}

pub(crate) fn application(group: &GroupId, epoch: u64, salt: u8) -> Base64Url {
    private(group, epoch, ContentType::Application, salt)
}

pub(crate) fn commit(group: &GroupId, epoch: u64, salt: u8) -> PostCommit {
    PostCommit {
        epoch,
        commit: private(group, epoch, ContentType::Commit, salt),
        welcomes: Vec::new(),
        group_info: None,
        group_info_sealed: false,
        ratchet_tree: None,
        added: Vec::new(),
        removed: Vec::new(),
    }
}

pub(crate) fn welcome(salt: u8) -> Base64Url {
    encoded(Welcome {
        cipher_suite: CipherSuite(1),
        secrets: Vec::new(),
        encrypted_group_info: Opaque::from(vec![salt; 50]),
    })
}

fn group_info(group: &GroupId) -> Base64Url {
    encoded(GroupInfo {
        group_context: GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(1),
            group_id: group.as_slice().into(),
            epoch: Epoch(0),
            tree_hash: Digest::EMPTY,
            confirmed_transcript_hash: Digest::EMPTY,
            extensions: Extensions::default(),
        },
        extensions: Extensions::default(),
        confirmation_tag: Digest::EMPTY,
        signer: LeafIndex(0),
        signature: Signature(Opaque::EMPTY),
    })
}

pub(crate) fn key_package(signer: &dyn Signer) -> Base64Url {
    let lifetime = Lifetime { not_before: now() - 60, not_after: now() + 3600 };
    let mut leaf = LeafNode {
        encryption_key: HpkePublicKey(Opaque::from(vec![1; 32])),
        signature_key: signer.public_key().clone(),
        credential: Credential::Basic(Opaque::from(b"someone".as_slice())),
        capabilities: Capabilities::default(),
        source: LeafNodeSource::KeyPackage(lifetime),
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    };
    let content = LeafNodeTbs { leaf: &leaf, position: None }.to_bytes().unwrap();
    leaf.signature = sign_with_label(signer, "LeafNodeTBS", &content).unwrap();
    let mut package = KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        init_key: HpkePublicKey(Opaque::from(vec![2; 32])),
        leaf_node: leaf,
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    };
    let content = KeyPackageTbs(&package).to_bytes().unwrap();
    package.signature = sign_with_label(signer, "KeyPackageTBS", &content).unwrap();
    encoded(package)
}
