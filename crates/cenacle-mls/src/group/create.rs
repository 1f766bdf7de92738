//! Creating a group (RFC 9420 §11): one member, epoch 0, an empty transcript, a random epoch secret.

use cenacle_crypto::{Digest, Rng};

use super::{
    Client, Inputs, NewGroup, PublicGroup,
    apply::{check_extensions, check_members},
    grease::check_context_sent,
    key_package::fresh_key_pair,
    public::Judge,
};
use crate::{
    Error,
    schedule::NewEpoch,
    secret_tree::SecretTree,
    tree::{LeafPlace, RatchetTree, TreePrivate},
    wire::{Epoch, Extensions, GroupContext, GroupId, LeafIndex, LeafNodeSource, Lifetime, ProtocolVersion},
};

impl Client {
    /// Creates a group with this client as its only member. `group_id` should be random (§11).
    ///
    /// # Errors
    /// `Invalid` when the client does not itself support what the extensions ask of members.
    pub fn create_group(
        &self,
        group_id: GroupId,
        extensions: Extensions,
        lifetime: Lifetime,
        inputs: &Inputs<'_>,
        rng: &mut dyn Rng,
    ) -> Result<NewGroup, Error> {
        let suite = self.suite();
        check_context_sent(&extensions)?;
        check_extensions(&extensions, &group_id, inputs)?;
        let required = extensions.required_capabilities()?;
        let (leaf_key, encryption_key) = fresh_key_pair(suite, rng)?;
        let leaf = self.leaf_node(encryption_key, LeafNodeSource::KeyPackage(lifetime), None)?;
        let judge = Judge::new(suite, &self.settings, inputs);
        judge.leaf_check(&group_id, required.as_ref()).check(&leaf, LeafPlace::KeyPackage)?;
        let tree = RatchetTree::new(&leaf, suite)?;
        check_members(&tree, &extensions, required.as_ref())?;
        let context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: suite.cipher_suite(),
            group_id,
            epoch: Epoch(0),
            tree_hash: *tree.tree_hash(),
            confirmed_transcript_hash: Digest::EMPTY,
            extensions,
        };
        let epoch = NewEpoch::of_new_group(suite, rng)?.confirm_own(suite, &Digest::EMPTY);
        let public = PublicGroup::new(suite, tree, context, epoch.confirmation_tag, None)?;
        let secret_tree = SecretTree::new(public.tree.root(), epoch.encryption_secret);
        let private = TreePrivate::new(LeafIndex(0), leaf_key);
        NewGroup::new(self, public, epoch.secrets, private, secret_tree)
    }
}
