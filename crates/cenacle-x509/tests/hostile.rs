//! Chains from members who mean harm: nothing panics, nothing damaged is believed, and no verdict takes long.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]
#![allow(clippy::std_instead_of_core, clippy::disallowed_methods, reason = "tests take the time")]

mod support;

use std::time::{Duration, Instant};

use cenacle_codec::Opaque;
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Verdict},
    wire::Credential,
};
use cenacle_x509::{Revocation, SoleName, X509Policy, credential, limits};
use proptest::prelude::*;
use rcgen::CustomExtension;

use crate::support::{Authority, ED25519, MemberKey, chain, day, policy, uri, valid, verdict, verdict_at};

struct Scene {
    policy: X509Policy<SoleName>,
    certificates: [Vec<u8>; 2],
    key: MemberKey,
}

impl Scene {
    fn new() -> Self {
        let root = Authority::root("root");
        let sub = root.sub("sub", |_| {});
        let key = MemberKey::new(1);
        let mut policy = policy(&root);
        policy.set_revocation([sub.revoke(&[200], 20), root.revoke(&[], 20)], Revocation::Required).unwrap();
        Self { policy, certificates: [sub.certify("alice", &key, |_| {}), sub.der], key }
    }

    fn verdict(&self, certificates: &[&[u8]]) -> Verdict {
        let credential = chain(certificates);
        assert_ne!(self.policy.at(ED25519, day(10)).identity(&credential), Opaque::EMPTY);
        verdict(&self.policy, &credential, &self.key)
    }
}

#[test]
fn every_damaged_bit_is_noticed() {
    let scene = Scene::new();
    let [alice, sub] = &scene.certificates;
    assert_eq!(scene.verdict(&[alice, sub]), Verdict::Accept);
    for which in 0..2 {
        let mut copies = scene.certificates.clone();
        for bit in 0..scene.certificates[which].len() * 8 {
            copies[which][bit / 8] ^= 1 << (bit % 8);
            let verdict = scene.verdict(&[&copies[0], &copies[1]]);
            assert!(matches!(verdict, Verdict::Refuse(_)), "bit {bit} of certificate {which}: {verdict:?}");
            copies[which][bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn what_is_cut_short_or_too_long_is_refused() {
    let scene = Scene::new();
    let [alice, sub] = &scene.certificates;
    for length in 0..alice.len() {
        assert_eq!(scene.verdict(&[&alice[..length], sub]), Verdict::Refuse(Distrust::Malformed));
    }
    for length in 0..sub.len() {
        assert!(matches!(scene.verdict(&[alice, &sub[..length]]), Verdict::Refuse(_)));
    }
    let longer = [alice.as_slice(), b"\0"].concat();
    assert_eq!(scene.verdict(&[&longer, sub]), Verdict::Refuse(Distrust::Malformed));
    assert!(matches!(scene.verdict(&[alice, &[sub.as_slice(), b"\0"].concat()]), Verdict::Refuse(_)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_no_certificate(garbage in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
        let scene = Scene::new();
        let garbage: Vec<&[u8]> = garbage.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(scene.verdict(&garbage), Verdict::Refuse(Distrust::Malformed));
        prop_assert!(credential(garbage).is_err());
    }

    #[test]
    fn damage_never_panics(
        edits in proptest::collection::vec((0..2_usize, any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let scene = Scene::new();
        let mut copies = scene.certificates.clone();
        for (which, at, byte, kind) in edits {
            let at = at.index(copies[which].len());
            match kind {
                0 => copies[which][at] = byte,
                1 => copies[which].insert(at, byte),
                _ => drop(copies[which].remove(at)),
            }
        }
        let verdict = scene.verdict(&[&copies[0], &copies[1]]);
        prop_assert!(copies == scene.certificates || verdict != Verdict::Accept);
    }
}

/// Many authorities of one name, so that paths can be tried in every order, each as long to read as it may be.
fn labyrinth(root: &Authority, key: &MemberKey, name: &str) -> Credential {
    let size = limits::MAX_CHAIN_BYTES / limits::MAX_CERTIFICATES - 700;
    let padding = |params: &mut rcgen::CertificateParams| {
        for n in 0..size / 16 {
            let oid = [1, 3, 6, 1, u64::try_from(n).unwrap() + 200];
            params.custom_extensions.push(CustomExtension::from_oid_content(&oid, vec![5, 0]));
        }
    };
    let outer = Authority::root(name);
    let subs: Vec<Authority> = (1..limits::MAX_CERTIFICATES).map(|_| outer.sub(name, padding)).collect();
    let alice = outer.certify("alice", key, |_| {});
    let mut certificates = vec![alice.as_slice()];
    certificates.extend(subs.iter().map(|sub| sub.der.as_slice()));
    // The root of that name is another, so every signature is in vain.
    assert_ne!(outer.der, root.der);
    chain(&certificates)
}

fn time(why: Distrust, verdict: impl Fn() -> Verdict) -> Duration {
    let start = Instant::now();
    let verdict = verdict();
    let elapsed = start.elapsed();
    assert_eq!(verdict, Verdict::Refuse(why));
    elapsed
}

#[test]
fn no_chain_takes_long() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let policy = policy(&root);
    // The bounds are generous, for slow machines: what they exclude is a search without end.
    for name in ["root", "nowhere"] {
        let credential = labyrinth(&root, &key, name);
        let took = time(Distrust::Untrusted, || verdict(&policy, &credential, &key));
        println!("labyrinth of {name}: {took:?}");
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    let many = root.certify("alice", &key, |params| {
        params.subject_alt_names = (0..2_000).map(|n| uri(&format!("mls:{n}"))).collect();
    });
    let took = time(Distrust::WrongIdentity, || verdict(&policy, &chain(&[&many]), &key));
    println!("many names: {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// An expired certificate that nobody asked for must not take the question back to a time when the lists were current.
#[test]
fn time_is_not_turned_back_for_revocation_lists() {
    let root = Authority::root("root");
    let sub = root.sub("sub", |_| {});
    let key = MemberKey::new(1);
    let mut policy = policy(&root);
    policy.set_revocation([sub.revoke(&[], 20), root.revoke(&[], 1_000)], Revocation::Required).unwrap();
    let alice = sub.certify("alice", &key, |_| {});
    let decoy = Authority::root("stranger").sub("sub", |params| valid(params, 0, 15));
    for certificates in [vec![&alice, &sub.der], vec![&alice, &sub.der, &decoy.der], vec![&alice, &decoy.der, &sub.der]]
    {
        let certificates: Vec<&[u8]> = certificates.into_iter().map(Vec::as_slice).collect();
        let credential = chain(&certificates);
        assert_eq!(verdict_at(&policy, Occasion::Add, 19, &credential, &key), Verdict::Accept);
        assert_eq!(verdict_at(&policy, Occasion::Add, 30, &credential, &key), Verdict::Unknown);
    }
}

/// A verdict costs as much as its own chain; run with `--nocapture` to see how much.
#[test]
fn verdicts_on_many_members() {
    let root = Authority::root("root");
    let sub = root.sub("sub", |_| {});
    let policy = policy(&root);
    let key = MemberKey::new(1);
    let credential = chain(&[&sub.certify("alice", &key, |_| {}), &sub.der]);
    let start = Instant::now();
    let members = 1_000;
    for _ in 0..members {
        assert_eq!(verdict(&policy, &credential, &key), Verdict::Accept);
    }
    println!("{:?} for each member", start.elapsed() / members);
}
