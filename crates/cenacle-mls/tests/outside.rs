//! What comes from outside a group (RFC 9420 §12.1.8, §12.4.3.2): proposals by external senders and by clients that want to be
//! added, and PSKs in external commits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core,
    reason = "a test fails by panicking"
)]

mod common;

use std::sync::Arc;

use cenacle_crypto::{SecretBytes, conformance::SeededRng};
use cenacle_mls::{
    Error, Misuse, Need, Rule, What,
    group::{AcceptAll, Client, CustomProposal, DefaultPolicy, ExternalJoin, GroupPolicy, Handshake, Inputs, Received},
    wire::{
        Add, Capabilities, Content, Extensions, ExternalInit, GroupContextExtensions, LeafIndex, LeafNodeSource,
        MlsMessage, MlsMessageBody, PreSharedKey, PreSharedKeyId, Proposal, ProposalType, Psk, Remove,
        ResumptionPskUsage, Sender, Update, WireFormat,
    },
};
use common::{
    World,
    forge::{Insider, Plan, psk_id},
    inputs, roundtrip,
};

const VOTE: ProposalType = ProposalType(0xf001);

/// Two members who know votes, two servers that are listed.
fn worlds() -> impl Iterator<Item = World> {
    [Handshake::Public, Handshake::Private].into_iter().map(|handshake| {
        let mut world = World::new(1, handshake);
        for name in ["alice", "bob", "carol"] {
            let client = world.person(name).client.clone();
            let capabilities = Capabilities { proposals: vec![VOTE], ..client.capabilities().clone() };
            world.person(name).client = client.with_capabilities(capabilities);
        }
        world.create("alice");
        world.add("alice", "bob");
        world.add("alice", "carol");
        let senders =
            vec![server(&mut world, "first").external_sender(), server(&mut world, "second").external_sender()];
        let mut extensions = Extensions::default();
        extensions.push_external_senders(&senders).unwrap();
        world.commit("alice", |commit| commit.extensions(extensions));
        world
    })
}

fn server(world: &mut World, name: &str) -> Client {
    world.person(name).client.clone()
}

fn outside(world: &mut World, by: &str, proposal: Proposal) -> Result<MlsMessage, Error> {
    let server = server(world, by);
    server.propose_externally(world.member("alice").public(), proposal, &inputs())
}

/// Somebody's signature on whatever is wanted.
fn pen(world: &mut World, name: &str) -> Insider {
    let signer = Arc::clone(&world.person(name).signer);
    Insider { signer, ..world.insider("alice") }
}

fn external_psk(world: &mut World) -> PreSharedKeyId {
    world.psks.insert_external(&b"psk"[..], vec![7; 32]);
    psk_id(&*world.suite, Psk::External((&b"psk"[..]).into()), &mut world.rng)
}

// RFC 9420 §12.1.8.
#[test]
fn external_senders_propose_what_is_open_to_them() {
    for mut world in worlds() {
        let dave = Box::new(world.key_package("dave"));
        let psk = external_psk(&mut world);
        let proposals = [
            Proposal::Add(Add { key_package: dave }),
            Proposal::Remove(Remove { removed: LeafIndex(2) }),
            Proposal::PreSharedKey(PreSharedKey { psk }),
            Proposal::GroupContextExtensions(GroupContextExtensions {
                extensions: world.member("alice").public().extensions().clone(),
            }),
        ];
        for (by, proposal) in ["second", "first"].into_iter().cycle().zip(proposals) {
            let message = outside(&mut world, by, proposal.clone()).unwrap();
            world.deliver("nobody", &message);
            // Once more, it still waits once.
            world.deliver("nobody", &message);
            let sender = Sender::External(u32::from(by == "second"));
            let waiting: Vec<_> = world.member("bob").proposals().map(|(_, by, what)| (by, what.clone())).collect();
            assert_eq!(waiting, [(sender, proposal)]);
            world.reload("bob");
            let stale = message;
            world.renew("bob");
            assert!(matches!(world.refuse("alice", &stale), Error::Stale(_)));
            assert_eq!(world.member("alice").proposals().count(), 0);
        }
        assert!(!world.is_member("carol"));
        assert_eq!(world.member("alice").members().count(), 3);
    }
}

/// Lets external senders send votes.
struct Votes;

impl GroupPolicy for Votes {
    fn custom_proposal(&self, _: ProposalType) -> CustomProposal {
        CustomProposal { path_required: false, external: true }
    }
}

