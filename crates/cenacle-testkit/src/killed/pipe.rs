//! The end of the pipe in the process that is killed. Lines go out on standard output behind a mark, since a test's
//! output has others as well; leave and orders come in on standard input, whose end ends the process.

use alloc::sync::Arc;
use core::fmt;
use std::{
    io::{self, BufRead as _, Write as _},
    process,
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver},
    },
    thread,
};

use cenacle_codec::Encode as _;
use cenacle_mls::delta::Delta;
use cenacle_store::testing::{Witness, watch};

/// Before every line of ours.
pub(super) const MARK: &str = "@@ ";

/// The process's end of the pipe.
#[derive(Debug)]
pub struct Pipe {
    orders: Receiver<String>,
    gate: Gate,
}

/// Where each write waits for leave.
#[derive(Clone, Debug)]
struct Gate(Arc<Mutex<Receiver<()>>>);

/// Says a line. If nobody listens any more there is nothing left to do.
pub(super) fn tell(line: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{MARK}{line}").and_then(|()| out.flush()).is_err() {
        process::exit(0);
    }
}

impl Gate {
    fn wait(&self) {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).recv().is_err() {
            process::exit(0);
        }
    }
}

impl Witness for Gate {
    fn before(&self, delta: &Delta) {
        let changes: Vec<u8> = delta.changes().iter().flat_map(|change| change.to_bytes().unwrap()).collect();
        tell(format_args!("write {}", hex::encode(changes)));
        self.wait();
    }

    fn after(&self) {
        tell(format_args!("written"));
        self.wait();
    }
}

impl Pipe {
    /// Takes standard input and output, and has every write of this process wait for leave from now on.
    #[must_use]
    pub fn take() -> Self {
        let (to_gate, leave) = mpsc::channel();
        let (to_process, orders) = mpsc::channel();
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                let taken = match line.strip_prefix("ask ") {
                    Some(order) => to_process.send(order.to_owned()).is_ok(),
                    None => to_gate.send(()).is_ok(),
                };
                if !taken {
                    break;
                }
            }
        });
        let gate = Gate(Arc::new(Mutex::new(leave)));
        watch(gate.clone());
        Self { orders, gate }
    }

    /// Does something to the store that is no delta and leaves all rows as they are, and waits for leave as for a write.
    pub fn unchanged<T>(&self, f: impl FnOnce() -> T) -> T {
        self.gate.before(&Delta::new());
        let done = f();
        self.gate.after();
        done
    }

    /// The next order; none when the test has ended.
    #[must_use]
    pub fn order(&self) -> Option<String> {
        self.orders.recv().ok()
    }

    /// Answers an order, in one line. Whatever it says has left the process.
    pub fn answer(&self, answer: &str) {
        tell(format_args!("said {answer}"));
    }
}
