//! The clients of a random run, what is asked of all of them, and the steps that are no commit of a member: external
//! joins, application messages, and the comparison after each epoch.

use super::super::rng::Rng;
use super::super::{
    Action, CenacleObserver, Entry, Maker, Peer, PeerError, RawExtension, Received, View, external_senders,
    test_extensions,
};
use super::{RunConfig, Tally};

const GROUP_ID: &[u8] = b"random run";

/// The external PSK that every client holds.
pub(super) const PSK_ID: &[u8] = b"shared by all";

/// Past epochs whose resumption PSKs every implementation keeps.
const KEPT_EPOCHS: usize = 2;

/// One client, in the group or outside of it.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) peer: Box<dyn Peer>,
    pub(super) inside: bool,
    /// The commit by which it came in, counted as [`World::commits`] counts.
    since: usize,
}

/// An application message held back until its epoch has ended.
struct Late {
    sender: usize,
    message: Vec<u8>,
    data: Vec<u8>,
    sent: usize,
    due: usize,
}

/// The state of a run.
pub(super) struct World {
    pub(super) config: RunConfig,
    pub(super) rng: Rng,
    pub(super) clients: Vec<Client>,
    pub(super) tally: Tally,
    pub(super) steps: Vec<String>,
    /// Who was removed by the last commit.
    pub(super) removed: Vec<usize>,
    /// What the last commit gave to outsiders.
    pub(super) view: Option<View>,
    /// Those who are never in the group but may propose to it.
    pub(super) external_senders: Vec<Box<dyn Peer>>,
    /// Follows the group, if its handshakes are in the clear.
    observer: Option<CenacleObserver>,
    /// Commits so far, those of the set-up among them.
    commits: usize,
    late: Vec<Late>,
}

impl World {
    pub(super) fn new(config: RunConfig) -> Self {
        Self {
            config,
            rng: Rng::new(config.seed),
            clients: Vec::new(),
            tally: Tally::default(),
            steps: Vec::new(),
            removed: Vec::new(),
            view: None,
            external_senders: Vec::new(),
            observer: None,
            commits: 0,
            late: Vec::new(),
        }
    }

    /// Makes all clients and a group of the wanted size.
    pub(super) fn set_up(&mut self, makers: &[Maker]) -> Result<(), String> {
        let total = self.config.members + self.config.members / 2;
        for (number, maker) in (0..total).zip(makers.iter().cycle()) {
            let name = format!("client {number}");
            let mut peer = maker(&name, self.config.suite, self.config.options).map_err(|e| e.to_string())?;
            peer.add_psk(PSK_ID, b"a secret that came by another way").map_err(|e| e.to_string())?;
            self.clients.push(Client { name, peer, inside: false, since: 0 });
        }
        for (number, maker) in makers.iter().enumerate() {
            let name = format!("outside {number}");
            let peer = maker(&name, self.config.suite, self.config.options).map_err(|e| e.to_string())?;
            self.external_senders.push(peer);
        }
        self.found(total)?;
        while self.members().len() < self.config.members {
            self.add_some()?;
            self.check_epoch()?;
            self.steps.clear();
        }
        Ok(())
    }

    /// One client makes the group, names the external senders, and gives the observer a view to begin with.
    fn found(&mut self, total: usize) -> Result<(), String> {
        let creator = self.rng.below(total);
        self.step(format!("{} creates the group", self.label(creator)));
        self.on(creator, |peer| peer.create_group(GROUP_ID))?;
        self.clients[creator].inside = true;
        let extensions = self.extensions()?;
        self.on(creator, |peer| peer.commit(&[Action::GroupContextExtensions(extensions)]))?;
        self.on(creator, |peer| peer.confirm())?;
        self.committed(&[]);
        self.clients[creator].since = self.commits;
        if !self.config.options.encrypt_handshakes {
            let view = self.on(creator, |peer| peer.view())?;
            self.observer = Some(CenacleObserver::new(self.config.suite, &view).map_err(|e| e.to_string())?);
        }
        Ok(())
    }

    /// Extensions of the group context that no earlier epoch had, with the same external senders.
    pub(super) fn extensions(&mut self) -> Result<Vec<RawExtension>, String> {
        let entries: Result<Vec<_>, _> = self.external_senders.iter().map(|peer| peer.external_sender()).collect();
        let mut extensions = test_extensions(&self.rng.bytes(10));
        extensions.extend(external_senders(&entries.map_err(|error| error.to_string())?));
        Ok(extensions)
    }

    /// Passes the wanted number of epochs.
    pub(super) fn pass_epochs(&mut self) -> Result<(), String> {
        for _ in 0..self.config.epochs {
            self.send_late()?;
            let outside = self.outsiders();
            match self.rng.below(12) {
                0..=1 if !outside.is_empty() => {
                    let joiner = outside[self.rng.below(outside.len())];
                    self.external_join(joiner)?;
                }
                2 if self.members().len() > 1 => {
                    let members = self.members();
                    let joiner = members[self.rng.below(members.len())];
                    self.external_join(joiner)?;
                }
                _ => self.member_commit()?,
            }
            self.check_epoch()?;
            self.deliver_late()?;
            self.tally.epochs += 1;
            self.steps.clear();
            self.removed.clear();
        }
        Ok(())
    }

