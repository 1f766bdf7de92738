//! A credential's certificates within their bounds, and credentials made of certificates (RFC 9420 §5.3).

use alloc::vec::Vec;
use core::iter;

use cenacle_codec::Opaque;
use cenacle_mls::wire::Credential;
use pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::{
    EndEntity, Error,
    limits::{MAX_CERTIFICATES, MAX_CHAIN_BYTES},
};

/// Certificates in number and size as they may be. Nothing else is checked.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    pub(crate) end_entity: CertificateDer<'a>,
    pub(crate) others: Vec<CertificateDer<'a>>,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(certificates: &'a [Opaque]) -> Result<Self, Error> {
        // RFC 9420 §5.3: "The chain is ordered such that the first entry (certificates[0]) is the end-entity certificate."
        let [end_entity, others @ ..] = certificates else { return Err(Error::NoCertificate) };
        if certificates.len() > MAX_CERTIFICATES {
            return Err(Error::TooManyCertificates);
        }
        if certificates.iter().map(|certificate| certificate.len()).sum::<usize>() > MAX_CHAIN_BYTES {
            return Err(Error::ChainTooLong);
        }
        Ok(Self {
            end_entity: CertificateDer::from(end_entity.as_slice()),
            others: others.iter().map(|certificate| CertificateDer::from(certificate.as_slice())).collect(),
        })
    }

    /// The chain in a credential; `None` if it is of another type or beyond the bounds.
    pub(crate) fn of(credential: &'a Credential) -> Option<Self> {
        match credential {
            Credential::X509(certificates) => Self::new(certificates).ok(),
            Credential::Basic(_) | Credential::Custom(..) => None,
        }
    }
}

/// A credential of a chain of DER certificates, the end entity's first. "A chain MAY omit any non-leaf certificates that
/// supported peers are known to already possess" (RFC 9420 §5.3): the root can be left out, for whoever trusts it has it.
///
/// Whether others will believe it depends on their roots; ask an [`X509Policy`](crate::X509Policy) like theirs.
///
/// # Errors
/// When others would refuse it whatever they trust: it is empty, beyond the [`limits`](crate::limits), or not made of
/// certificates.
pub fn credential<C: Into<Opaque>>(certificates: impl IntoIterator<Item = C>) -> Result<Credential, Error> {
    let certificates: Vec<Opaque> = certificates.into_iter().map(Into::into).collect();
    let chain = Chain::new(&certificates)?;
    EndEntity::from_der(&chain.end_entity).ok_or(Error::Certificate(0))?;
    for (index, certificate) in iter::once(&chain.end_entity).chain(&chain.others).enumerate() {
        EndEntityCert::try_from(certificate).map_err(|_| Error::Certificate(index))?;
    }
    Ok(Credential::X509(certificates))
}
