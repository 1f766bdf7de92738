//! Registration, bindings, tokens and rates.

use cenacle_crypto::SignaturePublicKey;
use cenacle_crypto_rustcrypto::SystemRng;
use cenacle_service::{
    ServiceConfig,
    wire::{
        AddBindings, BindingFault, BindingRequest, DeviceToken, NameFault, ProblemKind, RegisterAccount, RegisterDevice,
    },
};

use crate::support::{ED25519, NOW, P256, World, asking, fresh_signer, name, refusal, suite};

fn invalid(index: u64, reason: BindingFault) -> ProblemKind {
    ProblemKind::BindingInvalid { index, reason }
}

#[test]
fn a_binding_verifies_under_the_services_key_until_it_expires() {
    let world = World::new();
    let alice = world.register("alice");
    let devices = world.service.devices(&alice.bearer, &name("alice")).unwrap();
    let [device] = &devices.devices[..] else { panic!("{devices:?}") };
    let as_key = SignaturePublicKey(world.service.as_key().signature_key.as_slice().into());
    let signed = &device.bindings[0];
    let binding = signed.verify(&*suite(ED25519), &as_key, NOW).unwrap();
    assert_eq!((&binding.name, binding.device_id, binding.cipher_suite), (&alice.name, alice.id, ED25519));
    assert_eq!(&binding.signature_key, alice.signer.public_key());
    assert_eq!((binding.issued_at, signed.unverified()), (NOW, binding));

    let end = binding.not_after;
    assert_eq!(signed.verify(&*suite(ED25519), &as_key, end).unwrap().not_after, end);
    assert_eq!(signed.verify(&*suite(ED25519), &as_key, end + 1), Err(BindingFault::Expired));
    let other = fresh_signer(ED25519);
    let verdict = signed.verify(&*suite(ED25519), other.public_key(), NOW);
    assert_eq!(verdict, Err(BindingFault::BadSignature));
    let forged = cenacle_service::wire::SignedBinding::sign(binding.clone(), &*other).unwrap();
    assert_eq!(forged.verify(&*suite(ED25519), &as_key, NOW), Err(BindingFault::BadSignature));
}

#[test]
fn names_are_conservative() {
    let world = World::new();
    let signer = fresh_signer(ED25519);
    let register = |text: &str| {
        let request = RegisterAccount { name: text.into(), bindings: asking("alice", &*signer) };
        refusal(world.service.register_account(&request, &mut SystemRng, NOW))
    };
    assert_eq!(register(""), ProblemKind::NameInvalid { reason: NameFault::Empty });
    assert_eq!(register(&"a".repeat(65)), ProblemKind::NameInvalid { reason: NameFault::TooLong });
    for (text, found) in [("Alice", 'A'), ("al ice", ' '), ("аlice", 'а'), ("alice\n", '\n'), ("a/b", '/')] {
        assert_eq!(register(text), ProblemKind::NameInvalid { reason: NameFault::Character { found } });
    }
    let longest = "a.b_c-9".repeat(10).chars().take(64).collect::<String>();
    assert_eq!(world.register(&longest).name.as_str(), longest);
}

#[test]
fn the_first_to_ask_has_the_name() {
    let world = World::new();
    world.register("alice");
    let signer = fresh_signer(ED25519);
    let request = RegisterAccount { name: "alice".into(), bindings: asking("alice", &*signer) };
    let taken = ProblemKind::NameTaken { name: name("alice") };
    assert_eq!(refusal(world.service.register_account(&request, &mut SystemRng, NOW)), taken);
}

#[test]
fn registering_again_with_the_same_key_gives_a_fresh_token() {
    let world = World::new();
    let alice = world.register("alice");
    let request = RegisterAccount { name: "alice".into(), bindings: asking("alice", &*alice.signer) };
    let again = world.service.register_account(&request, &mut SystemRng, NOW).unwrap();
    assert_eq!(again.device_id, alice.id);
    assert_eq!(again.bindings.len(), 1);
    assert_eq!(refusal(world.service.authenticate(&alice.token, NOW)), ProblemKind::Unauthorized);
    assert_eq!(world.service.authenticate(&again.token, NOW).unwrap().device_id(), alice.id);
    assert_eq!(world.service.devices(&alice.bearer, &name("alice")).unwrap().devices.len(), 1);
}

