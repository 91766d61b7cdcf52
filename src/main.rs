//! The `sealock` program.

fn main() {}
