//! Commits, messages, the log and the queues, through the services.

use cenacle_mls::wire::ContentType::{Application, Commit, Proposal};
use cenacle_service::{
    Notice, ServiceConfig,
    wire::{
        AckQueue, AskHeads, Base64Url, ContentHash, CreateGroup, DeviceId, GroupId, Head, JoinPolicy, MessageFault,
        PostCommit, PostMessage, ProblemKind, RecordKind, WelcomeFor,
    },
};

use crate::{
    forge,
    support::{ED25519, NOW, World, commit, refusal, suite},
};

fn application(group: &GroupId, epoch: u64, salt: u8) -> PostMessage {
    PostMessage { epoch, message: forge::private(group, epoch, Application, salt) }
}

#[test]
fn an_invitation_leads_into_the_log() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group = world.group(&alice, &[&bob], JoinPolicy::Closed);
    world.service.post_message(&alice.bearer, group.clone(), application(&group, 1, 5), NOW + 1).unwrap();

    let queue = world.service.queue(&bob.bearer, None).unwrap();
    let [item] = &queue.items[..] else { panic!("{queue:?}") };
    assert_eq!((&item.group_id, item.epoch, item.commit_seq, queue.more), (&group, 1, 2, false));
    assert_eq!(item.welcome, forge::welcome(1));
    let log = world.service.log(&bob.bearer, group.clone(), item.commit_seq + 1, None).unwrap();
    let [record] = &log.records[..] else { panic!("{log:?}") };
    assert_eq!((record.seq, record.kind, record.epoch, record.received_at), (3, RecordKind::Application, 1, NOW + 1));
    assert_eq!(record.message, application(&group, 1, 5).message, "as posted, byte for byte");
    assert_eq!((log.head, log.epoch), (3, 1));

    let acknowledge = || world.service.acknowledge(&bob.bearer, AckQueue { ids: vec![item.id] }).unwrap().removed;
    assert_eq!((acknowledge(), acknowledge()), (1, 0));
    assert!(world.service.queue(&bob.bearer, None).unwrap().items.is_empty());
    let heads = world.service.heads(&bob.bearer, &AskHeads { groups: vec![group.clone()] }).unwrap();
    assert_eq!(heads.heads, [Head { group_id: group, epoch: 1, seq: 3 }]);
    assert_eq!(heads.lineage, log.lineage);
}

// RFC 9420 §14.
#[test]
fn the_loser_is_told_the_winner_and_asking_again_changes_nothing() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group = world.group(&alice, &[&bob], JoinPolicy::Closed);
    let winner = commit(&group, 1, 10);
    let post = |who: &crate::support::Device, post: PostCommit| {
        world.service.post_commit(&who.bearer, group.clone(), post, NOW)
    };
    let accepted = post(&alice, winner.clone()).unwrap();
    assert_eq!((accepted.seq, accepted.epoch), (3, 2));
    assert_eq!(world.notices().len(), 1);
    let conflict = ProblemKind::EpochConflict {
        group: group.clone(),
        current_epoch: 2,
        head_seq: 3,
        winning_commit_hash: ContentHash::of(&*suite(ED25519), winner.commit.as_slice()),
        winning_commit_seq: 3,
    };
    assert_eq!(refusal(post(&bob, commit(&group, 1, 11))), conflict);
    assert_eq!(post(&alice, winner.clone()).unwrap(), accepted);
    post(&bob, commit(&group, 2, 12)).unwrap();
    assert_eq!(post(&alice, winner).unwrap(), accepted, "also when the group has moved on");
    let future = ProblemKind::EpochFuture { group: group.clone(), current_epoch: 3 };
    assert_eq!(refusal(post(&bob, commit(&group, 4, 13))), future);
    assert_eq!(world.notices().len(), 1, "only the accepted one was noticed");
}

