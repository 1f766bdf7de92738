//! Who a member is: a device of an account. In a credential it stands as `name/device`, the account's name and the
//! device's identifier as the services write it; no other form is taken for an identity.

use core::fmt;

use cenacle_codec::{Decode, DecodeError, DecodeErrorKind, Encode, Opaque, Reader, Writer};
use cenacle_mls::wire::Credential;
use cenacle_service::wire::{AccountName, DeviceId};

/// A device of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// The account's name.
    pub name: AccountName,
    /// The device.
    pub device: DeviceId,
}

impl MemberId {
    /// The basic credential that claims this identity (RFC 9420 §5.3).
    #[must_use]
    pub fn to_credential(&self) -> Credential {
        Credential::Basic(self.to_string().into_bytes().into())
    }

    /// The identity that a credential claims, or `None` if it claims none of this form. Nothing is checked here.
    #[must_use]
    pub fn from_credential(credential: &Credential) -> Option<Self> {
        let Credential::Basic(identity) = credential else { return None };
        let (name, device) = core::str::from_utf8(identity).ok()?.split_once('/')?;
        Some(Self { name: name.parse().ok()?, device: device.parse().ok()? })
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.device)
    }
}

impl Encode for MemberId {
    fn encode(&self, out: &mut Writer) {
        out.put(&self.name).put(&self.device);
    }
}

impl Decode for MemberId {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { name: Decode::decode(from)?, device: Decode::decode(from)? })
    }
}

/// UTF-8 text behind its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

impl Encode for Text {
    fn encode(&self, out: &mut Writer) {
        out.opaque(self.0.as_bytes());
    }
}

impl Decode for Text {
    fn decode(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = from.clone();
        let text = String::from_utf8(Opaque::decode(from)?.into_vec());
        text.map(Self).map_err(|_| before.error(DecodeErrorKind::Forbidden("text")))
    }
}
