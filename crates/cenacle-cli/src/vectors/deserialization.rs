//! deserialization.json: length headers of vectors (RFC 9420 §2.1.2).

use cenacle_codec::{Reader, Writer};
use serde::{Deserialize, Serialize};

use super::{
    check::{At as _, Check, same, same_bytes},
    hex_field::Hex,
    vector_file::PlainVector,
};

/// A header alone, without the vector it would announce.
#[derive(Serialize, Deserialize)]
pub(crate) struct LengthHeader {
    pub(crate) vlbytes_header: Hex,
    pub(crate) length: usize,
}

impl PlainVector for LengthHeader {
    fn verify(&self) -> Check {
        let mut header = Reader::new(&self.vlbytes_header);
        same("length", header.length().at("vlbytes_header")?, self.length)?;
        header.finish().at("vlbytes_header")?;
        let mut written = Writer::new();
        written.length(self.length);
        same_bytes("vlbytes_header", written.as_bytes(), &self.vlbytes_header)
    }
}
