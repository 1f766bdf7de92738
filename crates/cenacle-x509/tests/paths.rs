//! Which chains are believed: roots, time, keys, purposes, constraints and revocation.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use cenacle_codec::Opaque;
use cenacle_mls::{
    Distrust,
    group::{Occasion, Verdict},
    wire::{Credential, CredentialType},
};
use cenacle_x509::{Error, Expiry, Purpose, Revocation, SoleName, X509Policy, credential, limits};
use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints,
    SerialNumber,
};

use crate::support::{Authority, GRACE_SECONDS, MemberKey, chain, email, ip, policy, uri, valid, verdict, verdict_at};

const ACCEPT: Verdict = Verdict::Accept;

const fn refuse(why: Distrust) -> Verdict {
    Verdict::Refuse(why)
}

#[test]
fn a_chain_to_a_root_is_believed() {
    let root = Authority::root("root");
    let sub = root.sub("sub", |_| {});
    let policy = policy(&root);
    let key = MemberKey::new(1);
    let direct = root.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy, &chain(&[&direct]), &key), ACCEPT);
    assert_eq!(verdict(&policy, &chain(&[&direct, &root.der]), &key), ACCEPT, "with the root");
    let below = sub.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy, &chain(&[&below, &sub.der]), &key), ACCEPT, "below another authority");
    assert_eq!(verdict(&policy, &chain(&[&below]), &key), refuse(Distrust::Untrusted), "that is not shown");
    let bare = root.certify("alice", &key, |params| {
        params.key_usages.clear();
        params.extended_key_usages.clear();
    });
    assert_eq!(verdict(&policy, &chain(&[&bare]), &key), ACCEPT, "for no particular use");
}

#[test]
fn other_roots_are_not_believed() {
    let key = MemberKey::new(1);
    let (root, namesake) = (Authority::root("root"), Authority::root("root"));
    let foreign = namesake.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy(&root), &chain(&[&foreign]), &key), refuse(Distrust::Untrusted), "of the same name");
    assert_eq!(verdict(&policy(&root), &chain(&[&foreign, &namesake.der]), &key), refuse(Distrust::Untrusted));
    let stranger = Authority::root("stranger").certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy(&root), &chain(&[&stranger]), &key), refuse(Distrust::Untrusted));
    let nobody = X509Policy::new(<[&[u8]; 0]>::default(), SoleName::Uri).unwrap();
    assert_eq!(verdict(&nobody, &chain(&[&foreign]), &key), refuse(Distrust::Untrusted), "no roots at all");
    let certificate = chain(&[&root.certify("alice", &key, |_| {})]);
    let nothing = X509Policy::with_algorithms([&root.der], SoleName::Uri, &[]).unwrap();
    assert_eq!(verdict(&nothing, &certificate, &key), refuse(Distrust::Untrusted), "no algorithms at all");
}

#[test]
fn an_authority_must_be_one() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let not = root.sub("not", |params| params.is_ca = IsCa::NoCa);
    let certificate = not.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy(&root), &chain(&[&certificate, &not.der]), &key), refuse(Distrust::Untrusted));
    let authority = root.certify("alice", &key, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(verdict(&policy(&root), &chain(&[&authority]), &key), refuse(Distrust::Untrusted), "and a member none");
}

#[test]
fn paths_are_as_long_as_authorities_allow() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let last = root.sub("last", |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let beyond = last.sub("beyond", |_| {});
    let good = last.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy(&root), &chain(&[&good, &last.der]), &key), ACCEPT);
    let bad = beyond.certify("alice", &key, |_| {});
    let bad = chain(&[&bad, &beyond.der, &last.der]);
    assert_eq!(verdict(&policy(&root), &bad, &key), refuse(Distrust::Untrusted));
}