#[test]
fn creating_is_idempotent_and_exclusive() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group_id = GroupId::from_slice(b"group").unwrap();
    let request = || CreateGroup {
        group_id: group_id.clone(),
        policy: JoinPolicy::Closed,
        group_info: None,
        group_info_sealed: false,
        ratchet_tree: None,
    };
    let accepted = world.service.create_group(&alice.bearer, request(), NOW).unwrap();
    assert_eq!((accepted.seq, accepted.epoch), (1, 0));
    assert_eq!(world.service.create_group(&alice.bearer, request(), NOW + 9).unwrap(), accepted);
    let exists = ProblemKind::GroupExists { group: group_id.clone() };
    assert_eq!(refusal(world.service.create_group(&bob.bearer, request(), NOW)), exists);
    let other = CreateGroup { policy: JoinPolicy::Open, ..request() };
    assert_eq!(refusal(world.service.create_group(&alice.bearer, other, NOW)), exists);
    let info =
        |info| CreateGroup { group_info: Some(info), group_id: GroupId::from_slice(b"new").unwrap(), ..request() };
    let wrong = refusal(world.service.create_group(&alice.bearer, info(forge::group_info(&group_id, 0)), NOW));
    assert_eq!(wrong, ProblemKind::MessageInvalid { reason: MessageFault::GroupInfoOfOtherEpoch });
}

#[test]
fn what_is_sealed_is_kept_unread() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group = world.group(&alice, &[&bob], JoinPolicy::Closed);
    let sealed = Base64Url::from(vec![7; 40]);
    let post = PostCommit { group_info: Some(sealed.clone()), group_info_sealed: true, ..commit(&group, 1, 9) };
    world.service.post_commit(&alice.bearer, group.clone(), post, NOW).unwrap();
    let info = world.service.group_info(&bob.bearer, group).unwrap();
    assert_eq!((info.epoch, info.seq, info.group_info), (2, 3, sealed.clone()));
    let request = CreateGroup {
        group_id: GroupId::from_slice(b"new").unwrap(),
        policy: JoinPolicy::Closed,
        group_info: Some(sealed.clone()),
        group_info_sealed: true,
        ratchet_tree: None,
    };
    world.service.create_group(&alice.bearer, request.clone(), NOW).unwrap();
    assert_eq!(world.service.group_info(&alice.bearer, request.group_id).unwrap().group_info, sealed);
}

#[test]
fn every_fault_of_a_commit_is_told_and_changes_nothing() {
    let world = World::new();
    let (alice, bob, carol) = (world.register("alice"), world.register("bob"), world.register("carol"));
    let group = world.group(&alice, &[&bob], JoinPolicy::Closed);
    let other = GroupId::from_slice(b"other").unwrap();
    let good = || commit(&group, 1, 9);
    let carrying = |commit: Base64Url| PostCommit { commit, ..good() };
    let welcome = |recipients, welcome| vec![WelcomeFor { recipients, welcome }];
    let largest = u64::MAX;
    let cases = [
        (carrying(vec![0, 1, 0, 9].into()), MessageFault::NotDecodable),
        (carrying([good().commit.as_slice(), &[0]].concat().into()), MessageFault::NotDecodable),
        (carrying(forge::welcome(1)), MessageFault::NotAGroupMessage),
        (carrying(forge::private(&other, 1, Commit, 1)), MessageFault::OtherGroup),
        (carrying(forge::private(&group, 2, Commit, 1)), MessageFault::OtherEpoch),
        (carrying(forge::private(&group, 1, Proposal, 1)), MessageFault::NotACommit),
        (commit(&group, largest, 1), MessageFault::EpochTooLarge),
        (PostCommit { added: vec![alice.id], ..good() }, MessageFault::NamesItself),
        (PostCommit { removed: vec![alice.id], ..good() }, MessageFault::NamesItself),
        (PostCommit { added: vec![carol.id, carol.id], ..good() }, MessageFault::DeviceNamedTwice),
        (PostCommit { added: vec![bob.id], removed: vec![bob.id], ..good() }, MessageFault::DeviceNamedTwice),
        (PostCommit { removed: vec![carol.id], ..good() }, MessageFault::RemovesStranger),
        (PostCommit { welcomes: welcome(vec![carol.id], forge::welcome(2)), ..good() }, MessageFault::WelcomeForOther),
        (PostCommit { welcomes: welcome(vec![], vec![7].into()), ..good() }, MessageFault::WelcomeNotDecodable),
        (PostCommit { welcomes: welcome(vec![], good().commit), ..good() }, MessageFault::WelcomeNotDecodable),
        (PostCommit { group_info: Some(vec![7].into()), ..good() }, MessageFault::GroupInfoNotDecodable),
        (PostCommit { group_info: Some(forge::welcome(1)), ..good() }, MessageFault::GroupInfoNotDecodable),
        (PostCommit { group_info: Some(forge::group_info(&group, 1)), ..good() }, MessageFault::GroupInfoOfOtherEpoch),
        (PostCommit { group_info: Some(forge::group_info(&other, 2)), ..good() }, MessageFault::GroupInfoOfOtherEpoch),
    ];
    for (post, reason) in cases {
        let refused = refusal(world.service.post_commit(&alice.bearer, group.clone(), post, NOW));
        assert_eq!(refused, ProblemKind::CommitInvalid { reason });
    }
    let ghost = PostCommit { added: vec![DeviceId([9; 16])], ..good() };
    let unknown = ProblemKind::DeviceUnknown { devices: vec![DeviceId([9; 16])] };
    assert_eq!(refusal(world.service.post_commit(&alice.bearer, group.clone(), ghost, NOW)), unknown);
    let stranger = ProblemKind::NotAMember { group: group.clone() };
    assert_eq!(refusal(world.service.post_commit(&carol.bearer, group.clone(), good(), NOW)), stranger);
    let nowhere = refusal(world.service.post_commit(&alice.bearer, other.clone(), commit(&other, 0, 1), NOW));
    assert_eq!(nowhere, ProblemKind::GroupUnknown { group: other });
    assert!(world.notices().is_empty());
    assert_eq!(world.service.log(&alice.bearer, group, 1, None).unwrap().head, 2, "nothing was changed");
}

