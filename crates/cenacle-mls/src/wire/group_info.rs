//! The group's context, its signed description and the invitation into it (RFC 9420 §8.1, §12.4.3).

use alloc::vec::Vec;

use cenacle_codec::{Encode, Opaque, Writer, codec_struct};
use cenacle_crypto::{CipherSuite, Digest, HpkeCiphertext, Secret, Signature};

use super::{Epoch, Extensions, GroupId, KeyPackageRef, LeafIndex, PreSharedKeyId, ProtocolVersion};

codec_struct! {
    /// What all members agree on in an epoch (RFC 9420 §8.1).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct GroupContext {
        /// Protocol version.
        pub version: ProtocolVersion,
        /// Cipher suite.
        pub cipher_suite: CipherSuite,
        /// The group.
        pub group_id: GroupId,
        /// The epoch.
        pub epoch: Epoch,
        /// The root's tree hash.
        pub tree_hash: Digest,
        /// Covers all commits up to the one that began this epoch.
        pub confirmed_transcript_hash: Digest,
        /// Further properties of the group.
        pub extensions: Extensions,
    }

    /// A signed description of a group, for those who join (RFC 9420 §12.4.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct GroupInfo {
        /// The group's context.
        pub group_context: GroupContext,
        /// What else a joiner may need: the tree, the external key.
        pub extensions: Extensions,
        /// Proves knowledge of the epoch's secrets.
        pub confirmation_tag: Digest,
        /// Whose signature it is.
        pub signer: LeafIndex,
        /// Over [`GroupInfoTbs`], label `GroupInfoTBS`.
        pub signature: Signature,
    }

    /// A path secret, wrapped for `optional<PathSecret>` (RFC 9420 §12.4.3).
    #[derive(Debug)]
    pub struct PathSecretEntry {
        /// The secret of the lowest node above both committer and joiner.
        pub path_secret: Secret,
    }

    /// What a Welcome tells one new member (RFC 9420 §12.4.3).
    #[derive(Debug)]
    pub struct GroupSecrets {
        /// The joiner secret.
        pub joiner_secret: Secret,
        /// Present if the commit had a path.
        pub path_secret: Option<PathSecretEntry>,
        /// The PSKs the commit folded in.
        pub psks: Vec<PreSharedKeyId>,
    }

    /// [`GroupSecrets`] encrypted to one key package (RFC 9420 §12.4.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct EncryptedGroupSecrets {
        /// Whose.
        pub new_member: KeyPackageRef,
        /// The secrets.
        pub encrypted_group_secrets: HpkeCiphertext,
    }

    /// An invitation for one or more new members (RFC 9420 §12.4.3).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Welcome {
        /// The group's suite.
        pub cipher_suite: CipherSuite,
        /// One entry for each new member.
        pub secrets: Vec<EncryptedGroupSecrets>,
        /// The GroupInfo, encrypted once for all.
        pub encrypted_group_info: Opaque,
    }
}

/// What a GroupInfo's signature covers: all fields before it.
#[derive(Debug)]
pub struct GroupInfoTbs<'a>(pub &'a GroupInfo);

impl Encode for GroupInfoTbs<'_> {
    fn encode(&self, out: &mut Writer) {
        let Self(info) = self;
        out.put(&info.group_context).put(&info.extensions).put(&info.confirmation_tag).put(&info.signer);
    }
}
