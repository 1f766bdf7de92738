//! `compare-heap`: what a group that was joined holds in memory, and what joining takes at its peak.

use std::process::ExitCode;

use alloc::sync::Arc;

use cenacle_cli::bench::{BenchError, Scene, Tree};
use cenacle_codec::{Decode, Encode};
use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use cenacle_crypto_awslc::{AwsLcProvider, SystemRng};
use cenacle_mls::{
    group::{AcceptAll, Client, Inputs, OwnKeyPackage},
    wire::{Credential, Lifetime, MlsMessage, MlsMessageBody},
};
use cenacle_store::MemoryStore;
use clap::Args;

use super::{
    PeerKind, command, other,
    player::{Invite, Player, Settings},
    report::{OURS, whole},
};

/// A heap that counts itself.
pub trait Heap {
    /// Bytes allocated now.
    fn held(&self) -> usize;
    /// Most bytes ever allocated at once since [`Heap::forget_peak`].
    fn peak(&self) -> usize;
    /// Begins the peak anew.
    fn forget_peak(&self);
}

/// How much memory a group that was joined holds.
#[derive(Debug, clap::Parser)]
#[command(name = "compare-heap", after_help = HELP)]
pub struct HeapArgs {
    #[command(flatten)]
    what: What,
}

const HELP: &str = "\
Every implementation joins the same groups by a Welcome that carries the tree, and saves its state in memory. The group is
then dropped: what that frees is what it held. The peak is that of joining, above what was held before, with the encoded
Welcome not counted. C libraries allocate a little that is not seen here.

Example:
  compare-heap --n 1000,10000 --tree fresh,warm";

#[derive(Debug, Args)]
struct What {
    /// Group sizes, in members, with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "1000", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    n: Vec<u32>,

    /// How the group came to be.
    #[arg(long, value_delimiter = ',', default_value = "fresh")]
    tree: Vec<Tree>,

    /// The other implementations.
    #[arg(long, value_delimiter = ',', default_value = "openmls,mls-rs")]
    peers: Vec<PeerKind>,

    /// The largest group that the others join.
    #[arg(long, default_value_t = 10_000)]
    peer_max: u32,

    /// For how many past epochs OpenMLS keeps what reads late messages.
    #[arg(long, default_value_t = 3)]
    past_epochs: usize,

    /// One JSON object for each line.
    #[arg(long)]
    json: bool,
}

/// Bytes for each member.
struct Held {
    held: f64,
    peak: f64,
}

impl HeapArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self, heap: &dyn Heap) -> ExitCode {
        command::finish(self.measure(heap))
    }

    fn measure(&self, heap: &dyn Heap) -> Result<(), BenchError> {
        let What { n, tree, peers, peer_max, past_epochs, json } = &self.what;
        let suite = AwsLcProvider.suite(CipherSuite(1)).ok_or_else(|| other("no suite 1"))?;
        if !json {
            let (members, tree, peer) = ("members", "tree", "peer");
            command::print(&format!(
                "{members:>8} {tree:>6} {peer:<16} {:>14} {:>14}",
                "held/member B", "peak/member B"
            ))?;
        }
        for n in n {
            for tree in tree {
                let mut open_store = || Ok(MemoryStore::default());
                let mut scene = Scene::build(&suite, *n, *tree, &mut open_store, &|_| ())?;
                let mut invite = |package: &[u8]| scene.invite(package);
                let mut results = vec![(OURS, ours(&suite, *n, heap, &mut invite)?)];
                for peer in peers.iter().filter(|_| n <= peer_max) {
                    results.push((peer.name(), peer.held(*n, *past_epochs, heap, &mut invite)?));
                }
                for (peer, Held { held, peak }) in results {
                    let tree = tree.name();
                    command::print(&match json {
                        true => serde_json::json!({
                            "peer": peer, "n": n, "tree": tree, "op": "mem_per_member", "bytes": whole(held),
                            "peak_bytes": whole(peak), "count": 1,
                        })
                        .to_string(),
                        false => format!("{n:>8} {tree:>6} {peer:<16} {held:>14.0} {peak:>14.0}"),
                    })?;
                }
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
fn per_member(bytes: usize, n: u32) -> f64 {
    bytes as f64 / f64::from(n.saturating_add(1))
}

impl PeerKind {
    fn held(self, n: u32, past_epochs: usize, heap: &dyn Heap, invite: Invite<'_>) -> Result<Held, BenchError> {
        match self {
            Self::Openmls => {
                held::<super::OpenMls<openmls_rust_crypto::OpenMlsRustCrypto>>(n, past_epochs, heap, invite)
            }
            Self::OpenmlsLibcrux => {
                held::<super::OpenMls<openmls_libcrux_crypto::Provider>>(n, past_epochs, heap, invite)
            }
            Self::MlsRs => held::<super::MlsRs>(n, past_epochs, heap, invite),
        }
    }
}

fn held<P: Player>(n: u32, past_epochs: usize, heap: &dyn Heap, invite: Invite<'_>) -> Result<Held, BenchError> {
    let mut joiner = P::new("joiner", Settings { tree_in_welcome: false, past_epochs })?;
    let welcome = invite(&joiner.key_package()?)?;
    heap.forget_peak();
    let before = heap.held();
    joiner.join(&welcome)?;
    let (after, peak) = (heap.held(), heap.peak());
    joiner.unload();
    let held = after.saturating_sub(heap.held());
    Ok(Held { held: per_member(held, n), peak: per_member(peak.saturating_sub(before), n) })
}

fn ours(suite: &Arc<dyn Suite>, n: u32, heap: &dyn Heap, invite: Invite<'_>) -> Result<Held, BenchError> {
    let (secret, _) = suite.signature_key_pair(&mut SystemRng)?;
    let signer = Arc::from(suite.signer(&secret)?);
    let client = Client::new(Arc::clone(suite), signer, Credential::Basic(b"joiner".as_slice().into()));
    let mut store = MemoryStore::default();
    let lifetime = Lifetime { not_before: 0, not_after: 7_000_000 };
    let package = client.key_package(lifetime, false, &mut SystemRng)?.persist(&mut store).map_err(other)?;
    let welcome = invite(&package.to_bytes()?)?;
    heap.forget_peak();
    let before = heap.held();
    let joined = {
        let MlsMessageBody::Welcome(welcome) = MlsMessage::from_bytes(&welcome)?.body else {
            return Err(other("no Welcome"));
        };
        let own = OwnKeyPackage::find(&store, &welcome)?.ok_or_else(|| other("no key package"))?;
        client.join(&welcome, &own, None, &Inputs::new(&AcceptAll))?.accept(&mut store)?
    };
    let peak = heap.peak();
    // The store shares the tree's nodes with the group: they are to count as the group's.
    drop(store);
    let after = heap.held();
    drop(joined);
    let held = after.saturating_sub(heap.held());
    Ok(Held { held: per_member(held, n), peak: per_member(peak.saturating_sub(before), n) })
}
