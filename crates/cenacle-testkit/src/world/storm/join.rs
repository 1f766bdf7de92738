//! Ways into the group at random: Welcomes early, late and twice, external commits, and coming back.

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_mls::{
    Error, Misuse, Need,
    delta::{PersistError, Store as _},
    group::{ExternalJoin, Group, PendingJoin},
    wire::{MlsMessageBody, WireTree},
};

use super::{Invitation, Storm};
use crate::world::{person::decoded, refusal, scene::inputs};

impl Storm {
    pub(super) fn invited(&self) -> Option<String> {
        let (name, _) = self.minds.iter().find(|(_, mind)| !mind.invitations.is_empty())?;
        Some(name.clone())
    }

    /// Someone who is invited, if anyone is, looks at a Welcome.
    pub(super) fn accept_invitation(&mut self) {
        let invited: Vec<String> =
            self.minds.iter().filter(|(_, mind)| !mind.invitations.is_empty()).map(|(name, _)| name.clone()).collect();
        if let Some(name) = self.world.dice.pick(&invited).cloned() {
            self.join_by_invitation(&name);
        }
    }

    pub(super) fn join_by_invitation(&mut self, name: &str) {
        let count = self.minds[name].invitations.len();
        let chosen = self.world.dice.below(count);
        let mut invitation = self.mind(name).invitations.remove(chosen);
        if self.is_live(name) {
            return self.refuse_invitation(name, &invitation);
        }
        let mut tree = None;
        if !invitation.tree_apart {
            match self.world.at(name).read_welcome(&invitation.welcome, None, &self.world.inputs()) {
                Ok(_) => {}
                Err(Error::Missing(Need::RatchetTree)) => invitation.tree_apart = true,
                Err(Error::Missing(Need::KeyPackage)) => return self.count("welcome twice"),
                Err(error) => panic!("{name} joins: {error}"),
            }
        }
        if invitation.tree_apart {
            // Whoever reached the epoch can give the tree; the committer does at the latest.
            match self.facts.get(&invitation.epoch) {
                Some((_, bytes)) => tree = Some(bytes.clone()),
                None => {
                    let live = self.live();
                    if live.iter().any(|member| self.epoch(member) < invitation.epoch) {
                        self.mind(name).invitations.push(invitation);
                        live.iter().for_each(|member| self.catch_up(member, 1));
                    } else {
                        self.count("tree lost");
                    }
                    return;
                }
            }
        }
        let welcome = &invitation.welcome;
        let new = self.world.at(name).read_welcome(welcome, tree.as_deref(), &self.world.inputs()).unwrap();
        let person = self.world.person(name);
        let epoch = new.public().epoch();
        person.group = Some(match person.group.take() {
            Some(old) if old.is_active() && old.epoch() >= epoch => {
                // The way back to an earlier epoch is closed.
                let refused = new.accept_in_place_of(old, &mut person.disk).map_err(refusal).unwrap_err();
                assert_eq!(refused, Error::Stale(epoch));
                return person.reload();
            }
            Some(old) if old.is_active() => new.accept_in_place_of(old, &mut person.disk).unwrap(),
            old => match new.accept(&mut person.disk) {
                Ok(group) => group,
                Err(error) => {
                    // Whoever came in by another way, and was removed, is not led back by an old invitation.
                    assert_eq!(refusal(error), Error::Stale(epoch));
                    assert!(person.load().unwrap().epoch() >= epoch);
                    person.group = old;
                    return self.count("welcome too old");
                }
            },
        });
        self.arrived(name);
        self.count("join by welcome");
        if self.world.dice.chance(20) {
            // Its key package is used up, or the group exists: either way it does not lead into the group again.
            let again = self.world.at(name).read_welcome(welcome, tree.as_deref(), &self.world.inputs());
            match again {
                Err(error) => assert_eq!(error, Error::Missing(Need::KeyPackage)),
                Ok(_) => self.refuse_invitation(name, &invitation),
            }
        }
    }

