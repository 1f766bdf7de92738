//! The side that is watched: it says where secrets are, and goes on when they are marked.

use alloc::{sync::Arc, vec::Vec};
use core::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use std::{
    io::{self, BufRead as _, Write as _},
    thread,
};

use cenacle_crypto::{Secret, SecretBytes};

/// How the watched program speaks with the one that watches: a line each way.
#[derive(Debug)]
pub struct Probe {
    /// Answers that came; none ever does where nobody watches.
    answers: Option<Arc<AtomicU64>>,
}

impl Probe {
    /// Somebody watches, at the other end of standard input and output.
    #[must_use]
    pub fn watched() -> Self {
        let answers = Arc::new(AtomicU64::new(0));
        let heard = Arc::clone(&answers);
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                line.expect("whoever watches answers in text");
                heard.fetch_add(1, Ordering::SeqCst);
            }
            // Whoever watched has gone, and so nobody will ever answer.
            std::process::exit(1);
        });
        Self { answers: Some(answers) }
    }

    /// Nobody watches.
    #[must_use]
    pub const fn unwatched() -> Self {
        Self { answers: None }
    }

    fn say(&self, line: &str) {
        let Some(answers) = &self.answers else { return };
        let before = answers.load(Ordering::SeqCst);
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody watches");
        // Valgrind looks for commands while code runs, and not while everything waits.
        while answers.load(Ordering::SeqCst) == before {
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn mark(&self, how: &str, bytes: &mut [u8]) {
        if !bytes.is_empty() {
            self.say(&format!("{how} {:#x} {}", bytes.as_ptr().addr(), bytes.len()));
        }
        // What was known of them before is not known any more.
        black_box(bytes);
    }

    /// A case is over.
    pub(super) fn done(&self, name: &str) {
        self.say(&format!("done {name}"));
    }

    /// From here on these bytes are secret.
    pub fn hide(&self, bytes: &mut [u8]) {
        self.mark("undefined", bytes);
    }

    /// A secret copy of these bytes.
    #[must_use]
    pub fn hidden(&self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        self.hide(&mut copy);
        copy
    }

    /// A secret copy of these bytes.
    #[must_use]
    pub fn secret(&self, bytes: &[u8]) -> Secret {
        let hide = |copy: &mut [u8]| {
            copy.copy_from_slice(bytes);
            self.hide(copy);
            Ok::<_, core::convert::Infallible>(())
        };
        Secret::filled(bytes.len(), hide).unwrap_or_else(|never| match never {})
    }

    /// A secret copy of these bytes.
    #[must_use]
    pub fn secret_bytes(&self, bytes: &[u8]) -> SecretBytes {
        self.hidden(bytes).into()
    }

    /// A copy of these bytes that is not secret: a result that is published, or looked at to see whether it is right.
    #[must_use]
    pub fn revealed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut copy = bytes.to_vec();
        self.mark("defined", &mut copy);
        copy
    }
}
