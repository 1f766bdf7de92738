//! What needs a look inside: the stock of key packages.

#[path = "../../tests/common/mod.rs"]
mod common;

use common::{World, joined};

#[tokio::test(flavor = "multi_thread")]
async fn key_packages_are_replenished_as_they_are_used() {
    let world = World::new().await;
    let (alice, bob) = (world.client("alice").await, world.client("bob").await);
    let mut to_bob = bob.events();
    let mut joins = 0;
    for n in 0..25 {
        let room = alice.create_conversation(&n.to_string()).await.unwrap();
        room.invite("bob").await.unwrap();
        joined(&bob, &mut to_bob).await;
        joins += 1;
    }
    bob.sync().await.unwrap();
    let stock = bob.engine().ask(|engine| Box::pin(async { engine.api.stock().await })).await.unwrap();
    assert_eq!((joins, stock.suites.len()), (25, 1));
    assert!(stock.suites[0].normal >= 10 && stock.suites[0].last_resort, "{stock:?}");
}
