//! Which signature keys belong to which devices, as the Authentication Service says (RFC 9750 §4): its statements are
//! verified under the pinned key when they come, stored, and asked when a credential is presented (RFC 9420 §5.3.1).
//!
//! One policy for all (RFC 9420 §5.3.2, RFC 9750 §6.5): a statement that has run out is still believed for
//! [`GRACE_SECONDS`], so that a member who was long offline does not lock others out; a device renews its own
//! long before.

use alloc::collections::{BTreeMap, BTreeSet};

use cenacle_crypto::{CipherSuite, SignaturePublicKey, Suite};
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Presented, Verdict},
};
use cenacle_service::wire::{Binding, SignedBinding};

use crate::MemberId;

/// For how long a statement that has run out is believed, in seconds: 90 days.
const GRACE_SECONDS: u64 = 90 * 24 * 3600;

/// The statements known, and the keys for which there is none.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    known: BTreeMap<SignaturePublicKey, Binding>,
    /// Keys that were asked for in vain.
    unknown: BTreeSet<SignaturePublicKey>,
}

impl Bindings {
    /// Takes a statement that was verified.
    pub(crate) fn insert(&mut self, binding: Binding) {
        self.unknown.remove(&binding.signature_key);
        self.known.insert(binding.signature_key.clone(), binding);
    }

    /// Notes that the service was asked about `key`: what is not known now is not so.
    pub(crate) fn asked(&mut self, key: &SignaturePublicKey) {
        if !self.known.contains_key(key) {
            self.unknown.insert(key.clone());
        }
    }

    /// Forgets what was asked in vain, so that it is asked again.
    pub(crate) fn forget_unknown(&mut self) {
        self.unknown.clear();
    }

    /// The statement about a key.
    pub(crate) fn find(&self, key: &SignaturePublicKey) -> Option<&Binding> {
        self.known.get(key)
    }

    /// What these statements say about credentials of groups of `cipher_suite`, at this moment.
    pub(crate) const fn at(&self, cipher_suite: CipherSuite, now_seconds: u64) -> Judge<'_> {
        Judge { bindings: self, cipher_suite, now_seconds }
    }
}

/// Verifies a statement as the pinned service's, whether or not it has run out; `None` if it is not.
pub(crate) fn verify(
    signed: &SignedBinding,
    suite: &dyn Suite,
    as_key: &SignaturePublicKey,
    now_seconds: u64,
) -> Option<Binding> {
    let moment = now_seconds.min(signed.unverified().not_after);
    signed.verify(suite, as_key, moment).ok().cloned()
}

/// Verdicts on credentials.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    bindings: &'a Bindings,
    cipher_suite: CipherSuite,
    now_seconds: u64,
}

impl CredentialPolicy for Judge<'_> {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        let Some(claimed) = MemberId::from_credential(presented.credential) else {
            return Verdict::Refuse(Distrust::Malformed);
        };
        // A member stays who it was: the only valid successor of a credential is one of the same device.
        if presented.replaces.is_some_and(|old| MemberId::from_credential(old).as_ref() != Some(&claimed)) {
            return Verdict::Refuse(Distrust::NotSuccessor);
        }
        let Some(binding) = self.bindings.known.get(presented.signature_key) else {
            let asked = self.bindings.unknown.contains(presented.signature_key);
            return if asked { Verdict::Refuse(Distrust::Untrusted) } else { Verdict::Unknown };
        };
        if binding.name != claimed.name || binding.device_id != claimed.device {
            return Verdict::Refuse(Distrust::WrongIdentity);
        }
        if binding.cipher_suite != self.cipher_suite {
            return Verdict::Refuse(Distrust::WrongKey);
        }
        let believed = self.now_seconds <= binding.not_after.saturating_add(GRACE_SECONDS);
        if believed { Verdict::Accept } else { Verdict::Refuse(Distrust::NotCurrent) }
    }
}
