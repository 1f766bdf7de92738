//! The question to `rustls-webpki`, whether a path leads from a certificate to a root at a time, and what its answers mean.

use core::time::Duration;

use cenacle_mls::{Distrust, group::Verdict};
use pki_types::{SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};

use crate::{Purpose, Revocation, chain::Chain};

/// Everything that a path is judged by but the time.
#[derive(Debug)]
pub(crate) struct Trust<'a> {
    pub(crate) roots: &'a [TrustAnchor<'static>],
    pub(crate) algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
    pub(crate) purpose: Purpose,
    pub(crate) revocation_lists: &'a [&'a CertRevocationList<'static>],
    pub(crate) revocation: Revocation,
}

impl Trust<'_> {
    /// Whether the chain leads to a root now, or did so at its end not longer than `grace_seconds` ago.
    pub(crate) fn verdict(&self, chain: &Chain<'_>, now_seconds: u64, grace_seconds: u64) -> Verdict {
        let end_entity = match EndEntityCert::try_from(&chain.end_entity) {
            Ok(end_entity) => end_entity,
            Err(error) => return meaning(&error),
        };
        let earliest = now_seconds.saturating_sub(grace_seconds);
        let mut moment = now_seconds;
        loop {
            let error = match self.check(&end_entity, chain, moment) {
                Ok(()) if self.revocation == Revocation::Required && self.revocation_lists.is_empty() => {
                    return Verdict::Unknown;
                }
                Ok(()) => return Verdict::Accept,
                Err(error) => error,
            };
            // Time goes backwards from one certificate's end to another's, so there are no more turns than certificates.
            moment = match end_of_validity(&error) {
                Some(end) if (earliest..moment).contains(&end) => end,
                Some(_) | None => return meaning(&error),
            };
        }
    }

    fn check(&self, end_entity: &EndEntityCert<'_>, chain: &Chain<'_>, moment: u64) -> Result<(), Error> {
        let moment = UnixTime::since_unix_epoch(Duration::from_secs(moment));
        let revocation = self.revocation_options();
        let path = match self.purpose {
            Purpose::Any => self.find_path(end_entity, chain, moment, &AnyPurpose, revocation),
            // That the end entity lists a purpose at all where it must is checked elsewhere: authorities need not.
            Purpose::IfPresent(oid) | Purpose::Required(oid) => {
                self.find_path(end_entity, chain, moment, &KeyUsage::required_if_present(oid), revocation)
            }
        };
        path.map(|_| ())
    }

    fn find_path<'p>(
        &'p self,
        end_entity: &'p EndEntityCert<'_>,
        chain: &'p Chain<'_>,
        moment: UnixTime,
        purpose: &impl ExtendedKeyUsageValidator,
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), Error> {
        end_entity
            .verify_for_usage(self.algorithms, self.roots, &chain.others, moment, purpose, revocation, None)
            .map(|_| ())
    }

    fn revocation_options(&self) -> Option<RevocationOptions<'_>> {
        let builder = RevocationOptionsBuilder::new(self.revocation_lists).ok()?;
        // Whether lists are current is not asked here, for it would be asked for the moment of the path.
        Some(match self.revocation {
            Revocation::WhereKnown => builder.with_status_policy(UnknownStatusPolicy::Allow).build(),
            Revocation::Required => builder.with_status_policy(UnknownStatusPolicy::Deny).build(),
        })
    }
}

struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}

/// When the certificate was valid for the last time, if that is what is wrong.
const fn end_of_validity(error: &Error) -> Option<u64> {
    if let Error::CertExpired { not_after, .. } = error { Some(not_after.as_secs()) } else { None }
}

fn meaning(error: &Error) -> Verdict {
    if is_about_lists(error) {
        return Verdict::Unknown;
    }
    Verdict::Refuse(if is_about_time(error) {
        Distrust::NotCurrent
    } else if is_about_form(error) {
        Distrust::Malformed
    } else {
        Distrust::Untrusted
    })
}

/// What better revocation lists would tell.
const fn is_about_lists(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCrlSignatureForPublicKey
            | Error::IssuerNotCrlSigner
            | Error::UnknownRevocationStatus
            | Error::UnsupportedCrlSignatureAlgorithmContext(_)
            | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
    )
}

const fn is_about_time(error: &Error) -> bool {
    matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. } | Error::CertRevoked)
}

const fn is_about_form(error: &Error) -> bool {
    matches!(
        error,
        Error::BadDer
            | Error::BadDerTime
            | Error::EmptyEkuExtension
            | Error::ExtensionValueInvalid
            | Error::InvalidCertValidity
            | Error::InvalidNetworkMaskConstraint
            | Error::InvalidSerialNumber
            | Error::MalformedDnsIdentifier
            | Error::MalformedExtensions
            | Error::MalformedNameConstraint
            | Error::SignatureAlgorithmMismatch
            | Error::TrailingData(_)
            | Error::UnsupportedCertVersion
    )
}