// RFC 9420 §12.1.8: "Messages from external senders containing proposal types other than the above MUST be rejected".
#[test]
fn external_senders_propose_nothing_else() {
    for mut world in worlds() {
        let update = world.insider("bob").leaf_node(|leaf| leaf.source = LeafNodeSource::Update);
        let vote = Proposal::Custom(VOTE, (&b"yes"[..]).into());
        let pen = pen(&mut world, "first");
        for proposal in [
            Proposal::Update(Update { leaf_node: Box::new(update) }),
            Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() }),
            vote.clone(),
        ] {
            let refused = outside(&mut world, "first", proposal.clone()).unwrap_err();
            assert_eq!(refused, Error::Invalid(Rule::ExternalSenderProposes));
            let message = pen.propose_as(Sender::External(0), proposal);
            assert_eq!(world.refuse("bob", &message), Error::Invalid(Rule::ExternalSenderProposes));
        }
        let votes = inputs().with_policy(&Votes);
        let server = server(&mut world, "first");
        let message = server.propose_externally(world.member("alice").public(), vote, &votes).unwrap();
        for name in ["alice", "bob", "carol"] {
            assert!(matches!(world.receive_with(name, &message, votes), Ok(Received::Proposal { .. })));
        }
        let bundle = world.try_with("bob", |group, rng| group.commit().build(&votes, rng)).unwrap();
        for name in ["alice", "carol"] {
            let received = world.receive_with(name, &bundle.commit, votes).unwrap();
            assert!(matches!(received, Received::Commit(summary) if summary.custom.len() == 1));
        }
        world.receive_with("bob", &bundle.commit, votes).unwrap();
        world.agree();
    }
}

// RFC 9420 §6.1, §12.1.8.1.
#[test]
fn only_who_is_listed_speaks_from_outside() {
    for mut world in worlds() {
        let remove = Proposal::Remove(Remove { removed: LeafIndex(2) });
        let refused = outside(&mut world, "stranger", remove.clone()).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::NotExternalSender));
        let (first, stranger) = (pen(&mut world, "first"), pen(&mut world, "stranger"));
        let unsigned = Error::Unverified(What::ContentSignature);
        let listed = Error::Invalid(Rule::ExternalSenderIsListed);
        for (message, why) in [
            (stranger.propose_as(Sender::External(0), remove.clone()), unsigned.clone()),
            (first.propose_as(Sender::External(1), remove.clone()), unsigned),
            (first.propose_as(Sender::External(2), remove.clone()), listed.clone()),
            (first.propose_as(Sender::External(u32::MAX), remove.clone()), listed.clone()),
        ] {
            assert_eq!(world.refuse("bob", &message), why);
        }
        // Neither a commit nor data.
        let commit = world.insider("alice").commit(Plan { path: true, ..Plan::of([]) }, &mut SeededRng::new(4));
        let MlsMessageBody::PublicMessage(mut commit) = commit.body else { panic!() };
        commit.content.sender = Sender::External(0);
        let tag = commit.auth.confirmation_tag;
        let mut commit = first.sign(WireFormat::PUBLIC_MESSAGE, commit.content);
        commit.auth.confirmation_tag = tag;
        assert_eq!(world.refuse("bob", &first.send(commit)), Error::Invalid(Rule::ExternalSenderProposes));
        let data = first.framed(Sender::External(0), Content::Application((&b"x"[..]).into()));
        let data = first.send(first.sign(WireFormat::PUBLIC_MESSAGE, data));
        assert_eq!(world.refuse("bob", &data), Error::Invalid(Rule::ApplicationDataIsEncrypted));
        // The list is replaced: who stood second stands first.
        let honest = outside(&mut world, "first", remove.clone()).unwrap();
        assert!(world.receive("bob", &honest).is_ok());
        let mut extensions = Extensions::default();
        extensions.push_external_senders(&vec![server(&mut world, "second").external_sender()]).unwrap();
        world.commit("alice", |commit| commit.extensions(extensions));
        let refused = outside(&mut world, "first", remove.clone()).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::NotExternalSender));
        let first = pen(&mut world, "first");
        let unsigned = Error::Unverified(What::ContentSignature);
        assert_eq!(world.refuse("bob", &first.propose_as(Sender::External(0), remove.clone())), unsigned);
        let second = pen(&mut world, "second");
        assert_eq!(world.refuse("bob", &second.propose_as(Sender::External(1), remove.clone())), listed);
        assert!(world.receive("bob", &second.propose_as(Sender::External(0), remove)).is_ok());
        // A list that is taken back leaves nobody.
        world.commit("carol", |commit| commit.extensions(Extensions::default()));
        let second = pen(&mut world, "second");
        let message = second.propose_as(Sender::External(0), Proposal::Remove(Remove { removed: LeafIndex(1) }));
        assert_eq!(world.refuse("bob", &message), listed);
    }
}

