//! Alice's process is killed again and again while she registers, talks, changes the membership, is removed and invited
//! again. Whatever she was asked for and did not answer is looked up, and asked for again only if it was not stored. The
//! others live in the test's own process, beside the server, and do not wait for her.

use cenacle::{Client, Conversation};
use cenacle_testkit::killed::{Killed, Tally, Victim};
use tokio::task::block_in_place;

use crate::{
    common::{World, joined},
    person::{Member, Order, Said, View, view},
};

pub(crate) struct Story {
    pub(crate) victim: Victim,
    before_order: Box<dyn FnMut(&mut Victim) + Send>,
    bob: Client,
    /// Bob's way to the conversation, once he has one.
    bobs: Option<Conversation>,
    /// What Bob said while Alice was dead.
    interjections: u64,
    kills: u64,
    /// What Alice was asked to say.
    said: Vec<String>,
}

impl Story {
    pub(crate) async fn new(
        world: &World,
        victim: Victim,
        before_order: impl FnMut(&mut Victim) + Send + 'static,
    ) -> Self {
        let bob = world.client("bob").await;
        let before_order = Box::new(before_order);
        Self { victim, before_order, bob, bobs: None, interjections: 0, kills: 0, said: Vec::new() }
    }

    /// Asks Alice once. While she is dead, life goes on.
    async fn try_ask(&mut self, order: &Order) -> Result<View, Killed> {
        (self.before_order)(&mut self.victim);
        let order = serde_json::to_string(order).unwrap();
        let answer = block_in_place(|| self.victim.ask(&order));
        let Ok(answer) = answer else {
            self.kills += 1;
            self.interject().await;
            return Err(Killed);
        };
        let answer: Result<View, String> = serde_json::from_str(&answer).unwrap();
        Ok(answer.unwrap_or_else(|error| panic!("alice cannot {order}: {error}")))
    }

    /// Bob says something now and then, and now and then he changes the group: not so often that she never gets through.
    async fn interject(&mut self) {
        let Some(bobs) = &self.bobs else { return };
        if self.kills.is_multiple_of(8) {
            self.interjections += 1;
            bobs.send(&format!("bob {}", self.interjections)).await.unwrap();
        } else if self.kills % 20 == 9 {
            bobs.rotate().await.unwrap();
        }
    }

    async fn ask(&mut self, order: Order) -> View {
        loop {
            if let Ok(view) = self.try_ask(&order).await {
                return view;
            }
        }
    }

    async fn view(&mut self) -> View {
        self.ask(Order::View).await
    }

    async fn member(&mut self) -> Option<Member> {
        self.view().await.member
    }

    /// Has something done: after a kill, what was stored is brought to its end by synchronising, and only what was not is asked
    /// for again.
    async fn see_to(&mut self, order: Order, is_done: impl Fn(&View) -> bool) {
        while self.try_ask(&order).await.is_err() {
            self.ask(Order::Sync).await;
            if is_done(&self.view().await) {
                break;
            }
        }
        assert!(is_done(&self.view().await), "{order:?} was answered and is not done");
    }

    async fn say(&mut self, what: &str) {
        self.said.push(what.into());
        self.see_to(Order::Say(what.into()), |view| view.history.iter().any(|said| said.what == what)).await;
    }

    async fn invite(&mut self, name: &str) {
        self.see_to(Order::Invite(name.into()), |view| names(view).contains(&name.to_owned())).await;
    }

    async fn remove(&mut self, name: &str) {
        self.see_to(Order::Remove(name.into()), |view| !names(view).contains(&name.to_owned())).await;
    }

    async fn rotate(&mut self) {
        let before = self.member().await.unwrap().epoch;
        self.see_to(Order::Rotate, |view| view.member.as_ref().unwrap().epoch > before).await;
    }

    /// Everything, and what came of it.
    pub(crate) async fn run(mut self, world: &World) -> Tally {
        let (carol, dave) = (world.client("carol").await, world.client("dave").await);
        let mut to_bob = self.bob.events();
        self.ask(Order::Register("alice".into())).await;
        self.see_to(Order::Begin("fragile".into()), |view| view.exists).await;
        self.say("to nobody yet").await;
        self.invite("bob").await;
        self.bobs = Some(joined(&self.bob, &mut to_bob).await);
        self.invite("carol").await;
        self.say("one").await;
        self.rotate().await;
        self.remove("carol").await;
        self.said.push("a file".into());
        self.see_to(Order::SendFile("a file".into()), |view| view.history.iter().any(|said| said.what == "a file"))
            .await;
        self.invite("dave").await;
        self.say("two").await;

        // Removed, and invited again.
        let bobs = self.bobs.clone().unwrap();
        bobs.remove("alice").await.unwrap();
        while self.member().await.is_some() {
            self.ask(Order::Sync).await;
        }
        bobs.send("behind her back").await.unwrap();
        bobs.invite("alice").await.unwrap();
        while self.member().await.is_none() {
            self.ask(Order::Sync).await;
        }
        self.say("three").await;
        self.rotate().await;
        self.say("four").await;
        self.settle(&[&self.bob.clone(), &dave], &carol).await;
        self.victim.tally()
    }

    /// In the end all are in one epoch, and each message is with everybody whom it is for, once.
    async fn settle(&mut self, others: &[&Client], removed: &Client) {
        self.ask(Order::Sync).await;
        let alice = self.view().await;
        assert!(alice.history.iter().all(|said| said.seq.is_some()), "something still waits");
        for other in others {
            other.sync().await.unwrap();
            let theirs = view(&other.conversations().await.unwrap()[0]).await.unwrap();
            assert_eq!(theirs.member, alice.member, "the members do not agree");
            // From when they came on, but for what was said behind her back.
            let first = theirs.history.first().map(|said| said.seq).unwrap();
            let hers: Vec<&Said> = alice.history.iter().filter(|said| said.seq >= first).collect();
            let joint: Vec<&Said> = theirs.history.iter().filter(|said| hers.contains(said)).collect();
            assert_eq!(joint, hers, "alice has what others have not");
            let beyond = theirs.history.iter().filter(|said| !hers.contains(said));
            assert!(
                beyond.clone().all(|said| said.what.starts_with("b")),
                "alice misses {:?}",
                beyond.collect::<Vec<_>>()
            );
        }
        removed.sync().await.unwrap();
        let out = view(&removed.conversations().await.unwrap()[0]).await.unwrap();
        assert!(out.member.is_none() && out.history.iter().all(|said| said.what != "two"));
        let mut own: Vec<_> = alice.history.iter().filter(|said| !said.what.starts_with("bob ")).collect();
        own.sort();
        let own: Vec<_> = own.into_iter().map(|said| said.what.clone()).collect();
        assert_eq!(own, self.said, "what alice said is there once, in its order");
    }
}

fn names(view: &View) -> Vec<String> {
    view.member.as_ref().map(|member| member.names.clone()).unwrap_or_default()
}
