//! What decoders allocate on inputs made to be expensive: at most 16 bytes for each byte of input and 64 KiB besides, whatever
//! it is and whether or not it decodes. Everything that is asked for counts, also what is freed at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    alloc::System,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cenacle_codec::{DecodeErrorKind, Encode, MEMORY_BESIDES, MEMORY_FACTOR, Opaque, Writer};
use cenacle_crypto::{CipherSuite, Digest, HpkeCiphertext, HpkePublicKey, Signature, SignaturePublicKey};
use cenacle_fuzz::decoders;
use cenacle_mls::{
    delta::{Change, RowKey, Table},
    group::{CredentialPolicy as _, Occasion, Presented, Verdict},
    wire::*,
};
use cenacle_x509::{SoleName, X509Policy};
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ED25519, SanType};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// How many of the smallest items a list has: enough for the 64 KiB to be little.
const MANY: usize = 60_000;

fn empty_leaf() -> LeafNode {
    LeafNode {
        encryption_key: HpkePublicKey(Opaque::EMPTY),
        signature_key: SignaturePublicKey(Opaque::EMPTY),
        credential: Credential::Basic(Opaque::EMPTY),
        capabilities: Capabilities::default(),
        source: LeafNodeSource::Update,
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    }
}

fn empty_package() -> KeyPackage {
    KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        init_key: HpkePublicKey(Opaque::EMPTY),
        leaf_node: empty_leaf(),
        extensions: Extensions::default(),
        signature: Signature(Opaque::EMPTY),
    }
}

fn empty_extensions() -> Extensions {
    let extension = Extension { extension_type: ExtensionType(0), extension_data: Opaque::EMPTY };
    Extensions(vec![extension; MANY])
}

fn bytes(value: &impl Encode) -> Vec<u8> {
    value.to_bytes().unwrap()
}

/// A list of `MANY` items of one encoding, behind its length.
fn list_of(item: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.vector(|out| {
        out.bytes(&item.repeat(MANY));
    });
    out.into_bytes()
}

/// Values that take as much as their types allow for their length, by name.
fn expensive() -> Vec<(&'static str, Vec<u8>)> {
    let commit = |proposal: Proposal| {
        bytes(&Commit { proposals: vec![ProposalOrRef::Proposal(proposal); MANY / 4], path: None })
    };
    let node = |ciphertexts| UpdatePathNode {
        encryption_key: HpkePublicKey(Opaque::EMPTY),
        encrypted_path_secret: vec![
            HpkeCiphertext { kem_output: Opaque::EMPTY, ciphertext: Opaque::EMPTY };
            ciphertexts
        ],
    };
    let path = |nodes| bytes(&UpdatePath { leaf_node: empty_leaf(), nodes });
    let psk_id = PreSharedKeyId { psk: Psk::External(Opaque::EMPTY), psk_nonce: Opaque::EMPTY };
    let entry = EncryptedGroupSecrets {
        new_member: KeyPackageRef(Digest::EMPTY),
        encrypted_group_secrets: HpkeCiphertext { kem_output: Opaque::EMPTY, ciphertext: Opaque::EMPTY },
    };
    let sender = ExternalSender {
        signature_key: SignaturePublicKey(Opaque::EMPTY),
        credential: Credential::Basic(Opaque::EMPTY),
    };
    let leaf = |change: &dyn Fn(&mut LeafNode)| {
        let mut leaf = empty_leaf();
        change(&mut leaf);
        leaf
    };
    let capable = leaf(&|leaf| leaf.capabilities.extensions = vec![ExtensionType(7); MANY]);
    let certified = leaf(&|leaf| leaf.credential = Credential::X509(vec![Opaque::EMPTY; MANY]));
    let extended = leaf(&|leaf| leaf.extensions = empty_extensions());
    let welcome =
        Welcome { cipher_suite: CipherSuite(1), secrets: vec![entry; MANY / 4], encrypted_group_info: Opaque::EMPTY };
    let tree = |item: Option<Node>| bytes(&WireTree::new(&vec![item; MANY / 4]).unwrap());
    let parent = ParentNode {
        encryption_key: HpkePublicKey(Opaque::EMPTY),
        parent_hash: Digest::EMPTY,
        unmerged_leaves: vec![LeafIndex(1); 3],
    };
    let package = KeyPackage { leaf_node: extended.clone(), ..empty_package() };
    vec![
        ("custom proposals", commit(Proposal::Custom(ProposalType(0xf001), Opaque::EMPTY))),
        ("updates", commit(Proposal::Update(Update { leaf_node: Box::new(empty_leaf()) }))),
        ("adds", commit(Proposal::Add(Add { key_package: Box::new(empty_package()) }))),
        ("psks", commit(Proposal::PreSharedKey(PreSharedKey { psk: psk_id.clone() }))),
        ("inits", commit(Proposal::ExternalInit(ExternalInit { kem_output: Opaque::EMPTY }))),
        ("path nodes", path(vec![node(0); MANY / 2])),
        ("ciphertexts", path(vec![node(MANY)])),
        ("nodes with ciphertexts", path(vec![node(5); MANY / 10])),
        ("psk ids", bytes(&vec![psk_id; MANY])),
        ("welcome", bytes(&MlsMessage::from(welcome))),
        ("external senders", bytes(&vec![sender; MANY])),
        ("capabilities", bytes(&capable)),
        ("certificates", bytes(&certified)),
        ("extensions", bytes(&extended)),
        ("key package", bytes(&MlsMessage::from(package))),
        ("extension list", bytes(&empty_extensions())),
        ("blanks", tree(None)),
        ("leaves", tree(Some(Node::Leaf(empty_leaf())))),
        ("parents", tree(Some(Node::Parent(parent)))),
        ("capable leaf in a tree", bytes(&WireTree::new(&vec![Some(Node::Leaf(capable))]).unwrap())),
        ("strings", bytes(&vec![Opaque::EMPTY; MANY])),
        ("changes", bytes(&(0..MANY / 4).map(|_| change()).collect::<Vec<_>>())),
        ("numbers", list_of(&[0, 0, 0, 0, 0, 0, 0, 0])),
        ("bytes", list_of(&[0])),
        ("devices", list_of(&[7; 16])),
    ]
}

