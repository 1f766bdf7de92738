//! Live groups of several implementations (RFC 9420): first a scripted group of two, which exercises every method of the
//! adapters in both directions, for every pair of implementations; then groups of three that disagree; then seeded random
//! runs of many.
//! `CENACLE_PEERS_SEED` runs another seed, to repeat a failure or to search on.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test helpers fail by panicking")]

use cenacle_testkit::peers::run::{RunConfig, Tally, random_run};
use cenacle_testkit::peers::{
    Action, Entry, Maker, Options, Peer, PeerResult, Received, cenacle_peer, mls_rs_peer, openmls_peer, test_extensions,
};

const SUITES: [u16; 3] = [1, 2, 3];

fn all_options() -> impl Iterator<Item = Options> {
    [(false, true), (true, false), (false, false), (true, true)].into_iter().map(
        |(encrypt_handshakes, tree_in_welcome)| Options {
            encrypt_handshakes,
            tree_in_welcome,
            grease_extensions: false,
        },
    )
}

/// Both are in the same epoch and can talk both ways.
fn assert_together(a: &mut dyn Peer, b: &mut dyn Peer) {
    assert_eq!(a.epoch().unwrap(), b.epoch().unwrap());
    assert_eq!(a.epoch_authenticator().unwrap(), b.epoch_authenticator().unwrap());
    assert_eq!(a.export_secret("label", b"context", 32).unwrap(), b.export_secret("label", b"context", 32).unwrap());
    assert_ne!(a.export_secret("label", b"context", 32).unwrap(), b.export_secret("label", b"other", 32).unwrap());
    assert_eq!(a.members().unwrap(), b.members().unwrap());
    assert_eq!(a.ratchet_tree().unwrap(), b.ratchet_tree().unwrap());
    assert_ne!(a.own_leaf().unwrap(), b.own_leaf().unwrap());
    talk(a, b);
    talk(b, a);
}

/// `b` reads three messages of `a`, the last of them first.
fn talk(a: &mut dyn Peer, b: &mut dyn Peer) {
    let texts: [(&[u8], &[u8]); 3] = [(b"there", b""), (b"", b"nothing but this"), (b"and back", b"both")];
    let messages =
        texts.map(|(data, authenticated_data)| (a.send(data, authenticated_data).unwrap(), data, authenticated_data));
    for (message, data, authenticated_data) in messages.into_iter().rev() {
        let expected = Received::Application { data: data.to_vec(), authenticated_data: authenticated_data.to_vec() };
        assert_eq!(b.receive(&message).unwrap(), expected);
        b.receive(&message).unwrap_err();
    }
}

/// `committer` commits these actions and all that is pending; `other` follows.
fn commit(committer: &mut dyn Peer, other: &mut dyn Peer, actions: &[Action]) {
    let out = committer.commit(actions).unwrap();
    assert_eq!(out.welcome, None);
    assert_eq!(other.receive(&out.commit).unwrap(), Received::Commit);
    committer.confirm().unwrap();
    assert_together(committer, other);
}

/// `a` creates and adds `b`; everything that either can do is done once by each; `b` is removed and comes back.
fn script(make_a: Maker, make_b: Maker, suite: u16, options: Options) {
    let mut a = make_a("a", suite, options).unwrap();
    let mut b = make_b("b", suite, options).unwrap();
    let (a, b) = (a.as_mut(), b.as_mut());
    for peer in [&mut *a, &mut *b] {
        peer.add_psk(b"psk", b"pre-shared").unwrap();
    }
    a.create_group(b"scripted").unwrap();
    let out = a.commit(&[Action::Add(b.key_package().unwrap())]).unwrap();
    assert_eq!(out.ratchet_tree.is_none(), options.tree_in_welcome);
    a.confirm().unwrap();
    b.join(&out.invitation().unwrap()).unwrap();
    assert_together(a, b);
    exchange(a, b);
    exchange(b, a);
    for psk in [None, Some(&b"psk"[..])] {
        resync(a, b, psk);
        resync(b, a, psk);
        leave_and_return(a, b, psk);
    }
}

