//! The beginning: people, their keys, and a group of them.

use alloc::sync::Arc;

use cenacle_crypto::Signer;
use cenacle_mls::{
    group::{Client, Handshake, Settings},
    limits::Limits,
    wire::{Extension, Extensions, GroupId, KeyPackageRef, MlsMessage, MlsMessageBody, RequiredCapabilities},
};

use super::{Event, LIFETIME, Simulation, TEST_EXTENSION, TEST_PROPOSAL, commit::Wish, inputs};
use cenacle_store::MemoryStore;

use crate::{
    authority::credential,
    finding::{Have as _, Must as _, Step},
    ids::PersonId,
    model::{EpochFacts, Standing},
    person::Person,
    service::Offer,
    witness::mark,
};

/// So many key packages of each person are kept in stock.
const STOCK: usize = 3;

impl Simulation {
    pub(super) fn set_up(&mut self) -> Step<()> {
        let shared = self.dice.bytes(32);
        self.psks.insert_external(&b"shared"[..], shared);
        let signer = self.signer()?;
        self.authority.bind("warden", signer.public_key().clone());
        self.warden = Some(Client::new(Arc::clone(&self.suite), signer, credential("warden")));
        let members = usize::try_from(self.config.members.max(3)).unwrap_or(usize::MAX);
        for number in 0..members + members / 4 + 4 {
            self.enter(PersonId(number))?;
        }
        let first = PersonId(0);
        self.found_first(first)?;
        let others: Vec<PersonId> = self.everybody().filter(|who| *who != first).take(members + 1).collect();
        let mut wish = Wish { path: true, ..Wish::default() };
        for other in others {
            let offer = self.service.desk.hand_out(other).have("a key package")?;
            wish.adds.push((other, offer));
        }
        self.calm = true;
        self.make_commit(first, wish)?;
        self.flush(first)?;
        self.pull(first)?;
        self.calm = false;
        for who in self.everybody() {
            let delay = self.dice.millis(60_000);
            self.agenda.after(delay, Event::Wake(who));
        }
        self.agenda.after(60_000, Event::Meet);
        Ok(())
    }

    fn signer(&mut self) -> Step<Arc<dyn Signer>> {
        let mut rng = self.dice.fork();
        let (secret, _) = self.suite.signature_key_pair(&mut rng).must("to make a signature key")?;
        Ok(Arc::from(self.suite.signer(&secret).must("to use a signature key")?))
    }

    /// Someone new, with settings of their own.
    fn enter(&mut self, who: PersonId) -> Step<()> {
        let mut limits = Limits::default();
        limits.past_epochs = u32::try_from(self.dice.below(6)).unwrap_or(0);
        limits.resumption_psks = *self.dice.pick(&[1, 2, 32]).have("a limit")?;
        limits.reserved_generations = *self.dice.pick(&[1, 2, 32]).have("a limit")?;
        let in_the_clear = self.dice.chance(40);
        let handshake = if in_the_clear { Handshake::Public } else { Handshake::Private };
        let settings = Settings { limits, handshake, ..Settings::default() };
        let signer = self.signer()?;
        self.authority.bind(&who.to_string(), signer.public_key().clone());
        let client = self.client(who, signer).with_settings(settings);
        let standing = Standing::new(u64::from(limits.past_epochs), in_the_clear);
        let patience = *self.dice.pick(&[20, 60, 200, 1_000]).have("a limit")?;
        self.people.push(Person::new(who, client, standing, patience));
        self.restock(who)
    }

    fn client(&self, who: PersonId, signer: Arc<dyn Signer>) -> Client {
        let client = Client::new(Arc::clone(&self.suite), signer, credential(&who.to_string()));
        let mut capabilities = client.capabilities().clone();
        capabilities.extensions.push(TEST_EXTENSION);
        capabilities.proposals.push(TEST_PROPOSAL);
        client.with_capabilities(capabilities)
    }

    /// A key package that shows someone's name with a key of the attacker's.
    pub(super) fn forged_offer(&mut self, who: PersonId) -> Step<Offer> {
        let signer = self.signer()?;
        let client = self.client(who, signer);
        let mut rng = self.dice.fork();
        let message = client.key_package(LIFETIME, false, &mut rng).must("to make a key package")?;
        self.offer(message.persist(&mut MemoryStore::default()).must("to store a key package")?)
    }

