//! What may be published, and what is handed out.

use cenacle_crypto::Signer;
use cenacle_mls::wire::{LeafNodeSource, Lifetime};
use cenacle_service::{
    ServiceConfig,
    wire::{
        Base64Url, KeyPackageFault, KeyPackageKind, KeyPackageOffer, ProblemKind, PublishKeyPackages, SuiteNumber,
        TakeKeyPackages,
    },
};

use crate::{
    forge::{self, Offer},
    support::{Device, ED25519, NOW, P256, World, fresh_signer, refusal},
};

fn publish(packages: impl IntoIterator<Item = Base64Url>) -> PublishKeyPackages {
    let offer = |key_package| KeyPackageOffer { kind: KeyPackageKind::Normal, key_package };
    PublishKeyPackages { key_packages: packages.into_iter().map(offer).collect() }
}

fn take(world: &World, who: &Device, of: &Device) -> Result<Vec<Base64Url>, ProblemKind> {
    let request = TakeKeyPackages { cipher_suite: ED25519.into(), device_id: None };
    let taken = world.service.take_key_packages(&who.bearer, &of.name, &request, NOW);
    match taken {
        Ok(taken) => Ok(taken.key_packages.into_iter().map(|taken| taken.key_package).collect()),
        Err(error) => Err(refusal::<()>(Err(error))),
    }
}

// RFC 9420 §16.8.
#[test]
fn a_good_one_is_handed_out_once_then_the_last_resort() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let [one, two] = [1, 2].map(|salt| Offer::good(NOW, salt).sign(&*alice.signer));
    let last = Offer::good(NOW, 3).sign(&*alice.signer);
    let mut request = publish([one.clone(), two.clone(), last.clone()]);
    request.key_packages[2].kind = KeyPackageKind::LastResort;
    let stock = world.service.publish_key_packages(&alice.bearer, request.clone(), NOW).unwrap();
    assert_eq!((stock.suites[0].cipher_suite, stock.suites[0].normal), (SuiteNumber(1), 2));
    assert!(stock.suites[0].last_resort);
    assert_eq!(take(&world, &bob, &alice), Ok(vec![one]));
    world.service.publish_key_packages(&alice.bearer, request, NOW).unwrap();
    assert_eq!(take(&world, &bob, &alice), Ok(vec![two]));
    assert_eq!(take(&world, &bob, &alice), Ok(vec![last.clone()]));
    assert_eq!(take(&world, &bob, &alice), Ok(vec![last]));
    assert_eq!(world.service.key_package_stock(&alice.bearer, NOW).unwrap().suites[0].normal, 0);
}

#[test]
fn one_of_every_device_but_the_takers_own() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let (phone, idle) = (world.register_beside(&alice), world.register_beside(&alice));
    for device in [&alice, &phone] {
        let offered = (1..=3).map(|salt| Offer::good(NOW, salt).sign(&*device.signer));
        world.service.publish_key_packages(&device.bearer, publish(offered), NOW).unwrap();
    }
    let ask = |who: &Device, device_id| {
        let request = TakeKeyPackages { cipher_suite: ED25519.into(), device_id };
        world.service.take_key_packages(&who.bearer, &alice.name, &request, NOW)
    };
    let taken = ask(&bob, None).unwrap();
    assert_eq!(taken.key_packages.iter().map(|taken| taken.device_id).collect::<Vec<_>>(), [alice.id, phone.id]);
    assert_eq!(taken.exhausted, [idle.id]);
    let taken = ask(&alice, None).unwrap();
    assert_eq!(taken.key_packages.iter().map(|taken| taken.device_id).collect::<Vec<_>>(), [phone.id]);
    assert_eq!(ask(&bob, Some(phone.id)).unwrap().key_packages.len(), 1);
    let exhausted = ProblemKind::KeypackagesExhausted { devices: vec![idle.id] };
    assert_eq!(refusal(ask(&bob, Some(idle.id))), exhausted);
    assert_eq!(refusal(ask(&bob, Some(bob.id))), ProblemKind::DeviceUnknown { devices: vec![bob.id] });
    let request = TakeKeyPackages { cipher_suite: P256.into(), device_id: None };
    let other_suite = world.service.take_key_packages(&bob.bearer, &alice.name, &request, NOW);
    let all = vec![alice.id, phone.id, idle.id];
    assert_eq!(refusal(other_suite), ProblemKind::KeypackagesExhausted { devices: all });
}

#[test]
fn every_fault_is_told() {
    let mut config = ServiceConfig::default();
    config.limits.key_packages = 2;
    let world = World::with(config);
    let alice = world.register("alice");
    let good = |salt| Offer::good(NOW, salt).sign(&*alice.signer);
    let lifetime = |not_before, not_after| {
        let source = LeafNodeSource::KeyPackage(Lifetime { not_before, not_after });
        Offer { source, ..Offer::good(NOW, 9) }.sign(&*alice.signer)
    };
    let sign = |offer: Offer, signer: &dyn Signer| offer.sign(signer);
    let long = config.limits.key_package_lifetime_seconds;
    let cases = [
        (Base64Url::from(vec![1, 2, 3]), KeyPackageFault::NotDecodable),
        (forge::welcome(1), KeyPackageFault::NotDecodable),
        (sign(Offer::good(NOW, 9), &*fresh_signer(ED25519)), KeyPackageFault::OtherKey),
        (sign(Offer { suite: P256, ..Offer::good(NOW, 9) }, &*alice.signer), KeyPackageFault::OtherKey),
        (
            sign(Offer { source: LeafNodeSource::Update, ..Offer::good(NOW, 9) }, &*alice.signer),
            KeyPackageFault::NoLifetime,
        ),
        (lifetime(NOW - 10, NOW - 1), KeyPackageFault::NotValidNow),
        (lifetime(NOW + 301, NOW + 1000), KeyPackageFault::NotValidNow),
        (lifetime(NOW + 10, NOW), KeyPackageFault::NotValidNow),
        (lifetime(NOW, NOW + long + 1), KeyPackageFault::LifetimeTooLong),
        (lifetime(0, u64::MAX), KeyPackageFault::LifetimeTooLong),
        (sign(Offer { spoiled: true, ..Offer::good(NOW, 9) }, &*alice.signer), KeyPackageFault::BadSignature),
    ];
    for (case, (package, reason)) in cases.into_iter().enumerate() {
        let published = world.service.publish_key_packages(&alice.bearer, publish([good(1), package]), NOW);
        let invalid = ProblemKind::KeyPackageInvalid { index: 1, reason };
        assert_eq!(refusal(published), invalid, "case {case}");
    }
    let published = world.service.publish_key_packages(&alice.bearer, publish([good(2), good(3), good(4)]), NOW);
    let full = ProblemKind::KeyPackageInvalid { index: 2, reason: KeyPackageFault::StockFull };
    assert_eq!(refusal(published), full);
}
