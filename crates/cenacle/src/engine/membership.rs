//! From what is wanted of the membership to a commit. A wish is dropped only when it has come true or cannot; until
//! then every epoch that another member's commit begins gets a commit of ours made anew.

use alloc::collections::BTreeSet;

use cenacle_codec::Encode as _;
use cenacle_mls::{
    Need,
    delta::Delta,
    group::{CommitBundle, CredentialPolicy, Occasion, Presented, Transition, Verdict},
    limits::Limits,
    wire::{KeyPackage, LeafIndex},
};
use cenacle_service::wire::{AccountName, DeviceId, ProblemKind, SuiteNumber, TakeKeyPackages};

use super::{
    Engine, description, inputs,
    key_packages::key_package_of,
    now_seconds,
    room::{indexed_row, member_of, row},
};
use crate::{
    ConversationId, Error, MemberId,
    state::{self, Intent, IntentKind, OutboxHeader, OutboxKind, Taken},
};

/// Somebody to be added.
#[derive(Debug)]
struct Addition {
    intent: u64,
    device: DeviceId,
    key_package: KeyPackage,
}

/// What the next commit is to do.
#[derive(Debug, Default)]
struct Plan {
    adds: Vec<Addition>,
    removes: Vec<(LeafIndex, DeviceId)>,
    rotate: bool,
    /// The intents it fulfils.
    intents: Vec<u64>,
}

impl Engine {
    /// Makes the commit that the waiting intents and proposals ask for, if they ask for one. It is posted by whoever
    /// posts what waits.
    pub(super) async fn commit_what_is_wanted(&mut self, id: &ConversationId) -> Result<(), Error> {
        let mut plan = self.plan(id).await?;
        let Some(mut transition) = self.build_what_fits(id, &mut plan).await? else { return Ok(()) };
        let room = self.rooms.get_mut(id).ok_or(Error::UnknownConversation)?;
        let (added, removed) = changed(&transition);
        let header = OutboxHeader {
            kind: OutboxKind::Commit,
            epoch: room.group.epoch().0,
            history: 0,
            added,
            removed,
            intents: plan.intents,
        };
        let (index, record) = room.take_index();
        state::put(transition.delta_mut(), row(id), &record)?;
        room.record = record;
        self.put_into_outbox(id, index, header, transition)
    }

    /// Builds the commit that a plan asks for, if it asks for one. A key package that is good by itself need not fit into the
    /// group: the first that does not is dropped, and who comes behind it waits for the next commit. What has been built is used:
    /// it is encrypted already, by a key that is for one message.
    async fn build_what_fits(
        &mut self,
        id: &ConversationId,
        plan: &mut Plan,
    ) -> Result<Option<Transition<CommitBundle>>, Error> {
        let mut unfit = None;
        let built = loop {
            let has_proposals = self.room(id)?.group.proposals().next().is_some();
            if plan.intents.is_empty() && plan.adds.is_empty() && !has_proposals {
                break None;
            }
            match self.build(id, plan).await {
                Err(Error::Mls(error)) if is_broken_rule(&error) && !plan.adds.is_empty() => {
                    unfit = plan.adds.pop().map(|addition| (addition, error));
                    plan.intents.retain(|intent| unfit.as_ref().is_none_or(|(unfit, _)| unfit.intent != *intent));
                }
                built => break Some(built?),
            }
        };
        if let Some((addition, error)) = unfit {
            self.drop_addition(id, addition.intent, addition.device, error)?;
        }
        Ok(built)
    }

    /// Forgets a key package that cannot be used, and the intent with the last of its.
    fn drop_addition(
        &mut self,
        id: &ConversationId,
        index: u64,
        device: DeviceId,
        error: cenacle_mls::Error,
    ) -> Result<(), Error> {
        let Some(mut intent) = self.room(id)?.intents.get(&index).cloned() else { return Ok(()) };
        intent.taken.retain(|taken| taken.device != device);
        if intent.taken.is_empty() {
            self.end_intent(id, index)?;
            self.give_up(id, index, intent.change(), Error::Mls(error).into());
            return Ok(());
        }
        self.write_intent(id, index, intent)
    }

