//! PrivateMessage, sender data and message keys (RFC 9420 §6.3, §9, §15.3).

mod content;
mod generations;
mod own;
mod sender_data;

use crate::common::*;

/// Application data, encrypted.
fn data<'a>() -> Plan<'a> {
    Plan::application(b"data")
}

/// What is authenticated of a header with this group, epoch, and content type.
fn header(group_id: &[u8], epoch: u64, content_type: u8) -> Vec<u8> {
    [&group_id.to_vec().bytes()[..], &epoch.bytes(), &[content_type]].concat()
}
