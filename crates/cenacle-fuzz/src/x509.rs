//! Certificate chains as a credential carries them. An authority that is trusted has certified one member; only that
//! member's certificate is ever believed, whatever comes with it.

use core::{cell::OnceCell, time::Duration};

use cenacle_codec::{Decode as _, Encode as _, Opaque};
use cenacle_crypto::{CipherSuite, SignaturePublicKey};
use cenacle_mls::{
    group::{CredentialPolicy as _, Occasion, Presented, Verdict},
    wire::Credential,
};
use cenacle_x509::{SoleName, X509Policy, credential};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SanType,
    date_time_ymd,
};

use crate::source::Source;

struct Scene {
    policy: X509Policy<SoleName>,
    /// The member's certificate, and that of the authority between it and the root.
    chain: [Vec<u8>; 2],
    key: SignaturePublicKey,
    now_seconds: u64,
}

/// An Ed25519 key pair of a fixed seed, so that an input means the same in every process.
fn key_pair(seed: u8) -> KeyPair {
    let pkcs8 = [&hex::decode("302e020100300506032b657004220420").unwrap()[..], &[seed; 32]].concat();
    KeyPair::try_from(pkcs8).unwrap()
}

fn params(authority: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = params.not_before + Duration::from_secs(100 * 24 * 3_600);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    } else {
        params.subject_alt_names = vec![SanType::URI("mls:alice".try_into().unwrap())];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    }
    params
}

impl Scene {
    fn new() -> Self {
        let [root_key, sub_key, member_key] = [1, 2, 3].map(key_pair);
        let root = params(true).self_signed(&root_key).unwrap().der().to_vec();
        let root_issuer = Issuer::new(params(true), root_key);
        let sub = params(true).signed_by(&sub_key, &root_issuer).unwrap().der().to_vec();
        let member = params(false).signed_by(&member_key, &Issuer::new(params(true), sub_key)).unwrap();
        let scene = Self {
            policy: X509Policy::new([root], SoleName::Uri).unwrap(),
            chain: [member.der().to_vec(), sub],
            key: SignaturePublicKey(member_key.der_bytes().into()),
            now_seconds: u64::try_from(date_time_ymd(2026, 1, 10).unix_timestamp()).unwrap(),
        };
        assert!(scene.believes(&Credential::X509(scene.chain.iter().map(|der| der.as_slice().into()).collect())));
        scene
    }

    fn believes(&self, credential: &Credential) -> bool {
        let judge = self.policy.at(CipherSuite(1), self.now_seconds);
        assert_ne!(judge.identity(credential), Opaque::EMPTY);
        let (occasion, signature_key) = (Occasion::Join, &self.key);
        let presented = Presented { occasion, group_id: None, credential, signature_key, replaces: None };
        judge.verdict(&presented) == Verdict::Accept
    }
}

pub(crate) fn run(input: &[u8]) {
    thread_local!(static SCENE: OnceCell<Scene> = const { OnceCell::new() });
    SCENE.with(|scene| try_chain(scene.get_or_init(Scene::new), input));
}

fn try_chain(scene: &Scene, input: &[u8]) {
    let mut source = Source::new(input);
    let how = source.byte() % 4;
    let mut chain = scene.chain.clone();
    let shown = match how {
        0 => Credential::from_bytes(source.rest()).ok(),
        1 => Credential::from_bytes(&[&[0, 2], source.rest()].concat()).ok(),
        how => {
            source.edit(&mut chain[usize::from(how - 2)]);
            Some(Credential::X509(chain.iter().map(|der| der.as_slice().into()).collect()))
        }
    };
    let Some(shown) = shown else { return };
    let Credential::X509(certificates) = &shown else { return };
    let first_is_genuine = certificates.first().is_some_and(|first| **first == *scene.chain[0]);
    let believed = scene.believes(&shown);
    assert!(first_is_genuine || !believed, "a certificate that nobody issued is believed");
    if believed {
        assert_eq!(credential(certificates.iter().cloned()).unwrap(), shown);
    }
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let Scene { chain, .. } = Scene::new();
    let list: Vec<Opaque> = chain.iter().map(|der| der.as_slice().into()).collect();
    let list = list.to_bytes().unwrap();
    vec![vec![2], vec![3], [&[0, 0, 2], list.as_slice()].concat(), [&[1], list.as_slice()].concat()]
}
