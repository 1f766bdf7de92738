//! Values that many tests are made with.

use cenacle_codec::Decode as _;
use cenacle_mls::{
    Error, Need,
    group::{CustomProposal, GroupPolicy},
    wire::{PreSharedKeyId as MlsPreSharedKeyId, ProposalType},
};
use cenacle_testkit::{
    forge::{Insider, Lifetime, PreSharedKeyId, Proposal, Psk, ReInit, Source, Wire as _},
    world::LIFETIME,
};

/// A policy by which external senders may send a type of their own, over and over.
pub(crate) struct Open;

impl GroupPolicy for Open {
    fn custom_proposal(&self, _: ProposalType) -> CustomProposal {
        CustomProposal { path_required: true, external: true }
    }
}

/// A ReInit to a group of this name that is otherwise as before.
pub(crate) fn reinit(group_id: &[u8]) -> Proposal {
    Proposal::ReInit(ReInit { group_id: group_id.to_vec(), version: 1, cipher_suite: 1, extensions: Vec::new() })
}

/// The source of a key package's leaf that is valid until then.
pub(crate) fn lasting(not_after: u64) -> Source {
    Source::KeyPackage(Lifetime { not_before: LIFETIME.not_before, not_after })
}

/// The refusal of whoever does not have this PSK.
pub(crate) fn missing_psk(id: &PreSharedKeyId) -> Error {
    Error::Missing(Need::Psk(MlsPreSharedKeyId::from_bytes(&id.bytes()).expect("an identifier")))
}

/// The resumption PSK of the insider's present epoch, to be used in this way.
pub(crate) fn resumption(of: &mut Insider, usage: u8) -> PreSharedKeyId {
    let (psk_group_id, psk_epoch) = (of.context.group_id.clone(), of.context.epoch);
    of.psk_id(Psk::Resumption { usage, psk_group_id, psk_epoch })
}
