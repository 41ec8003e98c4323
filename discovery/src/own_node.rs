use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use protocol::NodeId;
use serde::{Deserialize, Serialize};
use service::replace_file;

/// Who this node is, kept in its data folder.
const FILE: &str = "node.json";

/// Who this node is, and which of its lives this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnNode {
    /// Drawn at the first start.
    pub(crate) id: NodeId,
    /// Grows with each start.
    pub(crate) generation: u32,
}

/// Why a node does not know who it is. It never makes up a new id in such a case: the others would take it
/// for a second node.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OwnNodeError {
    #[error("cannot read this node's id from {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} does not hold this node's id; restore it, or remove it to begin as a new node", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("cannot write this node's id to {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl OwnNode {
    /// Reads who this node is, or makes up a new id where the file is missing, and begins the next life.
    ///
    /// # Errors
    /// [`OwnNodeError`], which names the file.
    pub(crate) fn begin_life(data_path: &Path, now: SystemTime) -> Result<Self, OwnNodeError> {
        let path = data_path.join(FILE);
        let known = match std::fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice::<Self>(&bytes) {
                Ok(known) => Some(known),
                Err(source) => return Err(OwnNodeError::Parse { path, source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(OwnNodeError::Read { path, source }),
        };
        // The clock grows over the generations that a life uses up by rejoining; the file is for a clock that
        // went back.
        let clock = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let clock = u32::try_from(clock).unwrap_or(u32::MAX);
        let own = match known {
            Some(known) => Self { generation: clock.max(known.generation.saturating_add(1)), ..known },
            None => Self { id: NodeId::new(rand::random()), generation: clock },
        };
        let text = serde_json::to_vec(&own).map_err(io::Error::from);
        match text.and_then(|text| replace_file(&path, &text)) {
            Ok(()) => Ok(own),
            Err(source) => Err(OwnNodeError::Write { path, source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_id_stays_and_the_generation_grows_whatever_the_clock_does() {
        let data = tempfile::tempdir().unwrap();
        let at = |s| UNIX_EPOCH + Duration::from_secs(s);
        let first = OwnNode::begin_life(data.path(), at(1_000)).unwrap();
        assert_eq!(first.generation, 1_000);
        let lives = [(2_000, 2_000), (2_000, 2_001), (5, 2_002)];
        for (clock, generation) in lives {
            let own = OwnNode::begin_life(data.path(), at(clock)).unwrap();
            assert_eq!(own, OwnNode { id: first.id, generation });
        }
    }

    #[test]
    fn what_is_no_id_is_an_error_that_names_the_file() {
        for text in ["", "{", "{}", r#"{"id":"7","generation":1}"#, r#"{"id":"0000000000000007"}"#] {
            let data = tempfile::tempdir().unwrap();
            let path = data.path().join(FILE);
            std::fs::write(&path, text).unwrap();
            let error = OwnNode::begin_life(data.path(), SystemTime::now()).unwrap_err();
            assert!(error.to_string().contains(FILE), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "the file was changed");
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(OwnNode::begin_life(&file, SystemTime::now()).is_err());
    }
}
