//! What the tests start: schedulers in this process or in processes of their own, functions, containers.
//! Everything listens on ports that the system chose, and ends with the test.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

pub mod cluster;
pub mod compose;
pub mod cut;
pub mod docker;
pub mod function;
pub mod ledger;
pub mod process;
pub mod raw;
pub mod scheduler;
pub mod wait;
pub mod wall_clock;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A photograph for tests. They lie beside the repository, or where `P2PFAAS_TEST_DATA` says.
pub fn photograph(name: &str) -> Vec<u8> {
    let data = std::env::var_os("P2PFAAS_TEST_DATA")
        .map_or_else(|| repository().parent().unwrap().join("shared/data"), PathBuf::from);
    let path = data.join("images").join(name);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; set P2PFAAS_TEST_DATA to the folder of the test data", path.display())
    })
}
