//! What is to be forged: a [`Plan`] says what a message is, and where it departs from what an honest client would make.
//! A plan that changes nothing makes an honest message.

use alloc::sync::Arc;
use core::fmt;

use cenacle_crypto::Signer;

use super::{
    pen::Quirk,
    schedule::Ratchet,
    tree::Tree,
    wire::{
        Auth, FramedContent, GroupContext, GroupInfo, GroupSecrets, LeafNode, PrivateMessage, Proposal, ProposalOrRef,
        Sender, SenderData, UpdatePath, Welcome,
    },
};

/// Changes one stage of the making.
pub type Hook<'a, T> = Box<dyn FnMut(&mut T) + 'a>;

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Application data.
    Application(Vec<u8>),
    /// A proposal.
    Proposal(Proposal),
    /// A commit of these.
    Commit(Vec<ProposalOrRef>),
}

impl Default for Subject {
    fn default() -> Self {
        Self::Commit(Vec::new())
    }
}

/// A node of an update path before it goes into the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathKey {
    /// The node.
    pub node: u32,
    /// Its child on the copath.
    pub copath: u32,
    /// What is encrypted to the resolution of that child.
    pub path_secret: Vec<u8>,
    /// The node's new public key.
    pub public_key: Vec<u8>,
}

/// A public message, signed and tagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The encoding of its FramedContent.
    pub content: Vec<u8>,
    /// Signature, and confirmation tag.
    pub auth: Auth,
    /// Membership tag.
    pub membership_tag: Option<Vec<u8>>,
}

/// All that a PrivateMessage is made of, before it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// What stands in the clear; the ciphertexts are still empty.
    pub header: PrivateMessage,
    /// The member whose ratchet gives the key.
    pub ratchet_leaf: u32,
    /// Which of its ratchets.
    pub ratchet: Ratchet,
    /// The generation whose key is used.
    pub generation: u32,
    /// What is mixed into the nonce.
    pub reuse_guard: [u8; 4],
    /// The content and its auth data.
    pub body: Vec<u8>,
    /// What follows them.
    pub padding: Vec<u8>,
    /// The associated data, if not what follows from the header.
    pub content_aad: Option<Vec<u8>>,
    /// What is said of the sender: leaf, generation, guard.
    pub sender_data: SenderData,
    /// Bytes behind that.
    pub sender_data_tail: Vec<u8>,
    /// The associated data of the sender data, if not what follows from the header.
    pub sender_data_aad: Option<Vec<u8>>,
}

macro_rules! plan {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty,)*) => {
        /// The hooks of a plan, one list for each stage.
        #[derive(Default)]
        pub struct Hooks<'a> { $(pub(super) $name: Vec<Hook<'a, $kind>>,)* }

        /// Changes of stages, in the order in which they come.
        impl<'a> Plan<'a> {
            $($(#[doc = $doc])*
            #[must_use]
            pub fn $name(mut self, change: impl FnMut(&mut $kind) + 'a) -> Self {
                self.hooks.$name.push(Box::new(change));
                self
            })*
        }
    };
}

