//! Revocation lists (RFC 5280 §5) that the application gave, and until when they are current.

use alloc::vec::Vec;
use core::cmp::Reverse;

use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_cert::{crl::CertificateList, der::Decode};

use crate::{Error, Revocation};

#[derive(Debug)]
struct List {
    /// Read by `rustls-webpki`, which decides what it says and whether its issuer signed it.
    list: CertRevocationList<'static>,
    next_update_seconds: u64,
}

impl List {
    fn from_der(der: &[u8]) -> Option<Self> {
        let list = OwnedCertRevocationList::from_der(der).ok()?.into();
        let read: CertificateList = Decode::from_der(der).ok()?;
        let next_update = read.tbs_cert_list.next_update?;
        Some(Self { list, next_update_seconds: next_update.to_unix_duration().as_secs() })
    }
}

/// All lists, and what it means where there is none.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    /// The one that is current for longest first: of those that speak for a certificate, the first is asked.
    lists: Vec<List>,
    pub(crate) revocation: Revocation,
}

impl Lists {
    pub(crate) fn from_der<L: AsRef<[u8]>>(
        lists: impl IntoIterator<Item = L>,
        revocation: Revocation,
    ) -> Result<Self, Error> {
        let list = |(index, der): (usize, L)| List::from_der(der.as_ref()).ok_or(Error::RevocationList(index));
        let mut lists: Vec<List> = lists.into_iter().enumerate().map(list).collect::<Result<_, _>>()?;
        lists.sort_by_key(|list| Reverse(list.next_update_seconds));
        Ok(Self { lists, revocation })
    }

    /// Those that count at this moment. It is the present one even if a chain is judged for an earlier one, which its
    /// certificates determine.
    pub(crate) fn at(&self, now_seconds: u64) -> Vec<&CertRevocationList<'static>> {
        let counts = |list: &&List| match self.revocation {
            Revocation::WhereKnown => true,
            Revocation::Required => now_seconds < list.next_update_seconds,
        };
        self.lists.iter().filter(counts).map(|list| &list.list).collect()
    }
}
