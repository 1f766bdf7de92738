//! Accounts, devices and their keys, in memory.

use alloc::collections::BTreeMap;

use crate::{
    storage::{BindOutcome, DeviceBindings, DeviceRecord, NewDevice, RegisterOutcome, StoredBinding},
    wire::{AccountName, ContentHash, DeviceId, SuiteNumber},
};

#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Devices of each account in the order of registration.
    names: BTreeMap<AccountName, Vec<DeviceId>>,
    devices: BTreeMap<DeviceId, DeviceRecord>,
    keys: BTreeMap<(SuiteNumber, Vec<u8>), DeviceId>,
}

impl Accounts {
    pub(super) fn register(&mut self, new: NewDevice) -> RegisterOutcome {
        match self.names.contains_key(&new.name) {
            true if new.first => return RegisterOutcome::NameTaken,
            false if !new.first => return RegisterOutcome::AccountUnknown,
            true | false => {}
        }
        if let Some(taken) = new.bindings.iter().position(|binding| self.owner(binding).is_some()) {
            return RegisterOutcome::KeyTaken(taken);
        }
        self.names.entry(new.name.clone()).or_default().push(new.device_id);
        let record = DeviceRecord { name: new.name, token_hash: new.token_hash, bindings: Vec::new() };
        self.devices.insert(new.device_id, record);
        self.store(new.device_id, new.bindings);
        RegisterOutcome::Registered
    }

    pub(super) fn bind(&mut self, device: DeviceId, bindings: Vec<StoredBinding>) -> BindOutcome {
        let Some(record) = self.devices.get(&device) else {
            return BindOutcome::DeviceUnknown;
        };
        for (index, new) in bindings.iter().enumerate() {
            if self.owner(new).is_some_and(|owner| owner != device) {
                return BindOutcome::KeyTaken(index);
            }
            let other = |old: &StoredBinding| old.suite == new.suite && old.signature_key != new.signature_key;
            if record.bindings.iter().any(other) {
                return BindOutcome::OtherKeyBound(index);
            }
        }
        self.store(device, bindings);
        BindOutcome::Bound
    }

    fn store(&mut self, device: DeviceId, bindings: Vec<StoredBinding>) {
        let Some(record) = self.devices.get_mut(&device) else {
            return;
        };
        for binding in bindings {
            self.keys.insert((binding.suite, binding.signature_key.clone()), device);
            record.bindings.retain(|old| old.suite != binding.suite);
            record.bindings.push(binding);
        }
        record.bindings.sort_by_key(|binding| binding.suite);
    }

    fn owner(&self, binding: &StoredBinding) -> Option<DeviceId> {
        self.device_of_key(binding.suite, &binding.signature_key)
    }

    pub(super) fn replace_token(&mut self, device: DeviceId, token_hash: ContentHash) -> bool {
        self.devices.get_mut(&device).map(|record| record.token_hash = token_hash).is_some()
    }

    pub(super) fn device(&self, device: DeviceId) -> Option<&DeviceRecord> {
        self.devices.get(&device)
    }

    pub(super) fn device_of_key(&self, suite: SuiteNumber, signature_key: &[u8]) -> Option<DeviceId> {
        self.keys.get(&(suite, signature_key.to_vec())).copied()
    }

    pub(super) fn devices(&self, name: &AccountName) -> Option<Vec<DeviceBindings>> {
        let bindings = |id: &DeviceId| self.devices.get(id).map(|record| record.bindings.clone()).unwrap_or_default();
        let ids = self.names.get(name)?;
        Some(ids.iter().map(|id| DeviceBindings { device_id: *id, bindings: bindings(id) }).collect())
    }
}
