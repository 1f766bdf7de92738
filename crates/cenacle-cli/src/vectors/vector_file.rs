//! The sixteen files, and how each is read into vectors that can be verified one at a time.

use alloc::sync::Arc;
use core::fmt;

use cenacle_crypto::{CipherSuite, CryptoProvider, Suite};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{
    check::{Check, Failure},
    crypto_basics, deserialization,
    generate::{Recipe, recipes},
    key_schedule, message_protection, messages, passive_client, psk_secret, secret_tree, transcript_hashes, tree_kem,
    tree_math, tree_operations, tree_validation, welcome,
};

/// A vector about encodings or arithmetic, which needs no cryptography.
pub(crate) trait PlainVector: Send + Sync {
    fn verify(&self) -> Check;
}

/// A vector of one cipher suite.
pub(crate) trait SuiteVector: Send + Sync {
    /// The suite's code point.
    fn cipher_suite(&self) -> u16;
    fn verify(&self, suite: &Arc<dyn Suite>) -> Check;
}

/// What a vector turned out to be.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not, and this is the first difference.
    Failed(Failure),
    /// The provider does not supply its cipher suite.
    Skipped,
}

/// One vector, read but not verified.
pub struct Vector(Body);

enum Body {
    Plain(Box<dyn PlainVector>),
    OfSuite(Box<dyn SuiteVector>),
    Unreadable(Failure),
}

impl Vector {
    /// The cipher suite it is for, or `None` if it is about none or cannot be read.
    #[must_use]
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        match &self.0 {
            Body::OfSuite(vector) => Some(CipherSuite(vector.cipher_suite())),
            Body::Plain(_) | Body::Unreadable(_) => None,
        }
    }

    /// Whether it holds, with the primitives of `provider` where it needs any.
    #[must_use]
    pub fn verify(&self, provider: &dyn CryptoProvider) -> Verdict {
        let check = match &self.0 {
            Body::Plain(vector) => vector.verify(),
            Body::OfSuite(vector) => match provider.suite(CipherSuite(vector.cipher_suite())) {
                Some(suite) => vector.verify(&suite),
                None => return Verdict::Skipped,
            },
            Body::Unreadable(failure) => Err(failure.clone()),
        };
        check.map_or_else(Verdict::Failed, |()| Verdict::Passed)
    }
}

impl fmt::Debug for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vector").field("cipher_suite", &self.cipher_suite()).finish_non_exhaustive()
    }
}

type Reader = fn(&RawValue) -> Body;

/// One of the official files.
#[derive(Clone, Copy)]
pub struct VectorFile {
    name: &'static str,
    about_suites: bool,
    read: Reader,
    /// How its vectors are made.
    pub(super) recipe: Recipe,
}

impl VectorFile {
    /// All of them, the simplest first.
    pub const ALL: &'static [Self] = &[
        Self::plain("tree-math", plain::<tree_math::TreeMath>, recipes::TREE_MATH),
        Self::plain("deserialization", plain::<deserialization::LengthHeader>, recipes::DESERIALIZATION),
        Self::of_suites("crypto-basics", of_suite::<crypto_basics::CryptoBasics>, recipes::CRYPTO_BASICS),
        Self::of_suites("psk_secret", of_suite::<psk_secret::PskSecretChain>, recipes::PSK_SECRET),
        Self::of_suites("key-schedule", of_suite::<key_schedule::KeySchedule>, recipes::KEY_SCHEDULE),
        Self::of_suites(
            "transcript-hashes",
            of_suite::<transcript_hashes::TranscriptHashes>,
            recipes::TRANSCRIPT_HASHES,
        ),
        Self::of_suites("secret-tree", of_suite::<secret_tree::SecretTreeVector>, recipes::SECRET_TREE),
        Self::of_suites(
            "message-protection",
            of_suite::<message_protection::MessageProtection>,
            recipes::MESSAGE_PROTECTION,
        ),
        Self::plain("messages", plain::<messages::Messages>, recipes::MESSAGES),
        Self::of_suites("tree-operations", of_suite::<tree_operations::TreeOperation>, recipes::TREE_OPERATIONS),
        Self::of_suites("tree-validation", of_suite::<tree_validation::TreeValidation>, recipes::TREE_VALIDATION),
        Self::of_suites("treekem", of_suite::<tree_kem::TreeKem>, recipes::TREE_KEM),
        Self::of_suites("welcome", of_suite::<welcome::WelcomeVector>, recipes::WELCOME),
        Self::of_suites("passive-client-welcome", of_suite::<passive_client::PassiveClient>, recipes::PASSIVE_WELCOME),
        Self::of_suites(
            "passive-client-handling-commit",
            of_suite::<passive_client::PassiveClient>,
            recipes::PASSIVE_COMMIT,
        ),
        Self::of_suites("passive-client-random", of_suite::<passive_client::PassiveClient>, recipes::PASSIVE_RANDOM),
    ];

    const fn plain(name: &'static str, read: Reader, recipe: Recipe) -> Self {
        Self { name, about_suites: false, read, recipe }
    }

    const fn of_suites(name: &'static str, read: Reader, recipe: Recipe) -> Self {
        Self { name, about_suites: true, read, recipe }
    }

    /// Its name, without `.json`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether its vectors are of cipher suites. If not, which provider is asked makes no difference.
    #[must_use]
    pub const fn is_about_suites(&self) -> bool {
        self.about_suites
    }

    /// Reads its vectors, in their order. One that is malformed fails when it is verified, and does not stop the others.
    ///
    /// # Errors
    /// When the content is not a JSON array.
    pub fn read(&self, json: &str) -> Result<Vec<Vector>, serde_json::Error> {
        let vectors: Vec<&RawValue> = serde_json::from_str(json)?;
        Ok(vectors.into_iter().map(|vector| Vector((self.read)(vector))).collect())
    }
}

impl fmt::Debug for VectorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VectorFile").field(&self.name).finish()
    }
}

fn plain<T: PlainVector + DeserializeOwned + 'static>(json: &RawValue) -> Body {
    parse::<T>(json).map_or_else(Body::Unreadable, |vector| Body::Plain(Box::new(vector)))
}

fn of_suite<T: SuiteVector + DeserializeOwned + 'static>(json: &RawValue) -> Body {
    parse::<T>(json).map_or_else(Body::Unreadable, |vector| Body::OfSuite(Box::new(vector)))
}

/// Reads one vector; a refusal names the field.
fn parse<T: DeserializeOwned>(json: &RawValue) -> Result<T, Failure> {
    let mut json = serde_json::Deserializer::from_str(json.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| Failure::unreadable(&error))
}
