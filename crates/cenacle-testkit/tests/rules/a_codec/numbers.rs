//! Code points that nobody knows (RFC 9420 §6, §7.2, §7.8, §8.4, §12.4).

use cenacle_codec::DecodeError;
use cenacle_mls::wire::{MlsMessage, WireTree};

use crate::common::*;

const fn unknown(name: &'static str) -> DecodeErrorKind {
    DecodeErrorKind::UnknownVariant(name)
}

/// One message of each wire format, none of them delivered yet.
pub(super) struct Messages {
    trial: Trial,
    data: Forged,
    commit: Forged,
    erin: KeyPackage,
}

impl Messages {
    pub(super) fn new(seed: u64) -> Self {
        let mut trial = Trial::new(seed);
        let erin = trial.newcomer("erin");
        trial.world.enter("frank");
        let data = trial.alice.make(Plan::application(b"data"));
        let commit = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
        Self { trial, data, commit, erin }
    }

    /// All five are refused when they are spoilt in this way.
    pub(super) fn refuse(&mut self, spoil: &dyn Fn(&mut Vec<u8>), kind: DecodeErrorKind) {
        let spoilt = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            spoil(&mut bytes);
            bytes
        };
        let trial = &mut self.trial;
        trial.refuses_encoding(spoilt(&self.data.bytes), kind);
        trial.refuses_encoding(spoilt(&self.commit.bytes), kind);
        trial.refuses_welcome_encoding("erin", &spoilt(self.commit.welcome()), kind);
        let info = spoilt(&trial.alice.group_info(Plan::commit()));
        let error = MlsMessage::from_bytes(&info).unwrap_err();
        assert_eq!(error.kind, kind);
        trial.refuses_group_info("frank", &info, Error::Decode(error));
        assert_eq!(MlsMessage::from_bytes(&spoilt(&self.erin.message())).unwrap_err().kind, kind);
    }

    /// All five are accepted as they are.
    pub(super) fn accept(mut self) {
        self.trial.passes(&self.data);
        assert!(MlsMessage::from_bytes(&self.erin.message()).is_ok());
        self.trial.joins("erin", &self.commit);
        let info = self.trial.alice.group_info(Plan::commit());
        self.trial.joins_from_outside("frank", &info);
    }
}

/// §6: A message is of protocol version mls10.
#[test]
fn r013_protocol_versions() {
    let mut all = Messages::new(13);
    for version in [0u16, 2, 0x0100, 0xffff] {
        all.refuse(&|bytes| bytes[..2].copy_from_slice(&version.to_be_bytes()), unknown("ProtocolVersion"));
    }
    all.accept();
}

/// §6: A message has one of the five wire formats.
#[test]
fn r014_wire_formats() {
    let mut all = Messages::new(14);
    for format in [0u16, 6, 0x0100, 0xf000, 0xffff] {
        all.refuse(&|bytes| bytes[2..4].copy_from_slice(&format.to_be_bytes()), unknown("WireFormat"));
    }
    all.accept();
}

/// §6: A content is application data, a proposal or a commit.
#[test]
fn r015_content_types() {
    let mut trial = Trial::new(15);
    let plan = || Plan::proposal(Proposal::Remove(3));
    for octet in [0, 4, 255] {
        let bad = trial.alice.make(plan().quirk(Quirk::octet("FramedContent.content_type", octet)));
        trial.refuses_encoding(&bad, unknown("ContentType"));
        let bad = trial.alice.make(plan().private().seal(|seal| seal.header.content_type = octet));
        trial.refuses_encoding(&bad, unknown("ContentType"));
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §6: A sender is of one of the four types.
#[test]
fn r016_sender_types() {
    let mut trial = Trial::new(16);
    let mut mallory = trial.alice.outsider("mallory");
    for octet in [0, 5, 255] {
        let quirk = || Quirk::octet("Sender.sender_type", octet);
        let bad = trial.alice.make(Plan::proposal(Proposal::Remove(3)).quirk(quirk()));
        trial.refuses_encoding(&bad, unknown("SenderType"));
        let bad = mallory.make(Plan::external_commit().quirk(quirk()));
        trial.refuses_encoding(&bad, unknown("SenderType"));
    }
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §7.2: A leaf comes from a key package, an update or a commit.
#[test]
fn r017_leaf_node_sources() {
    const SOURCE: DecodeErrorKind = unknown("LeafNodeSource");
    let mut trial = Trial::new(17);
    let erin = trial.newcomer("erin");
    let mut frank = Insider::nobody(&trial.alice.suite, "frank", 17);
    for octet in [0, 4, 255] {
        // With what would follow if the source were known.
        let of = |rest: &[u8]| Source::Raw([&[octet], rest].concat());
        let update = trial.alice.leaf_node(|leaf| leaf.source = of(&[]));
        let package = frank.key_package_with(|leaf| leaf.source = of(&[0; 16]), |_| ());
        assert_eq!(MlsMessage::from_bytes(&package.message()).unwrap_err().kind, SOURCE);
        for private in [false, true] {
            let commit = Plan::commit().leaf(|leaf| leaf.source = of(&[32; 33]));
            let add = Plan::commit().with([Proposal::add(&package)]);
            for plan in [Plan::proposal(Proposal::update(update.clone())), commit, add] {
                let bad = trial.alice.make(plan.framed(private));
                trial.refuses_encoding(&bad, SOURCE);
            }
        }
        let plan = Plan::commit().with([Proposal::add(&erin)]);
        let bad = trial.alice.make(plan.merged(|tree| tree.leaf_mut(2).source = of(&[])));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionWellFormed);
    }
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin), Proposal::add(&frank.key_package())]));
    trial.joins("erin", &twin);
}