    async fn build(&mut self, id: &ConversationId, plan: &Plan) -> Result<Transition<CommitBundle>, Error> {
        loop {
            let room = self.rooms.get(id).ok_or(Error::UnknownConversation)?;
            let me = self.me.as_ref().ok_or(Error::NotRegistered)?;
            let policy = self.bindings.at(me.account.cipher_suite, now_seconds());
            let mut builder = room.group.commit();
            for addition in &plan.adds {
                builder = builder.add(addition.key_package.clone());
            }
            for (leaf, _) in &plan.removes {
                builder = builder.remove(*leaf);
            }
            if plan.rotate {
                builder = builder.with_path();
            }
            builder = builder.authenticated_data(room.view.evidence().to_bytes()?);
            if description::key(room.group.public()).is_some() {
                builder = builder.with_group_info();
            }
            match builder.build(&inputs(&policy), &mut self.rng) {
                Err(cenacle_mls::Error::Missing(Need::CredentialVerdicts(claims))) => self.learn_all(&claims).await?,
                other => return Ok(other?),
            }
        }
    }

    /// Goes through the intents in their order, drops those that are done or cannot be done, and plans the rest, as far
    /// as one commit can hold them: no account twice.
    async fn plan(&mut self, id: &ConversationId) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        let mut names: BTreeSet<AccountName> = BTreeSet::new();
        let indices: Vec<u64> = self.room(id)?.intents.keys().copied().collect();
        for index in indices {
            let Some(intent) = self.room(id)?.intents.get(&index).cloned() else { continue };
            if intent.kind != IntentKind::Rotate && !names.insert(intent.name.clone()) {
                break;
            }
            let is_open = match intent.kind {
                IntentKind::Rotate => {
                    plan.rotate = true;
                    true
                }
                IntentKind::Remove => self.plan_removal(id, &intent.name, &mut plan)?,
                IntentKind::Add => match self.plan_addition(id, index, intent.clone(), &mut plan).await {
                    Ok(is_open) => is_open,
                    Err(error @ (Error::UnknownAccount(_) | Error::NoKeyPackage(_) | Error::Untrusted(_))) => {
                        self.end_intent(id, index)?;
                        self.give_up(id, index, intent.change(), error.into());
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            if is_open {
                plan.intents.push(index);
            } else {
                self.end_intent(id, index)?;
            }
        }
        Ok(plan)
    }

    fn end_intent(&mut self, id: &ConversationId, index: u64) -> Result<(), Error> {
        let mut delta = Delta::new();
        delta.delete(indexed_row(state::INTENT, id, index));
        self.write(&delta)?;
        self.room_mut(id)?.intents.remove(&index);
        Ok(())
    }

    fn write_intent(&mut self, id: &ConversationId, index: u64, intent: Intent) -> Result<(), Error> {
        let mut delta = Delta::new();
        state::put(&mut delta, indexed_row(state::INTENT, id, index), &intent)?;
        self.write(&delta)?;
        self.room_mut(id)?.intents.insert(index, intent);
        Ok(())
    }

    /// Plans to remove an account's devices but this one, and says whether there are any.
    fn plan_removal(&self, id: &ConversationId, name: &AccountName, plan: &mut Plan) -> Result<bool, Error> {
        let room = self.room(id)?;
        let own = room.group.own_leaf();
        let devices = room.devices_of(name).into_iter().filter(|(leaf, _)| *leaf != own);
        let before = plan.removes.len();
        plan.removes.extend(devices.map(|(leaf, member)| (leaf, member.device)));
        Ok(plan.removes.len() > before)
    }

    /// Plans to add those of an account's devices that are not members, and says whether there are any. Key packages
    /// are taken once for an intent, and kept for when the commit has to be made anew.
    async fn plan_addition(
        &mut self,
        id: &ConversationId,
        index: u64,
        mut intent: Intent,
        plan: &mut Plan,
    ) -> Result<bool, Error> {
        let name = intent.name.clone();
        let present: BTreeSet<DeviceId> =
            self.room(id)?.devices_of(&name).into_iter().map(|(_, member)| member.device).collect();
        let devices = self.api.devices(&name).await?.devices;
        let missing: BTreeSet<DeviceId> =
            devices.iter().map(|device| device.device_id).filter(|device| !present.contains(device)).collect();
        if missing.is_empty() {
            return Ok(false);
        }
        intent.taken.retain(|taken| missing.contains(&taken.device));
        let held: BTreeSet<DeviceId> = intent.taken.iter().map(|taken| taken.device).collect();
        for device in missing.difference(&held) {
            intent.taken.extend(self.take_key_package(&name, *device).await?);
        }
        // A device that never offers anything must not keep the account's others out.
        if intent.taken.is_empty() {
            return if present.is_empty() { Err(Error::NoKeyPackage(name)) } else { Ok(false) };
        }
        self.write_intent(id, index, intent.clone())?;
        for Taken { device, key_package } in intent.taken {
            let member = MemberId { name: name.clone(), device };
            let key_package = self.check_key_package(member, &key_package).await?;
            plan.adds.push(Addition { intent: index, device, key_package });
        }
        Ok(true)
    }

    pub(super) async fn take_key_package(&self, name: &AccountName, device: DeviceId) -> Result<Option<Taken>, Error> {
        let cipher_suite = SuiteNumber::from(self.me()?.account.cipher_suite);
        let body = TakeKeyPackages { cipher_suite, device_id: Some(device) };
        match self.api.take(name, &body).await {
            Ok(taken) => {
                let taken = taken.key_packages.into_iter().find(|taken| taken.device_id == device);
                Ok(taken.map(|taken| Taken { device, key_package: taken.key_package.as_slice().into() }))
            }
            Err(Error::Refused(problem)) if matches!(problem.kind, ProblemKind::KeypackagesExhausted { .. }) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Believes a key package only if the Authentication Service says it is the device's (RFC 9420 §5.3.1).
    async fn check_key_package(&mut self, member: MemberId, message: &[u8]) -> Result<KeyPackage, Error> {
        let untrusted = || Error::Untrusted(member.clone());
        let key_package = key_package_of(message).ok_or_else(untrusted)?;
        if member_of(&key_package.leaf_node).as_ref() != Some(&member) {
            return Err(untrusted());
        }
        let presented = Presented {
            occasion: Occasion::KeyPackage,
            group_id: None,
            credential: &key_package.leaf_node.credential,
            signature_key: &key_package.leaf_node.signature_key,
            replaces: None,
        };
        let cipher_suite = self.me()?.account.cipher_suite;
        if self.bindings.at(cipher_suite, now_seconds()).verdict(&presented) == Verdict::Unknown {
            self.learn(Some(member.clone()), presented.signature_key).await?;
        }
        let verdict = self.bindings.at(cipher_suite, now_seconds()).verdict(&presented);
        let suite = self.me()?.mls.suite();
        let limit_seconds = Limits::default().lifetime_seconds;
        let is_valid = key_package.verify(suite, Some(now_seconds()), limit_seconds).is_ok();
        if verdict == Verdict::Accept && is_valid { Ok(key_package) } else { Err(untrusted()) }
    }
}

/// Whether what was put together breaks a rule, so that less of it may not.
const fn is_broken_rule(error: &cenacle_mls::Error) -> bool {
    use cenacle_mls::Error::{Invalid, Refused, Unsupported, Unverified};
    matches!(error, Invalid(_) | Unverified(_) | Unsupported(_) | Refused(_))
}

/// The devices that a commit adds and removes.
fn changed(transition: &Transition<CommitBundle>) -> (Vec<DeviceId>, Vec<DeviceId>) {
    let Some((summary, public)) = transition.summary().zip(transition.preview_public()) else {
        return (Vec::new(), Vec::new());
    };
    let added = summary.added.iter().filter_map(|leaf| member_of(&public.tree().leaf(*leaf)?));
    let removed = summary.removed.iter().filter_map(|(_, credential)| MemberId::from_credential(credential));
    (added.map(|member| member.device).collect(), removed.map(|member| member.device).collect())
}
