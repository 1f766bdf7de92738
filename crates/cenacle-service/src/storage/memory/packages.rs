//! Key packages, in memory. One that was given out leaves its hash behind until it expires, so that publishing it
//! again does not bring it back.

use alloc::collections::BTreeMap;

use crate::{
    storage::{NewKeyPackage, PublishOutcome, StoredKeyPackage},
    wire::{DeviceId, KeyPackageKind, SuiteNumber, SuiteStock},
};

#[derive(Debug, Default)]
pub(super) struct Packages(BTreeMap<DeviceId, Vec<Offer>>);

/// A key package in stock, or with empty content the memory of one.
#[derive(Debug, Clone)]
struct Offer {
    package: NewKeyPackage,
    spent: bool,
}

impl Offer {
    fn is_in_stock(&self, suite: SuiteNumber, kind: KeyPackageKind, now_seconds: u64) -> bool {
        !self.spent && self.package.suite == suite && self.package.kind == kind && now_seconds <= self.package.not_after
    }

    fn spend(&mut self) -> Vec<u8> {
        self.spent = true;
        core::mem::take(&mut self.package.content)
    }
}

impl Packages {
    pub(super) fn publish(
        &mut self,
        device: DeviceId,
        packages: Vec<NewKeyPackage>,
        stock_limit: u64,
        now_seconds: u64,
    ) -> PublishOutcome {
        let mut offers = self.0.get(&device).cloned().unwrap_or_default();
        offers.retain(|offer| now_seconds <= offer.package.not_after);
        for (index, package) in packages.into_iter().enumerate() {
            if offers.iter().any(|offer| offer.package.hash == package.hash) {
                continue;
            }
            let rivals = offers.iter_mut().filter(|o| o.is_in_stock(package.suite, package.kind, now_seconds));
            match package.kind {
                KeyPackageKind::Normal => {
                    if rivals.count() as u64 >= stock_limit {
                        return PublishOutcome::StockFull(index);
                    }
                }
                KeyPackageKind::LastResort => rivals.for_each(|rival| drop(rival.spend())),
            }
            offers.push(Offer { package, spent: false });
        }
        self.0.insert(device, offers);
        PublishOutcome::Published
    }

    pub(super) fn withdraw(&mut self, device: DeviceId) {
        self.0.entry(device).or_default().iter_mut().for_each(|offer| drop(offer.spend()));
    }

    pub(super) fn take(&mut self, device: DeviceId, suite: SuiteNumber, now_seconds: u64) -> Option<StoredKeyPackage> {
        let offers = self.0.get_mut(&device)?;
        let kind = KeyPackageKind::Normal;
        if let Some(offer) = offers.iter_mut().find(|offer| offer.is_in_stock(suite, kind, now_seconds)) {
            return Some(StoredKeyPackage { kind, content: offer.spend() });
        }
        let kind = KeyPackageKind::LastResort;
        let offer = offers.iter().find(|offer| offer.is_in_stock(suite, kind, now_seconds))?;
        Some(StoredKeyPackage { kind, content: offer.package.content.clone() })
    }

    pub(super) fn count(&self, device: DeviceId, now_seconds: u64) -> Vec<SuiteStock> {
        let mut stock = BTreeMap::new();
        for offer in self.0.get(&device).into_iter().flatten() {
            if offer.spent || now_seconds > offer.package.not_after {
                continue;
            }
            let cipher_suite = offer.package.suite;
            let entry = stock.entry(cipher_suite).or_insert(SuiteStock { cipher_suite, normal: 0, last_resort: false });
            match offer.package.kind {
                KeyPackageKind::Normal => entry.normal += 1,
                KeyPackageKind::LastResort => entry.last_resort = true,
            }
        }
        stock.into_values().collect()
    }
}
