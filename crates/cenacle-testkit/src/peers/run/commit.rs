//! The commits of members in a random run: which proposals are sent, what the committer adds by value, and who gets
//! what. Every member and every outsider is touched at most once per commit, so that all of it is valid together
//! (RFC 9420 §12.2).

use super::super::{Action, Received};
use super::world::{PSK_ID, World};

/// Fewest members that removals may leave.
const SMALLEST_GROUP: usize = 3;

/// What a commit under preparation will do, and whom it has not touched yet.
struct Plan {
    committer: usize,
    /// Members that may still be removed or updated; never the committer.
    untouched: Vec<usize>,
    /// Clients that may still be added.
    outside: Vec<usize>,
    members_after: usize,
    added: Vec<usize>,
    removed: Vec<usize>,
    psk: bool,
    /// A resumption PSK is used, which newcomers do not have.
    resumption: bool,
    /// PSKs may still be added by value.
    psks_by_value: bool,
    extensions: bool,
    proposals: usize,
    by_value: Vec<Action>,
}

/// The kinds of change; each is possible by value and by reference, but for [`Change::Update`]. A resumption PSK is of
/// an epoch.
#[derive(Clone, Copy)]
enum Change {
    Add(usize),
    Remove(usize),
    Update(usize),
    Psk,
    Resumption(usize),
    Extensions,
}

impl World {
    /// Adds one to three outsiders, to build the group up.
    pub(super) fn add_some(&mut self) -> Result<(), String> {
        let mut plan = self.plan();
        let missing = self.config.members - self.members().len();
        for _ in 0..missing.min(1 + self.rng.below(3)) {
            if let Some(joiner) = plan.outside.pop() {
                self.by_value(&mut plan, Change::Add(joiner))?;
            }
        }
        self.commit(plan)
    }

    /// A commit of a random member over random proposals of random members.
    pub(super) fn member_commit(&mut self) -> Result<(), String> {
        let mut plan = self.plan();
        if self.rng.one_in(10) {
            self.discarded_commit(&plan)?;
        }
        for _ in 0..self.rng.below(4) {
            if let Some(change) = self.pick(&mut plan, true) {
                self.by_reference(&mut plan, change)?;
            }
        }
        if self.rng.one_in(10) {
            self.discarded_commit(&plan)?;
        }
        for _ in 0..self.rng.below(3) {
            if let Some(change) = self.pick(&mut plan, false) {
                self.by_value(&mut plan, change)?;
            }
        }
        if self.rng.one_in(3) {
            plan.by_value.push(Action::Path);
        }
        self.commit(plan)
    }

    fn plan(&mut self) -> Plan {
        let mut untouched = self.members();
        self.rng.shuffle(&mut untouched);
        let members_after = untouched.len();
        let committer = untouched.pop().unwrap_or_default();
        let mut outside = self.outsiders();
        self.rng.shuffle(&mut outside);
        Plan {
            committer,
            untouched,
            outside,
            members_after,
            added: Vec::new(),
            removed: Vec::new(),
            psk: false,
            resumption: false,
            psks_by_value: true,
            extensions: false,
            proposals: 0,
            by_value: Vec::new(),
        }
    }

    /// Draws a change that the plan still allows.
    fn pick(&mut self, plan: &mut Plan, by_reference: bool) -> Option<Change> {
        match self.rng.below(11) {
            0..=2 if !plan.resumption => {
                let joiner = plan.outside.pop()?;
                plan.members_after += 1;
                Some(Change::Add(joiner))
            }
            3..=4 if plan.members_after > SMALLEST_GROUP => {
                let leaver = plan.untouched.pop()?;
                plan.members_after -= 1;
                Some(Change::Remove(leaver))
            }
            5..=7 if by_reference => plan.untouched.pop().map(Change::Update),
            8 if !plan.psk && (by_reference || plan.psks_by_value) => {
                plan.psk = true;
                Some(Change::Psk)
            }
            9 if !plan.extensions => {
                plan.extensions = true;
                Some(Change::Extensions)
            }
            10 if !plan.resumption && (by_reference || plan.psks_by_value) && plan.added.is_empty() => {
                let epochs = self.shared_epochs();
                let epoch = *epochs.start() + self.rng.below(epochs.count());
                plan.resumption = true;
                Some(Change::Resumption(epoch))
            }
            _ => None,
        }
    }

    /// Sends a proposal to all other members: one of theirs, of an external sender, or of a newcomer. A Remove may come
    /// from the one who leaves.
    fn by_reference(&mut self, plan: &mut Plan, change: Change) -> Result<(), String> {
        let members = self.members();
        let proposer = members[self.rng.below(members.len())];
        let (proposer, proposal) = match change {
            Change::Update(member) => {
                self.step(format!("{} proposes an update", self.label(member)));
                self.tally.updates += 1;
                (Some(member), self.on(member, |peer| peer.propose_update())?)
            }
            Change::Add(joiner) if self.rng.one_in(4) => {
                plan.added.push(joiner);
                (None, self.propose_itself(joiner)?)
            }
            Change::Add(_) | Change::Remove(_) | Change::Psk | Change::Resumption(_) | Change::Extensions => {
                let Some(action) = self.action(plan, change)? else { return Ok(()) };
                self.tally.adds_by_reference += usize::from(matches!(action, Action::Add(_)));
                self.tally.removes_by_reference += usize::from(matches!(action, Action::Remove(_)));
                let psk = matches!(action, Action::Psk(_) | Action::ResumptionPsk(_));
                // The PSKs of one commit all come by reference or all by value where OpenMLS commits them.
                if psk && self.clients[plan.committer].peer.implementation() == "OpenMLS" {
                    plan.psks_by_value = false;
                }
                let open = self.config.external_psks || !psk;
                match open && self.rng.one_in(4) {
                    true => (None, self.propose_externally(&action)?),
                    false => (Some(proposer), self.propose(proposer, action)?),
                }
            }
        };
        plan.proposals += 1;
        self.observe(&proposal, &Received::Proposal)?;
        for member in members.into_iter().filter(|&member| Some(member) != proposer) {
            self.deliver(member, &proposal, &Received::Proposal)?;
        }
        Ok(())
    }

