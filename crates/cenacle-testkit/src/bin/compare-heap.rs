//! How much memory a group that was joined holds, with Cenacle and with other implementations; see `--help`. A program of its
//! own, since counting every allocation would slow down what `compare` measures.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use cenacle_testkit::compare::{Heap, HeapArgs};
use clap::Parser;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// The allocator's own count.
struct Counted;

impl Heap for Counted {
    fn held(&self) -> usize {
        HEAP.current_usage()
    }

    fn peak(&self) -> usize {
        HEAP.peak_usage()
    }

    fn forget_peak(&self) {
        HEAP.reset_peak_usage();
    }
}

fn main() -> ExitCode {
    HeapArgs::parse().run(&Counted)
}
