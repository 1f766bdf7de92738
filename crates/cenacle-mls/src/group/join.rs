//! Joining by a Welcome (RFC 9420 §12.4.3.1).

use alloc::{borrow::Cow, collections::BTreeSet, vec::Vec};

use cenacle_codec::{Decode, Encode, Reader, Writer};
use cenacle_crypto::{
    HpkePublicKey, SecretBytes, Suite,
    labeled::{EncryptContext, verify_value_with_label},
};

use super::{
    Client, Inputs, NewGroup, OwnKeyPackage, PublicGroup, Settings,
    apply::{check_extensions, check_members},
    found::check_continuation,
    key_package, list,
    load::read_header,
    public::Judge,
};
use crate::{
    Error, Misuse, Need, Rule, Unsupported, What,
    delta::{PersistError, Store},
    schedule::{JoinerSecret, psk_secret},
    secret_tree::SecretTree,
    tree::{RatchetTree, TreePrivate},
    wire::{
        Extension, ExtensionType, Extensions, ExternalPub, GroupId, GroupInfo, GroupSecrets, PreSharedKeyId,
        ProtocolVersion, Welcome, WireTree,
    },
};

/// A GroupInfo with its tree, both checked as RFC 9420 §12.4.3.1 asks of whoever joins.
/// `tree` is the content of its `ratchet_tree` extension, or else the one that came apart from it.
fn check_group_info(judge: Judge<'_>, info: &GroupInfo, tree: TreeBytes<'_>) -> Result<RatchetTree, Error> {
    let Judge { suite, inputs, .. } = judge;
    let context = &info.group_context;
    if context.cipher_suite != suite.cipher_suite() {
        return Err(Error::Unsupported(Unsupported::CipherSuite));
    }
    if context.version != ProtocolVersion::MLS10 {
        return Err(Error::Unsupported(Unsupported::Version));
    }
    info.extensions.check_unique()?;
    // RFC 9420 §17.3: of the default extensions a GroupInfo has a place for two.
    info.extensions.check_place(&[ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB])?;
    info.external_pub()?;
    let room = tree.length() + 1_024;
    let tree = tree.read(suite)?;
    // "Verify that the tree hash of the ratchet tree matches the tree_hash field in GroupInfo." Before anything of the
    // tree is used.
    if *tree.tree_hash() != context.tree_hash {
        return Err(Rule::TreeHashMatches.into());
    }
    // "Verify the signature on the GroupInfo object. ... The public key is taken from the LeafNode of the ratchet tree
    // with leaf index signer. If the node is blank or if signature verification fails, return an error."
    let signer = tree.shared_leaf(info.signer).ok_or(Rule::SignerIsMember)?.signature_key();
    let content = (&TbsWithTree { info, tree: &tree }, room);
    verify_value_with_label(suite, &signer, "GroupInfoTBS", content, &info.signature)
        .map_err(|_| What::GroupInfoSignature)?;
    // "Verify the integrity of the ratchet tree."
    check_extensions(&context.extensions, &context.group_id, inputs)?;
    let required = context.extensions.required_capabilities()?;
    // What all must support is asked of all together, below.
    let check = judge.leaf_check(&context.group_id, None);
    // Verdicts before signatures: whoever is unknown is asked for at once, and before the costly part.
    inputs.check_members(&context.group_id, tree.leaves_within(0..tree.leaf_width()).map(|(_, leaf)| leaf))?;
    tree.validate(&check)?;
    check_members(&tree, &context.extensions, required.as_ref())?;
    Ok(tree)
}

impl GroupInfo {
    /// The key that external committers encapsulate to, if the GroupInfo is for them.
    pub(crate) fn external_pub(&self) -> Result<Option<HpkePublicKey>, Rule> {
        let content = self.extensions.read::<ExternalPub>().map_err(|_| Rule::ExtensionWellFormed)?;
        Ok(content.map(|content| content.external_pub))
    }
}

/// A tree that was received, not yet taken apart.
enum TreeBytes<'a> {
    /// In the GroupInfo's extension.
    Carried(Cow<'a, [u8]>),
    /// Apart from it, if at all.
    Apart(Option<WireTree>),
}

