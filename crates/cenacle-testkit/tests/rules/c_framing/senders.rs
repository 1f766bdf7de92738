//! Who may send what, and by which key it verifies (RFC 9420 §6.1).

use cenacle_mls::wire::LeafIndex;

use super::proposal;
use crate::common::*;

/// §6: Who is no member sends in the clear only.
#[test]
fn r045_outsider_in_a_private_message() {
    let mut trial = Trial::new(45);
    let mut warden = trial.warden();
    let mut mallory = trial.alice.outsider("mallory");
    let joining = Proposal::add(&mallory.key_package());
    // What is signed is the sender's own type, and the sender data has room for a member's leaf alone. The keys that verify
    // in the clear, and that of the member in whose name it is decrypted.
    let signers = [warden.signer(), mallory.signer(), trial.alice.signer()];
    for sender in [Sender::External(0), Sender::NewMemberProposal, Sender::NewMemberCommit] {
        for signer in &signers {
            let add = Plan::proposal(joining.clone());
            for plan in [proposal(), add, Plan::application(b"news"), Plan::commit()] {
                let bad = trial.alice.make(plan.private().sender(sender.clone()).signed_by(signer));
                trial.refuses(&bad, What::ContentSignature);
            }
        }
    }
    let bad = mallory.make(trial.smuggled(Plan::external_commit()));
    trial.refuses(&bad, What::ContentSignature);
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.passes(&twin);
    let twin = mallory.make(Plan::proposal(joining).sender(Sender::NewMemberProposal));
    trial.passes(&twin);
    let twin = trial.alice.make(proposal().private());
    trial.accepts(&twin);
}

/// §6.1: A member's message is signed by the key of the leaf it names.
#[test]
fn r046_signature_by_another_member() {
    let mut trial = Trial::new(46);
    let carol = trial.world.signers["carol"].clone();
    for private in [false, true] {
        let bad = trial.alice.make(proposal().framed(private).signed_by(&carol));
        trial.refuses(&bad, What::ContentSignature);
        // The other way round: Alice's signature, Carol's leaf.
        let leaf = trial.leaf("carol");
        let bad = proposal().framed(private).sender(Sender::Member(leaf));
        let bad = trial.alice.make(bad.seal(|seal| {
            (seal.sender_data.leaf_index, seal.ratchet_leaf) = (leaf, leaf);
        }));
        trial.refuses(&bad, What::ContentSignature);
    }
    let twin = trial.alice.make(proposal().private());
    trial.accepts(&twin);
}

/// §6.1: A member's message names a leaf that is not blank.
#[test]
fn r047_sender_at_a_blank_leaf() {
    let mut trial = Trial::new(47);
    for name in ["erin", "frank"] {
        let package = trial.newcomer(name);
        let twin = trial.alice.make(Plan::commit().with([Proposal::add(&package)]));
        trial.joins(name, &twin);
    }
    let dave = trial.leaf("dave");
    trial.commit("carol", |commit| commit.remove(LeafIndex(dave)));
    // A removed member's, one that nobody ever had, the first beyond the tree, and what is no leaf of any tree.
    for leaf in [dave, 6, 8, 1 << 31, u32::MAX] {
        for plan in [Plan::proposal(Proposal::Remove(2)), Plan::commit().without_path()] {
            let bad = trial.alice.make(plan.sender(Sender::Member(leaf)));
            trial.refuses(&bad, Rule::SenderIsMember);
        }
    }
    let twin = trial.alice.make(Plan::proposal(Proposal::Remove(2)));
    trial.accepts(&twin);
}

/// §6.1: There are external senders only where the group lists some.
#[test]
fn r048_external_sender_without_a_list() {
    let mut trial = Trial::new(48);
    let mut stranger = trial.alice.outsider("warden");
    let bad = stranger.make(proposal().sender(Sender::External(0)));
    trial.refuses(&bad, Rule::ExternalSenderIsListed);
    trial.set_extensions(vec![ExternalSender::extension(&[stranger.as_external_sender()])]);
    stranger.catches_up(&trial.alice);
    let twin = stranger.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}

/// §6.1: An external sender's index is one of the list.
#[test]
fn r049_external_sender_beyond_the_list() {
    let mut trial = Trial::new(49);
    let mut warden = trial.warden();
    for index in [1, 2, u32::MAX] {
        let bad = warden.make(proposal().sender(Sender::External(index)));
        trial.refuses(&bad, Rule::ExternalSenderIsListed);
    }
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}

/// §6.1: An external sender's message is signed by the key at its place in the list.
#[test]
fn r050_external_sender_of_another_place() {
    let mut trial = Trial::new(50);
    let mut wardens = ["first", "second"].map(|name| trial.alice.outsider(name));
    let listed = wardens.each_ref().map(Insider::as_external_sender);
    trial.set_extensions(vec![ExternalSender::extension(&listed)]);
    wardens.iter_mut().for_each(|warden| warden.catches_up(&trial.alice));
    let plan = |place| proposal().sender(Sender::External(place));
    let bad = wardens[1].make(plan(0));
    trial.refuses(&bad, What::ContentSignature);
    let twin = wardens[1].make(plan(1));
    trial.accepts(&twin);
}

/// §6.1: An external sender does not commit.
#[test]
fn r051_external_sender_commits() {
    let mut trial = Trial::new(51);
    let mut warden = trial.warden();
    let signer = warden.signer();
    // Everything of the commit is as if Alice had made it, but for who sends it.
    let bad = trial.alice.make(Plan::commit().sender(Sender::External(0)).signed_by(&signer));
    trial.refuses(&bad, Rule::ExternalSenderProposes);
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}