    /// A member cannot join the group again by a Welcome.
    fn refuse_invitation(&mut self, name: &str, invitation: &Invitation) {
        let tree = self.facts.get(&invitation.epoch).map(|(_, tree)| tree.clone());
        let before = self.world.at(name).visible();
        let new = self.world.at(name).read_welcome(&invitation.welcome, tree.as_deref(), &self.world.inputs());
        match new {
            Ok(new) => {
                let refused = new.accept(&mut self.world.person(name).disk).map_err(refusal).unwrap_err();
                assert_eq!(refused, Error::Misuse(Misuse::GroupExists));
            }
            Err(error) => assert!(matches!(error, Error::Missing(Need::RatchetTree | Need::KeyPackage)), "{error}"),
        }
        assert!(before == self.world.at(name).visible(), "{name}: a refused Welcome changes nothing");
        // It may be of use once the removal before it is known.
        if invitation.epoch > self.epoch(name) {
            self.mind(name).invitations.push(invitation.clone());
            self.catch_up(name, usize::MAX);
        }
        self.count("welcome refused");
    }

    /// Someone outside joins by an external commit.
    pub(super) fn join_from_outside(&mut self) {
        let outside: Vec<String> = self.minds.keys().filter(|name| !self.is_live(name)).cloned().collect();
        let known = self.world.dice.pick(&outside).cloned();
        let name = match known {
            Some(known) if self.live().len() > 6 || self.world.dice.chance(50) => known,
            _ => self.newcomer(),
        };
        self.join_external(&name);
    }

    /// A member loses faith in its state and joins anew in its own place.
    pub(super) fn resync(&mut self, name: &str) {
        if self.live().len() > 1 {
            self.join_external(name);
            self.count("resync");
        }
    }

    fn join_external(&mut self, name: &str) {
        let members: Vec<String> = self.live().into_iter().filter(|member| member != name).collect();
        let Some(via) = self.world.dice.pick(&members).cloned() else { return };
        if self.world.dice.chance(50) {
            self.catch_up(&via, usize::MAX);
            if !self.is_live(&via) {
                return;
            }
        }
        let with_tree = self.world.dice.chance(50);
        let MlsMessageBody::GroupInfo(info) = decoded(&self.world.group_info(&via, with_tree)).body else { panic!() };
        let group = self.world.at(&via).group();
        let (epoch, tree) = (group.epoch().0, group.public().tree().to_bytes().unwrap());
        let former = Group::former_leaf(&self.world.at(name).client, group.public()).ok();
        let tree = (!with_tree).then(|| WireTree::from_bytes(&tree).unwrap());
        let mut rng = self.world.dice.fork();
        let (person, psks) = (self.world.people.get_mut(name).unwrap(), &self.world.psks);
        let how = ExternalJoin { tree, replaces: former, psks: Vec::new() };
        let pending = person.client.join_external(&info, how, &inputs(psks), &mut rng).unwrap();
        let pending = pending.persist(&mut person.disk).unwrap();
        person.assert_stored();
        if epoch != self.tip() {
            pending.discard().persist(&mut self.world.person(name).disk).unwrap();
            self.world.at(name).assert_stored();
            return self.count("external commit refused");
        }
        self.log.push(pending.commit().to_bytes().unwrap());
        if self.world.dice.chance(30) {
            self.recover(name);
        } else {
            let person = self.world.person(name);
            person.group = Some(match person.group.take() {
                Some(old) => pending.accepted().accept_in_place_of(old, &mut person.disk).unwrap(),
                None => pending.accepted().accept(&mut person.disk).unwrap(),
            });
        }
        self.arrived(name);
        self.count("external commit");
    }

    /// The process died after its external commit was sent; the commit was accepted.
    fn recover(&mut self, name: &str) {
        let id = self.world.group_id.clone();
        let person = self.world.person(name);
        person.group = None;
        let recovered = PendingJoin::recover(&person.disk, &id).map_err(|error: PersistError<_>| refusal(error));
        let (_, delta) = recovered.unwrap().expect("a pending join is stored");
        person.disk.apply(&delta).unwrap();
        person.reload();
        assert!(PendingJoin::recover(&person.disk, &id).unwrap().is_none());
    }
}