#[test]
fn only_who_holds_a_key_can_have_it_bound() {
    let world = World::new();
    let mallory = fresh_signer(ED25519);
    let register = |account: &str, bindings: Vec<BindingRequest>| {
        let request = RegisterAccount { name: account.into(), bindings };
        refusal(world.service.register_account(&request, &mut SystemRng, NOW))
    };
    // A proof for another name, as overheard from a registration elsewhere.
    assert_eq!(register("bob", asking("alice", &*mallory)), invalid(0, BindingFault::OtherName));
    assert_eq!(register("bob", Vec::new()), invalid(0, BindingFault::NotOnePerSuite));
    let twice = [asking("bob", &*mallory), asking("bob", &*fresh_signer(ED25519))].concat();
    assert_eq!(register("bob", twice), invalid(1, BindingFault::NotOnePerSuite));
    let unknown = BindingRequest::new(name("bob"), cenacle_crypto::CipherSuite(0x0a0a), &*mallory).unwrap();
    assert_eq!(register("bob", vec![unknown]), invalid(0, BindingFault::UnknownSuite));
    // An Ed25519 signature is none of ECDSA P-256.
    let wrong = BindingRequest::new(name("bob"), P256, &*mallory).unwrap();
    assert_eq!(register("bob", vec![wrong]), invalid(0, BindingFault::BadSignature));

    let alice = world.register("alice");
    let stolen = asking("bob", &*alice.signer);
    let register = |bindings| {
        let request = RegisterAccount { name: "bob".into(), bindings };
        refusal(world.service.register_account(&request, &mut SystemRng, NOW))
    };
    assert_eq!(register(stolen), invalid(0, BindingFault::KeyOfOtherDevice));
}

#[test]
fn a_device_vouches_for_the_next_of_its_own_account_only() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let phone = world.register_beside(&alice);
    assert_ne!(phone.id, alice.id);
    let ids: Vec<_> =
        world.service.devices(&bob.bearer, &name("alice")).unwrap().devices.iter().map(|d| d.device_id).collect();
    assert_eq!(ids, [alice.id, phone.id]);
    let request = RegisterDevice { bindings: asking("alice", &*fresh_signer(ED25519)) };
    let refused = world.service.register_device(&bob.bearer, &alice.name, &request, &mut SystemRng, NOW);
    assert_eq!(refusal(refused), ProblemKind::Forbidden);
    let unknown = world.service.devices(&bob.bearer, &name("carol"));
    assert_eq!(refusal(unknown), ProblemKind::AccountUnknown { name: name("carol") });
}

#[test]
fn a_device_has_one_key_for_each_suite_and_renews_its_bindings() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let p256 = fresh_signer(P256);
    let add = |signer: &dyn cenacle_crypto::Signer, suite, now| {
        let bindings = vec![BindingRequest::new(name("alice"), suite, signer).unwrap()];
        world.service.add_bindings(&alice.bearer, &AddBindings { bindings }, now)
    };
    add(&*p256, P256, NOW).unwrap();
    assert_eq!(refusal(add(&*fresh_signer(P256), P256, NOW)), invalid(0, BindingFault::OtherKeyBound));
    assert_eq!(refusal(add(&*bob.signer, ED25519, NOW)), invalid(0, BindingFault::KeyOfOtherDevice));
    let renewed = add(&*alice.signer, ED25519, NOW + 1000).unwrap();
    assert_eq!(renewed.bindings[0].unverified().issued_at, NOW + 1000);
    let devices = world.service.devices(&bob.bearer, &name("alice")).unwrap();
    let suites: Vec<_> = devices.devices[0].bindings.iter().map(|b| b.unverified().cipher_suite).collect();
    assert_eq!(suites, [ED25519, P256]);
    assert_eq!(devices.devices[0].bindings[0], renewed.bindings[0]);
}

#[test]
fn a_token_is_all_or_nothing() {
    let world = World::new();
    let alice = world.register("alice");
    for position in [0, 15, 16, 47] {
        let mut bytes = *alice.token.expose();
        bytes[position] ^= 1;
        let token = DeviceToken::from(bytes);
        assert_eq!(refusal(world.service.authenticate(&token, NOW)), ProblemKind::Unauthorized);
    }
    assert_eq!(world.service.authenticate(&alice.token, NOW).unwrap().name(), &alice.name);
}

#[test]
fn requests_are_counted_by_device() {
    let mut config = ServiceConfig::default();
    config.limits.burst_requests = 3;
    config.limits.requests_per_second = 2;
    let world = World::with(config);
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let left = |now| (0..10).take_while(|_| world.service.authenticate(&alice.token, now).is_ok()).count();
    assert_eq!(left(NOW), 2, "one was spent by registering");
    assert_eq!(left(NOW + 1), 2);
    assert_eq!(left(NOW), 0, "a clock that goes back gives nothing");
    assert_eq!(left(NOW + 1000), 3, "a bucket is never fuller than full");
    let limited = ProblemKind::RateLimited { retry_after_seconds: 1 };
    assert_eq!(refusal(world.service.authenticate(&alice.token, NOW + 1000)), limited);
    assert!(world.service.authenticate(&bob.token, NOW).is_ok(), "another's bucket is another's");
}

#[test]
fn the_services_key_outlives_them() {
    use alloc::sync::Arc;
    use cenacle_crypto_rustcrypto::RustCryptoProvider;
    use cenacle_service::{Service, storage::MemoryStorage};
    let storage = Arc::new(MemoryStorage::new(&mut SystemRng).unwrap());
    let start = || {
        let provider = Arc::new(RustCryptoProvider);
        Service::new(Arc::clone(&storage) as _, provider, Arc::new(()), ServiceConfig::default(), &mut SystemRng)
    };
    assert_eq!(start().unwrap().as_key(), start().unwrap().as_key());
}
