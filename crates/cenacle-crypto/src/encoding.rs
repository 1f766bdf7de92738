//! Which encodings of public keys and signatures are accepted, where libraries differ: uncompressed points only (RFC
//! 9420 §5.1.1); of the other curves points of large order in canonical form (RFC 8032 §5.1.3, §5.2.3), so that two keys
//! which are the same key are the same bytes. All providers call these, so that no key is good for one member of a group and bad for another. Whether a
//! point is on its curve is the library's to say.

use crate::CryptoError;

/// Bytes of a coordinate of Curve448.
const FIELD_448_BYTES: usize = 56;

/// Bytes of an Ed448 public key, of a seed, and of each half of a signature: a coordinate and the sign of the other.
pub const ED448_BYTES: usize = FIELD_448_BYTES + 1;

/// The prime of Curve448's field, 2^448 - 2^224 - 1, little-endian.
const PRIME_448: [u8; FIELD_448_BYTES] = near_prime_448(0xff);

/// The order of Ed448's base point (RFC 8032 §5.2), little-endian.
const ORDER_448: [u8; ED448_BYTES] = [
    0xf3, 0x44, 0x58, 0xab, 0x92, 0xc2, 0x78, 0x23, 0x55, 0x8f, 0xc5, 0x8d, 0x72, 0xc2, 0x6c, 0x21, 0x90, 0x36, 0xd6,
    0xae, 0x49, 0xdb, 0x4e, 0xc4, 0xe9, 0x23, 0xca, 0x7c, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0x00,
];

/// Refuses what is not an uncompressed point of `coordinate_bytes` per coordinate.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_uncompressed(public: &[u8], coordinate_bytes: usize) -> Result<(), CryptoError> {
    let uncompressed =
        public.len() == coordinate_bytes.saturating_mul(2).saturating_add(1) && public.first() == Some(&4);
    if uncompressed { Ok(()) } else { Err(CryptoError::BadPublicKey) }
}

/// Refuses the encodings of X25519 points whose order divides eight: with them every agreement gives zero, so nothing can
/// be sealed to their owner (RFC 7748 §6.1). Refuses, too, what stands for the same point as another encoding: a topmost
/// bit that is set, a coordinate that is not below the prime. RFC 7748 §5 has such values accepted in an agreement, but
/// with them one key could stand twice where RFC 9420 wants every key once.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_x25519(public: &[u8; 32]) -> Result<(), CryptoError> {
    // Zero, one and minus one; two of order eight.
    const LOW_ORDER: [[u8; 32]; 5] = [
        pattern(0x00, 0x00, 0x00),
        pattern(0x01, 0x00, 0x00),
        pattern(0xec, 0xff, 0x7f),
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
            0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
            0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    let canonical = without_top_bit(public) == *public && !beyond_prime_25519(public);
    if canonical && !LOW_ORDER.contains(public) { Ok(()) } else { Err(CryptoError::BadPublicKey) }
}

/// Refuses Ed25519 public keys whose order divides eight, under which anyone can sign, and encodings that decoding and
/// encoding again would change.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_ed25519(public: &[u8; 32]) -> Result<(), CryptoError> {
    // The y of the points of order one, two, four and eight; each may have either sign.
    const LOW_ORDER: [[u8; 32]; 5] = [
        pattern(0x01, 0x00, 0x00),
        pattern(0xec, 0xff, 0x7f),
        pattern(0x00, 0x00, 0x00),
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
    ];
    // RFC 8032 §5.1.3: "If the resulting value is >= p, decoding fails." And "If x = 0, and x_0 = 1 […] decoding fails.",
    // where x is zero only for points of small order.
    let y = without_top_bit(public);
    if beyond_prime_25519(&y) || LOW_ORDER.contains(&y) { Err(CryptoError::BadPublicKey) } else { Ok(()) }
}

