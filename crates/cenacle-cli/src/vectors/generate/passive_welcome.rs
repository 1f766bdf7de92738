//! passive-client-welcome.json: joining, with the tree in the Welcome or apart, with and without an external PSK, by a
//! commit with a path and by one without.

use cenacle_mls::group::Handshake;

use super::{
    super::{check::Failure, passive_client::PassiveClient},
    Case, Size,
    story::{Opening, Story},
};

pub(super) fn count(size: Size) -> usize {
    size.of(4, 8)
}

pub(super) fn make(case: &mut Case) -> Result<PassiveClient, Failure> {
    let bit = |bit: u32| case.index >> bit & 1 == 1;
    let (tree_apart, psk) = (bit(0), bit(1));
    // In a small file, paths go with trees: each of both once with and once without a PSK.
    let path = case.size.of(tree_apart != psk, bit(2));
    let (members, actors) = case.size.of((3, 2), (15, 4));
    let opening = Opening { members, actors, handshake: Handshake::Public, tree_apart, psk, path };
    Ok(Story::open(case, &opening)?.end())
}
