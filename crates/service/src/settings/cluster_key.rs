use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::Allowed;
use super::key::HIDDEN;

/// The one that seals, the one before it and the one after it: enough to roll a key through a cluster.
const KEYS_MAX: usize = 3;
/// A shorter text is guessed from one recorded datagram.
const TEXT_BYTES_MIN: usize = 16;
/// Longer lines are no keys but some other file.
const TEXT_BYTES_MAX: usize = 1024;
const KEY_BYTES: usize = 32;
/// Keeps the hash apart from other uses of the same text.
const DERIVATION: &[u8] = b"p2pfaas cluster key\n";

/// Up to three keys that the services of a cluster share; none where the cluster has no key. The first one
/// seals and signs, all of them open and verify.
///
/// In text one key a line; blank lines and those that begin with `#` do not count. A key of 64 hexadecimal
/// digits is taken as the 32 bytes that it names. Any other text of 16 to 1,024 bytes is hashed: SHA-256 over
/// `p2pfaas cluster key`, a line feed, and the text. It is not stretched, so it must not be guessable.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ClusterKeys(Vec<[u8; KEY_BYTES]>);

/// Why a text holds no [`ClusterKeys`]. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClusterKeys {
    /// None, or more than three.
    #[error("there must be 1 to {KEYS_MAX} keys, one a line, and here are {0}")]
    Count(usize),
    /// A key that is too short or too long.
    #[error(
        "key {0} is neither 64 hexadecimal digits nor {TEXT_BYTES_MIN} to {TEXT_BYTES_MAX} bytes of text"
    )]
    Length(usize),
    /// The same key twice.
    #[error("key {0} is there twice")]
    Repeated(usize),
}

impl ClusterKeys {
    /// Reads one to three keys.
    ///
    /// # Errors
    /// [`InvalidClusterKeys`] for none, too many, one that is too short or too long, or one twice.
    pub fn parse(text: &str) -> Result<Self, InvalidClusterKeys> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut keys = Vec::new();
        for (index, line) in lines.enumerate() {
            let key = derive(line).ok_or(InvalidClusterKeys::Length(index + 1))?;
            if keys.contains(&key) {
                return Err(InvalidClusterKeys::Repeated(index + 1));
            }
            keys.push(key);
        }
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(InvalidClusterKeys::Count(keys.len()));
        }
        Ok(Self(keys))
    }

    /// The keys, 32 bytes each, the one that seals first.
    pub fn as_slice(&self) -> &[[u8; KEY_BYTES]] {
        &self.0
    }

    /// Whether the cluster has no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn derive(line: &str) -> Option<[u8; KEY_BYTES]> {
    if let Some(bytes) = hexadecimal(line) {
        return Some(bytes);
    }
    let is_fit = (TEXT_BYTES_MIN..=TEXT_BYTES_MAX).contains(&line.len());
    is_fit.then(|| Sha256::new().chain_update(DERIVATION).chain_update(line).finalize().into())
}

fn hexadecimal(line: &str) -> Option<[u8; KEY_BYTES]> {
    if line.len() != 2 * KEY_BYTES || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

impl std::fmt::Debug for ClusterKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClusterKeys({} keys)", self.0.len())
    }
}

/// The setting `cluster_key`: keys in the settings themselves. Never shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterKeySetting(ClusterKeys);

impl ClusterKeySetting {
    /// The keys; none where the setting is empty.
    pub fn keys(&self) -> &ClusterKeys {
        &self.0
    }
}

impl Allowed for ClusterKeySetting {
    fn allowed() -> String {
        format!("empty, or 64 hexadecimal digits, or {TEXT_BYTES_MIN} to {TEXT_BYTES_MAX} bytes of text")
    }

    fn is_secret() -> bool {
        true
    }
}

impl Serialize for ClusterKeySetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { HIDDEN })
    }
}

impl<'de> Deserialize<'de> for ClusterKeySetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        ClusterKeys::parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// The setting `cluster_key_file`: the path of a file with the keys; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// The path, if one is set.
    pub fn path(&self) -> Option<&Path> {
        Some(self.0.as_path()).filter(|path| *path != Path::new(""))
    }
}

impl Allowed for KeyFile {
    fn allowed() -> String {
        "a path, or empty for none".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "correct horse battery staple";

    #[test]
    fn digits_are_taken_as_they_are_and_text_is_hashed() {
        let digits = "00ff".repeat(16);
        let keys = ClusterKeys::parse(&format!("# of May\n{digits}\n\n  {TEXT}\r\n")).unwrap();
        assert_eq!(keys.as_slice()[0][..4], [0, 255, 0, 255]);
        // printf 'p2pfaas cluster key\ncorrect horse battery staple' | sha256sum
        let known = "c8f1f3dcd36535b916de1df8e162da9b";
        let hash: String = keys.as_slice()[1][..16].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, known);
        assert_eq!(format!("{keys:?}"), "ClusterKeys(2 keys)");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_quoted() {
        let many = (0..4).map(|n| format!("{TEXT} {n}\n")).collect::<String>();
        let long = "x".repeat(1025);
        for (text, why) in [
            ("", InvalidClusterKeys::Count(0)),
            ("# nothing", InvalidClusterKeys::Count(0)),
            (&many, InvalidClusterKeys::Count(4)),
            ("fifteen letters", InvalidClusterKeys::Length(1)),
            (&long, InvalidClusterKeys::Length(1)),
            (&format!("{TEXT}\n{TEXT}"), InvalidClusterKeys::Repeated(2)),
        ] {
            assert_eq!(ClusterKeys::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn the_setting_shows_nothing() {
        let set: ClusterKeySetting = serde_json::from_value(TEXT.into()).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), "\"(hidden)\"");
        assert_eq!(serde_json::to_string(&ClusterKeySetting::default()).unwrap(), "\"\"");
        assert!(serde_json::from_str::<ClusterKeySetting>("\"short\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,200}") {
            if let Ok(keys) = ClusterKeys::parse(&text) {
                prop_assert!((1..=KEYS_MAX).contains(&keys.as_slice().len()));
            }
        }
    }
}
