//! secret-tree.json: the first keys of every leaf and some later ones, so that ratchets must skip.

use cenacle_mls::{
    limits::Limits,
    protect::private::sender_data_key,
    schedule::EncryptionSecret,
    secret_tree::{RatchetKind, SecretTree},
    tree::math,
    wire::{Generation, LeafIndex},
};

use super::{
    super::{
        check::Failure,
        secret_tree::{GenerationVector, SecretTreeVector, SenderDataVector},
    },
    Case, Size,
};

pub(super) fn count(size: Size) -> usize {
    size.of(2, 3)
}

pub(super) fn make(case: &mut Case) -> Result<SecretTreeVector, Failure> {
    let widths: &[u32] = case.size.of(&[1, 4], &[1, 8, 32]);
    let width = widths.get(case.index).copied().unwrap_or(1);
    let generations: &[u32] = case.size.of(&[0, 3], &[0, 15]);
    let sender_data = sender_data(case)?;
    let secret = case.dice.secret(case.hash_length());
    let encryption_secret = (&secret).into();
    let mut tree = SecretTree::new(math::root(width), EncryptionSecret(secret));
    let mut leaves = Vec::new();
    for leaf in 0..width {
        let mut keys = Vec::new();
        for generation in generations {
            keys.push(keys_of(case, &mut tree, LeafIndex(leaf), *generation)?);
        }
        leaves.push(keys);
    }
    Ok(SecretTreeVector { cipher_suite: case.cipher_suite(), sender_data, encryption_secret, leaves })
}

fn sender_data(case: &mut Case) -> Result<SenderDataVector, Failure> {
    // Shorter than the sample that is taken, as short ciphertexts are, or longer.
    let nh = case.hash_length();
    let (secret, ciphertext) = (case.dice.secret(nh), case.dice.bytes(if case.index == 0 { nh / 2 } else { nh + 45 }));
    let (key, nonce) = sender_data_key(&*case.suite, &secret, &ciphertext)?;
    Ok(SenderDataVector {
        sender_data_secret: (&secret).into(),
        ciphertext: ciphertext.into(),
        key: (&key).into(),
        nonce: (&nonce).into(),
    })
}

fn keys_of(case: &Case, tree: &mut SecretTree, leaf: LeafIndex, generation: u32) -> Result<GenerationVector, Failure> {
    let mut take = |kind| {
        let (key, change) = tree.key_for(&*case.suite, leaf, kind, Generation(generation), &Limits::default())?;
        tree.apply(change);
        Ok::<_, Failure>(key)
    };
    let handshake = take(RatchetKind::Handshake)?;
    let application = take(RatchetKind::Application)?;
    Ok(GenerationVector {
        generation,
        handshake_key: (&handshake.key).into(),
        handshake_nonce: (&handshake.nonce).into(),
        application_key: (&application.key).into(),
        application_nonce: (&application.nonce).into(),
    })
}
