//! GREASE (RFC 9420 §13.5).

use cenacle_mls::{
    group::Client,
    wire::{
        Capabilities, Credential as MlsCredential, CredentialType, ExtensionType, Extensions, GroupContextExtensions,
        GroupId, Proposal as MlsProposal, ProposalType, ReInit as MlsReInit,
    },
};
use cenacle_testkit::world::{LIFETIME, TEST_EXTENSION};

use crate::common::*;

/// The values that are reserved: 0x0a0a, 0x1a1a and so on to 0xeaea.
fn reserved() -> impl Iterator<Item = u16> {
    (0..15).map(|digit| 0x0a0a + 0x1010 * digit)
}

/// §13.5: No client of ours sends GREASE as the type of a proposal or credential, or in a GroupContext.
#[test]
fn r293_grease_where_it_is_not_sent() {
    let mut trial = Trial::new(293);
    for value in reserved() {
        let test = || vec![Extension::new(value, b"")].bytes();
        let sender = ExternalSender {
            credential: Credential::Custom(value, b"warden".to_vec()),
            ..trial.alice.outsider("warden").as_external_sender()
        };
        for list in [test(), vec![ExternalSender::extension(&[sender])].bytes()] {
            in_context(&mut trial, &Extensions::from_bytes(&list).unwrap());
        }
        let kind = ProposalType(value);
        trial.refuses_call(
            |group, inputs, rng| group.commit().custom(kind, &b""[..]).build(inputs, rng),
            Misuse::Grease,
        );
        trial.refuses_call(|group, _, rng| group.propose_custom(kind, &b""[..], rng), Rule::ProposalSupportedByAll);
        let public = trial.world.at("bob").group().public().clone();
        let client = trial.world.at("bob").client.clone();
        let custom = MlsProposal::Custom(kind, (&b""[..]).into());
        trial.told.policy = Box::new(Open);
        let inputs = trial.told.inputs(&trial.world.psks);
        assert_eq!(client.propose_externally(&public, custom, &inputs).unwrap_err(), Misuse::Grease.into());
        let credential = MlsCredential::Custom(CredentialType(value), (&b"name"[..]).into());
        let signer = alloc::sync::Arc::clone(&trial.world.signers["bob"]);
        let client = Client::new(alloc::sync::Arc::clone(&trial.world.suite), signer, credential);
        let mut rng = trial.world.dice.fork();
        assert_eq!(client.key_package(LIFETIME, false, &mut rng).unwrap_err(), Misuse::Grease.into());
    }
    let test = Extensions::from_bytes(&vec![Extension::new(TEST_EXTENSION.0, b"")].bytes()).unwrap();
    let twin = trial.performs(|group, inputs, rng| group.commit().extensions(test).build(inputs, rng));
    trial.sends(&twin.commit);
}

/// Nothing of ours gives these to a group.
fn in_context(trial: &mut Trial, extensions: &Extensions) {
    let own = || extensions.clone();
    let next = MlsReInit {
        group_id: GroupId::from(&b"next"[..]),
        version: cenacle_mls::wire::ProtocolVersion::MLS10,
        cipher_suite: cenacle_crypto::CipherSuite(1),
        extensions: own(),
    };
    trial.refuses_call(|group, _, rng| group.propose_extensions(own(), rng), Misuse::Grease);
    trial.refuses_call(|group, inputs, rng| group.commit().extensions(own()).build(inputs, rng), Misuse::Grease);
    trial.refuses_call(|group, _, rng| group.propose_reinit(next.clone(), rng), Misuse::Grease);
    trial.refuses_call(|group, inputs, rng| group.commit().reinit(next.clone()).build(inputs, rng), Misuse::Grease);
    let (client, public) = (trial.world.at("bob").client.clone(), trial.world.at("bob").group().public().clone());
    let inputs = trial.told.inputs(&trial.world.psks);
    let change = MlsProposal::GroupContextExtensions(GroupContextExtensions { extensions: own() });
    for proposal in [change, MlsProposal::ReInit(next)] {
        assert_eq!(client.propose_externally(&public, proposal, &inputs).unwrap_err(), Misuse::Grease.into());
    }
    let mut rng = trial.world.dice.fork();
    let id = || GroupId::from(&b"new"[..]);
    let created = client.create_group(id(), own(), LIFETIME, &inputs, &mut rng);
    assert_eq!(created.unwrap_err(), Misuse::Grease.into());
    let founded = client.found(id(), own(), LIFETIME).build(&inputs, &mut rng);
    assert_eq!(founded.unwrap_err(), Misuse::Grease.into());
}

