//! Delivering damage, and finding that nothing happened.

use alloc::collections::BTreeMap;

use cenacle_mls::{
    Error,
    delta::{Change, Delta},
    group::{Inputs, Received},
};

use super::Damage;
use crate::world::Person;

/// How many refusals may lie between two deep comparisons, so that thousands of damages stay affordable. Nothing can hide in
/// between: a change stays, and every write is counted.
const DEEP_EVERY: usize = 256;

/// What became of a delivery that was not refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was taken for something that changes nothing, like the echo of one's own message.
    Idle,
    /// It did exactly what the genuine message does.
    Same,
    /// It did something else.
    Other,
}

/// What a siege came to.
#[derive(Debug, Default)]
pub struct Siege {
    /// How many damages were refused, by kind of error.
    pub refused: BTreeMap<String, usize>,
    /// The damages that were not, and what became of them.
    pub taken: Vec<(String, Delivery)>,
}

impl Siege {
    /// Asserts that every damage was refused.
    pub fn assert_all_refused(&self, what: &str) {
        assert!(self.taken.is_empty(), "{what}: {} were taken: {:?}", self.taken.len(), self.taken);
        assert!(!self.refused.is_empty(), "{what}: nothing was tried");
        println!("{what}: {:?}", self.refused);
    }

    /// How many damages there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.refused.values().sum::<usize>() + self.taken.len()
    }

    /// Whether there were none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Delivers every damage to `victim`. Each must be refused with an error that blames the message, and change nothing;
/// those that are not are listed. `deliver` must leave no trace of what is not refused.
pub fn besiege(
    victim: &mut Person,
    damages: impl IntoIterator<Item = Damage>,
    mut deliver: impl FnMut(&mut Person, &[u8]) -> Result<Delivery, Error>,
) -> Siege {
    let mut siege = Siege::default();
    let (before, writes) = (victim.visible(), victim.disk.writes());
    for (tried, Damage { what, bytes }) in damages.into_iter().enumerate() {
        match deliver(victim, &bytes) {
            Ok(delivery) => siege.taken.push((what.clone(), delivery)),
            Err(error) => {
                assert!(blames_the_message(&error), "{what}: the refusal blames the receiver: {error:?}");
                *siege.refused.entry(kind(&error)).or_default() += 1;
            }
        }
        assert_eq!(writes, victim.disk.writes(), "{what}: a refused message was written");
        if tried % DEEP_EVERY == 0 {
            assert!(before == victim.visible(), "{what}, or one of the {DEEP_EVERY} before it, changed something");
        }
    }
    assert!(before == victim.visible(), "one of the last damages changed something");
    siege
}

impl Person {
    /// Receives bytes on trial: what they would do is seen on a copy, and nothing of it is kept. `genuine` is what they
    /// might be mistaken for.
    ///
    /// # Errors
    /// The core's refusal.
    pub fn on_trial(&self, bytes: &[u8], genuine: &[u8], inputs: &Inputs<'_>) -> Result<Delivery, Error> {
        // A refusal is met by the person itself, so that a trace it left would be found.
        if matches!(self.stage(bytes, inputs)?.preview(), Received::OwnMessage(_)) {
            return Ok(Delivery::Idle);
        }
        let before = self.visible();
        let after = |bytes: &[u8]| {
            let mut copy = self.copied(self.client.clone());
            copy.receive(bytes, inputs).expect("what is staged can be merged");
            copy.visible()
        };
        let taken = after(bytes);
        Ok(if taken == before {
            Delivery::Idle
        } else if taken == after(genuine) {
            Delivery::Same
        } else {
            Delivery::Other
        })
    }

    /// What an invitation on trial leads to, compared with what the genuine one does.
    ///
    /// # Errors
    /// The core's refusal.
    pub fn invited_on_trial(
        &self,
        (welcome, tree): (&[u8], Option<&[u8]>),
        genuine: (&[u8], Option<&[u8]>),
        inputs: &Inputs<'_>,
    ) -> Result<Delivery, Error> {
        let new = self.read_welcome(welcome, tree, inputs)?;
        let genuine = self.read_welcome(genuine.0, genuine.1, inputs).expect("the genuine Welcome is valid");
        Ok(if same_changes(new.delta(), genuine.delta()) { Delivery::Same } else { Delivery::Other })
    }
}

fn same_changes(one: &Delta, other: &Delta) -> bool {
    let plain = |delta: &Delta| -> Vec<_> {
        let plain = |change: &Change| match change {
            Change::Put(key, value) => (1, key.clone(), value.expose().to_vec()),
            Change::Delete(key) => (2, key.clone(), Vec::new()),
            Change::DeletePrefix(key) => (3, key.clone(), Vec::new()),
        };
        delta.changes().iter().map(plain).collect()
    };
    plain(one) == plain(other)
}

/// Whether an error says that the message is bad or unknown, and not that the receiver's state or cryptography is.
fn blames_the_message(error: &Error) -> bool {
    !matches!(error, Error::Provider(_) | Error::Corrupt(_))
}

/// An error without its particulars.
fn kind(error: &Error) -> String {
    let shown = format!("{error:?}");
    let named = matches!(error, Error::Invalid(_) | Error::Unverified(_) | Error::Unsupported(_) | Error::Misuse(_));
    if named { shown } else { shown.split(['(', ' ']).next().unwrap_or_default().to_string() }
}
