//! What an actor has before it is in a group: a client with a key of its own, pre-shared keys, a key package on offer.

use alloc::{collections::BTreeMap, sync::Arc};
use std::time::{SystemTime, UNIX_EPOCH};

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{SecretBytes, SignatureSecretKey, Suite};
use cenacle_mls::{
    delta::{RowKey, Store as _, Table},
    group::{AcceptAll, Client, Grease, Handshake, Inputs, OwnKeyPackage, Psks, Settings},
    wire::{Capabilities, Credential, KeyPackage, LeafIndex, LeafNode, Lifetime, MlsMessage, MlsMessageBody, Welcome},
};
use cenacle_store::MemoryStore;

use crate::{
    failure::{Failure, Obstacle},
    suites::{Suites, SystemRandomness},
};

/// Validity of key packages, in seconds. Some stacks take the present second for the future: it began a while ago.
const LIFETIME_SECONDS: u64 = 80 * 24 * 60 * 60;
const LIFETIME_BEGAN_SECONDS: u64 = 60 * 60;

/// Longest validity that others' key packages may claim, in seconds: more than a year.
const MAX_LIFETIME_SECONDS: u64 = 400 * 24 * 60 * 60;

/// Reads what a field of a request holds.
pub(crate) fn decode<T: Decode>(field: &'static str, bytes: &[u8]) -> Result<T, Failure> {
    T::from_bytes(bytes).map_err(|error| Failure::Malformed(field, error))
}

/// Reads a field that may be empty.
pub(crate) fn decode_given<T: Decode>(field: &'static str, bytes: &[u8]) -> Result<Option<T>, Failure> {
    if bytes.is_empty() { Ok(None) } else { decode(field, bytes).map(Some) }
}

pub(crate) fn decode_key_package(field: &'static str, bytes: &[u8]) -> Result<KeyPackage, Failure> {
    match decode::<MlsMessage>(field, bytes)?.body {
        MlsMessageBody::KeyPackage(key_package) => Ok(key_package),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::Welcome(_)
        | MlsMessageBody::GroupInfo(_) => Err(Failure::Field(field, "not a KeyPackage")),
    }
}

pub(crate) fn decode_welcome(bytes: &[u8]) -> Result<Welcome, Failure> {
    match decode::<MlsMessage>("welcome", bytes)?.body {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::KeyPackage(_)
        | MlsMessageBody::GroupInfo(_) => Err(Failure::Field("welcome", "not a Welcome")),
    }
}

pub(crate) fn handshake(encrypt: bool) -> Handshake {
    if encrypt { Handshake::Private } else { Handshake::Public }
}

pub(crate) fn now_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

pub(crate) fn lifetime() -> Lifetime {
    let not_before = now_seconds().saturating_sub(LIFETIME_BEGAN_SECONDS);
    Lifetime { not_before, not_after: not_before.saturating_add(LIFETIME_SECONDS) }
}

/// What the core is told: the time, these keys, and that everybody may be and do what he wants.
pub(crate) fn inputs(psks: &Psks) -> Inputs<'_> {
    Inputs::new(&AcceptAll).with_policy(&AcceptAll).at(now_seconds()).with_psks(psks)
}

/// The first member of this identity.
pub(crate) fn find_member(
    identity: &[u8],
    mut members: impl Iterator<Item = (LeafIndex, LeafNode)>,
) -> Option<LeafIndex> {
    let named = |leaf: &LeafNode| matches!(&leaf.credential, Credential::Basic(name) if **name == *identity);
    members.find(|(_, leaf)| named(leaf)).map(|(leaf, _)| leaf)
}

/// What all actors of a process are made with.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) suites: Suites,
    /// Whether leaves, key packages and GroupInfos carry extensions that mean nothing. Capabilities name values that mean
    /// nothing in any case.
    pub(crate) grease_extensions: bool,
}

impl Workshop {
    /// A client of this identity, with a fresh signature key, and that key.
    pub(crate) fn client(
        &self,
        suite: Arc<dyn Suite>,
        identity: &[u8],
        handshake: Handshake,
    ) -> Result<(Client, SignatureSecretKey), Failure> {
        let (secret, _) = suite.signature_key_pair(&mut SystemRandomness)?;
        let signer = Arc::from(suite.signer(&secret)?);
        let client = Client::new(suite, signer, Credential::Basic(identity.into()));
        let grease = if self.grease_extensions { Grease::Extensions } else { Grease::Capabilities };
        let mut settings = Settings { handshake, grease, ..Settings::default() };
        settings.limits.lifetime_seconds = MAX_LIFETIME_SECONDS;
        let capabilities = self.capabilities(client.capabilities());
        Ok((client.with_capabilities(capabilities).with_settings(settings), secret))
    }

