//! What arrives at random, and the model that says what must come of it.

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_mls::{
    Error, Misuse, Rule,
    group::Received,
    wire::{Credential, Epoch, MlsMessage, MlsMessageBody},
};

use super::{Parcel, Storm};
use crate::world::refusal;

impl Storm {
    /// Some parcels arrive, then some commits.
    pub(super) fn hear(&mut self, name: &str) {
        for _ in 0..self.world.dice.below(6) {
            self.open_parcel(name);
        }
        if self.world.dice.chance(20) {
            self.replay_commits(name);
        }
        let commits = self.world.dice.below(4);
        self.catch_up(name, commits);
        self.count("hear");
        if let Some(ghost) = self.world.dice.pick(&self.ghosts()).cloned() {
            self.open_parcel(&ghost);
        }
    }

    fn ghosts(&self) -> Vec<String> {
        self.minds.iter().filter(|(_, mind)| mind.ghost).map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn empty_inbox(&mut self, name: &str) {
        while self.world.at(name).is_member() && !self.minds[name].inbox.is_empty() {
            self.open_parcel(name);
        }
        self.mind(name).inbox.clear();
    }

    /// A parcel, any of them, is opened.
    fn open_parcel(&mut self, name: &str) {
        let count = self.minds[name].inbox.len();
        if count == 0 || self.world.at(name).group.is_none() {
            return;
        }
        let chosen = self.world.dice.below(count);
        let parcel = self.mind(name).inbox.swap_remove(chosen);
        match &parcel {
            Parcel::Said(said) => {
                self.hear_said(name, *said);
                // What is too early is tried again later.
                if self.said[*said].epoch > self.epoch(name) && !self.minds[name].ghost {
                    self.mind(name).inbox.push(parcel);
                    self.catch_up(name, 1);
                }
            }
            Parcel::Proposal(epoch, bytes) => self.hear_proposal(name, *epoch, bytes),
        }
    }

    /// Application data arrives. It is read once, by those who were there, as long as they keep its epoch.
    pub(super) fn hear_said(&mut self, name: &str, index: usize) -> Option<()> {
        let said = &self.said[index];
        let (sender, leaf, epoch) = (said.sender.clone(), said.leaf, said.epoch);
        let (data, message) = (said.data.clone(), said.message.clone());
        let person = self.world.at(name);
        let (active, own_leaf, now) = (person.is_member(), person.group().own_leaf(), self.epoch(name));
        let kept = u64::from(person.client.settings().limits.past_epochs);
        let (since, read) = (self.minds[name].since, self.minds[name].read.contains(&index));
        let received = self.receive(name, &message);
        let outcome = format!("{name} in epoch {now} since {since} gets {sender}'s of epoch {epoch}: {received:?}");
        if !active {
            assert!(matches!(received, Err(Error::Misuse(Misuse::NotMember))), "{outcome}");
        } else if epoch > now {
            assert!(matches!(received, Err(Error::Future(_))), "{outcome}");
        } else if epoch < since || epoch + kept < now {
            assert!(matches!(received, Err(Error::Stale(_))), "{outcome}");
        } else if sender == name {
            assert!(matches!(received, Ok(Received::OwnMessage(_))) && leaf == own_leaf, "{outcome}");
            return Some(());
        } else if read {
            assert!(matches!(received, Err(Error::KeyGone(_))), "{outcome}");
            return Some(());
        } else {
            let Ok(Received::Application(read)) = received else { panic!("{outcome}") };
            assert_eq!((read.data.expose(), read.sender, read.epoch), (&*data, leaf, Epoch(epoch)), "{outcome}");
            assert_eq!(read.credential, Credential::Basic(sender.as_bytes().into()), "{outcome}");
            assert_eq!(read.authenticated_data, sender.as_bytes(), "{outcome}");
            self.mind(name).read.insert(index);
            self.count(if epoch < now { "read late" } else { "read" });
            return Some(());
        }
        self.count("unread");
        None
    }

    /// A proposal arrives, for the first time or again.
    fn hear_proposal(&mut self, name: &str, epoch: u64, bytes: &[u8]) {
        let person = self.world.at(name);
        let (active, now) = (person.is_member(), self.epoch(name));
        let public = matches!(MlsMessage::from_bytes(bytes).unwrap().body, MlsMessageBody::PublicMessage(_));
        let before = self.world.at(name).group().proposals().count();
        let received = self.receive(name, bytes);
        let known = self.world.at(name).group().proposals().count() == before;
        let outcome = format!("{name} in epoch {now} gets a proposal of epoch {epoch}: {received:?}");
        match (received, epoch.cmp(&now)) {
            (Err(Error::Misuse(Misuse::NotMember)), _) if !active => {}
            (Err(Error::Future(_)), core::cmp::Ordering::Greater) => {}
            (Err(Error::Stale(_)), core::cmp::Ordering::Less) => {}
            (Ok(Received::Proposal { .. }), core::cmp::Ordering::Equal) => {
                self.count("proposal");
            }
            (Ok(Received::OwnMessage(_)), core::cmp::Ordering::Equal) => assert!(known, "{outcome}"),
            (Err(Error::KeyGone(_)), core::cmp::Ordering::Equal) if !public => assert!(known, "{outcome}"),
            _ => panic!("{outcome}"),
        }
    }

    /// Receives up to `count` commits in their order; asks the board for proposals it lacks.
    pub(super) fn catch_up(&mut self, name: &str, count: usize) {
        for _ in 0..count {
            if !self.is_live(name) {
                return;
            }
            let epoch = self.epoch(name);
            let Some(commit) = self.log.get(usize::try_from(epoch).unwrap()).cloned() else { return };
            if self.world.dice.chance(60) && self.would_remove(name, &commit) {
                self.mind(name).ghost = true;
                return self.count("ghost");
            }
            let received = match self.receive(name, &commit) {
                Err(Error::Invalid(Rule::ProposalKnown)) => {
                    for proposal in self.board[&epoch].clone() {
                        self.hear_proposal(name, epoch, &proposal);
                    }
                    self.count("asked the board");
                    self.receive(name, &commit)
                }
                received => received,
            };
            match received {
                Ok(Received::Commit(summary) | Received::OwnCommit(summary)) => {
                    assert_eq!(summary.epoch.0, epoch + 1);
                    self.observe(name);
                }
                Ok(Received::Removed(_)) => self.removed(name),
                other => panic!("{name} receives the commit that ends epoch {epoch}: {other:?}"),
            }
        }
    }

    /// Whether a commit removes `name`: found out by staging it and letting it go, which changes nothing.
    fn would_remove(&mut self, name: &str, commit: &[u8]) -> bool {
        let (person, inputs) = (self.world.at(name), self.world.inputs());
        let before = person.visible();
        let message = MlsMessage::from_bytes(commit).unwrap();
        let group = person.group();
        let staged = group.open(&message).and_then(|opened| group.stage(opened, &inputs));
        let removes = staged.is_ok_and(|staged| matches!(staged.preview(), Received::Removed(_)));
        assert!(before == person.visible(), "{name}: looking changes nothing");
        removes
    }

    /// Someone learned of their removal: nothing can be done with the group any more.
    fn removed(&mut self, name: &str) {
        let mut rng = self.world.dice.fork();
        let person = self.world.person(name);
        person.reload();
        assert!(!person.is_member());
        let sent = person.try_step(|group| group.protect(b"still here", b"", &mut rng)).map_err(refusal);
        assert_eq!(sent.unwrap_err(), Error::Misuse(Misuse::NotMember));
        if self.world.dice.chance(50) {
            self.world.person(name).group = None;
        }
        self.count("removed");
    }

    /// Commits that come too early or again.
    fn replay_commits(&mut self, name: &str) {
        if !self.is_live(name) {
            return;
        }
        let epoch = usize::try_from(self.epoch(name)).unwrap();
        let next = self.log.get(epoch + 1).cloned();
        if let Some(next) = next {
            assert!(matches!(self.receive(name, &next), Err(Error::Future(_))), "a commit too early");
            self.count("commit early");
        }
        let before = epoch.checked_sub(1).and_then(|last| self.log.get(last).cloned());
        if let Some(last) = before {
            assert!(matches!(self.receive(name, &last), Err(Error::Stale(_))), "a commit again");
            self.count("commit again");
        }
    }

    /// Those who were removed and do not know it hear nothing of what is said now, whatever epoch it claims.
    pub(super) fn haunt(&mut self, speaker: &str) {
        let message = self.world.protect(speaker, b"not for ghosts");
        for ghost in self.ghosts() {
            let MlsMessageBody::PrivateMessage(original) = MlsMessage::from_bytes(&message).unwrap().body else {
                panic!()
            };
            let now = self.epoch(&ghost);
            for epoch in (now.saturating_sub(5)..now + 2).chain([self.tip()]) {
                let mut claimed = original.clone();
                claimed.epoch = Epoch(epoch);
                let bytes = MlsMessage::from(claimed).to_bytes().unwrap();
                let refused = self.receive(&ghost, &bytes).unwrap_err();
                let fits = matches!(refused, Error::Future(_) | Error::Stale(_) | Error::Unverified(_));
                assert!(fits, "{ghost} in epoch {now} reads a message that claims epoch {epoch}: {refused}");
                self.count("haunt");
            }
        }
    }
}
