//! Live groups of several implementations (RFC 9420): scripted groups of two, which exercise every method of the adapters in
//! both directions, for every pair of implementations; groups of three that disagree; proposals and joiners from outside;
//! groups that come from other groups; and seeded random runs of many.
//! `CENACLE_PEERS_SEED` runs another seed, to repeat a failure or to search on. `CENACLE_LONG=1` runs longer.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test helpers fail by panicking")]

mod disputes;
mod outside;
mod random;
mod script;
mod succession;

use cenacle_testkit::peers::{Action, Maker, Options, Peer, Received};

/// The suites of all three.
const SUITES: [u16; 3] = [1, 2, 3];

/// The suites of Cenacle and mls-rs.
const MORE_SUITES: [u16; 5] = [1, 2, 3, 5, 7];

/// Whether `CENACLE_LONG` asks for a long run.
fn is_long() -> bool {
    std::env::var_os("CENACLE_LONG").is_some_and(|value| value != "0")
}

/// All cases in a long run, else every seventh: what is combined are twos, threes, fours and fives of things, so that each
/// of them comes with each other one.
fn some<T>(cases: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    cases.step_by(if is_long() { 1 } else { 7 })
}

/// All framings.
fn all_options() -> impl Iterator<Item = Options> + Clone {
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
    assert_eq!(a.group_context().unwrap(), b.group_context().unwrap());
    assert_eq!(a.ratchet_tree().unwrap(), b.ratchet_tree().unwrap());
    assert_ne!(a.own_leaf().unwrap(), b.own_leaf().unwrap());
    talk(a, b);
    talk(b, a);
}

/// All of them are.
fn assert_all_together(mut peers: Vec<&mut Box<dyn Peer>>) {
    while let Some(last) = peers.pop() {
        peers.iter_mut().for_each(|peer| assert_together(peer.as_mut(), last.as_mut()));
    }
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

/// All framings, with GREASE wherever it may be.
fn greased_options() -> impl Iterator<Item = Options> + Clone {
    all_options().map(|options| Options { grease_extensions: true, ..options })
}

/// Three members, made by the first, and an outsider.
type Four = [Box<dyn Peer>; 4];

fn four(makers: [Maker; 4], suite: u16, options: Options) -> Four {
    let mut names = ["a", "b", "c", "d"].into_iter();
    let mut peers = makers.map(|make| make(names.next().unwrap(), suite, options).unwrap());
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
