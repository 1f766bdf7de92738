//! The processes of a demo: one server and one process for each person, all of them this same program. They are ended by
//! their handles, whatever happens: at the end in order, otherwise when the handles are dropped; and each ends by itself
//! when its standard input does.

use alloc::{collections::BTreeMap, sync::Arc};
use core::time::Duration;
use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Mutex, PoisonError},
};

use cenacle_service::wire::AccountName;
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot},
    time::timeout,
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
    async fn start(data: &Path) -> Result<Self, Trouble> {
        let options = ["--listen", "127.0.0.1:0", "--json", "--until-stdin-closes", "--data"].map(OsStr::new);
        let mut child = start([OsStr::new("serve")].into_iter().chain(options).chain([data.as_os_str()]))?;
        let (stdin, mut lines) = pipes(&mut child)?;
        let (who, doing) = ("the server".to_owned(), "start".to_owned());
        let line = match timeout(PATIENCE, lines.next_line()).await {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None) | Err(_)) => return Err(Trouble::Gone { who, doing }),
            Err(_) => return Err(Trouble::Late { who, doing, after: PATIENCE }),
        };
        match serde_json::from_str::<Announcement>(&line) {
            Ok(Announcement { url }) => Ok(Self { child, stdin, url }),
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
    fn start(name: &AccountName, server: &str, data: &Path) -> Result<(Self, Pending), Trouble> {
        let options = ["demo-person", "--server", server, "--name", name.as_str(), "--data"].map(OsStr::new);
        let mut child = start(options.into_iter().chain([data.as_os_str()]))?;
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
}

impl Company {
    /// Starts the server, then everybody at once.
    pub(super) async fn gather(names: &[AccountName], folder: &Path) -> Result<Self, Trouble> {
        let server = ServerProcess::start(&folder.join("server")).await?;
        let mut company = Self { folder: folder.to_owned(), server, people: BTreeMap::new() };
        let ready: Vec<_> = names.iter().map(|name| company.start(name)).collect::<Result<_, _>>()?;
        for ready in ready {
            ready.done().await?;
        }
        Ok(company)
    }

    fn start(&mut self, name: &AccountName) -> Result<Pending, Trouble> {
        let data = self.folder.join(format!("{name}.sqlite"));
        let (person, ready) = PersonProcess::start(name, &self.server.url, &data)?;
        drop(self.people.insert(name.clone(), person));
        Ok(ready)
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

    /// Asks someone for something; the answer is waited for later.
    pub(super) async fn begin(&mut self, who: &AccountName, ask: Ask) -> Result<Pending, Trouble> {
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

    /// Asks someone for something and waits for it.
    pub(super) async fn ask(&mut self, who: &AccountName, ask: Ask) -> Result<Reply, Trouble> {
        self.begin(who, ask).await?.done().await
    }

    /// Everybody's view, asked for at once. Whoever cannot say has none.
    pub(super) async fn views(&mut self, who: &[AccountName]) -> Result<BTreeMap<AccountName, Status>, Trouble> {
        if let Ok(Some(_)) = self.server.child.try_wait() {
            return Err(Trouble::Gone { who: "the server".to_owned(), doing: "serve".to_owned() });
        }
        let mut asked = Vec::new();
        for name in who {
            asked.push((name, self.begin(name, Ask::Status).await?));
        }
        let mut views = BTreeMap::new();
        for (name, pending) in asked {
            let status = match pending.done().await {
                Ok(Reply::Status(status)) => status,
                // It may be about to move from one epoch into the next.
                Ok(_) | Err(Trouble::Refused { .. }) => Status::default(),
                Err(trouble) => return Err(trouble),
            };
            views.insert(name.clone(), status);
        }
        Ok(views)
    }

    /// Waits until someone has stopped in the middle of a commit.
    pub(super) async fn held(&mut self, who: &AccountName) -> Result<Point, Trouble> {
        let doing = "stop in the middle of a commit";
        match timeout(PATIENCE, self.person(who, doing)?.held.recv()).await {
            Ok(Some(point)) => Ok(point),
            Ok(None) => Err(Trouble::Gone { who: who.to_string(), doing: doing.to_owned() }),
            Err(_) => Err(Trouble::Late { who: who.to_string(), doing: doing.to_owned(), after: PATIENCE }),
        }
    }

    /// Kills someone's process (SIGKILL: it cannot do anything about it) and starts it again with the same state file.
    pub(super) async fn kill_and_restart(&mut self, who: &AccountName) -> Result<(), Trouble> {
        let killed = self.person(who, "be killed")?.child.kill().await;
        killed.map_err(|error| Trouble::Io { doing: "killing a process", error })?;
        self.start(who)?.done().await.map(drop)
    }

    /// Kills someone's process and starts it again with an older copy of its state file.
    pub(super) async fn kill_and_restore(&mut self, who: &AccountName, backup: &Path) -> Result<(), Trouble> {
        let killed = self.person(who, "be killed")?.child.kill().await;
        killed.map_err(|error| Trouble::Io { doing: "killing a process", error })?;
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
        self.start(who)?.done().await.map(drop)
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
