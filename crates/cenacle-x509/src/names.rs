//! From certificates to the application's identities (RFC 9420 §5.3.1: from presented to reference identifiers).

use alloc::vec::Vec;

use cenacle_codec::Opaque;
use cenacle_mls::{group::Presented, wire::Credential};

use crate::EndEntity;

/// Who a certificate stands for, and where. Implemented by closures that do the first only, by [`SoleName`], and by
/// applications that decide more.
pub trait NameMapping {
    /// Who the certificate is for, or `None` if it is for nobody the application knows. The same certificate must always
    /// give the same answer, and only certificates of one client the same identity: it is by this that a member is found again
    /// whose certificate was renewed.
    fn identity(&self, certificate: &EndEntity<'_>) -> Option<Opaque>;

    /// Whether that identity is wanted on this occasion and in this group. By default everywhere.
    fn admits(&self, _identity: &Opaque, _presented: &Presented<'_>) -> bool {
        true
    }

    /// Whether `new` may take the place of `old`, who is `None` where the `replaced` credential maps to nobody; a former
    /// basic credential, say. By default they must be the same.
    fn succeeds(&self, new: &Opaque, old: Option<&Opaque>, _replaced: &Credential) -> bool {
        old == Some(new)
    }
}

impl<F: Fn(&EndEntity<'_>) -> Option<Opaque>> NameMapping for F {
    fn identity(&self, certificate: &EndEntity<'_>) -> Option<Opaque> {
        self(certificate)
    }
}

/// The only name of one kind is the identity; a certificate with none or several of that kind stands for nobody.
///
/// An authority that must not vouch for all names is best restricted in DNS names: path validation follows the name
/// constraints of RFC 5280 §4.2.1.10 for them, refuses every chain that has constraints of URIs or email addresses and such
/// a name, and no constraint at all holds for common names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SoleName {
    /// The DNS name, in lower case. Wildcards stand for nobody.
    Dns,
    /// The URI, byte for byte.
    Uri,
    /// The email address, byte for byte.
    Email,
    /// The subject's common name, byte for byte in UTF-8.
    CommonName,
}

impl NameMapping for SoleName {
    fn identity(&self, certificate: &EndEntity<'_>) -> Option<Opaque> {
        match self {
            Self::Dns => {
                let name = sole(certificate.dns_names())?;
                (!name.contains('*')).then(|| Opaque::from(name.to_ascii_lowercase().into_bytes()))
            }
            Self::Uri => sole(certificate.uris()).map(|uri| uri.as_bytes().into()),
            Self::Email => sole(certificate.emails()).map(|address| address.as_bytes().into()),
            Self::CommonName => sole(certificate.common_names().into_iter()).map(|name| Opaque::from(Vec::from(name))),
        }
        .filter(|identity| !identity.is_empty())
    }
}

/// The only one there is.
fn sole<T>(mut names: impl Iterator<Item = T>) -> Option<T> {
    let name = names.next();
    if names.next().is_some() { None } else { name }
}
