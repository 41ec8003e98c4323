//! A wall clock of its own for some processes, wrong by as much as the test says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::cluster::{Part, Setup};

/// A clock that is wrong, and can be set.
pub struct WallClock {
    folder: TempDir,
}

impl WallClock {
    /// One that is wrong by `shift_s` seconds. The compiler that links Rust also makes the piece of C that stands
    /// between a process and the clock.
    pub fn wrong_by(shift_s: i64) -> Self {
        let clock = Self { folder: tempfile::tempdir().unwrap() };
        clock.set(shift_s);
        let source = crate::repository().join("tests/src/wall_clock.c");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(clock.library())
            .arg(source)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        clock
    }

    /// Sets it, for all processes that go by it.
    pub fn set(&self, shift_s: i64) {
        // A reader sees the old number or the new one, never half of one.
        let new = self.folder.path().join("new");
        fs::write(&new, shift_s.to_string()).unwrap();
        fs::rename(new, self.file()).unwrap();
    }

    /// Lets all services of a node go by this clock.
    pub fn give_to(&self, setup: &mut Setup, number: usize) {
        for part in Part::ALL {
            setup.set_on(number, part, "LD_PRELOAD", self.library().display());
            setup.set_on(number, part, "WALL_CLOCK_SHIFT_FILE", self.file().display());
        }
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("wall_clock.so")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shift")
    }
}
