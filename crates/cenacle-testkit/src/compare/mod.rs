//! What the same operations cost with Cenacle, OpenMLS and mls-rs, measured in one run by one harness, beside the sum of the
//! primitives that the protocol itself demands. The groups are those of [`cenacle_cli::bench`]: two members act, the others
//! are strangers, and the members of every implementation come in by external commits.

mod chart;
mod command;
mod contest;
mod floor;
mod heap;
mod mls_rs;
mod openmls;
mod player;
mod report;

pub use command::CompareArgs;
pub use heap::{Heap, HeapArgs};

use cenacle_cli::bench::BenchError;
use clap::ValueEnum;
use openmls_rust_crypto::OpenMlsRustCrypto;

use self::{
    mls_rs::MlsRs,
    openmls::OpenMls,
    player::{Contender, Player, PlayerScene},
};

/// Another implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PeerKind {
    /// OpenMLS with RustCrypto.
    Openmls,
    /// OpenMLS with libcrux.
    OpenmlsLibcrux,
    /// mls-rs with aws-lc.
    MlsRs,
}

impl PeerKind {
    /// The name in reports.
    const fn name(self) -> &'static str {
        match self {
            Self::Openmls => OpenMls::<OpenMlsRustCrypto>::NAME,
            Self::OpenmlsLibcrux => OpenMls::<openmls_libcrux_crypto::Provider>::NAME,
            Self::MlsRs => MlsRs::NAME,
        }
    }

    /// Two of its members in a group of `n`.
    fn scene(self, n: u32, strangers: Option<&[u8]>, past_epochs: usize) -> Result<Box<dyn Contender>, BenchError> {
        Ok(match self {
            Self::Openmls => Box::new(PlayerScene::<OpenMls<OpenMlsRustCrypto>>::build(n, strangers, past_epochs)?),
            Self::OpenmlsLibcrux => {
                Box::new(PlayerScene::<OpenMls<openmls_libcrux_crypto::Provider>>::build(n, strangers, past_epochs)?)
            }
            Self::MlsRs => Box::new(PlayerScene::<MlsRs>::build(n, strangers, past_epochs)?),
        })
    }
}

/// An error of another implementation, in its own words.
fn other(error: impl core::fmt::Debug) -> BenchError {
    BenchError::other(format_args!("{error:?}"))
}
