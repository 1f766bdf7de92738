//! Groups that come from other groups (RFC 9420 §11.2, §11.3), between Cenacle and mls-rs: each as the one that proposes,
//! commits and founds, and as one that follows.

use cenacle_testkit::peers::{
    Action, CenacleObserver, Maker, Options, Peer, Received, Successor, cenacle_peer, mls_rs_peer, test_extensions,
};

use super::{Four, MORE_SUITES, assert_all_together, assert_together, commit, four, greased_options, some};

/// Three members, one of each kind twice, and an outsider.
const MAKERS: [[Maker; 4]; 2] =
    [[cenacle_peer, mls_rs_peer, cenacle_peer, mls_rs_peer], [mls_rs_peer, cenacle_peer, mls_rs_peer, cenacle_peer]];

/// A group whose context has an extension.
fn group(makers: [Maker; 4], suite: u16, options: Options) -> Four {
    let mut peers = four(makers, suite, options);
    commit_to_all(&mut peers, 0, &[Action::GroupContextExtensions(test_extensions(b"of the parent"))]);
    peers
}

fn commit_to_all(peers: &mut Four, committer: usize, actions: &[Action]) -> Vec<u8> {
    let out = peers[committer].commit(actions).unwrap();
    for member in (0..3).filter(|member| *member != committer) {
        assert_eq!(peers[member].receive(&out.commit).unwrap(), Received::Commit);
    }
    peers[committer].confirm().unwrap();
    out.commit
}

fn members(peers: &mut Four) -> Vec<&mut Box<dyn Peer>> {
    let [a, b, c, _] = peers;
    vec![a, b, c]
}

/// How a group is re-initialised.
#[derive(Clone, Copy)]
struct How {
    /// The new suite.
    suite: u16,
    group_id: &'static [u8],
    /// Who proposes it, unless it comes by value.
    proposer: Option<usize>,
    committer: usize,
    founder: usize,
}

/// The group is re-initialised, its successor is founded, joined and used by all.
fn reinitialise(mut peers: Four, old_suite: u16, how: How) {
    let peers = &mut peers;
    let watched = !peers[0].options().encrypt_handshakes;
    let mut observer = watched.then(|| CenacleObserver::new(old_suite, &peers[0].view().unwrap()).unwrap());
    let extensions = test_extensions(b"of the successor");
    let successor = Successor { group_id: how.group_id.to_vec(), suite: how.suite, extensions };
    let by_value = match how.proposer {
        Some(proposer) => {
            let proposal = peers[proposer].propose_reinit(&successor).unwrap();
            for member in (0..3).filter(|member| *member != proposer) {
                assert_eq!(peers[member].receive(&proposal).unwrap(), Received::Proposal);
            }
            if let Some(observer) = &mut observer {
                assert_eq!(observer.receive(&proposal).unwrap(), Received::Proposal);
            }
            None
        }
        None => Some(Action::ReInit(successor)),
    };
    let commit = commit_to_all(peers, how.committer, by_value.as_slice());
    if let Some(observer) = &mut observer {
        assert_eq!(observer.receive(&commit).unwrap(), Received::Commit);
        assert_eq!(observer.group_context().unwrap(), peers[0].group_context().unwrap());
    }
    let last = peers[0].epoch_authenticator().unwrap();
    for peer in members(peers) {
        assert_eq!(peer.epoch_authenticator().unwrap(), last);
        // RFC 9420 §12.4.2: "the client MUST NOT use the group to send messages anymore".
        if peer.implementation() == "Cenacle" {
            peer.send(b"too late", b"").unwrap_err();
        }
        peer.commit(&[Action::Path]).unwrap_err();
    }
    let joiners: Vec<_> = (0..3).filter(|member| *member != how.founder).collect();
    let key_packages: Vec<_> = joiners.iter().map(|joiner| peers[*joiner].successor_key_package().unwrap()).collect();
    let invitation = peers[how.founder].found_successor(&key_packages).unwrap();
    for joiner in joiners {
        peers[joiner].join_successor(&invitation).unwrap();
    }
    assert_eq!(peers[0].epoch().unwrap(), 1);
    assert_ne!(peers[0].epoch_authenticator().unwrap(), last);
    assert_all_together(members(peers));
    go_on(peers);
}

