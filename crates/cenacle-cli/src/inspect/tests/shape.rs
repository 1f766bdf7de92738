//! Choosing a structure, and what a refusal tells.

use cenacle_codec::{DecodeErrorKind, Encode};
use cenacle_mls::wire::{
    ContentType, Epoch, GroupId, LeafIndex, MlsMessage, PrivateMessage, Proposal, Remove, WireTree,
};

use crate::inspect::{Length, Shape, inspect};

fn private_message() -> PrivateMessage {
    PrivateMessage {
        group_id: GroupId::from(b"group".as_slice()),
        epoch: Epoch(7),
        content_type: ContentType::Commit,
        authenticated_data: b"".into(),
        encrypted_sender_data: (&[0xaa; 28]).into(),
        ciphertext: (&[0xbb; 300]).into(),
    }
}

#[test]
fn an_envelope_is_recognized() {
    let bytes = MlsMessage::from(private_message()).to_bytes().unwrap();
    let inspected = inspect(&bytes, None).unwrap();
    assert_eq!(inspected.shape, Shape::Message);
    let text = inspected.value.to_text(Length::Short);
    for line in [
        "MLSMessage:",
        "  version: MLS10 (0x0001)",
        "  wire_format: PRIVATE_MESSAGE (0x0002)",
        "  private_message:",
        "    group_id: 5 bytes 67726f7570 \"group\"",
        "    epoch: 7",
        "    content_type: commit (0x0003)",
        "    authenticated_data: empty",
        "    ciphertext: 300 bytes bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb…",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn a_bare_structure_is_recognized() {
    let bytes = private_message().to_bytes().unwrap();
    assert_eq!(inspect(&bytes, None).unwrap().shape, Shape::PrivateMessage);
}

#[test]
fn other_readings_are_told() {
    let bytes = Proposal::Remove(Remove { removed: LeafIndex(3) }).to_bytes().unwrap();
    assert_eq!(inspect(&bytes, None).unwrap().shape, Shape::Proposal);
    let bytes = WireTree::new(&[]).unwrap().to_bytes().unwrap();
    let inspected = inspect(&bytes, None).unwrap();
    assert_eq!((inspected.shape, inspected.others.is_empty()), (Shape::RatchetTree, true));
}

#[test]
fn a_demand_is_obeyed() {
    let bytes = private_message().to_bytes().unwrap();
    let refusal = inspect(&bytes, Some(Shape::KeyPackage)).unwrap_err();
    assert_eq!((refusal.shape, refusal.tried), (Shape::KeyPackage, 1));
}

#[test]
fn the_furthest_attempt_is_reported() {
    let mut bytes = MlsMessage::from(private_message()).to_bytes().unwrap();
    bytes.push(0);
    let refusal = inspect(&bytes, None).unwrap_err();
    assert_eq!(refusal.shape, Shape::Message);
    assert_eq!(refusal.error.offset, bytes.len() - 1);
    assert_eq!(refusal.error.kind, DecodeErrorKind::TrailingBytes);
    assert_eq!(refusal.tried, Shape::ALL.len());
}
