//! What a certificate says about its subject (RFC 5280 §4.1.2.6, §4.2.1.3, §4.2.1.6), as far as path validation does not ask
//! for it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use x509_cert::{
    Certificate,
    attr::AttributeTypeAndValue,
    der::{Decode, Encode, asn1::Ia5String, oid::db::rfc4519::CN},
    ext::pkix::{
        ExtendedKeyUsage, KeyUsage, SubjectAltName,
        name::{DirectoryString, GeneralName},
    },
    spki::SubjectPublicKeyInfoOwned,
};

/// A member's own certificate, read.
#[derive(Debug)]
pub struct EndEntity<'a> {
    der: &'a [u8],
    certificate: Certificate,
    alternative_names: Vec<GeneralName>,
    key_usage: Option<KeyUsage>,
    has_extended_key_usage: bool,
}

impl<'a> EndEntity<'a> {
    /// `None` if it is malformed, in the extensions read here too.
    pub(crate) fn from_der(der: &'a [u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let contents = certificate.tbs_certificate();
        let alternative_names = contents.get_extension::<SubjectAltName>().ok()?;
        let key_usage = contents.get_extension::<KeyUsage>().ok()?.map(|(_, usage)| usage);
        let has_extended_key_usage = contents.get_extension::<ExtendedKeyUsage>().ok()?.is_some();
        Some(Self {
            der,
            alternative_names: alternative_names.map(|(_, SubjectAltName(names))| names).unwrap_or_default(),
            key_usage,
            has_extended_key_usage,
            certificate,
        })
    }

    /// The certificate's bytes.
    #[must_use]
    pub const fn der(&self) -> &'a [u8] {
        self.der
    }

    /// The subject's distinguished name, as DER.
    #[must_use]
    pub fn subject_der(&self) -> Vec<u8> {
        self.certificate.tbs_certificate().subject().to_der().unwrap_or_default()
    }

    /// The serial number its issuer gave it, big-endian.
    #[must_use]
    pub fn serial_number(&self) -> &[u8] {
        self.certificate.tbs_certificate().serial_number().as_bytes()
    }

    /// The subject's common names, those that are strings. No name constraint of an authority holds for them.
    #[must_use]
    pub fn common_names(&self) -> Vec<String> {
        let names = self.certificate.tbs_certificate().subject().iter().filter(|attribute| attribute.oid == CN);
        names.filter_map(directory_string).collect()
    }

    /// The DNS names among the alternative names, wildcards too.
    pub fn dns_names(&self) -> impl Iterator<Item = &str> {
        self.alternative_names(|name| if let GeneralName::DnsName(name) = name { Some(name) } else { None })
    }

    /// The URIs among the alternative names.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.alternative_names(
            |name| if let GeneralName::UniformResourceIdentifier(uri) = name { Some(uri) } else { None },
        )
    }

    /// The email addresses among the alternative names.
    pub fn emails(&self) -> impl Iterator<Item = &str> {
        self.alternative_names(|name| if let GeneralName::Rfc822Name(address) = name { Some(address) } else { None })
    }

    fn alternative_names(&self, pick: fn(&GeneralName) -> Option<&Ia5String>) -> impl Iterator<Item = &str> {
        self.alternative_names.iter().filter_map(pick).map(|name| name.as_str())
    }

    pub(crate) fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.certificate.tbs_certificate().subject_public_key_info()
    }

    /// Whether its key may sign messages. A certificate that does not restrict the use of its key allows it.
    pub(crate) fn may_sign(&self) -> bool {
        // RFC 5280 §4.2.1.3: "The digitalSignature bit is asserted when the subject public key is used for verifying
        // digital signatures, other than signatures on certificates […] and CRLs".
        self.key_usage.is_none_or(|usage| usage.digital_signature())
    }

    /// Whether it says what its key is for.
    pub(crate) const fn has_purpose(&self) -> bool {
        self.has_extended_key_usage
    }
}

fn directory_string(attribute: &AttributeTypeAndValue) -> Option<String> {
    DirectoryString::try_from(&attribute.value).ok().map(|name| name.value().to_string())
}
