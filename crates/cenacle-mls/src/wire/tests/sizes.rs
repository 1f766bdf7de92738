//! How much memory the items of lists take for their length. What rules let through must stay below the bound that the reader
//! counts, in whatever it is packed: else what one member accepts is more than another can read, or than can be read back.

use alloc::{boxed::Box, vec, vec::Vec};

use cenacle_codec::{Encode, MEMORY_FACTOR, Opaque};
use cenacle_crypto::{CipherSuite, HpkeCiphertext, HpkePublicKey, SignaturePublicKey};

use crate::wire::*;

/// Not shorter than the shortest that any suite has.
fn digest() -> cenacle_crypto::Digest {
    cenacle_crypto::Digest::from_slice(&[1; 32]).unwrap()
}

fn key() -> Opaque {
    vec![1; 32].into()
}

/// A list's items in memory, and the shortest of them that is no nonsense.
fn factor<T>(name: &str, shortest: &impl Encode) {
    let (memory, bytes) = (size_of::<T>(), shortest.to_bytes().unwrap().len());
    assert!(memory <= MEMORY_FACTOR * bytes, "{name} takes {memory} bytes for {bytes}");
}

#[test]
fn items_of_lists_take_less_than_the_reader_allows() {
    let custom = Proposal::Custom(ProposalType(0xf001), Opaque::EMPTY);
    factor::<ProposalOrRef>("a proposal", &ProposalOrRef::Proposal(custom));
    factor::<ProposalOrRef>("a reference", &ProposalOrRef::Reference(Box::new(ProposalRef(digest()))));
    factor::<Extension>("an extension", &Extension { extension_type: ExtensionType(9), extension_data: Opaque::EMPTY });
    factor::<Opaque>("a certificate", &Opaque::from(&[1]));
    factor::<ProposalType>("a type", &ProposalType(1));
    factor::<LeafIndex>("an index", &LeafIndex(1));
    let ciphertext = HpkeCiphertext { kem_output: key(), ciphertext: vec![1; 48].into() };
    factor::<HpkeCiphertext>("a ciphertext", &ciphertext);
    let node = UpdatePathNode { encryption_key: HpkePublicKey(key()), encrypted_path_secret: Vec::new() };
    factor::<UpdatePathNode>("a path's node", &node);
    let secrets = EncryptedGroupSecrets { new_member: KeyPackageRef(digest()), encrypted_group_secrets: ciphertext };
    factor::<EncryptedGroupSecrets>("a Welcome's entry", &secrets);
    let psk = PreSharedKeyId { psk: Psk::External(Opaque::EMPTY), psk_nonce: key() };
    factor::<PreSharedKeyId>("a PSK's name", &psk);
    let credential = Credential::Basic(Opaque::EMPTY);
    factor::<ExternalSender>("a sender", &ExternalSender { signature_key: SignaturePublicKey(key()), credential });
    factor::<CipherSuite>("a suite", &CipherSuite(1));
}
