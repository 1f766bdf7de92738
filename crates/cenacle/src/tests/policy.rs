//! What may be wanted in a conversation: what its members make, and nothing else of MLS.

use alloc::collections::BTreeMap;

use cenacle_crypto::CipherSuite;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::{
    Error,
    group::{AcceptAll, Group, GroupPolicy as _, Inputs, PublicGroup},
    wire::{
        Add, Extensions, ExternalInit, GroupContextExtensions, LeafIndex, MlsMessage, PreSharedKey, PreSharedKeyId,
        Proposal, ProposalType, ProtocolVersion, Psk, ReInit, Remove, Sender, Update,
    },
};
use cenacle_store::MemoryStore;

use super::returning::{Person, client, fresh_key_package, inputs, pair, signer};
use crate::policy::ConversationPolicy;

fn people() -> BTreeMap<&'static str, Person> {
    let person = |name| Person { client: client(name, &signer()), store: MemoryStore::default() };
    BTreeMap::from(["alice", "bob"].map(|name| (name, person(name))))
}

fn with_servers(group: &PublicGroup, people: &BTreeMap<&'static str, Person>) -> Extensions {
    let mut extensions = group.extensions().clone();
    extensions.push_external_senders(&vec![people["bob"].client.external_sender()]).unwrap();
    extensions
}

fn reinit() -> ReInit {
    ReInit {
        group_id: b"next".as_slice().into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        extensions: Extensions::default(),
    }
}

#[test]
fn only_members_want_something_and_only_what_conversations_are_made_of() {
    let mut people = people();
    let (alices, _) = pair(&mut people);
    let leaf_node = Box::new(alices.member(LeafIndex(1)).unwrap());
    let key_package = Box::new(fresh_key_package(people.get_mut("bob").unwrap()));
    let psk = PreSharedKeyId { psk: Psk::External(b"psk".as_slice().into()), psk_nonce: vec![0; 32].into() };
    let extensions = alices.public().extensions().clone();
    let proposals = [
        ("add", Proposal::Add(Add { key_package })),
        ("update", Proposal::Update(Update { leaf_node })),
        ("remove", Proposal::Remove(Remove { removed: LeafIndex(1) })),
        ("init", Proposal::ExternalInit(ExternalInit { kem_output: b"kem".as_slice().into() })),
        ("psk", Proposal::PreSharedKey(PreSharedKey { psk })),
        ("reinit", Proposal::ReInit(reinit())),
        ("extensions", Proposal::GroupContextExtensions(GroupContextExtensions { extensions })),
        ("custom", Proposal::Custom(ProposalType(0xf0f0), b"custom".as_slice().into())),
    ];
    let admitted = |sender: Sender| -> Vec<&str> {
        let admits = |proposal| ConversationPolicy.admits(alices.public(), &sender, proposal).is_ok();
        proposals.iter().filter(|(_, proposal)| admits(proposal)).map(|(name, _)| *name).collect()
    };
    assert_eq!(admitted(Sender::Member(LeafIndex(0))), ["add", "update", "remove"]);
    assert_eq!(admitted(Sender::NewMemberCommit), ["remove", "init"]);
    assert!(admitted(Sender::External(0)).is_empty() && admitted(Sender::NewMemberProposal).is_empty());
}

/// A proposal of Bob's, which waits at Alice's as at a member's who admits everything.
fn waiting(people: &mut BTreeMap<&'static str, Person>, groups: (&mut Group, &mut Group), reinits: bool) {
    let (alices, bobs) = groups;
    let proposed = match reinits {
        true => bobs.propose_reinit(reinit(), &mut SystemRng).unwrap(),
        false => bobs.propose_extensions(with_servers(bobs.public(), people), &mut SystemRng).unwrap(),
    };
    let proposal: MlsMessage = bobs.merge(proposed, &mut people.get_mut("bob").unwrap().store).unwrap();
    let careless = Inputs::new(&AcceptAll).with_policy(&AcceptAll);
    let refused = alices.stage(alices.open(&proposal).unwrap(), &inputs());
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let staged = alices.stage(alices.open(&proposal).unwrap(), &careless).unwrap();
    alices.merge(staged, &mut people.get_mut("alice").unwrap().store).unwrap();
}

#[test]
fn what_has_been_waiting_is_not_committed_and_nobody_follows_who_does() {
    for reinits in [false, true] {
        let mut people = people();
        let (mut alices, mut bobs) = pair(&mut people);
        waiting(&mut people, (&mut alices, &mut bobs), reinits);
        let own = alices.commit().build(&inputs(), &mut SystemRng).unwrap();
        let does = own.summary().unwrap();
        assert!(does.extensions_replaced == 0 && does.reinit.is_none());

        let careless = Inputs::new(&AcceptAll).with_policy(&AcceptAll);
        let commit = alices.commit().build(&careless, &mut SystemRng).unwrap();
        let does = commit.summary().unwrap();
        assert!(does.extensions_replaced != 0 || does.reinit.is_some());
        let bundle = alices.merge(commit, &mut people.get_mut("alice").unwrap().store).unwrap();
        let staged = bobs.stage(bobs.open(&bundle.commit).unwrap(), &inputs());
        assert!(matches!(staged, Err(Error::Refused(_))), "{staged:?}");
    }
}

#[test]
fn a_commit_by_value_of_what_no_conversation_uses_is_refused_by_who_makes_it_and_by_who_receives_it() {
    for reinits in [false, true] {
        let mut people = people();
        let (mut alices, bobs) = pair(&mut people);
        let extensions = with_servers(alices.public(), &people);
        let builder = |group: &Group, inputs: &Inputs<'_>| match reinits {
            true => group.commit().reinit(reinit()).build(inputs, &mut SystemRng),
            false => group.commit().extensions(extensions.clone()).build(inputs, &mut SystemRng),
        };
        assert!(matches!(builder(&alices, &inputs()), Err(Error::Refused(_))));
        let commit = builder(&alices, &Inputs::new(&AcceptAll)).unwrap();
        let bundle = alices.merge(commit, &mut people.get_mut("alice").unwrap().store).unwrap();
        let staged = bobs.stage(bobs.open(&bundle.commit).unwrap(), &inputs());
        assert!(matches!(staged, Err(Error::Refused(_))), "{staged:?}");
    }
}
