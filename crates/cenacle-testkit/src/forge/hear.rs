//! What an insider takes in of what honest members send, without checking any of it: proposals, and commits with the epochs
//! they lead to; and what it reads.

use alloc::sync::Arc;

use super::{
    Insider,
    crypto::{decrypt_with_label, derive_key_pair, derive_secret, external_init_from, open},
    insider::proposal_ref,
    make::Signed,
    pen::{Scan, Wire as _},
    schedule::{Epoch, Ratchet, joiner_secret},
    tree::{Tree, leaf_node},
    wire::{
        Auth, Commit, Content, FramedContent, GroupContext, Node, PrivateMessage, PublicMessage, Sender, SenderData,
        UpdatePath, code, unwrap_message,
    },
};

impl Insider {
    /// Takes a message in: remembers a proposal, follows a commit. Its own commits are known by
    /// [`Forged::next`](super::Forged::next) instead. Gives the content.
    ///
    /// # Panics
    /// On anything that is not a genuine message of the present epoch.
    pub fn hear(&mut self, bytes: &[u8]) -> Content {
        let signed = self.open(bytes);
        match signed.framed.content.clone() {
            Content::Proposal(proposal) => {
                let Signed { wire_format, content, auth, framed } = &signed;
                let authenticated = [&wire_format.bytes()[..], content, &auth.bytes()].concat();
                let reference = proposal_ref(&*self.suite, &authenticated);
                self.proposals.insert(reference, (proposal, framed.sender.clone()));
            }
            Content::Commit(commit) => *self = self.follow(&signed, &commit),
            Content::Application(_) | Content::Raw(..) => {}
        }
        signed.framed.content
    }

    /// A PrivateMessage of the present epoch, taken apart: what its sender data says, and the plaintext of its content.
    ///
    /// # Panics
    /// On anything else.
    #[must_use]
    pub fn unseal(&self, bytes: &[u8]) -> (SenderData, Vec<u8>) {
        let (wire_format, body) = unwrap_message(bytes);
        assert_eq!(wire_format, code::PRIVATE_MESSAGE, "another kind of message");
        self.unseal_message(&PrivateMessage::parse(body))
    }

    fn unseal_message(&self, message: &PrivateMessage) -> (SenderData, Vec<u8>) {
        let suite = &*self.suite;
        let about = [&message.group_id.bytes()[..], &message.epoch.bytes(), &[message.content_type]].concat();
        let (key, nonce) = self.epoch.sender_data_key(suite, &message.ciphertext);
        let sender = open(suite, (&key, &nonce), &about, &message.encrypted_sender_data).expect("sender data opens");
        let sender = SenderData::parse(&sender);
        let ratchet = Ratchet::of(message.content_type);
        let (key, mut nonce) = self.secret_tree.key(suite, sender.leaf_index, ratchet, sender.generation);
        nonce.iter_mut().zip(sender.reuse_guard).for_each(|(byte, guard)| *byte ^= guard);
        let aad = [&about[..], &message.authenticated_data.bytes()].concat();
        (sender, open(suite, (&key, &nonce), &aad, &message.ciphertext).expect("a content opens"))
    }

    fn open(&self, bytes: &[u8]) -> Signed {
        let (wire_format, body) = unwrap_message(bytes);
        if wire_format == code::PUBLIC_MESSAGE {
            let PublicMessage { content: framed, auth, .. } = PublicMessage::parse(body);
            return Signed { wire_format, content: framed.bytes(), framed, auth };
        }
        let message = PrivateMessage::parse(body);
        let (SenderData { leaf_index, .. }, plaintext) = self.unseal_message(&message);
        let mut from = Scan(&plaintext);
        let content = Content::read_body(message.content_type, &mut from);
        let auth = Auth::read_for(message.content_type, &mut from);
        let framed = FramedContent {
            group_id: message.group_id,
            epoch: message.epoch,
            sender: Sender::Member(leaf_index),
            authenticated_data: message.authenticated_data,
            content,
        };
        Signed { wire_format, content: framed.bytes(), framed, auth }
    }

