//! The clients of a random run, what is asked of all of them, and the steps that are no commit of a member: external
//! joins, application messages, and the comparison after each epoch.

use super::super::rng::Rng;
use super::super::{Maker, Peer, PeerError, Received};
use super::{RunConfig, Tally};

const GROUP_ID: &[u8] = b"random run";

/// The external PSK that every client holds.
pub(super) const PSK_ID: &[u8] = b"shared by all";

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
    /// The GroupInfo that came with the last commit.
    pub(super) group_info: Option<Vec<u8>>,
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
            group_info: None,
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
        let creator = self.rng.below(total);
        self.step(format!("{} creates the group", self.label(creator)));
        self.on(creator, |peer| peer.create_group(GROUP_ID))?;
        self.clients[creator].inside = true;
        while self.members().len() < self.config.members {
            self.add_some()?;
            self.check_epoch()?;
            self.steps.clear();
        }
        Ok(())
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

    /// The tree to hand over beside a Welcome or a GroupInfo, if it does not travel inside.
    pub(super) fn tree_apart(&mut self, from: usize) -> Result<Option<Vec<u8>>, String> {
        if self.config.options.tree_in_welcome {
            return Ok(None);
        }
        self.on(from, |peer| peer.ratchet_tree()).map(Some)
    }

    /// An external commit: a join, or a resync if the joiner is a member.
    fn external_join(&mut self, joiner: usize) -> Result<(), String> {
        let resync = self.clients[joiner].inside;
        let others: Vec<_> = self.members().into_iter().filter(|&member| member != joiner).collect();
        let helper = others[self.rng.below(others.len())];
        let kind = if resync { "resyncs" } else { "joins externally" };
        self.step(format!("{} {kind} with the GroupInfo of {}", self.label(joiner), self.label(helper)));
        let group_info = match self.group_info.take() {
            Some(group_info) if self.rng.one_in(2) => group_info,
            _ => self.on(helper, |peer| peer.group_info())?,
        };
        let tree = self.tree_apart(helper)?;
        let commit = self.on(joiner, |peer| peer.external_join(&group_info, tree.as_deref(), resync))?;
        for member in others {
            self.deliver(member, &commit, &Received::Commit)?;
        }
        self.committed(&[joiner]);
        if resync {
            self.tally.resyncs += 1;
        } else {
            self.tally.external_joins += 1;
        }
        Ok(())
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
                    peer.epoch()?,
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
        }
        Ok(())
    }
}
