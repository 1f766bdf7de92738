//! Key packages (RFC 9420 §10, §10.1, §16.8).

mod used;

use cenacle_testkit::world::{LIFETIME, NOW_SECONDS, TEST_EXTENSION};

use crate::{
    a_codec::{bad_p256, bad_x25519},
    common::*,
};

/// The key package is refused by whoever would add its client and by whoever is sent its Add, encrypted or not.
fn refuses(trial: &mut Trial, package: &KeyPackage, expected: impl Into<Error>) {
    let expected = expected.into();
    trial.refuses_key_package(package, expected.clone());
    trial.refuses_everywhere(&Proposal::add(package), expected);
}

/// §10: An init key is a key of the suite.
#[test]
fn r181_init_key_of_the_suite() {
    for (suite, bad) in [(1, (|_| bad_x25519()) as fn(&[u8]) -> Vec<Vec<u8>>), (2, bad_p256)] {
        let mut trial = Trial::of_suite(181, suite);
        let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_181);
        let good = erin.fresh_key();
        for key in bad(&good) {
            let package = erin.key_package_with(|_| (), |package| package.init_key.clone_from(&key));
            refuses(&mut trial, &package, Rule::PublicKeyWellFormed);
        }
        let twin = erin.key_package_with(|_| (), |package| package.init_key.clone_from(&good));
        trial.adds(&twin);
    }
}

/// §10: The signature covers all of a key package.
#[test]
fn r183_key_package_signature() {
    let mut trial = Trial::new(183);
    let test = || Extension::new(TEST_EXTENSION.0, b"content");
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_183);
    let genuine = erin.key_package_with(|leaf| leaf.extensions.push(test()), |package| package.extensions.push(test()));
    let (leaf, package) = (What::LeafSignature, What::KeyPackageSignature);
    let other = trial.alice.outsider("other").template.signature_key;
    let fields: [(Spoil<'_, KeyPackage>, Error); 14] = [
        (&|package| package.version ^= 2, Rule::KeyPackageFits.into()),
        (&|package| package.cipher_suite ^= 2, Rule::KeyPackageFits.into()),
        (&|package| package.init_key[5] ^= 1, package.into()),
        (&|package| package.leaf_node.encryption_key[5] ^= 1, leaf.into()),
        (&|package| package.leaf_node.signature_key.clone_from(&other), leaf.into()),
        (&|package| package.leaf_node.credential = Credential::Basic(b"eric".to_vec()), leaf.into()),
        (&|package| package.leaf_node.capabilities.extensions[0] ^= 1, Rule::LeafExtensionsListed.into()),
        (&|package| package.leaf_node.capabilities.cipher_suites.push(7), leaf.into()),
        (&|package| package.leaf_node.source = lasting(LIFETIME.not_after ^ 1), leaf.into()),
        (&|package| package.leaf_node.extensions[0].extension_data[3] ^= 1, leaf.into()),
        (&|package| package.leaf_node.signature[5] ^= 1, leaf.into()),
        (&|package| package.extensions[0].extension_data[3] ^= 1, package.into()),
        (&|package| package.extensions.clear(), package.into()),
        (&|package| package.signature[5] ^= 1, package.into()),
    ];
    let spoilt = fields.map(|(spoil, expected)| {
        let mut bad = genuine.clone();
        spoil(&mut bad);
        (bad, expected)
    });
    for (bad, expected) in spoilt {
        refuses(&mut trial, &bad, expected);
    }
    trial.adds(&genuine);
}

/// §10: A key package's version is that of the message around it.
#[test]
fn r184_version_of_another_message() {
    let mut trial = Trial::new(184);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_184);
    for version in [0, 2, 0xffff] {
        let bad = erin.key_package_with(|_| (), |package| package.version = version);
        assert_eq!(bad.message()[..2], code::MLS10.to_be_bytes());
        refuses(&mut trial, &bad, Rule::KeyPackageFits);
    }
    trial.adds(&erin.key_package());
}

/// §10: The leaf in a key package is from a key package.
#[test]
fn r185_leaf_of_another_source() {
    let mut trial = Trial::new(185);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_185);
    for source in [Source::Update, Source::commit(b""), Source::commit(&[7; 32])] {
        let bad = erin.key_package_with(|leaf| leaf.source = source.clone(), |_| ());
        refuses(&mut trial, &bad, Rule::LeafSourceFits);
    }
    trial.adds(&erin.key_package());
}

/// §10: The extensions of a key package and of its leaf are listed in the leaf's capabilities.
#[test]
fn r186_unlisted_extensions() {
    let mut trial = Trial::new(186);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_186);
    let extension = || Extension::new(0xf0ab, b"content");
    let bad = erin.key_package_with(|_| (), |package| package.extensions.push(extension()));
    refuses(&mut trial, &bad, Rule::LeafExtensionsListed);
    let bad = erin.key_package_with(|leaf| leaf.extensions.push(extension()), |_| ());
    refuses(&mut trial, &bad, Rule::LeafExtensionsListed);
    let listing = |leaf: &mut LeafNode| {
        leaf.capabilities.extensions.push(0xf0ab);
        leaf.extensions.push(extension());
    };
    let twin = erin.key_package_with(listing, |package| package.extensions.push(extension()));
    trial.adds(&twin);
}

