//! Ordering a suspect about, and searching it.

use alloc::collections::{BTreeMap, BTreeSet};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use cenacle_codec::{Decode as _, Opaque};
use cenacle_crypto::census;
use cenacle_mls::wire::GroupId;
use cenacle_scan::{Wanted, process};
use cenacle_store::SqliteStore;

use super::{
    Begin, Named, Order, Outcome, Stolen,
    protocol::{decoded, receive, send},
};

/// Numbers that tell how much a search was worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Searches.
    pub searches: u64,
    /// Bytes of memory that were searched, all together.
    pub memory_bytes: u64,
    /// Values that were looked for at last.
    pub values: usize,
    /// Names under which values were found to be forgotten, all together.
    pub names: u64,
    /// Restarts.
    pub restarts: u64,
}

/// A suspect, as its master has it.
#[derive(Debug)]
pub struct Suspect {
    program: PathBuf,
    folder: PathBuf,
    begin: Begin,
    running: Running,
    /// What the process holds, by its own count.
    live: BTreeSet<Vec<u8>>,
    /// What it held or should have forgotten, by its number in `wanted`.
    numbers: BTreeMap<Vec<u8>, usize>,
    names: Vec<String>,
    wanted: Wanted,
    /// How much was done.
    pub effort: Effort,
}

#[derive(Debug)]
struct Running {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Running {
    fn start(program: &Path, folder: &Path) -> Self {
        let mut child = Command::new(program)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the suspect starts");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to, from }
    }

