//! What must come of a message, by the model alone. Where the library's choice is free (an old copy may show in two ways),
//! several outcomes are right.

use cenacle_mls::{Error, Misuse, Rule, group::Received};

use super::{Model, Standing};
use crate::{
    finding::{Have as _, Step},
    ids::{EpochId, PersonId, ProposalId, SaidId},
    service::{Record, Truth},
};

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Outcome {
    /// Application data was read.
    Read,
    /// A proposal waits.
    Proposal,
    /// A new epoch began.
    Commit,
    /// A new epoch began by one's own commit.
    OwnCommit,
    /// One's own member was removed.
    Removed,
    /// It says it is one's own.
    Own,
    /// It is one's own, and this state has never sent it.
    OldState,
    /// It says it is one's own commit, and none waits.
    NotSelf,
    /// One is not in the group.
    NotMember,
    /// It is another group's.
    WrongGroup,
    /// Its epoch has not begun.
    Future,
    /// Its epoch is over.
    Stale,
    /// The group was re-initialised.
    Over,
    /// Its key is used up.
    KeyGone,
    /// It is not authentic here: it belongs to another state of the same epoch.
    Foreign,
    /// It refers to a proposal that is not known.
    ProposalUnknown,
    /// Something else was wrong with it.
    Other,
}

impl Outcome {
    /// Sorts what the library says.
    pub(crate) fn of(result: &Result<Received, Error>) -> Self {
        match result {
            Ok(Received::Application(_)) => Self::Read,
            Ok(Received::Proposal { .. }) => Self::Proposal,
            Ok(Received::Commit(_)) => Self::Commit,
            Ok(Received::OwnCommit(_)) => Self::OwnCommit,
            Ok(Received::Removed(_)) => Self::Removed,
            Ok(Received::OwnMessage(_)) => Self::Own,
            Err(Error::Misuse(Misuse::NotMember)) => Self::NotMember,
            Err(Error::Invalid(Rule::GroupIdMatches)) => Self::WrongGroup,
            Err(Error::Invalid(Rule::SenderIsNotSelf)) => Self::NotSelf,
            Err(Error::Invalid(Rule::ProposalKnown)) => Self::ProposalUnknown,
            Err(Error::Invalid(Rule::ReInitIsLast)) => Self::Over,
            Err(Error::OldState) => Self::OldState,
            Err(Error::Future(_)) => Self::Future,
            Err(Error::Stale(_)) => Self::Stale,
            Err(Error::KeyGone(_)) => Self::KeyGone,
            Err(Error::Unverified(_)) => Self::Foreign,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

impl Model {
    /// What may come of a record for `me`.
    pub(crate) fn expect(&self, me: PersonId, standing: &Standing, record: &Record) -> Step<Vec<Outcome>> {
        if !standing.active {
            return Ok(vec![Outcome::NotMember]);
        }
        let at = standing.at.have("where a member stands")?;
        let epoch = match record.truth {
            Truth::Said(id) => self.said(id)?.epoch,
            Truth::Proposed(id) => self.proposed(id)?.epoch,
            Truth::Commit(id) => self.epoch(id)?.parent.have("the epoch a commit ends")?,
        };
        let (here, there) = (self.epoch(at)?, self.epoch(epoch)?);
        if here.era != there.era {
            return Ok(vec![Outcome::WrongGroup]);
        }
        if there.number > here.number {
            return Ok(vec![Outcome::Future]);
        }
        if let Truth::Said(id) = record.truth {
            return self.expect_said(me, standing, id, (at, epoch));
        }
        if there.number < here.number {
            return Ok(vec![Outcome::Stale]);
        }
        if here.is_last {
            return Ok(vec![Outcome::Over]);
        }
        match record.truth {
            Truth::Proposed(id) => self.expect_proposal(me, standing, id, at == epoch),
            Truth::Commit(_) if at != epoch => Ok(vec![Outcome::Foreign]),
            Truth::Commit(next) => self.expect_commit(me, standing, next, record),
            Truth::Said(_) => Ok(Vec::new()),
        }
    }

    fn expect_said(
        &self,
        me: PersonId,
        standing: &Standing,
        id: SaidId,
        (at, epoch): (EpochId, EpochId),
    ) -> Step<Vec<Outcome>> {
        let (here, there, said) = (self.epoch(at)?, self.epoch(epoch)?, self.said(id)?);
        if there.number < standing.since || there.number.saturating_add(standing.past) < here.number {
            return Ok(vec![Outcome::Stale]);
        }
        if here.is_last && here.number == there.number {
            return Ok(vec![Outcome::Over]);
        }
        if self.ancestor(at, there.number)? != Some(epoch) {
            return Ok(vec![Outcome::Foreign]);
        }
        // Whoever went through an epoch was in it.
        there.roster.contains(&me).then_some(()).have("a member of the epoch")?;
        Ok(match (said.by == me, standing.said.contains(&id), standing.has_read(id)) {
            (true, true, _) => vec![Outcome::Own],
            // Generations that were reserved when the copy was made are skipped by it, and show only as one's own.
            (true, false, _) => vec![Outcome::OldState, Outcome::Own],
            (false, _, true) => vec![Outcome::KeyGone],
            (false, _, false) => vec![Outcome::Read],
        })
    }

    fn expect_proposal(&self, me: PersonId, standing: &Standing, id: ProposalId, is_here: bool) -> Step<Vec<Outcome>> {
        let proposed = self.proposed(id)?;
        let Some(by) = proposed.by else {
            // From outside, it is bound to nothing but the epoch's number: on another line it may make no sense.
            return Ok(if is_here { vec![Outcome::Proposal] } else { vec![Outcome::Proposal, Outcome::Other] });
        };
        if !is_here {
            return Ok(vec![Outcome::Foreign]);
        }
        if by == me {
            let is_mine = standing.proposed.contains(&id);
            return Ok(if is_mine { vec![Outcome::Own] } else { vec![Outcome::OldState, Outcome::Own] });
        }
        // In the clear, it can be received again: it waits once.
        Ok(if standing.known.contains(&id) {
            vec![Outcome::KeyGone, Outcome::Proposal]
        } else {
            vec![Outcome::Proposal]
        })
    }

    fn expect_commit(&self, me: PersonId, standing: &Standing, next: EpochId, record: &Record) -> Step<Vec<Outcome>> {
        let facts = self.epoch(next)?;
        if facts.by == me && !facts.external {
            let is_pending = standing.pending == Some(record.digest);
            return Ok(match (is_pending, standing.in_the_clear) {
                (true, _) => vec![Outcome::OwnCommit],
                (false, true) => vec![Outcome::OldState],
                (false, false) => vec![Outcome::OldState, Outcome::NotSelf],
            });
        }
        // An external commit of one's own removes one's former self, which an old copy still is.
        let stays = facts.roster.contains(&me) && facts.by != me;
        let mut outcomes = vec![if stays { Outcome::Commit } else { Outcome::Removed }];
        let from = facts.parent.have("the epoch a commit ends")?;
        let is_known = |id: &ProposalId| standing.known.contains(id) || standing.proposed.contains(id);
        if self.proposals_of(from).any(|(id, proposed)| proposed.posted && !is_known(&id)) {
            outcomes.push(Outcome::ProposalUnknown);
        }
        Ok(outcomes)
    }
}
