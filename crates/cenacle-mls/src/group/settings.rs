//! What an application may choose for its groups, each on its own. The defaults are what RFC 9420 asks for or recommends;
//! [`Settings::departures`] names the choices that are not.

use alloc::vec::Vec;

use crate::{limits::Limits, protect::Padding};

/// How a client frames its proposals and commits. Both kinds are always accepted from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Handshake {
    /// In the clear inside the transport: the Delivery Service can follow the group.
    Public,
    /// Encrypted: the Delivery Service sees group, epoch and kind only.
    #[default]
    Private,
}

/// Which lifetimes are compared with the present, where the present is known (RFC 9420 §7.3), from none to all. How long a
/// leaf may claim to live is bounded in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Lifetimes {
    /// None.
    Ignored,
    /// Those of key packages, when they are used to add their clients.
    #[default]
    KeyPackages,
    /// Those of the leaves of a group that is joined or observed, too. A member that never updated its leaf keeps others out
    /// once it expires.
    Everywhere,
    /// Those of key packages that others add, too, when their proposals and commits are received. Whoever receives a commit after
    /// a key package that it adds has expired cannot follow it.
    Received,
}

/// Where a client sends GREASE: values that mean nothing and must be ignored (RFC 9420 §13.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Grease {
    /// Nowhere.
    Off,
    /// In the capabilities of its leaves.
    #[default]
    Capabilities,
    /// Also among the extensions of its leaves, key packages and GroupInfos.
    Extensions,
}

/// What an application may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// Bounds, retention windows among them.
    pub limits: Limits,
    /// Padding of private messages.
    pub padding: Padding,
    /// Framing of own proposals and commits.
    pub handshake: Handshake,
    /// Which lifetimes are checked.
    pub lifetimes: Lifetimes,
    /// Where to send values that others must ignore.
    pub grease: Grease,
}

impl Settings {
    /// The choices that fall short of what RFC 9420 asks for or recommends, with its section: for reports and reviews.
    #[must_use]
    pub fn departures(&self) -> Vec<(&'static str, &'static str)> {
        let Limits { forward_generations, past_epochs, lifetime_seconds, .. } = self.limits;
        let departures = [
            (self.handshake == Handshake::Public, ("6", "handshakes are sent in the clear: encryption is RECOMMENDED")),
            (self.lifetimes == Lifetimes::Ignored, ("7.3", "lifetimes are not checked: it is RECOMMENDED")),
            (lifetime_seconds == u64::MAX, ("7.2", "key packages may live for ever: a maximum MUST be defined")),
            (self.grease == Grease::Off, ("13.5", "no GREASE is sent: it SHOULD be")),
            (self.padding.multiple_bytes < 2, ("15.1", "messages are not padded: their lengths tell")),
            (
                forward_generations == u32::MAX,
                ("15.3", "ratchets are moved forward without a limit: one SHOULD be set"),
            ),
            (past_epochs > 32, ("15.3", "secrets of many past epochs are kept: it weakens forward secrecy")),
        ];
        departures.into_iter().filter(|(departs, _)| *departs).map(|(_, which)| which).collect()
    }
}