plan! {
    /// The tree when the proposals have been applied and nothing else.
    tree: Tree,
    /// Secrets and keys of the path before they go into the tree. Public keys need not be those of the secrets.
    path_keys: Vec<PathKey>,
    /// The committer's new leaf before it is signed, with its parent hash.
    leaf: LeafNode,
    /// The leaf after it was signed.
    signed_leaf: LeafNode,
    /// The tree with the path in it. The tree hash of the new epoch, and the tree joiners get, are this one's.
    merged: Tree,
    /// The context path secrets are encrypted under: that of the new epoch with the transcript of the old.
    provisional: GroupContext,
    /// The update path, encrypted.
    path: UpdatePath,
    /// The content before it is signed.
    content: FramedContent,
    /// The context that is signed with the content (and not the one the membership tag covers).
    signed_context: GroupContext,
    /// The signature, before it goes into the transcript.
    signature: Vec<u8>,
    /// The context of the new epoch, from which its secrets are derived and which joiners get.
    context: GroupContext,
    /// Signature and confirmation tag before the membership tag is made or the message encrypted.
    auth: Auth,
    /// A public message as it goes out.
    tagged: Tagged,
    /// A private message before it is encrypted.
    seal: Seal,
    /// The ciphertext of the content, before the sender data is encrypted with a key that depends on it.
    ciphertext: Vec<u8>,
    /// A private message as it goes out.
    sealed: PrivateMessage,
    /// The GroupInfo before it is signed.
    group_info: GroupInfo,
    /// The GroupInfo after it was signed.
    signed_group_info: GroupInfo,
    /// The encoding of the GroupInfo before it is encrypted for a Welcome.
    group_info_bytes: Vec<u8>,
    /// What each joiner is told in secret, before it is encrypted.
    group_secrets: GroupSecrets,
    /// The same, encoded.
    group_secrets_bytes: Vec<u8>,
    /// The Welcome as it goes out.
    welcome: Welcome,
    /// The message's bytes as they go out.
    bytes: Vec<u8>,
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// Runs the hooks of a stage.
pub(super) fn run<T>(hooks: &mut [Hook<'_, T>], value: &mut T) {
    for hook in hooks {
        hook(value);
    }
}

/// A message to be made.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// What it is about.
    pub subject: Subject,
    /// Who it says sent it; the insider's own leaf if `None`.
    pub sender: Option<Sender>,
    /// Whether it is encrypted.
    pub private: bool,
    /// Data in the clear.
    pub authenticated_data: Vec<u8>,
    /// Whether a commit has no path.
    pub pathless: bool,
    /// Who signs the content, if not whom the insider acts as.
    pub signer: Option<Arc<dyn Signer>>,
    /// The generation of a private message, if not the next.
    pub generation: Option<u32>,
    /// How the content is written.
    pub quirks: Vec<Quirk>,
    /// The wire format that is signed, if not the real one.
    pub signed_wire_format: Option<u16>,
    /// Group and leaf index the committer's leaf is signed for, if not its own.
    pub leaf_position: Option<(Vec<u8>, u32)>,
    /// New leaves that path secrets are not encrypted to, if not those the commit adds.
    pub excluded: Option<Vec<u32>>,
    /// What the new epoch's secrets are derived from, if not what is right.
    pub init_secret: Option<Vec<u8>>,
    /// As above.
    pub commit_secret: Option<Vec<u8>>,
    /// As above.
    pub psk_secret: Option<Vec<u8>>,
    /// The key of the membership tag, if not the epoch's.
    pub membership_key: Option<Vec<u8>>,
    /// Whether the tree stays out of Welcome and GroupInfo.
    pub treeless: bool,
    /// Changes of stages; see the methods.
    pub hooks: Hooks<'a>,
}

impl<'a> Plan<'a> {
    /// Application data, encrypted.
    #[must_use]
    pub fn application(data: &[u8]) -> Self {
        Self { subject: Subject::Application(data.to_vec()), private: true, ..Self::default() }
    }

    /// A proposal in the clear.
    #[must_use]
    pub fn proposal(proposal: Proposal) -> Self {
        Self { subject: Subject::Proposal(proposal), ..Self::default() }
    }

    /// A commit in the clear, with a path.
    #[must_use]
    pub fn commit() -> Self {
        Self::default()
    }

    /// An external commit: an ExternalInit comes first.
    #[must_use]
    pub fn external_commit() -> Self {
        Self { sender: Some(Sender::NewMemberCommit), ..Self::default() }
    }

    /// With these proposals in the commit, after those it has.
    #[must_use]
    pub fn with<T: Into<ProposalOrRef>>(mut self, proposals: impl IntoIterator<Item = T>) -> Self {
        if let Subject::Commit(list) = &mut self.subject {
            list.extend(proposals.into_iter().map(Into::into));
        }
        self
    }

    /// With a proposal by reference in the commit.
    #[must_use]
    pub fn with_ref(self, reference: &[u8]) -> Self {
        self.with([ProposalOrRef::Reference(reference.to_vec())])
    }

    /// Encrypted.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// In the clear.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.private = false;
        self
    }

    /// Encrypted or not.
    #[must_use]
    pub fn framed(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// As from this sender.
    #[must_use]
    pub fn sender(mut self, sender: Sender) -> Self {
        self.sender = Some(sender);
        self
    }

    /// Signed by someone else.
    #[must_use]
    pub fn signed_by(mut self, signer: &Arc<dyn Signer>) -> Self {
        self.signer = Some(Arc::clone(signer));
        self
    }

    /// A commit without a path.
    #[must_use]
    pub fn without_path(mut self) -> Self {
        self.pathless = true;
        self
    }

    /// Without the tree in Welcome and GroupInfo.
    #[must_use]
    pub fn without_tree(mut self) -> Self {
        self.treeless = true;
        self
    }

    /// With the content written in another way.
    #[must_use]
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.quirks.push(quirk);
        self
    }

    /// Encrypted under the key of this generation, which is the one that is claimed.
    #[must_use]
    pub fn generation(mut self, generation: u32) -> Self {
        self.generation = Some(generation);
        self
    }
}
