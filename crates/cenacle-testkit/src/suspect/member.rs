//! The suspect itself: an ordinary member that does what it is told. It is the code of an application and must be as clean
//! as one: it keeps nothing but its group and its store.

use alloc::sync::Arc;
use std::{env, io, path::PathBuf};

use cenacle_codec::{Decode as _, Encode, Opaque};
use cenacle_crypto::{CipherSuite, CryptoProvider as _, Rng, SecretBytes, SignatureSecretKey, census};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng as NativeRng};
use cenacle_crypto_rustcrypto::{RustCryptoProvider, SystemRng};
use cenacle_mls::{
    delta::{Delta, RowKey, RowValue, Store as _, Table},
    group::{
        Client, CommitBuilder, ExternalJoin, Group, Handshake, Inputs, OwnKeyPackage, PendingJoin, Psks, Received,
        Settings, Transition,
    },
    wire::{Credential, LeafIndex, MlsMessage, MlsMessageBody, Proposal, Psk},
};
use cenacle_store::SqliteStore;

use super::{
    Stolen,
    protocol::{Begin, Leak, Order, Outcome, encoded, receive, send},
};
use crate::world::{LIFETIME, TEST_EXTENSION, inputs};

/// Does what standard input says, with the state in the folder that is the only argument, until it ends.
pub fn serve() {
    census::begin();
    let folder = PathBuf::from(env::args_os().nth(1).expect("a folder"));
    let (mut from, mut to) = (io::stdin().lock(), io::stdout().lock());
    let mut member = None;
    while let Some(order) = receive::<Order>(&mut from).expect("an order") {
        let ends = matches!(order, Order::End(()));
        let outcome = obey(&folder, &mut member, order);
        send(&mut to, &encoded(outcome)).expect("somebody listens");
        if ends {
            return;
        }
    }
}

struct Member {
    client: Client,
    store: SqliteStore,
    group: Option<Group>,
    joining: Option<PendingJoin>,
    psks: Psks,
    native: bool,
}

fn obey(folder: &std::path::Path, member: &mut Option<Member>, order: Order) -> Outcome {
    match order {
        Order::Census(()) => {
            let held = census::changes().into_iter();
            let held: Vec<(Opaque, (u32, Opaque))> =
                held.map(|held| (held.masked.into(), (held.holders, held.name.into_bytes().into()))).collect();
            bytes(&held)
        }
        Order::Begin(begin) => {
            *member = Some(Member::new(folder, &begin)?);
            Ok(Vec::new())
        }
        Order::End(()) => {
            if let Some(Member { store, group, .. }) = member.take() {
                drop(group);
                store.close().map_err(text)?;
            }
            Ok(Vec::new())
        }
        order => member.as_mut().ok_or("nobody yet")?.obey(order),
    }
}

fn text(error: impl core::fmt::Display) -> String {
    error.to_string()
}

fn bytes<T: Encode>(value: &T) -> Outcome {
    value.to_bytes().map_err(text)
}

impl Member {
    fn new(folder: &std::path::Path, begin: &Begin) -> Result<Self, String> {
        let native = begin.native != 0;
        let suite = CipherSuite(begin.suite);
        let suite = if native { AwsLcProvider.suite(suite) } else { RustCryptoProvider.suite(suite) };
        let suite = suite.ok_or("no such suite")?;
        let signer = suite.signer(&SignatureSecretKey(SecretBytes::from(&*begin.signature_key))).map_err(text)?;
        let client = Client::new(suite, Arc::from(signer), Credential::Basic(begin.name.clone()));
        let handshake = if begin.public_handshakes != 0 { Handshake::Public } else { Handshake::Private };
        let mut settings = Settings { handshake, ..Settings::default() };
        settings.limits.past_epochs = begin.past_epochs;
        settings.limits.reserved_generations = begin.reserved_generations;
        let mut capabilities = client.capabilities().clone();
        capabilities.extensions.push(TEST_EXTENSION);
        let client = client.with_capabilities(capabilities).with_settings(settings);
        let store = SqliteStore::open(folder.join("state.db")).map_err(text)?;
        let mut psks = Psks::default();
        psks.insert_external(&b"shared"[..], &*begin.psk);
        let id = Client::stored_groups(&store).map_err(text)?.into_iter().next();
        let group = id.map(|id| client.load_group(&store, &id)).transpose().map_err(text)?.flatten();
        Ok(Self { client, store, group, joining: None, psks, native })
    }

