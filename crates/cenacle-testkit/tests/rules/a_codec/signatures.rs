//! Signatures (RFC 9420 §5.1.2).

use alloc::sync::Arc;

use cenacle_crypto::{CryptoError, Signature, SignaturePublicKey, Signer};
use cenacle_mls::wire::ProposalType;
use cenacle_testkit::damage::{ecdsa_malformed, ecdsa_twin};

use crate::common::*;

/// The order of Ed25519's base point, little-endian.
const ORDER_25519: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// An Ed25519 signature with S beyond the order, R of small order or in another form, and of other lengths.
fn eddsa_malformed(signature: &[u8]) -> Vec<Vec<u8>> {
    let (r, s) = signature.split_at(32);
    let mut carry = 0;
    let more = s.iter().zip(ORDER_25519).map(|(digit, order)| {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        carry = sum >> 8;
        sum.to_le_bytes()[0]
    });
    let more: Vec<u8> = more.collect();
    let ends = |low, middle, high| [vec![low], vec![middle; 30], vec![high]].concat();
    let points = [ends(1, 0, 0), ends(1, 0, 0x80), ends(0xec, 0xff, 0x7f), ends(0, 0, 0), ends(0xee, 0xff, 0x7f)];
    let mut bad = vec![[r, &more].concat(), [r, &[0xff; 32]].concat(), [r, &ORDER_25519].concat()];
    bad.extend(points.iter().flat_map(|point| [[point, s].concat(), [&point[..], &[0; 32]].concat()]));
    bad.extend([Vec::new(), r.to_vec(), signature[..63].to_vec(), [signature, &[0]].concat()]);
    bad
}

/// Whatever is signed is refused with each of these signatures.
fn refuses_signatures(seed: u64, suite: u16, malformed: fn(&[u8]) -> Vec<Vec<u8>>) {
    let mut trial = Trial::of_suite(seed, suite);
    let erin = trial.newcomer("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    for bad in 0..malformed(&erin.signature).len() {
        let spoil = |signature: &mut Vec<u8>| *signature = malformed(signature).swap_remove(bad);
        let mut unsigned = erin.clone();
        spoil(&mut unsigned.signature);
        trial.refuses_key_package(&unsigned, What::KeyPackageSignature);
        for private in [false, true] {
            let bad = trial.alice.make(Plan::proposal(Proposal::Remove(3)).framed(private).signature(spoil));
            trial.refuses(&bad, What::ContentSignature);
        }
        let bad = trial.alice.make(plan().signed_leaf(|leaf| spoil(&mut leaf.signature)));
        trial.refuses(&bad, What::LeafSignature);
        let bad = trial.alice.make(plan().signed_group_info(|info| spoil(&mut info.signature)));
        trial.refuses_welcome("erin", bad.welcome(), What::GroupInfoSignature);
    }
    let twin = trial.alice.make(plan());
    trial.joins("erin", &twin);
}

/// §5.1.2: ECDSA signatures are in DER, EdDSA signatures are R and S, and their numbers are in range.
#[test]
fn r024_malformed_signatures() {
    refuses_signatures(24, 1, eddsa_malformed);
    refuses_signatures(24, 2, ecdsa_malformed);
}