impl<'a> TreeBytes<'a> {
    fn of(info: &'a GroupInfo, apart: Option<WireTree>) -> Self {
        let carried = info.extensions.find(ExtensionType::RATCHET_TREE);
        carried.map_or(Self::Apart(apart), |content| Self::Carried(Cow::Borrowed(content)))
    }

    /// Takes the tree out of the GroupInfo, whose extension is empty then: a large tree is not to be in memory twice.
    fn taken(info: &mut GroupInfo, apart: Option<WireTree>) -> Self {
        let mut extensions = info.extensions.0.iter_mut();
        let carried = extensions.find(|extension| extension.extension_type == ExtensionType::RATCHET_TREE);
        let take = |extension: &mut Extension| core::mem::take(&mut extension.extension_data).into_vec();
        carried.map_or(Self::Apart(apart), |extension| Self::Carried(Cow::Owned(take(extension))))
    }

    fn length(&self) -> usize {
        if let Self::Carried(field) = self { field.len() } else { 0 }
    }

    fn read(self, suite: &dyn Suite) -> Result<RatchetTree, Error> {
        match self {
            Self::Apart(tree) => RatchetTree::from_wire(&tree.ok_or(Error::Missing(Need::RatchetTree))?, suite),
            Self::Carried(field) => {
                let mut field = Reader::new(&field);
                let content = field.opaque().map_err(|_| Rule::ExtensionWellFormed)?;
                field.finish().map_err(|_| Rule::ExtensionWellFormed)?;
                RatchetTree::from_content(content, suite).map_err(|error| {
                    if matches!(error, Error::Decode(_)) { Rule::ExtensionWellFormed.into() } else { error }
                })
            }
        }
    }
}

/// GroupInfoTBS (RFC 9420 §12.4.3), where the tree stands for the extension it was read from.
struct TbsWithTree<'a> {
    info: &'a GroupInfo,
    tree: &'a RatchetTree,
}

impl Encode for TbsWithTree<'_> {
    fn encode(&self, out: &mut Writer) {
        let Self { info, tree } = self;
        out.put(&info.group_context);
        out.vector(|out| {
            for Extension { extension_type, extension_data } in &info.extensions.0 {
                out.put(extension_type);
                match *extension_type {
                    ExtensionType::RATCHET_TREE => out.vector(|out| tree.encode(out)),
                    _ => out.put(extension_data),
                };
            }
        });
        out.put(&info.confirmation_tag).put(&info.signer);
    }
}

impl PublicGroup {
    /// A group as its GroupInfo describes it, everything checked that can be without its secrets (RFC 9420 §12.4.3.1). The tree
    /// is taken from `info` if it carries one.
    ///
    /// # Errors
    /// `Missing` for the tree or a credential's verdict; `Invalid` and `Unverified` name what is wrong.
    pub fn from_group_info(
        info: &GroupInfo,
        tree: Option<WireTree>,
        suite: &dyn Suite,
        settings: &Settings,
        inputs: &Inputs<'_>,
    ) -> Result<Self, Error> {
        Self::checked(Judge::new(suite, settings, inputs), info, TreeBytes::of(info, tree))
    }

    fn checked(judge: Judge<'_>, info: &GroupInfo, tree: TreeBytes<'_>) -> Result<Self, Error> {
        let tree = check_group_info(judge, info, tree)?;
        Self::new(judge.suite, tree, info.group_context.clone(), info.confirmation_tag, None)
    }

    /// RFC 9420 §13.4: "A client joining a group MUST verify that it supports every extension in the GroupContext for the
    /// group."
    pub(crate) fn check_joinable(&self, client: &Client) -> Result<(), Error> {
        if !self.extensions().types().all(|kind| client.capabilities.supports_extension(kind)) {
            return Err(Error::Unsupported(Unsupported::Extension));
        }
        client.check_all_supported(&self.tree, &self.context.extensions)
    }
}

