//! The floor: what the primitives that RFC 9420 leaves no way around take in each operation, added up from their own times
//! in the same run, with the primitives that Cenacle uses. Nothing is counted for encoding, copying or saving.

use cenacle_cli::bench::{BenchError, Operation, Stopwatch, Tree};
use cenacle_crypto::{
    CryptoError, Rng as _, Secret, Suite,
    labeled::{EncryptContext, expand_with_label, sign_with_label, verify_with_label},
};
use cenacle_crypto_awslc::SystemRng;

/// Of each primitive so many batches of so many calls are timed.
const BATCHES: usize = 15;
const CALLS: u32 = 40;

/// Sizes at which what grows with length is timed.
const SHORT: usize = 200;
const LONG: usize = 16_384;

/// Bytes of a leaf and of a parent in a tree, and of one encrypted path secret; rough, as nearly nothing depends on them.
const LEAF_BYTES: f64 = 210.0;
const PARENT_BYTES: f64 = 70.0;
const PATH_SECRET_BYTES: f64 = 82.0;

/// A cost that grows with length, in microseconds.
struct Line {
    fixed: f64,
    per_byte: f64,
}

impl Line {
    fn through(short: f64, long: f64) -> Self {
        let per_byte = ((long - short) / to_f64(LONG - SHORT)).max(0.0);
        Self { fixed: (short - per_byte * to_f64(SHORT)).max(0.0), per_byte }
    }

    fn at(&self, bytes: f64) -> f64 {
        self.fixed + self.per_byte * bytes
    }
}

/// What the primitives take, in microseconds.
pub(crate) struct Floor {
    sign: Line,
    verify: Line,
    aead: Line,
    hash: Line,
    /// A key pair of the KEM from a secret.
    key_pair: f64,
    /// HPKE of one secret.
    seal: f64,
    open: f64,
    expand: f64,
    extract: f64,
    mac: f64,
}

#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
const fn to_f64(number: usize) -> f64 {
    number as f64
}

