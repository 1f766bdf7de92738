//! The processes of a demo: one server and one process for each person, all of them this same program. They are ended by
//! their handles, whatever happens: at the end in order, otherwise when the handles are dropped; and each ends by itself
//! when its standard input does. One that is killed from outside is started again with its file, and asked once more.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use core::time::Duration;
use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
};

use cenacle_service::wire::AccountName;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

use super::{
    protocol::{Ask, Reply, Request, Status, Tell},
    script::Point,
    trouble::Trouble,
};

/// How long anything may take before the demo gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(5);
/// How often a process may be killed from outside before it has done what it was asked.
const MOST_DEATHS: u32 = 20;
/// How long to look for a death that explains why something was not done, and how often.
const LOOKS: u32 = 25;
const LOOK: Duration = Duration::from_millis(20);
/// Where the server listens at first.
const ANYWHERE: &str = "127.0.0.1:0";

fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Child, Trouble> {
    let start = || {
        let mut command = Command::new(env::current_exe()?);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.spawn()
    };
    start().map_err(|error| Trouble::Io { doing: "starting a process", error })
}

fn pipes(child: &mut Child) -> Result<(ChildStdin, Lines<BufReader<ChildStdout>>), Trouble> {
    let gone = || Trouble::Io { doing: "talking to a process", error: io::ErrorKind::BrokenPipe.into() };
    let (stdin, stdout) = (child.stdin.take().ok_or_else(gone)?, child.stdout.take().ok_or_else(gone)?);
    Ok((stdin, BufReader::new(stdout).lines()))
}

/// The server's process.
#[derive(Debug)]
struct ServerProcess {
    child: Child,
    /// Its end ends the server.
    stdin: ChildStdin,
    url: String,
}

#[derive(Deserialize)]
struct Announcement {
    url: String,
}

impl ServerProcess {
    /// Starts it, again if it is killed before it serves; how often that was.
    async fn start(address: &str, data: &Path) -> Result<(Self, u32), Trouble> {
        for deaths in 0..MOST_DEATHS {
            if let Some(server) = Self::try_start(address, data).await? {
                return Ok((server, deaths));
            }
        }
        Err(Trouble::Gone { who: "the server".to_owned(), doing: "start".to_owned() })
    }

    /// Starts it; none if it was killed before it serves.
    async fn try_start(address: &str, data: &Path) -> Result<Option<Self>, Trouble> {
        let options = ["--listen", address, "--json", "--until-stdin-closes", "--data"].map(OsStr::new);
        let mut child = start([OsStr::new("serve")].into_iter().chain(options).chain([data.as_os_str()]))?;
        let (stdin, mut lines) = pipes(&mut child)?;
        let (who, doing) = ("the server".to_owned(), "start".to_owned());
        let line = match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) if child.wait().await.is_ok_and(|status| was_killed(&status)) => return Ok(None),
            Ok(Ok(None) | Err(_)) => return Err(Trouble::Gone { who, doing }),
            Err(_) => return Err(Trouble::Late { who, doing, after: PATIENCE }),
        };
        match serde_json::from_str::<Announcement>(&line) {
            Ok(Announcement { url }) => Ok(Some(Self { child, stdin, url })),
            Err(_) => Err(Trouble::NotUnderstood { who, said: line }),
        }
    }

    /// Lets the server end by itself, or kills it if it does not.
    async fn end(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        if timeout(FAREWELL, child.wait()).await.is_err() {
            drop(child.kill().await);
        }
    }
}

type Answer = Result<Reply, String>;

/// Who waits for which answer; none any more once the process has ended.
type Waiting = Arc<Mutex<Option<BTreeMap<u64, oneshot::Sender<Answer>>>>>;

/// The number of the answer that nobody asked for: that a person is ready.
const READY: u64 = 0;

/// A person's process.
#[derive(Debug)]
struct PersonProcess {
    child: Child,
    /// Its end ends the process.
    stdin: ChildStdin,
    last_id: u64,
    waiting: Waiting,
    held: mpsc::UnboundedReceiver<Point>,
}

/// An answer that is on its way.
#[must_use = "the answer is to be waited for"]
pub(super) struct Pending {
    who: String,
    doing: String,
    answer: oneshot::Receiver<Answer>,
}

impl Pending {
    pub(super) async fn done(self) -> Result<Reply, Trouble> {
        let Self { who, doing, answer } = self;
        match timeout(PATIENCE, answer).await {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(why))) => Err(Trouble::Refused { who, doing, why }),
            Ok(Err(_)) => Err(Trouble::Gone { who, doing }),
            Err(_) => Err(Trouble::Late { who, doing, after: PATIENCE }),
        }
    }
}

