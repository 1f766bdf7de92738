//! Offers to be added while offline: enough key packages in stock at the service, and a last resort (RFC 9750 §5.1).
//! A key package is stored before it is published, and published from where it was stored.

use cenacle_codec::{Decode, Encode};
use cenacle_mls::{
    delta::{Delta, RowKey},
    group::OwnKeyPackage,
    wire::{KeyPackageRef, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_service::wire::{
    Base64Url, KeyPackageFault, KeyPackageKind, KeyPackageOffer, Problem, ProblemKind, PublishKeyPackages, Stock,
    SuiteNumber,
};

use super::{Engine, now_seconds};
use crate::{
    Error,
    state::{self, Offer, Withdrawal},
};

/// Fewer normal ones than this are too few.
const LEAST: u64 = 10;
/// How many there are after replenishing.
const FULL: u64 = 20;
/// How long a key package is good for, in seconds: 28 days.
const LIFETIME_SECONDS: u64 = 28 * 24 * 3600;
/// How far clocks may disagree, in seconds: an hour.
const CLOCK_SKEW_SECONDS: u64 = 3600;
/// How long the private keys of a key package are kept after its time is over, or after another took its place as the last
/// resort, in seconds: 7 days. The Welcome may have been made before that, and arrive later.
const GRACE_SECONDS: u64 = 7 * 24 * 3600;
/// All that is offered is withdrawn no more often than this, in seconds: once a day. Anybody can send a Welcome that is for
/// no key package of this device.
const WITHDRAWAL_PAUSE_SECONDS: u64 = 24 * 3600;

/// A lifetime that begins now.
pub(super) fn lifetime() -> Lifetime {
    let now = now_seconds();
    Lifetime { not_before: now.saturating_sub(CLOCK_SKEW_SECONDS), not_after: now.saturating_add(LIFETIME_SECONDS) }
}

/// A key package that waits to be published.
#[derive(Debug)]
struct Offered {
    /// Where it waits.
    row: RowKey,
    kind: KeyPackageKind,
    reference: KeyPackageRef,
    lifetime: Lifetime,
    message: Base64Url,
}

impl Engine {
    /// Publishes as many key packages as are missing, and erases the private keys of those that have had their time. What is
    /// in the queue is read before: it may have waited for long.
    pub(super) async fn replenish(&mut self) -> Result<(), Error> {
        self.forget_old_keys()?;
        // What of these the service does not take is missing, and made anew.
        drop(self.publish_offers().await?);
        let (mut stock, mut refused) = (self.api.stock().await?, None);
        let number = SuiteNumber::from(self.me()?.account.cipher_suite);
        if self.must_withdraw(in_stock(&stock, number))? {
            match self.withdraw_offers().await {
                Ok(left) => stock = left,
                Err(Error::Refused(problem)) => refused = Some(problem),
                Err(error) => return Err(error),
            }
        }
        let (normal, last_resort) = in_stock(&stock, number);
        if normal < LEAST {
            for _ in normal..FULL {
                self.offer(KeyPackageKind::Normal)?;
            }
        }
        if !last_resort {
            self.offer(KeyPackageKind::LastResort)?;
        }
        let refused = self.publish_offers().await?.or(refused);
        refused.map_or(Ok(()), |problem| Err(Error::Refused(problem)))
    }

    /// Whether what the service hands out of this device should not be, since a private key turned out to be missing, or there
    /// are fewer here than there.
    fn must_withdraw(&self, (normal, last_resort): (u64, bool)) -> Result<bool, Error> {
        let (mut own_normal, mut own_last_resort) = (0u64, false);
        for (reference, own) in OwnKeyPackage::list(&self.store)? {
            if !own.is_last_resort() {
                own_normal = own_normal.saturating_add(1);
            } else if self.superseded(&reference)?.is_none() {
                own_last_resort = true;
            }
        }
        let is_short = normal > own_normal || (last_resort && !own_last_resort);
        let Withdrawal { wanted, at } = self.withdrawal()?;
        let since = now_seconds().checked_sub(at);
        Ok((is_short || wanted != 0) && since.is_none_or(|since| since >= WITHDRAWAL_PAUSE_SECONDS))
    }

    fn withdrawal(&self) -> Result<Withdrawal, Error> {
        Ok(state::find(&self.store, &withdrawal_row(), "withdrawal")?.unwrap_or_default())
    }

    fn write_withdrawal(&mut self, withdrawal: &Withdrawal) -> Result<(), Error> {
        let mut delta = Delta::new();
        state::put(&mut delta, withdrawal_row(), withdrawal)?;
        self.write(&delta)
    }

    /// Has all that is offered withdrawn and made anew with the next replenishing.
    pub(super) fn want_withdrawal(&mut self) -> Result<(), Error> {
        let withdrawal = self.withdrawal()?;
        if withdrawal.wanted != 0 { Ok(()) } else { self.write_withdrawal(&Withdrawal { wanted: 1, ..withdrawal }) }
    }

    /// Withdraws all that is offered. Welcomes by what was handed out before can still come, so its private keys stay.
    async fn withdraw_offers(&mut self) -> Result<Stock, Error> {
        let left = self.api.withdraw().await?;
        self.write_withdrawal(&Withdrawal { wanted: 0, at: now_seconds() })?;
        Ok(left)
    }

    /// Makes a key package, to be published with the next ones.
    pub(super) fn offer(&mut self, kind: KeyPackageKind) -> Result<(), Error> {
        self.offer_for(kind, lifetime())
    }

    /// Makes one with this lifetime.
    pub(super) fn offer_for(&mut self, kind: KeyPackageKind, lifetime: Lifetime) -> Result<(), Error> {
        let me = self.me.as_ref().ok_or(Error::NotRegistered)?;
        let is_last_resort = kind == KeyPackageKind::LastResort;
        let mut made = me.mls.key_package(lifetime, is_last_resort, &mut self.rng)?;
        // Any key that no other offer has serves: the offer's row is erased as soon as it is published.
        let mut name = [0; 16];
        cenacle_crypto::Rng::fill(&mut self.rng, &mut name)?;
        made.store_as(RowKey::new(state::TO_PUBLISH, name), &state::header(&kind_byte(kind))?)?;
        made.persist(&mut self.store)?;
        Ok(())
    }

    /// Publishes what is stored for it, and says what the service had against some of it, which is erased: it takes all or none,
    /// and one that it does not take must not stop the others for ever. Without an answer all stay for the next time. Publishing
    /// twice changes nothing.
    async fn publish_offers(&mut self) -> Result<Option<Box<Problem>>, Error> {
        let mut refused = None;
        loop {
            let offers = self.offers_in_time()?;
            if offers.is_empty() {
                return Ok(refused);
            }
            let offered = |offer: &Offered| KeyPackageOffer { kind: offer.kind, key_package: offer.message.clone() };
            let key_packages = offers.iter().map(offered).collect();
            match self.api.publish(&PublishKeyPackages { key_packages }).await {
                Ok(_) => {
                    self.note_published(&offers)?;
                    return Ok(refused);
                }
                Err(Error::Refused(problem)) if is_about_offers(&problem) => {
                    self.erase_offers(not_taken(&offers, &problem))?;
                    // To have enough is no failure.
                    refused = refused.or(Some(problem).filter(|problem| !is_full(problem)));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What waits to be published and can be, in the order in which it was made. What cannot waits no more.
    fn offers_in_time(&mut self) -> Result<Vec<Offered>, Error> {
        let (now, mut late) = (now_seconds(), Delta::new());
        let (mut early, mut offers) = (Vec::new(), Vec::new());
        for offer in self.offers()? {
            if now > offer.lifetime.not_after {
                // It may have been published before a crash: its private keys go when those of all others of its age do.
                late.delete(offer.row);
            } else if now < offer.lifetime.not_before {
                early.push(offer);
            } else {
                offers.push(offer);
            }
        }
        self.write(&late)?;
        // By a clock that was ahead. Nobody can have one.
        self.erase_offers(&early)?;
        offers.sort_by_key(|offer| offer.lifetime.not_before);
        Ok(offers)
    }

    fn offers(&self) -> Result<Vec<Offered>, Error> {
        let suite = self.me()?.mls.suite();
        let prefix = RowKey::new(state::TO_PUBLISH, Vec::new());
        let offers = state::list::<Offer>(&self.store, &prefix, "offer")?.into_iter();
        let read = |(key, offer): (Vec<u8>, Offer)| {
            let MlsMessageBody::KeyPackage(key_package) = &offer.message.body else {
                return Err(Error::Corrupt("offer"));
            };
            Ok(Offered {
                row: RowKey::new(state::TO_PUBLISH, key),
                kind: if offer.last_resort == 0 { KeyPackageKind::Normal } else { KeyPackageKind::LastResort },
                reference: key_package.reference(suite)?,
                lifetime: key_package.lifetime().ok_or(Error::Corrupt("offer"))?,
                message: offer.message.to_bytes()?.into(),
            })
        };
        offers.map(read).collect()
    }

    /// Notes that these wait no more. The service keeps one last resort, the last that it was given.
    fn note_published(&mut self, offers: &[Offered]) -> Result<(), Error> {
        let mut delta = Delta::new();
        for offer in offers {
            delta.delete(offer.row.clone());
        }
        if let Some(present) = offers.iter().rfind(|offer| offer.kind == KeyPackageKind::LastResort) {
            for (reference, own) in OwnKeyPackage::list(&self.store)? {
                let is_replaced = own.is_last_resort() && reference != present.reference;
                if is_replaced && self.superseded(&reference)?.is_none() {
                    state::put(&mut delta, superseded_row(&reference), &now_seconds())?;
                }
            }
        }
        self.write(&delta)
    }

    /// When another took the place of this one.
    fn superseded(&self, reference: &KeyPackageRef) -> Result<Option<u64>, Error> {
        state::find(&self.store, &superseded_row(reference), "superseded")
    }

    /// Erases the private keys that no Welcome under way can be for any more: whoever came by the state file could open all that
    /// were ever made for them.
    fn forget_old_keys(&mut self) -> Result<(), Error> {
        let now = now_seconds();
        let mut delta = Delta::new();
        for (reference, own) in OwnKeyPackage::list(&self.store)? {
            let ended = own.key_package().lifetime().map(|lifetime| lifetime.not_after);
            let mut ends = ended.into_iter().chain(self.superseded(&reference)?);
            if ends.any(|end| now.saturating_sub(end) > GRACE_SECONDS) {
                OwnKeyPackage::erase(&reference, &mut delta);
                delta.delete(superseded_row(&reference));
            }
        }
        self.write(&delta)
    }

    /// Erases what nobody has, with its private keys.
    fn erase_offers(&mut self, offers: &[Offered]) -> Result<(), Error> {
        let mut delta = Delta::new();
        for offer in offers {
            delta.delete(offer.row.clone());
            OwnKeyPackage::erase(&offer.reference, &mut delta);
        }
        self.write(&delta)
    }
}

fn withdrawal_row() -> RowKey {
    RowKey::new(state::WITHDRAWAL, Vec::new())
}

fn superseded_row(reference: &KeyPackageRef) -> RowKey {
    RowKey::new(state::SUPERSEDED, reference.0.as_slice())
}

/// Whether a refusal is about what was to be published, so that the same would be refused again.
fn is_about_offers(problem: &Problem) -> bool {
    matches!(problem.kind, ProblemKind::KeyPackageInvalid { .. }) || matches!(problem.status, 400 | 413 | 422)
}

const fn is_full(problem: &Problem) -> bool {
    matches!(problem.kind, ProblemKind::KeyPackageInvalid { reason: KeyPackageFault::StockFull, .. })
}

/// What a refusal is about. They are all of one making: what is wrong with one is wrong with the next.
fn not_taken<'a>(offers: &'a [Offered], problem: &Problem) -> &'a [Offered] {
    let ProblemKind::KeyPackageInvalid { index, reason: KeyPackageFault::StockFull } = problem.kind else {
        return offers;
    };
    // There is room for those before it.
    let rest = usize::try_from(index).ok().and_then(|index| offers.get(index..));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(offers)
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