#[test]
fn messages_are_of_the_right_kind_and_time() {
    let mut config = ServiceConfig::default();
    config.retention.past_epochs = 1;
    let world = World::with(config);
    let alice = world.register("alice");
    let group = world.group(&alice, &[], JoinPolicy::Closed);
    let post = |epoch, message: Base64Url| {
        world.service.post_message(&alice.bearer, group.clone(), PostMessage { epoch, message }, NOW)
    };
    let invalid = |reason| ProblemKind::MessageInvalid { reason };
    assert_eq!(refusal(post(0, commit(&group, 0, 1).commit)), invalid(MessageFault::IsACommit));
    assert_eq!(refusal(post(1, application(&group, 0, 1).message)), invalid(MessageFault::OtherEpoch));
    let clear = forge::application_in_the_clear(&group, 0);
    assert_eq!(refusal(post(0, clear)), invalid(MessageFault::ApplicationInTheClear));
    assert_eq!(refusal(post(0, forge::group_info(&group, 0))), invalid(MessageFault::NotAGroupMessage));

    let early = application(&group, 0, 1);
    let first = post(0, early.message.clone()).unwrap();
    for epoch in 0..2 {
        world.service.post_commit(&alice.bearer, group.clone(), commit(&group, epoch, 2), NOW).unwrap();
    }
    assert_eq!(post(0, early.message).unwrap(), first, "asking again is always safe");
    let stale = |oldest_epoch| ProblemKind::EpochStale { group: group.clone(), current_epoch: 2, oldest_epoch };
    assert_eq!(refusal(post(0, application(&group, 0, 3).message)), stale(1));
    assert_eq!(post(1, application(&group, 1, 3).message).unwrap().seq, 5);
    let proposal = |epoch| forge::private(&group, epoch, Proposal, 1);
    assert_eq!(refusal(post(1, proposal(1))), stale(2), "a proposal can only be committed in its epoch");
    assert_eq!(post(2, proposal(2)).unwrap().seq, 6);
    let future = ProblemKind::EpochFuture { group: group.clone(), current_epoch: 2 };
    assert_eq!(refusal(post(3, proposal(3))), future);
}

