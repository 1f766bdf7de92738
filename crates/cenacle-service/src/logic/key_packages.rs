//! The directory of key packages (RFC 9420 §16.8, RFC 9750 §5.1): what a device may publish, and handing out.

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::labeled::verify_with_label;
use cenacle_mls::wire::{KeyPackage, KeyPackageTbs, LeafNodeSource, LeafNodeTbs, Lifetime, MlsMessage, MlsMessageBody};

use super::{Bearer, Service, check_size};
use crate::{
    Error,
    storage::{NewKeyPackage, PublishOutcome},
    wire::{
        AccountName, DeviceId, KeyPackageFault, KeyPackageOffer, ProblemKind, PublishKeyPackages, Stock, SuiteNumber,
        TakeKeyPackages, TakenKeyPackage, TakenKeyPackages,
    },
};

/// How far a device's clock may be ahead of the server's, in seconds.
const CLOCK_SKEW_SECONDS: u64 = 300;

fn refused(index: usize, reason: KeyPackageFault) -> Error {
    ProblemKind::KeyPackageInvalid { index: index as u64, reason }.into()
}

impl Service {
    /// Publishes key packages of the bearer: all or none.
    ///
    /// # Errors
    /// `key-package-invalid`, `payload-too-large`.
    pub fn publish_key_packages(
        &self,
        bearer: &Bearer,
        request: PublishKeyPackages,
        now_seconds: u64,
    ) -> Result<Stock, Error> {
        let mut packages = Vec::with_capacity(request.key_packages.len());
        for (index, offer) in request.key_packages.into_iter().enumerate() {
            check_size(offer.key_package.len() as u64, self.config.limits.message_bytes)?;
            let package = self.check_offer(bearer, offer, now_seconds).map_err(|fault| refused(index, fault))?;
            packages.push(package);
        }
        let stock_limit = self.config.limits.key_packages;
        match self.storage.publish_key_packages(bearer.device_id, packages, stock_limit, now_seconds)? {
            PublishOutcome::Published => self.key_package_stock(bearer, now_seconds),
            PublishOutcome::StockFull(index) => Err(refused(index, KeyPackageFault::StockFull)),
        }
    }

    fn check_offer(
        &self,
        bearer: &Bearer,
        offer: KeyPackageOffer,
        now_seconds: u64,
    ) -> Result<NewKeyPackage, KeyPackageFault> {
        let content = offer.key_package.into_vec();
        let message = MlsMessage::from_bytes(&content).map_err(|_| KeyPackageFault::NotDecodable)?;
        let MlsMessageBody::KeyPackage(package) = message.body else {
            return Err(KeyPackageFault::NotDecodable);
        };
        let suite = SuiteNumber::from(package.cipher_suite);
        let bound = bearer.record.bindings.iter().find(|binding| binding.suite == suite);
        if bound.is_none_or(|binding| *binding.signature_key != *package.leaf_node.signature_key.0) {
            return Err(KeyPackageFault::OtherKey);
        }
        let lifetime = self.check_lifetime(&package, now_seconds)?;
        self.check_signatures(&package)?;
        let hash = self.hash(&content);
        Ok(NewKeyPackage { kind: offer.kind, suite, hash, content, not_after: lifetime.not_after })
    }

    fn check_lifetime(&self, package: &KeyPackage, now_seconds: u64) -> Result<Lifetime, KeyPackageFault> {
        let LeafNodeSource::KeyPackage(lifetime) = package.leaf_node.source else {
            return Err(KeyPackageFault::NoLifetime);
        };
        let begun = lifetime.not_before <= now_seconds.saturating_add(CLOCK_SKEW_SECONDS);
        let length = lifetime.not_after.checked_sub(lifetime.not_before).ok_or(KeyPackageFault::NotValidNow)?;
        if !begun || now_seconds > lifetime.not_after {
            return Err(KeyPackageFault::NotValidNow);
        }
        // RFC 9420 §7.2: "Applications MUST define a maximum total lifetime that is acceptable for a LeafNode".
        if length > self.config.limits.key_package_lifetime_seconds {
            return Err(KeyPackageFault::LifetimeTooLong);
        }
        Ok(lifetime)
    }

    fn check_signatures(&self, package: &KeyPackage) -> Result<(), KeyPackageFault> {
        let suite = self.provider.suite(package.cipher_suite).ok_or(KeyPackageFault::UnknownSuite)?;
        let leaf = &package.leaf_node;
        let bad = |_| KeyPackageFault::BadSignature;
        let leaf_tbs = LeafNodeTbs { leaf, position: None }.to_bytes().map_err(|_| KeyPackageFault::NotDecodable)?;
        let package_tbs = KeyPackageTbs(package).to_bytes().map_err(|_| KeyPackageFault::NotDecodable)?;
        verify_with_label(&*suite, &leaf.signature_key, "LeafNodeTBS", &leaf_tbs, &leaf.signature).map_err(bad)?;
        verify_with_label(&*suite, &leaf.signature_key, "KeyPackageTBS", &package_tbs, &package.signature).map_err(bad)
    }

    /// What others can still take of the bearer.
    ///
    /// # Errors
    /// What the storage says.
    pub fn key_package_stock(&self, bearer: &Bearer, now_seconds: u64) -> Result<Stock, Error> {
        Ok(Stock { suites: self.storage.count_key_packages(bearer.device_id, now_seconds)? })
    }

    /// Withdraws all key packages of the bearer, which may have lost their private keys: nobody is given one of them any more.
    ///
    /// # Errors
    /// What the storage says.
    pub fn withdraw_key_packages(&self, bearer: &Bearer, now_seconds: u64) -> Result<Stock, Error> {
        self.storage.withdraw_key_packages(bearer.device_id)?;
        self.key_package_stock(bearer, now_seconds)
    }

    /// Takes a key package of each device of an account, or of one device; never of the bearer's own.
    ///
    /// # Errors
    /// `account-unknown`, `device-unknown`, `keypackages-exhausted`.
    pub fn take_key_packages(
        &self,
        bearer: &Bearer,
        name: &AccountName,
        request: &TakeKeyPackages,
        now_seconds: u64,
    ) -> Result<TakenKeyPackages, Error> {
        let mut devices: Vec<DeviceId> = self.stored_devices(name)?.iter().map(|device| device.device_id).collect();
        if let Some(wanted) = request.device_id {
            devices.retain(|device| *device == wanted);
            if devices.is_empty() {
                return Err(ProblemKind::DeviceUnknown { devices: vec![wanted] }.into());
            }
        }
        devices.retain(|device| *device != bearer.device_id);
        let taken = self.storage.take_key_packages(devices, request.cipher_suite, now_seconds)?;
        let (mut key_packages, mut exhausted) = (Vec::new(), Vec::new());
        for (device_id, package) in taken {
            match package {
                Some(package) => {
                    let key_package = package.content.into();
                    key_packages.push(TakenKeyPackage { device_id, kind: package.kind, key_package });
                }
                None => exhausted.push(device_id),
            }
        }
        if key_packages.is_empty() {
            return Err(ProblemKind::KeypackagesExhausted { devices: exhausted }.into());
        }
        Ok(TakenKeyPackages { key_packages, exhausted })
    }
}
