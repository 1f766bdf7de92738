//! Credentials: what binds a member's identity to its signature key (RFC 9420 §5.3). Whether to believe one is
//! the application's verdict, never this crate's.

use alloc::vec::Vec;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, open_enum};

open_enum! {
    /// The kind of a credential (RFC 9420 §17.5).
    pub enum CredentialType: u16 {
        /// A bare identity, authenticated out of band.
        BASIC = 1,
        /// A chain of X.509 certificates.
        X509 = 2,
    }
}

/// A credential (RFC 9420 §5.3). A type this version does not know is taken to hold one `opaque<V>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// An identity, as bytes the application understands.
    Basic(Opaque),
    /// DER certificates, the end entity's first.
    X509(Vec<Opaque>),
    /// Any other type, with its content untouched.
    Custom(CredentialType, Opaque),
}

impl Credential {
    /// The code point on the wire.
    #[must_use]
    pub const fn credential_type(&self) -> CredentialType {
        match self {
            Self::Basic(_) => CredentialType::BASIC,
            Self::X509(_) => CredentialType::X509,
            Self::Custom(kind, _) => *kind,
        }
    }
}

impl Encode for Credential {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.credential_type());
        match self {
            Self::Basic(content) | Self::Custom(_, content) => out.put(content),
            Self::X509(certificates) => out.put(certificates),
        };
    }
}

impl Decode for Credential {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match CredentialType::decode(from)? {
            CredentialType::BASIC => Self::Basic(Opaque::decode(from)?),
            CredentialType::X509 => {
                let before = from.clone();
                let certificates = Vec::<Opaque>::decode(from)?;
                // No DER is empty; a list of such would take far more memory than bytes.
                if certificates.iter().any(|certificate| certificate.is_empty()) {
                    return Err(before.error(DecodeErrorKind::Forbidden("Certificate")));
                }
                Self::X509(certificates)
            }
            kind => Self::Custom(kind, Opaque::decode(from)?),
        })
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        CredentialType::skip(from)?;
        // A chain of certificates is a vector as any other.
        Opaque::skip(from)
    }
}
