//! The work that a message gets before it is refused as not authentic: whatever bit of it is damaged, at most one AEAD and one
//! signature are checked, as far as the protocol allows. What it does not allow is said at each kind.

use alloc::{collections::BTreeMap, sync::Arc};
use core::sync::atomic::{AtomicBool, Ordering};

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CryptoError, Signature, SignaturePublicKey, Signer};
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error, What,
    group::{Client, ExternalJoin, Group, Handshake, OwnKeyPackage, Settings},
    wire::{KeyPackage, MlsMessage, MlsMessageBody, Psk},
};

use crate::{
    alone,
    figures::{Figure, Figures},
    members::{Member, Outsider, inputs, plain_suite},
};

/// What may be done for a message that is refused as not authentic.
#[derive(Clone, Copy, Debug)]
struct Most {
    opens: u64,
    verifications: u64,
    decapsulations: u64,
}

/// The most that was done for any of the damaged messages, by how they were refused.
type Done = BTreeMap<String, [u64; 3]>;

/// Every bit of `genuine` is flipped in turn; `deliver` gives the refusal and what it took.
fn flip_all(genuine: &[u8], mut deliver: impl FnMut(&[u8]) -> (Result<(), Error>, Figures)) -> Done {
    let mut done = Done::new();
    let mut damaged = genuine.to_vec();
    for bit in 0..genuine.len() * 8 {
        damaged[bit / 8] ^= 0x80 >> (bit % 8);
        let (outcome, figures) = deliver(&damaged);
        damaged[bit / 8] ^= 0x80 >> (bit % 8);
        let kind = match outcome {
            // Shows to be one's own, or makes no difference to whom it is for.
            Ok(()) => continue,
            Err(Error::Unverified(what)) => format!("Unverified({what:?})"),
            Err(error) => format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
        };
        let counts = [Figure::Opens, Figure::Verifications, Figure::Decapsulations].map(|figure| figures.of(figure));
        let most = done.entry(kind).or_default();
        *most = core::array::from_fn(|at| most[at].max(counts[at]));
    }
    done
}

fn assert_within(what: &str, done: &Done, most: Most) {
    println!("{what}: [opens, verifications, decapsulations] at most {done:?}");
    assert!(done.keys().any(|kind| kind.starts_with("Unverified")), "{what}: nothing was refused as not authentic");
    for (kind, [opens, verifications, decapsulations]) in done {
        let within =
            *opens <= most.opens && *verifications <= most.verifications && *decapsulations <= most.decapsulations;
        assert!(within, "{what}, {kind}: {opens}, {verifications} and {decapsulations}, more than {most:?}");
    }
}

/// Signs, from some time on something else.
#[derive(Debug)]
struct Forger {
    inner: Box<dyn Signer>,
    forges: Arc<AtomicBool>,
}

impl Signer for Forger {
    fn public_key(&self) -> &SignaturePublicKey {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let other: &[u8] = if self.forges.load(Ordering::Relaxed) { b"not this" } else { b"" };
        self.inner.sign(&[message, other].concat())
    }
}

/// A sender and a receiver who is counted, alone in a group.
struct Two {
    sender: Member,
    receiver: Member,
}

fn framed(outsider: Outsider, handshake: Handshake) -> Outsider {
    let client = outsider.client.with_settings(Settings { handshake, ..Settings::default() });
    Outsider { client, ..outsider }
}

impl Two {
    fn new(handshake: Handshake) -> Self {
        Self::of(Outsider::new("sender"), handshake)
    }

    fn of(sender: Outsider, handshake: Handshake) -> Self {
        let mut sender = framed(sender, handshake).found();
        let mut receiver = framed(Outsider::new("receiver"), handshake);
        let package = receiver.key_package();
        let welcome = sender.commit(|commit| commit.add(package).with_path()).welcome.unwrap();
        let group = accept(&receiver, &welcome).unwrap().accept(&mut receiver.store).unwrap();
        let Outsider { client, store, meter } = receiver;
        Self { sender, receiver: Member { client, store, meter, group } }
    }

    fn flip(&mut self, genuine: &[u8]) -> Done {
        let done = flip_all(genuine, |damaged| {
            self.receiver.measure(|receiver| {
                let opened = receiver.group.open(&MlsMessage::from_bytes(damaged)?)?;
                receiver.group.stage(opened, &inputs()).map(drop)
            })
        });
        self.receiver.receive(genuine);
        done
    }
}

fn accept(joiner: &Outsider, welcome: &[u8]) -> Result<cenacle_mls::group::NewGroup, Error> {
    let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(welcome)?.body else {
        return Err(cenacle_mls::Misuse::WrongMessage.into());
    };
    let own = OwnKeyPackage::find(&joiner.store, &welcome).unwrap();
    let own = own.ok_or(Error::Missing(cenacle_mls::Need::KeyPackage))?;
    joiner.client.join(&welcome, &own, None, &inputs())
}

#[test]
fn encrypted_messages() {
    let _alone = alone();
    let mut two = Two::new(Handshake::Private);
    // Who sent it is encrypted apart (RFC 9420 §6.3.2), and must be read before it is known which key the content has. Only a
    // member, or bits of a member's message, get to the second.
    let most = Most { opens: 2, verifications: 0, decapsulations: 0 };
    let message = two.sender.say(b"hello");
    let done = two.flip(&message);
    assert_within("application data", &done, most);
    assert_eq!(done["Unverified(SenderData)"], [1, 0, 0]);
    let proposed = two.sender.group.propose_update(&mut SystemRng).unwrap();
    let update = two.sender.group.merge(proposed, &mut two.sender.store).unwrap().to_bytes().unwrap();
    assert_within("proposal", &two.flip(&update), most);
    let commit = two.receiver.commit(|commit| commit.with_path()).commit;
    two.sender.receive(&commit);
    let commit = two.sender.commit(|commit| commit.with_path()).commit;
    assert_within("commit", &two.flip(&commit), most);
}

