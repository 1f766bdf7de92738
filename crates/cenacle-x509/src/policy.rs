//! The policy: verdicts on credentials, in the order from cheap checks to costly ones.

use alloc::vec::Vec;

use cenacle_codec::{Encode, Opaque};
use cenacle_crypto::CipherSuite;
use cenacle_mls::{
    Distrust,
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::Credential,
};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor};
use webpki::CertRevocationList;

use crate::{
    EndEntity, Error, Expiry, NameMapping, Purpose, Revocation, chain::Chain, key, path::Trust, revocation::Lists,
};

/// Whom an application believes: roots, names and settings, the same for all its groups.
#[derive(Debug)]
pub struct X509Policy<M> {
    roots: Vec<TrustAnchor<'static>>,
    algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    names: M,
    expiry: Expiry,
    purpose: Purpose,
    revocation: Lists,
}

#[cfg(feature = "aws-lc-rs")]
impl<M: NameMapping> X509Policy<M> {
    /// Trusts these roots, DER certificates, of which only subject, key and name constraints count: they do not expire.
    /// Signatures on certificates are those of aws-lc-rs: Ed25519, ECDSA and RSA with SHA-2, ML-DSA.
    ///
    /// # Errors
    /// [`Error::Root`].
    pub fn new<R: AsRef<[u8]>>(roots: impl IntoIterator<Item = R>, names: M) -> Result<Self, Error> {
        Self::with_algorithms(roots, names, webpki::ALL_VERIFICATION_ALGS)
    }
}

impl<M: NameMapping> X509Policy<M> {
    /// Trusts these roots, DER certificates, of which only subject, key and name constraints count: they do not expire.
    /// Signatures on certificates may be of these algorithms only.
    ///
    /// # Errors
    /// [`Error::Root`].
    pub fn with_algorithms<R: AsRef<[u8]>>(
        roots: impl IntoIterator<Item = R>,
        names: M,
        algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, Error> {
        let root = |(index, der): (usize, R)| {
            let certificate = CertificateDer::from(der.as_ref());
            let anchor = webpki::anchor_from_trusted_cert(&certificate).map_err(|_| Error::Root(index))?;
            Ok(anchor.to_owned())
        };
        Ok(Self {
            roots: roots.into_iter().enumerate().map(root).collect::<Result<_, _>>()?,
            algorithms,
            names,
            expiry: Expiry::default(),
            purpose: Purpose::default(),
            revocation: Lists::default(),
        })
    }

    /// With another answer to expired certificates.
    #[must_use]
    pub fn with_expiry(self, expiry: Expiry) -> Self {
        Self { expiry, ..self }
    }

    /// With another purpose of certificates.
    #[must_use]
    pub fn with_purpose(self, purpose: Purpose) -> Self {
        Self { purpose, ..self }
    }

    /// Replaces what is known about revoked certificates: DER revocation lists, of members' certificates and of
    /// authorities'. A list that its issuer did not sign is no list: the verdict on whom it would speak about is `Unknown`.
    /// The application bounds their size.
    ///
    /// # Errors
    /// [`Error::RevocationList`]; nothing has changed then.
    pub fn set_revocation<L: AsRef<[u8]>>(
        &mut self,
        lists: impl IntoIterator<Item = L>,
        revocation: Revocation,
    ) -> Result<(), Error> {
        self.revocation = Lists::from_der(lists, revocation)?;
        Ok(())
    }

    /// What the policy says about credentials of groups of `cipher_suite`, at this moment in seconds since the Unix epoch. A
    /// group that is re-initialised to another suite is judged with that one.
    pub fn at(&self, cipher_suite: CipherSuite, now_seconds: u64) -> Judge<'_, M> {
        Judge { policy: self, revocation_lists: self.revocation.at(now_seconds), cipher_suite, now_seconds }
    }

