//! Vectors and what follows values (RFC 9420 §2.1).

use cenacle_codec::{EncodeError, Opaque, Writer};
use cenacle_mls::{
    group::Observer,
    wire::{MlsMessage, MlsMessageBody},
};
use cenacle_testkit::world::TEST_EXTENSION;

use super::written::refuses_everywhere;
use crate::common::*;

/// §2.1.2: A length below 64 stands in one byte.
#[test]
fn r002_two_bytes_for_a_short_length() {
    let ways = |length| if length < 64 { vec![Twist::HeaderBytes(2)] } else { Vec::new() };
    refuses_everywhere(2, &ways, DecodeErrorKind::NonMinimalLength);
}

/// §2.1.2: A length below 16384 stands in at most two bytes.
#[test]
fn r003_four_bytes_for_a_short_length() {
    let ways = |length| if length < 0x4000 { vec![Twist::HeaderBytes(4)] } else { Vec::new() };
    refuses_everywhere(3, &ways, DecodeErrorKind::NonMinimalLength);
}

/// §2.1.2: No length begins with the bits 11.
#[test]
fn r004_reserved_prefix() {
    let ways = |length: usize| {
        let low = u8::try_from(length & 0x3f).unwrap();
        [vec![0xc0 | low], vec![0xff, 0xff, 0xff, 0xff]].map(Twist::Instead).to_vec()
    };
    refuses_everywhere(4, &ways, DecodeErrorKind::ReservedLength);
    for first in 0..=0xff {
        let reserved = Opaque::from_bytes(&[first]).is_err_and(|error| error.kind == DecodeErrorKind::ReservedLength);
        assert_eq!(reserved, first >= 0xc0);
    }
}

/// §2.1.2: Lengths are written in the fewest bytes, up to what four can hold.
#[test]
fn r005_the_least_header() {
    const LARGEST: usize = (1 << 30) - 1;
    let table: [(usize, &[u8]); 7] = [
        (0, &[0]),
        (63, &[0x3f]),
        (64, &[0x40, 0x40]),
        (16_383, &[0x7f, 0xff]),
        (16_384, &[0x80, 0, 0x40, 0]),
        (1_000_000, &[0x80, 0x0f, 0x42, 0x40]),
        (LARGEST, &[0xbf, 0xff, 0xff, 0xff]),
    ];
    let mut trial = Trial::new(5);
    for (length, header) in table {
        let mut out = Writer::new();
        out.length(length);
        assert_eq!(out.finish().unwrap(), header);
        if length < LARGEST {
            let bytes = Opaque::from(vec![7; length]).to_bytes().unwrap();
            assert_eq!((&bytes[..header.len()], bytes.len()), (header, header.len() + length));
            let sent = trial.performs(|group, _, rng| group.protect(b"data", &vec![7; length], rng));
            let field = [header, &vec![7; length]].concat();
            let message = sent.to_bytes().unwrap();
            let at = 4 + trial.alice.context.group_id.bytes().len() + 9;
            assert_eq!(message[at..][..field.len()], field);
            trial.sends(&sent);
        }
    }
    let mut out = Writer::new();
    out.length(LARGEST + 1);
    assert_eq!(out.finish(), Err(EncodeError));
    assert_eq!(Error::from(EncodeError), Misuse::Length.into());
}

/// Each type reads these bytes: whether it refused, and the fault it names.
macro_rules! each_decoder {
    ($bytes:expr, $($kind:ty)*) => {[$((stringify!($kind), <$kind>::from_bytes($bytes).map(drop).map_err(|error| error.kind)),)*]};
}

