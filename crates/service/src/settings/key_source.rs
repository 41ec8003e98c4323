use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{ClusterKeySetting, ClusterKeys, InvalidClusterKeys, KeyFile};
use crate::Health;

/// How often the file is looked at: a key is rolled by hand, in steps of minutes.
const LOOK_PERIOD: Duration = Duration::from_secs(1);
/// Three keys of the longest kind with some remarks; a longer file is not one of keys.
const FILE_BYTES_MAX: u64 = 16 * 1024;
/// The part of the health report that says that the file has become useless.
const PART: &str = "cluster_key";

/// Where a service's cluster keys come from.
#[derive(Debug, Clone)]
pub struct KeySource {
    file: Option<PathBuf>,
    keys: ClusterKeys,
}

/// Why there are no cluster keys although there should be.
#[derive(Debug, thiserror::Error)]
pub enum ClusterKeyError {
    /// The file cannot be read.
    #[error("cannot read the cluster's keys from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} does not hold the cluster's keys", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: InvalidClusterKeys,
    },
    /// Both settings are set.
    #[error("cluster_key and cluster_key_file are both set, and one of them must go")]
    Both,
}

impl KeySource {
    /// The source that these settings name.
    ///
    /// # Errors
    /// [`ClusterKeyError::Both`].
    pub fn new(key: &ClusterKeySetting, file: &KeyFile) -> Result<Self, ClusterKeyError> {
        let file = file.path().map(Path::to_owned);
        if file.is_some() && !key.keys().is_empty() {
            return Err(ClusterKeyError::Both);
        }
        Ok(Self { file, keys: key.keys().clone() })
    }

    /// The keys as they are now; none where the settings name none.
    ///
    /// # Errors
    /// The file is named and cannot be read, or holds something else.
    pub fn read(&self) -> Result<ClusterKeys, ClusterKeyError> {
        let Some(path) = &self.file else {
            return Ok(self.keys.clone());
        };
        let text = read(path).map_err(|source| ClusterKeyError::Read { path: path.clone(), source })?;
        ClusterKeys::parse(&text).map_err(|source| ClusterKeyError::Parse { path: path.clone(), source })
    }

    /// Calls `put_in_force` with the keys now, and again whenever the file holds others, until `stop`. While
    /// the file is of no use the last keys stay in force and the service is degraded.
    ///
    /// # Errors
    /// There are no keys to begin with although the settings name some.
    pub fn follow(
        self,
        health: Arc<Health>,
        stop: &CancellationToken,
        put_in_force: impl Fn(&ClusterKeys) + Send + 'static,
    ) -> Result<(), ClusterKeyError> {
        let keys = self.read()?;
        put_in_force(&keys);
        if keys.is_empty() {
            tracing::warn!(
                "there is no cluster key: whoever reaches this node can read, join and deceive the cluster; \
                 set cluster_key_file"
            );
        }
        if self.file.is_some() {
            tokio::spawn(stop.clone().run_until_cancelled_owned(self.look(keys, health, put_in_force)));
        }
        Ok(())
    }

    async fn look(self, mut keys: ClusterKeys, health: Arc<Health>, put_in_force: impl Fn(&ClusterKeys)) {
        let source = Arc::new(self);
        loop {
            tokio::time::sleep(LOOK_PERIOD).await;
            let reader = Arc::clone(&source);
            // A file system may take as long as it likes.
            let Ok(read) = tokio::task::spawn_blocking(move || reader.read()).await else {
                continue;
            };
            match read {
                Ok(now) => {
                    health.restore(PART);
                    if now != keys {
                        tracing::info!(keys = now.as_slice().len(), "the cluster's keys were changed");
                        put_in_force(&now);
                        keys = now;
                    }
                }
                Err(error) => {
                    if health.why_degraded(PART).is_none() {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "the last keys stay in force"
                        );
                    }
                    health.degrade(PART, format!("{error}; the last keys stay in force"));
                }
            }
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "correct horse battery staple";

    fn source(file: &Path) -> KeySource {
        let file: KeyFile = serde_json::from_value(file.to_str().into()).unwrap();
        KeySource::new(&ClusterKeySetting::default(), &file).unwrap()
    }

    #[test]
    fn a_file_that_is_named_must_hold_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let missing = source(&path).read().unwrap_err().to_string();
        assert!(missing.contains("keys"), "{missing}");
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(source(&path).read(), Err(ClusterKeyError::Parse { .. })));
        std::fs::write(&path, KEY).unwrap();
        assert_eq!(source(&path).read().unwrap().as_slice().len(), 1);
    }

    #[test]
    fn one_setting_at_a_time() {
        let key: ClusterKeySetting = serde_json::from_value(KEY.into()).unwrap();
        let file: KeyFile = serde_json::from_value("keys".into()).unwrap();
        assert!(matches!(KeySource::new(&key, &file), Err(ClusterKeyError::Both)));
        let alone = KeySource::new(&key, &KeyFile::default()).unwrap();
        assert_eq!(alone.read().unwrap(), ClusterKeys::parse(KEY).unwrap());
    }

    #[tokio::test]
    async fn a_change_is_followed_and_a_fault_keeps_the_last_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, KEY).unwrap();
        let health = Arc::new(Health::new("test"));
        let (stop, (sender, mut seen)) = (CancellationToken::new(), tokio::sync::mpsc::unbounded_channel());
        let put_in_force = move |keys: &ClusterKeys| drop(sender.send(keys.clone()));
        source(&path).follow(Arc::clone(&health), &stop, put_in_force).unwrap();
        assert_eq!(seen.recv().await.unwrap().as_slice().len(), 1);

        std::fs::write(&path, "").unwrap();
        while health.why_degraded(PART).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(seen.try_recv().is_err());
        std::fs::write(&path, format!("{KEY}\nanother key, which is new")).unwrap();
        assert_eq!(seen.recv().await.unwrap().as_slice().len(), 2);
        assert!(health.why_degraded(PART).is_none());
        stop.cancel();
    }
}