#[test]
fn authorities_name_only_whom_they_may() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let permitted = |permitted: GeneralSubtree| {
        root.sub("sub", |params| {
            params.name_constraints =
                Some(NameConstraints { permitted_subtrees: vec![permitted], excluded_subtrees: Vec::new() });
        })
    };
    let policy = policy(&root);
    let ours = permitted(GeneralSubtree::DnsName("example.org".into()));
    let alice = ours.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy, &chain(&[&alice, &ours.der]), &key), ACCEPT);
    let theirs = permitted(GeneralSubtree::DnsName("example.com".into()));
    let alice = theirs.certify("alice", &key, |_| {});
    assert_eq!(verdict(&policy, &chain(&[&alice, &theirs.der]), &key), refuse(Distrust::Untrusted));
    let mail = permitted(GeneralSubtree::Rfc822Name("example.org".into()));
    let alice = mail.certify("alice", &key, |params| params.subject_alt_names.push(email("alice@example.org")));
    let refused = verdict(&policy, &chain(&[&alice, &mail.der]), &key);
    assert_eq!(refused, refuse(Distrust::Untrusted), "what is not understood is not granted");
}

#[test]
fn keys_are_the_certified_ones() {
    let root = Authority::root("root");
    let (key, other) = (MemberKey::new(1), MemberKey::new(2));
    let credential = chain(&[&root.certify("alice", &key, |_| {})]);
    assert_eq!(verdict(&policy(&root), &credential, &other), refuse(Distrust::WrongKey));
    let short = MemberKey { public: cenacle_crypto::SignaturePublicKey(Opaque::from(&[1; 31])), ..key };
    assert_eq!(verdict(&policy(&root), &credential, &short), refuse(Distrust::WrongKey));
}

#[test]
fn keys_that_may_not_sign_are_not_believed() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let usages = |usages: &[KeyUsagePurpose]| {
        verdict(&policy(&root), &chain(&[&root.certify("alice", &key, |p| p.key_usages = usages.to_vec())]), &key)
    };
    assert_eq!(usages(&[KeyUsagePurpose::KeyAgreement]), refuse(Distrust::Untrusted));
    assert_eq!(usages(&[KeyUsagePurpose::ContentCommitment]), refuse(Distrust::Untrusted));
    assert_eq!(usages(&[KeyUsagePurpose::KeyAgreement, KeyUsagePurpose::DigitalSignature]), ACCEPT);
}

#[test]
fn purposes_are_as_asked_for() {
    let root = Authority::root("root");
    let sub = root.sub("sub", |_| {});
    let key = MemberKey::new(1);
    let ask = |purpose, given: &[ExtendedKeyUsagePurpose]| {
        let certificate = sub.certify("alice", &key, |params| params.extended_key_usages = given.to_vec());
        verdict(&policy(&root).with_purpose(purpose), &chain(&[&certificate, &sub.der]), &key)
    };
    let untrusted = refuse(Distrust::Untrusted);
    let server = [ExtendedKeyUsagePurpose::ServerAuth];
    let both = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    assert_eq!(ask(Purpose::default(), &server), untrusted);
    assert_eq!(ask(Purpose::default(), &both), ACCEPT);
    assert_eq!(ask(Purpose::default(), &[]), ACCEPT);
    assert_eq!(ask(Purpose::Any, &server), ACCEPT);
    let required = Purpose::Required(Purpose::IM_URI);
    assert_eq!(ask(required, &[]), untrusted);
    assert_eq!(ask(required, &both), untrusted);
    let im_uri = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 40]);
    assert_eq!(ask(required, &[im_uri]), ACCEPT, "although the authority lists none");
    assert_eq!(ask(Purpose::Required(Purpose::EMAIL_PROTECTION), &[ExtendedKeyUsagePurpose::EmailProtection]), ACCEPT);
}

#[test]
fn what_is_critical_and_not_understood_is_refused() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let certificate = root.certify("alice", &key, |params| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    });
    assert_eq!(verdict(&policy(&root), &chain(&[&certificate]), &key), refuse(Distrust::Untrusted));
}

