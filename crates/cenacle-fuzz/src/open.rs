//! Messages to a member, and to an observer of the same group. What outsiders can make is refused, or was sent by somebody;
//! what insiders can make is judged without a panic; whatever is refused leaves no trace, and the genuine messages are
//! accepted all the while.

use core::cell::RefCell;

use cenacle_codec::{Decode as _, Encode as _};
use cenacle_crypto::conformance::SeededRng;
use cenacle_mls::{
    Error,
    group::Received,
    wire::{ContentType, FramedContent, MlsMessage, MlsMessageBody},
};

use crate::{
    scene::{Scene, VICTIM, assert_blames_the_input},
    source::Source,
};

/// Who made a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Outsider,
    Insider,
}

pub(crate) fn run(input: &[u8]) {
    thread_local!(static SCENES: RefCell<Vec<Scene>> = const { RefCell::new(Vec::new()) });
    SCENES.with_borrow_mut(|scenes| {
        if scenes.is_empty() {
            *scenes = Scene::all();
        }
        let mut source = Source::new(input);
        let scene = source.below(scenes.len());
        let scene = &mut scenes[scene];
        if let Some((bytes, maker)) = make(scene, &mut source) {
            deliver(scene, &bytes, maker);
        }
        scene.tried();
    });
}

/// A message as the input wants it.
fn make(scene: &Scene, source: &mut Source<'_>) -> Option<(Vec<u8>, Maker)> {
    let mut rng = SeededRng::new(7);
    let made = match source.byte() % 8 {
        0 => return Some((source.rest().to_vec(), Maker::Outsider)),
        1 => return Some(([&[0, 1], source.rest()].concat(), Maker::Outsider)),
        2 | 3 => {
            let pool = if source.byte().is_multiple_of(4) { &scene.others } else { &scene.genuine };
            let mut bytes = source.pick(pool).clone();
            source.edit(&mut bytes);
            return Some((bytes, Maker::Outsider));
        }
        4 | 5 => {
            let (content, tag) = content(scene, source)?;
            scene.insider.in_the_clear(content, &tag)
        }
        6 => {
            let generation = u32::from(source.byte() % 8);
            let (content, tag) = content(scene, source)?;
            scene.insider.encrypted(&content, &tag, generation, &mut rng)
        }
        _ => {
            let types = [ContentType::Application, ContentType::Proposal, ContentType::Commit];
            let (content_type, sender_data) = (*source.pick(&types), source.byte());
            let sender = source.take(usize::from(sender_data % 32)).to_vec();
            let message = scene.insider.encrypted_bytes(content_type, b"", source.rest(), 3, &mut rng);
            let MlsMessageBody::PrivateMessage(mut private) = message.body else { return None };
            if sender_data >= 128 {
                scene.insider.seal_sender(&mut private, &sender);
            }
            private.into()
        }
    };
    Some((made.to_bytes().unwrap(), Maker::Insider))
}

/// A content that somebody says here, edited, with what is signed inside it signed again; and a confirmation tag.
fn content(scene: &Scene, source: &mut Source<'_>) -> Option<(FramedContent, Vec<u8>)> {
    let content = source.pick(&scene.contents);
    let (whose, resign) = (source.byte(), source.byte());
    let tag = source.take(usize::from(resign >> 2)).to_vec();
    let mut bytes = content.to_bytes().unwrap();
    source.edit(&mut bytes);
    let mut content = FramedContent::from_bytes(&bytes).ok()?;
    if whose.is_multiple_of(2) {
        content.sender = scene.insider.sender();
    }
    if resign % 2 == 1 {
        scene.insider.resign_inside(&mut content, resign & 2 != 0);
    }
    Some((content, tag))
}

fn deliver(scene: &mut Scene, bytes: &[u8], maker: Maker) {
    let Ok(message) = MlsMessage::from_bytes(bytes) else { return };
    assert!(message.to_bytes().unwrap() == bytes, "the encoding is not canonical");
    let inputs = scene.world.inputs();
    let group = scene.world.at(VICTIM).group();
    let staged = group.open(&message).and_then(|opened| group.stage(opened, &inputs));
    match &staged {
        Err(error) => assert_blames_the_input(error),
        Ok(transition) => {
            let claim = matches!(transition.preview(), Received::OwnMessage(_));
            let known = maker == Maker::Insider || claim || scene.is_known(bytes);
            assert!(known, "a message that nobody sent is taken for {:?}", transition.preview());
        }
    }
    // An observer has no secrets: what only a member could see through it follows.
    if let Err(error) = scene.observer.stage(&message, &inputs) {
        assert_blames_the_input(&error);
    }
    drop::<Result<_, Error>>(staged);
}

/// Each way to make a message, with each message and content.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (place, scene) in (0..).zip(Scene::all()) {
        let messages = scene.genuine.iter().chain(&scene.others);
        seeds.extend(messages.map(|bytes| [&[place, 0], bytes.as_slice()].concat()));
        for index in 0..u8::try_from(scene.genuine.len()).unwrap() {
            seeds.push(vec![place, 2, 1, index]);
        }
        for index in 0..u8::try_from(scene.contents.len()).unwrap() {
            for (how, whose, resign) in [(4, 0, 1), (4, 1, 0), (5, 0, 3)] {
                seeds.push(vec![place, how, index, whose, resign]);
            }
            seeds.push(vec![place, 6, 5, index, 0, 3]);
        }
        seeds.push(vec![place, 7, 0, 0, 5, b'h', b'e', b'l', b'l', b'o', 0, 0]);
    }
    seeds
}