// RFC 9420 §12.1.8, §6.1.
#[test]
fn clients_propose_their_own_addition() {
    for mut world in worlds() {
        let package = world.key_package("dave");
        let dave = server(&mut world, "dave");
        let mallory = server(&mut world, "mallory");
        let refused = mallory.propose_joining(world.member("alice").public(), package.clone()).unwrap_err();
        assert_eq!(refused, Error::Misuse(Misuse::WrongKey));
        let message = dave.propose_joining(world.member("alice").public(), package.clone()).unwrap();
        let default = Inputs::new(&AcceptAll).with_policy(&DefaultPolicy).at(1_000);
        let refused = world.refuse_with("bob", &message, default);
        assert_eq!(refused, Error::Refused("nobody adds himself here".into()));

        let add = Proposal::Add(Add { key_package: Box::new(package) });
        let (pen, thief) = (pen(&mut world, "dave"), pen(&mut world, "mallory"));
        let remove = Proposal::Remove(Remove { removed: LeafIndex(2) });
        for (message, why) in [
            (thief.propose_as(Sender::NewMemberProposal, add.clone()), Error::Unverified(What::ContentSignature)),
            (pen.propose_as(Sender::NewMemberProposal, remove), Error::Invalid(Rule::NewMemberProposesAdd)),
            (pen.propose_as(Sender::NewMemberCommit, add), Error::Invalid(Rule::NewMemberCommits)),
        ] {
            assert_eq!(world.refuse("bob", &message), why);
        }
        world.deliver("nobody", &message);
        let bundle = world.commit("carol", |commit| commit);
        world.accept("dave", &bundle.welcome.unwrap()).unwrap();
        world.agree();
        world.say("dave", "asked and was let in");
    }
}

/// Joins from outside and lets the members judge. Some of them lack the PSK at first.
fn join(world: &mut World, name: &str, how: ExternalJoin, own: &Inputs<'_>) {
    let info = roundtrip(&world.member("alice").group_info(true, true).unwrap());
    let MlsMessageBody::GroupInfo(info) = info.body else { panic!() };
    let mut rng = SeededRng::new(world.rng.next_u64());
    let person = world.person(name);
    let old = person.group.take();
    let pending = person.client.join_external(&info, how, own, &mut rng).unwrap().persist(&mut person.store).unwrap();
    let commit = pending.commit().clone();
    let psks = core::mem::take(&mut world.psks);
    if !pending.summary().psks.iter().all(|id| matches!(id.psk, Psk::Resumption { .. })) {
        assert!(matches!(world.refuse("bob", &commit), Error::Missing(Need::Psk(_))));
    }
    world.psks = psks;
    world.deliver(name, &commit);
    let person = world.person(name);
    let new = pending.accepted();
    person.group = Some(match old {
        Some(old) => new.accept_in_place_of(old, &mut person.store).unwrap(),
        None => new.accept(&mut person.store).unwrap(),
    });
    world.agree();
    world.say(name, "in");
}

// RFC 9420 §12.4.3.2.
#[test]
fn psks_in_external_commits() {
    for mut world in worlds() {
        world.psks.insert_external(&b"psk"[..], vec![7; 32]);
        let psk = Psk::External((&b"psk"[..]).into());
        let mut own = cenacle_mls::group::Psks::default();
        own.insert_external(&b"psk"[..], vec![7; 32]);
        let how = ExternalJoin { psks: vec![psk.clone(), psk.clone()], ..ExternalJoin::default() };
        join(&mut world, "dave", how, &inputs().with_psks(&own));
        // A member comes back, and proves who it was by a PSK of the group itself.
        world.renew("bob");
        let carol = world.member("carol");
        let (id, epoch, leaf) = (carol.group_id().clone(), carol.epoch(), carol.own_leaf());
        own.insert_resumption(id.clone(), epoch, carol.resumption_psk(epoch).unwrap().expose());
        let usage = ResumptionPskUsage::Application;
        let psk = Psk::Resumption { usage, psk_group_id: id, psk_epoch: epoch };
        let how = ExternalJoin { psks: vec![psk], replaces: Some(leaf), ..ExternalJoin::default() };
        join(&mut world, "carol", how, &inputs().with_psks(&own));
        assert_eq!(world.member("bob").members().count(), 4);
    }
}