/// §5.1.2: The second signature that whoever sees one can make has no second effect.
#[test]
fn r025_twins_of_ecdsa_signatures() {
    let mut trial = Trial::capable_of(25, 2, |_, capabilities| capabilities.proposals.push(ProposalType(TYPE)));
    let twist = |signature: &mut Vec<u8>| *signature = ecdsa_twin(signature);
    // Of members a tag covers the signature; of a commit the transcript does.
    let plan = || Plan::proposal(Proposal::Remove(3));
    let bad = trial.alice.make(plan().tagged(|tagged| twist(&mut tagged.auth.signature)));
    trial.refuses(&bad, What::MembershipTag);
    let mut mallory = trial.alice.outsider("mallory");
    mallory.template.capabilities.proposals.push(TYPE);
    let bad = mallory.make(Plan::external_commit().auth(|auth| twist(&mut auth.signature)));
    trial.refuses(&bad, What::ConfirmationTag);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);

    // Of an outsider's proposal both may wait, under two names; one is committed.
    let mut warden = trial.warden();
    trial.told.policy = Box::new(Open);
    for proposal in [Proposal::Remove(3), Proposal::Custom(TYPE, b"once".to_vec())] {
        warden.catches_up(&trial.alice);
        let plan = || Plan::proposal(proposal.clone()).sender(Sender::External(0));
        let mut signature = Vec::new();
        let one = warden.clone().make(plan().auth(|auth| signature.clone_from(&auth.signature)));
        let other = warden.clone().make(plan().signature(|made| *made = ecdsa_twin(&signature)));
        assert_ne!(one.reference, other.reference);
        trial.passes(&one);
        trial.passes(&other);
        assert_eq!(trial.world.at("bob").group().proposals().count(), 2);
        let mut committed = 0;
        let bundle = trial.performs(|group, inputs, rng| {
            let built = group.commit().build(inputs, rng)?;
            let summary = built.summary().unwrap();
            committed = summary.removed.len() + summary.custom.len();
            Ok(built)
        });
        assert_eq!(committed, 1);
        trial.sends(&bundle.commit);
    }
}

/// Signs under another label what is to be signed under this one.
#[derive(Debug)]
struct Relabelled {
    inner: Arc<dyn Signer>,
    from: &'static str,
    to: &'static str,
}

impl Signer for Relabelled {
    fn public_key(&self) -> &SignaturePublicKey {
        self.inner.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, CryptoError> {
        let mut rest = Scan(message);
        let label = |name| format!("MLS 1.0 {name}").into_bytes();
        if rest.vector() != label(self.from) {
            return self.inner.sign(message);
        }
        self.inner.sign(&[&label(self.to).bytes()[..], rest.0].concat())
    }
}

/// §5.1.2: A signature over one kind of structure is none over another.
#[test]
fn r027_labels_of_signatures() {
    const LABELS: [&str; 4] = ["LeafNodeTBS", "KeyPackageTBS", "GroupInfoTBS", "FramedContentTBS"];
    let mut trial = Trial::new(27);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 27);
    let invited = trial.newcomer("frank");
    let plan = || Plan::commit().with([Proposal::add(&invited)]);
    for (from, to) in LABELS.iter().flat_map(|from| LABELS.map(|to| (*from, to))).filter(|(from, to)| from != to) {
        let mislabelling = |honest: &Insider| {
            let inner = honest.signer();
            let signer: Arc<dyn Signer> = Arc::new(Relabelled { inner, from, to });
            let mut signers = honest.signers.clone();
            signers.insert(honest.template.signature_key.clone(), signer);
            Insider { signers, ..honest.clone() }
        };
        let package = mislabelling(&erin).key_package();
        let made = |private| mislabelling(&trial.alice).make(plan().framed(private));
        let (public, private) = (made(false), made(true));
        match from {
            "LeafNodeTBS" => trial.refuses_key_package(&package, What::LeafSignature),
            "KeyPackageTBS" => trial.refuses_key_package(&package, What::KeyPackageSignature),
            "GroupInfoTBS" => trial.refuses_welcome("frank", public.welcome(), What::GroupInfoSignature),
            _ => trial.refuses(&public, What::ContentSignature),
        }
        match from {
            "LeafNodeTBS" => {
                trial.refuses(&public, What::LeafSignature);
                trial.refuses(&private, What::LeafSignature);
            }
            "FramedContentTBS" => trial.refuses(&private, What::ContentSignature),
            _ => {}
        }
    }
    trial.adds(&erin.key_package());
    let twin = trial.alice.make(plan());
    trial.joins("frank", &twin);
}