fn change() -> Change {
    Change::Delete(RowKey::new(Table(0), Vec::new()))
}

/// Lengths that nothing stands behind.
fn promises() -> Vec<(&'static str, Vec<u8>)> {
    let lengths = [&[0xbf, 0xff, 0xff, 0xff][..], &[0x80, 0xff, 0xff, 0xff], &[0x7f, 0xff], &[0x3f]];
    let before = [&[][..], &[0, 1, 0, 3, 0, 1], &[0, 1, 0, 5, 0, 1, 0, 1, 0], &[1], &[0, 2], &[0; 16]];
    let made =
        lengths.iter().flat_map(|length| before.map(|before| ("a length", [before, length, &[1, 2, 3]].concat())));
    made.collect()
}

/// The process has one heap: nothing else is done while it is counted.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `step` asks for, in bytes.
fn allocated(step: impl FnOnce()) -> usize {
    let region = Region::new(HEAP);
    step();
    region.change().bytes_allocated
}

#[test]
fn no_decoder_allocates_more_than_sixteen_times_its_input() {
    let _alone = alone();
    let (mut refused, mut most) = (0, 0.0f64);
    for (what, input) in expensive().into_iter().chain(promises()) {
        let bound = MEMORY_FACTOR * input.len() + MEMORY_BESIDES;
        for decoder in decoders() {
            let mut outcome = Ok(());
            let bytes = allocated(|| outcome = (decoder.decode)(&input));
            assert!(bytes <= bound, "{}: {what} of {} bytes takes {bytes}", decoder.name, input.len());
            refused += usize::from(outcome.is_err_and(|error| error.kind == DecodeErrorKind::OverMemory));
            #[expect(clippy::cast_precision_loss, reason = "to be printed")]
            let factor = bytes as f64 / input.len() as f64;
            if input.len() > 16 * 1_024 && factor > most {
                most = factor;
                println!("{}: {what}: {factor:.1} times {} bytes", decoder.name, input.len());
            }
        }
    }
    // Inputs that nothing has to refuse would show nothing.
    assert!(refused >= 10, "only {refused} were refused for their memory");
}

/// What is sent in earnest takes a few times its length.
#[test]
fn genuine_messages_are_far_from_the_bound() {
    let _alone = alone();
    let seeds = (cenacle_fuzz::target("decode").unwrap().seeds)();
    let decoders: Vec<_> = decoders().collect();
    let mut most = 0;
    for seed in seeds.iter().filter(|seed| seed.len() > 256) {
        let decoder = decoders[usize::from(seed[0])];
        let bytes = allocated(|| (decoder.decode)(&seed[1..]).unwrap());
        most = most.max(100 * bytes / seed.len());
    }
    println!("{most} percent of their length at most");
    assert!((50..=400).contains(&most), "{most} percent");
}

/// Reading certificates is another library's work, which makes more of them; their length is bounded instead.
#[test]
fn judging_a_certificate_takes_less_than_two_megabytes() {
    let _alone = alone();
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let mut named = CertificateParams::default();
    named.subject_alt_names = vec![SanType::DnsName("a".try_into().unwrap()); 10_000];
    let mut extended = CertificateParams::default();
    let numbered = |number: u64| CustomExtension::from_oid_content(&[1, 3, number], Vec::new());
    extended.custom_extensions = (0..2_500).map(numbered).collect();
    for params in [named, extended] {
        let der = params.self_signed(&key).unwrap().der().to_vec();
        assert!(
            (cenacle_x509::limits::MAX_CHAIN_BYTES / 2..=cenacle_x509::limits::MAX_CHAIN_BYTES).contains(&der.len())
        );
        let root = CertificateParams::default().self_signed(&key).unwrap().der().to_vec();
        let policy = X509Policy::new([root], SoleName::Dns).unwrap();
        let judge = policy.at(CipherSuite(1), 1_000);
        let (credential, signature_key) =
            (Credential::X509(vec![der.as_slice().into()]), SignaturePublicKey(Opaque::EMPTY));
        let presented = Presented {
            occasion: Occasion::Join,
            group_id: None,
            credential: &credential,
            signature_key: &signature_key,
            replaces: None,
        };
        let bytes = allocated(|| assert!(matches!(judge.verdict(&presented), Verdict::Refuse(_))));
        println!("a certificate of {} bytes takes {bytes}", der.len());
        assert!(bytes < 2 << 20);
    }
}
