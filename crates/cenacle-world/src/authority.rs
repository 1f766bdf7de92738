//! The Authentication Service of a run: who has which key. And the group's policy, which lets anybody who is known in.

use alloc::collections::BTreeMap;

use cenacle_crypto::SignaturePublicKey;
use cenacle_mls::{
    Distrust, Refusal,
    group::{CredentialPolicy, GroupPolicy, Presented, PublicGroup, Verdict},
    wire::{Credential, Proposal, Sender},
};

/// Names with their keys.
#[derive(Debug, Default)]
pub(crate) struct Authority {
    keys: BTreeMap<Vec<u8>, SignaturePublicKey>,
}

impl Authority {
    pub(crate) fn bind(&mut self, name: &str, key: SignaturePublicKey) {
        self.keys.insert(name.as_bytes().to_vec(), key);
    }
}

/// A name as a credential.
pub(crate) fn credential(name: &str) -> Credential {
    Credential::Basic(name.as_bytes().into())
}

impl CredentialPolicy for Authority {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        let Credential::Basic(name) = presented.credential else { return Verdict::Refuse(Distrust::Malformed) };
        match self.keys.get(name.as_ref()) {
            Some(key) if key == presented.signature_key => Verdict::Accept,
            Some(_) => Verdict::Refuse(Distrust::WrongKey),
            None => Verdict::Refuse(Distrust::Untrusted),
        }
    }
}

impl GroupPolicy for Authority {
    fn admits(&self, _: &PublicGroup, _: &Sender, _: &Proposal) -> Result<(), Refusal> {
        Ok(())
    }
}