    fn offer(&self, message: MlsMessage) -> Step<Offer> {
        let MlsMessageBody::KeyPackage(package) = message.body else {
            return Err(crate::What::Internal("a key package of another kind").into());
        };
        let reference = package.reference(&*self.suite).must("to name a key package")?;
        Ok(Offer { package, reference, act: None })
    }

    /// Someone publishes key packages until enough are in stock.
    pub(super) fn restock(&mut self, who: PersonId) -> Step<()> {
        let (fresh, has_last) = self.service.desk.stock(who);
        for _ in fresh..STOCK {
            self.publish(who, false)?;
        }
        if has_last { Ok(()) } else { self.publish(who, true) }
    }

    fn publish(&mut self, who: PersonId, last_resort: bool) -> Step<()> {
        let mut rng = self.dice.fork();
        let person = self.people.get_mut(who.0).have("a person")?;
        let message = person.client.key_package(LIFETIME, last_resort, &mut rng).must("to make a key package")?;
        let message = message.persist(&mut person.store).must("to store a key package")?;
        let offer = self.offer(message)?;
        self.own(who, &offer.reference, last_resort)?;
        self.service.desk.publish(who, offer, last_resort);
        Ok(())
    }

    /// The private half of a key package is in someone's store.
    fn own(&mut self, who: PersonId, reference: &KeyPackageRef, last_resort: bool) -> Step<()> {
        let file = &mut self.person_mut(who)?.file;
        let names = if last_resort { &mut file.last_resorts } else { &mut file.packages };
        names.insert(*reference);
        self.service.desk.own(who, *reference);
        Ok(())
    }

    /// A key package that someone does not publish.
    pub(super) fn private_offer(&mut self, who: PersonId) -> Step<Offer> {
        let mut rng = self.dice.fork();
        let person = self.people.get_mut(who.0).have("a person")?;
        let message = person.client.key_package(LIFETIME, false, &mut rng).must("to make a key package")?;
        let message = message.persist(&mut person.store).must("to store a key package")?;
        let offer = self.offer(message)?;
        self.own(who, &offer.reference, false)?;
        Ok(offer)
    }

    fn found_first(&mut self, first: PersonId) -> Step<()> {
        let id = GroupId::from(self.dice.bytes(16).as_slice());
        let extensions = self.extensions(true)?;
        let mut rng = self.dice.fork();
        let inputs = inputs(&self.authority, &self.psks, self.now_seconds());
        let person = self.people.get_mut(first.0).have("a person")?;
        let new = person.client.create_group(id.clone(), extensions, LIFETIME, &inputs, &mut rng);
        let group = new.must("to create a group")?.accept(&mut person.store).must("to store a new group")?;
        let roster = [first].into();
        let facts = EpochFacts {
            era: 0,
            number: 0,
            parent: None,
            roster,
            by: first,
            external: false,
            is_last: false,
            agreed: None,
        };
        let epoch = self.model.begin(facts);
        person.standing.arrive(epoch, 0, true);
        person.file.diary.begin(&*self.suite, 0, &[0; 16]);
        person.file.diary.mark(0, mark(&*self.suite, &group));
        person.group = Some(group);
        person.begin_at(0, 0);
        person.current = true;
        self.group_ids.push(id);
        self.service.open(epoch);
        Ok(())
    }

    /// Extensions for a group: what its members must support, who may propose from outside, and some that mean nothing.
    pub(super) fn extensions(&mut self, with_warden: bool) -> Step<Extensions> {
        let mut extensions = Extensions::default();
        if self.dice.chance(50) {
            let required = RequiredCapabilities { extension_types: vec![TEST_EXTENSION], ..Default::default() };
            extensions.push_required_capabilities(&required).must("to encode an extension")?;
        }
        if with_warden || self.dice.chance(80) {
            let warden = self.warden.as_ref().have("a warden")?.external_sender();
            extensions.push_external_senders(&vec![warden]).must("to encode an extension")?;
        }
        if self.dice.chance(50) {
            let extension_data = self.dice.bytes(8).into();
            extensions.0.push(Extension { extension_type: TEST_EXTENSION, extension_data });
        }
        Ok(extensions)
    }
}