/// What each setting says of a certificate that ends on day 100.
#[test]
fn expired_certificates_are_believed_as_configured() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let credential = chain(&[&root.certify("alice", &key, |_| {})]);
    let on = |expiry, occasion, day| verdict_at(&policy(&root).with_expiry(expiry), occasion, day, &credential, &key);
    let gone = refuse(Distrust::NotCurrent);
    let members = Expiry::Members { grace_seconds: GRACE_SECONDS };
    let late = Expiry::Late { grace_seconds: GRACE_SECONDS };
    assert_eq!(Expiry::default(), late);
    for occasion in [Occasion::Join, Occasion::Add, Occasion::KeyPackage] {
        assert_eq!(on(Expiry::Strict, occasion, 100), ACCEPT);
        assert_eq!(on(Expiry::Strict, occasion, 101), gone);
    }
    assert_eq!(on(members, Occasion::Join, 101), ACCEPT);
    assert_eq!(on(members, Occasion::Join, 190), ACCEPT);
    assert_eq!(on(members, Occasion::Join, 191), gone);
    for occasion in [Occasion::Add, Occasion::Update, Occasion::Commit, Occasion::ExternalCommit] {
        assert_eq!(on(members, occasion, 100), ACCEPT);
        assert_eq!(on(members, occasion, 101), gone);
        assert_eq!(on(late, occasion, 190), ACCEPT);
        assert_eq!(on(late, occasion, 191), gone);
    }
    for setting in [members, late] {
        assert_eq!(on(setting, Occasion::ExternalSender, 190), ACCEPT);
        assert_eq!(on(setting, Occasion::ExternalSender, 191), gone);
    }
    assert_eq!(on(late, Occasion::Join, 190), ACCEPT);
    assert_eq!(on(late, Occasion::KeyPackage, 101), gone, "who is added now is current now");
}

#[test]
fn what_is_not_valid_yet_is_not_believed() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let early = chain(&[&root.certify("alice", &key, |params| valid(params, 20, 100))]);
    assert_eq!(verdict_at(&policy(&root), Occasion::Join, 19, &early, &key), refuse(Distrust::NotCurrent));
    assert_eq!(verdict_at(&policy(&root), Occasion::Join, 20, &early, &key), ACCEPT);
}

/// There must have been a moment when the whole chain was valid.
#[test]
fn grace_reaches_back_to_one_moment_for_the_whole_chain() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let sub = |from, to| root.sub("sub", |params| valid(params, from, to));
    let ask = |sub: &Authority, from, to, day| {
        let certificate = sub.certify("alice", &key, |params| valid(params, from, to));
        verdict_at(&policy(&root), Occasion::Join, day, &chain(&[&certificate, &sub.der]), &key)
    };
    assert_eq!(ask(&sub(0, 50), 0, 60, 70), ACCEPT, "both have expired");
    assert_eq!(ask(&sub(0, 60), 0, 50, 70), ACCEPT, "in any order");
    assert_eq!(ask(&sub(0, 50), 51, 60, 55), refuse(Distrust::NotCurrent), "issued after the authority's end");
    assert_eq!(ask(&sub(0, 50), 51, 60, 70), refuse(Distrust::NotCurrent), "even if both have expired");
    assert_eq!(ask(&sub(0, 10), 0, 101, 101), refuse(Distrust::NotCurrent), "one of them too long ago");
}

