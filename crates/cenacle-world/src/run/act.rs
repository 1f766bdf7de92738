//! What people do when they wake: catch up first, then something at random.

use alloc::{sync::Arc, vec::Vec};

use cenacle_codec::Encode as _;
use cenacle_mls::{
    Error, Misuse,
    group::Group,
    wire::{LeafIndex, MlsMessage, Proposal, Psk},
};

use super::{
    Event, PACE_MILLIS, Simulation, TEST_PROPOSAL,
    commit::{Wish, person_of},
    inputs,
};
use crate::{
    finding::{Have as _, Must as _, Step, What},
    ids::PersonId,
    model::{Proposed, Said, Wanted},
    person::{Cargo, Waiting},
};

impl Simulation {
    /// Someone looks at the group.
    pub(super) fn wake(&mut self, who: PersonId) -> Step<()> {
        let pace = PACE_MILLIS.saturating_mul(u64::try_from(self.people.len()).unwrap_or(1));
        let delay = self.dice.millis(2 * pace);
        self.agenda.after(delay, Event::Wake(who));
        let person = self.person(who)?;
        if !person.online || person.halted {
            return Ok(());
        }
        self.restock(who)?;
        self.scheme(who)?;
        self.catch_up(who)?;
        self.flush(who)?;
        if self.person(who)?.is_able() {
            self.act(who)?;
        }
        Ok(())
    }

    /// Someone reads the log, and does what it takes to be a member that is up to date.
    pub(super) fn catch_up(&mut self, who: PersonId) -> Step<()> {
        self.finish_joining(who)?;
        if self.is_impatient(who)? {
            self.counts.recover("joined anew after a long absence");
            self.enter_from_outside(who)?;
        }
        self.pull(who)?;
        self.recover(who)?;
        self.seek_entry(who)
    }

    /// Whether so much was missed that joining anew is quicker.
    fn is_impatient(&self, who: PersonId) -> Step<bool> {
        let person = self.person(who)?;
        let Some(at) = person.standing.at.filter(|_| person.is_active() && person.trouble.is_none()) else {
            return Ok(false);
        };
        if person.file.era != self.service.era() || !person.online || person.file.joining.is_some() {
            return Ok(false);
        }
        let tip = self.model.epoch(self.branch_tip(who)?)?.number;
        Ok(tip.saturating_sub(self.model.epoch(at)?.number) > person.patience)
    }

    fn act(&mut self, who: PersonId) -> Step<()> {
        match self.dice.below(1_000) {
            0..380 => self.speak(who),
            380..500 => self.propose(who),
            500..800 => self.commit(who),
            800..830 => self.propose_from_outside(who),
            830..900 => self.restart(who),
            900..930 => self.back_up(who),
            930..945 => self.restore(who),
            945..960 => self.resync(who),
            960..966 => self.reinit(who),
            _ => self.go_away(who),
        }
    }

    fn restart(&mut self, who: PersonId) -> Step<()> {
        self.counts.did("restart");
        let person = self.person_mut(who)?;
        person.restart()?;
        person.check_stored()
    }

    fn go_away(&mut self, who: PersonId) -> Step<()> {
        self.counts.did("absence");
        self.person_mut(who)?.online = false;
        let long = self.dice.chance(15);
        let delay = if long { self.dice.millis(20_000_000) } else { self.dice.millis(2_000_000) };
        self.note(format_args!("{who} goes away"));
        self.agenda.after(delay, Event::Return(who));
        Ok(())
    }

    pub(super) fn come_back(&mut self, who: PersonId) -> Step<()> {
        let person = self.person_mut(who)?;
        if !person.online {
            person.online = true;
            self.agenda.after(1_000, Event::Wake(who));
        }
        Ok(())
    }

    /// Says something. Where proposals wait it must not be possible, and they are committed instead.
    pub(super) fn speak(&mut self, who: PersonId) -> Step<()> {
        let (data, mut rng) = (self.dice.bytes(24), self.dice.fork());
        let authenticated_data = self.witness(who)?;
        let person = self.people.get_mut(who.0).have("a person")?;
        let epoch = person.standing.at.have("where a member stands")?;
        let waits = person.group()?.proposals().next().is_some();
        let sent = person.step(&mut rng, |group, rng| group.protect(&data, &authenticated_data, rng))?;
        let message = match sent {
            Ok(_) if waits => return Err(What::Allowed { doing: "data while proposals wait" }.into()),
            Ok(message) => message,
            Err(Error::Misuse(Misuse::ProposalsPending)) if waits => return self.commit(who),
            Err(error) => {
                return Err(What::Refused { doing: "to send application data", error: error.to_string() }.into());
            }
        };
        let said = self.model.say(Said { by: who, epoch, data, authenticated_data, branch: None });
        self.person_mut(who)?.standing.said.insert(said);
        self.counts.did("message sent");
        self.note(format_args!("{who} says {said:?}"));
        self.enqueue(who, &message, Cargo::Said(said))
    }

