//! The example of the README: it compiles, runs, and is what the README shows.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::panic, reason = "tests fail by panicking")]

mod common;

use cenacle::{Client, Config, Content, Error, Event};
use common::World;

async fn quickstart(server: &str, dir: &std::path::Path) -> Result<String, Error> {
    // README: begin
    let alice = Client::open(Config::new(server).data(dir.join("alice.db"))).await?;
    let bob = Client::open(Config::new(server).data(dir.join("bob.db"))).await?;
    alice.register("alice").await?;
    bob.register("bob").await?;
    let mut events = bob.events();

    let room = alice.create_conversation("lunch").await?;
    room.invite("bob").await?;
    room.send("hello").await?;

    while let Some(event) = events.next().await {
        let Event::Message { message, .. } = event else { continue };
        let Content::Text(text) = message.content else { continue };
        return Ok(format!("{} says {text}", message.from.name)); // "alice says hello"
    }
    // README: end
    panic!("no message came");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_readme_works() {
    let world = World::new().await;
    assert_eq!(quickstart(&world.url(), world.directory.path()).await.unwrap(), "alice says hello");
}

#[test]
fn the_readme_shows_this_example() {
    let source = include_str!("quickstart.rs");
    let begin = "    // README: begin\n";
    let example = source.split(begin).nth(1).unwrap().split("    // README: end").next().unwrap();
    let example: String =
        example.lines().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    assert!(example.lines().filter(|line| !line.is_empty()).count() <= 15);
    for readme in [include_str!("../README.md"), include_str!("../../../README.md")] {
        assert!(readme.contains(&example), "a README does not have:\n{example}");
    }
}