impl PersonProcess {
    /// Starts a process; the answer comes when it is registered.
    fn start(name: &AccountName, server: &str, data: &Path, is_offline: bool) -> Result<(Self, Pending), Trouble> {
        let options = ["demo-person", "--server", server, "--name", name.as_str(), "--data"].map(OsStr::new);
        let offline = is_offline.then_some(OsStr::new("--offline"));
        let mut child = start(options.into_iter().chain([data.as_os_str()]).chain(offline))?;
        let (stdin, lines) = pipes(&mut child)?;
        let waiting = Waiting::new(Mutex::new(Some(BTreeMap::new())));
        let (tell_held, held) = mpsc::unbounded_channel();
        let person = Self { child, stdin, last_id: READY, waiting, held };
        let ready = person.expect(READY, name, "start".to_owned());
        drop(tokio::spawn(listen(lines, Arc::clone(&person.waiting), tell_held)));
        Ok((person, ready))
    }

    fn expect(&self, id: u64, name: &AccountName, doing: String) -> Pending {
        let (sender, answer) = oneshot::channel();
        if let Some(waiting) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            waiting.insert(id, sender);
        }
        Pending { who: name.to_string(), doing, answer }
    }

    async fn end(self) {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        if timeout(FAREWELL, child.wait()).await.is_err() {
            drop(child.kill().await);
        }
    }
}

