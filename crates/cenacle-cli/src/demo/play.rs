//! Playing a script: each line is done by the people it names, then everybody is asked what they see until all is as the
//! story says it must be, or patience ends.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;
use std::{io, time::Instant};

use cenacle_crypto::Rng as _;
use cenacle_crypto_awslc::SystemRng;
use cenacle_service::wire::AccountName;
use tokio::time::sleep;

use super::{
    company::Company,
    judge::{Check, Forbidden, Views, judge, list, not_come_true, shared},
    protocol::{Ask, Record, Reply, StateCopy, View},
    report::{Outcome, Report},
    script::{Act, Closed, Deed, Line, Point, Step},
    story::{Entry, RESTORE_COMMITS, Said, Story, file_name},
    trouble::Trouble,
};

/// How long people may take to agree after a step.
const AGREEMENT: Duration = Duration::from_secs(15);
/// How often they are asked.
const INTERVAL: Duration = Duration::from_millis(5);
/// Where to kill when neither script nor command line says.
const USUAL_POINT: Point = Point::AfterPost;
/// A commit killed at random is killed within this time.
const RANDOM_MILLISECONDS: u64 = 20;

/// Someone's state, copied to read with it later.
#[derive(Debug)]
struct Copy {
    state: StateCopy,
    /// The last record of the log at that time.
    head: u64,
}

#[derive(Debug)]
pub(super) struct Play<'a> {
    company: &'a mut Company,
    report: &'a mut Report,
    story: Story,
    kill_at: Option<Point>,
    /// How many commits there have been, which is the epoch.
    epoch: u64,
    /// What everybody online saw after the last step.
    views: Views,
    /// Whose states are to be copied, for which check.
    wanted: BTreeSet<(AccountName, Closed)>,
    copies: BTreeMap<(AccountName, Closed), Copy>,
    /// Files that were fetched and compared, by whom.
    compared: BTreeSet<(AccountName, String)>,
}