    /// Notes what is done next, for the report of a failure.
    pub(super) fn step(&mut self, what: String) {
        self.steps.push(what);
    }

    pub(super) fn label(&self, client: usize) -> String {
        let client = &self.clients[client];
        format!("{} ({})", client.name, client.peer.implementation())
    }

    /// Lets one client act; its refusal names it.
    pub(super) fn on<T>(
        &mut self,
        client: usize,
        act: impl FnOnce(&mut dyn Peer) -> Result<T, PeerError>,
    ) -> Result<T, String> {
        act(self.clients[client].peer.as_mut()).map_err(|error| format!("{}: {error}", self.clients[client].name))
    }

    /// Counts a commit that all members have applied, and lets those in who came by it.
    pub(super) fn committed(&mut self, joined: &[usize]) {
        self.commits += 1;
        for &client in joined {
            self.clients[client].inside = true;
            self.clients[client].since = self.commits;
        }
    }

    fn clients_where(&self, inside: bool) -> Vec<usize> {
        (0..self.clients.len()).filter(|&client| self.clients[client].inside == inside).collect()
    }

    pub(super) fn members(&self) -> Vec<usize> {
        self.clients_where(true)
    }

    pub(super) fn outsiders(&self) -> Vec<usize> {
        self.clients_where(false)
    }

    /// Epochs whose resumption PSK every member holds.
    pub(super) fn shared_epochs(&self) -> core::ops::RangeInclusive<usize> {
        let joined = self.clients.iter().filter(|client| client.inside).map(|client| client.since).max().unwrap_or(0);
        joined.max(self.commits.saturating_sub(KEPT_EPOCHS))..=self.commits
    }

    /// The group as some member shows it to outsiders, perhaps with what came with the last commit.
    fn view(&mut self, helper: usize) -> Result<View, String> {
        match self.view.take() {
            Some(view) if self.rng.one_in(2) => Ok(view),
            _ => self.on(helper, |peer| peer.view()),
        }
    }

    /// An external commit: a join, or a resync if the joiner is a member.
    fn external_join(&mut self, joiner: usize) -> Result<(), String> {
        let resync = self.clients[joiner].inside;
        let others: Vec<_> = self.members().into_iter().filter(|&member| member != joiner).collect();
        let helper = others[self.rng.below(others.len())];
        let entry = Entry { resync, psk: self.rng.one_in(3).then_some(PSK_ID) };
        self.step(format!("{} comes in as {entry:?}, shown the group by {}", self.label(joiner), self.label(helper)));
        let view = self.view(helper)?;
        let commit = self.on(joiner, |peer| peer.external_join(&view, entry))?;
        self.observe(&commit, &Received::Commit)?;
        for member in others {
            self.deliver(member, &commit, &Received::Commit)?;
        }
        self.committed(&[joiner]);
        if resync {
            self.tally.resyncs += 1;
        } else {
            self.tally.external_joins += 1;
        }
        self.tally.entries_with_psk += usize::from(entry.psk.is_some());
        Ok(())
    }

    /// A random external sender proposes something, and has seen the group through a random member.
    pub(super) fn propose_externally(&mut self, what: &Action) -> Result<Vec<u8>, String> {
        let members = self.members();
        let helper = members[self.rng.below(members.len())];
        let view = self.on(helper, |peer| peer.view())?;
        let senders = self.external_senders.len();
        let sender = self.rng.below(senders);
        let peer = &mut self.external_senders[sender];
        let implementation = peer.implementation();
        let proposal = peer.propose_externally(&view, what).map_err(|error| error.to_string())?;
        self.step(format!("external sender {sender} ({implementation}) proposes"));
        self.tally.external_proposals += 1;
        Ok(proposal)
    }

    /// A client proposes its own addition, and has seen the group through a random member.
    pub(super) fn propose_itself(&mut self, joiner: usize) -> Result<Vec<u8>, String> {
        let members = self.members();
        let helper = members[self.rng.below(members.len())];
        self.step(format!("{} proposes itself", self.label(joiner)));
        let view = self.on(helper, |peer| peer.view())?;
        self.tally.newcomer_proposals += 1;
        self.on(joiner, |peer| peer.propose_join(&view))
    }

    /// Shows a handshake to the observer, if there is one.
    pub(super) fn observe(&mut self, message: &[u8], expected: &Received) -> Result<(), String> {
        let Some(observer) = &mut self.observer else { return Ok(()) };
        let received = observer.receive(message).map_err(|error| error.to_string())?;
        self.tally.observed_handshakes += 1;
        if received == *expected { Ok(()) } else { Err(format!("the observer took {expected:?} for {received:?}")) }
    }

