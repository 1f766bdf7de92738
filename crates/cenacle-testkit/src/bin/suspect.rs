//! A member of a group in a process of its own, to be searched for secrets: see `cenacle_testkit::suspect`.

fn main() {
    cenacle_testkit::suspect::serve();
}