    fn ask(&mut self, order: &Order) -> Outcome {
        send(&mut self.to, order).expect("the suspect listens");
        decoded(receive(&mut self.from).expect("the suspect answers").expect("the suspect lives"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

impl Suspect {
    /// Starts one, with `program` and its state in `folder`.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, folder: impl Into<PathBuf>, begin: Begin) -> Self {
        let (program, folder) = (program.into(), folder.into());
        let mut suspect = Self {
            running: Running::start(&program, &folder),
            program,
            folder,
            begin,
            live: BTreeSet::new(),
            numbers: BTreeMap::new(),
            names: Vec::new(),
            wanted: Wanted::default(),
            effort: Effort::default(),
        };
        suspect.must(&Order::Begin(suspect.begin.clone()));
        suspect
    }

    /// Gives an order.
    ///
    /// # Errors
    /// The suspect's reason not to.
    pub fn ask(&mut self, order: &Order) -> Outcome {
        self.running.ask(order)
    }

    /// Gives an order that must be obeyed.
    pub fn must(&mut self, order: &Order) -> Vec<u8> {
        let shown = format!("{order:?}");
        let what = shown.split('(').next().unwrap_or_default();
        self.ask(order).unwrap_or_else(|refusal| panic!("{what}: {refusal}"))
    }

    /// The process ends, in order or killed, and begins again.
    pub fn restart(&mut self, in_order: bool) {
        if in_order {
            self.must(&Order::End(()));
            self.running.child.wait().unwrap();
        } else {
            self.running.child.kill().unwrap();
            self.running.child.wait().unwrap();
        }
        self.running = Running::start(&self.program, &self.folder);
        self.live.clear();
        self.must(&Order::Begin(self.begin.clone()));
        self.effort.restarts += 1;
    }

    /// Steals the rows: what whoever has all files can read.
    #[must_use]
    pub fn steal(&self, group_id: &GroupId) -> Stolen {
        let images = fast_folder();
        for suffix in SqliteStore::SUFFIXES {
            let name = format!("state.db{suffix}");
            if self.folder.join(&name).exists() {
                fs::copy(self.folder.join(&name), images.path().join(&name)).unwrap();
            }
        }
        let store = SqliteStore::open(images.path().join("state.db")).expect("a stolen state opens");
        Stolen::read(&store.snapshot().unwrap(), group_id)
    }

    /// Whether the process holds a value now, by its own count.
    #[must_use]
    pub fn holds(&self, value: &[u8]) -> bool {
        self.live.contains(value)
    }

    /// How many values the process holds, by its own count.
    #[must_use]
    pub fn held(&self) -> usize {
        self.live.len()
    }

    /// How many values of such a name were searched for.
    #[must_use]
    pub fn searched_for(&self, name: &str) -> usize {
        self.names.iter().filter(|names| names.contains(name)).count()
    }

    /// Searches memory and files for everything that the suspect ever held and holds no more, and for what is `gone` by
    /// whoever knows: of the latter, the suspect must not hold anything either, nor have it in its rows, which are `after`.
    pub fn check(&mut self, what: &str, gone: &[Named], after: &Stolen) {
        self.count();
        let mut kept = Vec::new();
        for Named { name, value } in gone {
            let number = self.want(value, name);
            if !self.names[number].contains(&**name) {
                self.names[number] = format!("{} = {name}", self.names[number]);
            }
            if self.live.contains(value) {
                kept.push(format!("{name} is still held"));
            }
            if after.contains(value) {
                kept.push(format!("{name} is still stored"));
            }
        }
        self.effort.names += u64::try_from(gone.len()).unwrap();
        assert!(kept.is_empty(), "{what}:\n  {}", kept.join("\n  "));
        let found = self.search();
        assert!(found.is_empty(), "{what}: {} traces\n  {}", found.len(), found.join("\n  "));
    }

    /// What is found of values that are not held.
    fn search(&mut self) -> Vec<String> {
        let memory = process::search(self.running.child.id(), &self.wanted).expect("a child may be searched");
        self.effort.searches += 1;
        self.effort.memory_bytes += memory.searched_bytes;
        self.effort.values = self.wanted.len();
        let mut found = Vec::new();
        for trace in memory.found {
            if !self.is_live_piece(&trace.hit) {
                found.push(format!("{}: {trace}", self.names[trace.hit.value]));
            }
        }
        let keys = self.row_keys();
        for (path, hit) in self.wanted.find_in_files(&self.folder).unwrap() {
            if !keys.contains(self.wanted.value(hit.value)) {
                found.push(format!("{}: {:?} {hit:?}", self.names[hit.value], path.file_name().unwrap()));
            }
        }
        found
    }

    /// The keys of the rows there are, which the process holds only while it uses them.
    fn row_keys(&self) -> BTreeSet<Vec<u8>> {
        let slots = fs::read(self.folder.join("state.db-keys")).unwrap_or_default();
        slots.chunks(32).map(<[u8]>::to_vec).collect()
    }

    /// Whether what was found is of a value that is held: the same, or one with a piece in common, as a row has of a secret.
    fn is_live_piece(&self, hit: &cenacle_scan::Hit) -> bool {
        let value = self.wanted.value(hit.value);
        let piece = &value[hit.piece.clone()];
        let within = |live: &[u8]| live.windows(piece.len()).any(|window| window == piece);
        self.live.iter().any(|live| within(live)) || within(&self.begin.signature_key)
    }

    /// Asks which secrets were made and erased since the last time.
    fn count(&mut self) {
        let held = self.must(&Order::Census(()));
        let held = Vec::<(Opaque, (u32, Opaque))>::from_bytes(&held).unwrap();
        for (masked, (holders, name)) in held {
            let value = census::unmasked(&masked);
            if holders > 0 {
                self.live.insert(value);
                continue;
            }
            self.live.remove(&value);
            self.want(&value, &format!("({} bytes, {:?})", value.len(), String::from_utf8_lossy(&name)));
        }
    }

    /// The number under which a value is looked for.
    fn want(&mut self, value: &[u8], name: &str) -> usize {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.wanted.add(value);
        self.numbers.insert(value.to_vec(), number);
        self.names.push(name.to_owned());
        number
    }
}

/// A folder in memory where there is one: what is in it need not survive a loss of power.
#[must_use]
pub fn fast_folder() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { tempfile::tempdir_in(shared).unwrap() } else { tempfile::tempdir().unwrap() }
}
