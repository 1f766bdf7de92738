//! The parts the suites are made of, for an application that registers a suite of its own: [`Composed`] puts a hash, a
//! curve, an AEAD and a signature scheme together under a code point of the private-use range (RFC 9420 §17.1), and what
//! comes out is a [`Suite`](cenacle_crypto::Suite) like any other.
//!
//! ```
//! use cenacle_crypto::Suite;
//! use cenacle_crypto_rustcrypto::parts::{ChaCha20Poly1305, Composed, Ed25519, P256, Sha512};
//!
//! type OurSuite = Composed<0xf001, Sha512, P256, ChaCha20Poly1305, Ed25519>;
//!
//! assert_eq!(OurSuite::default().cipher_suite().0, 0xf001);
//! ```

pub use cenacle_crypto::compose::{Composed, Sha256, Sha384, Sha512};

pub use crate::{
    aead::{Aes128Gcm, Aes256Gcm, ChaCha20Poly1305},
    curves::{P256, P384, P521, X25519},
    signatures::{EcdsaP256, EcdsaP384, EcdsaP521, Ed25519},
};

#[cfg(feature = "experimental")]
pub use crate::experimental::{Ed448, X448};
