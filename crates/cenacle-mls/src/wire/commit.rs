//! Commits (RFC 9420 §12.4).

use alloc::{boxed::Box, vec::Vec};

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, codec_struct};

use super::{Proposal, ProposalRef, UpdatePath};

/// A proposal, or the hash of one sent before (RFC 9420 §12.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalOrRef {
    /// The committer's own proposal, by value.
    Proposal(Proposal),
    /// A proposal sent earlier in the epoch.
    Reference(Box<ProposalRef>),
}

impl Encode for ProposalOrRef {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Proposal(proposal) => out.put(&1u8).put(proposal),
            Self::Reference(reference) => out.put(&2u8).put(reference),
        };
    }
}

impl Decode for ProposalOrRef {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Proposal::decode(from).map(Self::Proposal),
            2 => {
                let reference = ProposalRef::decode(from)?;
                // No suite's hash is shorter; a list of empty references would take far more memory than bytes.
                if reference.0.len() < 32 {
                    return Err(before.error(DecodeErrorKind::Forbidden("ProposalRef")));
                }
                from.allocate(size_of::<ProposalRef>())?;
                Ok(Self::Reference(Box::new(reference)))
            }
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("ProposalOrRefType"))),
        }
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        if u8::decode(from)? == 1 { Proposal::skip(from) } else { ProposalRef::skip(from) }
    }
}

codec_struct! {
    /// What starts a new epoch (RFC 9420 §12.4).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Commit {
        /// The changes, in the order the committer gives them.
        pub proposals: Vec<ProposalOrRef>,
        /// New keys from the committer's leaf to the root.
        pub path: Option<UpdatePath>,
    }
}
