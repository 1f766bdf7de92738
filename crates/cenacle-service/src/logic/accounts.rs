//! The Authentication Service in its first form (RFC 9750 §4): the first device to ask for a name gets it, further
//! devices are vouched for by one that is registered, and every key is bound by a signed statement.

use alloc::collections::BTreeSet;

use cenacle_crypto::{Rng, SignaturePublicKey};

use super::{Bearer, Caller, Service};
use crate::{
    Error,
    storage::{BindOutcome, DeviceBindings, NewDevice, RegisterOutcome, StoredBinding},
    wire::{
        AccountName, AddBindings, Binding, BindingFault, BindingRequest, Bound, Device, DeviceId, DeviceToken, Devices,
        ProblemKind, RegisterAccount, RegisterDevice, Registered, SignedBinding, SuiteNumber,
    },
};

/// A key whose holder proved to have it, for a suite.
struct ProvenKey {
    suite: SuiteNumber,
    key: SignaturePublicKey,
}

fn refused(index: usize, reason: BindingFault) -> Error {
    ProblemKind::BindingInvalid { index: index as u64, reason }.into()
}

impl Service {
    /// Registers an account with its first device.
    ///
    /// # Errors
    /// `name-taken`, `name-invalid`, `binding-invalid`, `rate-limited`.
    pub fn register_account(
        &self,
        request: &RegisterAccount,
        rng: &mut dyn Rng,
        now_seconds: u64,
    ) -> Result<Registered, Error> {
        self.count_request(Caller::Anonymous, now_seconds)?;
        self.register(&request.name.parse()?, true, &request.bindings, rng, now_seconds)
    }

    /// Registers a further device of the bearer's account.
    ///
    /// # Errors
    /// `forbidden` for another's account, `binding-invalid`.
    pub fn register_device(
        &self,
        bearer: &Bearer,
        name: &AccountName,
        request: &RegisterDevice,
        rng: &mut dyn Rng,
        now_seconds: u64,
    ) -> Result<Registered, Error> {
        if bearer.name() != name {
            return Err(ProblemKind::Forbidden.into());
        }
        self.register(name, false, &request.bindings, rng, now_seconds)
    }

    fn register(
        &self,
        name: &AccountName,
        first: bool,
        requests: &[BindingRequest],
        rng: &mut dyn Rng,
        now_seconds: u64,
    ) -> Result<Registered, Error> {
        let keys = self.prove(name, requests)?;
        let (mut id, mut secret) = ([0; 16], zeroize::Zeroizing::new([0; 32]));
        rng.fill(&mut id)?;
        rng.fill(secret.as_mut_slice())?;
        if let Some(device_id) = self.registered(name, &keys)? {
            return self.renew_token(name, device_id, &keys, &secret);
        }
        let device_id = DeviceId(id);
        let token = DeviceToken::new(device_id, &secret);
        let stored = self.sign_bindings(name, device_id, &keys, now_seconds)?;
        let bindings = signed(&stored);
        let token_hash = self.token_hash(&token);
        let device = NewDevice { name: name.clone(), first, device_id, token_hash, bindings: stored, now_seconds };
        match self.storage.register_device(device)? {
            RegisterOutcome::Registered => Ok(Registered { name: name.clone(), device_id, token, bindings }),
            RegisterOutcome::NameTaken => Err(ProblemKind::NameTaken { name: name.clone() }.into()),
            RegisterOutcome::AccountUnknown => Err(ProblemKind::AccountUnknown { name: name.clone() }.into()),
            RegisterOutcome::KeyTaken(index) => Err(refused(index, BindingFault::KeyOfOtherDevice)),
        }
    }

    /// Checks that every request is for `name` and signed with its key, and that there is one for each suite.
    fn prove(&self, name: &AccountName, requests: &[BindingRequest]) -> Result<Vec<ProvenKey>, Error> {
        if requests.is_empty() {
            return Err(refused(0, BindingFault::NotOnePerSuite));
        }
        let mut seen = BTreeSet::new();
        let prove = |(index, request): (usize, &BindingRequest)| {
            if !seen.insert(request.cipher_suite()) {
                return Err(refused(index, BindingFault::NotOnePerSuite));
            }
            let suite = self.provider.suite(request.cipher_suite());
            let suite = suite.ok_or_else(|| refused(index, BindingFault::UnknownSuite))?;
            let key = request.verify(&*suite, name).map_err(|fault| refused(index, fault))?;
            Ok(ProvenKey { suite: request.cipher_suite().into(), key: key.clone() })
        };
        requests.iter().enumerate().map(prove).collect()
    }

