//! Whom we believe.

use cenacle_crypto::{CipherSuite, CryptoProvider, SignaturePublicKey};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::Credential,
};
use cenacle_service::wire::{Binding, DeviceId, SignedBinding};

use crate::{
    MemberId,
    bindings::{Bindings, verify},
};

const SUITE: CipherSuite = CipherSuite(1);
const YEAR: u64 = 365 * 24 * 3600;

fn member(name: &str, device: u8) -> MemberId {
    MemberId { name: name.parse().unwrap(), device: DeviceId([device; 16]) }
}

fn key(n: u8) -> SignaturePublicKey {
    SignaturePublicKey([n; 32].as_slice().into())
}

fn binding(member: &MemberId, key: SignaturePublicKey) -> Binding {
    Binding {
        name: member.name.clone(),
        device_id: member.device,
        signature_key: key,
        cipher_suite: SUITE,
        issued_at: 0,
        not_after: YEAR,
    }
}

fn verdict(
    bindings: &Bindings,
    who: &MemberId,
    key: &SignaturePublicKey,
    replaces: Option<&MemberId>,
    now: u64,
) -> Verdict {
    let replaces = replaces.map(MemberId::to_credential);
    bindings.at(SUITE, now).verdict(&presented(&who.to_credential(), key, replaces.as_ref()))
}

fn presented<'a>(
    credential: &'a Credential,
    signature_key: &'a SignaturePublicKey,
    replaces: Option<&'a Credential>,
) -> Presented<'a> {
    Presented { occasion: Occasion::Add, group_id: None, credential, signature_key, replaces }
}

// RFC 9420 §5.3.1.
#[test]
fn only_what_the_service_says_is_believed() {
    let (alice, bob) = (member("alice", 1), member("bob", 2));
    let mut bindings = Bindings::default();
    assert_eq!(verdict(&bindings, &alice, &key(1), None, 1), Verdict::Unknown);
    bindings.asked(&key(1));
    assert_eq!(verdict(&bindings, &alice, &key(1), None, 1), Verdict::Refuse(Distrust::Untrusted));
    bindings.insert(binding(&alice, key(1)));
    assert_eq!(verdict(&bindings, &alice, &key(1), None, 1), Verdict::Accept);
    assert_eq!(verdict(&bindings, &bob, &key(1), None, 1), Verdict::Refuse(Distrust::WrongIdentity), "another name");
    let other = verdict(&bindings, &member("alice", 9), &key(1), None, 1);
    assert_eq!(other, Verdict::Refuse(Distrust::WrongIdentity), "another device");
    let credential = alice.to_credential();
    let verdict = bindings.at(CipherSuite(2), 1).verdict(&presented(&credential, &key(1), None));
    assert_eq!(verdict, Verdict::Refuse(Distrust::WrongKey), "another suite");
    let nobody = Credential::Basic(b"alice".as_slice().into());
    let verdict = bindings.at(SUITE, 1).verdict(&presented(&nobody, &key(1), None));
    assert_eq!(verdict, Verdict::Refuse(Distrust::Malformed), "not an identity");
}

#[test]
fn a_member_stays_who_it_was() {
    let (alice, bob) = (member("alice", 1), member("bob", 2));
    let mut bindings = Bindings::default();
    bindings.insert(binding(&alice, key(1)));
    assert_eq!(verdict(&bindings, &alice, &key(1), Some(&alice), 1), Verdict::Accept);
    assert_eq!(verdict(&bindings, &alice, &key(1), Some(&bob), 1), Verdict::Refuse(Distrust::NotSuccessor));
}

// RFC 9420 §5.3.2.
#[test]
fn a_statement_that_ran_out_is_believed_for_a_while() {
    let alice = member("alice", 1);
    let mut bindings = Bindings::default();
    bindings.insert(binding(&alice, key(1)));
    assert_eq!(verdict(&bindings, &alice, &key(1), None, YEAR + 1), Verdict::Accept);
    assert_eq!(verdict(&bindings, &alice, &key(1), None, 2 * YEAR), Verdict::Refuse(Distrust::NotCurrent));
}

#[test]
fn statements_of_another_service_are_not_taken() {
    let suite = AwsLcProvider.suite(SUITE).unwrap();
    let signer = || {
        let (secret, _) = suite.signature_key_pair(&mut SystemRng).unwrap();
        suite.signer(&secret).unwrap()
    };
    let (ours, other) = (signer(), signer());
    let signed = SignedBinding::sign(binding(&member("alice", 1), key(1)), &*ours).unwrap();
    assert!(verify(&signed, &*suite, ours.public_key(), 1).is_some());
    assert!(verify(&signed, &*suite, ours.public_key(), 2 * YEAR).is_some(), "old ones are judged when presented");
    assert!(verify(&signed, &*suite, other.public_key(), 1).is_none());
}
