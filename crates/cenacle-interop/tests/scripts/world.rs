//! Actors on one or two servers, and the steps that scripts are made of. A step that goes wrong ends the test with the setting.

use alloc::{collections::BTreeMap, sync::Arc};
use std::thread::{self, JoinHandle};

use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_crypto_rustcrypto::ExperimentalRustCryptoProvider;
use cenacle_interop::{Config, Server};
use tokio::{runtime::Runtime, sync::oneshot};
use tonic::{Status, transport::Channel};

use crate::proto::{mls_client_client::MlsClientClient, *};

pub(crate) type Stack = MlsClientClient<Channel>;

/// A server on a thread of its own, which ends with this value.
pub(crate) struct Process {
    pub(crate) stack: Stack,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Process {
    pub(crate) async fn start() -> Self {
        let config = Config::new(vec![Arc::new(AwsLcProvider), Arc::new(ExperimentalRustCryptoProvider)]);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let serve = async {
            let server = Server::bind(config).await.expect("a free port");
            tell.send(server.local_addr()).expect("the test listens");
            server.run(async { drop(stopped.await) }).await.expect("serving");
        };
        let thread = thread::spawn(move || Runtime::new().expect("a runtime").block_on(serve));
        let address = told.await.expect("an address");
        let stack = Stack::connect(format!("http://{address}")).await.expect("a connection");
        Self { stack, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stop.take());
        // The connection of the test goes with it; the thread ends once it has.
        drop(self.thread.take());
    }
}

/// One way of running a script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) suite: u32,
    pub(crate) encrypt: bool,
    pub(crate) stacks: usize,
}

/// Runs a script in every setting.
pub(crate) fn everywhere<F: Future<Output = ()>>(script: impl Fn(World) -> F) {
    Runtime::new().expect("a runtime").block_on(async {
        let processes = [Process::start().await, Process::start().await];
        let mut first = processes[0].stack.clone();
        let suites = first.supported_ciphersuites(SupportedCiphersuitesRequest {}).await.expect("suites");
        for suite in suites.into_inner().ciphersuites {
            for (encrypt, stacks) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
                let setting = Setting { suite, encrypt, stacks };
                println!("{setting:?}");
                script(World::new(setting, &processes)).await;
            }
        }
    });
}

/// What a runner knows of an actor.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    stack: usize,
    pub(crate) state: u32,
    pub(crate) transaction: u32,
    pub(crate) signer: u32,
}

pub(crate) struct World {
    pub(crate) setting: Setting,
    stacks: Vec<Stack>,
    actors: BTreeMap<&'static str, Actor>,
}

/// What a commit is to be like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) by_reference: Vec<Vec<u8>>,
    pub(crate) by_value: Vec<ProposalDescription>,
    pub(crate) force_path: bool,
    pub(crate) external_tree: bool,
}

pub(crate) fn of_kind(kind: &str) -> ProposalDescription {
    ProposalDescription { proposal_type: kind.as_bytes().to_vec(), ..ProposalDescription::default() }
}

pub(crate) fn add(key_package: Vec<u8>) -> ProposalDescription {
    ProposalDescription { key_package, ..of_kind("add") }
}

pub(crate) fn remove(who: &str) -> ProposalDescription {
    ProposalDescription { removed_id: who.as_bytes().to_vec(), ..of_kind("remove") }
}

pub(crate) fn psk(psk_id: &[u8]) -> ProposalDescription {
    ProposalDescription { psk_id: psk_id.to_vec(), ..of_kind("externalPSK") }
}

pub(crate) fn resumption(epoch_id: u64) -> ProposalDescription {
    ProposalDescription { epoch_id, ..of_kind("resumptionPSK") }
}

/// Empty required capabilities, and an empty list of external senders.
pub(crate) fn some_extensions() -> Vec<Extension> {
    let extension = |extension_type, length| Extension { extension_type, extension_data: vec![0; length] };
    vec![extension(3, 3), extension(5, 1)]
}

impl World {
    pub(crate) fn new(setting: Setting, processes: &[Process]) -> Self {
        let stacks = processes.iter().take(setting.stacks).map(|process| process.stack.clone()).collect();
        Self { setting, stacks, actors: BTreeMap::new() }
    }

    /// The actor of this name; actors take turns in choosing a server.
    pub(crate) fn actor(&mut self, name: &'static str) -> &mut Actor {
        let stack = self.actors.len() % self.stacks.len();
        self.actors.entry(name).or_insert(Actor { stack, state: 0, transaction: 0, signer: 0 })
    }

    pub(crate) fn state(&mut self, name: &'static str) -> u32 {
        self.actor(name).state
    }

