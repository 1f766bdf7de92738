//! Commits (RFC 9420 §12.4): proposals applied without a question, a path, and the epoch that follows.

use alloc::sync::Arc;

use super::{
    Forged, Insider, Next, PathKey, Plan,
    crypto::{derive_key_pair, derive_secret, encrypt_with_label, external_init, hash},
    insider::fresh_key_pair,
    make::Signed,
    pen::Wire as _,
    plan::run,
    schedule::{Epoch, joiner_secret, psk_secret},
    tree::{Tree, contains, leaf_node},
    welcome::Joiner,
    wire::{
        Commit, Content, Extension, GroupContext, KeyPackage, LeafNode, Node, PreSharedKeyId, Proposal, ProposalOrRef,
        Psk, Sender, Source, UpdatePath, UpdatePathNode, code,
    },
};

/// What a list of proposals makes of a group.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) tree: Tree,
    pub(super) extensions: Vec<Extension>,
    pub(super) added: Vec<(u32, KeyPackage)>,
    pub(super) psks: Vec<PreSharedKeyId>,
    pub(super) kem_output: Option<Vec<u8>>,
}

/// A path that went into the tree.
struct Path {
    wire: UpdatePath,
    keys: Vec<PathKey>,
    private: Vec<(Vec<u8>, Vec<u8>)>,
    commit_secret: Vec<u8>,
}

impl Insider {
    /// Applies proposals in the order of RFC 9420 §12.3, and refuses none. What makes no sense has no effect.
    pub(super) fn apply(&self, list: &[ProposalOrRef], committer: u32) -> Applied {
        let own = Sender::Member(committer);
        let known = |reference: &Vec<u8>| self.proposals.get(reference).map(|(proposal, by)| (proposal, by));
        let listed: Vec<(&Proposal, &Sender)> = list
            .iter()
            .filter_map(|item| match item {
                ProposalOrRef::Proposal(proposal) => Some((proposal, &own)),
                ProposalOrRef::Reference(reference) => known(reference),
                ProposalOrRef::Raw(_) => None,
            })
            .collect();
        let (tree, extensions) = (self.tree.clone(), self.context.extensions.clone());
        let mut applied = Applied { tree, extensions, added: Vec::new(), psks: Vec::new(), kem_output: None };
        for (proposal, sender) in &listed {
            match (proposal, sender) {
                (Proposal::GroupContextExtensions(extensions), _) => applied.extensions.clone_from(extensions),
                (Proposal::Update(leaf), Sender::Member(by)) if *by < applied.tree.width() => {
                    applied.tree.update(*by, (**leaf).clone());
                }
                (Proposal::PreSharedKey(id), _) => applied.psks.push(id.clone()),
                (Proposal::ExternalInit(kem_output), _) => applied.kem_output = Some(kem_output.clone()),
                _ => {}
            }
        }
        for (proposal, _) in &listed {
            if let Proposal::Remove(removed) = proposal
                && *removed < applied.tree.width()
            {
                applied.tree.set(leaf_node(*removed), None);
                applied.tree.blank_path(*removed);
            }
        }
        applied.tree.truncate();
        for (proposal, _) in &listed {
            if let Proposal::Add(key_package) = proposal {
                let leaf = applied.tree.add(key_package.leaf_node.clone());
                applied.added.push((leaf, (**key_package).clone()));
            }
        }
        applied
    }

    /// A PSK it knows, or one that it makes up.
    pub(super) fn psk(&self, psk: &Psk) -> Vec<u8> {
        let mut name = psk.clone();
        if let Psk::Resumption { usage, .. } = &mut name {
            *usage = code::USAGE_APPLICATION;
        }
        self.psks.get(&name).cloned().unwrap_or_else(|| vec![0x55; 32])
    }

