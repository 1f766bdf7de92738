//! From a group to the one that replaces it (RFC 9420 §11.2): once the ReInit is committed each member offers a key package
//! of the new suite, and one of them founds the new group with all of them.

use alloc::sync::Arc;
use std::sync::Mutex;

use cenacle_mls::{
    group::{Client, Founding},
    wire::{Credential, ReInit, ResumptionPskUsage},
};

use super::Interop;
use crate::{
    actor::{PskShelf, Transaction, decode_given, decode_key_package, decode_welcome, encode, inputs, lifetime},
    failure::{Failure, Obstacle},
    proto,
    state::{State, Successor},
    suites::SystemRandomness,
    table::lock,
};

/// How a group is founded that continues another.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundingWish<'a> {
    pub(super) key_packages: &'a [Vec<u8>],
    pub(super) force_path: bool,
    pub(super) external_tree: bool,
}

impl Interop {
    pub(crate) fn handle_pending_re_init_commit(
        &self,
        request: &proto::HandlePendingCommitRequest,
    ) -> Result<proto::HandleReInitCommitResponse, Failure> {
        self.succeed(request.state_id, |state, prepare| state.confirm_reinit(prepare))
    }

    pub(crate) fn handle_re_init_commit(
        &self,
        request: &proto::HandleCommitRequest,
    ) -> Result<proto::HandleReInitCommitResponse, Failure> {
        self.succeed(request.state_id, |state, prepare| {
            state.receive_reinit(&request.proposal, &request.commit, prepare)
        })
    }

    /// Ends the old group by its last commit, and offers a key package for the new one, which is there before that.
    fn succeed(
        &self,
        old_id: u32,
        end: impl FnOnce(&mut State, &mut dyn FnMut(&ReInit) -> Result<(), Failure>) -> Result<(), Failure>,
    ) -> Result<proto::HandleReInitCommitResponse, Failure> {
        let old = self.table.state(old_id)?;
        let mut state = lock(&old)?;
        let (identity, handshake) = (identity(&state.client), state.client.settings().handshake);
        let mut next = None;
        let ended = end(&mut state, &mut |reinit| {
            let suite = self.workshop.suites.suite(reinit.cipher_suite)?;
            let (client, _) = self.workshop.client(suite, &identity, handshake)?;
            let (transaction, offer) = Transaction::new(client)?;
            let key_package = encode(&offer.key_package)?;
            let successor = Successor { old: Arc::clone(&old), old_id, offer: Mutex::new(transaction) };
            next = Some((self.table.insert(successor)?, key_package));
            Ok(())
        });
        match (ended, next) {
            (Ok(()), Some((reinit_id, key_package))) => {
                let epoch_authenticator = state.epoch_authenticator();
                Ok(proto::HandleReInitCommitResponse { reinit_id, key_package, epoch_authenticator })
            }
            (Ok(()), None) => Err(Failure::Broken),
            (Err(failure), next) => {
                next.map_or(Ok(()), |(reinit_id, _)| self.table.remove(reinit_id))?;
                Err(failure)
            }
        }
    }

    pub(crate) fn re_init_welcome(
        &self,
        request: &proto::ReInitWelcomeRequest,
    ) -> Result<proto::CreateSubgroupResponse, Failure> {
        let wish = FoundingWish {
            key_packages: &request.key_package,
            force_path: request.force_path,
            external_tree: request.external_tree,
        };
        self.table.succeed(request.reinit_id, |old, offer| {
            let founding = offer.client.reinit(&old.group, lifetime())?;
            self.found(&offer.client, inherited(old, offer), founding, wish)
        })
    }

    pub(crate) fn handle_re_init_welcome(
        &self,
        request: &proto::HandleReInitWelcomeRequest,
    ) -> Result<proto::JoinGroupResponse, Failure> {
        self.table.succeed(request.reinit_id, |old, offer| {
            let way = Way { usage: ResumptionPskUsage::Reinit, wanted: "the one that this one was re-initialised to" };
            let state = join_from(old, offer, &offer.client, way, (&request.welcome, &request.ratchet_tree))?;
            let epoch_authenticator = state.epoch_authenticator();
            Ok(proto::JoinGroupResponse { state_id: self.table.insert(state)?, epoch_authenticator })
        })
    }

    /// Founds a group that continues another.
    pub(super) fn found(
        &self,
        client: &Client,
        psks: PskShelf,
        founding: Founding<'_>,
        wish: FoundingWish<'_>,
    ) -> Result<proto::CreateSubgroupResponse, Failure> {
        let mut founding = founding;
        for key_package in wish.key_packages {
            founding = founding.add(decode_key_package("key_package", key_package)?);
        }
        if wish.force_path {
            founding = founding.with_path();
        }
        if wish.external_tree {
            founding = founding.without_tree();
        }
        let founded = founding.build(&inputs(&psks.psks()), &mut SystemRandomness)?;
        let (state, welcome) = State::founded(client.clone(), psks, founded)?;
        let ratchet_tree = if wish.external_tree { state.ratchet_tree()? } else { Vec::new() };
        let epoch_authenticator = state.epoch_authenticator();
        Ok(proto::CreateSubgroupResponse {
            state_id: self.table.insert(state)?,
            welcome,
            ratchet_tree,
            epoch_authenticator,
        })
    }
}

/// Who a client is. All clients here have basic credentials.
fn identity(client: &Client) -> Vec<u8> {
    match client.credential() {
        Credential::Basic(identity) => identity.to_vec(),
        Credential::X509(_) | Credential::Custom(..) => Vec::new(),
    }
}

/// The pre-shared keys of a member's place in a group that continues another.
pub(super) fn inherited(old: &State, offer: &Transaction) -> PskShelf {
    let mut psks = PskShelf::default();
    psks.copy_from(&old.psks);
    psks.copy_from(&offer.psks);
    psks
}

/// In which way a group continues another, and what it is called where it does not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) usage: ResumptionPskUsage,
    pub(super) wanted: &'static str,
}

/// Joins a group that continues `old` in this way, with what was offered for it.
pub(super) fn join_from(
    old: &State,
    offer: &Transaction,
    client: &Client,
    way: Way,
    (welcome, ratchet_tree): (&[u8], &[u8]),
) -> Result<State, Failure> {
    let welcome = decode_welcome(welcome)?;
    let own = offer.named_by(&welcome)?;
    let tree = decode_given("ratchet_tree", ratchet_tree)?;
    let psks = inherited(old, offer);
    let new = client.join(&welcome, &own, tree, &inputs(&psks.psks()).with_origin(&old.group))?;
    if new.continues() != Some(way.usage) {
        return Err(Obstacle::OtherGroup(way.wanted).into());
    }
    State::new(client.clone(), psks, new, offer.rows())
}
