//! A member of a group in a process of its own, to be searched for secrets: see `cenacle_testkit::suspect`.

#[cfg(target_os = "linux")]
fn main() {
    cenacle_testkit::suspect::serve();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
