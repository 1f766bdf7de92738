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