#[test]
fn messages_in_the_clear() {
    let _alone = alone();
    let mut two = Two::new(Handshake::Public);
    // The membership tag comes first. One that claims to be from outside has no tag and is judged by its signature.
    let most = Most { opens: 0, verifications: 1, decapsulations: 0 };
    let proposed = two.sender.group.propose_update(&mut SystemRng).unwrap();
    let update = two.sender.group.merge(proposed, &mut two.sender.store).unwrap().to_bytes().unwrap();
    let done = two.flip(&update);
    assert_within("proposal", &done, most);
    assert_eq!(done["Unverified(MembershipTag)"], [0, 0, 0]);
    let commit = two.receiver.commit(|commit| commit.with_path()).commit;
    two.sender.receive(&commit);
    let commit = two.sender.commit(|commit| commit.with_path()).commit;
    assert_within("commit", &two.flip(&commit), most);
}

#[test]
fn members_who_sign_falsely() {
    let _alone = alone();
    for (handshake, opens) in [(Handshake::Public, 0), (Handshake::Private, 2)] {
        let false_from_now = Arc::new(AtomicBool::new(false));
        let outsider = Outsider::new("sender");
        let suite = plain_suite();
        let (secret, _) = suite.signature_key_pair(&mut SystemRng).unwrap();
        let signer = Forger { inner: suite.signer(&secret).unwrap(), forges: Arc::clone(&false_from_now) };
        let client = Client::new(suite, Arc::new(signer), outsider.client.credential().clone());
        let mut two = Two::of(Outsider { client, ..outsider }, handshake);
        // What it sends decrypts and has its tag, and the signature is what is wrong.
        false_from_now.store(true, Ordering::Relaxed);
        let psk = Psk::External(b"any"[..].into());
        let proposed = two.sender.group.propose_psk(psk, &mut SystemRng).unwrap();
        let forged = two.sender.group.merge(proposed, &mut two.sender.store).unwrap();
        let (outcome, figures) = two.receiver.measure(|receiver| receiver.group.open(&forged).map(drop));
        assert_eq!(outcome, Err(Error::Unverified(What::ContentSignature)));
        assert_eq!((figures.of(Figure::Opens), figures.of(Figure::Verifications)), (opens, 1));
    }
}

#[test]
fn commits_of_strangers() {
    let _alone = alone();
    let mut two = Two::new(Handshake::Private);
    let info = two.sender.group.group_info(true, true).unwrap().to_bytes().unwrap();
    let mut stranger = Outsider::new("stranger");
    let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&info).unwrap().body else { panic!("no GroupInfo") };
    let join = stranger.client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng).unwrap();
    let commit = join.persist(&mut stranger.store).unwrap().commit().to_bytes().unwrap();
    let done = two.flip(&commit);
    // Anyone may make one and sign it. No signature covers its confirmation tag, which shows to be false when the new epoch
    // is computed, for which the path's leaf is judged, and the external init and a path secret are decapsulated.
    let tag = done["Unverified(ConfirmationTag)"];
    assert_eq!(tag, [1, 2, 2]);
    let others: Done = done.into_iter().filter(|(kind, _)| kind != "Unverified(ConfirmationTag)").collect();
    assert_within("external commit", &others, Most { opens: 0, verifications: 1, decapsulations: 0 });
}

#[test]
fn invitations() {
    let _alone = alone();
    let mut sender = Outsider::new("sender").found();
    let mut joiner = Outsider::new("joiner");
    let package = joiner.key_package();
    let welcome = sender.commit(|commit| commit.add(package).with_path()).welcome.unwrap();
    let meter = joiner.meter.clone();
    let done = flip_all(&welcome, |damaged| meter.measure(|| accept(&joiner, damaged).map(drop)));
    // The secrets are bound to the encrypted GroupInfo: a change of either ends there.
    assert_within("Welcome", &done, Most { opens: 1, verifications: 0, decapsulations: 1 });
    assert_eq!(done["Unverified(Welcome)"], [1, 0, 1]);
    accept(&joiner, &welcome).map(drop).unwrap();

    let info = sender.group.group_info(true, true).unwrap().to_bytes().unwrap();
    let stranger = Outsider::new("stranger");
    let meter = stranger.meter.clone();
    let join = |bytes: &[u8]| {
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(bytes)?.body else {
            return Err(cenacle_mls::Misuse::WrongMessage.into());
        };
        stranger.client.join_external(&info, ExternalJoin::default(), &inputs(), &mut SystemRng).map(drop)
    };
    let done = flip_all(&info, |damaged| meter.measure(|| join(damaged)));
    // Its tree is hashed before its signer's key is taken from it; nothing of the tree is verified before the signature.
    assert_within("GroupInfo", &done, Most { opens: 0, verifications: 1, decapsulations: 0 });
    join(&info).unwrap();
}

#[test]
fn key_packages() {
    let _alone = alone();
    let sender = Outsider::new("sender").found();
    let mut joiner = Outsider::new("joiner");
    let package = joiner.key_package();
    let genuine = package.to_bytes().unwrap();
    let add = |group: &Group, bytes: &[u8]| {
        let package = KeyPackage::from_bytes(bytes)?;
        group.commit().add(package).build(&inputs(), &mut SystemRng).map(drop)
    };
    let meter = sender.meter.clone();
    let done = flip_all(&genuine, |damaged| meter.measure(|| add(&sender.group, damaged)));
    // It has two signatures, the leaf's within its own.
    assert_within("key package", &done, Most { opens: 0, verifications: 2, decapsulations: 0 });
    add(&sender.group, &genuine).unwrap();
}