    /// Puts something sealed into someone's outbox.
    fn enqueue(&mut self, who: PersonId, message: &MlsMessage, cargo: Cargo) -> Step<()> {
        let bytes: Arc<[u8]> = message.to_bytes().must("to encode a message")?.into();
        let digest = self.digest_of(&bytes);
        let person = self.person_mut(who)?;
        let epoch = person.group()?.epoch().0;
        person.file.sent.insert(digest);
        person.file.outbox.push_back(Waiting { bytes, digest, epoch, cargo });
        self.send_soon(who);
        Ok(())
    }

    /// Proposes something to the others.
    fn propose(&mut self, who: PersonId) -> Step<()> {
        let kind = self.dice.below(7);
        let wanted = match kind {
            0 => self.choose_newcomer(who, &[])?.map(|(whom, offer)| (Wanted::Add(whom), Some(offer), None)),
            1 => self.choose_leaver(who)?.map(|(whom, leaf)| (Wanted::Remove(whom), None, Some(leaf))),
            _ => None,
        };
        let (wanted, offer, leaf) = wanted.unwrap_or((Wanted::Other, None, None));
        let acts = offer.iter().filter_map(|offer| offer.act).collect();
        let extensions = self.extensions(false)?;
        let (mut rng, now) = (self.dice.fork(), self.now_seconds());
        let inputs = inputs(&self.authority, &self.psks, now);
        let person = self.people.get_mut(who.0).have("a person")?;
        let epoch = person.standing.at.have("where a member stands")?;
        let made = person.step(&mut rng, |group, rng| match (kind, offer, leaf) {
            (0, Some(offer), _) => group.propose_add(offer.package, &inputs, rng),
            (1, _, Some(leaf)) => group.propose_remove(leaf, rng),
            (2, ..) => group.propose_psk(Psk::External((&b"shared"[..]).into()), rng),
            (3, ..) => group.propose_extensions(extensions, rng),
            (4, ..) => group.propose_custom(TEST_PROPOSAL, &b"anything"[..], rng),
            _ => group.propose_update(rng),
        })?;
        let message = match made {
            Ok(message) => message,
            Err(error) => return self.not_made(who, kind == 0, acts, &error),
        };
        let id = self.model.propose(Proposed { by: Some(who), epoch, wanted, posted: false });
        self.person_mut(who)?.standing.proposed.insert(id);
        self.counts.did("proposal sent");
        self.note(format_args!("{who} proposes {id:?}"));
        self.enqueue(who, &message, Cargo::Proposal(id))
    }

    /// The warden proposes something, or someone outside its own addition.
    fn propose_from_outside(&mut self, via: PersonId) -> Step<()> {
        if self.fork.is_some() || !self.is_at_tip(via)? {
            return Ok(());
        }
        let own = self.dice.chance(40);
        let (wanted, message) = if own { self.ask_for_entry(via)? } else { self.wardens_proposal(via)? };
        let Some(message) = message else { return Ok(()) };
        let person = self.person(via)?;
        let (epoch, number) = (person.standing.at.have("where a member stands")?, person.group()?.epoch().0);
        let id = self.model.propose(Proposed { by: None, epoch, wanted, posted: false });
        self.counts.did("proposal from outside");
        let bytes: Arc<[u8]> = message.to_bytes().must("to encode a message")?.into();
        let waiting = Waiting { digest: self.digest_of(&bytes), bytes, epoch: number, cargo: Cargo::Proposal(id) };
        self.post(via, self.service.era(), &waiting).map(drop)
    }

    fn ask_for_entry(&mut self, via: PersonId) -> Step<(Wanted, Option<MlsMessage>)> {
        let outside = self.outsiders(via)?;
        let Some(whom) = self.someone(&outside) else { return Ok((Wanted::Other, None)) };
        let offer = self.private_offer(whom)?;
        let public = self.person(via)?.group()?.public();
        let inputs = inputs(&self.authority, &self.psks, self.now_seconds());
        let message = self.person(whom)?.client.propose_joining(public, offer.package, &inputs);
        Ok((Wanted::Add(whom), Some(message.must("to propose one's own addition")?)))
    }

