//! One group of each implementation, and the repetitions: the contenders take turns, so that what disturbs the machine meets
//! all alike.

use alloc::{collections::BTreeMap, sync::Arc};
use core::time::Duration;

use cenacle_cli::bench::{
    BenchError, Cost, Measured, Operation, Progress, Sample, Scene, Stopwatch, Tree, Value, group_of_strangers,
    key_packages,
};
use cenacle_crypto::Suite;
use cenacle_store::MemoryStore;

use super::{
    PeerKind,
    floor::Floor,
    player::{Aid, Contender},
    report::{FLOOR, Line, OURS, Report},
};

/// A turn ends after so many repetitions, or so much time.
const TURN: usize = 5;
const TURN_TIME: Duration = Duration::from_millis(50);
/// A contender repeats an operation no more once its repetitions took so long.
const ENOUGH: Duration = Duration::from_secs(5);

/// How far it goes.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) iterations: usize,
    pub(crate) peer_limit: Duration,
    pub(crate) past_epochs: usize,
}

/// What an operation of a peer took in the largest group so far.
type History = BTreeMap<(&'static str, &'static str, String), (u32, Duration)>;

/// Contests in groups of ascending sizes.
pub(crate) struct Contest {
    pub(crate) suite: Arc<dyn Suite>,
    pub(crate) bounds: Bounds,
    pub(crate) report: Report,
    pub(crate) history: History,
}

/// A peer with its scene.
struct Entrant {
    name: &'static str,
    scene: Box<dyn Contender>,
}

/// The repetitions of one contender.
#[derive(Default)]
struct Turns {
    samples: Vec<Sample>,
    spent: Duration,
    given_up: bool,
}

impl Turns {
    fn is_over(&self, bounds: Bounds) -> bool {
        self.given_up || self.samples.len() >= bounds.iterations || self.spent > ENOUGH
    }

    /// Samples once or a few times.
    fn take(
        &mut self,
        bounds: Bounds,
        mut sample: impl FnMut() -> Result<Sample, BenchError>,
    ) -> Result<(), BenchError> {
        let watch = Stopwatch::start();
        for _ in 0..TURN {
            if self.samples.len() >= bounds.iterations {
                break;
            }
            self.samples.push(sample()?);
            if watch.stop().wall > TURN_TIME {
                break;
            }
        }
        self.spent += watch.stop().wall;
        Ok(())
    }
}

impl Contest {
    /// Measures all operations in a group of `n`; the peers take part only where they are given.
    pub(crate) fn hold(
        &mut self,
        (n, tree): (u32, Tree),
        operations: &[Operation],
        peers: &[PeerKind],
        each: &mut dyn FnMut(&Line, &Progress) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let progress = Progress::new(format!("{n} members, {} tree", tree.name()));
        let suite = Arc::clone(&self.suite);
        let mut open_store = || Ok(MemoryStore::default());
        let say = |now| progress.say(now);
        let mut scene = Scene::build(&suite, n, tree, &mut open_store, &say)?;
        let mut entrants = Vec::new();
        if !peers.is_empty() {
            let ground = match n.saturating_sub(2) {
                0 => None,
                others => Some(group_of_strangers(&suite, others, tree, &say)?),
            };
            for peer in peers {
                progress.say(format!("{} joins", peer.name()));
                entrants.push(Entrant {
                    name: peer.name(),
                    scene: peer.scene(n, ground.as_deref(), self.bounds.past_epochs)?,
                });
            }
        }
        let floor = Floor::measure(&*suite)?;
        let packages = match operations.contains(&Operation::Create) && !entrants.is_empty() {
            true => key_packages(&suite, n.saturating_sub(1))?,
            false => Vec::new(),
        };
        for operation in operations {
            progress.say(operation.name());
            let turns = self.measure(*operation, (n, tree), &mut scene, &mut entrants, &packages, &progress)?;
            let names = [OURS].into_iter().chain(entrants.iter().map(|entrant| entrant.name));
            let floor = floor.micros(*operation, n, tree).map(|floor| (FLOOR, of_floor(*operation, floor)));
            let measured = names.zip(&turns).filter(|(_, turns)| !turns.samples.is_empty());
            let measured = measured.map(|(name, turns)| (name, Measured::of(*operation, &turns.samples)));
            for (peer, measured) in measured.chain(floor).collect::<Vec<_>>() {
                let line = Line { peer, n, tree, measured };
                each(&line, &progress)?;
                self.report.lines.push(line);
            }
        }
        Ok(())
    }

    /// The turns of Cenacle and of every entrant.
    fn measure(
        &mut self,
        operation: Operation,
        (n, tree): (u32, Tree),
        scene: &mut Scene<'_, MemoryStore>,
        entrants: &mut [Entrant],
        packages: &[Vec<u8>],
        progress: &Progress,
    ) -> Result<Vec<Turns>, BenchError> {
        let bounds = self.bounds_of(operation);
        let suite = Arc::clone(&self.suite);
        let guest = || key_packages(&suite, 1)?.pop().ok_or_else(|| super::other("no key package"));
        let mut turns: Vec<Turns> = (0..=entrants.len()).map(|_| Turns::default()).collect();
        for (entrant, turns) in entrants.iter().zip(turns.iter_mut().skip(1)) {
            turns.given_up = self.is_too_long(entrant.name, operation, (n, tree));
        }
        while turns.iter().any(|turns| !turns.is_over(bounds)) {
            for (place, turns) in turns.iter_mut().enumerate().filter(|(_, turns)| !turns.is_over(bounds)) {
                let Some(entrant) = place.checked_sub(1) else {
                    turns.take(bounds, || scene.sample(operation))?;
                    continue;
                };
                let Some(entrant) = entrants.get_mut(entrant) else { continue };
                progress.say(format!("{}, {}", operation.name(), entrant.name));
                let mut invite = |package: &[u8]| scene.invite(package);
                let mut aid = Aid { packages, guest: &guest, invite: &mut invite };
                turns.take(bounds, || entrant.scene.sample(operation, &mut aid))?;
            }
        }
        for (entrant, turns) in entrants.iter().zip(turns.iter().skip(1)) {
            let longest = turns.samples.iter().filter_map(wall).max();
            if let Some(longest) = longest {
                self.history.insert((entrant.name, tree.name(), operation.name()), (n, longest));
            }
        }
        Ok(turns)
    }

    fn bounds_of(&self, operation: Operation) -> Bounds {
        let once = matches!(operation, Operation::StateBytes | Operation::BytesCommitUpdate);
        Bounds { iterations: if once { 1 } else { self.bounds.iterations }, ..self.bounds }
    }

    /// Whether a peer would take longer than allowed, going by a smaller group: a group is created in quadratic time,
    /// everything else is linear at worst.
    fn is_too_long(&self, peer: &'static str, operation: Operation, (n, tree): (u32, Tree)) -> bool {
        let before = self.history.get(&(peer, tree.name(), operation.name()));
        before.is_some_and(|(smaller, took)| {
            let growth = f64::from(n) / f64::from(*smaller);
            let growth = if operation == Operation::Create { growth * growth } else { growth };
            took.as_secs_f64() * growth > self.bounds.peer_limit.as_secs_f64()
        })
    }
}

fn wall(sample: &Sample) -> Option<Duration> {
    if let Sample::Cost(Cost { wall, .. }) = sample { Some(*wall) } else { None }
}

fn of_floor(operation: Operation, micros: f64) -> Measured {
    Measured { operation, value: Value::Micros { wall: micros, cpu: Some(micros) }, count: 1 }
}