// RFC 9420 §12.1.4, §12.2.
#[test]
fn broken_psks_in_external_commits_are_refused() {
    for mut world in worlds() {
        let psk = external_psk(&mut world);
        let secret = || SecretBytes::from(vec![7; 32]);
        let outsider = world.outsider("dave", "alice");
        let last = world.member("alice").epoch();
        let group_id = world.member("alice").group_id().clone();
        let resumption = outsider.secrets.resumption_psk.duplicate();
        let plan = |ids: Vec<(PreSharedKeyId, SecretBytes)>| {
            let proposals = ids.iter().map(|(id, _)| Proposal::PreSharedKey(PreSharedKey { psk: id.clone() }));
            Plan { psks: ids.iter().map(|(id, psk)| (id.clone(), psk.duplicate())).collect(), ..Plan::of(proposals) }
        };
        let mut rng = SeededRng::new(8);
        for usage in [ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch] {
            let id = Psk::Resumption { usage, psk_group_id: group_id.clone(), psk_epoch: last };
            let id = psk_id(&*world.suite, id, &mut rng);
            let forged = plan(vec![(id, SecretBytes::from(resumption.expose()))]);
            let forged = outsider.commit_from_outside(forged, &mut rng);
            assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::PskUsageFits));
        }
        let short = PreSharedKeyId { psk_nonce: vec![1; 31].into(), ..psk.clone() };
        let twice = vec![(psk.clone(), secret()), (psk.clone(), secret())];
        for (ids, rule) in [(twice, Rule::PskUnique), (vec![(short, secret())], Rule::PskNonceLength)] {
            let forged = outsider.commit_from_outside(plan(ids), &mut rng);
            assert_eq!(world.refuse("bob", &forged), Error::Invalid(rule));
        }
        // Another secret under the right name: the epoch would be another.
        let wrong = plan(vec![(psk.clone(), SecretBytes::from(vec![8; 32]))]);
        let forged = outsider.commit_from_outside(wrong, &mut rng);
        assert_eq!(world.refuse("bob", &forged), Error::Unverified(What::ConfirmationTag));
        let honest = outsider.commit_from_outside(plan(vec![(psk, secret())]), &mut rng);
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(_))));
    }
}

// RFC 9420 §12.2: "For an external Commit, the list is valid if it contains only the following proposals".
#[test]
fn external_commits_carry_nothing_else() {
    for mut world in worlds() {
        let package = world.key_package("erin");
        let outsider = world.outsider("dave", "alice");
        let mut rng = SeededRng::new(9);
        let add = package.leaf_node.clone();
        let edit = move |edit: &mut cenacle_mls::tree::TreeEdit<'_>| {
            edit.add(&add).unwrap();
        };
        let vote = Proposal::Custom(VOTE, (&b"yes"[..]).into());
        let extensions = GroupContextExtensions { extensions: Extensions::default() };
        let reinit = common::succession::to("next", 1);
        let plans = [
            Plan {
                extensions: Some(Extensions::default()),
                ..Plan::of([Proposal::GroupContextExtensions(extensions)])
            },
            Plan::of([Proposal::ReInit(reinit)]),
            Plan::of([vote]),
        ];
        for plan in plans {
            let forged = outsider.commit_from_outside(plan, &mut rng);
            assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::ExternalCommitProposals));
        }
        let init = Proposal::ExternalInit(ExternalInit { kem_output: vec![1; 32].into() });
        let forged = outsider.commit_from_outside(Plan::of([init]), &mut rng);
        assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::ExternalInitOnce));
        let mut with_add = world.outsider("dave", "alice");
        with_add.leaf = LeafIndex(4);
        let add = Proposal::Add(Add { key_package: Box::new(package) });
        let forged = with_add.commit_from_outside(Plan { edit: &edit, ..Plan::of([add]) }, &mut rng);
        assert_eq!(world.refuse("bob", &forged), Error::Invalid(Rule::ExternalCommitProposals));
        let honest = outsider.commit_from_outside(Plan::of([]), &mut rng);
        assert!(matches!(world.receive("bob", &honest), Ok(Received::Commit(summary)) if summary.external == 1));
    }
}
