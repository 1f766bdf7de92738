//! Other extensions for the group (RFC 9420 §12.1.7, §13.4).

use cenacle_codec::Decode as _;
use cenacle_mls::wire::{Capabilities as MlsCapabilities, CredentialType, ExtensionType, Extensions, ProposalType};
use cenacle_testkit::world::TEST_EXTENSION;

use crate::common::*;

/// All but Dave list the type wherever one can be listed.
fn all_but_dave(name: &str, capabilities: &mut MlsCapabilities) {
    if name != "dave" {
        capabilities.extensions.push(ExtensionType(TYPE));
        capabilities.proposals.push(ProposalType(TYPE));
        capabilities.credentials.push(CredentialType(TYPE));
    }
}

/// Erin's key package, which lists these besides.
fn listing(erin: &mut Insider, listed: &RequiredCapabilities) -> KeyPackage {
    let list = |leaf: &mut LeafNode| {
        leaf.capabilities.extensions.extend(&listed.extension_types);
        leaf.capabilities.proposals.extend(&listed.proposal_types);
        leaf.capabilities.credentials.extend(&listed.credential_types);
    };
    erin.key_package_with(list, |_| ())
}

/// What is required is refused while Dave is there, and with a joiner who lacks it; and accepted if he goes by the same commit
/// and the joiner has it.
fn refuses_requirement(seed: u64, required: &RequiredCapabilities) {
    let mut trial = Trial::capable(seed, all_but_dave);
    let change = || Proposal::GroupContextExtensions(vec![required.extension()]);
    for victim in ["dave", "bob"] {
        trial.victim = victim.into();
        trial.refuses_commit([change()], Rule::RequiredCapabilitiesMet);
    }
    let waiting = trial.proposes(change());
    trial.refuses_commit([waiting], Rule::RequiredCapabilitiesMet);
    let own = || Extensions::from_bytes(&vec![required.extension()].bytes()).unwrap();
    trial.refuses_call(
        |group, inputs, rng| group.commit().extensions(own()).build(inputs, rng),
        Rule::RequiredCapabilitiesMet,
    );
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", seed);
    let lacking = listing(&mut erin, &RequiredCapabilities::default());
    let list = |erin: &KeyPackage| [change(), Proposal::Remove(3), Proposal::add(erin)];
    trial.refuses_commit(list(&lacking), Rule::RequiredCapabilitiesMet);
    let twin = listing(&mut erin, required);
    trial.accepts_commit(list(&twin));
}

/// §12.1.7: The extensions that a group comes to require, all support who are in it then.
#[test]
fn r206_extensions_required() {
    refuses_requirement(206, &RequiredCapabilities { extension_types: vec![TYPE], ..RequiredCapabilities::default() });
}

/// §12.1.7: The types of proposals and credentials that a group comes to require, all support who are in it then.
#[test]
fn r207_proposals_and_credentials_required() {
    refuses_requirement(207, &RequiredCapabilities { proposal_types: vec![TYPE], ..RequiredCapabilities::default() });
    refuses_requirement(
        2070,
        &RequiredCapabilities { credential_types: vec![TYPE], ..RequiredCapabilities::default() },
    );
}

/// §13.4: All members support all extensions of the group; what means nothing, nobody supports.
#[test]
fn r208_an_extension_that_somebody_lacks() {
    let mut trial = Trial::capable(208, all_but_dave);
    let change = |kind| Proposal::GroupContextExtensions(vec![Extension::new(kind, b"topic")]);
    for victim in ["dave", "bob"] {
        trial.victim = victim.into();
        trial.refuses_commit([change(TYPE)], Rule::ExtensionSupportedByAll);
        trial.refuses_commit([change(0x0a0a)], Rule::ExtensionSupportedByAll);
    }
    let waiting = trial.proposes(change(TYPE));
    trial.refuses_commit([waiting], Rule::ExtensionSupportedByAll);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 208);
    let list = |erin: &KeyPackage| [change(TYPE), Proposal::Remove(3), Proposal::add(erin)];
    let lacking = erin.key_package();
    trial.refuses_commit(list(&lacking), Rule::ExtensionSupportedByAll);
    let listed = RequiredCapabilities { extension_types: vec![TYPE], ..RequiredCapabilities::default() };
    let twin = listing(&mut erin, &listed);
    trial.accepts_commit(list(&twin));
}

/// §12.1.7: New extensions stand in place of all that were there.
#[test]
fn r209_nothing_is_carried_over() {
    let mut trial = Trial::new(209);
    let [old, new] = [b"old", b"new"].map(|data| Extension::new(TEST_EXTENSION.0, data));
    let warden = trial.alice.outsider("warden").as_external_sender();
    let senders = ExternalSender::extension(&[warden]);
    trial.set_extensions(vec![senders.clone(), old.clone()]);
    for (list, kept) in [(vec![new], vec![senders]), (Vec::new(), vec![old])] {
        let plan = || Plan::commit().with([Proposal::GroupContextExtensions(list.clone())]);
        let bad = trial.alice.make(plan().context(|context| context.extensions.extend(kept.clone())));
        trial.refuses(&bad, What::ConfirmationTag);
        let twin = trial.alice.make(plan());
        trial.accepts(&twin);
        for name in ["bob", "carol", "dave"] {
            let extensions = trial.world.at(name).group().public().extensions().to_bytes().unwrap();
            assert_eq!(extensions, list.bytes(), "{name} has others");
        }
    }
}
