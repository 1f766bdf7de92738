//! A certificate's public key against a leaf's signature key (RFC 9420 §5.1.1, §5.3).

use cenacle_crypto::{CipherSuite, SignaturePublicKey};
use x509_cert::{
    der::{
        asn1::ObjectIdentifier,
        oid::db::{
            rfc5912::{ID_EC_PUBLIC_KEY, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1},
            rfc8410::{ID_ED_448, ID_ED_25519},
        },
    },
    spki::SubjectPublicKeyInfoOwned,
};

/// The algorithm of a suite's signature keys, and the curve where that is a parameter of its own (RFC 8410 §3, RFC 5480
/// §2.1.1).
const fn algorithm(cipher_suite: CipherSuite) -> Option<(ObjectIdentifier, Option<ObjectIdentifier>)> {
    Some(match cipher_suite.0 {
        1 | 3 => (ID_ED_25519, None),
        4 | 6 => (ID_ED_448, None),
        2 => (ID_EC_PUBLIC_KEY, Some(SECP_256_R_1)),
        5 => (ID_EC_PUBLIC_KEY, Some(SECP_521_R_1)),
        7 => (ID_EC_PUBLIC_KEY, Some(SECP_384_R_1)),
        _ => return None,
    })
}

/// Whether a certificate is for this signature key of this suite. Both hold EdDSA keys as RFC 8032 has them and ECDSA keys
/// as points; compressed points, which certificates may have and leaves may not, are other keys.
pub(crate) fn certifies(
    certified: &SubjectPublicKeyInfoOwned,
    cipher_suite: CipherSuite,
    key: &SignaturePublicKey,
) -> bool {
    let Some((oid, curve)) = algorithm(cipher_suite) else { return false };
    let parameters_fit = match (&certified.algorithm.parameters, curve) {
        (None, None) => true,
        (Some(given), Some(curve)) => given.decode_as::<ObjectIdentifier>().is_ok_and(|given| given == curve),
        (None, Some(_)) | (Some(_), None) => false,
    };
    // RFC 9420 §5.3: "The public key encoded in the subjectPublicKeyInfo of the end-entity certificate MUST be identical to
    // the signature_key in the LeafNode containing this credential."
    certified.algorithm.oid == oid
        && parameters_fit
        && certified.subject_public_key.as_bytes() == Some(key.0.as_slice())
}

#[cfg(test)]
mod tests {
    use x509_cert::{
        der::asn1::{Any, BitString},
        spki::AlgorithmIdentifierOwned,
    };

    use super::*;

    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
    const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");

    fn suites(oid: ObjectIdentifier, parameters: Option<Any>, unused_bits: u8) -> alloc::vec::Vec<u16> {
        let certified = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::new(unused_bits, [4, 2, 0]).unwrap(),
        };
        let key = SignaturePublicKey([4, 2, 0].as_slice().into());
        (0..100).filter(|suite| certifies(&certified, CipherSuite(*suite), &key)).collect()
    }

    #[test]
    fn each_suite_has_its_algorithm() {
        let curve = |oid: ObjectIdentifier| Some(Any::from(oid));
        assert_eq!(suites(ED25519, None, 0), [1, 3]);
        assert_eq!(suites(ED448, None, 0), [4, 6]);
        assert_eq!(suites(EC, curve(P256), 0), [2]);
        assert_eq!(suites(EC, curve(P521), 0), [5]);
        assert_eq!(suites(EC, curve(P384), 0), [7]);
    }

    #[test]
    fn other_algorithms_are_of_no_suite() {
        assert!(suites(ED25519, Some(Any::null()), 0).is_empty());
        assert!(suites(ED25519, Some(Any::from(P256)), 0).is_empty());
        assert!(suites(EC, None, 0).is_empty());
        assert!(suites(EC, Some(Any::null()), 0).is_empty());
        assert!(suites(P256, None, 0).is_empty());
        assert!(suites(ED25519, None, 1).is_empty(), "not whole bytes");
    }
}