    /// The PSK secret of these identifiers.
    pub(super) fn psk_secret(&self, ids: &[PreSharedKeyId]) -> Vec<u8> {
        let psks: Vec<_> = ids.iter().map(|id| (id.clone(), self.psk(&id.psk))).collect();
        psk_secret(&*self.suite, &psks)
    }

    /// A commit, and the epoch that follows.
    pub(super) fn commit(&mut self, plan: &mut Plan<'_>, mut list: Vec<ProposalOrRef>) -> Forged {
        let suite = Arc::clone(&self.suite);
        let external = plan.sender == Some(Sender::NewMemberCommit);
        let mut init_secret = self.epoch.init_secret.clone();
        if external {
            let (kem_output, secret) = external_init(&*suite, &self.external_pub(), &mut self.dice.fork());
            init_secret = secret;
            list.insert(0, Proposal::ExternalInit(kem_output).into());
        }
        let mut applied = self.apply(&list, self.leaf);
        run(&mut plan.hooks.tree, &mut applied.tree);
        let mut leaf = self.leaf;
        if external {
            leaf = applied.tree.leftmost_blank();
            applied.tree.add(self.template.clone());
        }
        let committer = Self { leaf, dice: self.dice.split(), ..self.clone() };
        let (provisional, path) = committer.draft_path(plan, &mut applied);

        let content = Content::Commit(Commit { proposals: list, path: path.as_ref().map(|path| path.wire.clone()) });
        let mut signed = self.sign(plan, content);
        let mut context = GroupContext {
            tree_hash: applied.tree.tree_hash(&*suite),
            confirmed_transcript_hash: self.confirmed_transcript_hash(&signed),
            ..provisional
        };
        run(&mut plan.hooks.context, &mut context);

        let right = path.as_ref().map_or_else(|| vec![0; suite.hash_length()], |path| path.commit_secret.clone());
        let commit_secret = plan.commit_secret.clone().unwrap_or(right);
        let init_secret = plan.init_secret.clone().unwrap_or(init_secret);
        let joiner = joiner_secret(&*suite, &init_secret, &commit_secret, &context);
        let psk_secret = plan.psk_secret.clone().unwrap_or_else(|| self.psk_secret(&applied.psks));
        let epoch = Epoch::new(&*suite, &joiner, &psk_secret, &context);
        let mut next = committer.in_epoch(leaf, applied.tree.clone(), context, epoch);
        next.dice = self.dice.split();
        signed.auth.confirmation_tag = Some(next.confirmation_tag.clone());
        next.keys.extend(path.iter().flat_map(|path| path.private.clone()));

        let path_keys = path.map(|path| path.keys).unwrap_or_default();
        let joiners = applied.added.iter().map(|(added, key_package)| Joiner {
            key_package: key_package.clone(),
            path_secret: path_keys
                .iter()
                .find(|key| contains(key.node, leaf_node(*added)))
                .map(|key| key.path_secret.clone()),
        });
        let joiners: Vec<_> = joiners.collect();
        let welcome = (!joiners.is_empty()).then(|| next.welcome_message(plan, &joiners, &applied.psks));
        let group_info = next.info_message(plan);
        let tree = next.tree.extension_data();
        let forged = self.frame(plan, signed);
        Forged { next: Some(Box::new(Next { insider: next, welcome, group_info, tree })), ..forged }
    }

    /// `confirmed_transcript_hash` with this commit (RFC 9420 §8.2).
    pub(super) fn confirmed_transcript_hash(&self, signed: &Signed) -> Vec<u8> {
        let Signed { wire_format, content, auth, .. } = signed;
        let input =
            [&self.interim_transcript_hash[..], &wire_format.bytes(), content, &auth.signature.bytes()].concat();
        hash(&*self.suite, &input)
    }