/// Every proposal by `a`, by reference and by value, and a commit that `a` discards.
fn exchange(a: &mut dyn Peer, b: &mut dyn Peer) {
    let extensions = test_extensions(a.implementation().as_bytes());
    a.commit(&[Action::Path]).unwrap();
    a.discard().unwrap();
    let epoch = a.epoch().unwrap();
    let proposals = [
        a.propose_update(),
        a.propose_psk(b"psk"),
        a.propose_resumption_psk(epoch),
        a.propose_group_context_extensions(&extensions),
    ];
    for proposal in proposals {
        assert_eq!(b.receive(&proposal.unwrap()).unwrap(), Received::Proposal);
    }
    commit(b, a, &[]);
    // A commit that is overtaken gives way without being discarded.
    a.commit(&[Action::Path]).unwrap();
    commit(b, a, &[]);
    commit(a, b, &[Action::Path]);
    commit(a, b, &[Action::Psk(b"psk".to_vec())]);
    let epoch = a.epoch().unwrap();
    commit(a, b, &[Action::ResumptionPsk(epoch - 1), Action::ResumptionPsk(epoch), Action::Path]);
    commit(a, b, &[Action::GroupContextExtensions(test_extensions(b"again")), Action::Path]);
    commit(a, b, &[]);
}

/// `b` joins again over its own old leaf.
fn resync(a: &mut dyn Peer, b: &mut dyn Peer, psk: Option<&[u8]>) {
    let members = a.members().unwrap().len();
    let commit = b.external_join(&a.view().unwrap(), Entry { resync: true, psk }).unwrap();
    assert_eq!(a.receive(&commit).unwrap(), Received::Commit);
    assert_eq!(a.members().unwrap().len(), members);
    assert_together(a, b);
}

/// `b` is removed by value and joins externally, leaves by a Remove of its own and is added by reference.
fn leave_and_return(a: &mut dyn Peer, b: &mut dyn Peer, psk: Option<&[u8]>) {
    let out = a.commit(&[Action::Remove(b.own_leaf().unwrap())]).unwrap();
    assert_eq!(b.receive(&out.commit).unwrap(), Received::Removed);
    a.confirm().unwrap();
    let message = a.send(b"alone", b"").unwrap();
    b.receive(&message).unwrap_err();

    let commit = b.external_join(&a.view().unwrap(), Entry { resync: false, psk }).unwrap();
    assert_eq!(a.receive(&commit).unwrap(), Received::Commit);
    assert_together(a, b);

    let leave = b.propose_remove(b.own_leaf().unwrap()).unwrap();
    assert_eq!(a.receive(&leave).unwrap(), Received::Proposal);
    let out = a.commit(&[]).unwrap();
    assert_eq!(b.receive(&out.commit).unwrap(), Received::Removed);
    a.confirm().unwrap();

    a.propose_add(&b.key_package().unwrap()).unwrap();
    let out = a.commit(&[]).unwrap();
    a.confirm().unwrap();
    b.join(&out.invitation().unwrap()).unwrap();
    assert_together(a, b);
}

/// The script in these suites and all framings, with each of the two as creator.
fn scripts(one: Maker, other: Maker, suites: &[u16]) {
    for (&suite, options) in suites.iter().flat_map(|suite| all_options().map(move |options| (suite, options))) {
        script(one, other, suite, options);
        script(other, one, suite, options);
    }
}

#[test]
fn openmls_and_mls_rs() {
    scripts(openmls_peer, mls_rs_peer, &SUITES);
}

#[test]
fn cenacle_and_openmls() {
    scripts(cenacle_peer, openmls_peer, &SUITES);
}

#[test]
fn cenacle_and_mls_rs() {
    scripts(cenacle_peer, mls_rs_peer, &SUITES);
}

/// Suites with hashes longer than 32 bytes, which OpenMLS has not.
#[test]
fn cenacle_and_mls_rs_with_longer_hashes() {
    scripts(cenacle_peer, mls_rs_peer, &[5, 7]);
}

/// Three members, made by the first, and an outsider.
type Four = [Box<dyn Peer>; 4];

/// Who proposes, and what.
type Proposals = [(usize, fn(&mut Four) -> PeerResult<Vec<u8>>); 3];

/// What the commit does to the group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    SameMembers,
    SecondLeaves,
    OutsiderJoins,
}

fn four(makers: [Maker; 4], options: Options) -> Four {
    let mut names = ["a", "b", "c", "d"].into_iter();
    let mut peers = makers.map(|make| make(names.next().unwrap(), 1, options).unwrap());
    for peer in &mut peers {
        peer.add_psk(b"psk", b"pre-shared").unwrap();
    }
    let [a, b, c, _] = &mut peers;
    a.create_group(b"disputed").unwrap();
    let out = a.commit(&[Action::Add(b.key_package().unwrap()), Action::Add(c.key_package().unwrap())]).unwrap();
    a.confirm().unwrap();
    for joiner in [b, c] {
        joiner.join(&out.invitation().unwrap()).unwrap();
    }
    peers
}

