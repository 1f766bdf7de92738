//! Names of pre-shared keys (RFC 9420 §8.4). The keys themselves never travel.

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer, codec_struct};

use super::{Epoch, GroupId};

/// What a resumption PSK is used for (RFC 9420 §8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResumptionPskUsage {
    /// Continuity within a group, or whatever the application means by it.
    Application,
    /// The group that replaces one by ReInit.
    Reinit,
    /// A group branched off another.
    Branch,
}

impl Encode for ResumptionPskUsage {
    fn encode(&self, out: &mut Writer) {
        out.put(match self {
            Self::Application => &1u8,
            Self::Reinit => &2u8,
            Self::Branch => &3u8,
        });
    }
}

impl Decode for ResumptionPskUsage {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Ok(Self::Application),
            2 => Ok(Self::Reinit),
            3 => Ok(Self::Branch),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("ResumptionPSKUsage"))),
        }
    }
}

/// Where a pre-shared key comes from (RFC 9420 §8.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Psk {
    /// From the application, under a name of its own.
    External(Opaque),
    /// From an epoch of a group.
    Resumption {
        /// What it is used for.
        usage: ResumptionPskUsage,
        /// The group it comes from.
        psk_group_id: GroupId,
        /// The epoch it comes from.
        psk_epoch: Epoch,
    },
}

impl Psk {
    /// Whether it is the resumption PSK that ties a new group to an old one (RFC 9420 §11.2, §11.3).
    #[must_use]
    pub const fn continues(&self) -> bool {
        matches!(self, Self::Resumption { usage: ResumptionPskUsage::Reinit | ResumptionPskUsage::Branch, .. })
    }
}

impl Encode for Psk {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::External(psk_id) => out.put(&1u8).put(psk_id),
            Self::Resumption { usage, psk_group_id, psk_epoch } => {
                out.put(&2u8).put(usage).put(psk_group_id).put(psk_epoch)
            }
        };
    }
}

impl Decode for Psk {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        match u8::decode(from)? {
            1 => Opaque::decode(from).map(Self::External),
            2 => Ok(Self::Resumption {
                usage: Decode::decode(from)?,
                psk_group_id: Decode::decode(from)?,
                psk_epoch: Decode::decode(from)?,
            }),
            _ => Err(before.error(DecodeErrorKind::UnknownVariant("PSKType"))),
        }
    }

    fn skip(from: &mut Reader<'_>) -> Result<(), DecodeError> {
        if u8::decode(from)? != 2 {
            return Opaque::skip(from);
        }
        ResumptionPskUsage::skip(from)?;
        GroupId::skip(from)?;
        Epoch::skip(from)
    }
}

codec_struct! {
    /// One use of a pre-shared key (RFC 9420 §8.4).
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct PreSharedKeyId {
        /// Which key.
        pub psk: Psk,
        /// Fresh randomness of `Nh` bytes.
        pub psk_nonce: Opaque,
    }

    /// The context that folds one PSK into the secret (RFC 9420 §8.4).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PskLabel {
        /// The use.
        pub id: PreSharedKeyId,
        /// Its position in the list.
        pub index: u16,
        /// The length of the list.
        pub count: u16,
    }
}