#[test]
fn the_removed_see_their_removal_and_nothing_after() {
    let world = World::new();
    let (alice, bob, carol) = (world.register("alice"), world.register("bob"), world.register("carol"));
    let group = world.group(&alice, &[&bob], JoinPolicy::Closed);
    let removal = PostCommit { removed: vec![bob.id], ..commit(&group, 1, 1) };
    world.service.post_commit(&alice.bearer, group.clone(), removal, NOW).unwrap();
    let head = Head { group_id: group.clone(), epoch: 2, seq: 3 };
    assert_eq!(world.notices(), [Notice::Head { head, removed: vec![bob.id] }]);
    world.service.post_message(&alice.bearer, group.clone(), application(&group, 2, 1), NOW).unwrap();

    let log = world.service.log(&bob.bearer, group.clone(), 1, None).unwrap();
    assert_eq!(log.records.iter().map(|record| record.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((log.head, log.epoch), (3, 2));
    let not_a_member = ProblemKind::NotAMember { group: group.clone() };
    assert_eq!(refusal(world.service.log(&carol.bearer, group.clone(), 1, None)), not_a_member);
    let posted = world.service.post_message(&bob.bearer, group.clone(), application(&group, 2, 2), NOW);
    assert_eq!(refusal(posted), not_a_member);
    assert_eq!(refusal(world.service.group_info(&bob.bearer, group)), not_a_member);
}

#[test]
fn an_open_group_lets_external_committers_in() {
    let world = World::new();
    let (alice, bob) = (world.register("alice"), world.register("bob"));
    let group = world.group(&alice, &[], JoinPolicy::Open);
    let info = world.service.group_info(&bob.bearer, group.clone()).unwrap();
    assert_eq!((info.epoch, info.seq, info.group_info), (0, 1, forge::group_info(&group, 0)));
    let post = |post| world.service.post_commit(&bob.bearer, group.clone(), post, NOW);
    let not_a_member = ProblemKind::NotAMember { group: group.clone() };
    assert_eq!(refusal(post(commit(&group, 0, 1))), not_a_member, "a member's commit is for members");
    let external = PostCommit { commit: forge::external_commit(&group, 0, 1), ..commit(&group, 0, 1) };
    let accepted = post(external.clone()).unwrap();
    assert_eq!((accepted.seq, accepted.epoch), (2, 1));
    assert_eq!(post(external).unwrap(), accepted);
    world.service.post_message(&bob.bearer, group.clone(), application(&group, 1, 1), NOW).unwrap();
    let missing = ProblemKind::GroupInfoMissing { group: group.clone(), current_epoch: 1 };
    assert_eq!(refusal(world.service.group_info(&alice.bearer, group.clone())), missing);

    let carol = world.register("carol");
    let closed = world.group(&carol, &[], JoinPolicy::Closed);
    let knock = PostCommit { commit: forge::external_commit(&closed, 0, 1), ..commit(&closed, 0, 1) };
    let refused = world.service.post_commit(&bob.bearer, closed.clone(), knock, NOW);
    assert_eq!(refusal(refused), ProblemKind::NotAMember { group: closed });
}

#[test]
fn sizes_are_limited_and_the_limit_is_told() {
    let mut config = ServiceConfig::default();
    config.limits.message_bytes = 300;
    config.limits.blob_bytes = 10;
    config.limits.heads = 1;
    let world = World::with(config);
    let alice = world.register("alice");
    let group = world.group(&alice, &[], JoinPolicy::Closed);
    let too_large = |limit_bytes| ProblemKind::PayloadTooLarge { limit_bytes };
    let large = Base64Url::from(vec![0; 301]);
    let post = |post| refusal(world.service.post_commit(&alice.bearer, group.clone(), post, NOW));
    assert_eq!(post(PostCommit { ratchet_tree: Some(large.clone()), ..commit(&group, 0, 1) }), too_large(300));
    assert_eq!(post(PostCommit { commit: large, ..commit(&group, 0, 1) }), too_large(300));
    let fits = PostCommit { ratchet_tree: Some(vec![0; 300].into()), ..commit(&group, 0, 1) };
    world.service.post_commit(&alice.bearer, group.clone(), fits, NOW).unwrap();

    let hash = |content: &[u8]| ContentHash::of(&*suite(ED25519), content);
    let put = |hash, content: &[u8]| world.service.put_blob(&alice.bearer, hash, content.to_vec());
    assert_eq!(refusal(put(hash(&[1; 11]), &[1; 11])), too_large(10));
    let mismatch = ProblemKind::BlobMismatch { expected: hash(b"a"), actual: hash(b"b") };
    assert_eq!(refusal(put(hash(b"a"), b"b")), mismatch);
    assert_eq!(put(hash(b"a"), b"a").unwrap().bytes, 1);
    assert_eq!(world.service.blob(&alice.bearer, hash(b"a")).unwrap(), b"a");
    let unknown = ProblemKind::BlobUnknown { hash: hash(b"b") };
    assert_eq!(refusal(world.service.blob(&alice.bearer, hash(b"b"))), unknown);
    let asked = AskHeads { groups: vec![group.clone(), group] };
    assert_eq!(refusal(world.service.heads(&alice.bearer, &asked)), ProblemKind::RequestInvalid);
}