async fn listen(mut lines: Lines<BufReader<ChildStdout>>, waiting: Waiting, held: mpsc::UnboundedSender<Point>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let (id, answer) = match serde_json::from_str::<Tell>(&line) {
            Ok(Tell::Answer { id, answer }) => (id, answer),
            Ok(Tell::Ready) => (READY, Ok(Reply::Done)),
            Ok(Tell::Held(point)) if held.send(point).is_ok() => continue,
            Ok(Tell::Held(_)) => break,
            Err(_) => break,
        };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let asker = waiting.as_mut().and_then(|waiting| waiting.remove(&id));
        drop(asker.map(|asker| asker.send(answer)));
    }
    // Whoever still waits learns that nothing will come.
    drop(waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// All processes of a demo, and the folder of their files.
#[derive(Debug)]
pub(super) struct Company {
    folder: PathBuf,
    server: ServerProcess,
    people: BTreeMap<AccountName, PersonProcess>,
    /// Who has no network, which a new process of theirs has to know.
    offline: BTreeSet<AccountName>,
    /// Who was killed from outside, until it is told.
    killed: Vec<String>,
    /// How often that was.
    deaths: usize,
}

impl Company {
    /// Starts the server, then everybody at once.
    pub(super) async fn gather(names: &[AccountName], folder: &Path) -> Result<Self, Trouble> {
        let (server, deaths) = ServerProcess::start(ANYWHERE, &folder.join("server")).await?;
        let mut company = Self {
            folder: folder.to_owned(),
            server,
            people: BTreeMap::new(),
            offline: BTreeSet::new(),
            killed: Vec::new(),
            deaths: 0,
        };
        (0..deaths).for_each(|_| company.mourn("the server"));
        let deaths = company.deaths;
        let ready: Vec<_> = names.iter().map(|name| company.start(name)).collect::<Result<_, _>>()?;
        for (name, ready) in names.iter().zip(ready) {
            company.wait_until_ready(name, deaths, ready).await?;
        }
        Ok(company)
    }

    fn start(&mut self, name: &AccountName) -> Result<Pending, Trouble> {
        let data = self.folder.join(format!("{name}.sqlite"));
        let is_offline = self.offline.contains(name);
        let (person, ready) = PersonProcess::start(name, &self.server.url, &data, is_offline)?;
        drop(self.people.insert(name.clone(), person));
        Ok(ready)
    }

    /// Waits until a process is ready. One that is killed before, or that found no server, is started again.
    /// It was started when there were `deaths` deaths.
    async fn wait_until_ready(
        &mut self,
        name: &AccountName,
        mut deaths: usize,
        mut ready: Pending,
    ) -> Result<(), Trouble> {
        for _ in 0..MOST_DEATHS {
            let Err(trouble) = ready.done().await else { return Ok(()) };
            let status = match self.people.get_mut(name) {
                Some(person) => person.child.wait().await.ok(),
                None => None,
            };
            if status.is_some_and(|status| was_killed(&status)) {
                self.mourn(name.as_str());
            } else if !self.was_server_killed(deaths).await? {
                return Err(trouble);
            }
            deaths = self.deaths;
            ready = self.start(name)?;
        }
        ready.done().await.map(drop)
    }

    /// Whether the server was killed since there were `deaths` deaths, which may take a moment to see.
    async fn was_server_killed(&mut self, deaths: usize) -> Result<bool, Trouble> {
        for _ in 0..LOOKS {
            if self.revive_server().await? || self.deaths != deaths {
                return Ok(true);
            }
            sleep(LOOK).await;
        }
        Ok(false)
    }

    fn mourn(&mut self, who: &str) {
        self.killed.push(who.to_owned());
        self.deaths += 1;
    }

    /// Who was killed from outside since this was last asked.
    pub(super) fn take_killed(&mut self) -> Vec<String> {
        core::mem::take(&mut self.killed)
    }

    pub(super) fn server_url(&self) -> &str {
        &self.server.url
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The processes' numbers: the server's first.
    pub(super) fn process_ids(&self) -> Vec<(String, Option<u32>)> {
        let people = self.people.iter().map(|(name, person)| (name.to_string(), person.child.id()));
        [("server".to_owned(), self.server.child.id())].into_iter().chain(people).collect()
    }

    fn person(&mut self, who: &AccountName, doing: &str) -> Result<&mut PersonProcess, Trouble> {
        let gone = || Trouble::Gone { who: who.to_string(), doing: doing.to_owned() };
        self.people.get_mut(who).ok_or_else(gone)
    }

    /// Starts the server again, on its address, if it was killed or told to stop; whether it was.
    async fn revive_server(&mut self) -> Result<bool, Trouble> {
        let mut is_dead = false;
        while let Ok(Some(status)) = self.server.child.try_wait() {
            if !was_killed(&status) && !status.success() {
                return Err(Trouble::Gone { who: "the server".to_owned(), doing: "serve".to_owned() });
            }
            is_dead = true;
            let address = self.server.url.trim_start_matches("http://").to_owned();
            let (server, deaths) = ServerProcess::start(&address, &self.folder.join("server")).await?;
            self.server = server;
            (0..=deaths).for_each(|_| self.mourn("the server"));
        }
        Ok(is_dead)
    }

    /// Starts whoever was killed from outside again; whether there was anybody.
    pub(super) async fn revive(&mut self) -> Result<bool, Trouble> {
        let mut is_anybody = self.revive_server().await?;
        for name in self.people.keys().cloned().collect::<Vec<_>>() {
            let Some(person) = self.people.get_mut(&name) else { continue };
            let Ok(Some(status)) = person.child.try_wait() else { continue };
            if !was_killed(&status) {
                return Err(Trouble::Gone { who: name.to_string(), doing: "go on".to_owned() });
            }
            self.mourn(name.as_str());
            is_anybody = true;
            self.restart(&name).await?;
        }
        Ok(is_anybody)
    }

    /// Whether somebody was killed since there were `deaths` deaths, which may take a moment to see.
    async fn was_somebody_killed(&mut self, deaths: usize) -> Result<bool, Trouble> {
        for _ in 0..LOOKS {
            if self.revive().await? || self.deaths != deaths {
                return Ok(true);
            }
            sleep(LOOK).await;
        }
        Ok(false)
    }

    /// Asks someone for something; the answer is waited for later.
    pub(super) async fn begin(&mut self, who: &AccountName, ask: Ask) -> Result<Pending, Trouble> {
        if let Ask::Network(is_there) = &ask {
            self.offline.remove(who);
            self.offline.extend((!is_there).then(|| who.clone()));
        }
        let doing = ask.name().to_owned();
        let person = self.person(who, &doing)?;
        person.last_id += 1;
        let pending = person.expect(person.last_id, who, doing);
        let request = serde_json::to_string(&Request { id: person.last_id, ask });
        let line = request.map_err(|_| Trouble::NotUnderstood { who: who.to_string(), said: pending.doing.clone() })?;
        // A process that has ended is told of by the answer that does not come.
        drop(person.stdin.write_all(format!("{line}\n").as_bytes()).await);
        Ok(pending)
    }

    /// Asks someone for something and waits for it; once more if they or the server were killed meanwhile.
    pub(super) async fn ask(&mut self, who: &AccountName, ask: Ask) -> Result<Reply, Trouble> {
        for _ in 0..MOST_DEATHS {
            let deaths = self.deaths;
            let trouble = match self.begin(who, ask.clone()).await?.done().await {
                Err(trouble @ (Trouble::Gone { .. } | Trouble::Refused { .. })) => trouble,
                answer => return answer,
            };
            if !self.was_somebody_killed(deaths).await? {
                return Err(trouble);
            }
        }
        self.begin(who, ask).await?.done().await
    }

    /// Everybody's view, asked for at once. Whoever cannot say has none.
    pub(super) async fn views(&mut self, who: &[AccountName]) -> Result<BTreeMap<AccountName, Status>, Trouble> {
        self.revive().await?;
        let mut asked = Vec::new();
        for name in who {
            asked.push((name, self.begin(name, Ask::Status).await?));
        }
        let mut views = BTreeMap::new();
        for (name, pending) in asked {
            let status = match pending.done().await {
                Ok(Reply::Status(status)) => status,
                // It may be about to move from one epoch into the next, or was killed.
                Ok(_) | Err(Trouble::Refused { .. } | Trouble::Gone { .. }) => Status::default(),
                Err(trouble) => return Err(trouble),
            };
            views.insert(name.clone(), status);
        }
        Ok(views)
    }

    /// Waits until someone has stopped in the middle of a commit. A server that is killed meanwhile is started again, so that
    /// they get that far; if they are killed themselves, a new process of theirs knows nothing of stopping, and they are gone.
    pub(super) async fn held(&mut self, who: &AccountName) -> Result<Point, Trouble> {
        let doing = "stop in the middle of a commit";
        let gone = || Trouble::Gone { who: who.to_string(), doing: doing.to_owned() };
        let (process, deadline) = (self.person(who, doing)?.child.id(), Instant::now() + PATIENCE);
        loop {
            match timeout(LOOK, self.person(who, doing)?.held.recv()).await {
                Ok(point) => return point.ok_or_else(gone),
                Err(_) if Instant::now() >= deadline => {
                    return Err(Trouble::Late { who: who.to_string(), doing: doing.to_owned(), after: PATIENCE });
                }
                Err(_) => drop(self.revive().await?),
            }
            if self.person(who, doing)?.child.id() != process {
                return Err(gone());
            }
        }
    }

    /// Kills someone's process (SIGKILL: it cannot do anything about it).
    async fn kill(&mut self, who: &AccountName) -> Result<(), Trouble> {
        let child = &mut self.person(who, "be killed")?.child;
        // It may have been killed by somebody else.
        match (child.kill().await, child.try_wait()) {
            (Err(error), Ok(None)) => Err(Trouble::Io { doing: "killing a process", error }),
            _ => Ok(()),
        }
    }

    /// Starts the process of someone who was killed again, and waits until it is ready.
    async fn restart(&mut self, who: &AccountName) -> Result<(), Trouble> {
        let (deaths, ready) = (self.deaths, self.start(who)?);
        self.wait_until_ready(who, deaths, ready).await
    }

    /// Kills someone's process and starts it again with the same state file.
    pub(super) async fn kill_and_restart(&mut self, who: &AccountName) -> Result<(), Trouble> {
        self.kill(who).await?;
        self.restart(who).await
    }

    /// Kills someone's process and starts it again with an older copy of its state file.
    pub(super) async fn kill_and_restore(&mut self, who: &AccountName, backup: &Path) -> Result<(), Trouble> {
        self.kill(who).await?;
        let file = self.folder.join(format!("{who}.sqlite"));
        let restore = || {
            // What SQLite keeps beside its file is of the state that is gone.
            for beside in ["-wal", "-shm"] {
                let mut path = file.clone().into_os_string();
                path.push(beside);
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            std::fs::copy(backup, &file).map(drop)
        };
        restore().map_err(|error| Trouble::Io { doing: "restoring a backup", error })?;
        self.restart(who).await
    }

    /// Ends all processes.
    pub(super) async fn end(self) {
        let Self { server, people, .. } = self;
        for person in people.into_values() {
            person.end().await;
        }
        server.end().await;
    }
}

/// Whether a process ended because somebody killed it, and not by a fault of its own.
#[cfg(unix)]
fn was_killed(status: &ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    // SIGINT, SIGKILL, SIGTERM.
    matches!(status.signal(), Some(2 | 9 | 15))
}

/// Whether a process ended because somebody killed it cannot be told here.
#[cfg(not(unix))]
const fn was_killed(_: &ExitStatus) -> bool {
    false
}