/// Proposals that no commit may hold together (RFC 9420 §12.2): the first member, who commits, has to choose.
const DISPUTES: [(Outcome, Proposals); 6] = [
    // Of two Updates of a member the later one is taken.
    (
        Outcome::SameMembers,
        [(1, |p| p[1].propose_update()), (2, |p| p[2].propose_update()), (1, |p| p[1].propose_update())],
    ),
    // The committer's own Update is not.
    (
        Outcome::SameMembers,
        [(0, |p| p[0].propose_update()), (2, |p| p[2].propose_update()), (1, |p| p[1].propose_psk(b"psk"))],
    ),
    // A Remove is preferred to an Update.
    (
        Outcome::SecondLeaves,
        [(1, |p| p[1].propose_update()), (2, |p| p[2].propose_remove(1)), (2, |p| p[2].propose_update())],
    ),
    // A member is removed once.
    (
        Outcome::SecondLeaves,
        [(0, |p| p[0].propose_remove(1)), (1, |p| p[1].propose_remove(1)), (2, |p| p[2].propose_remove(1))],
    ),
    // Extensions are replaced once.
    (
        Outcome::SameMembers,
        [
            (0, |p| p[0].propose_group_context_extensions(&test_extensions(b"these"))),
            (1, |p| p[1].propose_group_context_extensions(&test_extensions(b"those"))),
            (2, |p| p[2].propose_psk(b"psk")),
        ],
    ),
    // A client is added once.
    (
        Outcome::OutsiderJoins,
        [(1, |p| propose_outsider(p, 1)), (2, |p| propose_outsider(p, 2)), (0, |p| p[0].propose_update())],
    ),
];

fn propose_outsider(peers: &mut Four, proposer: usize) -> PeerResult<Vec<u8>> {
    let key_package = peers[3].key_package()?;
    peers[proposer].propose_add(&key_package)
}

fn settle(peers: &mut Four, outcome: Outcome, proposals: Proposals) {
    for (proposer, propose) in proposals {
        let proposal = propose(peers).unwrap();
        for receiver in (0..3).filter(|receiver| *receiver != proposer) {
            assert_eq!(peers[receiver].receive(&proposal).unwrap(), Received::Proposal);
        }
    }
    let [a, b, c, d] = peers;
    let out = a.commit(&[]).unwrap();
    let expected = if outcome == Outcome::SecondLeaves { Received::Removed } else { Received::Commit };
    assert_eq!(b.receive(&out.commit).unwrap(), expected);
    assert_eq!(c.receive(&out.commit).unwrap(), Received::Commit);
    a.confirm().unwrap();
    assert_together(a.as_mut(), c.as_mut());
    match outcome {
        Outcome::SameMembers => assert_eq!(a.epoch_authenticator().unwrap(), b.epoch_authenticator().unwrap()),
        Outcome::SecondLeaves => assert_eq!(a.members().unwrap().len(), 2),
        Outcome::OutsiderJoins => {
            d.join(&out.invitation().unwrap()).unwrap();
            assert_together(b.as_mut(), d.as_mut());
        }
    }
}

#[test]
fn cenacle_settles_disputes() {
    for makers in [
        [cenacle_peer, openmls_peer, mls_rs_peer, cenacle_peer],
        [cenacle_peer, mls_rs_peer, openmls_peer, openmls_peer],
        [cenacle_peer, cenacle_peer, openmls_peer, mls_rs_peer],
    ] as [[Maker; 4]; 3]
    {
        for options in all_options() {
            for (outcome, proposals) in DISPUTES {
                settle(&mut four(makers, options), outcome, proposals);
            }
        }
    }
}

/// Cenacle follows the others, in those disputes that each of them settles.
#[test]
fn cenacle_follows_in_disputes() {
    for options in all_options() {
        for (outcome, proposals) in DISPUTES.into_iter().take(4) {
            settle(&mut four([openmls_peer, cenacle_peer, mls_rs_peer, cenacle_peer], options), outcome, proposals);
            settle(&mut four([openmls_peer, mls_rs_peer, cenacle_peer, cenacle_peer], options), outcome, proposals);
        }
        for number in [1, 3, 4, 5] {
            let (outcome, proposals) = DISPUTES[number];
            settle(&mut four([mls_rs_peer, cenacle_peer, openmls_peer, cenacle_peer], options), outcome, proposals);
            settle(&mut four([mls_rs_peer, openmls_peer, cenacle_peer, cenacle_peer], options), outcome, proposals);
        }
    }
}