/// §10, §13.4: Extensions of a key package that nobody knows are no hindrance, though they are signed.
#[test]
fn r187_unknown_extensions() {
    let mut trial = Trial::new(187);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_187);
    let unknown = [0xf0ab, 0x0a0a, 0xeaea].map(|kind| Extension::new(kind, b"whatever it is"));
    let listing = |leaf: &mut LeafNode| leaf.capabilities.extensions.extend([0xf0ab, 0x0a0a, 0xeaea]);
    let twin = erin.key_package_with(listing, |package| package.extensions.extend(unknown.clone()));
    for extension in 0..unknown.len() {
        let mut bad = twin.clone();
        bad.extensions[extension].extension_data.push(0);
        refuses(&mut trial, &bad, What::KeyPackageSignature);
    }
    trial.adds(&twin);

    // A client of ours that sends such sees them ignored, and joins.
    trial.world.settings.grease = cenacle_mls::group::Grease::Extensions;
    let frank = trial.newcomer("frank");
    assert!(frank.extensions.iter().any(|extension| extension.extension_type & 0x0f0f == 0x0a0a));
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&frank)]));
    trial.joins("frank", &twin);
}

/// §10.1: A key package is for the group's suite and version.
#[test]
fn r188_suite_of_another_group() {
    let mut trial = Trial::new(188);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_188);
    for other in [2, 3] {
        let suite = Trial::world(188, other).suite;
        let foreign = Insider::nobody(&suite, "erin", 1_188).key_package();
        let claimed = erin.key_package_with(|_| (), |package| package.cipher_suite = other);
        // Of both suites, by its capabilities.
        let both = |leaf: &mut LeafNode| leaf.capabilities.cipher_suites.push(other);
        let either = erin.key_package_with(both, |package| package.cipher_suite = other);
        for bad in [foreign, claimed, either] {
            refuses(&mut trial, &bad, Rule::KeyPackageFits);
        }
    }
    let bad = erin.key_package_with(|_| (), |package| package.version = 2);
    refuses(&mut trial, &bad, Rule::KeyPackageFits);
    trial.adds(&erin.key_package());
}

/// §10.1: The leaf in a key package is valid there.
#[test]
fn r189_leaf_of_a_key_package() {
    let mut trial = Trial::new(189);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 1_189);
    let test = || Extension::new(TEST_EXTENSION.0, b"");
    let limit = trial.world.settings.limits.lifetime_seconds;
    let cases: [(Spoil<'_, LeafNode>, Rule); 12] = [
        (&|leaf| leaf.source = Source::Update, Rule::LeafSourceFits),
        (&|leaf| leaf.source = lasting(LIFETIME.not_before + limit + 1), Rule::LifetimeBounded),
        (&|leaf| leaf.capabilities.versions.clear(), Rule::VersionListed),
        (&|leaf| leaf.capabilities.cipher_suites = vec![3], Rule::CipherSuiteListed),
        (&|leaf| leaf.capabilities.extensions.push(code::RATCHET_TREE), Rule::CapabilitiesOmitDefaults),
        (&|leaf| leaf.capabilities.proposals.push(1), Rule::CapabilitiesOmitDefaults),
        (&|leaf| leaf.extensions.extend([test(), test()]), Rule::ExtensionTypesUnique),
        (&|leaf| leaf.extensions.push(Extension::new(0xf0ab, b"")), Rule::LeafExtensionsListed),
        (&|leaf| leaf.extensions.push(Extension::new(code::RATCHET_TREE, b"")), Rule::ExtensionInPlace),
        (&|leaf| leaf.capabilities.credentials = vec![2], Rule::LeafCredentialListed),
        (&|leaf| leaf.encryption_key.fill(0), Rule::PublicKeyWellFormed),
        (&|leaf| leaf.signature_key.truncate(31), Rule::PublicKeyWellFormed),
    ];
    for (spoil, rule) in cases {
        let bad = erin.key_package_with(spoil, |_| ());
        refuses(&mut trial, &bad, rule);
    }
    // Whoever adds looks at the clock.
    let over = erin.key_package_with(|leaf| leaf.source = lasting(NOW_SECONDS - 1), |_| ());
    trial.refuses_key_package(&over, Rule::LifetimeCurrent);
    let mut unsigned = erin.key_package_with(|_| (), |package| package.leaf_node.signature[5] ^= 1);
    erin.sign_key_package(&mut unsigned);
    refuses(&mut trial, &unsigned, What::LeafSignature);
    trial.adds(&erin.key_package());
}

/// §10.1: A key package's init key differs from its leaf's encryption key.
#[test]
fn r190_init_key_is_the_leaf_key() {
    let mut trial = Trial::new(190);
    let mut erin = Insider::nobody(&trial.alice.suite, "erin", 190);
    let bad = erin.key_package_with(|_| (), |package| package.init_key = package.leaf_node.encryption_key.clone());
    refuses(&mut trial, &bad, Rule::InitKeyDiffers);
    trial.adds(&erin.key_package());
}