    fn wardens_proposal(&mut self, via: PersonId) -> Step<(Wanted, Option<MlsMessage>)> {
        let leaver = self.choose_leaver(via)?;
        let extensions = self.extensions(true)?;
        let (wanted, proposal) = match leaver.filter(|_| self.dice.chance(60)) {
            Some((whom, removed)) => (Wanted::Remove(whom), Proposal::Remove(cenacle_mls::wire::Remove { removed })),
            None => {
                let change = cenacle_mls::wire::GroupContextExtensions { extensions };
                (Wanted::Other, Proposal::GroupContextExtensions(change))
            }
        };
        let warden = self.warden.as_ref().have("a warden")?;
        let inputs = inputs(&self.authority, &self.psks, self.now_seconds());
        let public = self.person(via)?.group()?.public();
        let is_listed = public.extensions().external_senders().must("to read the external senders")?.is_some();
        match warden.propose_externally(public, proposal, &inputs) {
            Ok(_) if !is_listed => Err(What::Allowed { doing: "a proposal of someone who is not listed" }.into()),
            Ok(message) => Ok((wanted, Some(message))),
            Err(Error::Misuse(Misuse::NotExternalSender)) if !is_listed => Ok((wanted, None)),
            Err(error) => Err(What::Refused { doing: "a proposal from outside", error: error.to_string() }.into()),
        }
    }

    /// Commits what waits, and something of its own.
    pub(super) fn commit(&mut self, who: PersonId) -> Step<()> {
        let person = self.person(who)?;
        if person.group()?.has_pending_commit() {
            self.send_soon(who);
            return Ok(());
        }
        let mut wish = Wish::default();
        for _ in 0..self.dice.below(3) {
            let chosen: Vec<PersonId> = wish.adds.iter().map(|(whom, _)| *whom).collect();
            wish.adds.extend(self.choose_newcomer(who, &chosen)?);
        }
        if self.dice.chance(25) {
            wish.remove = self.choose_leaver(who)?;
        }
        if self.dice.chance(10) {
            wish.extensions = Some(self.extensions(false)?);
        }
        wish.psk = self.dice.chance(15);
        wish.custom = self.dice.chance(8);
        wish.path = self.dice.chance(40);
        wish.tree_apart = self.dice.chance(30);
        wish.info = self.dice.chance(60);
        let adds_wait = |group: &Group| group.proposals().any(|(_, _, proposal)| matches!(proposal, Proposal::Add(_)));
        let adds = !wish.adds.is_empty() || adds_wait(self.person(who)?.group()?);
        // Whoever is added does not know the group's own keys of earlier epochs.
        wish.resumption = !adds && self.dice.chance(15);
        if self.make_commit(who, wish)? {
            self.send_soon(who);
        }
        Ok(())
    }

    /// Someone who is not in the group as a member sees it, with a key package, where the group has room.
    fn choose_newcomer(
        &mut self,
        who: PersonId,
        chosen: &[PersonId],
    ) -> Step<Option<(PersonId, crate::service::Offer)>> {
        let mut outside = self.outsiders(who)?;
        outside.retain(|other| !chosen.contains(other));
        match self.someone(&outside) {
            Some(whom) => self.ask_for_package(who, whom),
            None => Ok(None),
        }
    }

    /// Those who are not in the group as a member sees it, where the group has room.
    fn outsiders(&self, who: PersonId) -> Step<Vec<PersonId>> {
        let members = members_of(self.person(who)?.group()?)?;
        let most = usize::try_from(self.config.members.max(3)).unwrap_or(usize::MAX);
        if members.len() > most + most / 8 + 2 {
            return Ok(Vec::new());
        }
        let inside: Vec<PersonId> = members.into_iter().map(|(member, _)| member).collect();
        Ok(self.everybody().filter(|other| !inside.contains(other)).collect())
    }

    /// Another member, where the group is large enough to lose one.
    fn choose_leaver(&mut self, who: PersonId) -> Step<Option<(PersonId, LeafIndex)>> {
        let mut members = members_of(self.person(who)?.group()?)?;
        let least = usize::try_from(self.config.members.max(3)).unwrap_or(usize::MAX);
        if members.len() <= least {
            return Ok(None);
        }
        members.retain(|(member, _)| *member != who);
        Ok(self.dice.pick(&members).copied())
    }
}

/// Who is in a group, and where.
fn members_of(group: &Group) -> Step<Vec<(PersonId, LeafIndex)>> {
    group.members().map(|(leaf, node)| Ok((person_of(&node.credential)?, leaf))).collect()
}
