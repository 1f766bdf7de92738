//! Encrypted content (RFC 9420 §6.3.1).

use alloc::collections::BTreeSet;

use super::{data, header};
use crate::common::*;

/// §6.3.1: Padding is all zero.
#[test]
fn r071_padding_of_other_bytes() {
    let mut trial = Trial::new(71);
    for plan in [data, || Plan::proposal(Proposal::Remove(3)).private(), || Plan::commit().private()] {
        for place in [0, 6] {
            let bad = trial.alice.make(plan().seal(|seal| seal.padding[place] = 1));
            trial.refuses_encoding(&bad, DecodeErrorKind::Forbidden("padding"));
        }
    }
    let twin = trial.alice.make(data());
    trial.accepts(&twin);
}

/// §6.3.1: A sender pads with zeros, to a multiple of what its settings say.
#[test]
fn r072_padding_that_is_sent() {
    for multiple in [1, 32, 100] {
        let mut world = Trial::world(72, 1);
        world.settings.padding.multiple_bytes = multiple;
        let mut trial = Trial::of(world.group_of(&["alice", "bob", "carol"]));
        for length in [0, 1, 31, 32, 33, 200] {
            let message = trial.performs(|group, _, rng| group.protect(&vec![7; length], b"", rng)).to_bytes().unwrap();
            let (_, plaintext) = trial.alice.unseal(&message);
            let mut from = Scan(&plaintext);
            let (sent, signature): (Vec<u8>, Vec<u8>) = (from.read(), from.read());
            assert_eq!((sent.len(), signature.len()), (length, 64));
            assert!(from.0.iter().all(|byte| *byte == 0) && from.0.len() < usize::from(multiple));
            assert_eq!(plaintext.len() % usize::from(multiple), 0, "{length} bytes of data");
        }
        trial.goes_on();
    }
}

