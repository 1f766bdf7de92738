//! How a client of mls-rs follows its group into others. Once it has, key packages of its own are still for the suite that
//! it began with.

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::ReinitClient;
use mls_rs::{CipherSuite, Group, MlsMessage, ProtocolVersion};

use super::super::{Invitation, PeerError, PeerResult, Succession, Successor};
use super::{MlsRsPeer, NAME, decode, decode_tree, encode, extension_list, refuse, signing_identity};

fn decode_all(key_packages: &[Vec<u8>]) -> PeerResult<Vec<MlsMessage>> {
    key_packages.iter().map(|message| decode(message)).collect()
}

impl<C: MlsConfig> MlsRsPeer<C> {
    /// The client for the group that the present one was re-initialised to, in whose place it comes.
    fn take_successor(&mut self) -> PeerResult<ReinitClient<C>> {
        if let Some(successor) = self.successor.take() {
            return Ok(successor);
        }
        let nothing = || PeerError::new(NAME, "succeed a group", &"not in any");
        let group = self.group.take().ok_or_else(nothing)?;
        let suite = self.successor_suite.unwrap_or(self.suite);
        let (secret, identity) = match suite == self.suite {
            true => (None, None),
            false => signing_identity(&self.name, suite).map(|(secret, identity)| (Some(secret), Some(identity)))?,
        };
        // Its stored epochs would be those of the successor, if that keeps the identifier.
        self.forget();
        group.get_reinit_client(secret, identity).map_err(refuse("succeed a group"))
    }

    /// Takes a founded group into use and gives what its other members need.
    fn found(&mut self, group: Group<C>, welcomes: &[MlsMessage]) -> PeerResult<Invitation> {
        let welcome = welcomes.first().ok_or_else(|| PeerError::new(NAME, "found a group", &"nobody is welcomed"))?;
        let apart = !self.rules.options.tree_in_welcome;
        let tree = apart.then(|| group.export_tree().to_bytes()).transpose();
        let ratchet_tree = tree.map_err(refuse("encode a ratchet tree"))?;
        self.group = Some(group);
        Ok(Invitation { welcome: encode(welcome)?, ratchet_tree })
    }
}

impl<C: MlsConfig> Succession for MlsRsPeer<C> {
    fn propose_reinit(&mut self, successor: &Successor) -> PeerResult<Vec<u8>> {
        let Successor { group_id, suite, extensions } = successor;
        let (suite, extensions) = (CipherSuite::from(*suite), extension_list(extensions));
        let proposal = self
            .group_mut()?
            .propose_reinit(Some(group_id.clone()), ProtocolVersion::MLS_10, suite, extensions, Vec::new())
            .map_err(refuse("propose to re-initialise"))?;
        encode(&proposal)
    }

    fn successor_key_package(&mut self) -> PeerResult<Vec<u8>> {
        let successor = self.take_successor()?;
        let key_package = successor.generate_key_package(None).map_err(refuse("make a key package for a successor"))?;
        self.successor = Some(successor);
        encode(&key_package)
    }

    fn found_successor(&mut self, key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        let leaf_extensions = self.extensions();
        let (group, welcomes) = self
            .take_successor()?
            .commit(decode_all(key_packages)?, leaf_extensions, None)
            .map_err(refuse("found a successor"))?;
        self.found(group, &welcomes)
    }

    fn join_successor(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let tree = invitation.ratchet_tree.as_deref().map(decode_tree).transpose()?;
        let welcome = decode(&invitation.welcome)?;
        let (group, _) = self.take_successor()?.join(&welcome, tree, None).map_err(refuse("join a successor"))?;
        self.group = Some(group);
        Ok(())
    }

    fn found_branch(&mut self, group_id: &[u8], key_packages: &[Vec<u8>]) -> PeerResult<Invitation> {
        let (group, welcomes) = self
            .group()?
            .branch(group_id.to_vec(), decode_all(key_packages)?, None)
            .map_err(refuse("found a branch"))?;
        self.parent = self.group.take();
        self.found(group, &welcomes)
    }

    fn join_branch(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let tree = invitation.ratchet_tree.as_deref().map(decode_tree).transpose()?;
        let welcome = decode(&invitation.welcome)?;
        let (group, _) = self.group()?.join_subgroup(&welcome, tree, None).map_err(refuse("join a branch"))?;
        self.parent = self.group.replace(group);
        Ok(())
    }

    fn return_to_parent(&mut self) -> PeerResult<()> {
        let parent = self.parent.take().ok_or_else(|| PeerError::new(NAME, "leave a branch", &"not in any"))?;
        self.group = Some(parent);
        Ok(())
    }
}
