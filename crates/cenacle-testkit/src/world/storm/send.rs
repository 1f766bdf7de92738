//! What members send at random: application data, proposals, commits.

use cenacle_codec::Encode as _;
use cenacle_mls::{
    Error, Misuse,
    group::{CommitBuilder, CommitBundle, Group, Psks},
    wire::{
        Extension, Extensions, KeyPackage, LeafIndex, MlsMessageBody, Proposal, Psk, RequiredCapabilities,
        ResumptionPskUsage,
    },
};

use super::{Invitation, Mind, Parcel, Said, Storm};
use crate::world::{TEST_EXTENSION, inputs, person::decoded, refusal};

/// A group stays about as large as this, in members.
const CROWD: usize = 9;

impl Storm {
    /// Says something to whoever gets it; where proposals wait, it must not be possible.
    pub(super) fn speak(&mut self, name: &str) {
        if let Some(said) = self.say(name) {
            for other in self.people_but(name) {
                self.post(&other, &Parcel::Said(said));
            }
        }
    }

    /// Says something that everyone in the group hears at once.
    pub(super) fn speak_to_all(&mut self, name: &str) {
        let said = self.say(name).expect("no proposal waits");
        for other in self.live() {
            assert!(self.hear_said(&other, said).is_some(), "{other} hears {name}");
        }
    }

    fn say(&mut self, name: &str) -> Option<usize> {
        let data = self.world.dice.bytes(20);
        let mut rng = self.world.dice.fork();
        let person = self.world.person(name);
        let waiting = person.group().proposals().count();
        let sent = person.try_step(|group| group.protect(&data, name.as_bytes(), &mut rng)).map_err(refusal);
        if waiting > 0 {
            assert_eq!(sent.unwrap_err(), Error::Misuse(Misuse::ProposalsPending));
            return None;
        }
        let (leaf, epoch) = (person.group().own_leaf(), person.group().epoch().0);
        let message = sent.unwrap().to_bytes().unwrap();
        self.said.push(Said { sender: name.into(), leaf, epoch, data, message });
        self.count("say");
        Some(self.said.len() - 1)
    }

    /// Everyone who may listen: members, the invited, those removed without knowing it.
    pub(super) fn people_but(&self, name: &str) -> Vec<String> {
        let listens = |(other, mind): &(&String, &Mind)| {
            *other != name && (self.world.at(other).group.is_some() || !mind.invitations.is_empty())
        };
        self.minds.iter().filter(listens).map(|(other, _)| other.clone()).collect()
    }

    /// Into an inbox, perhaps twice, perhaps not at all.
    fn post(&mut self, to: &str, parcel: &Parcel) {
        let copies = match self.world.dice.below(10) {
            0 => 0,
            1 => 2,
            _ => 1,
        };
        let inbox = &mut self.mind(to).inbox;
        inbox.extend(core::iter::repeat_n(parcel.clone(), copies));
    }

    /// Proposes something to whoever gets it.
    pub(super) fn propose(&mut self, name: &str) {
        let kind = self.world.dice.below(6);
        let removed = self.someone_else(name);
        let extensions = self.extensions();
        let package = if kind == 1 { self.stranger(name, &[]) } else { None };
        let message = self.world.step(name, |group, rng| match (kind, package, removed) {
            (1, Some(package), _) => group.propose_add(package, &inputs(&Psks::default()), rng),
            (2, _, Some(leaf)) => group.propose_remove(leaf, rng),
            (3, ..) => group.propose_psk(Psk::External((&b"shared"[..]).into()), rng),
            (4, ..) => group.propose_extensions(extensions, rng),
            _ => group.propose_update(rng),
        });
        let (epoch, bytes) = (self.epoch(name), message.to_bytes().unwrap());
        self.board.entry(epoch).or_default().push(bytes.clone());
        for other in self.people_but(name) {
            self.post(&other, &Parcel::Proposal(epoch, bytes.clone()));
        }
        self.count("propose");
    }

    /// Another member's leaf, where the group is large enough to lose one.
    fn someone_else(&mut self, name: &str) -> Option<LeafIndex> {
        let group = self.world.at(name).group();
        let leaves: Vec<LeafIndex> =
            group.members().map(|(leaf, _)| leaf).filter(|leaf| *leaf != group.own_leaf()).collect();
        if leaves.len() < 3 { None } else { self.world.dice.pick(&leaves).copied() }
    }

    fn extensions(&mut self) -> Extensions {
        let mut extensions = Extensions::default();
        let required = RequiredCapabilities { extension_types: vec![TEST_EXTENSION], ..Default::default() };
        if self.world.dice.chance(50) {
            extensions.push_required_capabilities(&required).unwrap();
        }
        if self.world.dice.chance(50) {
            let extension_data = self.world.dice.bytes(8).into();
            extensions.0.push(Extension { extension_type: TEST_EXTENSION, extension_data });
        }
        extensions
    }