    fn obey(&mut self, order: Order) -> Outcome {
        match order {
            Order::KeyPackage(last_resort) => {
                let package = self.client.key_package(LIFETIME, last_resort != 0, &mut *self.rng()).map_err(text)?;
                bytes(&package.persist(&mut self.store).map_err(text)?)
            }
            Order::Join(welcome) => self.join(&welcome),
            Order::Receive(message) => {
                let message = MlsMessage::from_bytes(&message).map_err(text)?;
                let received = self.step(|group, inputs, _| group.stage(group.open(&message)?, inputs))?;
                Ok(vec![kind(&received)])
            }
            Order::Look(message) => {
                let message = MlsMessage::from_bytes(&message).map_err(text)?;
                let group = self.group.as_ref().ok_or("no group")?;
                let staged = group.stage(group.open(&message).map_err(text)?, &inputs(&self.psks)).map_err(text)?;
                Ok(vec![kind(staged.preview())])
            }
            Order::Say(length) => {
                let data = SecretBytes::from(vec![b'a'; usize::try_from(length).map_err(text)?]);
                bytes(&self.step(|group, _, rng| group.protect(data.expose(), b"", rng))?)
            }
            Order::Propose(proposal) => bytes(&self.step(|group, inputs, rng| match proposal {
                Some(Proposal::Add(add)) => group.propose_add(*add.key_package, inputs, rng),
                Some(Proposal::Remove(remove)) => group.propose_remove(remove.removed, rng),
                _ => group.propose_update(rng),
            })?),
            Order::ProposePsk(()) => {
                bytes(&self.step(|group, _, rng| group.propose_psk(Psk::External((&b"shared"[..]).into()), rng))?)
            }
            Order::Commit((proposals, with_path)) => bytes(&self.step(|group, inputs, rng| {
                let commit = proposals.into_iter().fold(group.commit(), by_value);
                let commit = if with_path != 0 { commit.with_path() } else { commit };
                commit.build(inputs, rng)
            })?),
            Order::Discard(()) => self.step(|group, _, _| group.discard_pending()).map(|()| Vec::new()),
            Order::JoinFromOutside((info, replaces)) => self.join_from_outside(&info, replaces),
            Order::Accepted(()) => {
                let new = self.joining.take().ok_or("not joining")?.accepted();
                self.group = Some(match self.group.take() {
                    Some(old) => new.accept_in_place_of(old, &mut self.store).map_err(text)?,
                    None => new.accept(&mut self.store).map_err(text)?,
                });
                Ok(Vec::new())
            }
            Order::Refused(()) => {
                let discarded = self.joining.take().ok_or("not joining")?.discard();
                discarded.persist(&mut self.store).map_err(text)?;
                Ok(Vec::new())
            }
            Order::GroupInfo(()) => {
                bytes(&self.group.as_ref().ok_or("no group")?.group_info(true, true).map_err(text)?)
            }
            Order::Export(()) => {
                let group = self.group.as_ref().ok_or("no group")?;
                drop(group.export_secret("suspect", b"", 32).map_err(text)?);
                Ok(Vec::new())
            }
            Order::ReceivePartially(message) => self.receive_partially(&message),
            Order::Leak(leak) => self.leak(leak),
            Order::Begin(_) | Order::Census(()) | Order::End(()) => Err("not the member's".into()),
        }
    }

    fn rng(&self) -> Box<dyn Rng> {
        if self.native { Box::new(NativeRng) } else { Box::new(SystemRng) }
    }