/// §6.3.1: The content is bound to group, epoch, content type and the data in the clear.
#[test]
fn r073_content_under_another_header() {
    let mut trial = Trial::new(73);
    let (group_id, epoch) = (trial.alice.context.group_id.clone(), trial.alice.context.epoch);
    let about = [
        header(b"another", epoch, code::APPLICATION),
        header(&group_id, epoch + 1, code::APPLICATION),
        header(&group_id, epoch, code::PROPOSAL),
    ];
    let authenticated = b"in the clear".to_vec().bytes();
    let associated = about.map(|about| [about, authenticated.clone()].concat());
    let other_data = [header(&group_id, epoch, code::APPLICATION), b"other".to_vec().bytes()].concat();
    let plan = || Plan { authenticated_data: b"in the clear".to_vec(), ..data() };
    for aad in associated.into_iter().chain([other_data]) {
        let bad = trial.alice.make(plan().seal(|seal| seal.content_aad = Some(aad.clone())));
        trial.refuses(&bad, What::Ciphertext);
    }
    // What anyone can do on the way: the clear data is not part of what the sender data covers.
    let bad = trial.alice.make(plan().sealed(|sealed| sealed.authenticated_data[0] ^= 1));
    trial.refuses(&bad, What::Ciphertext);
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §6.3.1: The content is what its header says.
#[test]
fn r074_commit_as_application_data() {
    let mut trial = Trial::new(74);
    // Under the key of the application ratchet; the presence octet of the path reads as the length of a signature, and what
    // follows as padding.
    let bad = Plan::commit().private().seal(|seal| {
        seal.header.content_type = code::APPLICATION;
        seal.ratchet = Ratchet::Application;
        (seal.generation, seal.sender_data.generation) = (0, 0);
    });
    let bad = trial.alice.make(bad);
    trial.refuses_encoding(&bad, DecodeErrorKind::Forbidden("padding"));
    // The other way round: what would be a commit is none.
    let bad = data().seal(|seal| {
        seal.header.content_type = code::PROPOSAL;
        seal.ratchet = Ratchet::Handshake;
    });
    let bad = trial.alice.make(bad);
    // "data" begins with the length 4 and the letter d: no type of proposal, but one that a version to come may know.
    trial.refuses_encoding(&bad, DecodeErrorKind::UnexpectedEnd);
    let twin = trial.alice.make(Plan::commit().private());
    trial.accepts(&twin);
}

/// §6.3.1: A content encrypted under another member's ratchet is still signed by whom its sender data names.
#[test]
fn r075_anothers_ratchet() {
    let mut trial = Trial::new(75);
    let carol = trial.leaf("carol");
    let bad = trial.alice.make(Plan::application(b"from carol?").sender(Sender::Member(carol)).seal(|seal| {
        seal.ratchet_leaf = carol;
        seal.sender_data.leaf_index = carol;
    }));
    trial.refuses(&bad, What::ContentSignature);
    // Carol's key of that generation was not used up.
    let twin = trial.world.protect("carol", b"from carol");
    trial.deliver(&twin);
    trial.twin_was_accepted();
    trial.goes_on();
}

/// §6.3.1: The reuse guard is fresh for every message, in every copy of a state.
#[test]
fn r076_reuse_guards_are_random() {
    let mut trial = Trial::new(76);
    let (messages, mut guards, mut ones) = (512, BTreeSet::new(), [0; 32]);
    for _ in 0..messages {
        let message = trial.performs(|group, _, rng| group.protect(b"x", b"", rng)).to_bytes().unwrap();
        let guard = u32::from_be_bytes(trial.alice.unseal(&message).0.reuse_guard);
        guards.insert(guard);
        ones.iter_mut().enumerate().for_each(|(bit, count)| *count += guard >> bit & 1);
    }
    assert_eq!(guards.len(), messages, "a guard came twice");
    // Six standard deviations on either side of one half.
    assert!(ones.iter().all(|count| (188..=324).contains(count)), "{ones:?}");
    // Two who go on from one snapshot use one generation, under guards that differ.
    let client = trial.world.forger("bob", trial.world.signers["bob"].clone());
    let copy = trial.world.at("bob").copied(client);
    trial.world.people.insert("copy".into(), copy);
    let [one, other] = ["bob", "copy"].map(|name| {
        let mut rng = trial.world.dice.fork();
        let message = trial.person(name).step(|group| group.protect(b"x", b"", &mut rng));
        trial.alice.unseal(&message.to_bytes().unwrap()).0
    });
    assert_eq!(one.leaf_index, other.leaf_index);
    assert_ne!(one.reuse_guard, other.reuse_guard);
    trial.world.people.remove("copy");
    trial.goes_on();
}

/// §6.3.1: The reuse guard of the sender data is mixed into the nonce.
#[test]
fn r077_another_reuse_guard() {
    let mut trial = Trial::new(77);
    for place in 0..4 {
        let bad = trial.alice.make(data().generation(2).seal(|seal| seal.sender_data.reuse_guard[place] ^= 1));
        trial.refuses(&bad, What::Ciphertext);
    }
    let twin = trial.alice.make(data().generation(2));
    trial.accepts(&twin);
}

/// §6.3.2: A short ciphertext is a short sample, and no reason to panic.
#[test]
fn r083_short_ciphertexts() {
    let mut trial = Trial::new(83);
    for length in 0..=33 {
        let bad = trial.alice.make(data().ciphertext(|ciphertext| ciphertext.truncate(length)));
        trial.refuses(&bad, What::Ciphertext);
    }
    // The shortest there is: no data, no padding.
    let twin = trial.alice.make(Plan::application(b"").seal(|seal| seal.padding.clear()));
    trial.accepts(&twin);
}

/// §9.2: A failed decryption does not use up the key.
#[test]
fn r087_tampered_copy_first() {
    let mut trial = Trial::new(87);
    for plan in [data, || Plan::commit().private()] {
        let twin = trial.alice.make(plan());
        let mut bad = twin.clone();
        *bad.bytes.last_mut().unwrap() ^= 1;
        trial.refuses(&bad, What::Ciphertext);
        trial.accepts(&twin);
    }
}

/// §6.3: Handshakes are encrypted under the handshake ratchet alone.
#[test]
fn r092_commit_under_the_application_ratchet() {
    let mut trial = Trial::new(92);
    for plan in [|| Plan::commit().private(), || Plan::proposal(Proposal::Remove(3)).private()] {
        let bad = trial.alice.make(plan().seal(|seal| {
            seal.ratchet = Ratchet::Application;
            seal.generation = 0;
            seal.sender_data.generation = 0;
        }));
        // Its first handshake keys may be used up already: what is left is refused for its key.
        trial.refuses(&bad, What::Ciphertext);
    }
    let twin = trial.alice.make(Plan::commit().private());
    trial.accepts(&twin);
}
