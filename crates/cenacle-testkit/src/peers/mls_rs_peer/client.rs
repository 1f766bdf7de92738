//! What a client of mls-rs does outside of groups. As an external sender it observes the group with its external client.

use mls_rs::client_builder::MlsConfig;
use mls_rs::extension::ExtensionType;
use mls_rs::extension::built_in::RatchetTreeExt;
use mls_rs::external_client::ExternalClient;
use mls_rs::group::ExportedTree;
use mls_rs::identity::basic::BasicIdentityProvider;
use mls_rs::mls_rs_codec::MlsEncode as _;
use mls_rs::psk::{ExternalPskId, PreSharedKey};
use mls_rs::{CipherSuite, ExtensionList, MlsMessage, ProtocolVersion};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::super::{Action, Client, Entry, Invitation, PeerError, PeerResult, Successor, TEST_EXTENSION, View};
use super::{MlsRsPeer, NAME, decode, decode_tree, encode, extension_list, members_of, refuse};

impl<C: MlsConfig> MlsRsPeer<C> {
    /// The leaf of this client in the tree that belongs to the GroupInfo.
    fn old_leaf(&self, group_info: &MlsMessage, ratchet_tree: Option<&ExportedTree<'static>>) -> PeerResult<u32> {
        let in_extension = group_info
            .as_group_info()
            .map(|info| info.extensions().get_as::<RatchetTreeExt>())
            .transpose()
            .map_err(refuse("read the tree of a GroupInfo"))?
            .flatten();
        let tree = ratchet_tree.or(in_extension.as_ref().map(RatchetTreeExt::tree_data));
        tree.map(|tree| members_of(&tree.roster()))
            .unwrap_or_default()
            .into_iter()
            .find_map(|(leaf, identity)| (identity == self.name).then_some(leaf))
            .ok_or_else(|| PeerError::new(NAME, "resync", &"no leaf of this client"))
    }
}

fn read_view(view: &View) -> PeerResult<(MlsMessage, Option<ExportedTree<'static>>)> {
    Ok((decode(&view.group_info)?, view.ratchet_tree.as_deref().map(decode_tree).transpose()?))
}

impl<C: MlsConfig> Client for MlsRsPeer<C> {
    fn implementation(&self) -> &'static str {
        NAME
    }

    fn key_package(&mut self) -> PeerResult<Vec<u8>> {
        let key_package = self
            .client
            .generate_key_package_message(self.extensions(), self.extensions(), None)
            .map_err(refuse("make a key package"))?;
        encode(&key_package)
    }

    fn add_psk(&mut self, id: &[u8], secret: &[u8]) -> PeerResult<()> {
        self.psks.insert(ExternalPskId::new(id.to_vec()), PreSharedKey::new(secret.to_vec()));
        Ok(())
    }

    fn create_group(&mut self, group_id: &[u8]) -> PeerResult<()> {
        let group = self
            .client
            .create_group_with_id(group_id.to_vec(), ExtensionList::new(), self.extensions(), None)
            .map_err(refuse("create a group"))?;
        self.group = Some(group);
        Ok(())
    }

    fn join(&mut self, invitation: &Invitation) -> PeerResult<()> {
        let tree = invitation.ratchet_tree.as_deref().map(decode_tree).transpose()?;
        self.forget();
        let welcome = decode(&invitation.welcome)?;
        let (group, _) = self.client.join_group(tree, &welcome, None).map_err(refuse("join"))?;
        self.group = Some(group);
        Ok(())
    }

    fn external_join(&mut self, view: &View, entry: Entry<'_>) -> PeerResult<Vec<u8>> {
        let (group_info, tree) = read_view(view)?;
        let builder = self.client.external_commit_builder().map_err(refuse("join externally"))?;
        let mut builder = builder.with_leaf_node_extensions(self.extensions());
        if entry.resync {
            builder = builder.with_removal(self.old_leaf(&group_info, tree.as_ref())?);
        }
        if let Some(psk) = entry.psk {
            builder = builder.with_external_psk(ExternalPskId::new(psk.to_vec()));
        }
        if let Some(tree) = tree {
            builder = builder.with_tree_data(tree);
        }
        self.forget();
        let (group, commit) = builder.build(group_info).map_err(refuse("join externally"))?;
        self.group = Some(group);
        encode(&commit)
    }

    fn propose_join(&mut self, view: &View) -> PeerResult<Vec<u8>> {
        let (group_info, tree) = read_view(view)?;
        let proposal = self
            .client
            .external_add_proposal(&group_info, tree, Vec::new(), self.extensions(), self.extensions(), None)
            .map_err(refuse("propose to be added"))?;
        encode(&proposal)
    }

    fn external_sender(&self) -> PeerResult<Vec<u8>> {
        // RFC 9420 §12.1.8.1: an ExternalSender is a signature key and a credential, and so is a signing identity here.
        self.identity.mls_encode_to_vec().map_err(refuse("encode an external sender"))
    }

    fn propose_externally(&mut self, view: &View, what: &Action) -> PeerResult<Vec<u8>> {
        let client = ExternalClient::builder()
            .crypto_provider(AwsLcCryptoProvider::new())
            .identity_provider(BasicIdentityProvider)
            .extension_type(ExtensionType::new(TEST_EXTENSION))
            .signer(self.secret.clone(), self.identity.clone())
            .build();
        let (group_info, tree) = read_view(view)?;
        let mut group = client.observe_group(group_info, tree, None).map_err(refuse("observe a group"))?;
        let none = Vec::new();
        let proposal = match what {
            Action::Add(key_package) => group.propose_add(decode(key_package)?, none),
            Action::Remove(leaf) => group.propose_remove(*leaf, none),
            Action::GroupContextExtensions(raw) => group.propose_group_context_extensions(extension_list(raw), none),
            Action::Psk(id) => group.propose_external_psk(ExternalPskId::new(id.clone()), none),
            Action::ResumptionPsk(epoch) => group.propose_resumption_psk(*epoch, none),
            Action::ReInit(Successor { group_id, suite, extensions }) => group.propose_reinit(
                Some(group_id.clone()),
                ProtocolVersion::MLS_10,
                CipherSuite::from(*suite),
                extension_list(extensions),
                none,
            ),
            Action::Path => return Err(PeerError::new(NAME, "propose from outside", &"a path")),
        };
        encode(&proposal.map_err(refuse("propose from outside"))?)
    }
}
