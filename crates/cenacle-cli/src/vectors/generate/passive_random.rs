//! passive-client-random.json: a group in which anybody does anything, epoch after epoch.

use cenacle_mls::group::Handshake;

use super::{
    super::{check::Failure, passive_client::PassiveClient},
    Case, Dice, Size,
    story::{Draft, Kind, Opening, Story},
};

pub(super) fn count(_: Size) -> usize {
    1
}

/// Bounds of a random group.
struct Bounds {
    epochs: usize,
    most_members: usize,
    most_by_reference: usize,
    most_by_value: usize,
}

pub(super) fn make(case: &mut Case) -> Result<PassiveClient, Failure> {
    let (members, actors) = case.size.of((3, 3), (15, 5));
    let bounds = case.size.of(
        Bounds { epochs: 8, most_members: 6, most_by_reference: 2, most_by_value: 1 },
        Bounds { epochs: 100, most_members: 24, most_by_reference: 6, most_by_value: 4 },
    );
    let path = case.dice.chance(50);
    let opening = Opening { members, actors, handshake: Handshake::Public, tree_apart: false, psk: false, path };
    let mut story = Story::open(case, &opening)?;
    for _ in 0..bounds.epochs {
        epoch(&mut story, &mut case.dice, &bounds)?;
    }
    Ok(story.end())
}

/// What is not possible is left out.
fn epoch(story: &mut Story, dice: &mut Dice, bounds: &Bounds) -> Result<(), Failure> {
    let mut draft = Draft::begin(story, dice);
    let mut members = story.members()?;
    for _ in 0..dice.below(bounds.most_by_reference + 1) {
        let kind = kind(dice, members < bounds.most_members);
        if draft.refer(story, dice, kind)? && kind == Kind::Add {
            members += 1;
        }
    }
    for _ in 0..dice.below(bounds.most_by_value + 1) {
        let kind = kind(dice, members < bounds.most_members);
        if draft.state(story, dice, kind)? && kind == Kind::Add {
            members += 1;
        }
    }
    let path = dice.chance(50);
    draft.commit(story, dice, path)
}

/// Mostly what changes the tree.
fn kind(dice: &mut Dice, room: bool) -> Kind {
    match dice.below(20) {
        0..=5 if room => Kind::Add,
        0..=10 => Kind::Remove,
        11..=15 => Kind::Update,
        16 | 17 => Kind::Psk,
        18 => Kind::Resumption,
        _ => Kind::Extensions,
    }
}
