//! A group is re-initialised (RFC 9420 §11.2): one commit ends it, and its author founds the successor with all its members,
//! who follow by the Welcome once they have read the old log to its end.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::Encode as _;
use cenacle_mls::wire::{GroupId, ProtocolVersion, ReInit};

use super::{
    LIFETIME, Simulation,
    commit::{Wish, invited},
    enter::Arrival,
    inputs,
};
use crate::{
    finding::{Have as _, Must as _, Step},
    ids::{BranchId, PersonId},
    model::{EpochFacts, Why},
    person::core_error,
    service::Invitation,
};

impl Simulation {
    /// A member ends the group, and founds its successor.
    pub(super) fn reinit(&mut self, who: PersonId) -> Step<()> {
        let is_young = self.model.epoch(self.branch_tip(who)?)?.number < 30;
        let person = self.person(who)?;
        let is_busy = person.group()?.has_pending_commit() || !person.file.outbox.is_empty();
        // Whoever ends the group must see that it ended.
        let sees_all = self.service.logs(self.service.era())?.is_straight(who);
        if is_young || is_busy || !sees_all || self.fork.is_some() || !self.is_at_tip(who)? {
            return Ok(());
        }
        let reinit = ReInit {
            group_id: GroupId::from(self.dice.bytes(16).as_slice()),
            version: ProtocolVersion::MLS10,
            cipher_suite: self.suite.cipher_suite(),
            extensions: self.extensions(true)?,
        };
        let wish = Wish { reinit: Some(reinit), ..Wish::default() };
        if !self.make_commit(who, wish)? {
            return Ok(());
        }
        let was_calm = core::mem::replace(&mut self.calm, true);
        self.flush(who)?;
        self.pull(who)?;
        self.calm = was_calm;
        if self.person(who)?.is_at_the_end() { self.found_successor(who) } else { Ok(()) }
    }

    fn found_successor(&mut self, who: PersonId) -> Step<()> {
        let roster = self.model.epoch(self.person(who)?.standing.at.have("where a member stands")?)?.roster.clone();
        let mut offers = Vec::new();
        for member in roster.iter().filter(|member| **member != who) {
            self.restock(*member)?;
            offers.push(self.service.desk.hand_out(*member).have("a key package")?);
        }
        let mut rng = self.dice.fork();
        let now = self.now_seconds();
        let inputs = inputs(&self.authority, &self.psks, now);
        let person = self.people.get_mut(who.0).have("a person")?;
        let old = person.group.as_ref().have("a group")?;
        let founding = person.client.reinit(old, LIFETIME).must("to found a successor")?;
        let founding = offers.into_iter().fold(founding, |founding, offer| founding.add(offer.package));
        let founded = founding.build(&inputs, &mut rng).must("to found a successor")?;
        let (group, welcome) = founded.accept(&mut person.store).map_err(core_error).must("to store a successor")?;
        let id = group.group_id().clone();
        self.replace_group(who, group)?;
        let era = self.service.era() + 1;
        let epoch = self.model.begin(EpochFacts {
            era,
            number: 1,
            parent: None,
            roster,
            by: who,
            external: false,
            is_last: false,
            agreed: None,
        });
        self.service.open(epoch);
        self.main = BranchId(0);
        self.group_ids.push(id);
        self.counts.did("successor founded");
        self.arrive(who, Arrival { era, epoch, next: 0, began_by: [0; 16], why: Why::Succession, act: None })?;
        let welcome = welcome.have("a Welcome")?;
        let bytes: Arc<[u8]> = welcome.to_bytes().must("to encode a Welcome")?.into();
        let references: Arc<[_]> = invited(&welcome).into();
        for reference in references.iter() {
            let (member, _) = self.service.desk.owner(reference).have("whose key package it is")?;
            let invitation = Invitation {
                welcome: Arc::clone(&bytes),
                tree: None,
                era,
                branch: BranchId(0),
                epoch,
                references: Arc::clone(&references),
                next: 0,
                began_by: [0; 16],
                act: None,
            };
            self.service.desk.invite(member, invitation);
        }
        Ok(())
    }
}
