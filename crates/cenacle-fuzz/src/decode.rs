//! Every decoder there is: structures of RFC 9420, keys and secrets, rows of state, payloads and records of the SDK, the
//! services' binary values. Decoding never panics, and what decodes encodes to the bytes it came from.

use cenacle::{MemberId, testing};
use cenacle_codec::{Decoder, Opaque};
use cenacle_crypto::{
    CipherSuite, Digest, HpkeCiphertext, HpkePublicKey, HpkeSecretKey, Secret, SecretBytes, Signature,
    SignaturePublicKey, SignatureSecretKey,
};
use cenacle_mls::{
    delta::{Change, RowKey},
    group::{self, CommitBundle, CommitSummary, OwnKeyPackage},
    schedule::EpochSecrets,
    secret_tree::{MessageKey, RatchetKind},
    tree::{Leaf, NodeIndex},
    wire::*,
};
use cenacle_service::wire::{AccountName, Binding, BindingRequest, DeviceId, SignedBinding};

use crate::corpus;

macro_rules! list {
    ($($type:ty),* $(,)?) => { [$(Decoder::of::<$type>(stringify!($type))),*] };
}

/// What anyone can name. New ones come last: the place is what chooses in a corpus.
const PUBLIC: &[Decoder] = &list![
    MlsMessage,
    PublicMessage,
    PrivateMessage,
    Welcome,
    GroupInfo,
    KeyPackage,
    WireTree,
    AuthenticatedContent,
    Commit,
    Proposal,
    ProposalOrRef,
    UpdatePath,
    UpdatePathNode,
    LeafNode,
    Node,
    ParentNode,
    GroupContext,
    GroupSecrets,
    EncryptedGroupSecrets,
    Content,
    FramedContent,
    Credential,
    Capabilities,
    Extension,
    Extensions,
    ExternalPub,
    RequiredCapabilities,
    Vec<ExternalSender>,
    LeafNodeSource,
    Lifetime,
    PreSharedKeyId,
    Psk,
    PskLabel,
    Sender,
    SenderData,
    ContentType,
    ResumptionPskUsage,
    Add,
    Update,
    Remove,
    PreSharedKey,
    ReInit,
    ExternalInit,
    GroupContextExtensions,
    PathSecretEntry,
    ProposalRef,
    KeyPackageRef,
    GroupId,
    Epoch,
    LeafIndex,
    Vec<PreSharedKeyId>,
    HpkeCiphertext,
    HpkePublicKey,
    HpkeSecretKey,
    SignaturePublicKey,
    SignatureSecretKey,
    Signature,
    Digest,
    Secret,
    SecretBytes,
    CipherSuite,
    Opaque,
    Vec<Opaque>,
    Option<Node>,
    RowKey,
    Change,
    Vec<Change>,
    CommitBundle,
    CommitSummary,
    OwnKeyPackage,
    EpochSecrets,
    MessageKey,
    RatchetKind,
    Leaf,
    Option<Leaf>,
    NodeIndex,
    Binding,
    BindingRequest,
    SignedBinding,
    AccountName,
    DeviceId,
    MemberId,
];

/// All decoders.
pub fn decoders() -> impl Iterator<Item = Decoder> {
    PUBLIC.iter().chain(&group::testing::VALUES).chain(&testing::VALUES).copied()
}

fn decoder(number: u8) -> Decoder {
    let lists = [PUBLIC, &group::testing::VALUES, &testing::VALUES];
    let mut place = usize::from(number) % lists.iter().map(|list| list.len()).sum::<usize>();
    for list in lists {
        match list.get(place) {
            Some(decoder) => return *decoder,
            None => place -= list.len(),
        }
    }
    PUBLIC[0]
}

pub(crate) fn run(input: &[u8]) {
    let Some((number, bytes)) = input.split_first() else { return };
    let Decoder { name, recode, .. } = decoder(*number);
    if let Ok(again) = recode(bytes) {
        assert!(again == bytes, "{name} is not canonical");
    }
}

/// These bytes as input for each decoder that takes them.
pub(crate) fn inputs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let fitting = decoders().enumerate().filter(|(_, decoder)| (decoder.decode)(bytes).is_ok());
    fitting.map(|(place, _)| [&[u8::try_from(place).unwrap()], bytes].concat()).collect()
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    corpus::own().iter().flat_map(|bytes| inputs(bytes)).collect()
}
