//! The services over an empty storage, and devices that talk to them.

use alloc::sync::Arc;
use std::sync::Mutex;

use cenacle_crypto::{CipherSuite, CryptoProvider, Signer, Suite};
use cenacle_crypto_rustcrypto::{RustCryptoProvider, SystemRng};
use cenacle_service::{
    Bearer, Error, Notice, NoticeSink, Service, ServiceConfig,
    storage::MemoryStorage,
    wire::{
        AccountName, BindingRequest, CreateGroup, DeviceId, DeviceToken, GroupId, JoinPolicy, PostCommit, Problem,
        ProblemKind, RegisterAccount, RegisterDevice, Registered, WelcomeFor,
    },
};

use crate::forge;
use cenacle_mls::wire::ContentType;

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const ED25519: CipherSuite = CipherSuite(1);
pub(crate) const P256: CipherSuite = CipherSuite(2);

/// Remembers notices.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Vec<Notice>>);

impl NoticeSink for Recorder {
    fn notice(&self, notice: Notice) {
        self.0.lock().unwrap().push(notice);
    }
}

pub(crate) struct World {
    pub(crate) service: Service,
    recorder: Arc<Recorder>,
}

/// A device with its key for suite 1.
pub(crate) struct Device {
    pub(crate) name: AccountName,
    pub(crate) id: DeviceId,
    pub(crate) token: DeviceToken,
    pub(crate) signer: Box<dyn Signer>,
    pub(crate) bearer: Bearer,
}

pub(crate) fn suite(number: CipherSuite) -> Arc<dyn Suite> {
    RustCryptoProvider.suite(number).unwrap()
}

pub(crate) fn fresh_signer(number: CipherSuite) -> Box<dyn Signer> {
    let (secret, _) = suite(number).signature_key_pair(&mut SystemRng).unwrap();
    suite(number).signer(&secret).unwrap()
}

pub(crate) fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

pub(crate) fn asking(account: &str, signer: &dyn Signer) -> Vec<BindingRequest> {
    vec![BindingRequest::new(name(account), ED25519, signer).unwrap()]
}

/// The problem of a refused call.
pub(crate) fn refusal<T: core::fmt::Debug>(result: Result<T, Error>) -> ProblemKind {
    match result.unwrap_err() {
        Error::Refused(problem) => Problem::from(Error::Refused(problem)).kind,
        other => panic!("{other}"),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ServiceConfig::default())
    }

    pub(crate) fn with(config: ServiceConfig) -> Self {
        let storage = Arc::new(MemoryStorage::new(&mut SystemRng).unwrap());
        let recorder = Arc::new(Recorder::default());
        let notices = Arc::clone(&recorder);
        let service = Service::new(storage, Arc::new(RustCryptoProvider), notices, config, &mut SystemRng).unwrap();
        Self { service, recorder }
    }

    /// The notices since the last call.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        core::mem::take(&mut self.recorder.0.lock().unwrap())
    }

    pub(crate) fn register(&self, account: &str) -> Device {
        let signer = fresh_signer(ED25519);
        let request = RegisterAccount { name: account.into(), bindings: asking(account, &*signer) };
        let registered = self.service.register_account(&request, &mut SystemRng, NOW).unwrap();
        self.device(registered, signer)
    }

    pub(crate) fn register_beside(&self, first: &Device) -> Device {
        let signer = fresh_signer(ED25519);
        let request = RegisterDevice { bindings: asking(first.name.as_str(), &*signer) };
        let registered =
            self.service.register_device(&first.bearer, &first.name, &request, &mut SystemRng, NOW).unwrap();
        self.device(registered, signer)
    }

    pub(crate) fn device(&self, registered: Registered, signer: Box<dyn Signer>) -> Device {
        let Registered { name, device_id: id, token, .. } = registered;
        let bearer = self.service.authenticate(&token, NOW).unwrap();
        Device { name, id, token, signer, bearer }
    }

    /// A group by `creator`, to which its first commit adds `members`.
    pub(crate) fn group(&self, creator: &Device, members: &[&Device], policy: JoinPolicy) -> GroupId {
        let group_id = GroupId::from_slice(&creator.id.0).unwrap();
        let group_info = Some(forge::group_info(&group_id, 0));
        let request = CreateGroup {
            group_id: group_id.clone(),
            policy,
            group_info,
            group_info_sealed: false,
            ratchet_tree: None,
        };
        self.service.create_group(&creator.bearer, request, NOW).unwrap();
        if !members.is_empty() {
            let added: Vec<DeviceId> = members.iter().map(|member| member.id).collect();
            let post = PostCommit {
                welcomes: vec![WelcomeFor { recipients: added.clone(), welcome: forge::welcome(1) }],
                added,
                ..commit(&group_id, 0, 0)
            };
            self.service.post_commit(&creator.bearer, group_id.clone(), post, NOW).unwrap();
        }
        self.notices();
        group_id
    }
}

pub(crate) fn commit(group: &GroupId, epoch: u64, salt: u8) -> PostCommit {
    PostCommit {
        epoch,
        commit: forge::private(group, epoch, ContentType::Commit, salt),
        welcomes: Vec::new(),
        group_info: None,
        group_info_sealed: false,
        ratchet_tree: None,
        added: Vec::new(),
        removed: Vec::new(),
    }
}
