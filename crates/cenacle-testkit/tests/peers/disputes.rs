//! Proposals that contradict each other: whoever commits has to choose, and the others must be able to follow.

use cenacle_testkit::peers::{Maker, PeerResult, Received, cenacle_peer, mls_rs_peer, openmls_peer, test_extensions};

use super::{Four, all_options, assert_together, four};

/// Who proposes, and what.
type Proposals = [(usize, fn(&mut Four) -> PeerResult<Vec<u8>>); 3];

/// What the commit does to the group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    SameMembers,
    SecondLeaves,
    OutsiderJoins,
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
                settle(&mut four(makers, 1, options), outcome, proposals);
            }
        }
    }
}

/// Cenacle follows the others, in those disputes that each of them settles.
#[test]
fn cenacle_follows_in_disputes() {
    for options in all_options() {
        for (outcome, proposals) in DISPUTES.into_iter().take(4) {
            settle(&mut four([openmls_peer, cenacle_peer, mls_rs_peer, cenacle_peer], 1, options), outcome, proposals);
            settle(&mut four([openmls_peer, mls_rs_peer, cenacle_peer, cenacle_peer], 1, options), outcome, proposals);
        }
        for number in [1, 3, 4, 5] {
            let (outcome, proposals) = DISPUTES[number];
            settle(&mut four([mls_rs_peer, cenacle_peer, openmls_peer, cenacle_peer], 1, options), outcome, proposals);
            settle(&mut four([mls_rs_peer, openmls_peer, cenacle_peer, cenacle_peer], 1, options), outcome, proposals);
        }
    }
}
