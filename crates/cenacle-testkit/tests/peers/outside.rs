//! Proposals from outside (RFC 9420 §12.1.8): by external senders and by newcomers. All members take them in, one commits
//! them, and where handshakes are in the clear an observer follows.

use cenacle_testkit::peers::{
    Action, CenacleObserver, Maker, Options, Peer, PeerResult, Received, Successor, cenacle_peer, external_senders,
    mls_rs_peer, openmls_peer, test_extensions,
};

use super::{
    Four, MORE_SUITES, SUITES, all_options, assert_all_together, assert_together, four, greased_options, some,
};

/// A group of three, someone who may be added, an external sender, and perhaps an observer.
struct Scene {
    peers: Four,
    /// Which of the peers are members, by leaf.
    members: Vec<usize>,
    sender: Box<dyn Peer>,
    observer: Option<CenacleObserver>,
}

impl Scene {
    fn new(makers: [Maker; 4], sender: Maker, suite: u16, options: Options) -> Self {
        let mut peers = four(makers, suite, options);
        let sender = sender("outside", suite, options).unwrap();
        let extensions = Self::extensions(sender.as_ref(), b"first");
        let out = peers[0].commit(&[Action::GroupContextExtensions(extensions)]).unwrap();
        for member in &mut peers[1..3] {
            assert_eq!(member.receive(&out.commit).unwrap(), Received::Commit);
        }
        peers[0].confirm().unwrap();
        let watched = !options.encrypt_handshakes;
        let observer = watched.then(|| CenacleObserver::new(suite, &peers[0].view().unwrap()).unwrap());
        Self { peers, members: vec![0, 1, 2], sender, observer }
    }

    /// Extensions that keep the external sender.
    fn extensions(sender: &dyn Peer, value: &[u8]) -> Vec<(u16, Vec<u8>)> {
        let mut extensions = test_extensions(value);
        extensions.extend(external_senders(&[sender.external_sender().unwrap()]));
        extensions
    }

    fn observe(&mut self, message: &[u8], expected: &Received) {
        if let Some(observer) = &mut self.observer {
            assert_eq!(observer.receive(message).unwrap(), *expected);
        }
    }

    /// All members take the proposal in.
    fn spread(&mut self, proposal: &[u8]) {
        self.observe(proposal, &Received::Proposal);
        for &member in &self.members {
            assert_eq!(self.peers[member].receive(proposal).unwrap(), Received::Proposal);
        }
    }

    /// The external sender proposes it, one member commits it, and those who remain are together.
    fn propose(&mut self, what: &Action, committer: usize, leaver: Option<usize>) {
        let view = self.peers[self.members[1]].view().unwrap();
        let proposal = self.sender.propose_externally(&view, what).unwrap();
        self.spread(&proposal);
        self.commit(committer, leaver);
    }

    fn commit(&mut self, committer: usize, leaver: Option<usize>) {
        let out = self.peers[committer].commit(&[]).unwrap();
        self.observe(&out.commit, &Received::Commit);
        for &member in self.members.iter().filter(|member| **member != committer) {
            let expected = if Some(member) == leaver { Received::Removed } else { Received::Commit };
            assert_eq!(self.peers[member].receive(&out.commit).unwrap(), expected);
        }
        self.peers[committer].confirm().unwrap();
        self.members.retain(|member| Some(*member) != leaver);
        if let Some(invitation) = out.invitation() {
            self.peers[3].join(&invitation).unwrap();
            self.members.push(3);
        }
        if let Some(observer) = &self.observer {
            assert_eq!(observer.group_context().unwrap(), self.peers[committer].group_context().unwrap());
            assert_eq!(observer.ratchet_tree().unwrap(), self.peers[committer].ratchet_tree().unwrap());
        }
    }

    fn assert_together(&mut self) {
        let members = &self.members;
        let inside = self.peers.iter_mut().enumerate().filter(|(number, _)| members.contains(number));
        assert_all_together(inside.map(|(_, peer)| peer).collect());
    }

    /// Extensions are changed, the outsider is added and removed again.
    fn change_members(&mut self, committer: usize) {
        let extensions = Self::extensions(self.sender.as_ref(), b"second");
        self.propose(&Action::GroupContextExtensions(extensions), committer, None);
        self.assert_together();
        let key_package = self.peers[3].key_package().unwrap();
        self.propose(&Action::Add(key_package), committer, None);
        self.assert_together();
        let leaf = self.peers[3].own_leaf().unwrap();
        self.propose(&Action::Remove(leaf), committer, Some(3));
        self.assert_together();
    }