    /// Who a certificate chain presents, whether or not it is to be believed.
    fn presented_identity(&self, credential: &Credential) -> Option<Opaque> {
        let chain = Chain::of(credential)?;
        self.names.identity(&EndEntity::from_der(&chain.end_entity)?)
    }

    /// For how long a chain is believed after it has expired.
    const fn grace_seconds(&self, occasion: Occasion) -> u64 {
        match (self.expiry, occasion) {
            // External senders are presented with a group one joins and in messages alike.
            (
                Expiry::Members { grace_seconds } | Expiry::Late { grace_seconds },
                Occasion::Join | Occasion::ExternalSender,
            )
            | (
                Expiry::Late { grace_seconds },
                Occasion::Add | Occasion::Update | Occasion::Commit | Occasion::ExternalCommit,
            ) => grace_seconds,
            _ => 0,
        }
    }
}

/// Verdicts on credentials of groups of one suite, at one moment. Each takes as long as its chain, however many there
/// are.
#[derive(Debug)]
pub struct Judge<'a, M> {
    policy: &'a X509Policy<M>,
    revocation_lists: Vec<&'a CertRevocationList<'static>>,
    cipher_suite: CipherSuite,
    now_seconds: u64,
}

impl<M: NameMapping> Judge<'_, M> {
    fn trust(&self) -> Trust<'_> {
        Trust {
            roots: &self.policy.roots,
            algorithms: self.policy.algorithms,
            purpose: self.policy.purpose,
            revocation_lists: &self.revocation_lists,
            revocation: self.policy.revocation.revocation,
        }
    }

    /// Whether the names are wanted here, after what they replace.
    fn check_names(&self, certificate: &EndEntity<'_>, presented: &Presented<'_>) -> Result<(), Distrust> {
        let names = &self.policy.names;
        let identity = names.identity(certificate).ok_or(Distrust::WrongIdentity)?;
        if !names.admits(&identity, presented) {
            return Err(Distrust::WrongIdentity);
        }
        // RFC 9420 §5.3.1: "the AS MUST also verify that the set of presented identifiers in the new credential is valid as a
        // successor to the set of presented identifiers in the old credential". The old one was verified when it came, and
        // may have expired since: §5.3.2.
        match presented.replaces {
            Some(old) if !names.succeeds(&identity, self.policy.presented_identity(old).as_ref(), old) => {
                Err(Distrust::NotSuccessor)
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check(&self, presented: &Presented<'_>) -> Result<Verdict, Distrust> {
        let chain = Chain::of(presented.credential).ok_or(Distrust::Malformed)?;
        let certificate = EndEntity::from_der(&chain.end_entity).ok_or(Distrust::Malformed)?;
        if !key::certifies(certificate.public_key(), self.cipher_suite, presented.signature_key) {
            return Err(Distrust::WrongKey);
        }
        let purpose_missing = matches!(self.policy.purpose, Purpose::Required(_)) && !certificate.has_purpose();
        if !certificate.may_sign() || purpose_missing {
            return Err(Distrust::Untrusted);
        }
        let verdict = self.trust().verdict(&chain, self.now_seconds, self.policy.grace_seconds(presented.occasion));
        if let Verdict::Refuse(_) = verdict {
            return Ok(verdict);
        }
        self.check_names(&certificate, presented)?;
        Ok(verdict)
    }
}

impl<M: NameMapping> CredentialPolicy for Judge<'_, M> {
    fn verdict(&self, presented: &Presented<'_>) -> Verdict {
        self.check(presented).unwrap_or_else(Verdict::Refuse)
    }

    /// The identity that the certificate maps to, whether or not it is still to be believed. Of what maps to nobody, which no
    /// member's credential does, the whole credential.
    fn identity(&self, credential: &Credential) -> Opaque {
        let mapped = self.policy.presented_identity(credential);
        mapped.unwrap_or_else(|| credential.to_bytes().map(Opaque::from).unwrap_or_default())
    }
}