/// §2.1.2: A length that nothing stands behind is refused.
#[test]
fn r006_promises() {
    use DecodeErrorKind::{BadPresence, ReservedLength, UnexpectedEnd, UnknownVariant};
    use cenacle_mls::wire::*;
    let promise = |_| vec![Twist::Claims((1 << 30) - 1)];
    refuses_everywhere(6, &promise, DecodeErrorKind::UnexpectedEnd);
    let bytes = [0xbf, 0xff, 0xff, 0xff, 0];
    let begin_with_a_vector = each_decoder!(&bytes,
        Opaque GroupId KeyPackageRef ProposalRef Extensions Capabilities LeafNode ParentNode UpdatePath UpdatePathNode
        FramedContent PublicMessage PrivateMessage Commit GroupSecrets PathSecretEntry EncryptedGroupSecrets
        RequiredCapabilities ExternalPub ExternalSender Vec<ExternalSender> Vec<Node> WireTree ReInit
        GroupContextExtensions ExternalInit Update Vec<u8> Vec<u64> Vec<Vec<Opaque>> Box<Opaque>);
    for (name, refused) in begin_with_a_vector {
        assert_eq!(refused, Err(DecodeErrorKind::UnexpectedEnd), "{name}");
    }
    // What begins with numbers ends in them, or reads the promise's last bytes as a length; with a type or a presence octet,
    // in that. What all these ask of the heap is counted in tests/memory.rs of cenacle-fuzz.
    let begins_otherwise: [(&[_], DecodeErrorKind); 9] = [
        (&each_decoder!(&bytes, GroupContext GroupInfo KeyPackage Add SenderData Lifetime), UnexpectedEnd),
        (&each_decoder!(&bytes, AuthenticatedContent Welcome Proposal Credential Extension), ReservedLength),
        (&each_decoder!(&bytes, MlsMessage), UnknownVariant("ProtocolVersion")),
        (&each_decoder!(&bytes, ProposalOrRef), UnknownVariant("ProposalOrRefType")),
        (&each_decoder!(&bytes, PreSharedKeyId Psk), UnknownVariant("PSKType")),
        (&each_decoder!(&bytes, Sender), UnknownVariant("SenderType")),
        (&each_decoder!(&bytes, Content), UnknownVariant("ContentType")),
        (&each_decoder!(&bytes, LeafNodeSource), UnknownVariant("LeafNodeSource")),
        (&each_decoder!(&bytes, Node), UnknownVariant("NodeType")),
    ];
    for (decoders, expected) in begins_otherwise {
        for (name, refused) in decoders {
            assert_eq!(*refused, Err(expected), "{name}");
        }
    }
    assert_eq!(Option::<Opaque>::from_bytes(&bytes).unwrap_err().kind, BadPresence);
}

