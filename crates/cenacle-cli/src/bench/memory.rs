//! How much memory the process occupies, as the system counts it.

use std::fs;

/// Resident memory of this process in bytes; `None` where the system has no `/proc` like Linux's. Both files give it in
/// kilobytes, unlike `/proc/self/statm`, whose pages differ in size between machines; the first is exact.
pub(crate) fn resident_bytes() -> Option<u64> {
    let line = |path: &str, label: &str| {
        let text = fs::read_to_string(path).ok()?;
        let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
        rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    line("/proc/self/smaps_rollup", "Rss:").or_else(|| line("/proc/self/status", "VmRSS:"))
}