/// Refuses the encodings of X448 points whose order divides four: with them every agreement gives zero, so nothing can be
/// sealed to their owner (RFC 7748 §6.2); and coordinates that are not below the prime, as for X25519.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_x448(public: &[u8; FIELD_448_BYTES]) -> Result<(), CryptoError> {
    // Zero, one and minus one.
    const LOW_ORDER: [[u8; FIELD_448_BYTES]; 3] = [small_448(0), small_448(1), near_prime_448(0xfe)];
    let canonical = public.iter().rev().lt(PRIME_448.iter().rev());
    if canonical && !LOW_ORDER.contains(public) { Ok(()) } else { Err(CryptoError::BadPublicKey) }
}

/// Refuses Ed448 public keys whose order divides four, under which anyone can sign, and encodings that decoding and
/// encoding again would change.
///
/// # Errors
/// `BadPublicKey`.
pub fn check_ed448(public: &[u8; ED448_BYTES]) -> Result<(), CryptoError> {
    let [y @ .., _] = public;
    check_ed448_point(public)?;
    if *y == small_448(0) { Err(CryptoError::BadPublicKey) } else { Ok(()) }
}

/// Refuses encodings of Ed448 points that decoding and encoding again would change, and the identity and the point of
/// order two, which OpenSSL does not decode.
fn check_ed448_point(point: &[u8; ED448_BYTES]) -> Result<(), CryptoError> {
    let [y @ .., last] = point;
    // RFC 8032 §5.2.3: "If the resulting value is >= p, decoding fails." Between it and the sign are seven zero bits.
    let canonical = last & 0x7f == 0 && y.iter().rev().lt(PRIME_448.iter().rev());
    // x is zero where y is one or minus one.
    let x_is_zero = *y == small_448(1) || *y == near_prime_448(0xfe);
    if canonical && !x_is_zero { Ok(()) } else { Err(CryptoError::BadPublicKey) }
}

/// The halves `R` and `S` of an Ed448 signature, `R` in canonical form and with x other than zero, `S` below the order.
///
/// # Errors
/// `BadSignature`.
pub fn split_ed448_signature(signature: &[u8]) -> Result<(&[u8; ED448_BYTES], &[u8; ED448_BYTES]), CryptoError> {
    let (r, s) = signature.split_first_chunk().ok_or(CryptoError::BadSignature)?;
    let s: &[u8; ED448_BYTES] = s.try_into().map_err(|_| CryptoError::BadSignature)?;
    check_ed448_point(r).map_err(|_| CryptoError::BadSignature)?;
    // RFC 8032 §5.2.7: "If any of the decodings fail (including S being out of range), the signature is invalid."
    if s.iter().rev().lt(ORDER_448.iter().rev()) { Ok((r, s)) } else { Err(CryptoError::BadSignature) }
}

/// `low` as a coordinate.
const fn small_448(low: u8) -> [u8; FIELD_448_BYTES] {
    let mut bytes = [0; FIELD_448_BYTES];
    let [first, ..] = &mut bytes;
    *first = low;
    bytes
}

/// The prime with another lowest byte, 0xff being its own.
const fn near_prime_448(low: u8) -> [u8; FIELD_448_BYTES] {
    let mut bytes = [0xff; FIELD_448_BYTES];
    let (lower, upper) = bytes.split_at_mut(FIELD_448_BYTES / 2);
    if let ([first, ..], [middle, ..]) = (lower, upper) {
        *first = low;
        *middle = 0xfe;
    }
    bytes
}

/// 32 bytes, little-endian: `low`, thirty times `middle`, `high`.
const fn pattern(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    let [first, .., last] = &mut bytes;
    *first = low;
    *last = high;
    bytes
}

fn without_top_bit(public: &[u8; 32]) -> [u8; 32] {
    let mut bytes = *public;
    let [.., last] = &mut bytes;
    *last &= 0x7f;
    bytes
}

/// Whether a coordinate of Curve25519, its topmost bit zero, is not below the prime 2^255 - 19.
fn beyond_prime_25519(coordinate: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = coordinate;
    *low >= 0xed && *high == 0x7f && middle.iter().all(|byte| *byte == 0xff)
}
