//! What members say survives its encoding, and what a newer version says is not an error.

use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CipherSuite, Secret};
use cenacle_service::wire::ContentHash;
use proptest::prelude::*;

use crate::{Content, FileInfo, MemberId, MessageId, payload::Payload};

fn file(name: String, size_bytes: u64) -> FileInfo {
    let key = Secret::from_slice(&[7; 16]).unwrap();
    FileInfo { name, size_bytes, blob: ContentHash([9; 32]), cipher_suite: CipherSuite(1), key }
}

proptest! {
    #[test]
    fn a_payload_survives_its_encoding(id: [u8; 16], text: String, size: u64, is_file: bool) {
        let content = if is_file { Content::File(file(text, size)) } else { Content::Text(text) };
        let payload = Payload { id: MessageId(id), content };
        prop_assert_eq!(Payload::from_bytes(&payload.to_bytes().unwrap()).unwrap(), payload);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
        if let Ok(payload) = Payload::from_bytes(&bytes) {
            prop_assert!(payload.content == Content::Unknown || payload.to_bytes().unwrap() == bytes);
        }
    }

    #[test]
    fn an_identity_survives_its_credential(name in "[a-z0-9_-][a-z0-9._-]{0,63}", device: [u8; 16]) {
        let id = MemberId { name: name.parse().unwrap(), device: cenacle_service::wire::DeviceId(device) };
        prop_assert_eq!(MemberId::from_credential(&id.to_credential()), Some(id));
    }
}

#[test]
fn what_a_newer_version_says_is_unknown_but_has_its_identifier() {
    let newer = [&[0, 2][..], &[5; 16], &[77, 1, 2, 3]].concat();
    let payload = Payload::from_bytes(&newer).unwrap();
    assert_eq!((payload.id, payload.content), (MessageId([5; 16]), Content::Unknown));
    let kind = [&[0, 1][..], &[5; 16], &[200, 1, 2, 3]].concat();
    assert_eq!(Payload::from_bytes(&kind).unwrap().content, Content::Unknown);
}

#[test]
fn other_credentials_name_nobody() {
    let basic = |text: &[u8]| cenacle_mls::wire::Credential::Basic(text.into());
    for text in ["", "alice", "alice/", "/AAAAAAAAAAAAAAAAAAAAAA", "Alice/AAAAAAAAAAAAAAAAAAAAAA", "alice/AAAA"] {
        assert_eq!(MemberId::from_credential(&basic(text.as_bytes())), None, "{text}");
    }
    assert!(MemberId::from_credential(&basic(b"alice/AAAAAAAAAAAAAAAAAAAAAA")).is_some());
}

#[test]
fn a_file_description_does_not_print_its_key() {
    assert!(!format!("{:?}", file("secret.txt".into(), 3)).contains("key"));
}
