//! A proposal that the runner describes, before it is known how it will travel: alone, in a commit, or from outside the group.

use cenacle_crypto::{CipherSuite, Rng as _, Suite};
use cenacle_mls::{
    Error,
    group::{CommitBuilder, Group, Inputs, PublicGroup, Transition},
    wire::{
        Add, Epoch, Extension, ExtensionType, Extensions, GroupContextExtensions, KeyPackage, LeafIndex, MlsMessage,
        PreSharedKey, PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit, Remove, ResumptionPskUsage,
    },
};

use crate::{
    actor::{decode_key_package, find_member},
    failure::Failure,
    proto,
    suites::SystemRandomness,
};

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Add(Box<KeyPackage>),
    Update,
    Remove(LeafIndex),
    Psk(Psk),
    Extensions(Extensions),
    ReInit(ReInit),
}

/// Extensions as the protocol lists them.
pub(crate) fn read_extensions(listed: &[proto::Extension]) -> Result<Extensions, Failure> {
    let read = |extension: &proto::Extension| {
        let kind = u16::try_from(extension.extension_type)
            .map_err(|_| Failure::Field("extension_type", "more than 16 bits"))?;
        let extension_data = extension.extension_data.as_slice().into();
        Ok(Extension { extension_type: ExtensionType(kind), extension_data })
    };
    Ok(Extensions(listed.iter().map(read).collect::<Result<_, Failure>>()?))
}

/// A re-initialisation as the protocol describes it.
pub(crate) fn read_reinit(suite: u32, group_id: &[u8], extensions: &[proto::Extension]) -> Result<ReInit, Failure> {
    Ok(ReInit {
        group_id: group_id.into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(u16::try_from(suite).map_err(|_| Failure::Suite(suite))?),
        extensions: read_extensions(extensions)?,
    })
}

impl Wish {
    /// The client of this key package is to come.
    pub(crate) fn add(key_package: &[u8]) -> Result<Self, Failure> {
        Ok(Self::Add(Box::new(decode_key_package("key_package", key_package)?)))
    }

    /// The member of this identity is to go.
    pub(crate) fn remove(identity: &[u8], group: &PublicGroup) -> Result<Self, Failure> {
        let found = find_member(identity, group.members());
        found.map(Self::Remove).ok_or_else(|| Failure::NoMember(identity.to_vec()))
    }

    /// The key that ended this epoch of the group is to be folded in.
    pub(crate) fn resumption(epoch: u64, group: &PublicGroup) -> Self {
        let (usage, psk_group_id) = (ResumptionPskUsage::Application, group.group_id().clone());
        Self::Psk(Psk::Resumption { usage, psk_group_id, psk_epoch: Epoch(epoch) })
    }

    pub(crate) fn external(psk_id: &[u8]) -> Self {
        Self::Psk(Psk::External(psk_id.into()))
    }

    /// What a description asks for in this group.
    pub(crate) fn read(wanted: &proto::ProposalDescription, group: &PublicGroup) -> Result<Self, Failure> {
        match wanted.proposal_type.as_slice() {
            b"add" => Self::add(&wanted.key_package),
            b"remove" => Self::remove(&wanted.removed_id, group),
            b"externalPSK" => Ok(Self::external(&wanted.psk_id)),
            b"resumptionPSK" => Ok(Self::resumption(wanted.epoch_id, group)),
            b"groupContextExtensions" => read_extensions(&wanted.extensions).map(Self::Extensions),
            b"reinit" => read_reinit(wanted.cipher_suite, &wanted.group_id, &wanted.extensions).map(Self::ReInit),
            _ => Err(Failure::Field("proposal_type", "not one of the protocol's")),
        }
    }

    /// Puts it into a commit.
    pub(crate) fn commit(self, commit: CommitBuilder<'_>) -> CommitBuilder<'_> {
        match self {
            Self::Add(key_package) => commit.add(*key_package),
            // A commit renews its sender's leaf in its path; descriptions do not say "update".
            Self::Update => commit.with_path(),
            Self::Remove(leaf) => commit.remove(leaf),
            Self::Psk(psk) => commit.psk(psk),
            Self::Extensions(extensions) => commit.extensions(extensions),
            Self::ReInit(reinit) => commit.reinit(reinit),
        }
    }

    /// Proposes it as a member.
    pub(crate) fn propose(self, group: &Group, inputs: &Inputs<'_>) -> Result<Transition<MlsMessage>, Error> {
        let rng = &mut SystemRandomness;
        match self {
            Self::Add(key_package) => group.propose_add(*key_package, inputs, rng),
            Self::Update => group.propose_update(rng),
            Self::Remove(leaf) => group.propose_remove(leaf, rng),
            Self::Psk(psk) => group.propose_psk(psk, rng),
            Self::Extensions(extensions) => group.propose_extensions(extensions, rng),
            Self::ReInit(reinit) => group.propose_reinit(reinit, rng),
        }
    }

    /// As a proposal, for whoever is not a member.
    pub(crate) fn proposal(self, suite: &dyn Suite) -> Result<Proposal, Failure> {
        Ok(match self {
            Self::Add(key_package) => Proposal::Add(Add { key_package }),
            Self::Update => return Err(Failure::Field("proposal_type", "only a member updates its leaf")),
            Self::Remove(removed) => Proposal::Remove(Remove { removed }),
            Self::Psk(psk) => {
                let mut nonce = vec![0; suite.hash_length()];
                SystemRandomness.fill(&mut nonce)?;
                Proposal::PreSharedKey(PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce: nonce.into() } })
            }
            Self::Extensions(extensions) => Proposal::GroupContextExtensions(GroupContextExtensions { extensions }),
            Self::ReInit(reinit) => Proposal::ReInit(reinit),
        })
    }

    /// Whether a proposal is what is wanted. Updates and PSKs are new each time and equal none.
    pub(crate) fn is(&self, proposal: &Proposal) -> bool {
        match (self, proposal) {
            (Self::Add(wanted), Proposal::Add(add)) => *wanted == add.key_package,
            (Self::Remove(wanted), Proposal::Remove(remove)) => *wanted == remove.removed,
            (Self::Extensions(wanted), Proposal::GroupContextExtensions(change)) => *wanted == change.extensions,
            (Self::ReInit(wanted), Proposal::ReInit(reinit)) => wanted == reinit,
            (
                Self::Add(_) | Self::Update | Self::Remove(_) | Self::Psk(_) | Self::Extensions(_) | Self::ReInit(_),
                _,
            ) => false,
        }
    }
}
