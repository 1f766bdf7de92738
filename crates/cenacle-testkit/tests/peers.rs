//! Live groups of several implementations (RFC 9420): first one scripted group of two, which exercises every method of
//! the adapters in both directions, then seeded random runs of many.
//! `CENACLE_PEERS_SEED` runs another seed, to repeat a failure or to search on.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers fail by panicking")]

use cenacle_testkit::peers::run::{RunConfig, Tally, random_run};
use cenacle_testkit::peers::{
    Action, Maker, Options, Peer, PeerResult, Received, cenacle_peer, mls_rs_peer, openmls_peer, test_extensions,
};

const SUITES: [u16; 3] = [1, 2, 3];

fn all_options() -> impl Iterator<Item = Options> {
    [(false, true), (true, false), (false, false), (true, true)]
        .into_iter()
        .map(|(encrypt_handshakes, tree_in_welcome)| Options { encrypt_handshakes, tree_in_welcome })
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
    b.join(out.welcome.as_ref().unwrap(), out.ratchet_tree.as_deref()).unwrap();
    assert_together(a, b);
    exchange(a, b);
    exchange(b, a);
    resync(a, b, options);
    resync(b, a, options);
    leave_and_return(a, b, options);
}

/// Every proposal by `a`, by reference and by value, and a commit that `a` discards.
fn exchange(a: &mut dyn Peer, b: &mut dyn Peer) {
    let extensions = test_extensions(a.implementation().as_bytes());
    a.commit(&[Action::Path]).unwrap();
    a.discard().unwrap();
    let proposals = [a.propose_update(), a.propose_psk(b"psk"), a.propose_group_context_extensions(&extensions)];
    for proposal in proposals {
        assert_eq!(b.receive(&proposal.unwrap()).unwrap(), Received::Proposal);
    }
    commit(b, a, &[]);
    commit(a, b, &[Action::Path]);
    commit(a, b, &[Action::Psk(b"psk".to_vec())]);
    let epoch = a.epoch().unwrap();
    commit(a, b, &[Action::ResumptionPsk(epoch - 1), Action::ResumptionPsk(epoch), Action::Path]);
    commit(a, b, &[Action::GroupContextExtensions(test_extensions(b"again")), Action::Path]);
    commit(a, b, &[]);
}

fn tree_apart(peer: &dyn Peer, options: Options) -> Option<Vec<u8>> {
    (!options.tree_in_welcome).then(|| peer.ratchet_tree().unwrap())
}

/// `b` joins again over its own old leaf.
fn resync(a: &mut dyn Peer, b: &mut dyn Peer, options: Options) {
    let members = a.members().unwrap().len();
    let commit = b.external_join(&a.group_info().unwrap(), tree_apart(a, options).as_deref(), true).unwrap();
    assert_eq!(a.receive(&commit).unwrap(), Received::Commit);
    assert_eq!(a.members().unwrap().len(), members);
    assert_together(a, b);
}

/// `b` is removed by value and joins externally, leaves by a Remove of its own and is added by reference.
fn leave_and_return(a: &mut dyn Peer, b: &mut dyn Peer, options: Options) {
    let out = a.commit(&[Action::Remove(b.own_leaf().unwrap())]).unwrap();
    assert_eq!(b.receive(&out.commit).unwrap(), Received::Removed);
    a.confirm().unwrap();
    let message = a.send(b"alone", b"").unwrap();
    b.receive(&message).unwrap_err();

    let commit = b.external_join(&a.group_info().unwrap(), tree_apart(a, options).as_deref(), false).unwrap();
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
    b.join(out.welcome.as_ref().unwrap(), out.ratchet_tree.as_deref()).unwrap();
    assert_together(a, b);
}

fn scripts(make_a: Maker, make_b: Maker) {
    for suite in SUITES {
        for options in all_options() {
            script(make_a, make_b, suite, options);
        }
    }
}

#[test]
fn openmls_creates_mls_rs_joins() {
    scripts(openmls_peer, mls_rs_peer);
}

#[test]
fn mls_rs_creates_openmls_joins() {
    scripts(mls_rs_peer, openmls_peer);
}

#[test]
fn cenacle_creates_openmls_joins() {
    scripts(cenacle_peer, openmls_peer);
}

#[test]
fn openmls_creates_cenacle_joins() {
    scripts(openmls_peer, cenacle_peer);
}

#[test]
fn cenacle_creates_mls_rs_joins() {
    scripts(cenacle_peer, mls_rs_peer);
}

#[test]
fn mls_rs_creates_cenacle_joins() {
    scripts(mls_rs_peer, cenacle_peer);
}

#[test]
fn cenacle_creates_cenacle_joins() {
    scripts(cenacle_peer, cenacle_peer);
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

/// Random groups of these makers in all suites and framings; together they must have done everything.
fn random_runs(makers: &[Maker]) {
    let mut totals = [0; 14];
    for suite in SUITES {
        for (seed, options) in (first_seed()..).zip(all_options()) {
            let tally = run(RunConfig { seed, suite, options, members: 8, epochs: 40 }, makers);
            assert_eq!(tally.epochs, 40);
            for (total, count) in totals.iter_mut().zip(counts(&tally)) {
                *total += count;
            }
        }
    }
    assert!(totals.iter().all(|&total| total > 0), "something was left out: {totals:?}");
}

#[test]
fn random_groups_of_openmls_and_mls_rs() {
    random_runs(&[openmls_peer, mls_rs_peer]);
}

#[test]
fn random_groups_of_cenacle() {
    random_runs(&[cenacle_peer]);
}

#[test]
fn random_groups_of_cenacle_and_openmls() {
    random_runs(&[cenacle_peer, openmls_peer]);
}

#[test]
fn random_groups_of_cenacle_and_mls_rs() {
    random_runs(&[cenacle_peer, mls_rs_peer]);
}

#[test]
fn random_groups_of_all_three() {
    random_runs(&[cenacle_peer, mls_rs_peer, openmls_peer]);
}

/// A client of another suite cannot be added, which is a failure that comes for certain.
fn other_suite(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    openmls_peer(name, if suite == 1 { 3 } else { 1 }, options)
}

#[test]
fn a_failure_tells_seed_and_step() {
    let config = RunConfig { seed: 77, suite: 1, options: Options::default(), members: 8, epochs: 1 };
    let failure = random_run(&config, &[mls_rs_peer, other_suite]).unwrap_err();
    assert!(failure.steps.last().unwrap().contains("commits; by value: [\"Add\""), "{failure}");
    let told = failure.to_string();
    assert!(told.starts_with("seed 77 broke after 0 epochs") && told.contains(&failure.what), "{told}");
}
