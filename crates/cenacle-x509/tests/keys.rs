//! Certificates for the signature keys of every suite.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod support;

use cenacle_crypto::{CipherSuite, CryptoProvider};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519, SignatureAlgorithm};

use crate::support::{Authority, MemberKey, chain, day, policy};

const ALGORITHMS: [(u16, &SignatureAlgorithm); 5] = [
    (1, &PKCS_ED25519),
    (2, &PKCS_ECDSA_P256_SHA256),
    (3, &PKCS_ED25519),
    (5, &PKCS_ECDSA_P521_SHA512),
    (7, &PKCS_ECDSA_P384_SHA384),
];

#[test]
fn a_suites_keys_are_certified_for_it_only() {
    let root = Authority::root("root");
    let policy = policy(&root);
    for (number, algorithm) in ALGORITHMS {
        let suite = AwsLcProvider.suite(CipherSuite(number)).unwrap();
        let (_, public) = suite.signature_key_pair(&mut SystemRng).unwrap();
        let key = MemberKey { algorithm, public };
        let credential = chain(&[&root.certify("alice", &key, |_| {})]);
        let presented = Presented {
            occasion: Occasion::KeyPackage,
            group_id: None,
            credential: &credential,
            signature_key: &key.public,
            replaces: None,
        };
        for (other, other_algorithm) in ALGORITHMS {
            let expected = match algorithm == other_algorithm {
                true => Verdict::Accept,
                false => Verdict::Refuse(Distrust::WrongKey),
            };
            assert_eq!(policy.at(CipherSuite(other), day(10)).verdict(&presented), expected, "{number} {other}");
        }
        let unknown = policy.at(CipherSuite(0xf000), day(10)).verdict(&presented);
        assert_eq!(unknown, Verdict::Refuse(Distrust::WrongKey));
    }
}