/// §6.1: An external sender sends no application data.
#[test]
fn r052_external_sender_sends_data() {
    let mut trial = Trial::new(52);
    let mut warden = trial.warden();
    let bad = warden.make(Plan::application(b"news").public().sender(Sender::External(0)));
    trial.refuses(&bad, Rule::ApplicationDataIsEncrypted);
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}

/// §6.1: An external sender proposes only what external senders may.
#[test]
fn r053_external_sender_proposes_something_else() {
    let mut trial = Trial::new(53);
    let mut warden = trial.warden();
    let leaf = trial.alice.leaf_node(|_| ());
    let closed = [Proposal::update(leaf), Proposal::ExternalInit(vec![9; 32]), Proposal::Custom(0xF123, Vec::new())];
    for closed in closed {
        let bad = warden.make(Plan::proposal(closed).sender(Sender::External(0)));
        trial.refuses(&bad, Rule::ExternalSenderProposes);
    }
    let twin = warden.make(proposal().sender(Sender::External(0)));
    trial.accepts(&twin);
}

/// §6.1: A new member's commit is a commit.
#[test]
fn r054_new_member_commit_that_is_none() {
    let mut trial = Trial::new(54);
    let mut mallory = trial.alice.outsider("mallory");
    let package = mallory.key_package();
    for other in [Proposal::Remove(3), Proposal::add(&package)] {
        let bad = mallory.make(Plan::proposal(other).sender(Sender::NewMemberCommit));
        trial.refuses(&bad, Rule::NewMemberCommits);
    }
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §6.1: A new member's commit is signed by the key of the leaf in its path.
#[test]
fn r055_new_member_commit_by_another_key() {
    let mut trial = Trial::new(55);
    let (mut mallory, other) = (trial.alice.outsider("mallory"), trial.alice.outsider("other").signer());
    let alice = trial.alice.signer();
    for signer in [other, alice] {
        let bad = mallory.make(Plan::external_commit().signed_by(&signer));
        trial.refuses(&bad, What::ContentSignature);
    }
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §6.1: A new member proposes its own addition and nothing else.
#[test]
fn r056_new_member_proposes_something_else() {
    let mut trial = Trial::new(56);
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(proposal().sender(Sender::NewMemberProposal));
    trial.refuses(&bad, Rule::NewMemberProposesAdd);
    let bad = trial.alice.make(Plan::commit().sender(Sender::NewMemberProposal));
    trial.refuses(&bad, Rule::NewMemberProposesAdd);
    let package = mallory.key_package();
    let twin = mallory.make(Plan::proposal(Proposal::add(&package)).sender(Sender::NewMemberProposal));
    trial.accepts(&twin);
}

/// §6.1: A new member's proposal is signed by the key in its key package.
#[test]
fn r057_new_member_proposal_by_another_key() {
    let mut trial = Trial::new(57);
    let (mut mallory, mut other) = (trial.alice.outsider("mallory"), trial.alice.outsider("other"));
    let package = mallory.key_package();
    let plan = || Plan::proposal(Proposal::add(&package)).sender(Sender::NewMemberProposal);
    let bad = other.make(plan());
    trial.refuses(&bad, What::ContentSignature);
    let bad = trial.alice.make(plan());
    trial.refuses(&bad, What::ContentSignature);
    let twin = mallory.make(plan());
    trial.accepts(&twin);
}

/// §6.1: A signature is for one way to travel.
#[test]
fn r058_signature_for_another_wire_format() {
    let mut trial = Trial::new(58);
    let formats = [code::PRIVATE_MESSAGE, code::PUBLIC_MESSAGE];
    for (private, other) in [false, true].into_iter().zip(formats) {
        for plan in [proposal(), Plan::commit()] {
            let bad = Plan { signed_wire_format: Some(other), ..plan.framed(private) };
            let bad = trial.alice.make(bad);
            trial.refuses(&bad, What::ContentSignature);
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}

/// §6.1: What members and joiners sign is bound to the group's state.
#[test]
fn r059_signature_in_another_context() {
    let mut trial = Trial::new(59);
    let (old, mut signatures) = (trial.alice.context.clone(), Vec::new());
    trial.alice.make(proposal().signature(|signature| signatures.push(signature.clone())));
    trial.goes_on();
    // The signature of the epoch before, under the epoch and the tag of this one.
    let replayed = trial.alice.make(proposal().signature(|signature| signature.clone_from(&signatures[0])));
    trial.refuses(&replayed, What::ContentSignature);
    // The right epoch in the content, and only the context of another.
    for plan in [proposal(), proposal().private(), Plan::commit(), Plan::application(b"data")] {
        let bad = trial.alice.make(plan.signed_context(|context| context.clone_from(&old)));
        trial.refuses(&bad, What::ContentSignature);
    }
    let mut mallory = trial.alice.outsider("mallory");
    let bad = mallory.make(Plan::external_commit().signed_context(|context| context.clone_from(&old)));
    trial.refuses(&bad, What::ContentSignature);
    let twin = mallory.make(Plan::external_commit());
    trial.accepts(&twin);
}

/// §6.1: A content's signature verifies before anything is made of it.
#[test]
fn r068_damaged_signature() {
    let mut trial = Trial::new(68);
    for place in [0, 31, 32, 63] {
        for plan in super::of_every_kind() {
            let bad = trial.alice.make(plan.signature(|signature| signature[place] ^= 4));
            trial.refuses(&bad, What::ContentSignature);
        }
    }
    let twin = trial.alice.make(Plan::commit());
    trial.accepts(&twin);
}
