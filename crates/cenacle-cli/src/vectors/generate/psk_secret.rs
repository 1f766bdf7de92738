//! psk_secret.json: none, one and more external PSKs, whose keys and names have different lengths.

use cenacle_crypto::SecretBytes;
use cenacle_mls::{
    schedule::psk_secret,
    wire::{PreSharedKeyId, Psk},
};

use super::{
    super::{
        check::Failure,
        psk_secret::{ExternalPsk, PskSecretChain},
    },
    Case, Size,
};

pub(super) fn count(size: Size) -> usize {
    size.of(4, 11)
}

pub(super) fn make(case: &mut Case) -> Result<PskSecretChain, Failure> {
    let (mut chain, mut psks) = (Vec::new(), Vec::new());
    for _ in 0..case.index {
        let (psk_id, psk, psk_nonce) =
            (case.dice.bytes(8 + chain.len()), case.dice.bytes(16 + chain.len()), case.dice.bytes(case.hash_length()));
        let id =
            PreSharedKeyId { psk: Psk::External(psk_id.as_slice().into()), psk_nonce: psk_nonce.as_slice().into() };
        chain.push((id, SecretBytes::from(psk.as_slice())));
        psks.push(ExternalPsk { psk_id: psk_id.into(), psk: psk.into(), psk_nonce: psk_nonce.into() });
    }
    let psk_secret = psk_secret(&*case.suite, &chain)?;
    Ok(PskSecretChain { cipher_suite: case.cipher_suite(), psks, psk_secret: (&psk_secret.0).into() })
}
