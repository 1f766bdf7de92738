//! crypto-basics.json: each labelled operation once, on random inputs.

use cenacle_crypto::labeled::{
    EncryptContext, derive_secret, derive_tree_secret, expand_with_label, ref_hash, sign_with_label,
};

use super::{
    super::{
        check::Failure,
        crypto_basics::{
            CryptoBasics, DeriveSecret, DeriveTreeSecret, EncryptWithLabel, ExpandWithLabel, RefHash, SignWithLabel,
        },
    },
    Case, Size,
};

pub(super) fn count(_: Size) -> usize {
    1
}

pub(super) fn make(case: &mut Case) -> Result<CryptoBasics, Failure> {
    Ok(CryptoBasics {
        cipher_suite: case.cipher_suite(),
        ref_hash: hashed(case)?,
        expand_with_label: expanded(case)?,
        derive_secret: derived(case)?,
        derive_tree_secret: derived_in_tree(case)?,
        sign_with_label: signed(case)?,
        encrypt_with_label: encrypted(case)?,
    })
}

fn hashed(Case { suite, dice, .. }: &mut Case) -> Result<RefHash, Failure> {
    let (label, value) = ("RefHash", dice.bytes(40));
    let out = ref_hash(&**suite, label, &value)?;
    Ok(RefHash { label: label.to_owned(), value: value.into(), out: out.as_slice().into() })
}

fn expanded(Case { suite, dice, .. }: &mut Case) -> Result<ExpandWithLabel, Failure> {
    let (label, context, length) = ("ExpandWithLabel", dice.bytes(50), suite.aead_key_length());
    let secret = dice.secret(suite.hash_length());
    let out = expand_with_label(&**suite, &secret, label, &context, length)?;
    let (secret, out) = ((&secret).into(), (&out).into());
    Ok(ExpandWithLabel { secret, label: label.to_owned(), context: context.into(), length, out })
}

fn derived(Case { suite, dice, .. }: &mut Case) -> Result<DeriveSecret, Failure> {
    let (label, secret) = ("DeriveSecret", dice.secret(suite.hash_length()));
    let out = derive_secret(&**suite, &secret, label)?;
    Ok(DeriveSecret { secret: (&secret).into(), label: label.to_owned(), out: (&out).into() })
}

fn derived_in_tree(Case { suite, dice, .. }: &mut Case) -> Result<DeriveTreeSecret, Failure> {
    let (label, secret) = ("DeriveTreeSecret", dice.secret(suite.hash_length()));
    let (generation, length) = (dice.number32(), suite.hash_length());
    let out = derive_tree_secret(&**suite, &secret, label, generation, length)?;
    let (secret, out) = ((&secret).into(), (&out).into());
    Ok(DeriveTreeSecret { secret, label: label.to_owned(), generation, length, out })
}

fn signed(Case { suite, dice, .. }: &mut Case) -> Result<SignWithLabel, Failure> {
    let (label, content) = ("SignWithLabel", dice.bytes(60));
    let (private, public) = suite.signature_key_pair(dice)?;
    let signature = sign_with_label(&*suite.signer(&private)?, label, &content)?;
    Ok(SignWithLabel {
        private: private.0.expose().into(),
        public: public.0.as_slice().into(),
        content: content.into(),
        label: label.to_owned(),
        signature: signature.0.as_slice().into(),
    })
}

fn encrypted(Case { suite, dice, .. }: &mut Case) -> Result<EncryptWithLabel, Failure> {
    let (label, context, plaintext) = ("EncryptWithLabel", dice.bytes(30), dice.bytes(70));
    let (private, public) = suite.kem_derive_key_pair(&dice.bytes(suite.kem_secret_key_length()))?;
    let sealed = EncryptContext::new(&**suite, label, &context)?.encrypt(&**suite, &public, &plaintext, dice)?;
    Ok(EncryptWithLabel {
        private: private.0.expose().into(),
        public: public.0.as_slice().into(),
        label: label.to_owned(),
        context: context.into(),
        plaintext: plaintext.into(),
        kem_output: sealed.kem_output.as_slice().into(),
        ciphertext: sealed.ciphertext.as_slice().into(),
    })
}