impl Client {
    /// Whether this client itself supports what a group requires of its members and the credentials they have: its leaf may
    /// list more.
    pub(crate) fn check_all_supported(&self, tree: &RatchetTree, extensions: &Extensions) -> Result<(), Error> {
        // RFC 9420 §13.5: "When comparing lists of capabilities to identify mutually supported capabilities, clients MUST
        // represent their own capabilities with a list containing only the capabilities actually supported, without any
        // GREASE values."
        let own = || [Some(self), self.successor.as_deref()].into_iter().flatten().map(|client| &client.capabilities);
        if let Some(required) = extensions.required_capabilities()?
            && !own().any(|own| own.meet(&required))
        {
            return Err(Rule::RequiredCapabilitiesMet.into());
        }
        if own().any(|own| tree.roster().credentials_are_among(&own.credentials)) {
            Ok(())
        } else {
            Err(Rule::CredentialSupportedByAll.into())
        }
    }

    /// Joins a group by a Welcome, with the key package it is for, and the tree where the Welcome does not carry it.
    /// The key package's private keys are erased in the same batch that stores the group, unless it is a last resort.
    ///
    /// # Errors
    /// `Missing` for a PSK, a credential's verdict, or the tree; `Invalid` and `Unverified` name what is wrong. Nothing is
    /// used up.
    pub fn join(
        &self,
        welcome: &Welcome,
        own: &OwnKeyPackage,
        tree: Option<WireTree>,
        inputs: &Inputs<'_>,
    ) -> Result<NewGroup, Error> {
        let suite = self.suite();
        if welcome.cipher_suite != suite.cipher_suite() || own.key_package.cipher_suite != welcome.cipher_suite {
            return Err(Rule::WelcomeSuiteFits.into());
        }
        let group_secrets = open_group_secrets(suite, welcome, own)?;
        let psks = find_psks(suite, &group_secrets.psks, inputs)?;
        let (mut info, joiner_secret, psk_secret) = open_group_info(suite, welcome, &group_secrets, &psks)?;
        // "Verify that the cipher_suite in the GroupInfo matches the cipher_suite in the KeyPackage."
        if info.group_context.cipher_suite != welcome.cipher_suite {
            return Err(Rule::WelcomeSuiteFits.into());
        }
        let judge = Judge::new(suite, &self.settings, inputs);
        let tree = TreeBytes::taken(&mut info, tree);
        let public = PublicGroup::checked(judge, &info, tree)?;
        public.check_joinable(self)?;
        // "Identify a leaf whose LeafNode is identical to the one in the KeyPackage."
        let own_leaf = &own.key_package.leaf_node;
        let tree = &public.tree;
        let my_leaf =
            tree.roster().member_by_signature_key(&own_leaf.signature_key, suite).ok_or(Rule::OwnLeafPresent)?;
        if tree.leaf(my_leaf).as_ref() != Some(own_leaf) {
            return Err(Rule::OwnLeafPresent.into());
        }
        if own_leaf.signature_key != *self.signer.public_key() {
            return Err(Misuse::WrongKey.into());
        }
        if my_leaf == info.signer {
            return Err(Rule::SignerIsMember.into());
        }
        // "Update the leaf my_leaf with the private key", and "if the path_secret value is set ...: Identify the lowest
        // common ancestor of the leaf node my_leaf and of the node of the member with leaf index GroupInfo.signer."
        let mut private = TreePrivate::new(my_leaf, own.leaf_key.duplicate());
        if let Some(entry) = group_secrets.path_secret {
            let lowest = my_leaf.node_index().common_ancestor(info.signer.node_index());
            private = private.with_path_secret(tree, lowest, entry.path_secret, suite)?;
        }
        private.check_complete(tree)?;
        let context = &public.context;
        let epoch = joiner_secret.member_secret(suite, &psk_secret).into_epoch(suite, context)?;
        // "Verify the confirmation tag in the GroupInfo".
        let epoch = epoch.confirm(suite, &context.confirmed_transcript_hash, &info.confirmation_tag)?;
        let continues = check_continuation(&group_secrets.psks, &public, inputs)?;
        let secret_tree = SecretTree::new(public.tree.root(), epoch.encryption_secret);
        let new = NewGroup::new(self, public, epoch.secrets, private, secret_tree)?;
        let new = new.continuing(continues, inputs.origin);
        if own.is_last_resort() {
            return Ok(new);
        }
        Ok(new.using(key_package::row_key(&own.key_package.reference(suite)?)))
    }