    /// Those of a client, with all suites of this process.
    fn capabilities(&self, own: &Capabilities) -> Capabilities {
        Capabilities { cipher_suites: self.suites.codes().collect(), ..own.clone() }
    }
}

/// The client with its proposals and commits framed in this way.
pub(crate) fn framing(client: &Client, handshake: Handshake) -> Client {
    client.clone().with_settings(Settings { handshake, ..*client.settings() })
}

/// External pre-shared keys, by name.
#[derive(Debug, Default)]
pub(crate) struct PskShelf(BTreeMap<Vec<u8>, SecretBytes>);

impl PskShelf {
    pub(crate) fn insert(&mut self, psk_id: &[u8], secret: &[u8]) {
        self.0.insert(psk_id.to_vec(), secret.into());
    }

    /// Takes over copies of another's keys, in addition.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        for (psk_id, secret) in &other.0 {
            self.0.insert(psk_id.clone(), secret.duplicate());
        }
    }

    /// As the core takes them.
    pub(crate) fn psks(&self) -> Psks {
        let mut psks = Psks::default();
        for (psk_id, secret) in &self.0 {
            psks.insert_external(psk_id.as_slice(), secret.duplicate());
        }
        psks
    }
}

/// A key package on offer.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) client: Client,
    pub(crate) psks: PskShelf,
    /// With the row of the key package.
    store: MemoryStore,
}

/// A key package with its private keys, for the answer to the runner.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) key_package: MlsMessage,
    pub(crate) init_priv: Vec<u8>,
    pub(crate) encryption_priv: Vec<u8>,
}

impl Transaction {
    /// Makes a key package of this client.
    pub(crate) fn new(client: Client) -> Result<(Self, Offer), Failure> {
        let mut store = MemoryStore::default();
        let made = client.key_package(lifetime(), false, &mut SystemRandomness)?;
        let key_package = made.persist(&mut store).unwrap_or_else(|never| match never {});
        let rows = store.rows(&RowKey::new(Table::KEY_PACKAGE, [])).unwrap_or_else(|never| match never {});
        let (_, row) = rows.first().ok_or(Failure::Broken)?;
        let own: OwnKeyPackage = decode("key package", row.expose())?;
        let offer = Offer {
            key_package,
            init_priv: own.init_key().0.expose().to_vec(),
            encryption_priv: own.leaf_key().0.expose().to_vec(),
        };
        Ok((Self { client, psks: PskShelf::default(), store }, offer))
    }

    /// The rows, for the group that is joined with them. They stay here, too, until it is there.
    pub(crate) fn rows(&self) -> MemoryStore {
        MemoryStore::from(self.store.snapshot())
    }

    /// The key package, if the Welcome is for it.
    pub(crate) fn named_by(&self, welcome: &Welcome) -> Result<OwnKeyPackage, Failure> {
        Ok(OwnKeyPackage::find(&self.store, welcome)?.ok_or(Obstacle::WelcomeForOthers)?)
    }
}

/// Someone outside a group who may propose changes to it.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) client: Client,
}

pub(crate) fn encode<T: Encode>(value: &T) -> Result<Vec<u8>, Failure> {
    Ok(value.to_bytes()?)
}

#[cfg(test)]
mod tests {
    use cenacle_crypto_awslc::AwsLcProvider;

    use super::*;

    #[test]
    fn a_key_package_comes_with_its_private_keys_and_began_an_hour_ago() {
        let workshop = Workshop { suites: Suites::new(&[Arc::new(AwsLcProvider)]), grease_extensions: false };
        let suite = workshop.suites.numbered(1).expect("suite 1");
        let (client, _) = workshop.client(Arc::clone(&suite), b"alice", Handshake::Public).expect("a client");
        let (_, offer) = Transaction::new(client).expect("a key package");
        let bytes = encode(&offer.key_package).expect("bytes");
        let key_package = decode_key_package("key_package", &bytes).expect("a key package");
        let public =
            |secret: &[u8]| suite.kem_public_key(&cenacle_crypto::HpkeSecretKey(secret.into())).expect("a key");
        assert_eq!(public(&offer.init_priv), key_package.init_key);
        assert_eq!(public(&offer.encryption_priv), key_package.leaf_node.encryption_key);
        let cenacle_mls::wire::LeafNodeSource::KeyPackage(lifetime) = key_package.leaf_node.source else {
            panic!("the leaf is of a key package");
        };
        assert!(lifetime.contains(now_seconds() - 3_500) && !lifetime.contains(now_seconds() - 3_700));
        assert_eq!(key_package.leaf_node.credential, Credential::Basic(b"alice".into()));
    }
}