/// What doing a step gave.
#[derive(Default)]
struct Done {
    /// The commits it took.
    acts: Vec<Act>,
    /// How many it took beside these.
    further: u64,
    special: Vec<Check>,
    notes: Vec<String>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        company: &'a mut Company,
        report: &'a mut Report,
        story: Story,
        lines: &[Line],
        kill_at: Option<Point>,
    ) -> Self {
        let wanted = lines.iter().filter_map(|line| {
            if let Step::Check { who, closed } = &line.step { Some((who.clone(), *closed)) } else { None }
        });
        let wanted = wanted.collect();
        let (views, copies, compared) = (Views::new(), BTreeMap::new(), BTreeSet::new());
        Self { company, report, story, kill_at, epoch: 0, views, wanted, copies, compared }
    }

    /// The whole script, after the beginning that every script has.
    pub(super) async fn play(&mut self, lines: &[Line]) -> Result<(), Trouble> {
        self.begin().await?;
        for line in lines {
            self.line(line).await?;
        }
        Ok(())
    }

    /// The first person begins the conversation and invites those who are there from the beginning.
    async fn begin(&mut self) -> Result<(), Trouble> {
        let started = Instant::now();
        let members: Vec<_> = self.story.members().into_iter().collect();
        let Some(founder) = self.story.founder().cloned() else { return Ok(()) };
        self.company.ask(&founder, Ask::Begin { title: "cenacle demo".to_owned() }).await?;
        let guests: Vec<_> = members.iter().filter(|name| **name != founder).collect();
        for guest in &guests {
            self.company.ask(&founder, Ask::Invite(guest.to_string())).await?;
        }
        let text = match guests.len() {
            0 => format!("({founder} begins the conversation)"),
            _ => format!("({founder} begins the conversation and invites {})", list(guests.iter().copied())),
        };
        self.count(guests.len());
        let line = Line { number: 0, text, step: Step::Online(founder) };
        self.finish(&line, started, Done::default()).await
    }

    async fn line(&mut self, line: &Line) -> Result<(), Trouble> {
        let started = Instant::now();
        let done = self.act(line).await?;
        // The story was rehearsed with this very script.
        self.story.go_on(line).map_err(|reason| Trouble::NotUnderstood { who: reason, said: line.text.clone() })?;
        self.count(done.acts.len());
        self.epoch = self.epoch.saturating_add(done.further);
        self.finish(line, started, done).await
    }

    fn count(&mut self, commits: usize) {
        self.epoch = self.epoch.saturating_add(u64::try_from(commits).unwrap_or(u64::MAX));
    }

    /// Waits until all is well, or long enough, and tells of it.
    async fn finish(&mut self, line: &Line, started: Instant, mut done: Done) -> Result<(), Trouble> {
        let before = shared(&self.story, &self.views).cloned();
        let usual = self.settle().await?;
        let took = started.elapsed();
        let after = shared(&self.story, &self.views).cloned();
        if let (Some(before), Some(after)) = (&before, &after) {
            done.special.extend(came_true(&done.acts, before, after));
        }
        done.special.extend(self.compare_files().await?);
        self.copy_newcomers().await?;
        let keys = |view: &Option<View>| view.as_ref().map(|view| (view.epoch, view.members.clone()));
        let picture = if keys(&before) == keys(&after) { None } else { self.picture().await? };
        let killed = self.company.take_killed().into_iter();
        done.notes.extend(killed.map(|who| format!("the process of {who} was killed from outside: started again")));
        let Done { special, notes, .. } = done;
        let outcome = Outcome { line, view: after.as_ref(), took, usual, special, notes, picture };
        self.report.step(&outcome).map_err(Trouble::Print)
    }

    async fn settle(&mut self) -> Result<Vec<Check>, Trouble> {
        let deadline = Instant::now() + AGREEMENT;
        let online: Vec<_> = self.story.everybody().iter().filter(|name| self.story.is_online(name)).cloned().collect();
        loop {
            self.views = self.company.views(&online).await?;
            let checks = judge(&self.story, &self.views, self.epoch);
            if checks.iter().all(Check::holds) || Instant::now() >= deadline {
                return Ok(checks);
            }
            sleep(INTERVAL).await;
        }
    }

    async fn picture(&mut self) -> Result<Option<String>, Trouble> {
        let member = self.views.iter().find(|(_, status)| status.view.is_some()).map(|(name, _)| name.clone());
        let Some(member) = member else { return Ok(None) };
        let Reply::Picture(picture) = self.company.ask(&member, Ask::Draw).await? else { return Err(beside(&member)) };
        Ok(Some(picture))
    }

    /// Does what a line asks for.
    async fn act(&mut self, line: &Line) -> Result<Done, Trouble> {
        let mut done = Done::default();
        match &line.step {
            Step::Say { who, text } => {
                let after = self.count_messages(who).await?;
                self.company.ask(who, Ask::Say { text: text.clone(), after }).await?;
            }
            Step::SendFile { who, bytes } => self.send_file(who, line.number, *bytes).await?,
            Step::Offline(who) => drop(self.company.ask(who, Ask::Network(false)).await?),
            Step::Online(who) => drop(self.company.ask(who, Ask::Network(true)).await?),
            Step::Commit(act) => {
                self.copy_leavers([act]).await?;
                let order = self.order(act);
                self.company.ask(&act.who, order).await?;
                done.acts.push(act.clone());
            }
            Step::Together(first, second) => {
                self.copy_leavers([first, second]).await?;
                self.together(first, second).await?;
                done.acts.extend([first.clone(), second.clone()]);
            }
            Step::Kill { act, point } => {
                self.copy_leavers([act]).await?;
                let point = point.or(self.kill_at).unwrap_or(USUAL_POINT);
                done.notes.push(self.kill(act, point).await?);
                done.acts.push(act.clone());
            }
            Step::Restore(who) => {
                done.special = self.restore(who).await?;
                done.further = RESTORE_COMMITS;
            }
            Step::Check { who, closed } => done.special = self.check_closed(who, *closed).await?,
        }
        Ok(done)
    }

    fn order(&self, act: &Act) -> Ask {
        match &act.deed {
            Deed::Invite(name) => Ask::Invite(name.to_string()),
            Deed::Remove(name) => Ask::Remove(name.to_string()),
            Deed::Rotate => Ask::Rotate(self.own_key(&act.who)),
        }
    }

    /// The public key of someone's leaf, as they saw it last.
    fn own_key(&self, who: &AccountName) -> String {
        let view = self.views.get(who).and_then(|status| status.view.as_ref());
        view.and_then(|view| view.members.get(who.as_str())).cloned().unwrap_or_default()
    }

    /// Two commits for the same epoch: both are ready before either is posted.
    async fn together(&mut self, first: &Act, second: &Act) -> Result<(), Trouble> {
        let orders = [(first, self.order(first)), (second, self.order(second))];
        match self.post_together(&orders).await {
            Err(Trouble::Gone { .. } | Trouble::Refused { .. }) => {}
            posted => return posted,
        }
        // Somebody was killed meanwhile: nobody is to wait for them, and both are asked once more.
        for (act, _) in &orders {
            self.company.kill_and_restart(&act.who).await?;
        }
        for (act, order) in orders {
            self.company.ask(&act.who, order).await?;
        }
        Ok(())
    }

    async fn post_together(&mut self, orders: &[(&Act, Ask); 2]) -> Result<(), Trouble> {
        let mut pending = Vec::new();
        for (act, order) in orders {
            self.company.begin(&act.who, Ask::Hold(Point::BeforePost)).await?.done().await?;
            pending.push(self.company.begin(&act.who, order.clone()).await?);
        }
        for (act, _) in orders {
            self.company.held(&act.who).await?;
        }
        for (act, _) in orders {
            pending.push(self.company.begin(&act.who, Ask::Release).await?);
        }
        for pending in pending {
            pending.done().await?;
        }
        Ok(())
    }

    /// Kills somebody in the middle of a commit, and says what happened.
    async fn kill(&mut self, act: &Act, point: Point) -> Result<String, Trouble> {
        let (who, order) = (&act.who, self.order(act));
        let place = if point == Point::Random {
            let delay = random_delay();
            drop(self.company.begin(who, order.clone()).await?);
            sleep(delay).await;
            format!("{} ms after the order", delay.as_millis())
        } else {
            match self.hold(who, order.clone(), point).await {
                Ok(()) => point.to_string(),
                Err(Trouble::Gone { .. } | Trouble::Refused { .. }) => "by somebody else, before that".to_owned(),
                Err(trouble) => return Err(trouble),
            }
        };
        self.company.kill_and_restart(who).await?;
        // What waited is posted again now.
        self.company.ask(who, Ask::Network(true)).await?;
        let views = self.company.views(core::slice::from_ref(who)).await?;
        let epoch = views.get(who).and_then(|status| status.view.as_ref()).map_or(0, |view| view.epoch);
        // If it is done it is not done again.
        self.company.ask(who, order).await?;
        if epoch == self.epoch {
            return Ok(format!("SIGKILL {place}, before the order was stored: {who} restarted and was asked again"));
        }
        Ok(format!("SIGKILL {place}: {who} restarted with its state file and went on"))
    }

    /// Somebody goes on with a copy of their state from before they changed the group.
    async fn restore(&mut self, who: &AccountName) -> Result<Vec<Check>, Trouble> {
        let to = self.company.folder().join(format!("{who}-backup.sqlite"));
        let Reply::Copied(backup) = self.company.ask(who, Ask::Copy { to }).await? else { return Err(beside(who)) };
        let key = self.own_key(who);
        self.company.ask(who, Ask::Rotate(key.clone())).await?;
        self.company.kill_and_restore(who, &backup.path).await?;
        let Reply::Lost(lost) = self.company.ask(who, Ask::GoOn).await? else { return Err(beside(who)) };
        self.company.ask(who, Ask::Rejoin(key)).await?;
        let silent = (lost.said > 0).then(|| format!("it posted {} things", lost.said));
        let noticed = (!lost.is_old).then(|| "it took the copy for its present state".to_owned());
        Ok(vec![
            Check::new(format!("{who} notices that the state is an old copy"), noticed),
            Check::new(format!("{who} says nothing with it, and rejoins"), silent),
        ])
    }

    /// Gives an order and waits until it is carried out so far.
    async fn hold(&mut self, who: &AccountName, order: Ask, point: Point) -> Result<(), Trouble> {
        self.company.begin(who, Ask::Hold(point)).await?.done().await?;
        drop(self.company.begin(who, order).await?);
        self.company.held(who).await.map(drop)
    }

    async fn count_messages(&mut self, who: &AccountName) -> Result<usize, Trouble> {
        let Reply::Count(count) = self.company.ask(who, Ask::Count).await? else { return Err(beside(who)) };
        Ok(count)
    }

    async fn send_file(&mut self, who: &AccountName, number: usize, bytes: usize) -> Result<(), Trouble> {
        let path = self.company.folder().join(file_name(number));
        let mut content = vec![0; bytes];
        let filled = SystemRng.fill(&mut content).map_err(|_| io::Error::other("no randomness"));
        let written = filled.and_then(|()| std::fs::write(&path, content));
        written.map_err(|error| Trouble::Io { doing: "writing a file to be sent", error })?;
        let after = self.count_messages(who).await?;
        self.company.ask(who, Ask::SendFile { path, after }).await.map(drop)
    }

    /// Has everybody online fetch the files they have not, and compares them byte by byte.
    async fn compare_files(&mut self) -> Result<Vec<Check>, Trouble> {
        let mut checks = Vec::new();
        let files = self.story.entries.clone().into_iter().filter_map(|entry| match entry {
            Entry { said: Said::File { name, .. }, entitled, .. } => Some((name, entitled)),
            Entry { said: Said::Text(_), .. } => None,
        });
        for (name, entitled) in files {
            let sent = self.company.folder().join(&name);
            let (mut fetched, mut fault) = (Vec::new(), None);
            for who in entitled.into_iter().filter(|who| self.story.is_online(who)).collect::<Vec<_>>() {
                if !self.compared.insert((who.clone(), name.clone())) {
                    continue;
                }
                let to = self.company.folder().join(format!("{who}-{name}"));
                self.company.ask(&who, Ask::Save { name: name.clone(), to: to.clone() }).await?;
                let is_same = || Ok(std::fs::read(&sent)? == std::fs::read(&to)?);
                let is_same = is_same().map_err(|error| Trouble::Io { doing: "comparing files", error })?;
                if !is_same {
                    fault = Some(format!("{who} has other bytes"));
                }
                fetched.push(who);
            }
            if !fetched.is_empty() {
                checks.push(Check::new(format!("the file is the same, byte by byte, at {}", list(&fetched)), fault));
            }
        }
        Ok(checks)
    }

    async fn records(&mut self, who: &AccountName) -> Result<Vec<Record>, Trouble> {
        let group = self.views.values().find_map(|status| status.group.clone()).unwrap_or_default();
        let Reply::Records(records) = self.company.ask(who, Ask::Records { group }).await? else {
            return Err(beside(who));
        };
        Ok(records)
    }

    /// Copies somebody's state. `reader` says how long the log is.
    async fn copy(&mut self, who: &AccountName, closed: Closed, reader: &AccountName) -> Result<(), Trouble> {
        let head = self.records(reader).await?.last().map_or(0, |record| record.seq);
        let name = if closed == Closed::Before { "joined" } else { "removed" };
        let to = self.company.folder().join(format!("{who}-{name}.sqlite"));
        let Reply::Copied(state) = self.company.ask(who, Ask::Copy { to }).await? else { return Err(beside(who)) };
        self.copies.insert((who.clone(), closed), Copy { state, head });
        Ok(())
    }

    /// Whoever is about to be removed, and will try to read on, keeps a copy of the last state that could.
    async fn copy_leavers(&mut self, acts: impl IntoIterator<Item = &Act>) -> Result<(), Trouble> {
        for act in acts {
            match &act.deed {
                Deed::Remove(name) if self.wanted.contains(&(name.clone(), Closed::After)) => {
                    self.copy(name, Closed::After, &act.who).await?;
                }
                Deed::Invite(name) => drop(self.copies.remove(&(name.clone(), Closed::Before))),
                Deed::Remove(_) | Deed::Rotate => {}
            }
        }
        Ok(())
    }

    /// Whoever has just joined, and will try to read what was before, keeps a copy of the first state.
    async fn copy_newcomers(&mut self) -> Result<(), Trouble> {
        let wanted = self.wanted.iter().filter(|key| key.1 == Closed::Before && !self.copies.contains_key(key));
        let is_in = |name: &AccountName| self.views.get(name).is_some_and(|status| status.view.is_some());
        let newcomers: Vec<_> = wanted.map(|(name, _)| name.clone()).filter(is_in).collect();
        for name in newcomers {
            self.copy(&name, Closed::Before, &name).await?;
        }
        Ok(())
    }

    /// Has somebody try to read what is closed to them: from the server, and by what a member hands over.
    async fn check_closed(&mut self, who: &AccountName, closed: Closed) -> Result<Vec<Check>, Trouble> {
        let positions = self.story.closed_to(who, closed);
        let missing =
            |what: &str| Trouble::Refused { who: who.to_string(), doing: "be checked".into(), why: what.into() };
        let (witness, positions) = self.story.witness(&positions).ok_or_else(|| missing("nobody can help"))?;
        let witness = witness.clone();
        let all = self.story.entries.iter().enumerate().filter(|(_, entry)| entry.entitled.contains(&witness));
        let history = self.views.get(&witness).map(|status| status.history.clone()).unwrap_or_default();
        let seqs = all.zip(history).filter(|((position, _), _)| positions.contains(position));
        let seqs: BTreeSet<u64> = seqs.map(|(_, heard)| heard.seq).collect();
        let handed = self.records(&witness).await?;
        let given = self.records(who).await?;
        let copy = self.copies.get(&(who.clone(), closed)).ok_or_else(|| missing("their state was never copied"))?;
        let pry = Ask::Pry { copy: copy.state.clone(), records: handed.clone() };
        let (epoch, head) = (copy.state.epoch, copy.head);
        let Reply::Pried(pried) = self.company.ask(who, pry).await? else { return Err(beside(who)) };
        let forbidden = Forbidden { who, closed: seqs, handed: &handed, epoch, head };
        let mut checks = vec![forbidden.served(&given), forbidden.opened(&pried)];
        checks.extend(forbidden.control(&pried));
        Ok(checks)
    }
}

/// An answer to another question.
fn beside(who: &AccountName) -> Trouble {
    Trouble::NotUnderstood { who: who.to_string(), said: "an answer to another question".to_owned() }
}

/// Whether all that was wanted can be seen.
fn came_true(acts: &[Act], before: &View, after: &View) -> Option<Check> {
    let what = match acts {
        [] => return None,
        [act] => format!("{act}: everybody sees it"),
        [first, second, ..] => format!("both came true: {first}, {second}"),
    };
    let faults: Vec<_> = acts.iter().filter_map(|act| not_come_true(act, before, after)).collect();
    Some(Check::new(what, (!faults.is_empty()).then(|| faults.join("; "))))
}

fn random_delay() -> Duration {
    let mut bytes = [0; 8];
    let random = SystemRng.fill(&mut bytes).map_or(0, |()| u64::from_be_bytes(bytes));
    Duration::from_micros(random % (RANDOM_MILLISECONDS * 1000))
}
