//! What a GroupInfo says, in a Welcome and for external joins (RFC 9420 §12.4.3, §12.4.3.1).

use super::{adding, newcomer_who_lacks};
use crate::common::*;

/// A GroupInfo that is spoiled before it is signed is refused, in a Welcome and by itself.
#[track_caller]
fn refuses(
    trial: &mut Trial,
    erin: &KeyPackage,
    spoil: Spoil<'_, GroupInfo>,
    welcome: impl Into<Error>,
    apart: impl Into<Error>,
) {
    let bad = trial.alice.make(adding(erin).group_info(spoil));
    trial.refuses_welcome("erin", bad.welcome(), welcome);
    let bad = trial.alice.group_info(Plan::commit().group_info(spoil));
    trial.refuses_group_info("erin", &bad, apart);
}

/// §12.4.3: A GroupInfo is signed by the member it names.
#[test]
fn r262_group_info_signature() {
    let mut trial = Trial::new(262);
    let erin = trial.newcomer("erin");
    let bob = trial.leaf("bob");
    let spoil: [Spoil<'_, GroupInfo>; 2] = [&|info| info.signature[5] ^= 1, &|info| info.signer = bob];
    for spoil in spoil {
        let bad = trial.alice.make(adding(&erin).signed_group_info(spoil));
        trial.refuses_welcome("erin", bad.welcome(), What::GroupInfoSignature);
        let bad = trial.alice.group_info(Plan::commit().signed_group_info(spoil));
        trial.refuses_group_info("erin", &bad, What::GroupInfoSignature);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A GroupInfo's signer is at a leaf that is not blank.
#[test]
fn r263_group_info_of_a_blank_leaf() {
    let mut trial = Trial::new(263);
    let erin = trial.newcomer("erin");
    let carol = trial.leaf("carol");
    // Carol's leaf is blank in the epoch that the Welcome leads to, and now.
    let both = || Plan::commit().with([Proposal::Remove(carol)]);
    let removed = trial.alice.make(both());
    trial.passes(&removed);
    for signer in [5, 8, 1 << 31, u32::MAX] {
        let rule = Rule::SignerIsMember;
        refuses(&mut trial, &erin, &|info| info.signer = signer, rule, rule);
    }
    let bad = trial.alice.group_info(Plan::commit().group_info(|info| info.signer = carol));
    trial.refuses_group_info("erin", &bad, Rule::SignerIsMember);
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3: A Welcome does not replace a group that the joiner is in.
#[test]
fn r264_group_that_exists() {
    let mut trial = Trial::new(264);
    let erin = trial.newcomer("erin");
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
    let (second, group_id) = (trial.key_package("erin"), trial.alice.context.group_id.clone());
    let mut founder = Insider::nobody(&trial.alice.suite, "mallory", 264).founds(&group_id);
    let bad = founder.make(adding(&second));
    let person = trial.world.person("erin");
    let before = person.visible();
    let new = person.read_welcome(bad.welcome(), None, &cenacle_testkit::world::inputs(&Default::default())).unwrap();
    let refused = new.accept(&mut person.disk).map(drop).map_err(cenacle_testkit::world::refusal);
    assert_eq!(refused, Err(Error::Misuse(Misuse::GroupExists)));
    trial.assert_untouched("erin", &before);
    // The key package is still good for another group.
    let other = Insider::nobody(&trial.alice.suite, "mallory", 265).founds(b"another").make(adding(&second));
    trial.moves(&["erin"], &other);
}

/// §12.4.3.1: A GroupInfo is of the suite of the key package.
#[test]
fn r265_group_info_of_another_suite() {
    let mut trial = Trial::new(265);
    let erin = trial.newcomer("erin");
    for suite in [0, 2, 3, 0xffff] {
        let spoil: Spoil<'_, GroupInfo> = &|info| info.group_context.cipher_suite = suite;
        let unsupported = Error::Unsupported(Unsupported::CipherSuite);
        refuses(&mut trial, &erin, spoil, Rule::WelcomeSuiteFits, unsupported);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3.1: A GroupInfo is of a version that the joiner supports.
#[test]
fn r266_group_info_of_another_version() {
    let mut trial = Trial::new(266);
    let erin = trial.newcomer("erin");
    for version in [0, 2, 0xffff] {
        let unsupported = Error::Unsupported(Unsupported::Version);
        let spoil: Spoil<'_, GroupInfo> = &|info| info.group_context.version = version;
        refuses(&mut trial, &erin, spoil, unsupported.clone(), unsupported);
    }
    let twin = trial.alice.make(adding(&erin));
    trial.joins("erin", &twin);
}

/// §12.4.3: A joiner supports every extension of the group's context.
#[test]
fn r274_context_extension_that_is_not_supported() {
    let mut trial = Trial::new(274);
    let extension = Extension::new(cenacle_testkit::world::TEST_EXTENSION.0, b"x".to_vec());
    trial.set_extensions(vec![extension]);
    let lacking = newcomer_who_lacks(&mut trial, "erin");
    let bad = trial.alice.make(adding(&lacking));
    trial.refuses_welcome("erin", bad.welcome(), Rule::ExtensionSupportedByAll);
    let bad = trial.alice.group_info(Plan::commit());
    trial.refuses_group_info("erin", &bad, Error::Unsupported(Unsupported::Extension));
    let frank = trial.newcomer("frank");
    let twin = trial.alice.make(adding(&frank));
    trial.joins("frank", &twin);
}

/// §12.4.3, §13.4: Extensions of a GroupInfo that nobody knows are ignored.
#[test]
fn r275_unknown_extensions_of_a_group_info() {
    let mut trial = Trial::new(275);
    let erin = trial.newcomer("erin");
    let push = |extension_type: u16| {
        move |info: &mut GroupInfo| info.extensions.insert(0, Extension::new(extension_type, b"whatever".to_vec()))
    };
    // One that is known has its place elsewhere.
    let rule = Rule::ExtensionInPlace;
    refuses(&mut trial, &erin, &push(code::REQUIRED_CAPABILITIES), rule, rule);
    let twin = trial.alice.make(adding(&erin).group_info(push(0x0a0a)).group_info(push(0xf123)));
    trial.joins("erin", &twin);
    trial.world.enter("frank");
    let info = trial.alice.group_info(Plan::commit().group_info(push(0xf123)).group_info(push(0xeaea)));
    trial.joins_from_outside("frank", &info);
}

/// §12.4.3.1: A joiner's leaf meets what the group requires.
#[test]
fn r276_requirements_that_the_joiner_does_not_meet() {
    let mut trial = Trial::new(276);
    let extension_types = vec![cenacle_testkit::world::TEST_EXTENSION.0];
    let required = RequiredCapabilities { extension_types, ..RequiredCapabilities::default() };
    trial.set_extensions(vec![required.extension()]);
    let lacking = newcomer_who_lacks(&mut trial, "erin");
    let bad = trial.alice.make(adding(&lacking));
    trial.refuses_welcome("erin", bad.welcome(), Rule::RequiredCapabilitiesMet);
    let bad = trial.alice.group_info(Plan::commit());
    trial.refuses_group_info("erin", &bad, Rule::RequiredCapabilitiesMet);
    let frank = trial.newcomer("frank");
    let twin = trial.alice.make(adding(&frank));
    trial.joins("frank", &twin);
}

/// §11: A group begins with epoch 0, an empty transcript, secrets that nobody has had, and a tag over them.
#[test]
fn r289_a_group_begins() {
    let begun = [1, 2].map(|seed| {
        let mut world = Trial::world(seed, 1);
        world.enter("alice");
        world.create("alice");
        let insider = Insider::take(&world, "alice");
        assert_eq!((insider.context.epoch, &insider.context.confirmed_transcript_hash), (0, &Vec::new()));
        assert_eq!(insider.context.tree_hash, insider.tree.tree_hash(&*insider.suite));
        assert_eq!(insider.tree.nodes().len(), 1);
        // The interim transcript hash of the empty transcript and the tag.
        let interim = crypto::hash(&*insider.suite, &insider.confirmation_tag.bytes());
        assert_eq!(insider.interim_transcript_hash, interim);
        assert_eq!(insider.confirmation_tag.len(), 32);
        insider
    });
    let secrets = begun.each_ref().map(|insider| &insider.epoch.init_secret);
    assert_ne!(secrets[0], secrets[1]);
    // The tag is that of the epoch's secrets: a founder of the forge's whose tag is another is none to join.
    let mut trial = Trial::new(289);
    let erin = trial.newcomer("erin");
    let mut founder = Insider::nobody(&trial.alice.suite, "founder", 289).founds(b"begun by the forge");
    let bad = founder.make(adding(&erin).group_info(|info| info.confirmation_tag[0] ^= 1));
    trial.refuses_welcome("erin", bad.welcome(), What::ConfirmationTag);
    let twin = founder.make(adding(&erin));
    trial.world.people.retain(|name, _| name == "erin");
    trial.enters("erin", twin.welcome(), None);
    trial.alice = twin.next().insider.clone();
    trial.goes_on();
}
