//! How a client of Cenacle follows its group into others.

use cenacle_crypto_awslc::SystemRng;
use cenacle_mls::group::{Founding, Group};

use super::super::{Invitation, PeerError, PeerResult, Succession, Successor};
use super::{CenaclePeer, NAME, core_client, decode_key_package, encode, inputs, lifetime, not_in_any, refuse, reinit};

/// Makes the group that is being founded, unless one of its members cannot be read.
fn with_members<'a>(
    founding: Founding<'a>,
    key_packages: &[Vec<u8>],
    tree_in_welcome: bool,
) -> PeerResult<Founding<'a>> {
    let founding = if tree_in_welcome { founding } else { founding.without_tree() };
    key_packages.iter().try_fold(founding, |founding, package| Ok(founding.add(decode_key_package(package)?)))
}

impl CenaclePeer {
    /// Stores a founded group, acts in it from now on, and gives what its other members need and the group before it.
    fn found(
        &mut self,
        operation: &'static str,
        prepare: impl FnOnce(&Self, &Group) -> PeerResult<cenacle_mls::group::FoundedGroup>,
    ) -> PeerResult<(Invitation, Group)> {
        let origin = self.group.take().ok_or_else(not_in_any)?;
        let founded = prepare(self, &origin)?;
        let apart = !self.options.tree_in_welcome;
        let ratchet_tree = apart.then(|| encode(founded.public().tree())).transpose()?;
        let (group, welcome) = founded.accept(&mut self.store).map_err(refuse(operation))?;
        self.group = Some(group);
        let welcome = welcome.ok_or_else(|| PeerError::new(NAME, operation, &"nobody is welcomed"))?;
        Ok((Invitation { welcome: encode(&welcome)?, ratchet_tree }, origin))
    }

    /// The client for the group that the present one was re-initialised to: another if the suite is another.
    fn successor(&mut self) -> PeerResult<&cenacle_mls::group::Client> {
        let suite = self.group()?.reinit().ok_or_else(not_in_any)?.cipher_suite;
        if self.successor.as_ref().is_none_or(|successor| successor.suite().cipher_suite() != suite) {
            let same = suite == self.client.suite().cipher_suite();
            let client = if same { self.client.clone() } else { core_client(&self.name, suite.0, self.options)? };
            self.successor = Some(client);
        }
        self.successor.as_ref().ok_or_else(not_in_any)
    }

    /// The successor is the client now.
    fn succeed(&mut self) {
        if let Some(successor) = self.successor.take() {
            self.client = successor;
        }
    }
}

impl Succession for CenaclePeer {
    fn propose_reinit(&mut self, successor: &Successor) -> PeerResult<Vec<u8>> {
        let reinit = reinit(successor);
        self.send_out("propose to re-initialise", |group| group.propose_reinit(reinit, &mut SystemRng))
    }

    fn successor_key_package(&mut self) -> PeerResult<Vec<u8>> {
        let package = self
            .successor()?
            .key_package(lifetime(), false, &mut SystemRng)
            .map_err(refuse("make a key package for a successor"))?;
        encode(&package.persist(&mut self.store).map_err(refuse("store a key package"))?)
    }

    fn found_successor(&mut self, key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        let client = self.successor()?.clone();
        let (invitation, _) = self.found("found a successor", |peer, old| {
            let founding = client.reinit(old, lifetime()).map_err(refuse("begin a successor"))?;
            let founding = with_members(founding, key_packages, peer.options.tree_in_welcome)?;
            founding.build(&inputs(&peer.psks), &mut SystemRng).map_err(refuse("build a successor"))
        })?;
        self.succeed();
        Ok(invitation)
    }

    fn join_successor(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let (welcome, own, tree) = self.open(invitation)?;
        let client = self.successor()?.clone();
        let old = self.group.take().ok_or_else(not_in_any)?;
        let new = client
            .join(&welcome, &own, tree, &inputs(&self.psks).with_origin(&old))
            .map_err(refuse("join a successor"))?;
        self.group = Some(new.accept(&mut self.store).map_err(refuse("store a successor"))?);
        self.succeed();
        if self.restarts() { self.reload() } else { Ok(()) }
    }

    fn found_branch(&mut self, group_id: &[u8], key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        let (invitation, parent) = self.found("found a branch", |peer, parent| {
            let extensions = parent.public().extensions().clone();
            let founding = peer
                .client
                .branch(parent, group_id.into(), extensions, lifetime())
                .map_err(refuse("begin a branch"))?;
            let founding = with_members(founding, key_packages, peer.options.tree_in_welcome)?;
            founding.build(&inputs(&peer.psks), &mut SystemRng).map_err(refuse("build a branch"))
        })?;
        self.parent = Some(parent);
        Ok(invitation)
    }

    fn join_branch(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let (welcome, own, tree) = self.open(invitation)?;
        let parent = self.group.take().ok_or_else(not_in_any)?;
        let new = self
            .client
            .join(&welcome, &own, tree, &inputs(&self.psks).with_origin(&parent))
            .map_err(refuse("join a branch"))?;
        self.group = Some(new.accept(&mut self.store).map_err(refuse("store a branch"))?);
        self.parent = Some(parent);
        if self.restarts() { self.reload() } else { Ok(()) }
    }

    fn return_to_parent(&mut self) -> PeerResult<()> {
        self.group = Some(self.parent.take().ok_or_else(not_in_any)?);
        Ok(())
    }
}
