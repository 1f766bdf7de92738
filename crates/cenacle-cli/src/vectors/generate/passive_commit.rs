//! passive-client-handling-commit.json: every kind of proposal by value and by reference, commits with and without a path.
//! Beyond the working group's own file: resumption PSKs of the group itself, external commits, and handshakes in
//! PrivateMessages.

use cenacle_mls::group::Handshake;

use Step::{ExternalJoin, Resync};

use super::{
    super::{check::Failure, passive_client::PassiveClient},
    Case, Dice, Size,
    story::{Draft, Kind, Opening, Story},
};

/// How an epoch begins.
enum Step {
    /// With a commit of a member.
    Commit { by_reference: &'static [Kind], by_value: &'static [Kind], path: bool },
    /// With an external commit of someone new.
    ExternalJoin,
    /// With an external commit of a member in place of its former self.
    Resync,
}

const EMPTY: Step = Step::Commit { by_reference: &[], by_value: &[], path: true };

const fn by_value(kinds: &'static [Kind]) -> Step {
    Step::Commit { by_reference: &[], by_value: kinds, path: false }
}

const fn by_reference(kinds: &'static [Kind]) -> Step {
    Step::Commit { by_reference: kinds, by_value: &[], path: false }
}

const WITH_PATH: Step = Step::Commit { by_reference: &[Kind::Psk], by_value: &[Kind::Add, Kind::Psk], path: true };

const ALL: Step = Step::Commit {
    by_reference: &[Kind::Add, Kind::Update, Kind::Remove, Kind::Psk, Kind::Extensions],
    by_value: &[Kind::Add, Kind::Remove, Kind::Psk],
    path: true,
};

/// A group: whether its handshakes are encrypted, and its epochs.
type Scene = (Handshake, &'static [Step]);

const FULL: &[Scene] = &[
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Add])]),
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Remove])]),
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Psk])]),
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Extensions])]),
    (Handshake::Public, &[EMPTY, WITH_PATH]),
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Add, Kind::Remove, Kind::Psk, Kind::Extensions])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Add])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Update])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Remove])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Psk])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Extensions])]),
    (Handshake::Public, &[EMPTY, by_reference(&[Kind::Update, Kind::Update, Kind::Add])]),
    (Handshake::Public, &[EMPTY, ALL]),
    // Beyond the official file.
    (Handshake::Public, &[EMPTY, by_value(&[Kind::Resumption]), by_reference(&[Kind::Resumption, Kind::Update])]),
    (Handshake::Public, &[EMPTY, ExternalJoin, Resync, by_reference(&[Kind::Update])]),
    (Handshake::Private, &[EMPTY, ALL, by_value(&[Kind::Resumption])]),
];

const SMALL: &[Scene] = &[
    (
        Handshake::Public,
        &[by_value(&[Kind::Add, Kind::Psk]), EMPTY, by_value(&[Kind::Extensions]), by_value(&[Kind::Remove])],
    ),
    (
        Handshake::Public,
        &[
            by_reference(&[Kind::Add, Kind::Psk]),
            by_reference(&[Kind::Update, Kind::Extensions]),
            by_reference(&[Kind::Remove]),
        ],
    ),
    (Handshake::Private, &[by_reference(&[Kind::Resumption]), ALL, ExternalJoin, Resync]),
];

pub(super) fn count(size: Size) -> usize {
    size.of(SMALL, FULL).len()
}

pub(super) fn make(case: &mut Case) -> Result<PassiveClient, Failure> {
    let Some((handshake, steps)) = case.size.of(SMALL, FULL).get(case.index) else {
        return Err(Failure::refused(&"no such scene"));
    };
    let (members, actors) = case.size.of((4, 2), (7, 4));
    let path = case.dice.chance(50);
    let opening = Opening { members, actors, handshake: *handshake, tree_apart: false, psk: false, path };
    let mut story = Story::open(case, &opening)?;
    for step in *steps {
        match step {
            Step::Commit { by_reference, by_value, path } => {
                commit(&mut story, &mut case.dice, (by_reference, by_value), *path)?;
            }
            ExternalJoin => story.external_join(&mut case.dice, false)?,
            Resync => story.external_join(&mut case.dice, true)?,
        }
    }
    Ok(story.end())
}

fn commit(
    story: &mut Story,
    dice: &mut Dice,
    (by_reference, by_value): (&[Kind], &[Kind]),
    path: bool,
) -> Result<(), Failure> {
    let mut draft = Draft::begin(story, dice);
    for kind in by_reference {
        possible(draft.refer(story, dice, *kind)?, *kind)?;
    }
    for kind in by_value {
        possible(draft.state(story, dice, *kind)?, *kind)?;
    }
    draft.commit(story, dice, path)
}

fn possible(done: bool, kind: Kind) -> Result<(), Failure> {
    if done { Ok(()) } else { Err(Failure::refused(&format_args!("{kind:?} is not possible in this scene"))) }
}