/// Microseconds of CPU for one call, the median of the batches.
fn micros<T>(mut call: impl FnMut() -> Result<T, CryptoError>) -> Result<f64, BenchError> {
    let mut batches = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let watch = Stopwatch::start();
        for _ in 0..CALLS {
            drop(core::hint::black_box(call()?));
        }
        let cost = watch.stop();
        batches.push(cost.cpu.unwrap_or(cost.wall).as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    batches.sort_unstable_by(f64::total_cmp);
    batches.get(BATCHES / 2).copied().ok_or_else(|| super::other("no batch"))
}

impl Floor {
    /// Times the primitives.
    pub(crate) fn measure(suite: &dyn Suite) -> Result<Self, BenchError> {
        let (short, long) = (vec![7; SHORT], vec![7; LONG]);
        let (secret, public) = suite.signature_key_pair(&mut SystemRng)?;
        let signer = suite.signer(&secret)?;
        let sign = |data: &[u8]| sign_with_label(&*signer, "FramedContentTBS", data);
        let (on_short, on_long) = (sign(&short)?, sign(&long)?);
        let verify = |data: &[u8], signature| verify_with_label(suite, &public, "FramedContentTBS", data, signature);
        let mut ikm = vec![0; suite.kem_secret_key_length()];
        SystemRng.fill(&mut ikm)?;
        let (kem_secret, kem_public) = suite.kem_derive_key_pair(&ikm)?;
        let context = EncryptContext::new(suite, "UpdatePathNode", &short)?;
        let path_secret = Secret::zero(suite.hash_length());
        let sealed = context.encrypt(suite, &kem_public, path_secret.expose(), &mut SystemRng)?;
        let (key, nonce) = (Secret::zero(suite.aead_key_length()), Secret::zero(suite.aead_nonce_length()));
        let aead = |data: &[u8]| suite.aead_seal(&key, &nonce, &[], data);
        Ok(Self {
            sign: Line::through(micros(|| sign(&short))?, micros(|| sign(&long))?),
            verify: Line::through(micros(|| verify(&short, &on_short))?, micros(|| verify(&long, &on_long))?),
            aead: Line::through(micros(|| aead(&short))?, micros(|| aead(&long))?),
            hash: Line::through(micros(|| Ok(suite.hash(&[&short])))?, micros(|| Ok(suite.hash(&[&long])))?),
            key_pair: micros(|| suite.kem_derive_key_pair(&ikm))?,
            seal: micros(|| context.encrypt(suite, &kem_public, path_secret.expose(), &mut SystemRng))?,
            open: micros(|| context.decrypt(suite, &kem_secret, &sealed))?,
            expand: micros(|| expand_with_label(suite, &path_secret, "path", &[], suite.hash_length()))?,
            extract: micros(|| Ok(suite.extract(path_secret.expose(), &[path_secret.expose()])))?,
            mac: micros(|| Ok(suite.mac(path_secret.expose(), &[path_secret.expose()])))?,
        })
    }

    /// The floor of an operation in a group of `n`, in microseconds, where it has one.
    pub(crate) fn micros(&self, operation: Operation, n: u32, tree: Tree) -> Option<f64> {
        let group = Shape::new(n, tree);
        Some(match operation {
            Operation::KeyPackage => 2.0 * (self.key_pair + self.sign.at(LEAF_BYTES)) + self.hash.at(2.0 * LEAF_BYTES),
            Operation::Create => self.create(&group),
            Operation::Join => self.join(&group),
            Operation::CommitUpdate => self.commit(&group, group.update_seals()),
            Operation::ProcessCommit => self.process(&group, group.update_seals()),
            Operation::AddOne => {
                let welcome = self.sign.at(SHORT_BYTES) + self.aead.at(SHORT_BYTES) + self.info() + self.seal;
                2.0 * self.verify.at(LEAF_BYTES)
                    + self.handshake(&group, 2.0 * LEAF_BYTES)
                    + self.sign.at(LEAF_BYTES)
                    + (group.level + 1.0) * self.node()
                    + self.schedule()
                    + welcome
            }
            Operation::ProcessAdd => {
                3.0 * self.verify.at(LEAF_BYTES)
                    + self.handshake(&group, 2.0 * LEAF_BYTES)
                    + (group.level + 1.0) * self.node()
                    + self.schedule()
            }
            Operation::RemoveOne => self.commit(&group, group.removal_seals()),
            Operation::ProcessRemove => self.process(&group, group.removal_seals()),
            Operation::Encrypt64 => self.sign.at(SHORT_BYTES) + self.private_message(64.0),
            Operation::Decrypt64 => self.verify.at(SHORT_BYTES) + self.private_message(64.0),
            Operation::Encrypt1024 => self.sign.at(1_024.0) + self.private_message(1_024.0),
            Operation::Decrypt1024 => self.verify.at(1_024.0) + self.private_message(1_024.0),
            Operation::Encrypt16384 => self.sign.at(16_384.0) + self.private_message(16_384.0),
            Operation::Decrypt16384 => self.verify.at(16_384.0) + self.private_message(16_384.0),
            Operation::Load
            | Operation::LoadAll
            | Operation::StateBytes
            | Operation::DeltaBytes
            | Operation::BytesCommitUpdate
            | Operation::BytesWelcome
            | Operation::MemPerMember => return None,
        })
    }

    fn node(&self) -> f64 {
        self.hash.at(LEAF_BYTES)
    }

    /// The key schedule of HPKE that all recipients share (RFC 9420 §5.1.3).
    fn info(&self) -> f64 {
        2.0 * self.extract
    }

    /// RFC 9420 §6.3, §9.1: content and sender data, both ways: key, nonce and next secret of the ratchet, key and nonce of
    /// the sender data.
    fn private_message(&self, bytes: f64) -> f64 {
        self.aead.at(bytes + 80.0) + self.aead.at(16.0) + 5.0 * self.expand
    }

    /// The first handshake of a sender in an epoch: RFC 9420 §9 down to its leaf.
    fn handshake(&self, group: &Shape, bytes: f64) -> f64 {
        self.private_message(bytes) + (2.0 * group.level + 2.0) * self.expand
    }

    /// The key schedule of an epoch (RFC 9420 §8), with its transcript hashes and tag.
    fn schedule(&self) -> f64 {
        2.0 * self.extract + 11.0 * self.expand + self.mac + 2.0 * self.hash.at(SHORT_BYTES)
    }

    /// Tree and parent hashes of one path.
    fn path_hashes(&self, group: &Shape) -> f64 {
        (2.0 * group.level + 1.0) * self.node()
    }

    /// A commit with a path (RFC 9420 §12.4.1).
    fn commit(&self, group: &Shape, seals: f64) -> f64 {
        let path = (group.level + 1.0) * self.key_pair + (2.0 * group.level + 1.0) * self.expand;
        path + self.info()
            + seals * self.seal
            + self.path_hashes(group)
            + self.sign.at(LEAF_BYTES)
            + self.sign.at(group.commit_bytes(seals))
            + self.handshake(group, group.commit_bytes(seals))
            + self.schedule()
    }

    /// Processing it (RFC 9420 §12.4.2) from the other half of the tree: only the root's secret is new.
    fn process(&self, group: &Shape, seals: f64) -> f64 {
        self.info()
            + self.open
            + self.key_pair
            + 2.0 * self.expand
            + self.path_hashes(group)
            + self.verify.at(LEAF_BYTES)
            + self.verify.at(group.commit_bytes(seals))
            + self.handshake(group, group.commit_bytes(seals))
            + self.schedule()
    }

    /// RFC 9420 §12.4.3.1: every leaf's signature, every hash once.
    fn join(&self, group: &Shape) -> f64 {
        let tree = group.tree_bytes();
        let parents = if group.warm { group.n } else { 0.0 };
        group.n * self.verify.at(LEAF_BYTES)
            + (2.0 * group.n + parents) * self.node()
            + self.open
            + self.info()
            + (self.verify.at(tree) + self.aead.at(tree) + self.hash.at(tree))
            + self.schedule()
    }

    /// A key package costs two verifications, its reference, its leaf's hash and one above, and an entry of the Welcome.
    fn create(&self, group: &Shape) -> f64 {
        let tree = group.n * LEAF_BYTES;
        let one = 2.0 * self.verify.at(LEAF_BYTES) + 3.0 * self.node() + self.seal;
        let own = self.key_pair + self.sign.at(LEAF_BYTES) + self.schedule();
        let welcome = self.info() + self.sign.at(tree) + self.aead.at(tree) + self.hash.at(tree);
        let commit = group.n * 1.5 * LEAF_BYTES;
        (group.n - 1.0) * one + own + self.sign.at(commit) + self.private_message(commit) + self.schedule() + welcome
    }
}

/// Of what is short, whatever it is.
const SHORT_BYTES: f64 = 250.0;

/// What the size and history of a group say about its tree.
struct Shape {
    n: f64,
    /// Parents above a leaf.
    level: f64,
    warm: bool,
    members: u32,
    width: u32,
}

impl Shape {
    fn new(n: u32, tree: Tree) -> Self {
        let width = n.next_power_of_two();
        Self { n: n.into(), level: width.trailing_zeros().into(), warm: tree == Tree::Warm, members: n, width }
    }

    fn tree_bytes(&self) -> f64 {
        self.n * if self.warm { LEAF_BYTES + PARENT_BYTES } else { LEAF_BYTES }
    }

    fn commit_bytes(&self, seals: f64) -> f64 {
        300.0 + 36.0 * self.level + PATH_SECRET_BYTES * seals
    }

    /// How many secrets the first member encrypts on its path: one for each level; or one for each member of its half, as
    /// nobody but the last member has given keys to parents.
    fn update_seals(&self) -> f64 {
        if self.warm { self.level } else { f64::from(self.width / 2) }
    }

    /// The same where the member after the last is removed, whose parents were blanked.
    fn removal_seals(&self) -> f64 {
        let below = self.members.saturating_sub(self.width / 2);
        match (self.members == self.width, self.warm) {
            (true, _) => self.update_seals(),
            (false, true) => self.level - 1.0 + f64::from(below.count_ones()),
            (false, false) => f64::from(self.members - (1 << self.members.trailing_zeros())),
        }
    }
}