    fn step<T>(
        &mut self,
        f: impl FnOnce(&Group, &Inputs<'_>, &mut dyn Rng) -> Result<Transition<T>, cenacle_mls::Error>,
    ) -> Result<T, String> {
        let mut rng = self.rng();
        let group = self.group.as_mut().ok_or("no group")?;
        let transition = f(group, &inputs(&self.psks), &mut *rng).map_err(text)?;
        group.merge(transition, &mut self.store).map_err(text)
    }

    /// What no application should do.
    fn leak(&mut self, leak: Leak) -> Outcome {
        let rows =
            Stolen::read(&self.store.snapshot().map_err(text)?, self.group.as_ref().ok_or("no group")?.group_id());
        let secret = rows.secrets.ok_or("no secrets")?.init_secret.0;
        let hex = |byte: &u8| format!("{byte:02x}");
        let key = RowKey::new(Table(200), *b"leaked");
        let mut delta = Delta::new();
        match leak {
            Leak::HEAP => drop(Box::leak(Box::<[u8]>::from(secret.expose()))),
            Leak::FREED => drop(core::hint::black_box(secret.expose().repeat(500))),
            Leak::HEX => drop(String::leak(secret.expose().iter().map(hex).collect())),
            Leak::STACK => leave_on_the_stack(secret.expose()),
            _ => {
                // Large enough for pages of its own.
                delta.put(key.clone(), RowValue::Shared(secret.expose().repeat(1_000).into()));
                self.store.apply(&delta).map_err(text)?;
            }
        }
        if leak == Leak::ERASED_ROW {
            let mut delta = Delta::new();
            delta.delete(key);
            self.store.apply(&delta).map_err(text)?;
        }
        Ok(Vec::new())
    }

    fn join(&mut self, welcome: &[u8]) -> Outcome {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(welcome).map_err(text)?.body else {
            return Err("not a Welcome".into());
        };
        let own = OwnKeyPackage::find(&self.store, &welcome).map_err(text)?.ok_or("for somebody else")?;
        let new = self.client.join(&welcome, &own, None, &inputs(&self.psks)).map_err(text)?;
        self.group = Some(match self.group.take() {
            Some(old) => new.accept_in_place_of(old, &mut self.store).map_err(text)?,
            None => new.accept(&mut self.store).map_err(text)?,
        });
        Ok(Vec::new())
    }

    fn join_from_outside(&mut self, info: &[u8], replaces: Option<LeafIndex>) -> Outcome {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(info).map_err(text)?.body else {
            return Err("not a GroupInfo".into());
        };
        let how = ExternalJoin { replaces, ..ExternalJoin::default() };
        let pending = self.client.join_external(&info, how, &inputs(&self.psks), &mut *self.rng()).map_err(text)?;
        let pending = pending.persist(&mut self.store).map_err(text)?;
        let commit = bytes(pending.commit());
        self.joining = Some(pending);
        commit
    }

    fn receive_partially(&mut self, message: &[u8]) -> Outcome {
        let message = MlsMessage::from_bytes(message).map_err(text)?;
        let id = self.group.take().ok_or("no group")?.group_id().clone();
        let mut partial = self.client.open_group(&self.store, &id).map_err(text)?.ok_or("no group is stored")?;
        let opened = partial.open(&message, &self.store).map_err(text);
        let received = opened.and_then(|opened| {
            let staged = partial.stage(opened).map_err(text)?;
            partial.merge(staged, &mut self.store).map_err(text)
        });
        self.group = Some(partial.complete(&self.client, &self.store).map_err(text)?);
        Ok(vec![kind(&received?)])
    }
}

/// A copy of a secret deep on the stack, where later calls do not reach.
#[inline(never)]
fn leave_on_the_stack(secret: &[u8]) {
    let mut array = [0u8; 512 * 1024];
    array[..secret.len()].copy_from_slice(secret);
    core::hint::black_box(&mut array);
}

fn by_value(commit: CommitBuilder<'_>, proposal: Proposal) -> CommitBuilder<'_> {
    match proposal {
        Proposal::Add(add) => commit.add(*add.key_package),
        Proposal::Remove(remove) => commit.remove(remove.removed),
        _ => commit.psk(Psk::External((&b"shared"[..]).into())),
    }
}

/// What was received, in a letter.
fn kind(received: &Received) -> u8 {
    match received {
        Received::Application(_) => b'a',
        Received::Proposal { .. } => b'p',
        Received::Commit(_) => b'c',
        Received::OwnCommit(_) => b'o',
        Received::Removed(_) => b'r',
        _ => b'?',
    }
}