/// Everybody commits once, and the past of the new group is its own.
fn go_on(peers: &mut Four) {
    for committer in 0..3 {
        let proposer = (committer + 1) % 3;
        let proposal = peers[proposer].propose_update().unwrap();
        for member in (0..3).filter(|member| *member != proposer) {
            assert_eq!(peers[member].receive(&proposal).unwrap(), Received::Proposal);
        }
        let epoch = peers[committer].epoch().unwrap();
        commit_to_all(peers, committer, &[Action::ResumptionPsk(epoch)]);
        assert_all_together(members(peers));
    }
}

/// Every way of it, from these suites to those.
fn reinitialise_all(suites: &[(u16, u16)]) {
    let roles = [(Some(0), 1, 0), (Some(1), 0, 1), (None, 0, 1), (None, 1, 0)];
    let roles = roles.into_iter().flat_map(|role| [0, 1].map(|first| (role, first)));
    let roles = roles.flat_map(|role| [&b"successor"[..], b"disputed"].map(|group_id| (role, group_id)));
    let roles = roles.flat_map(|role| greased_options().map(move |options| (role, options)));
    let cases = suites.iter().flat_map(|suites| roles.clone().map(move |role| (*suites, role)));
    for ((old, suite), ((((proposer, committer, founder), first), group_id), options)) in some(cases) {
        let how = How { suite, group_id, proposer, committer, founder };
        reinitialise(group(MAKERS[first], old, options), old, how);
    }
}

#[test]
fn groups_are_reinitialised_in_the_same_suite() {
    reinitialise_all(&MORE_SUITES.map(|suite| (suite, suite)));
}

#[test]
fn groups_are_reinitialised_in_another_suite() {
    reinitialise_all(&[(1, 2), (2, 3), (3, 1), (1, 5), (5, 7), (7, 1)]);
}

/// Two of the three found a branch and use it, return, and go on with the third.
fn branch(mut peers: Four, founder: usize, joiner: usize) {
    let peers = &mut peers;
    let parent = peers[0].epoch_authenticator().unwrap();
    let key_package = peers[joiner].key_package().unwrap();
    let invitation = peers[founder].found_branch(b"branch", &[key_package]).unwrap();
    peers[joiner].join_branch(&invitation).unwrap();
    let (first, second) = peers.split_at_mut(founder.max(joiner));
    let (a, b) = (first[founder.min(joiner)].as_mut(), second[0].as_mut());
    assert_eq!(a.epoch().unwrap(), 1);
    assert_together(a, b);
    commit(a, b, &[Action::Path]);
    commit(b, a, &[Action::Path]);
    assert_ne!(a.epoch_authenticator().unwrap(), parent);
    for peer in [a, b] {
        peer.return_to_parent().unwrap();
        assert_eq!(peer.epoch_authenticator().unwrap(), parent);
    }
    commit_to_all(peers, joiner, &[Action::Path]);
    assert_all_together(members(peers));
}

#[test]
fn members_branch_off() {
    let roles = [(0, 1), (1, 0), (1, 2), (2, 0)].into_iter().flat_map(|role| MAKERS.map(|makers| (role, makers)));
    let roles = roles.flat_map(|role| greased_options().map(move |options| (role, options)));
    let cases = MORE_SUITES.into_iter().flat_map(|suite| roles.clone().map(move |role| (suite, role)));
    for (suite, (((founder, joiner), makers), options)) in some(cases) {
        branch(group(makers, suite, options), founder, joiner);
    }
}
