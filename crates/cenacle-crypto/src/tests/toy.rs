//! A suite over numbers small enough to see through: powers modulo a prime, and a cipher that adds its key. It has the
//! shape of a real one and protects nothing.

use alloc::{boxed::Box, vec::Vec};

use crate::{
    CryptoError, Rng, SecretBytes, SignaturePublicKey, SignatureSecretKey, Signer,
    compose::{Aead, Composed, Scheme, Sha256},
    dhkem::Dh,
};

pub(super) type ToySuite = Composed<0xf001, Sha256, Powers, Adding, Unsigned>;

/// The multiplicative group modulo 2^31 - 1 with generator 7; scalars below 2^28, so that most candidates are refused.
#[derive(Debug)]
pub(super) struct Powers;

const PRIME: u64 = (1 << 31) - 1;

fn power(base: u64, exponent: u32) -> u32 {
    let product = (0..32).rev().fold(1, |product, bit| {
        let squared = product * product % PRIME;
        if exponent >> bit & 1 == 1 { squared * base % PRIME } else { squared }
    });
    u32::try_from(product).unwrap()
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap())
}

impl Dh for Powers {
    const KEM_ID: u16 = 0xf002;
    const SECRET_BYTES: usize = 4;
    const PUBLIC_BYTES: usize = 9;
    const SCALAR_MASK: Option<u8> = Some(0x7f);

    type Secret = u32;
    type Public = [u8; 9];

    fn secret(bytes: &[u8]) -> Result<u32, CryptoError> {
        let scalar = number(bytes);
        if (1..1 << 28).contains(&scalar) { Ok(scalar) } else { Err(CryptoError::BadSecretKey) }
    }

    fn public(secret: &u32) -> Result<[u8; 9], CryptoError> {
        let mut point = [0; 9];
        point[0] = 4;
        point[1..5].copy_from_slice(&power(7, *secret).to_be_bytes());
        Ok(point)
    }

    fn agree(secret: &u32, public: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
        out.copy_from_slice(&power(number(&public[1..5]).into(), *secret).to_be_bytes());
        Ok(())
    }

    fn check(public: &[u8]) -> Result<(), CryptoError> {
        if number(&public[5..]) == 0 { Ok(()) } else { Err(CryptoError::BadPublicKey) }
    }
}

/// Adds key and nonce to every byte; the tag is the length of the associated data.
#[derive(Debug)]
pub(super) struct Adding;

impl Aead for Adding {
    const AEAD_ID: u16 = 0xf003;
    const KEY_BYTES: usize = 16;

    fn seal(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut out: Vec<u8> = plaintext.iter().map(|byte| byte.wrapping_add(key[0]).wrapping_add(nonce[0])).collect();
        out.push(aad.len().to_le_bytes()[0]);
        Ok(out)
    }

    fn open(key: &[u8], nonce: &[u8], aad: &[u8], ciphertext: &[u8]) -> Result<SecretBytes, CryptoError> {
        let (tag, body) = ciphertext.split_last().ok_or(CryptoError::OpenFailed)?;
        if *tag != aad.len().to_le_bytes()[0] {
            return Err(CryptoError::OpenFailed);
        }
        let plaintext = body.iter().map(|byte| byte.wrapping_sub(key[0]).wrapping_sub(nonce[0]));
        Ok(plaintext.collect::<Vec<u8>>().into())
    }
}

/// No signatures at all.
#[derive(Debug)]
pub(super) struct Unsigned;

impl Scheme for Unsigned {
    fn key_pair(_: &mut dyn Rng) -> Result<(SignatureSecretKey, SignaturePublicKey), CryptoError> {
        Err(CryptoError::Internal)
    }

    fn signer(_: &[u8]) -> Result<Box<dyn Signer>, CryptoError> {
        Err(CryptoError::BadSecretKey)
    }

    fn verify(_: &[u8], _: &[u8], _: &[u8]) -> Result<(), CryptoError> {
        Err(CryptoError::BadSignature)
    }

    fn check(_: &[u8]) -> Result<(), CryptoError> {
        Err(CryptoError::BadPublicKey)
    }
}