    /// The device of `name` that has all of these keys already, if any of them is bound.
    fn registered(&self, name: &AccountName, keys: &[ProvenKey]) -> Result<Option<DeviceId>, Error> {
        let owners = keys
            .iter()
            .map(|proven| self.storage.device_of_key(proven.suite, &proven.key.0))
            .collect::<Result<Vec<_>, _>>()?;
        let Some(device_id) = owners.iter().flatten().next().copied() else {
            return Ok(None);
        };
        if let Some(index) = owners.iter().position(|owner| *owner != Some(device_id)) {
            return Err(refused(index, BindingFault::KeyOfOtherDevice));
        }
        match self.storage.device(device_id)? {
            Some(record) if record.name == *name => Ok(Some(device_id)),
            Some(_) | None => Err(refused(0, BindingFault::KeyOfOtherDevice)),
        }
    }

    /// A device that lost the answer to its registration proves its keys again and gets a new token.
    fn renew_token(
        &self,
        name: &AccountName,
        device_id: DeviceId,
        keys: &[ProvenKey],
        secret: &[u8; 32],
    ) -> Result<Registered, Error> {
        let token = DeviceToken::new(device_id, secret);
        self.storage.replace_token(device_id, self.token_hash(&token))?;
        let bound = self.storage.device(device_id)?.map(|record| record.bindings).unwrap_or_default();
        let of = |proven: &ProvenKey| bound.iter().find(|binding| binding.suite == proven.suite);
        let bindings = keys.iter().filter_map(of).map(|binding| binding.signed.clone()).collect();
        Ok(Registered { name: name.clone(), device_id, token, bindings })
    }

    fn sign_bindings(
        &self,
        name: &AccountName,
        device_id: DeviceId,
        keys: &[ProvenKey],
        now_seconds: u64,
    ) -> Result<Vec<StoredBinding>, Error> {
        let sign = |proven: &ProvenKey| {
            let binding = Binding {
                name: name.clone(),
                device_id,
                signature_key: proven.key.clone(),
                cipher_suite: proven.suite.into(),
                issued_at: now_seconds,
                not_after: now_seconds.saturating_add(self.config.retention.binding_seconds),
            };
            let signed = SignedBinding::sign(binding, &*self.as_signer)?;
            Ok(StoredBinding { suite: proven.suite, signature_key: proven.key.0.to_vec(), signed })
        };
        keys.iter().map(sign).collect()
    }

    /// Binds keys of the bearer for further suites, or renews the bindings of the keys it has.
    ///
    /// # Errors
    /// `binding-invalid`.
    pub fn add_bindings(&self, bearer: &Bearer, request: &AddBindings, now_seconds: u64) -> Result<Bound, Error> {
        let keys = self.prove(bearer.name(), &request.bindings)?;
        let stored = self.sign_bindings(bearer.name(), bearer.device_id, &keys, now_seconds)?;
        let bindings = signed(&stored);
        match self.storage.bind(bearer.device_id, stored)? {
            BindOutcome::Bound => Ok(Bound { bindings }),
            BindOutcome::DeviceUnknown => Err(ProblemKind::Unauthorized.into()),
            BindOutcome::OtherKeyBound(index) => Err(refused(index, BindingFault::OtherKeyBound)),
            BindOutcome::KeyTaken(index) => Err(refused(index, BindingFault::KeyOfOtherDevice)),
        }
    }

    /// The devices of an account.
    ///
    /// # Errors
    /// `account-unknown`.
    pub fn devices(&self, _: &Bearer, name: &AccountName) -> Result<Devices, Error> {
        let devices = self.stored_devices(name)?;
        let device =
            |device: DeviceBindings| Device { device_id: device.device_id, bindings: signed(&device.bindings) };
        Ok(Devices { name: name.clone(), devices: devices.into_iter().map(device).collect() })
    }

    pub(super) fn stored_devices(&self, name: &AccountName) -> Result<Vec<DeviceBindings>, Error> {
        self.storage.devices(name)?.ok_or_else(|| ProblemKind::AccountUnknown { name: name.clone() }.into())
    }
}

fn signed(bindings: &[StoredBinding]) -> Vec<SignedBinding> {
    bindings.iter().map(|binding| binding.signed.clone()).collect()
}