    /// Fresh keys from its leaf up, unless there is to be no path (RFC 9420 §7.5), and the provisional context.
    fn draft_path(&self, plan: &mut Plan<'_>, applied: &mut Applied) -> (GroupContext, Option<Path>) {
        let suite = &*self.suite;
        let mut dice = self.dice.clone();
        let drafted = (!plan.pathless).then(|| self.draft_keys(plan, &mut applied.tree, &mut dice));
        run(&mut plan.hooks.merged, &mut applied.tree);
        let mut provisional = GroupContext {
            epoch: self.context.epoch.wrapping_add(1),
            tree_hash: applied.tree.tree_hash(suite),
            extensions: applied.extensions.clone(),
            ..self.context.clone()
        };
        let honest = provisional.clone();
        run(&mut plan.hooks.provisional, &mut provisional);
        let Some((leaf_node, keys, private, commit_secret)) = drafted else { return (honest, None) };

        let added: Vec<u32> = applied.added.iter().map(|(leaf, _)| *leaf).collect();
        let excluded = plan.excluded.clone().unwrap_or(added);
        let context = provisional.bytes();
        let mut encrypt = |key: &PathKey| {
            let recipients = applied.tree.resolution(key.copath).into_iter();
            let recipients =
                recipients.filter(|node| !excluded.iter().any(|leaf| super::tree::leaf_node(*leaf) == *node));
            let encrypted_path_secret = recipients.map(|node| {
                let public = applied.tree.encryption_key(node).unwrap_or_default();
                encrypt_with_label(suite, public, ("UpdatePathNode", &context), &key.path_secret, &mut dice.fork())
            });
            UpdatePathNode {
                encryption_key: key.public_key.clone(),
                encrypted_path_secret: encrypted_path_secret.collect(),
            }
        };
        let mut wire = UpdatePath { leaf_node, nodes: keys.iter().map(&mut encrypt).collect() };
        run(&mut plan.hooks.path, &mut wire);
        (honest, Some(Path { wire, keys, private, commit_secret }))
    }

    /// Draws path secrets, puts the keys and the signed leaf into the tree.
    #[expect(clippy::type_complexity, reason = "four results of one step, used once")]
    fn draft_keys(
        &self,
        plan: &mut Plan<'_>,
        tree: &mut Tree,
        dice: &mut crate::world::Dice,
    ) -> (LeafNode, Vec<PathKey>, Vec<(Vec<u8>, Vec<u8>)>, Vec<u8>) {
        let suite = &*self.suite;
        let mut path_secret = dice.bytes(suite.hash_length());
        let (mut keys, mut private) = (Vec::new(), Vec::new());
        while tree.width() <= self.leaf {
            let nodes = tree.0.len() * 2 + 1;
            tree.0.resize(nodes, None);
        }
        for (node, copath) in tree.filtered_direct_path(self.leaf) {
            let (secret, public_key) = derive_key_pair(suite, &derive_secret(suite, &path_secret, "node"));
            private.push((public_key.clone(), secret));
            let next = derive_secret(suite, &path_secret, "path");
            keys.push(PathKey { node, copath, path_secret, public_key });
            path_secret = next;
        }
        run(&mut plan.hooks.path_keys, &mut keys);
        let public: Vec<_> = keys.iter().map(|key| key.public_key.clone()).collect();
        let parent_hash = tree.set_path(suite, self.leaf, &public);
        let (leaf_private, encryption_key) = fresh_key_pair(suite, dice);
        private.push((encryption_key.clone(), leaf_private));
        let mut leaf = LeafNode { encryption_key, source: Source::Commit { parent_hash }, ..self.template.clone() };
        run(&mut plan.hooks.leaf, &mut leaf);
        let (group_id, index) = plan.leaf_position.clone().unwrap_or((self.context.group_id.clone(), self.leaf));
        self.sign_leaf(&mut leaf, Some((&group_id, index)));
        run(&mut plan.hooks.signed_leaf, &mut leaf);
        tree.set(leaf_node(self.leaf), Some(Node::Leaf(leaf.clone())));
        (leaf, keys, private, path_secret)
    }
}
