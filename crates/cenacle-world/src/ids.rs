//! What a run names by number: people, epochs, what was said, what was proposed, dishonest acts.

use core::fmt;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) usize);
    )*};
}
ids! {
    /// Someone with a client.
    PersonId
    /// One epoch of one line of history: two commits for an epoch make two of them.
    EpochId
    /// Application data that was sent.
    SaidId
    /// A proposal that was sent.
    ProposalId
    /// Something dishonest that the service did.
    ActId
    /// One of the logs that a service keeps for a group. An honest one keeps the first.
    BranchId
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:02}", self.0)
    }
}