/// §7.8, §12.4.3.3: A node is a leaf or a parent.
#[test]
fn r018_node_types() {
    let mut trial = Trial::new(18);
    let erin = trial.newcomer("erin");
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    let nodes = twin.next().insider.tree.nodes();
    let apart = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]).without_tree());
    for (node, octet) in [(0, 0), (0, 3), (1, 0), (1, 255), (2, 3)] {
        let quirk = Quirk { at: At::FieldNth("Node.node_type", node), twist: Twist::Instead(vec![octet]) };
        let tree = nodes.bytes_with(&[quirk]);
        assert_eq!(WireTree::from_bytes(&tree).unwrap_err().kind, unknown("NodeType"));
        let error: DecodeError = WireTree::from_bytes(&tree).unwrap_err();
        trial.refuses_welcome_with("erin", apart.welcome(), Some(&tree), Error::Decode(error));
        let change = |info: &mut GroupInfo| info.extension(code::RATCHET_TREE).extension_data.clone_from(&tree);
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]).group_info(change));
        trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionWellFormed);
    }
    trial.joins("erin", &twin);
}

/// §12.4: A commit has proposals and references to proposals.
#[test]
fn r019_proposals_or_references() {
    let mut trial = Trial::new(19);
    let waiting = trial.proposes(Proposal::Remove(3));
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([waiting.clone(), Proposal::add(&erin).into()]);
    for octet in [0, 3, 255] {
        for (place, private) in [(0, false), (0, true), (1, false), (1, true)] {
            let at = At::FieldNth("ProposalOrRef.type", place);
            let bad = plan().framed(private).quirk(Quirk { at, twist: Twist::Instead(vec![octet]) });
            let bad = trial.alice.make(bad);
            trial.refuses_encoding(&bad, unknown("ProposalOrRefType"));
        }
    }
    let twin = trial.alice.make(plan());
    trial.accepts(&twin);
}

/// §8.4: A PSK is external or a resumption, and that for one of three uses.
#[test]
fn r020_psks_of_unknown_types() {
    let mut trial = Trial::new(20);
    let erin = trial.newcomer("erin");
    let present = trial.alice.resumption(trial.alice.context.epoch);
    let id = trial.alice.psk_id(present);
    let psk = || Proposal::PreSharedKey(id.clone());
    let plan = || Plan::commit().with([Proposal::add(&erin), Proposal::PreSharedKey(id.clone())]);
    let places = [
        ("PreSharedKeyID.psktype", "PSKType", [0, 3, 255]),
        ("PreSharedKeyID.usage", "ResumptionPSKUsage", [0, 4, 255]),
    ];
    for (name, kind, octet) in places.iter().flat_map(|(name, kind, octets)| octets.map(|octet| (*name, *kind, octet)))
    {
        for private in [false, true] {
            for plan in [Plan::proposal(psk()), plan()] {
                let bad = trial.alice.make(plan.framed(private).quirk(Quirk::octet(name, octet)));
                trial.refuses_encoding(&bad, unknown(kind));
            }
        }
        let spoil = |bytes: &mut Vec<u8>| *bytes = GroupSecrets::parse(bytes).bytes_with(&[Quirk::octet(name, octet)]);
        let bad = trial.alice.make(plan().group_secrets_bytes(spoil));
        trial.refuses_welcome_encoding("erin", bad.welcome(), unknown(kind));
    }
    let external = trial.shared_psk(b"known to all");
    let external = Proposal::PreSharedKey(trial.alice.psk_id(external));
    // Whoever joins knows no earlier epoch.
    let twin = trial.alice.make(Plan::commit().with([psk()]));
    trial.accepts(&twin);
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin), external]));
    trial.joins("erin", &twin);
}