    /// The client of the actor's server.
    pub(crate) fn ask(&mut self, name: &'static str) -> Stack {
        let stack = self.actor(name).stack;
        self.stacks[stack].clone()
    }

    pub(crate) fn unwrap<T>(&self, step: &str, answer: Result<tonic::Response<T>, Status>) -> T {
        match answer {
            Ok(answer) => answer.into_inner(),
            Err(status) => panic!("{step} in {:?}: {status}", self.setting),
        }
    }

    pub(crate) async fn create(&mut self, name: &'static str) {
        let request = CreateGroupRequest {
            group_id: format!("a group of {name} {:?}", self.setting).into_bytes(),
            cipher_suite: self.setting.suite,
            encrypt_handshake: self.setting.encrypt,
            identity: name.as_bytes().to_vec(),
        };
        let answer = self.ask(name).create_group(request).await;
        self.actor(name).state = self.unwrap("CreateGroup", answer).state_id;
    }

    /// A group of these, the first its creator.
    pub(crate) async fn group(&mut self, members: &[&'static str]) {
        let (creator, others) = members.split_first().expect("somebody");
        self.create(creator).await;
        let mut wish = Wish::default();
        for other in others {
            wish.by_value.push(add(self.key_package(other).await));
        }
        self.commit(creator, wish, &[], others).await;
    }

    pub(crate) async fn key_package(&mut self, name: &'static str) -> Vec<u8> {
        let request = CreateKeyPackageRequest { cipher_suite: self.setting.suite, identity: name.as_bytes().to_vec() };
        let answer = self.ask(name).create_key_package(request).await;
        let answer = self.unwrap("CreateKeyPackage", answer);
        assert!(![&answer.init_priv, &answer.encryption_priv, &answer.signature_priv].iter().any(|key| key.is_empty()));
        self.actor(name).transaction = answer.transaction_id;
        answer.key_package
    }

    /// Makes a commit, has it accepted and received, lets new members join: all agree.
    pub(crate) async fn commit(
        &mut self,
        committer: &'static str,
        wish: Wish,
        members: &[&'static str],
        joiners: &[&'static str],
    ) {
        let before = self.authenticator(committer).await;
        let made = self.make_commit(committer, wish.clone()).await;
        assert_eq!(before, self.authenticator(committer).await, "a commit changes nothing before it is confirmed");
        assert_eq!(made.ratchet_tree.is_empty(), !wish.external_tree);
        let request = HandlePendingCommitRequest { state_id: self.state(committer) };
        let answer = self.ask(committer).handle_pending_commit(request).await;
        let answer = self.unwrap("HandlePendingCommit", answer);
        assert_ne!(answer.epoch_authenticator, before);
        self.actor(committer).state = answer.state_id;
        for member in members {
            let agreed = self.receive(member, &wish.by_reference, &made.commit).await;
            assert_eq!(agreed, answer.epoch_authenticator, "{member} agrees in {:?}", self.setting);
        }
        for joiner in joiners {
            let agreed = self.join(joiner, &made.welcome, &made.ratchet_tree).await;
            assert_eq!(agreed, answer.epoch_authenticator, "{joiner} agrees in {:?}", self.setting);
        }
    }

    pub(crate) async fn make_commit(&mut self, committer: &'static str, wish: Wish) -> CommitResponse {
        let Wish { by_reference, by_value, force_path, external_tree } = wish;
        let state_id = self.state(committer);
        let request = CommitRequest { state_id, by_reference, by_value, force_path, external_tree };
        let answer = self.ask(committer).commit(request).await;
        self.unwrap("Commit", answer)
    }

    pub(crate) async fn receive(&mut self, member: &'static str, proposals: &[Vec<u8>], commit: &[u8]) -> Vec<u8> {
        let (state_id, proposal) = (self.state(member), proposals.to_vec());
        let answer =
            self.ask(member).handle_commit(HandleCommitRequest { state_id, proposal, commit: commit.to_vec() }).await;
        let answer = self.unwrap("HandleCommit", answer);
        self.actor(member).state = answer.state_id;
        answer.epoch_authenticator
    }

    pub(crate) async fn join(&mut self, joiner: &'static str, welcome: &[u8], ratchet_tree: &[u8]) -> Vec<u8> {
        let request = JoinGroupRequest {
            transaction_id: self.actor(joiner).transaction,
            welcome: welcome.to_vec(),
            encrypt_handshake: self.setting.encrypt,
            identity: joiner.as_bytes().to_vec(),
            ratchet_tree: ratchet_tree.to_vec(),
        };
        let answer = self.ask(joiner).join_group(request).await;
        let answer = self.unwrap("JoinGroup", answer);
        self.actor(joiner).state = answer.state_id;
        answer.epoch_authenticator
    }

    pub(crate) async fn authenticator(&mut self, name: &'static str) -> Vec<u8> {
        let request = StateAuthRequest { state_id: self.state(name) };
        let answer = self.ask(name).state_auth(request).await;
        self.unwrap("StateAuth", answer).state_auth_secret
    }

    /// These share an epoch, and what they export from it.
    pub(crate) async fn agree(&mut self, members: &[&'static str]) {
        let mut shared = None;
        for member in members {
            let state_id = self.state(member);
            let request = ExportRequest { state_id, label: "label".into(), context: vec![1, 2], key_length: 50 };
            let answer = self.ask(member).export(request).await;
            let exported = self.unwrap("Export", answer).exported_secret;
            assert_eq!(exported.len(), 50);
            let own = (self.authenticator(member).await, exported);
            assert_eq!(*shared.get_or_insert_with(|| own.clone()), own, "{member} in {:?}", self.setting);
        }
    }

    /// Gives a key under this name to states or transactions.
    pub(crate) async fn share_psk(&mut self, psk_id: &[u8], holders: &[&'static str]) {
        for holder in holders {
            let actor = self.actor(holder).clone();
            let id = if actor.state == 0 { actor.transaction } else { actor.state };
            let psk_secret = [psk_id, b" as a secret"].concat();
            let request = StorePskRequest { state_or_transaction_id: id, psk_id: psk_id.to_vec(), psk_secret };
            let answer = self.ask(holder).store_psk(request).await;
            self.unwrap("StorePSK", answer);
        }
    }

    pub(crate) async fn propose_update(&mut self, name: &'static str) -> Vec<u8> {
        let request = UpdateProposalRequest { state_id: self.state(name) };
        let answer = self.ask(name).update_proposal(request).await;
        self.unwrap("UpdateProposal", answer).proposal
    }

    /// Proposes what is described, as a member.
    pub(crate) async fn propose(&mut self, name: &'static str, wanted: ProposalDescription) -> Vec<u8> {
        let (state_id, mut stack) = (self.state(name), self.ask(name));
        let ProposalDescription {
            key_package, removed_id, psk_id, epoch_id, extensions, group_id, cipher_suite, ..
        } = wanted;
        let answer = match wanted.proposal_type.as_slice() {
            b"add" => stack.add_proposal(AddProposalRequest { state_id, key_package }).await,
            b"remove" => stack.remove_proposal(RemoveProposalRequest { state_id, removed_id }).await,
            b"externalPSK" => stack.external_psk_proposal(ExternalPskProposalRequest { state_id, psk_id }).await,
            b"resumptionPSK" => {
                stack.resumption_psk_proposal(ResumptionPskProposalRequest { state_id, epoch_id }).await
            }
            b"groupContextExtensions" => {
                let request = GroupContextExtensionsProposalRequest { state_id, extensions };
                stack.group_context_extensions_proposal(request).await
            }
            b"reinit" => {
                let request = ReInitProposalRequest { state_id, cipher_suite, group_id, extensions };
                stack.re_init_proposal(request).await
            }
            other => panic!("no such proposal: {other:?}"),
        };
        self.unwrap("proposing", answer).proposal
    }

    pub(crate) async fn protect(&mut self, name: &'static str, authenticated_data: &[u8], text: &[u8]) -> Vec<u8> {
        let (state_id, authenticated_data, plaintext) = (self.state(name), authenticated_data.to_vec(), text.to_vec());
        let answer = self.ask(name).protect(ProtectRequest { state_id, authenticated_data, plaintext }).await;
        self.unwrap("Protect", answer).ciphertext
    }

    pub(crate) async fn unprotect(&mut self, name: &'static str, ciphertext: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (state_id, ciphertext) = (self.state(name), ciphertext.to_vec());
        let answer = self.ask(name).unprotect(UnprotectRequest { state_id, ciphertext }).await;
        let answer = self.unwrap("Unprotect", answer);
        (answer.authenticated_data, answer.plaintext)
    }

    pub(crate) async fn group_info(&mut self, name: &'static str, external_tree: bool) -> GroupInfoResponse {
        let request = GroupInfoRequest { state_id: self.state(name), external_tree };
        let answer = self.ask(name).group_info(request).await;
        let answer = self.unwrap("GroupInfo", answer);
        assert_eq!(answer.ratchet_tree.is_empty(), !external_tree);
        answer
    }

    pub(crate) async fn free(&mut self, name: &'static str) {
        let request = FreeRequest { state_id: self.state(name) };
        for _ in 0..2 {
            let answer = self.ask(name).free(request).await;
            self.unwrap("Free", answer);
        }
    }
}
