//! Spellings of bytes.

use crate::inspect::input::{Input, Spelling};

fn read(text: &str) -> Option<(Vec<u8>, Spelling)> {
    Input::of_text(text).map(|input| (input.bytes, input.spelling))
}

#[test]
fn hexadecimal_in_its_costumes() {
    let bytes = vec![0x00, 0x01, 0xfe, 0xff];
    for text in ["0001feff", "0x0001FEFF", "00:01:fe:ff", " 00 01\n fe ff\n", "\"0001feff\""] {
        assert_eq!(read(text), Some((bytes.clone(), Spelling::Hexadecimal)), "{text}");
    }
}

#[test]
fn base64_of_both_alphabets_padded_or_not() {
    let bytes = vec![0x00, 0x01, 0xfe, 0xff];
    for text in ["AAH+/w==", "AAH+/w", "AAH-_w==", "AAH-_w", "AAH+\n/w==\n"] {
        assert_eq!(read(text), Some((bytes.clone(), Spelling::Base64)), "{text}");
    }
}

#[test]
fn neither() {
    assert_eq!(read("no such file.bin"), None);
    assert_eq!(read("AAH+_w"), None, "alphabets do not mix");
}

#[test]
fn raw_bytes_stay() {
    let bytes = vec![0x00, 0x01, 0x00, 0x03];
    assert_eq!(Input::of_content(bytes.clone()), Input { bytes, spelling: Spelling::Raw });
    let spelled = Input::of_content(b"0001\n".to_vec());
    assert_eq!(spelled, Input { bytes: vec![0, 1], spelling: Spelling::Hexadecimal });
}
