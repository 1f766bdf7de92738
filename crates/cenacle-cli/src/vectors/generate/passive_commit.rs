//! passive-client-handling-commit.json: every kind of proposal by value and by reference, commits with and without a path.
//! Beyond the working group's own file, a PSK of the group's past, and handshakes in PrivateMessages.

use cenacle_mls::group::Handshake;

use super::{
    super::{check::Failure, passive_client::PassiveClient},
    Case, Size,
    story::{Draft, Kind, Opening, Story},
};

/// What happens in one epoch.
struct Epoch {
    by_reference: &'static [Kind],
    by_value: &'static [Kind],
    path: bool,
}

const NOTHING: Epoch = Epoch { by_reference: &[], by_value: &[], path: true };

const fn by_value(kinds: &'static [Kind]) -> Epoch {
    Epoch { by_reference: &[], by_value: kinds, path: false }
}

const fn by_reference(kinds: &'static [Kind]) -> Epoch {
    Epoch { by_reference: kinds, by_value: &[], path: false }
}

const ALL: Epoch = Epoch {
    by_reference: &[Kind::Add, Kind::Update, Kind::Remove, Kind::Psk, Kind::Extensions],
    by_value: &[Kind::Add, Kind::Remove, Kind::Psk],
    path: true,
};

/// One group each, and whether its handshakes are encrypted.
const FULL: &[(&[Epoch], Handshake)] = &[
    (&[NOTHING, by_value(&[Kind::Add])], Handshake::Public),
    (&[NOTHING, by_value(&[Kind::Remove])], Handshake::Public),
    (&[NOTHING, by_value(&[Kind::Psk])], Handshake::Public),
    (&[NOTHING, by_value(&[Kind::Extensions])], Handshake::Public),
    (&[NOTHING, Epoch { path: true, ..by_value(&[Kind::Add, Kind::Psk]) }], Handshake::Public),
    (&[NOTHING, by_value(&[Kind::Add, Kind::Remove, Kind::Psk, Kind::Extensions])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Add])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Update])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Remove])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Psk])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Extensions])], Handshake::Public),
    (&[NOTHING, by_reference(&[Kind::Update, Kind::Update, Kind::Add])], Handshake::Public),
    (&[NOTHING, ALL], Handshake::Public),
    (&[NOTHING, by_value(&[Kind::Resumption]), by_reference(&[Kind::Resumption, Kind::Update])], Handshake::Public),
    (&[NOTHING, ALL], Handshake::Private),
];

const SMALL: &[(&[Epoch], Handshake)] = &[
    (
        &[by_value(&[Kind::Add, Kind::Psk]), NOTHING, by_value(&[Kind::Extensions]), by_value(&[Kind::Remove])],
        Handshake::Public,
    ),
    (
        &[
            by_reference(&[Kind::Add, Kind::Psk]),
            by_reference(&[Kind::Update, Kind::Extensions]),
            by_reference(&[Kind::Remove]),
        ],
        Handshake::Public,
    ),
    (&[by_reference(&[Kind::Resumption]), ALL], Handshake::Private),
];

pub(super) fn count(size: Size) -> usize {
    size.of(SMALL, FULL).len()
}

pub(super) fn make(case: &mut Case) -> Result<PassiveClient, Failure> {
    let Some((epochs, handshake)) = case.size.of(SMALL, FULL).get(case.index) else {
        return Err(Failure::refused(&"no such scene"));
    };
    let (members, actors) = case.size.of((4, 2), (7, 4));
    let path = case.dice.chance(50);
    let opening = Opening { members, actors, handshake: *handshake, tree_apart: false, psk: false, path };
    let mut story = Story::open(case, &opening)?;
    for epoch in *epochs {
        play(&mut story, case, epoch)?;
    }
    Ok(story.end())
}

fn play(story: &mut Story, case: &mut Case, epoch: &Epoch) -> Result<(), Failure> {
    let dice = &mut case.dice;
    let mut draft = Draft::begin(story, dice);
    for kind in epoch.by_reference {
        possible(draft.refer(story, dice, *kind)?, *kind)?;
    }
    for kind in epoch.by_value {
        possible(draft.state(story, dice, *kind)?, *kind)?;
    }
    draft.commit(story, dice, epoch.path)
}

fn possible(done: bool, kind: Kind) -> Result<(), Failure> {
    if done { Ok(()) } else { Err(Failure::refused(&format_args!("{kind:?} is not possible in this scene"))) }
}