    /// Whether a store holds a group of this identifier in which this client is a member.
    ///
    /// # Errors
    /// `Store` when the medium fails.
    pub fn is_in_group<S: Store>(store: &S, group_id: &GroupId) -> Result<bool, PersistError<S::Error>> {
        Ok(read_header(store, group_id)?.is_some_and(|header| header.active != 0))
    }
}

/// "Identify an entry in the secrets array where the new_member value corresponds to one of this client's KeyPackages",
/// and "decrypt the encrypted_group_secrets value".
fn open_group_secrets(suite: &dyn Suite, welcome: &Welcome, own: &OwnKeyPackage) -> Result<GroupSecrets, Error> {
    let reference = own.key_package.reference(suite)?;
    let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference);
    let entry = entry.ok_or(Error::Missing(Need::KeyPackage))?;
    let context = EncryptContext::new(suite, "Welcome", &welcome.encrypted_group_info)?;
    let plaintext = context.decrypt(suite, &own.init_key, &entry.encrypted_group_secrets).map_err(|_| What::Welcome)?;
    let secrets = GroupSecrets::from_bytes(plaintext.expose())?;
    let path_secret = secrets.path_secret.as_ref().map(|entry| &entry.path_secret);
    if [Some(&secrets.joiner_secret), path_secret]
        .into_iter()
        .flatten()
        .any(|s| s.expose().len() != suite.hash_length())
    {
        return Err(Rule::SecretLength.into());
    }
    Ok(secrets)
}

/// "If a PreSharedKeyID is part of the GroupSecrets and the client is not in possession of the corresponding PSK, return
/// an error."
fn find_psks(
    suite: &dyn Suite,
    ids: &[PreSharedKeyId],
    inputs: &Inputs<'_>,
) -> Result<Vec<(PreSharedKeyId, SecretBytes)>, Error> {
    // "Additionally, if a PreSharedKeyID has type resumption with usage reinit or branch, verify that it is the only such
    // PSK."
    if ids.iter().filter(|id| id.psk.continues()).count() > 1 {
        return Err(Rule::WelcomePsksFit.into());
    }
    let mut seen = BTreeSet::new();
    let find = |id: &PreSharedKeyId| {
        // RFC 9420 §8.4: "... a fresh random value of length KDF.Nh, where KDF is the KDF for the cipher suite of the group
        // into which the PSK is being injected". One that ties the group to another may also be as long as that one's.
        let of_origin = inputs.origin.filter(|_| id.psk.continues()).map(|origin| origin.client.suite().hash_length());
        if of_origin != Some(id.psk_nonce.len()) {
            list::check_psk_nonce(id, suite)?;
        }
        if !seen.insert(id.clone()) {
            return Err(Rule::PskUnique.into());
        }
        Ok((id.clone(), inputs.psk(id)?))
    };
    ids.iter().map(find).collect()
}

/// "From the joiner_secret in the decrypted GroupSecrets object and the PSKs specified in the GroupSecrets, derive the
/// welcome_secret", and decrypt the GroupInfo.
fn open_group_info(
    suite: &dyn Suite,
    welcome: &Welcome,
    secrets: &GroupSecrets,
    psks: &[(PreSharedKeyId, SecretBytes)],
) -> Result<(GroupInfo, JoinerSecret, crate::schedule::PskSecret), Error> {
    let joiner_secret = JoinerSecret(secrets.joiner_secret.duplicate());
    let psk_secret = psk_secret(suite, psks)?;
    let (key, nonce) = joiner_secret.member_secret(suite, &psk_secret).welcome_secret(suite)?.key_and_nonce(suite)?;
    let plaintext = suite.aead_open(&key, &nonce, &[], &welcome.encrypted_group_info).map_err(|_| What::Welcome)?;
    Ok((GroupInfo::from_bytes(plaintext.expose())?, joiner_secret, psk_secret))
}
