//! Who a certificate stands for, where it is wanted, and whom it may follow.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use cenacle_codec::{Encode, Opaque};
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::Credential,
};
use cenacle_x509::{EndEntity, NameMapping, SoleName, X509Policy};
use rcgen::{CertificateParams, DnType, DnValue};

use crate::support::{
    Authority, ED25519, MemberKey, chain, day, dns, email, policy, succession, uri, valid, verdict, verdict_at,
};

fn identity(names: SoleName, change: impl FnOnce(&mut CertificateParams)) -> Option<Vec<u8>> {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let credential = chain(&[&root.certify("alice", &key, change)]);
    let policy = X509Policy::new([&root.der], names).unwrap();
    let judge = policy.at(ED25519, day(10));
    let verdict = verdict(&policy, &credential, &key);
    if verdict == Verdict::Accept {
        return Some(judge.identity(&credential).into_vec());
    }
    assert_eq!(verdict, Verdict::Refuse(Distrust::WrongIdentity));
    assert_eq!(judge.identity(&credential).into_vec(), credential.to_bytes().unwrap(), "itself");
    None
}

#[test]
fn the_only_name_of_a_kind_is_the_identity() {
    let name = |names: SoleName, expected: Option<&[u8]>, change: fn(&mut CertificateParams)| {
        assert_eq!(identity(names, change).as_deref(), expected, "{names:?}");
    };
    name(SoleName::Uri, Some(b"mls:alice"), |_| {});
    name(SoleName::Uri, None, |params| params.subject_alt_names.push(uri("mls:alice2")));
    name(SoleName::Uri, None, |params| params.subject_alt_names.clear());
    name(SoleName::Uri, None, |params| params.subject_alt_names = vec![uri("")]);
    name(SoleName::Dns, Some(b"alice.example.org"), |_| {});
    name(SoleName::Dns, Some(b"alice"), |params| params.subject_alt_names = vec![dns("ALICE")]);
    name(SoleName::Dns, None, |params| params.subject_alt_names = vec![dns("*.example.org")]);
    name(SoleName::Email, None, |_| {});
    name(SoleName::Email, Some(b"a@b"), |params| params.subject_alt_names.push(email("a@b")));
    name(SoleName::CommonName, Some(b"alice"), |_| {});
    name(SoleName::CommonName, Some("Zoë\0".as_bytes()), |params| {
        params.distinguished_name.push(DnType::CommonName, "Zoë\0");
    });
    name(SoleName::CommonName, None, |params| {
        params.distinguished_name.remove(DnType::CommonName);
    });
    name(SoleName::CommonName, Some(b"bmp"), |params| {
        params.distinguished_name.push(DnType::CommonName, DnValue::BmpString("bmp".try_into().unwrap()));
    });
}

#[test]
fn a_successor_is_the_same_member() {
    let root = Authority::root("root");
    let policy = policy(&root);
    let (old_key, key) = (MemberKey::new(1), MemberKey::new(2));
    let old = chain(&[&root.certify("alice", &old_key, |params| valid(params, 0, 20))]);
    let renewed = chain(&[&root.certify("alice", &key, |_| {})]);
    let other = chain(&[&root.certify("bob", &key, |_| {})]);
    assert_eq!(succession(&policy, 10, &old, &renewed, &key), Verdict::Accept);
    assert_eq!(succession(&policy, 10, &old, &other, &key), Verdict::Refuse(Distrust::NotSuccessor));
    // RFC 9420 §5.3.2: "members SHOULD accept Update proposals and Commits issued by members with expired credentials, if the
    // credential in the Update or Commit is valid."
    let strict = support::policy(&root).with_expiry(cenacle_x509::Expiry::Strict);
    assert_eq!(succession(&strict, 90, &old, &renewed, &key), Verdict::Accept);
    assert_eq!(succession(&strict, 90, &renewed, &old, &old_key), Verdict::Refuse(Distrust::NotCurrent));
    for unrelated in [Credential::Basic(Opaque::from(&b"mls:alice"[..])), chain(&[]), chain(&[b"garbage"])] {
        let refused = succession(&policy, 10, &unrelated, &renewed, &key);
        assert_eq!(refused, Verdict::Refuse(Distrust::NotSuccessor));
    }
}

