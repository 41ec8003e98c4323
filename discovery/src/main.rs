//! The discovery.

fn main() {}
