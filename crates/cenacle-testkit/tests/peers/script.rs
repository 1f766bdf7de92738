//! Groups of two in which everything is done once by each: every proposal, by reference and by value, commits that are
//! discarded or overtaken, resyncs, and leaving and coming back.

use cenacle_testkit::peers::{
    Action, Entry, Maker, Options, Peer, Received, cenacle_peer, mls_rs_peer, openmls_peer, test_extensions,
};

use super::{MORE_SUITES, SUITES, all_options, assert_together, commit, greased_options};

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

/// `b` joins again over its own old leaf, perhaps with a PSK.
fn resync(a: &mut dyn Peer, b: &mut dyn Peer, psk: Option<&[u8]>) {
    let members = a.members().unwrap().len();
    let commit = b.external_join(&a.view().unwrap(), Entry { resync: true, psk }).unwrap();
    assert_eq!(a.receive(&commit).unwrap(), Received::Commit);
    assert_eq!(a.members().unwrap().len(), members);
    assert_together(a, b);
}

/// `b` is removed by value and joins externally, leaves by a Remove of its own and is added by reference; perhaps with a
/// PSK, in the external commit and in the Welcome.
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
    let psk = psk.map(|id| Action::Psk(id.to_vec()));
    let out = a.commit(psk.as_slice()).unwrap();
    a.confirm().unwrap();
    b.join(&out.invitation().unwrap()).unwrap();
    assert_together(a, b);
}

/// The script in these suites and framings, with each of the two as creator.
fn scripts(one: Maker, other: Maker, suites: &[u16], framings: impl Iterator<Item = Options>) {
    for options in framings {
        for &suite in suites {
            script(one, other, suite, options);
            script(other, one, suite, options);
        }
    }
}

#[test]
fn openmls_and_mls_rs() {
    scripts(openmls_peer, mls_rs_peer, &SUITES, all_options());
}

#[test]
fn cenacle_and_openmls() {
    scripts(cenacle_peer, openmls_peer, &SUITES, all_options());
}

#[test]
fn cenacle_and_mls_rs() {
    scripts(cenacle_peer, mls_rs_peer, &MORE_SUITES, greased_options());
}

#[test]
fn cenacle_and_mls_rs_without_grease() {
    scripts(cenacle_peer, mls_rs_peer, &[1], all_options());
}

/// Whoever was removed and is added again proves that it was there: the Welcome needs a resumption PSK of that time.
#[test]
fn cenacle_returns_with_a_resumption_psk() {
    for make_a in [cenacle_peer, mls_rs_peer, openmls_peer] as [Maker; 3] {
        for (suite, options) in SUITES.into_iter().zip(all_options()) {
            let mut a = make_a("a", suite, options).unwrap();
            let mut b = cenacle_peer("b", suite, options).unwrap();
            let (a, b) = (a.as_mut(), b.as_mut());
            a.create_group(b"returning").unwrap();
            let out = a.commit(&[Action::Add(b.key_package().unwrap())]).unwrap();
            a.confirm().unwrap();
            b.join(&out.invitation().unwrap()).unwrap();
            let epoch = a.epoch().unwrap();
            let out = a.commit(&[Action::Remove(b.own_leaf().unwrap())]).unwrap();
            assert_eq!(b.receive(&out.commit).unwrap(), Received::Removed);
            a.confirm().unwrap();
            let key_package = b.key_package().unwrap();
            let out = a.commit(&[Action::Add(key_package), Action::ResumptionPsk(epoch)]).unwrap();
            a.confirm().unwrap();
            b.join(&out.invitation().unwrap()).unwrap();
            assert_together(a, b);
        }
    }
}
