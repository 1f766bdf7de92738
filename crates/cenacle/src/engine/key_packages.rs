//! Offers to be added while offline: enough key packages in stock at the service, and a last resort (RFC 9750 §5.1).
//! A key package is stored before it is published, and published from where it was stored.

use cenacle_codec::{Decode, Encode};
use cenacle_mls::{
    delta::{Delta, RowKey},
    wire::{Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::{KeyPackageKind, KeyPackageOffer, PublishKeyPackages, Stock, SuiteNumber};

use super::{Engine, now_seconds};
use crate::{
    Error,
    state::{self, Offer},
};

/// Fewer normal ones than this are too few.
const LEAST: u64 = 10;
/// How many there are after replenishing.
const FULL: u64 = 20;
/// How long a key package is good for, in seconds: 28 days.
const LIFETIME_SECONDS: u64 = 28 * 24 * 3600;
/// How far clocks may disagree, in seconds: an hour.
const CLOCK_SKEW_SECONDS: u64 = 3600;

/// A lifetime that begins now.
pub(super) fn lifetime() -> Lifetime {
    let now = now_seconds();
    Lifetime { not_before: now.saturating_sub(CLOCK_SKEW_SECONDS), not_after: now.saturating_add(LIFETIME_SECONDS) }
}

impl Engine {
    /// Publishes as many key packages as are missing.
    pub(super) async fn replenish(&mut self) -> Result<(), Error> {
        self.publish_offers().await?;
        let stock = self.api.stock().await?;
        let number = SuiteNumber::from(self.me()?.account.cipher_suite);
        let (normal, last_resort) = in_stock(&stock, number);
        if normal < LEAST {
            for _ in normal..FULL {
                self.offer(KeyPackageKind::Normal)?;
            }
        }
        if !last_resort {
            self.offer(KeyPackageKind::LastResort)?;
        }
        self.publish_offers().await
    }

    /// Makes a key package, to be published with the next ones.
    pub(super) fn offer(&mut self, kind: KeyPackageKind) -> Result<(), Error> {
        let me = self.me.as_ref().ok_or(Error::NotRegistered)?;
        let is_last_resort = kind == KeyPackageKind::LastResort;
        let mut made = me.mls.key_package(lifetime(), is_last_resort, &mut self.rng)?;
        // Any key that no other offer has serves: the offer's row is erased as soon as it is published.
        let mut name = [0; 16];
        cenacle_crypto::Rng::fill(&mut self.rng, &mut name)?;
        made.store_as(RowKey::new(state::TO_PUBLISH, name), &state::header(&kind_byte(kind))?)?;
        made.persist(&mut self.store)?;
        Ok(())
    }

    /// Publishes what is stored for it. Publishing twice changes nothing.
    async fn publish_offers(&mut self) -> Result<(), Error> {
        let prefix = RowKey::new(state::TO_PUBLISH, Vec::new());
        let offers = state::list::<Offer>(&self.store, &prefix, "offer")?;
        if offers.is_empty() {
            return Ok(());
        }
        let mut delta = Delta::new();
        let mut key_packages = Vec::new();
        for (key, offer) in offers {
            delta.delete(RowKey::new(state::TO_PUBLISH, key));
            let kind = if offer.last_resort == 0 { KeyPackageKind::Normal } else { KeyPackageKind::LastResort };
            key_packages.push(KeyPackageOffer { kind, key_package: offer.message.to_bytes()?.into() });
        }
        self.api.publish(&PublishKeyPackages { key_packages }).await?;
        self.write(&delta)
    }
}

fn kind_byte(kind: KeyPackageKind) -> u8 {
    u8::from(kind == KeyPackageKind::LastResort)
}

fn in_stock(stock: &Stock, number: SuiteNumber) -> (u64, bool) {
    let suite = stock.suites.iter().find(|suite| suite.cipher_suite == number);
    suite.map_or((0, false), |suite| (suite.normal, suite.last_resort))
}

/// The key package in an MLSMessage.
pub(super) fn key_package_of(message: &[u8]) -> Option<cenacle_mls::wire::KeyPackage> {
    match MlsMessage::from_bytes(message).ok()?.body {
        MlsMessageBody::KeyPackage(key_package) => Some(key_package),
        MlsMessageBody::PublicMessage(_)
        | MlsMessageBody::PrivateMessage(_)
        | MlsMessageBody::Welcome(_)
        | MlsMessageBody::GroupInfo(_) => None,
    }
}