    /// PSKs are folded in, and the group is re-initialised.
    fn change_secrets(&mut self, committer: usize, suite: u16) {
        self.propose(&Action::Psk(b"psk".to_vec()), committer, None);
        self.assert_together();
        let epoch = self.peers[committer].epoch().unwrap();
        self.propose(&Action::ResumptionPsk(epoch - 1), committer, None);
        self.assert_together();
        let successor = Successor { group_id: b"next".to_vec(), suite, extensions: Vec::new() };
        self.propose(&Action::ReInit(successor), committer, None);
        let authenticator = self.peers[committer].epoch_authenticator().unwrap();
        for &member in &self.members {
            assert_eq!(self.peers[member].epoch_authenticator().unwrap(), authenticator);
        }
    }
}

/// All suites with all framings.
fn settings(
    suites: &[u16],
    framings: impl Iterator<Item = Options> + Clone,
) -> impl Iterator<Item = (u16, Options)> + Clone {
    suites.iter().flat_map(move |suite| framings.clone().map(move |options| (*suite, options)))
}

const THREE: [Maker; 3] = [cenacle_peer, mls_rs_peer, openmls_peer];

/// Each of the three as the external sender of a group of all three, each member as the committer.
#[test]
fn external_senders_change_members() {
    let cases = settings(&SUITES, all_options()).flat_map(|setting| THREE.map(|sender| (setting, sender)));
    for ((suite, options), sender) in some(cases) {
        let makers = [cenacle_peer, mls_rs_peer, openmls_peer, cenacle_peer];
        let mut scene = Scene::new(makers, sender, suite, options);
        (0..3).for_each(|committer| scene.change_members(committer));
    }
}

/// Everything that external senders may propose, between Cenacle and mls-rs.
#[test]
fn external_senders_propose_everything() {
    let roles: [(Maker, usize); 4] = [(cenacle_peer, 1), (mls_rs_peer, 0), (cenacle_peer, 0), (mls_rs_peer, 1)];
    let cases = settings(&MORE_SUITES, greased_options()).flat_map(|setting| roles.map(|role| (setting, role)));
    for ((suite, options), (sender, committer)) in some(cases) {
        let mut scene = Scene::new([cenacle_peer, mls_rs_peer, cenacle_peer, mls_rs_peer], sender, suite, options);
        scene.change_members(committer);
        scene.change_secrets(committer, suite);
    }
}

/// A client that proposes its own addition is added.
#[test]
fn newcomers_get_in() {
    let roles = THREE.into_iter().flat_map(|newcomer| [0, 1, 2].map(|committer| (newcomer, committer)));
    let cases = settings(&SUITES, all_options());
    let cases = cases.flat_map(|setting| roles.clone().map(move |role| (setting, role)));
    for ((suite, options), (newcomer, committer)) in some(cases) {
        let makers = [cenacle_peer, mls_rs_peer, openmls_peer, newcomer];
        let mut scene = Scene::new(makers, cenacle_peer, suite, options);
        let view = scene.peers[1].view().unwrap();
        let proposal = scene.peers[3].propose_join(&view).unwrap();
        scene.spread(&proposal);
        scene.commit(committer, None);
        scene.assert_together();
    }
}

/// OpenMLS with GREASE in its key packages too.
fn greased_openmls(name: &str, suite: u16, options: Options) -> PeerResult<Box<dyn Peer>> {
    openmls_peer(name, suite, Options { grease_extensions: true, ..options })
}

/// Members who are not of its own kind take a key package of OpenMLS that carries GREASE.
#[test]
fn grease_of_openmls_is_ignored() {
    for options in all_options() {
        let mut peers = four([cenacle_peer, mls_rs_peer, cenacle_peer, greased_openmls], 1, options);
        let key_package = peers[3].key_package().unwrap();
        let proposal = peers[2].propose_add(&key_package).unwrap();
        let [a, b, c, d] = &mut peers;
        for member in [&mut *a, &mut *b] {
            assert_eq!(member.receive(&proposal).unwrap(), Received::Proposal);
        }
        let out = a.commit(&[]).unwrap();
        for member in [&mut *b, &mut *c] {
            assert_eq!(member.receive(&out.commit).unwrap(), Received::Commit);
        }
        a.confirm().unwrap();
        d.join(&out.invitation().unwrap()).unwrap();
        assert_together(a.as_mut(), d.as_mut());
        assert_together(b.as_mut(), d.as_mut());
    }
}
