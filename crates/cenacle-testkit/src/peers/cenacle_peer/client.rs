//! What a client of Cenacle does outside of groups.

use cenacle_crypto::Rng as _;
use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::delta::Store as _;
use cenacle_mls::group::{ExternalJoin, Group, OwnKeyPackage, PendingJoin, PublicGroup};
use cenacle_mls::wire::{
    Add, Extensions, GroupContextExtensions, GroupId, GroupInfo, LeafIndex, MlsMessage, MlsMessageBody, PreSharedKey,
    PreSharedKeyId, Proposal, Psk, Remove, Welcome, WireTree,
};

use super::super::{Action, Client, Entry, Invitation, PeerError, PeerResult, View};
use super::{
    CenaclePeer, NAME, decode, decode_key_package, encode, extension_list, external, inputs, lifetime, not_in_any,
    refuse, reinit, resumption, unexpected,
};

impl CenaclePeer {
    /// Finds the key package that a Welcome is for, and reads what came beside it.
    pub(super) fn open(&self, invitation: &Invitation) -> PeerResult<(Welcome, OwnKeyPackage, Option<WireTree>)> {
        let MlsMessageBody::Welcome(welcome) = decode::<MlsMessage>(&invitation.welcome)?.body else {
            return Err(unexpected("join"));
        };
        let own = OwnKeyPackage::find(&self.store, &welcome).map_err(refuse("find a key package"))?;
        let own = own.ok_or_else(|| PeerError::new(NAME, "join", &"the Welcome is for someone else"))?;
        Ok((welcome, own, invitation.ratchet_tree.as_deref().map(decode).transpose()?))
    }

    /// The group as an outsider sees it.
    fn public_group(&self, view: &View) -> PeerResult<PublicGroup> {
        let (info, tree) = read_view(view)?;
        let (suite, settings) = (self.client.suite(), self.client.settings());
        PublicGroup::from_group_info(&info, tree, suite, settings, &inputs(&self.psks))
            .map_err(refuse("read a GroupInfo"))
    }

    /// The leaf of this client in a group: all that is known of it where the state is lost.
    fn old_leaf(&self, group: &PublicGroup) -> PeerResult<LeafIndex> {
        Group::former_leaf(&self.client, group).map_err(refuse("resync"))
    }

    /// Takes an accepted external commit into use, sometimes only after a restart.
    fn accept(&mut self, join: PendingJoin, group_id: &GroupId) -> PeerResult<()> {
        let old = self.group.take_if(|group| group.is_active());
        if self.restarts() {
            drop((join, old));
            let stored = PendingJoin::recover(&self.store, group_id).map_err(refuse("recover an external join"))?;
            let (_, delta) = stored.ok_or_else(not_in_any)?;
            self.store.apply(&delta).map_err(refuse("store a group"))?;
            self.group = self.client.load_group(&self.store, group_id).map_err(refuse("reload the group"))?;
            return Ok(());
        }
        let new = join.accepted();
        let joined = match old {
            Some(old) => new.accept_in_place_of(old, &mut self.store),
            None => new.accept(&mut self.store),
        };
        self.group = Some(joined.map_err(refuse("store a group"))?);
        Ok(())
    }

    /// Names a use of a PSK with a fresh nonce.
    fn psk_proposal(&self, psk: Psk) -> PeerResult<Proposal> {
        let mut nonce = vec![0; self.client.suite().hash_length()];
        SystemRng.fill(&mut nonce).map_err(refuse("draw a PSK nonce"))?;
        Ok(Proposal::PreSharedKey(PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce: nonce.into() } }))
    }

    fn proposal(&self, group_id: &GroupId, what: &Action) -> PeerResult<Proposal> {
        Ok(match what {
            Action::Add(key_package) => Proposal::Add(Add { key_package: Box::new(decode_key_package(key_package)?) }),
            Action::Remove(leaf) => Proposal::Remove(Remove { removed: LeafIndex(*leaf) }),
            Action::GroupContextExtensions(raw) => {
                Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extension_list(raw) })
            }
            Action::Psk(id) => self.psk_proposal(external(id))?,
            Action::ResumptionPsk(epoch) => self.psk_proposal(resumption(group_id, *epoch))?,
            Action::ReInit(successor) => Proposal::ReInit(reinit(successor)),
            Action::Path => return Err(unexpected("propose from outside")),
        })
    }
}

fn read_view(view: &View) -> PeerResult<(GroupInfo, Option<WireTree>)> {
    let MlsMessageBody::GroupInfo(info) = decode::<MlsMessage>(&view.group_info)?.body else {
        return Err(unexpected("read a GroupInfo"));
    };
    Ok((info, view.ratchet_tree.as_deref().map(decode).transpose()?))
}

impl Client for CenaclePeer {
    fn implementation(&self) -> &'static str {
        NAME
    }

    fn key_package(&mut self) -> PeerResult<Vec<u8>> {
        let package =
            self.client.key_package(lifetime(), false, &mut SystemRng).map_err(refuse("make a key package"))?;
        encode(&package.persist(&mut self.store).map_err(refuse("store a key package"))?)
    }

    fn add_psk(&mut self, id: &[u8], secret: &[u8]) -> PeerResult<()> {
        self.psks.insert_external(id, secret);
        Ok(())
    }

    fn create_group(&mut self, group_id: &[u8]) -> PeerResult<()> {
        let new = self
            .client
            .create_group(group_id.into(), Extensions::default(), lifetime(), &inputs(&self.psks), &mut SystemRng)
            .map_err(refuse("create a group"))?;
        self.group = Some(new.accept(&mut self.store).map_err(refuse("store a group"))?);
        Ok(())
    }

    fn join(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let (welcome, own, tree) = self.open(invitation)?;
        let new = self.client.join(&welcome, &own, tree, &inputs(&self.psks)).map_err(refuse("join"))?;
        self.group = Some(new.accept(&mut self.store).map_err(refuse("store a group"))?);
        if self.restarts() { self.reload() } else { Ok(()) }
    }

    fn external_join(&mut self, view: &View, entry: Entry<'_>) -> PeerResult<Vec<u8>> {
        let replaces = entry.resync.then(|| self.old_leaf(&self.public_group(view)?)).transpose()?;
        let psks = entry.psk.map(external).into_iter().collect();
        let (info, tree) = read_view(view)?;
        let how = ExternalJoin { tree, replaces, psks };
        let join = self
            .client
            .join_external(&info, how, &inputs(&self.psks), &mut SystemRng)
            .map_err(refuse("join externally"))?
            .persist(&mut self.store)
            .map_err(refuse("store an external join"))?;
        let commit = encode(join.commit())?;
        self.accept(join, &info.group_context.group_id)?;
        Ok(commit)
    }

    fn propose_join(&mut self, view: &View) -> PeerResult<Vec<u8>> {
        let group = self.public_group(view)?;
        let key_package = decode_key_package(&self.key_package()?)?;
        let message = self.client.propose_joining(&group, key_package, &inputs(&self.psks));
        encode(&message.map_err(refuse("propose to be added"))?)
    }

    fn external_sender(&self) -> PeerResult<Vec<u8>> {
        encode(&self.client.external_sender())
    }

    fn propose_externally(&mut self, view: &View, what: &Action) -> PeerResult<Vec<u8>> {
        let group = self.public_group(view)?;
        let proposal = self.proposal(group.group_id(), what)?;
        let message = self.client.propose_externally(&group, proposal, &inputs(&self.psks));
        encode(&message.map_err(refuse("propose from outside"))?)
    }
}
