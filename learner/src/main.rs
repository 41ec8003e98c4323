//! The learner.

fn main() {}
