//! GREASE (RFC 9420 §13.5): values that mean nothing, sent where unknown values must be ignored, so that whoever does not
//! ignore them shows early. Received ones are unknown values like any other.

use cenacle_codec::Opaque;
use cenacle_crypto::CipherSuite;

use crate::{
    Error, Misuse, Rule,
    wire::{Capabilities, CredentialType, Extension, ExtensionType, Extensions, Proposal, ProposalType},
};

/// The reserved value that a seed chooses.
const fn chosen(seed: u8) -> u16 {
    let byte = (seed % 15) << 4 | 0x0a;
    u16::from_be_bytes([byte, byte])
}

/// One client's choice of values: the same in all its leaves, another for most other clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GreaseValues([u8; 4]);

impl GreaseValues {
    /// The choice that follows from random public bytes, a key's for instance.
    pub(crate) fn new(random: &[u8]) -> Self {
        Self(random.last_chunk().copied().unwrap_or_default())
    }

    /// Adds a value to each list of capabilities that may hold unknown ones.
    pub(crate) fn capabilities(self, own: &Capabilities) -> Capabilities {
        let Self([suite, extension, proposal, credential]) = self;
        let mut sent = own.clone();
        sent.cipher_suites.push(CipherSuite(chosen(suite)));
        sent.extensions.push(ExtensionType(chosen(extension)));
        sent.proposals.push(ProposalType(chosen(proposal)));
        sent.credentials.push(CredentialType(chosen(credential)));
        sent
    }

    /// Adds an extension, whose type is among those capabilities.
    pub(crate) fn extensions(self, own: &Extensions) -> Extensions {
        let Self([length, extension, ..]) = self;
        let extension_data = Opaque::from(alloc::vec![0x0a; usize::from(length % 8)]);
        let mut sent = own.clone();
        sent.0.push(Extension { extension_type: ExtensionType(chosen(extension)), extension_data });
        sent
    }
}

/// RFC 9420 §13.5: "GREASE values MUST NOT be sent in the following fields": proposal types, credential types, GroupContext
/// extensions, and what becomes such.
pub(crate) fn check_sent(proposal: &Proposal) -> Result<(), Error> {
    let extensions = match proposal {
        Proposal::Custom(kind, _) if kind.is_grease() => return Err(Misuse::Grease.into()),
        Proposal::GroupContextExtensions(change) => &change.extensions,
        Proposal::ReInit(reinit) => &reinit.extensions,
        Proposal::Add(_)
        | Proposal::Update(_)
        | Proposal::Remove(_)
        | Proposal::PreSharedKey(_)
        | Proposal::ExternalInit(_)
        | Proposal::Custom(..) => return Ok(()),
    };
    check_context_sent(extensions)
}

/// The same for the extensions of a new group's context, and for the credentials of the external senders among them.
pub(crate) fn check_context_sent(extensions: &Extensions) -> Result<(), Error> {
    let senders = extensions.external_senders().map_err(|_| Rule::ExtensionWellFormed)?.unwrap_or_default();
    let credentials = senders.iter().any(|sender| sender.credential.credential_type().is_grease());
    if credentials || extensions.types().any(ExtensionType::is_grease) { Err(Misuse::Grease.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::chosen;
    use crate::wire::ExtensionType;

    #[test]
    fn the_reserved_values_are_the_fifteen_of_the_registry() {
        let reserved: alloc::vec::Vec<u16> = (0..=u16::MAX).filter(|value| ExtensionType(*value).is_grease()).collect();
        assert_eq!(reserved.len(), 15);
        assert!(reserved.contains(&0x0a0a) && reserved.contains(&0xeaea) && !reserved.contains(&0xfafa));
        assert!((0..=u8::MAX).all(|seed| ExtensionType(chosen(seed)).is_grease()));
    }
}