    /// Hands a message to a client, which must take it for what it is.
    pub(super) fn deliver(&mut self, to: usize, message: &[u8], expected: &Received) -> Result<(), String> {
        let received = self.on(to, |peer| peer.receive(message))?;
        if received == *expected {
            return Ok(());
        }
        Err(format!("{} took {expected:?} for {received:?}", self.label(to)))
    }

    /// Sends from random members to all others.
    fn exchange_messages(&mut self) -> Result<(), String> {
        let mut senders = self.members();
        self.rng.shuffle(&mut senders);
        senders.truncate(1 + self.rng.below(3));
        for sender in senders {
            let (length, authenticated) = (self.rng.below(200), self.rng.below(2) * self.rng.below(40));
            let (data, authenticated_data) = (self.rng.bytes(length), self.rng.bytes(authenticated));
            self.step(format!("{} sends {length} bytes", self.label(sender)));
            let message = self.on(sender, |peer| peer.send(&data, &authenticated_data))?;
            let expected = Received::Application { data, authenticated_data };
            for reader in self.members().into_iter().filter(|&reader| reader != sender) {
                self.deliver(reader, &message, &expected)?;
            }
            for removed in self.removed.clone() {
                if self.on(removed, |peer| peer.receive(&message)).is_ok() {
                    return Err(format!("{} reads on after its removal", self.label(removed)));
                }
                self.tally.refused_to_removed += 1;
            }
            self.tally.application_messages += 1;
        }
        Ok(())
    }

    /// Sometimes sends a message that will arrive only one to three epochs later.
    fn send_late(&mut self) -> Result<(), String> {
        if !self.rng.one_in(3) {
            return Ok(());
        }
        let members = self.members();
        let sender = members[self.rng.below(members.len())];
        let data = self.rng.bytes(20);
        self.step(format!("{} sends a message that will be late", self.label(sender)));
        let message = self.on(sender, |peer| peer.send(&data, b"late"))?;
        let due = self.commits + 1 + self.rng.below(3);
        self.late.push(Late { sender, message, data, sent: self.commits, due });
        Ok(())
    }

    /// Whoever has been a member since the message was sent reads it now. It is dropped with its sender: RFC 9420 leaves
    /// open whether messages of former members are read, and mls-rs refuses them.
    fn deliver_late(&mut self) -> Result<(), String> {
        let (due, waiting) = self.late.drain(..).partition(|late| late.due <= self.commits);
        self.late = waiting;
        let due: Vec<Late> = due;
        for Late { sender, message, data, sent, .. } in due {
            let stayed = |client: &Client| client.inside && client.since <= sent;
            if !stayed(&self.clients[sender]) {
                continue;
            }
            let expected = Received::Application { data, authenticated_data: b"late".to_vec() };
            for reader in self.members() {
                if reader != sender && stayed(&self.clients[reader]) {
                    self.step(format!("a message of epoch {sent} reaches {}", self.label(reader)));
                    self.deliver(reader, &message, &expected)?;
                }
            }
            self.tally.late_messages += 1;
        }
        Ok(())
    }

    /// All members agree, and application messages reach exactly them.
    fn check_epoch(&mut self) -> Result<(), String> {
        self.agree()?;
        self.exchange_messages()
    }

    /// All members see the same epoch, secrets, members and tree, and each finds itself at its own leaf.
    fn agree(&mut self) -> Result<(), String> {
        let mut agreed = None;
        for member in self.members() {
            let view = self.on(member, |peer| {
                Ok((
                    peer.group_context()?,
                    peer.epoch_authenticator()?,
                    peer.export_secret("random run", b"context", 40)?,
                    peer.members()?,
                    peer.ratchet_tree()?,
                ))
            })?;
            let leaf = self.on(member, |peer| peer.own_leaf())?;
            if !view.3.contains(&(leaf, self.clients[member].name.as_bytes().to_vec())) {
                return Err(format!("{} is not at its leaf {leaf}", self.label(member)));
            }
            let names = self.members().len();
            if view.3.len() != names {
                return Err(format!("{} counts {} members of {names}", self.label(member), view.3.len()));
            }
            let (first, expected) = agreed.get_or_insert_with(|| (member, view.clone()));
            if *expected != view {
                let first = *first;
                return Err(format!("{} and {} disagree", self.label(first), self.label(member)));
            }
            if self.on(member, |peer| peer.epoch())? != u64::try_from(self.commits).unwrap_or(u64::MAX) {
                return Err(format!("{} miscounts the epochs", self.label(member)));
            }
        }
        let Some((observer, (_, view))) = self.observer.as_ref().zip(agreed) else { return Ok(()) };
        let observed = observer.group_context().and_then(|context| Ok((context, observer.ratchet_tree()?)));
        match observed.map_err(|error| error.to_string())? {
            (context, tree) if context == view.0 && tree == view.4 => Ok(()),
            _ => Err("the observer and the members disagree".into()),
        }
    }
}
