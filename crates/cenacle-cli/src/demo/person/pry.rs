//! Trying to read what one should not: ciphertexts handed over directly are opened with a copy of a state file, every key
//! in it included, by the protocol core alone. Whatever the server or the SDK would have refused plays no part.

use alloc::sync::Arc;

use cenacle_codec::Decode;
use cenacle_crypto::{CipherSuite, CryptoError, CryptoProvider, Signature, SignaturePublicKey, Signer};
use cenacle_crypto_awslc::AwsLcProvider;
use cenacle_mls::{
    group::{Client, Group, Opened},
    wire::{Credential, Epoch, MlsMessage, MlsMessageBody},
};
use cenacle_store::SqliteStore;

use super::super::protocol::{Pried, Record, StateCopy};

/// Reading takes no signature key but the public one, by which the state is known as one's own.
#[derive(Debug)]
struct Reader(SignaturePublicKey);

impl Signer for Reader {
    fn public_key(&self) -> &SignaturePublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Signature, CryptoError> {
        Err(CryptoError::BadSecretKey)
    }
}

/// Tries to open each record, as it is and with its epoch replaced by the copy's.
pub(super) fn pry(copy: &StateCopy, records: Vec<Record>) -> Result<Vec<Pried>, cenacle::Error> {
    let group = load(copy)?;
    let mut pried = Vec::new();
    for record in records {
        let bytes = hex::decode(&record.message).map_err(|_| cenacle::Error::NotUnderstood)?;
        let Ok(message) = MlsMessage::from_bytes(&bytes) else { continue };
        let opened = group.open(&message);
        // One's own messages are named as such, and the copy knows nothing of those sent since.
        let is_own = matches!(&opened, Err(cenacle_mls::Error::OldState))
            || opened.as_ref().is_ok_and(|opened| opened.content().is_none());
        let relabelled = group.open(&relabel(message, Epoch(copy.epoch)));
        let refusal = |opened: Result<Opened, cenacle_mls::Error>| opened.err().map(|error| error.to_string());
        pried.push(Pried {
            seq: record.seq,
            refusal: refusal(opened),
            relabelled_refusal: refusal(relabelled),
            is_own,
        });
    }
    Ok(pried)
}

fn load(copy: &StateCopy) -> Result<Group, cenacle::Error> {
    let missing = || cenacle::Error::Corrupt("copy of a state");
    let store = SqliteStore::open(&copy.path)?;
    let id = Client::stored_groups(&store)?.into_iter().next().ok_or_else(missing)?;
    let suite = AwsLcProvider.suite(CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519).ok_or_else(missing)?;
    let key = hex::decode(&copy.signature_key).map_err(|_| missing())?;
    let reader = Reader(SignaturePublicKey(key.into()));
    let client = Client::new(suite, Arc::new(reader), Credential::Basic(Vec::new().into()));
    client.load_group(&store, &id)?.ok_or_else(missing)
}

fn relabel(mut message: MlsMessage, epoch: Epoch) -> MlsMessage {
    if let MlsMessageBody::PrivateMessage(private) = &mut message.body {
        private.epoch = epoch;
    }
    message
}
