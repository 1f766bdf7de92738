//! A public key infrastructure in a test: authorities, and the certificates they issue.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, reason = "test support")]
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc, reason = "test support")]

use std::{net::IpAddr, time::Duration};

use cenacle_codec::Opaque;
use cenacle_crypto::{CipherSuite, SignaturePublicKey};
use cenacle_mls::{
    group::{CredentialPolicy, Occasion, Presented, Verdict},
    wire::{Credential, GroupId},
};
use cenacle_x509::{NameMapping, SoleName, X509Policy};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData,
    RevokedCertParams, SanType, SerialNumber, SignatureAlgorithm, date_time_ymd,
};

pub const ED25519: CipherSuite = CipherSuite(1);
pub const GRACE_SECONDS: u64 = 90 * 24 * 3600;

/// Midnight of a day counted from 2026-01-01, in seconds since the Unix epoch.
pub fn day(n: u64) -> u64 {
    u64::try_from(date_time_ymd(2026, 1, 1).unix_timestamp()).unwrap() + n * 24 * 3600
}

/// Sets when a certificate is valid: from one day to another, both included.
pub fn valid(params: &mut CertificateParams, from: u64, to: u64) {
    let start = date_time_ymd(2026, 1, 1);
    params.not_before = start + Duration::from_secs(from * 24 * 3600);
    params.not_after = start + Duration::from_secs(to * 24 * 3600);
}

/// A member's key as MLS has it.
pub struct MemberKey {
    pub algorithm: &'static SignatureAlgorithm,
    pub public: SignaturePublicKey,
}

impl MemberKey {
    pub fn new(n: u8) -> Self {
        Self { algorithm: &PKCS_ED25519, public: SignaturePublicKey(Opaque::from(&[n; 32])) }
    }
}

impl PublicKeyData for MemberKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

pub struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pub der: Vec<u8>,
}

impl Authority {
    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        valid(&mut params, 0, 1_000);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    }

    pub fn root(name: &str) -> Self {
        let params = Self::params(name);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { params, key, der }
    }

    /// An authority certified by this one, perhaps in a way it should not be.
    pub fn sub(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = Self::params(name);
        change(&mut params);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Self { params, key, der }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// A certificate for a member, perhaps with something about it changed.
    pub fn certify(&self, name: &str, key: &MemberKey, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = member(name);
        change(&mut params);
        params.signed_by(key, &self.issuer()).unwrap().der().to_vec()
    }

    /// A revocation list with these serial numbers, good until a day.
    pub fn revoke(&self, serial_numbers: &[u8], until: u64) -> Vec<u8> {
        let at = date_time_ymd(2026, 1, 1);
        let revoked = |serial: &u8| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: at,
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: at,
            next_update: at + Duration::from_secs(until * 24 * 3600),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serial_numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer()).unwrap().der().to_vec()
    }
}

/// What a good member's certificate says.
pub fn member(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    valid(&mut params, 0, 100);
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = vec![uri(&format!("mls:{name}")), dns(&format!("{name}.example.org"))];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

pub fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

pub fn email(address: &str) -> SanType {
    SanType::Rfc822Name(address.try_into().unwrap())
}

pub fn ip(address: &str) -> SanType {
    SanType::IpAddress(address.parse::<IpAddr>().unwrap())
}

/// Members are who their URI says.
pub fn policy(root: &Authority) -> X509Policy<SoleName> {
    X509Policy::new([&root.der], SoleName::Uri).unwrap()
}

pub fn chain(certificates: &[&[u8]]) -> Credential {
    Credential::X509(certificates.iter().map(|der| Opaque::from(*der)).collect())
}

/// A verdict on who is added on day 10.
pub fn verdict<M: NameMapping>(policy: &X509Policy<M>, credential: &Credential, key: &MemberKey) -> Verdict {
    verdict_at(policy, Occasion::Add, 10, credential, key)
}

pub fn verdict_at<M: NameMapping>(
    policy: &X509Policy<M>,
    occasion: Occasion,
    on_day: u64,
    credential: &Credential,
    key: &MemberKey,
) -> Verdict {
    let group_id = GroupId::from(&b"group"[..]);
    let presented =
        Presented { occasion, group_id: Some(&group_id), credential, signature_key: &key.public, replaces: None };
    policy.at(ED25519, day(on_day)).verdict(&presented)
}

pub fn succession<M: NameMapping>(
    policy: &X509Policy<M>,
    on_day: u64,
    old: &Credential,
    new: &Credential,
    key: &MemberKey,
) -> Verdict {
    let presented = Presented {
        occasion: Occasion::Update,
        group_id: None,
        credential: new,
        signature_key: &key.public,
        replaces: Some(old),
    };
    policy.at(ED25519, day(on_day)).verdict(&presented)
}