#[test]
fn revoked_certificates_are_not_believed() {
    let root = Authority::root("root");
    let sub = root.sub("sub", |params| params.serial_number = Some(SerialNumber::from(vec![9])));
    let key = MemberKey::new(1);
    let certificate = sub.certify("alice", &key, |params| params.serial_number = Some(SerialNumber::from(vec![7])));
    let credential = chain(&[&certificate, &sub.der]);
    let mut policy = policy(&root);
    let mut with = |lists: &[Vec<u8>], revocation, on_day| {
        policy.set_revocation(lists, revocation).unwrap();
        verdict_at(&policy, Occasion::Add, on_day, &credential, &key)
    };
    let gone = refuse(Distrust::NotCurrent);
    assert_eq!(with(&[], Revocation::WhereKnown, 10), ACCEPT);
    assert_eq!(with(&[sub.revoke(&[7], 20)], Revocation::WhereKnown, 10), gone, "the member's");
    assert_eq!(with(&[sub.revoke(&[7], 20)], Revocation::WhereKnown, 30), gone, "though the list is old");
    assert_eq!(with(&[root.revoke(&[9], 20)], Revocation::WhereKnown, 10), gone, "the authority's");
    assert_eq!(with(&[sub.revoke(&[8], 20)], Revocation::WhereKnown, 10), ACCEPT, "somebody else's");
    assert_eq!(with(&[root.revoke(&[7], 20)], Revocation::WhereKnown, 10), ACCEPT, "of another authority");
    let newer = [sub.revoke(&[8], 20), sub.revoke(&[7], 21), sub.revoke(&[], 19)];
    assert_eq!(with(&newer, Revocation::WhereKnown, 10), gone, "the newest counts");
    assert_eq!(with(&[], Revocation::Required, 10), Verdict::Unknown);
    assert_eq!(with(&[sub.revoke(&[], 20)], Revocation::Required, 10), Verdict::Unknown, "one list is missing");
    let both = [sub.revoke(&[], 20), root.revoke(&[], 20)];
    assert_eq!(with(&both, Revocation::Required, 10), ACCEPT);
    assert_eq!(with(&both, Revocation::Required, 20), Verdict::Unknown, "the lists are out of date");
    assert_eq!(with(&[sub.revoke(&[7], 20), root.revoke(&[], 20)], Revocation::Required, 10), gone);
    let forger = Authority::root("root").sub("sub", |_| {});
    assert_eq!(with(&[forger.revoke(&[7], 20)], Revocation::WhereKnown, 10), Verdict::Unknown, "a forged list");
    let error = policy.set_revocation([b"no list"], Revocation::Required).unwrap_err();
    assert_eq!(error, Error::RevocationList(0));
}

#[test]
fn credentials_stay_within_their_bounds() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let alice = root.certify("alice", &key, |_| {});
    let malformed = refuse(Distrust::Malformed);
    let policy = policy(&root);
    for other in [Credential::Basic(Opaque::from(&b"alice"[..])), Credential::Custom(CredentialType(7), Opaque::EMPTY)]
    {
        assert_eq!(verdict(&policy, &other, &key), malformed);
    }
    assert_eq!(verdict(&policy, &chain(&[]), &key), malformed);
    assert_eq!(credential(Vec::<Vec<u8>>::new()), Err(Error::NoCertificate));
    let mut many = vec![alice.as_slice()];
    many.resize(limits::MAX_CERTIFICATES, &root.der);
    assert_eq!(verdict(&policy, &chain(&many), &key), ACCEPT);
    assert!(credential(many.clone()).is_ok());
    many.push(&root.der);
    assert_eq!(verdict(&policy, &chain(&many), &key), malformed);
    assert_eq!(credential(many), Err(Error::TooManyCertificates));
    let padding = vec![0; limits::MAX_CHAIN_BYTES - alice.len()];
    assert_ne!(verdict(&policy, &chain(&[&alice, &padding]), &key), malformed, "the padding is not needed");
    let padding = vec![0; limits::MAX_CHAIN_BYTES - alice.len() + 1];
    assert_eq!(verdict(&policy, &chain(&[&alice, &padding]), &key), malformed);
    assert_eq!(credential([alice.clone(), padding]), Err(Error::ChainTooLong));
    assert_eq!(credential([alice.as_slice(), b"garbage"]), Err(Error::Certificate(1)));
    assert_eq!(credential([alice.as_slice()]), Ok(chain(&[&alice])));
}

#[test]
fn roots_are_certificates() {
    let error = X509Policy::new([Authority::root("root").der.as_slice(), b"garbage"], SoleName::Uri).unwrap_err();
    assert_eq!(error, Error::Root(1));
}

#[test]
fn names_of_other_kinds_do_not_matter() {
    let root = Authority::root("root");
    let key = MemberKey::new(1);
    let certificate = root.certify("alice", &key, |params| params.subject_alt_names.push(ip("192.0.2.1")));
    assert_eq!(verdict(&policy(&root), &chain(&[&certificate]), &key), ACCEPT);
    let two = root.certify("alice", &key, |params| params.subject_alt_names.push(uri("mls:bob")));
    assert_eq!(verdict(&policy(&root), &chain(&[&two]), &key), refuse(Distrust::WrongIdentity));
}
