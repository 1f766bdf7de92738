//! How long a leaf lives (RFC 9420 §7.2, §7.3).

use cenacle_mls::limits::Limits;
use cenacle_testkit::world::NOW_SECONDS;

use super::{super::common::*, erin};

/// A key package of a stranger's with this lifetime.
fn living(trial: &Trial, not_before: u64, not_after: u64) -> KeyPackage {
    let mut mallory = Insider::nobody(&trial.alice.suite, "mallory", not_after ^ not_before);
    mallory.key_package_with(|leaf| leaf.source = Source::KeyPackage(Lifetime { not_before, not_after }), |_| ())
}

/// §7.2: A lifetime is no longer than the application allows.
#[test]
fn r098_lifetime_without_bound() {
    let mut trial = Trial::new(98);
    let (limit, erin) = (Limits::default().lifetime_seconds, erin(&mut trial));
    for (not_before, not_after) in [(0, 1 << 63), (0, u64::MAX), (0, limit + 1), (7, limit + 8), (NOW_SECONDS, 5)] {
        let bad = living(&trial, not_before, not_after);
        trial.refuses_key_package(&bad, Rule::LifetimeBounded);
        let alone = trial.alice.make(Plan::proposal(Proposal::add(&bad)));
        trial.refuses(&alone, Rule::LifetimeBounded);
        let bad = trial.alice.make(Plan::commit().with([&erin, &bad].map(Proposal::add)));
        trial.refuses(&bad, Rule::LifetimeBounded);
        trial.refuses_welcome("erin", bad.welcome(), Rule::LifetimeBounded);
        trial.refuses_group_info("erin", &bad.next().group_info, Rule::LifetimeBounded);
    }
    let twin = living(&trial, 7, limit + 7);
    let twin = trial.alice.make(Plan::commit().with([&erin, &twin].map(Proposal::add)));
    trial.joins("erin", &twin);
}

/// §7.2, §7.3: Whoever sends a leaf has seen that it is alive.
#[test]
fn r099_expired_key_package_is_added() {
    let mut trial = Trial::new(99);
    for (not_before, not_after) in [(0, NOW_SECONDS - 1), (NOW_SECONDS + 1, NOW_SECONDS + 100)] {
        let bad = living(&trial, not_before, not_after);
        trial.refuses_key_package(&bad, Rule::LifetimeCurrent);
    }
    let twin = living(&trial, NOW_SECONDS, NOW_SECONDS);
    trial.adds(&twin);
}