    /// A member's proposal.
    fn propose(&mut self, proposer: usize, action: Action) -> Result<Vec<u8>, String> {
        self.step(format!("{} proposes {}", self.label(proposer), kind(&action)));
        self.on(proposer, |peer| match action {
            Action::Add(key_package) => peer.propose_add(&key_package),
            Action::Remove(leaf) => peer.propose_remove(leaf),
            Action::Psk(id) => peer.propose_psk(&id),
            Action::ResumptionPsk(epoch) => peer.propose_resumption_psk(epoch),
            Action::GroupContextExtensions(extensions) => peer.propose_group_context_extensions(&extensions),
            Action::ReInit(successor) => peer.propose_reinit(&successor),
            Action::Path => peer.propose_update(),
        })
    }

    fn by_value(&mut self, plan: &mut Plan, change: Change) -> Result<(), String> {
        let Some(action) = self.action(plan, change)? else { return Ok(()) };
        self.tally.adds_by_value += usize::from(matches!(action, Action::Add(_)));
        self.tally.removes_by_value += usize::from(matches!(action, Action::Remove(_)));
        plan.by_value.push(action);
        Ok(())
    }

    /// A change in full, and what it does to the plan.
    fn action(&mut self, plan: &mut Plan, change: Change) -> Result<Option<Action>, String> {
        Ok(Some(match change {
            Change::Add(joiner) => {
                plan.added.push(joiner);
                Action::Add(self.on(joiner, |peer| peer.key_package())?)
            }
            Change::Remove(leaver) => {
                plan.removed.push(leaver);
                Action::Remove(self.on(leaver, |peer| peer.own_leaf())?)
            }
            Change::Psk => {
                self.tally.psks += 1;
                Action::Psk(PSK_ID.to_vec())
            }
            Change::Resumption(epoch) => {
                self.tally.resumption_psks += 1;
                Action::ResumptionPsk(u64::try_from(epoch).unwrap_or(u64::MAX))
            }
            Change::Extensions => {
                self.tally.context_extensions += 1;
                Action::GroupContextExtensions(self.extensions()?)
            }
            // RFC 9420 §12.2: an Update is only ever committed by reference, by someone else.
            Change::Update(_) => return Ok(None),
        }))
    }

    /// A commit that loses a race: another member builds it and forgets it.
    fn discarded_commit(&mut self, plan: &Plan) -> Result<(), String> {
        let Some(&loser) = plan.untouched.first() else { return Ok(()) };
        self.step(format!("{} commits and discards it", self.label(loser)));
        self.tally.discarded_commits += 1;
        self.on(loser, |peer| peer.commit(&[Action::Path]))?;
        self.on(loser, |peer| peer.discard())
    }

    /// Commits the plan and hands out everything that comes of it.
    fn commit(&mut self, plan: Plan) -> Result<(), String> {
        let Plan { committer, added, removed, proposals, by_value, .. } = plan;
        let names = |list: &[usize]| list.iter().map(|&client| self.label(client)).collect::<Vec<_>>().join(", ");
        let (joining, leaving) = (names(&added), names(&removed));
        let values: Vec<_> = by_value.iter().map(kind).collect();
        self.step(format!(
            "{} commits; by value: {values:?}; joining: [{joining}]; leaving: [{leaving}]",
            self.label(committer)
        ));
        let out = self.on(committer, |peer| peer.commit(&by_value))?;
        self.observe(&out.commit, &Received::Commit)?;
        for member in self.members().into_iter().filter(|&member| member != committer) {
            let expected = if removed.contains(&member) { Received::Removed } else { Received::Commit };
            self.deliver(member, &out.commit, &expected)?;
        }
        self.on(committer, |peer| peer.confirm())?;
        for &leaver in &removed {
            self.clients[leaver].inside = false;
        }
        for &joiner in &added {
            let invitation = out.invitation();
            let invitation = invitation.ok_or_else(|| format!("{} gave no Welcome", self.label(committer)))?;
            self.step(format!("{} joins", self.label(joiner)));
            self.on(joiner, |peer| peer.join(&invitation))?;
        }
        self.committed(&added);
        self.view = out.view();
        if proposals == 0 && by_value.iter().all(|action| *action == Action::Path) {
            self.tally.paths_only += 1;
        }
        self.removed = removed;
        Ok(())
    }
}

/// An action without its bytes.
fn kind(action: &Action) -> String {
    let kind = match action {
        Action::Add(_) => "Add",
        Action::Remove(_) => "Remove",
        Action::Path => "path",
        Action::GroupContextExtensions(_) => "GroupContextExtensions",
        Action::Psk(_) => "PSK",
        Action::ResumptionPsk(epoch) => return format!("resumption PSK of epoch {epoch}"),
        Action::ReInit(_) => "ReInit",
    };
    kind.into()
}
