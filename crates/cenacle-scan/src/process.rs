//! The memory of a process on Linux: everything it can write, as `/proc/<pid>/maps`, `pagemap` and `mem` have it. A process
//! may read that of its children.

use alloc::borrow::ToOwned;
use core::{fmt, ops::Range};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
};

use crate::{Hit, Wanted};

const PAGE_BYTES: u64 = 4096;
/// In an entry of the page map: the page is in memory, or swapped out.
const EXISTS: u64 = 0b11 << 62;

/// A part of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its addresses.
    pub addresses: Range<u64>,
    /// What the kernel calls it: `[heap]`, `[stack]`, a file; nothing for memory that was asked for.
    pub name: String,
}

/// Something found in the memory of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What; `at` is its address.
    pub hit: Hit,
    /// Where.
    pub region: Region,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Hit { value, piece, form, at } = &self.hit;
        let offset = u64::try_from(*at).unwrap_or(0).saturating_sub(self.region.addresses.start);
        write!(f, "value {value}, bytes {piece:?}, {form:?}, at {at:#x}: {} + {offset:#x}", self.region.name)
    }
}

/// What was searched, and what was found in it.
#[derive(Debug, Default)]
pub struct Search {
    /// What was found.
    pub found: Vec<Found>,
    /// How much was searched, in bytes.
    pub searched_bytes: u64,
}

/// All that a process can write.
///
/// # Errors
/// When there is no such process, or it is another's.
pub fn regions(pid: u32) -> io::Result<Vec<Region>> {
    let text = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    Ok(text.lines().filter_map(region).collect())
}

/// A line such as `7f0012345000-7f0012346000 rw-p 00000000 00:00 0   [heap]`.
fn region(line: &str) -> Option<Region> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let writable = words.next()?.starts_with("rw");
    let name = words.nth(3).unwrap_or("").to_owned();
    let address = |digits| u64::from_str_radix(digits, 16).ok();
    writable.then_some(Region { addresses: address(start)?..address(end)?, name })
}

/// Searches everything that a process can write. It should stand still meanwhile.
///
/// # Errors
/// When its memory cannot be read.
pub fn search(pid: u32, wanted: &Wanted) -> io::Result<Search> {
    let mut memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut page_map = File::open(format!("/proc/{pid}/pagemap"))?;
    let mut search = Search::default();
    for region in regions(pid)? {
        for run in existing(&mut page_map, &region.addresses)? {
            let bytes = read(&mut memory, &run)?;
            search.searched_bytes += run.end - run.start;
            let base = usize::try_from(run.start).unwrap_or(0);
            let absolute = |hit: Hit| Found { hit: Hit { at: base + hit.at, ..hit }, region: region.clone() };
            search.found.extend(wanted.find(&bytes).into_iter().map(absolute));
        }
    }
    Ok(search)
}

/// The addresses of pages that were ever written, next to each other where they are.
fn existing(page_map: &mut File, addresses: &Range<u64>) -> io::Result<Vec<Range<u64>>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    let entries = read(page_map, &(addresses.start / PAGE_BYTES * 8..addresses.end / PAGE_BYTES * 8))?;
    for (page, entry) in (addresses.start / PAGE_BYTES..).zip(entries.as_chunks::<8>().0) {
        if u64::from_le_bytes(*entry) & EXISTS == 0 {
            continue;
        }
        let page = page * PAGE_BYTES..(page + 1) * PAGE_BYTES;
        match runs.last_mut() {
            Some(last) if last.end == page.start => last.end = page.end,
            _ => runs.push(page),
        }
    }
    Ok(runs)
}

fn read(file: &mut File, range: &Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(range.start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
