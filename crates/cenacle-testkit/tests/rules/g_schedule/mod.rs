//! Key schedule, transcript, PSKs, exporter, deletion (RFC 9420 §8, §9.2).

mod deletion;
mod epochs;
mod psks;
