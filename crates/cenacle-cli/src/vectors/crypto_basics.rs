//! crypto-basics.json: the labelled operations (RFC 9420 §5.1.2, §5.1.3, §5.2, §8, §9).

use alloc::sync::Arc;

use cenacle_crypto::{
    HpkeCiphertext, HpkePublicKey, Signature, SignaturePublicKey, Suite,
    labeled::{
        EncryptContext, derive_secret, derive_tree_secret, expand_with_label, ref_hash, sign_with_label,
        verify_with_label,
    },
};
use cenacle_crypto_awslc::SystemRng;
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, same_bytes},
    hex_field::Hex,
    vector_file::SuiteVector,
};

/// Each operation once.
#[derive(Serialize, Deserialize)]
pub(crate) struct CryptoBasics {
    pub(crate) cipher_suite: u16,
    pub(crate) ref_hash: RefHash,
    pub(crate) expand_with_label: ExpandWithLabel,
    pub(crate) derive_secret: DeriveSecret,
    pub(crate) derive_tree_secret: DeriveTreeSecret,
    pub(crate) sign_with_label: SignWithLabel,
    pub(crate) encrypt_with_label: EncryptWithLabel,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct RefHash {
    pub(crate) label: String,
    pub(crate) value: Hex,
    pub(crate) out: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ExpandWithLabel {
    pub(crate) secret: Hex,
    pub(crate) label: String,
    pub(crate) context: Hex,
    pub(crate) length: usize,
    pub(crate) out: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DeriveSecret {
    pub(crate) secret: Hex,
    pub(crate) label: String,
    pub(crate) out: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DeriveTreeSecret {
    pub(crate) secret: Hex,
    pub(crate) label: String,
    pub(crate) generation: u32,
    pub(crate) length: usize,
    pub(crate) out: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct SignWithLabel {
    #[serde(rename = "priv")]
    pub(crate) private: Hex,
    #[serde(rename = "pub")]
    pub(crate) public: Hex,
    pub(crate) content: Hex,
    pub(crate) label: String,
    pub(crate) signature: Hex,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct EncryptWithLabel {
    #[serde(rename = "priv")]
    pub(crate) private: Hex,
    #[serde(rename = "pub")]
    pub(crate) public: Hex,
    pub(crate) label: String,
    pub(crate) context: Hex,
    pub(crate) plaintext: Hex,
    pub(crate) kem_output: Hex,
    pub(crate) ciphertext: Hex,
}

impl SuiteVector for CryptoBasics {
    fn cipher_suite(&self) -> u16 {
        self.cipher_suite
    }

    fn verify(&self, suite: &Arc<dyn Suite>) -> Check {
        let suite = &**suite;
        self.ref_hash.verify(suite).at("ref_hash")?;
        self.expand_with_label.verify(suite).at("expand_with_label")?;
        self.derive_secret.verify(suite).at("derive_secret")?;
        self.derive_tree_secret.verify(suite).at("derive_tree_secret")?;
        self.sign_with_label.verify(suite).at("sign_with_label")?;
        self.encrypt_with_label.verify(suite).at("encrypt_with_label")
    }
}

impl RefHash {
    fn verify(&self, suite: &dyn Suite) -> Check {
        same_bytes("out", &ref_hash(suite, &self.label, &self.value)?, &self.out)
    }
}

impl ExpandWithLabel {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let out = expand_with_label(suite, &self.secret.secret()?, &self.label, &self.context, self.length)?;
        same_bytes("out", out.expose(), &self.out)
    }
}

impl DeriveSecret {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let out = derive_secret(suite, &self.secret.secret()?, &self.label)?;
        same_bytes("out", out.expose(), &self.out)
    }
}

impl DeriveTreeSecret {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let out = derive_tree_secret(suite, &self.secret.secret()?, &self.label, self.generation, self.length)?;
        same_bytes("out", out.expose(), &self.out)
    }
}

impl SignWithLabel {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let public = SignaturePublicKey((*self.public).into());
        let given = Signature((*self.signature).into());
        verify_with_label(suite, &public, &self.label, &self.content, &given).at("signature")?;
        let signer = suite.signer(&self.private.signature_secret_key()).at("priv")?;
        same_bytes("public key of priv", &signer.public_key().0, &self.public)?;
        let made = sign_with_label(&*signer, &self.label, &self.content).at("own signature")?;
        verify_with_label(suite, &public, &self.label, &self.content, &made).at("own signature")
    }
}

impl EncryptWithLabel {
    fn verify(&self, suite: &dyn Suite) -> Check {
        let context = EncryptContext::new(suite, &self.label, &self.context)?;
        let (private, public) = (self.private.hpke_secret_key(), HpkePublicKey((*self.public).into()));
        let given = HpkeCiphertext { kem_output: (*self.kem_output).into(), ciphertext: (*self.ciphertext).into() };
        let opened = context.decrypt(suite, &private, &given).at("ciphertext")?;
        same_bytes("plaintext", opened.expose(), &self.plaintext)?;
        let made = context.encrypt(suite, &public, &self.plaintext, &mut SystemRng).at("own ciphertext")?;
        let opened = context.decrypt(suite, &private, &made).at("own ciphertext")?;
        same_bytes("plaintext of own ciphertext", opened.expose(), &self.plaintext)
    }
}