/// §13.5: GREASE is refused and ignored as any other value that nobody knows.
#[test]
fn r294_grease_is_unknown() {
    let mut trial = Trial::capable(294, |_, capabilities| capabilities.proposals.push(ProposalType(TYPE)));
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_294);
    // The last is no GREASE.
    for value in [0x0a0a, 0x7a7a, 0xeaea, 0xf0f0] {
        let custom = Proposal::Custom(value, b"content".to_vec());
        trial.refuses_commit([custom.clone()], Rule::ProposalSupportedByAll);
        let waiting = trial.proposes(custom);
        trial.refuses_commit([waiting], Rule::ProposalSupportedByAll);
        let change = Proposal::GroupContextExtensions(vec![Extension::new(value, b"content")]);
        trial.refuses_commit([change.clone()], Rule::ExtensionSupportedByAll);
        let waiting = trial.proposes(change);
        trial.refuses_commit([waiting], Rule::ExtensionSupportedByAll);
        let present = |leaf: &mut LeafNode| {
            leaf.credential = Credential::Custom(value, b"erin".to_vec());
            leaf.capabilities.credentials.push(value);
        };
        let package = erin.key_package_with(present, |_| ());
        trial.refuses_commit([Proposal::add(&package)], Rule::CredentialSupportedByAll);
        let unlisted = |leaf: &mut LeafNode| leaf.extensions.push(Extension::new(value, b"content"));
        let package = erin.key_package_with(unlisted, |_| ());
        trial.refuses_everywhere(&Proposal::add(&package), Rule::LeafExtensionsListed);
        trial.accepts_commit::<Proposal>([]);
    }
    // Listed, and of no use to anybody.
    let listing = |leaf: &mut LeafNode| {
        let own = &mut leaf.capabilities;
        own.proposals.push(TYPE);
        let lists =
            [&mut own.versions, &mut own.cipher_suites, &mut own.extensions, &mut own.proposals, &mut own.credentials];
        lists.into_iter().for_each(|list| list.extend([0x0a0a, 0xf0f0]));
        leaf.extensions = [0x0a0a, 0xf0f0].map(|kind| Extension::new(kind, b"content")).to_vec();
    };
    trial.accepts_commit([Proposal::add(&erin.key_package_with(listing, |_| ()))]);
    trial.accepts_commit([Proposal::Custom(TYPE, b"content".to_vec())]);
}

/// §13.5: Members who list the same GREASE have not agreed on anything by that.
#[test]
fn r295_grease_that_all_list() {
    const GREASE: u16 = 0x0a0a;
    let lists = |_: &str, own: &mut Capabilities| {
        own.extensions.extend([GREASE, TYPE].map(ExtensionType));
        own.proposals.extend([GREASE, TYPE].map(ProposalType));
        own.credentials.extend([GREASE, TYPE].map(CredentialType));
    };
    let mut trial = Trial::capable(295, lists);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_295);
    erin.template.capabilities.clone_from(&trial.alice.template.capabilities);
    erin.template.capabilities.credentials.push(GREASE);
    let frank = trial.newcomer("frank");
    let required = |value| {
        let none = RequiredCapabilities::default();
        [
            RequiredCapabilities { extension_types: vec![value], ..none.clone() },
            RequiredCapabilities { proposal_types: vec![value], ..none.clone() },
            RequiredCapabilities { credential_types: vec![value], ..none },
        ]
    };
    let change = |extension: Extension| Proposal::GroupContextExtensions(vec![extension]);
    let mut present = |value| {
        let package =
            erin.key_package_with(|leaf| leaf.credential = Credential::Custom(value, b"erin".to_vec()), |_| ());
        Proposal::add(&package)
    };
    trial.refuses_commit([Proposal::Custom(GREASE, Vec::new())], Rule::ProposalSupportedByAll);
    trial.refuses_commit([change(Extension::new(GREASE, b""))], Rule::ExtensionSupportedByAll);
    trial.refuses_commit([present(GREASE)], Rule::CredentialSupportedByAll);
    for required in required(GREASE) {
        trial.refuses_commit([change(required.extension())], Rule::RequiredCapabilitiesMet);
        let requires = |context: &mut GroupContext| context.extensions = vec![required.extension()];
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&frank)]).context(requires));
        trial.refuses_welcome("frank", bad.welcome(), Rule::RequiredCapabilitiesMet);
    }
    let has = |context: &mut GroupContext| context.extensions = vec![Extension::new(GREASE, b"")];
    let bad = trial.alice.make(Plan::commit().with([Proposal::add(&frank)]).context(has));
    trial.refuses_welcome("frank", bad.welcome(), Rule::ExtensionSupportedByAll);
    // What a client says of itself is without the GREASE that it sends.
    let own = Trial::world(295, 1).enter("grace").client.clone();
    let Capabilities { cipher_suites, extensions, proposals, credentials, .. } = own.capabilities();
    let own = [cipher_suites.len(), extensions.len(), proposals.len(), credentials.len()];
    assert_eq!(own, [1, 1, 0, 1]);
    let sent = trial.newcomer("grace").leaf_node.capabilities;
    let sent = [sent.cipher_suites.len(), sent.extensions.len(), sent.proposals.len(), sent.credentials.len()];
    assert_eq!(sent, own.map(|count| count + 1));

    for required in required(TYPE) {
        trial.accepts_commit([change(required.extension())]);
    }
    trial.accepts_commit([Proposal::Custom(TYPE, Vec::new()), change(Extension::new(TYPE, b"")), present(TYPE)]);
}
