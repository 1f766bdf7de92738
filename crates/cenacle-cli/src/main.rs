//! The program `cenacle`.
fn main() {}