/// A client that proposes its own addition is added, and one that joins with a PSK gets in.
#[test]
fn newcomers_get_in() {
    for options in all_options() {
        for newcomer in [cenacle_peer, mls_rs_peer, openmls_peer] {
            let [mut a, mut b, mut c, mut d] = four([cenacle_peer, mls_rs_peer, openmls_peer, newcomer], options);
            let proposal = d.propose_join(&b.view().unwrap()).unwrap();
            for member in [&mut a, &mut b, &mut c] {
                assert_eq!(member.receive(&proposal).unwrap(), Received::Proposal);
            }
            let out = a.commit(&[]).unwrap();
            for member in [&mut b, &mut c] {
                assert_eq!(member.receive(&out.commit).unwrap(), Received::Commit);
            }
            a.confirm().unwrap();
            d.join(&out.invitation().unwrap()).unwrap();
            assert_together(a.as_mut(), d.as_mut());
            assert_together(b.as_mut(), c.as_mut());
        }
    }
}

fn run(config: RunConfig, makers: &[Maker]) -> Tally {
    random_run(&config, makers).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Where the random runs start: fixed, or as the environment says.
fn first_seed() -> u64 {
    std::env::var("CENACLE_PEERS_SEED").map_or(1, |seed| seed.parse().unwrap())
}

/// How often each kind of thing was done.
fn counts(tally: &Tally) -> [usize; 14] {
    [
        tally.adds_by_value,
        tally.adds_by_reference,
        tally.removes_by_value,
        tally.removes_by_reference,
        tally.updates,
        tally.psks,
        tally.context_extensions,
        tally.paths_only,
        tally.external_joins,
        tally.resyncs,
        tally.discarded_commits,
        tally.application_messages,
        tally.late_messages,
        tally.refused_to_removed,
    ]
}

/// Random groups of all three in all framings; together they must have done everything.
fn random_groups(suite: u16) {
    let mut totals = [0; 14];
    for (seed, options) in (first_seed() + u64::from(suite)..).zip(all_options()) {
        let config = RunConfig { seed, suite, options, members: 9, epochs: 40, external_psks: false };
        let tally = run(config, &[cenacle_peer, mls_rs_peer, openmls_peer]);
        assert_eq!(tally.epochs, 40);
        for (total, count) in totals.iter_mut().zip(counts(&tally)) {
            *total += count;
        }
    }
    assert!(totals.iter().all(|&total| total > 0), "something was left out: {totals:?}");
}

#[test]
fn random_groups_of_all_three_in_suite_1() {
    random_groups(1);
}

#[test]
fn random_groups_of_all_three_in_suite_2() {
    random_groups(2);
}

#[test]
fn random_groups_of_all_three_in_suite_3() {
    random_groups(3);
}

/// A deeper tree, more of whose nodes are blank, and more members that are unmerged.
#[test]
fn random_large_group_of_all_three() {
    let options = Options { encrypt_handshakes: true, tree_in_welcome: true, grease_extensions: false };
    let config = RunConfig { seed: first_seed(), suite: 1, options, members: 33, epochs: 30, external_psks: false };
    assert_eq!(run(config, &[cenacle_peer, openmls_peer, mls_rs_peer]).epochs, 30);
}

/// A client of another suite cannot be added, which is a failure that comes for certain.
fn other_suite(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    openmls_peer(name, if suite == 1 { 3 } else { 1 }, options)
}

#[test]
fn a_failure_tells_seed_and_step() {
    let options = Options { encrypt_handshakes: true, ..Options::default() };
    let config = RunConfig { seed: 77, suite: 1, options, members: 8, epochs: 1, external_psks: false };
    let failure = random_run(&config, &[mls_rs_peer, other_suite]).unwrap_err();
    assert!(failure.steps.last().unwrap().contains("commits; by value: [\"Add\""), "{failure}");
    let told = failure.to_string();
    assert!(told.starts_with("seed 77 broke after 0 epochs") && told.contains(&failure.what), "{told}");
}
