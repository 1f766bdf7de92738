//! DHKEM over a toy group: candidates refused by the curve, padding, and the order of checks.

use alloc::format;

use super::toy::{Powers, ToySuite};
use crate::{
    CryptoError, HpkePublicKey, HpkeSecretKey, Rng, Suite,
    conformance::SeededRng,
    dhkem::{Dh, MAX_SECRET_BYTES, ScalarBytes},
};

/// RFC 9180 §7.1.3, spelled out: the candidate of each counter, masked, until one is a scalar.
#[test]
fn derivation_takes_the_first_candidate_in_range() {
    let suite = ToySuite::default();
    let mut refused = 0;
    for seed in 0..32 {
        let ikm = [seed; 32];
        let prk = suite.extract(&[], &[b"HPKE-v1", b"KEM\xf0\x02", b"dkp_prk", &ikm]);
        let mut candidate = [0; 4];
        for counter in 0.. {
            let info: [&[u8]; 5] = [&[0, 4], b"HPKE-v1", b"KEM\xf0\x02", b"candidate", &[counter]];
            suite.expand(prk.expose(), &info, &mut candidate).unwrap();
            candidate[0] &= 0x7f;
            if Powers::secret(&candidate).is_ok() {
                break;
            }
            refused += 1;
        }
        let (secret, public) = suite.kem_derive_key_pair(&ikm).unwrap();
        assert_eq!(secret.0.expose(), candidate);
        assert_eq!(public.0[..], Powers::public(&u32::from_be_bytes(candidate)).unwrap());
    }
    assert!(refused > 0, "the loop is exercised");
}

#[test]
fn scalars_are_padded_on_the_left() {
    assert_eq!(ScalarBytes::padded(&[1, 2], 4).unwrap().expose(), [0, 0, 1, 2]);
    assert_eq!(ScalarBytes::padded(&[1, 2, 3, 4], 4).unwrap().expose(), [1, 2, 3, 4]);
    assert_eq!(ScalarBytes::padded(&[0; 5], 4).unwrap_err(), CryptoError::BadSecretKey);
    assert_eq!(
        ScalarBytes::padded(&[0; MAX_SECRET_BYTES + 1], MAX_SECRET_BYTES + 1).unwrap_err(),
        CryptoError::BadSecretKey
    );
    assert_eq!(format!("{:?}", ScalarBytes::padded(&[1], 4).unwrap()), "ScalarBytes(..)");
    let suite = ToySuite::default();
    let public = |bytes: &[u8]| suite.kem_public_key(&HpkeSecretKey(bytes.into()));
    assert_eq!(public(&[5]), public(&[0, 0, 0, 5]));
    assert_eq!(public(&[0, 0, 0, 0, 5]), Err(CryptoError::BadSecretKey));
}

#[test]
fn drawing_goes_on_until_accepted() {
    let accept = |bytes: &[u8]| Powers::secret(bytes);
    let (scalar, key) = ScalarBytes::draw(4, 0x7f, &mut SeededRng::new(1), accept).unwrap();
    let mut rng = SeededRng::new(1);
    let mut expected = [0; 4];
    loop {
        rng.fill(&mut expected).unwrap();
        expected[0] &= 0x7f;
        if Powers::secret(&expected).is_ok() {
            break;
        }
    }
    assert_eq!((scalar.expose(), key), (&expected[..], u32::from_be_bytes(expected)));
    let never = ScalarBytes::draw(4, 0xff, &mut SeededRng::new(1), |_| Err::<(), _>(CryptoError::BadSecretKey));
    assert_eq!(never.unwrap_err(), CryptoError::Internal);
}

#[test]
fn the_form_of_a_key_is_checked_before_the_curve_sees_it() {
    let suite = ToySuite::default();
    let check = |bytes: &[u8]| suite.kem_check_public_key(&HpkePublicKey(bytes.into()));
    assert_eq!(check(&[4, 0, 0, 0, 1, 0, 0, 0, 0]), Ok(()));
    for bad in [&[4, 0, 0, 0, 1, 0, 0, 0, 1][..], &[3, 0, 0, 0, 1, 0, 0, 0, 0], &[4, 0, 0, 0, 1, 0, 0, 0], &[]] {
        assert_eq!(check(bad), Err(CryptoError::BadPublicKey), "{bad:?}");
    }
}
