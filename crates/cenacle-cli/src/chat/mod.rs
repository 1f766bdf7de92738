//! `cenacle chat`: conversations in lines of text, for a terminal or a pipe. It is a thin user of the SDK: state, waiting
//! messages and their order are the SDK's.

mod command;
mod printer;
mod session;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;
use core::time::Duration;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cenacle::{Client, Config, Error, Events, Loss, Recovery, transport::HttpTransport};
use cenacle_service::wire::AccountName;
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    runtime,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    output::{FAILED, OK, USAGE, complain, finish},
    place,
    signals::asked_to_stop,
};
use printer::Printer;
use session::{Fault, Next, Session};

/// Talk in end-to-end encrypted conversations, in a terminal or through a pipe
///
/// A line is said to the current conversation; a line with a slash is a command, and `/help` lists them. What is said without
/// a connection is kept and sent later. History, keys and membership are in the data directory and survive restarts. When
/// standard input ends, what waits is sent and the program ends.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ChatArgs {
    /// The server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8443")]
    server: String,
    /// Who you are: a name of a-z, 0-9, '.', '_', '-'; the first to use it has it
    #[arg(long = "as", value_name = "NAME")]
    name: AccountName,
    /// Directory of the state, made if there is none [default: cenacle/chat in the user's data directory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Go on receiving so long after standard input has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: u64,
    /// Come back by itself to a conversation that is lost, unless somebody came into it meanwhile
    #[arg(long)]
    recover: bool,
    /// Print events as JSON, one object a line
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  In two terminals, with `cenacle serve` in a third:
    cenacle chat --as bob
    cenacle chat --as alice
      /new friends
      /invite bob
      Hello, Bob!
  From a script:
    echo 'the backup is done' | cenacle chat --as backup
  What came meanwhile, as JSON (events: joined, message, file, delivered, members, epoch, removed, lost, rejoined, error, ...):
    cenacle chat --as alice --json --wait 5 < /dev/null
  What was said, ever:
    echo /history | cenacle chat --as alice

Exit status: 0 if every line was done, 1 if one was not or messages still wait, 2 for a wrong command line.";

impl ChatArgs {
    /// Runs the command.
    #[must_use]
    pub fn run(&self) -> ExitCode {
        let Some(data) = self.data.clone().or_else(|| place::of("chat")) else {
            return complain(&place::NOT_FOUND, USAGE).into();
        };
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return complain(&error, FAILED).into(),
        };
        let outcome = runtime.block_on(self.chat(&data));
        // Reading standard input cannot be interrupted.
        runtime.shutdown_background();
        finish(outcome)
    }

    async fn open(&self, data: &Path) -> Result<(Client, Events), Error> {
        // An address that makes no sense leaves nothing behind.
        let transport = Arc::new(HttpTransport::new(&self.server)?);
        private_directory(data)?;
        let recovery = if self.recover { Recovery::Automatic } else { Recovery::Ask };
        let config = Config::new(&self.server).transport(transport).recovery(recovery);
        let config = config.data(data.join(format!("{}.sqlite", self.name)));
        let client = Client::open(config).await?;
        let events = client.events();
        client.register(self.name.as_str()).await?;
        Ok((client, events))
    }

    async fn chat(&self, data: &Path) -> io::Result<u8> {
        let stop = asked_to_stop()?;
        let (client, events) = match self.open(data).await {
            Ok(opened) => opened,
            Err(error @ (Error::BadServerUrl | Error::InsecureServer | Error::NoTls)) => {
                return Ok(complain(&format_args!("--server {}: {error}", self.server), USAGE));
            }
            Err(error) => return Ok(complain(&error, FAILED)),
        };
        // What is lost from now on comes as an event.
        let known_before = match session::losses(&client).await {
            Ok(losses) => losses,
            Err(error) => return Ok(complain(&error, FAILED)),
        };
        // Whatever came meanwhile comes before what is said now. Without a connection it comes later.
        let synced = client.sync().await;
        if matches!(synced, Err(Error::OtherServer)) {
            client.close().await;
            let complaint = format!(
                "{}'s state in {} belongs to another server than the one at {}, and nothing was sent to that. Give the \
                 address of its own with --server, or another directory with --data",
                self.name,
                data.display(),
                self.server
            );
            return Ok(complain(&complaint, FAILED));
        }
        let memory = data.join(format!("{}.current", self.name));
        let mut session = match Session::resume(client, memory, Printer::new(self.json)).await {
            Ok(session) => session,
            Err(error) => return Ok(complain(&error, FAILED)),
        };
        if let Err(error) = synced
            && Loss::of(&error).is_none()
        {
            session.printer.complain("", &error.to_string())?;
        }
        session.greet(&self.name).await?;
        session.recall_losses(&known_before).await?;
        let talk = Talk { session: &mut session, events, is_good: true };
        let outcome = talk.run(Duration::from_secs(self.wait), stop).await;
        session.close().await;
        outcome
    }
}

