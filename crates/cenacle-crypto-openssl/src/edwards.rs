//! Whether an encoding stands for a point of an Edwards curve. OpenSSL finds out while it verifies a signature and does not
//! tell; a key must be judged before there is one. Everything here is public.

use alloc::vec::Vec;

use openssl::{
    bn::{BigNum, BigNumContext},
    error::ErrorStack,
};

/// The curve `a x² + y² = 1 + d x² y²` over the field of prime order, all in hexadecimal.
pub(crate) struct EdwardsCurve {
    pub(crate) prime: &'static str,
    pub(crate) a: &'static str,
    pub(crate) d: &'static str,
}

impl EdwardsCurve {
    /// Whether some x belongs to the little-endian `y`.
    pub(crate) fn has_point(&self, y: &[u8]) -> Result<bool, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let (prime, a, d) =
            (BigNum::from_hex_str(self.prime)?, BigNum::from_hex_str(self.a)?, BigNum::from_hex_str(self.d)?);
        let one = BigNum::from_u32(1)?;
        let y = BigNum::from_slice(&y.iter().rev().copied().collect::<Vec<_>>())?;
        let number = BigNum::new;
        let (mut square, mut above, mut below, mut product) = (number()?, number()?, number()?, number()?);
        // x² = (1 - y²) / (a - d y²), which is a square if the product of both is one. The divisor is never zero, since d
        // or a is not a square.
        square.mod_sqr(&y, &prime, &mut context)?;
        above.mod_sub(&one, &square, &prime, &mut context)?;
        product.mod_mul(&d, &square, &prime, &mut context)?;
        below.mod_sub(&a, &product, &prime, &mut context)?;
        product.mod_mul(&above, &below, &prime, &mut context)?;
        // Euler's criterion: a square to the power of (p - 1) / 2 is one, or zero.
        let (mut exponent, mut power) = (number()?, number()?);
        exponent.rshift1(&prime)?;
        power.mod_exp(&product, &exponent, &prime, &mut context)?;
        Ok(power.num_bits() == 0 || power == one)
    }
}