    /// The next epoch, of someone else's commit.
    fn follow(&self, signed: &Signed, commit: &Commit) -> Self {
        let suite = Arc::clone(&self.suite);
        let external = signed.framed.sender == Sender::NewMemberCommit;
        let named = if let Sender::Member(leaf) = &signed.framed.sender { *leaf } else { u32::MAX };
        let mut applied = self.apply(&commit.proposals, named);
        let mut committer = named;
        if external {
            committer = applied.tree.leftmost_blank();
            applied.tree.add(self.template.clone());
        }
        let provisional = |tree: &Tree| GroupContext {
            epoch: self.context.epoch.wrapping_add(1),
            tree_hash: tree.tree_hash(&*suite),
            extensions: applied.extensions.clone(),
            ..self.context.clone()
        };
        let mut next = self.clone();
        let mut commit_secret = vec![0; suite.hash_length()];
        if let Some(path) = &commit.path {
            let keys: Vec<_> = path.nodes.iter().map(|node| node.encryption_key.clone()).collect();
            let steps = applied.tree.filtered_direct_path(committer);
            applied.tree.set_path(&*suite, committer, &keys);
            applied.tree.set(leaf_node(committer), Some(Node::Leaf(path.leaf_node.clone())));
            let added: Vec<u32> = applied.added.iter().map(|(leaf, _)| leaf_node(*leaf)).collect();
            let context = provisional(&applied.tree).bytes();
            commit_secret = next.read_path(&applied.tree, path, &steps, &added, &context);
        }
        let context = GroupContext {
            confirmed_transcript_hash: self.confirmed_transcript_hash(signed),
            ..provisional(&applied.tree)
        };
        let init_secret = match &applied.kem_output {
            Some(kem_output) if external => {
                let (private, _) = derive_key_pair(&*suite, &self.epoch.external_secret);
                external_init_from(&*suite, &private, kem_output)
            }
            _ => self.epoch.init_secret.clone(),
        };
        let joiner = joiner_secret(&*suite, &init_secret, &commit_secret, &context);
        let epoch = Epoch::new(&*suite, &joiner, &self.psk_secret(&applied.psks), &context);
        let next = next.in_epoch(self.leaf, applied.tree, context, epoch);
        assert_eq!(
            signed.auth.confirmation_tag.as_ref(),
            Some(&next.confirmation_tag),
            "another epoch than the sender's"
        );
        next
    }

    /// Opens the first path secret that one of its keys opens, keeps the keys that follow, and gives the commit secret.
    fn read_path(
        &mut self,
        tree: &Tree,
        path: &UpdatePath,
        steps: &[(u32, u32)],
        added: &[u32],
        context: &[u8],
    ) -> Vec<u8> {
        let suite = Arc::clone(&self.suite);
        for (first, (node, (_, copath))) in path.nodes.iter().zip(steps).enumerate() {
            let recipients = tree.resolution(*copath).into_iter().filter(|recipient| !added.contains(recipient));
            for (recipient, sealed) in recipients.zip(&node.encrypted_path_secret) {
                let Some(private) = tree.encryption_key(recipient).and_then(|key| self.keys.get(key)) else { continue };
                let opened = decrypt_with_label(&*suite, private, ("UpdatePathNode", context), sealed);
                let mut path_secret = opened.expect("a path secret opens");
                for node in &path.nodes[first..] {
                    let (private, public) = derive_key_pair(&*suite, &derive_secret(&*suite, &path_secret, "node"));
                    assert_eq!(public, node.encryption_key, "a key of the path");
                    self.keys.insert(public, private);
                    path_secret = derive_secret(&*suite, &path_secret, "path");
                }
                return path_secret;
            }
        }
        panic!("no path secret is for the insider")
    }

    /// Joins by a Welcome for a key package of its own, without checking anything.
    ///
    /// # Panics
    /// If the Welcome is for somebody else, or carries no tree.
    #[must_use]
    pub fn joins(&self, welcome: &[u8], key_package: &super::KeyPackage) -> Self {
        let suite = Arc::clone(&self.suite);
        let (_, body) = unwrap_message(welcome);
        let welcome = super::Welcome::parse(body);
        let reference = super::insider::key_package_ref(&*suite, key_package);
        let entry = welcome.secrets.iter().find(|entry| entry.new_member == reference).expect("an entry");
        let context = ("Welcome", &welcome.encrypted_group_info[..]);
        let private = &self.keys[&key_package.init_key];
        let opened = decrypt_with_label(&*suite, private, context, &entry.encrypted_group_secrets);
        let secrets = super::GroupSecrets::parse(&opened.expect("group secrets open"));
        let psk_secret = self.psk_secret(&secrets.psks);
        let epoch = Epoch::new(&*suite, &secrets.joiner_secret, &psk_secret, &GroupContext::default());
        let (key, nonce) = epoch.welcome_key(&*suite);
        let info = open(&*suite, (&key, &nonce), &[], &welcome.encrypted_group_info).expect("a GroupInfo opens");
        let mut info = super::GroupInfo::parse(&info);
        let tree = Tree::from_extension(&info.extension(code::RATCHET_TREE).extension_data);
        let leaf = tree.find(&key_package.leaf_node.signature_key).expect("its leaf");
        let epoch = Epoch::new(&*suite, &secrets.joiner_secret, &psk_secret, &info.group_context);
        let mut joined = self.clone().in_epoch(leaf, tree, info.group_context, epoch);
        assert_eq!(joined.confirmation_tag, info.confirmation_tag, "another epoch than the signer's");
        if let Some(mut path_secret) = secrets.path_secret {
            let above = joined.tree.direct_path(leaf_node(leaf)).into_iter();
            let common = above.filter(|node| super::tree::contains(*node, leaf_node(info.signer)));
            for node in common.filter(|node| joined.tree.parent(*node).is_some()).collect::<Vec<_>>() {
                let (private, public) = derive_key_pair(&*suite, &derive_secret(&*suite, &path_secret, "node"));
                assert_eq!(joined.tree.encryption_key(node), Some(&public[..]), "a key of the path");
                joined.keys.insert(public, private);
                path_secret = derive_secret(&*suite, &path_secret, "path");
            }
        }
        joined
    }
}