#[test]
fn a_renewed_certificate_is_the_same_identity() {
    let root = Authority::root("root");
    let policy = policy(&root);
    let judge = policy.at(ED25519, day(500));
    let old = chain(&[&root.certify("alice", &MemberKey::new(1), |_| {})]);
    let new = chain(&[&root.certify("alice", &MemberKey::new(2), |params| valid(params, 400, 900))]);
    assert_eq!(judge.identity(&old), Opaque::from(&b"mls:alice"[..]), "although it has expired");
    assert_eq!(judge.identity(&new), judge.identity(&old));
    let basic = Credential::Basic(Opaque::from(&b"mls:alice"[..]));
    assert_ne!(judge.identity(&basic), judge.identity(&old));
    assert_ne!(judge.identity(&chain(&[])), judge.identity(&chain(&[b""])));
}

/// Staff are known by their serial numbers, guests are not added to groups, and may stand in for nobody.
struct Staff;

impl NameMapping for Staff {
    fn identity(&self, certificate: &EndEntity<'_>) -> Option<Opaque> {
        assert!(!certificate.der().is_empty() && !certificate.serial_number().is_empty());
        assert!(certificate.subject_der().starts_with(&[0x30]));
        certificate.common_names().first().map(|name| Opaque::from(name.as_bytes()))
    }

    fn admits(&self, identity: &Opaque, presented: &Presented<'_>) -> bool {
        identity.as_slice() != b"guest" || presented.occasion == Occasion::Join
    }

    fn succeeds(&self, new: &Opaque, old: Option<&Opaque>, replaced: &Credential) -> bool {
        old == Some(new) || *replaced == Credential::Basic(new.clone())
    }
}

#[test]
fn the_application_decides_who_is_wanted() {
    let root = Authority::root("root");
    let policy = X509Policy::new([&root.der], Staff).unwrap();
    let key = MemberKey::new(1);
    let alice = chain(&[&root.certify("alice", &key, |_| {})]);
    let guest = chain(&[&root.certify("guest", &key, |_| {})]);
    assert_eq!(verdict(&policy, &alice, &key), Verdict::Accept);
    assert_eq!(verdict(&policy, &guest, &key), Verdict::Refuse(Distrust::WrongIdentity));
    assert_eq!(verdict_at(&policy, Occasion::Join, 10, &guest, &key), Verdict::Accept);
    let former = Credential::Basic(Opaque::from(&b"alice"[..]));
    assert_eq!(succession(&policy, 10, &former, &alice, &key), Verdict::Accept, "from basic to X.509");
    let other = Credential::Basic(Opaque::from(&b"bob"[..]));
    assert_eq!(succession(&policy, 10, &other, &alice, &key), Verdict::Refuse(Distrust::NotSuccessor));
}

#[test]
fn a_closure_is_a_mapping() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let known = |certificate: &EndEntity<'_>| {
        let mut uris = certificate.uris();
        uris.any(|uri| uri == "mls:alice").then(|| Opaque::from(&b"number 1"[..]))
    };
    let policy = X509Policy::new([&root.der], known).unwrap();
    let alice = chain(&[&root.certify("alice", &key, |_| {})]);
    let bob = chain(&[&root.certify("bob", &key, |_| {})]);
    assert_eq!(verdict(&policy, &alice, &key), Verdict::Accept);
    assert_eq!(policy.at(ED25519, 0).identity(&alice), Opaque::from(&b"number 1"[..]));
    assert_eq!(verdict(&policy, &bob, &key), Verdict::Refuse(Distrust::WrongIdentity));
}
