//! What an application may choose about certificates: how long they are believed, what they must be for, and what is known
//! about revoked ones.

/// Whether a certificate that has expired is still believed (RFC 9420 §5.3.2). One that is not valid yet never is.
///
/// A member whose own certificate has expired can always replace it: the credential that goes is only asked for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// Never. A group with one expired member cannot be joined, and whoever reads a message after a certificate in it
    /// has expired cannot follow the group any more.
    Strict,
    /// Of members in groups one joins and of external senders, for so many seconds: "to avoid operational problems such as new
    /// joiners rejecting expired credentials in a group". What other messages bring must be current when they are read.
    Members {
        /// Seconds after the end of the chain's validity.
        grace_seconds: u64,
    },
    /// The same, and of what all messages bring: they may be read long after they were sent, and those who read them late
    /// must not decide otherwise than those who read them at once. Only key packages that one is about to add oneself must
    /// be current.
    Late {
        /// Seconds after the end of the chain's validity.
        grace_seconds: u64,
    },
}

impl Default for Expiry {
    /// `Late`, 90 days: as long as the SDK believes its Authentication Service's statements. Members must decide alike, and
    /// with the others it matters when each of them was online.
    fn default() -> Self {
        Self::Late { grace_seconds: 90 * 24 * 3600 }
    }
}

/// For what a member's certificate must be: its extended key usage (RFC 5280 §4.2.1.12). Authorities' certificates that list
/// purposes must list this one too. The OID "any" is not taken for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Anything.
    Any,
    /// The purpose with this OID (the content of its DER), or none given.
    IfPresent(&'static [u8]),
    /// The purpose with this OID, explicitly.
    Required(&'static [u8]),
}

impl Purpose {
    /// The OID of clientAuth, "TLS WWW client authentication".
    pub const CLIENT_AUTH: &'static [u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
    /// The OID of emailProtection.
    pub const EMAIL_PROTECTION: &'static [u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 4];
    /// The OID of imUri, instant messaging identities (RFC 9734).
    pub const IM_URI: &'static [u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 40];
}

impl Default for Purpose {
    /// `IfPresent(CLIENT_AUTH)`: RFC 9420 names no purpose of its own; this is what certificates that identify people and
    /// devices have, and what certificates of servers, code and mail do not.
    fn default() -> Self {
        Self::IfPresent(Self::CLIENT_AUTH)
    }
}

/// What it means that no revocation list speaks for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Revocation {
    /// That it is not revoked. Lists count however old they are.
    #[default]
    WhereKnown,
    /// That it is not known yet: for every certificate of a path a list of its issuer is needed that is not out of date. Without
    /// one the verdict is `Unknown`, and the call is to be made again when there is.
    Required,
}
