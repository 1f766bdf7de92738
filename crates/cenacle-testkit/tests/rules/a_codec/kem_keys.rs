//! Keys of the KEM (RFC 9420 §5.1.1).

use crate::common::*;

/// A point of X25519 in which one byte repeats, but for the lowest and the highest.
const fn point(low: u8, middle: u8, high: u8) -> [u8; 32] {
    let mut point = [middle; 32];
    point[0] = low;
    point[31] = high;
    point
}

/// What is no X25519 key: of another length, or a second name of a key.
pub(crate) fn bad_x25519() -> Vec<Vec<u8>> {
    let [nine, more] = [point(9, 0, 0x80), point(0xf0, 0xff, 0x7f)];
    vec![Vec::new(), vec![9; 31], vec![9; 33], vec![4; 65], nine.to_vec(), more.to_vec()]
}

/// What is no P-256 key, made of one that is: of another length, compressed, hybrid, off the curve, at infinity.
pub(crate) fn bad_p256(good: &[u8]) -> Vec<Vec<u8>> {
    let (x, y) = good[1..].split_at(32);
    let parity = y[31] & 1;
    let off_curve = [&good[..64], &[y[31] ^ 1]].concat();
    let beyond = [&[4][..], &[0xff; 32], y].concat();
    vec![
        Vec::new(),
        good[..64].to_vec(),
        [good, &[0]].concat(),
        [&[2 + parity], x].concat(),
        [&[6 + parity], x, y].concat(),
        off_curve,
        beyond,
        vec![0],
        vec![0; 65],
        good[1..].to_vec(),
    ]
}

/// The points of X25519 whose order divides eight, in all their forms.
fn low_order() -> Vec<Vec<u8>> {
    let eight = [
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
            0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
            0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    let small = [(0, 0, 0), (1, 0, 0), (0xec, 0xff, 0x7f), (0xed, 0xff, 0x7f), (0xee, 0xff, 0x7f)];
    let points = small.map(|(low, middle, high)| point(low, middle, high)).into_iter().chain(eight);
    let marked = |mut point: [u8; 32]| {
        point[31] |= 0x80;
        point
    };
    points.flat_map(|point| [point.to_vec(), marked(point).to_vec()]).collect()
}

/// The key is refused wherever one can stand that others encrypt to, and as an encapsulation.
fn refuses_key(trial: &mut Trial, key: &Vec<u8>) {
    const RULE: Rule = Rule::PublicKeyWellFormed;
    let mut frank = Insider::nobody(&trial.alice.suite, "frank", 21);
    let init = frank.key_package_with(|_| (), |package| package.init_key.clone_from(key));
    let leaf = frank.key_package_with(|leaf| leaf.encryption_key.clone_from(key), |_| ());
    for package in [init, leaf] {
        trial.refuses_key_package(&package, RULE);
        let bad = trial.alice.make(Plan::commit().with([Proposal::add(&package)]));
        trial.refuses(&bad, RULE);
    }
    let update = trial.alice.leaf_node(|leaf| leaf.encryption_key.clone_from(key));
    let bad = trial.alice.make(Plan::proposal(Proposal::update(update)));
    trial.refuses(&bad, RULE);
    let bad = trial.alice.make(Plan::commit().leaf(|leaf| leaf.encryption_key.clone_from(key)));
    trial.refuses(&bad, RULE);
    for (node, private) in [(0, false), (1, true)] {
        let path = |keys: &mut Vec<PathKey>| keys[node].public_key.clone_from(key);
        let bad = trial.alice.make(Plan::commit().framed(private).path_keys(path));
        trial.refuses(&bad, RULE);
    }
    let mut mallory = trial.alice.outsider("mallory");
    let init = |content: &mut FramedContent| {
        if let Content::Commit(commit) = &mut content.content {
            commit.proposals[0] = Proposal::ExternalInit(key.clone()).into();
        }
    };
    let bad = mallory.make(Plan::external_commit().content(init));
    trial.refuses(&bad, RULE);
    let public = ExternalPub { external_pub: key.clone() }.bytes();
    let info = |info: &mut GroupInfo| info.extension(code::EXTERNAL_PUB).extension_data.clone_from(&public);
    let bad = trial.alice.group_info(Plan::commit().group_info(info));
    trial.refuses_group_info("grace", &bad, RULE);
    let erin = trial.key_package("erin");
    let plan = || Plan::commit().with([Proposal::add(&erin)]);
    let bad = trial.alice.make(plan().merged(|tree| tree.parent_mut(5).encryption_key.clone_from(key)));
    trial.refuses_welcome("erin", bad.welcome(), RULE);
    // With an encapsulation that is none, what is encrypted cannot be read.
    let bad = trial.alice.make(Plan::commit().path(|path| {
        path.nodes[0].encrypted_path_secret[0].kem_output.clone_from(key);
    }));
    trial.refuses(&bad, What::PathSecret);
    let sealed = |welcome: &mut Welcome| welcome.secrets[0].encrypted_group_secrets.kem_output.clone_from(key);
    let bad = trial.alice.make(plan().welcome(sealed));
    trial.refuses_welcome("erin", bad.welcome(), What::Welcome);
}

fn refuses_keys(seed: u64, suite: u16, keys: impl Fn(&[u8]) -> Vec<Vec<u8>>) {
    let mut trial = Trial::of_suite(seed, suite);
    let erin = trial.newcomer("erin");
    trial.world.enter("grace");
    for key in keys(&erin.init_key) {
        refuses_key(&mut trial, &key);
    }
    let twin = trial.alice.make(Plan::commit().with([Proposal::add(&erin)]));
    trial.joins("erin", &twin);
    let info = trial.alice.group_info(Plan::commit());
    trial.joins_from_outside("grace", &info);
}

/// §5.1.1: Keys to encrypt to are ones of the suite's KEM, in the one form they have.
#[test]
fn r021_kem_public_keys() {
    refuses_keys(21, 1, |_| bad_x25519());
    refuses_keys(21, 2, bad_p256);
}

/// §5.1.1, §5.1.3: No agreement gives zero: points of low order are no keys and no encapsulations.
#[test]
fn r022_points_of_low_order() {
    refuses_keys(22, 1, |_| low_order());
}