/// §2.1.2: A digest or secret longer than any suite has is refused as more than its holder can store.
#[test]
fn r007_more_than_there_is_room_for() {
    const OVER: DecodeErrorKind = DecodeErrorKind::OverCap(64);
    let mut trial = Trial::new(7);
    for length in [65, (1 << 20) + 1] {
        for private in [false, true] {
            let long = |auth: &mut Auth| auth.confirmation_tag = Some(vec![7; length]);
            let bad = trial.alice.make(Plan::commit().framed(private).auth(long));
            trial.refuses_encoding(&bad, OVER);
            let leaf = |leaf: &mut LeafNode| leaf.source = Source::commit(&vec![7; length]);
            let bad = trial.alice.make(Plan::commit().framed(private).leaf(leaf));
            trial.refuses_encoding(&bad, OVER);
        }
        let bad = trial.alice.make(Plan::commit().tagged(|tagged| tagged.membership_tag = Some(vec![7; length])));
        trial.refuses_encoding(&bad, OVER);
    }
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let infos: [Spoil<'_, GroupInfo>; 3] =
        [&|info| info.confirmation_tag.resize(65, 7), &|info| info.group_context.tree_hash.resize(65, 7), &|info| {
            info.group_context.confirmed_transcript_hash.resize(65, 7)
        }];
    for spoil in infos {
        let bad = trial.alice.make(plan().group_info(spoil));
        trial.refuses_welcome_encoding("erin", bad.welcome(), OVER);
    }
    let secrets: [Spoil<'_, GroupSecrets>; 2] = [&|secrets| secrets.joiner_secret.resize(65, 7), &|secrets| {
        secrets.path_secret.as_mut().unwrap().resize(65, 7)
    }];
    for spoil in secrets {
        let bad = trial.alice.make(plan().group_secrets(spoil));
        trial.refuses_welcome_encoding("erin", bad.welcome(), OVER);
    }
    let bad = trial.alice.make(plan().welcome(|welcome| welcome.secrets[0].new_member.resize(65, 7)));
    trial.refuses_welcome_encoding("erin", bad.welcome(), OVER);
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §2.1: An element ends before its vector does.
#[test]
fn r008_an_element_beyond_its_vector() {
    let cut =
        each_decoder!(&[5, 6, 1, 2, 3, 4, 5, 6, 7], Vec<Opaque> Vec<Vec<u8>> Vec<cenacle_mls::wire::ExternalSender>);
    assert!(cut.iter().all(|(_, refused)| *refused == Err(DecodeErrorKind::UnexpectedEnd)), "{cut:?}");
    let mut trial = Trial::new(8);
    let erin = trial.newcomer("erin");
    let plan = || {
        let leaf = |leaf: &mut LeafNode| leaf.extensions.push(Extension::new(TEST_EXTENSION.0, b"12345"));
        Plan::commit().with([Proposal::add(&erin)]).leaf(leaf)
    };
    let signature = erin.signature.len() + 1;
    let cases = [
        Quirk { at: At::FieldNth("Extension.extension_data", 0), twist: Twist::Claims(6) },
        // The last field of the only proposal: the path would have to lend it a byte.
        Quirk::new("KeyPackage.signature", Twist::Claims(signature)),
        Quirk::new("HpkeCiphertext.ciphertext", Twist::Claims(49)),
        Quirk { at: At::FieldNth("HpkeCiphertext.ciphertext", 1), twist: Twist::Claims(49) },
        Quirk::new("Capabilities.versions", Twist::Longer(vec![0])),
        Quirk::new("Capabilities.extensions", Twist::Longer(vec![0])),
        Quirk::new("UpdatePath.nodes", Twist::Longer(vec![0])),
        Quirk::new("Commit.proposals", Twist::Longer(vec![2])),
    ];
    for quirk in cases {
        for private in [false, true] {
            let bad = trial.alice.make(plan().framed(private).quirk(quirk.clone()));
            trial.refuses_encoding(&bad, DecodeErrorKind::UnexpectedEnd);
        }
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §2.1: A vector whose elements take no bytes comes to an end.
///
/// No structure of RFC 9420 has such a vector, so there is no message to be refused: the codec is asked itself.
#[test]
fn r009_elements_without_bytes() {
    const NONE: DecodeErrorKind = DecodeErrorKind::Forbidden("a vector of empty items");
    for length in [1, 2, 63] {
        let bytes = [vec![length], vec![0; usize::from(length)]].concat();
        assert_eq!(Vec::<()>::from_bytes(&bytes).unwrap_err().kind, NONE);
        assert_eq!(Vec::<Vec<()>>::from_bytes(&bytes).unwrap(), vec![Vec::new(); usize::from(length)]);
        assert_eq!(Vec::<Opaque>::from_bytes(&bytes).unwrap(), vec![Opaque::EMPTY; usize::from(length)]);
    }
    assert_eq!(Vec::<()>::from_bytes(&[0]), Ok(Vec::new()));
}

/// §2.1: Nothing follows a message.
#[test]
fn r010_bytes_behind_a_message() {
    let mut all = super::numbers::Messages::new(10);
    all.refuse(&|bytes| bytes.push(0), DecodeErrorKind::TrailingBytes);
    all.refuse(&|bytes| bytes.extend(bytes.clone()), DecodeErrorKind::TrailingBytes);
    all.accept();
}

/// §2.1: Nothing follows the content of a known extension.
#[test]
fn r011_bytes_behind_an_extension() {
    let mut trial = Trial::new(11);
    let warden = trial.alice.outsider("warden").as_external_sender();
    let required = RequiredCapabilities { credential_types: vec![1], ..RequiredCapabilities::default() };
    let right = [ExternalSender::extension(&[warden]), required.extension()];
    let longer = right.clone().map(|mut extension| {
        extension.extension_data.push(0);
        extension
    });
    for bad in &longer {
        trial.refuses_everywhere(&Proposal::GroupContextExtensions(vec![bad.clone()]), Rule::ExtensionWellFormed);
    }
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    for bad in longer {
        let bad = trial.alice.make(plan().context(|context| context.extensions = vec![bad.clone()]));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionWellFormed);
    }
    let public = ExternalPub { external_pub: trial.alice.external_pub() };
    let public = Extension::new(code::EXTERNAL_PUB, public.bytes());
    for kind in [code::RATCHET_TREE, code::EXTERNAL_PUB] {
        let with_key = |info: &mut GroupInfo| info.extensions.push(public.clone());
        let spoil = |info: &mut GroupInfo| info.extension(kind).extension_data.push(0);
        let bad = trial.alice.make(plan().group_info(with_key).group_info(spoil));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionWellFormed);
        let bad = trial.alice.group_info(Plan::commit().group_info(spoil));
        trial.refuses_group_info("erin", &bad, Rule::ExtensionWellFormed);
        let MlsMessageBody::GroupInfo(info) = MlsMessage::from_bytes(&bad).unwrap().body else { panic!("a GroupInfo") };
        let (suite, settings) = (alloc::sync::Arc::clone(&trial.world.suite), trial.world.settings);
        let observed = Observer::new(&info, None, suite, settings, &trial.world.inputs()).map(drop);
        assert_eq!(observed, Err(Rule::ExtensionWellFormed.into()));
    }
    let twin = plan().with([Proposal::GroupContextExtensions(right.to_vec())]);
    let twin = trial.alice.make(twin.group_info(|info| info.extensions.push(public.clone())));
    trial.joins("erin", &twin);
}
