//! What is accepted can be read back, whatever it came in. Decoding is bounded by the length of the whole input: an insider who
//! surrounds a part with bytes that are none of it must not get more for that part than it gets as a row of its own.

use crate::common::*;

/// So many bytes that are no part of the content.
const AROUND: usize = 200_000;

/// Extensions without content, as many as there can be, but for a few where a decoder could take the rest to be alike.
fn many(count: u16) -> Vec<Extension> {
    let content = |number| if [8, 72, 584, 4_680].contains(&number) { &b"x"[..] } else { b"" };
    (0..count).map(|number| Extension::new(10 + number, content(number))).collect()
}

/// Bob and Carol receive it, and have the same after a restart.
fn is_kept(trial: &mut Trial, made: &Forged) {
    trial.deliver(made.as_ref());
    for name in ["bob", "carol"] {
        let before = trial.world.at(name).visible();
        trial.world.person(name).reload();
        trial.assert_untouched(name, &before);
    }
}

#[test]
fn what_waits_can_be_read_back() {
    let proposals = || {
        let reinit = ReInit { group_id: b"n".to_vec(), version: 1, cipher_suite: 1, extensions: many(37_449) };
        [Proposal::GroupContextExtensions(many(4_682)), Proposal::ReInit(reinit)]
    };
    for private in [false, true] {
        for proposal in proposals() {
            let mut trial = Trial::new(900);
            let mut plan = Plan::proposal(proposal).framed(private).seal(|seal| seal.padding = vec![0; AROUND]);
            plan.authenticated_data = vec![0; AROUND];
            let made = trial.alice.make(plan);
            is_kept(&mut trial, &made);
        }
    }
}

#[test]
fn a_group_that_ended_can_be_read_back() {
    let mut trial = Trial::new(901);
    let reinit = ReInit { group_id: b"n".to_vec(), version: 1, cipher_suite: 1, extensions: many(37_449) };
    let mut plan = Plan::commit().without_path().with([Proposal::ReInit(reinit)]);
    plan.authenticated_data = vec![0; AROUND];
    let made = trial.alice.make(plan);
    is_kept(&mut trial, &made);
}