    /// A key package of someone who is not in the group as `name` sees it, nor among those already `chosen`.
    fn stranger(&mut self, name: &str, chosen: &[KeyPackage]) -> Option<KeyPackage> {
        let group = self.world.at(name).group();
        if group.members().count() >= CROWD {
            return None;
        }
        let outside = |other: &String| {
            let other = self.world.at(other);
            (!other.is_member() || self.minds[&other.name].ghost)
                && Group::former_leaf(&other.client, group.public()).is_err()
                && chosen.iter().all(|package| package.leaf_node.credential != *other.client.credential())
        };
        let strangers: Vec<String> = self.minds.keys().filter(|other| outside(other)).cloned().collect();
        let reuse = self.world.dice.chance(60);
        let stranger = match self.world.dice.pick(&strangers) {
            Some(known) if reuse => known.clone(),
            _ => self.newcomer(),
        };
        let last_resort = self.world.dice.chance(20);
        let mut rng = self.world.dice.fork();
        let package = self.world.person(&stranger).try_key_package(last_resort, &mut rng).unwrap();
        self.packages.insert(package.reference(&*self.world.suite).unwrap(), stranger);
        Some(package)
    }

    /// Makes a commit and hands it to the service, which may never get it.
    pub(super) fn commit(&mut self, name: &str) {
        if self.world.at(name).group().has_pending_commit() {
            return self.resend(name);
        }
        // Who is behind mostly notices before, and sometimes by the refusal.
        if self.world.dice.chance(70) {
            self.catch_up(name, usize::MAX);
            if !self.is_live(name) {
                return;
            }
        }
        let mut strangers: Vec<KeyPackage> = Vec::new();
        for _ in 0..self.world.dice.below(3) {
            strangers.extend(self.stranger(name, &strangers));
        }
        let removed = if self.world.dice.chance(35) { self.someone_else(name) } else { None };
        let extensions = self.world.dice.chance(15).then(|| self.extensions());
        let dice = &mut self.world.dice;
        let (psk, path, apart, info) = (dice.chance(20), dice.chance(30), dice.chance(30), dice.chance(30));
        let resumption = dice.chance(20) && strangers.is_empty() && !self.adds_wait(name);
        let group = self.world.at(name).group();
        let present = Psk::Resumption {
            usage: ResumptionPskUsage::Application,
            psk_group_id: group.group_id().clone(),
            psk_epoch: group.epoch(),
        };
        let bundle = self.world.prepare(name, |mut commit| {
            for package in strangers {
                commit = commit.add(package);
            }
            commit = removed.into_iter().fold(commit, CommitBuilder::remove);
            commit = extensions.into_iter().fold(commit, CommitBuilder::extensions);
            commit = if psk { commit.psk(Psk::External((&b"shared"[..]).into())) } else { commit };
            commit = if resumption { commit.psk(present) } else { commit };
            commit = if path { commit.with_path() } else { commit };
            commit = if apart { commit.without_tree() } else { commit };
            if info { commit.with_group_info() } else { commit }.authenticated_data(&b"in the clear"[..])
        });
        self.count("commit");
        if self.world.dice.chance(10) {
            self.mind(name).pending = Some(bundle);
            self.count("commit lost");
        } else {
            self.submit(name, bundle);
        }
    }

    fn adds_wait(&self, name: &str) -> bool {
        self.world.at(name).group().proposals().any(|(_, _, proposal)| matches!(proposal, Proposal::Add(_)))
    }

    /// The service takes the first commit of an epoch, and refuses the others.
    pub(super) fn submit(&mut self, name: &str, bundle: CommitBundle) {
        if self.epoch(name) != self.tip() {
            self.count("commit refused");
            self.mind(name).pending = None;
            if self.world.dice.chance(50) {
                self.world.step(name, |group, _| group.discard_pending());
            }
            return;
        }
        self.mind(name).pending = None;
        self.log.push(bundle.commit.to_bytes().unwrap());
        self.count("commit accepted");
        let Some(welcome) = bundle.welcome else { return };
        let bytes = welcome.to_bytes().unwrap();
        let MlsMessageBody::Welcome(welcome) = decoded(&bytes).body else { panic!("a Welcome") };
        let epoch = self.tip();
        // Whether the tree comes with it only the joiner finds out.
        for entry in &welcome.secrets {
            let invited = self.packages[&entry.new_member].clone();
            let invitation = Invitation { welcome: bytes.clone(), epoch, tree_apart: false };
            self.mind(&invited).invitations.push(invitation);
        }
    }

    /// Sends a commit again that may have been lost, or gives it up.
    pub(super) fn resend(&mut self, name: &str) {
        let Some(bundle) = self.mind(name).pending.take() else { return };
        let group = self.world.at(name).group();
        if group.pending_commit() != Some(&bundle.commit) {
            return;
        }
        if self.world.dice.chance(50) {
            self.world.step(name, |group, _| group.discard_pending());
            self.count("commit given up");
        } else {
            self.submit(name, bundle);
            self.count("commit resent");
        }
    }
}