/// The history is nobody else's business.
fn private_directory(path: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Error::Io { path: path.to_owned(), error })
}

/// A session with its input and its news.
struct Talk<'a> {
    session: &'a mut Session,
    events: Events,
    /// Whether every line was done.
    is_good: bool,
}

impl Talk<'_> {
    async fn run(mut self, wait: Duration, stop: impl Future<Output = ()>) -> io::Result<u8> {
        tokio::pin!(stop);
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        loop {
            tokio::select! {
                line = lines.next_segment() => match line? {
                    Some(line) if self.line_of(&line).await? == Next::Line => {}
                    Some(_) => break,
                    None => {
                        self.receive_until(Instant::now() + wait, stop.as_mut()).await?;
                        break;
                    }
                },
                event = self.events.next() => match event {
                    Some(event) => self.hear(&event).await?,
                    None => break,
                },
                () = &mut stop => break,
            }
        }
        self.drain().await?;
        let waiting = match self.session.flush().await {
            Ok(waiting) => waiting,
            Err(fault) => {
                self.complain("", fault)?;
                0
            }
        };
        self.drain().await?;
        if waiting > 0 {
            let reason = format!("not sent yet: {waiting} of your messages; they will be at the next start");
            self.complain("", Fault::Said(reason))?;
        }
        Ok(if self.is_good { OK } else { FAILED })
    }

    async fn line_of(&mut self, bytes: &[u8]) -> io::Result<Next> {
        match core::str::from_utf8(bytes) {
            Ok(line) => self.line(line.trim_end_matches('\r')).await,
            Err(_) => {
                let line = String::from_utf8_lossy(bytes);
                self.complain(&line, Fault::Said("this line is not UTF-8".to_owned())).map(|()| Next::Line)
            }
        }
    }

    async fn line(&mut self, line: &str) -> io::Result<Next> {
        let obeyed = match command::read(line) {
            Ok(None) => return Ok(Next::Line),
            Ok(Some(command)) => self.session.obey(command).await,
            Err(usage) => Err(Fault::Said(usage)),
        };
        // What a command brought about is told before the next line.
        self.drain().await?;
        match obeyed {
            Ok(next) => Ok(next),
            Err(fault) => self.complain(line, fault).map(|()| Next::Line),
        }
    }

    fn complain(&mut self, line: &str, fault: Fault) -> io::Result<()> {
        match fault {
            Fault::Said(reason) => {
                self.is_good = false;
                self.session.printer.complain(line, &reason)
            }
            Fault::Print(error) => Err(error),
        }
    }

    async fn hear(&mut self, event: &cenacle::Event) -> io::Result<()> {
        match self.session.hear(event).await {
            Ok(()) => Ok(()),
            Err(fault) => self.complain("", fault),
        }
    }

    /// Tells of everything that has happened so far.
    async fn drain(&mut self) -> io::Result<()> {
        while let Ok(Some(event)) = timeout(Duration::ZERO, self.events.next()).await {
            self.hear(&event).await?;
        }
        Ok(())
    }

    async fn receive_until(&mut self, end: Instant, mut stop: impl Future<Output = ()> + Unpin) -> io::Result<()> {
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(event) => self.hear(&event).await?,
                    None => return Ok(()),
                },
                () = sleep_until(end) => return Ok(()),
                () = &mut stop => return Ok(()),
            }
        }
    }
}
