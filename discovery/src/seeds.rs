//! Seeds: names into addresses, again and again while this node is alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use service::Health;
use service::settings::Store;
use tokio::net::lookup_host;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::Settings;
use crate::gossip::{Inputs, Stats};
use crate::settings::Seed;

/// How long a name server may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
/// Addresses taken of one name: enough to meet somebody, few enough to greet at once.
const ADDRESSES_A_NAME_MAX: usize = 16;
/// All of them together, which leaves the gossip room for addresses that it is told by hand.
const ADDRESSES_MAX: usize = 48;
/// How often this task looks whether the node is alone.
const LOOK_PERIOD: Duration = Duration::from_millis(250);
/// How often names are looked up while the node is alone and one of them is not known yet, as when containers
/// start together; while it is alone; and once it has joined: there, a name that leads elsewhere may lead to a
/// part of the cluster that knows nothing of this one.
const LOOKUP_PERIOD_UNKNOWN: Duration = Duration::from_millis(500);
const LOOKUP_PERIOD_ALONE: Duration = Duration::from_secs(2);
const LOOKUP_PERIOD_JOINED: Duration = Duration::from_secs(60);
/// The part of the health report that says that no seed has answered.
const PART: &str = "seeds";

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the name {0} is not known")]
    Unknown(String),
    #[error("nobody says what the name {0} stands for")]
    TimedOut(String),
}

/// The addresses of a seed, at most [`ADDRESSES_A_NAME_MAX`].
pub(crate) async fn look_up(seed: &Seed) -> Result<Vec<SocketAddr>, LookupError> {
    if let Some(ip) = seed.ip() {
        return Ok(vec![SocketAddr::new(ip, seed.port)]);
    }
    let host = || seed.host.clone();
    match timeout(LOOKUP_TIMEOUT, lookup_host((seed.host.as_str(), seed.port))).await {
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.take(ADDRESSES_A_NAME_MAX).collect();
            if addresses.is_empty() { Err(LookupError::Unknown(host())) } else { Ok(addresses) }
        }
        Ok(Err(_)) => Err(LookupError::Unknown(host())),
        Err(_) => Err(LookupError::TimedOut(host())),
    }
}

/// Keeps the gossip's seeds up with the settings and the name service, and says when none of them answers.
pub(crate) struct SeedKeeper {
    pub(crate) settings: Arc<Store<Settings>>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) health: Arc<Health>,
    pub(crate) inputs: watch::Sender<Inputs>,
}

impl SeedKeeper {
    pub(crate) async fn run(self) {
        let mut changes = self.settings.subscribe();
        let mut failure = self.look_up_all().await;
        let mut looked_up_at = Instant::now();
        loop {
            let changed = tokio::select! {
                Ok(()) = changes.changed() => true,
                () = tokio::time::sleep(LOOK_PERIOD) => false,
            };
            let is_alone = self.stats.figures().members == 0;
            let period = match (is_alone, &failure) {
                (true, Some(_)) => LOOKUP_PERIOD_UNKNOWN,
                (true, None) => LOOKUP_PERIOD_ALONE,
                (false, _) => LOOKUP_PERIOD_JOINED,
            };
            if changed || looked_up_at.elapsed() >= period {
                failure = self.look_up_all().await;
                looked_up_at = Instant::now();
            }
            self.report(failure.as_deref());
        }
    }

    /// Looks all names up; tells why if one of them led nowhere. One that did is kept out, the others count.
    async fn look_up_all(&self) -> Option<String> {
        let settings = self.settings.current();
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut failure = None;
        for seed in settings.seeds.iter() {
            match look_up(seed).await {
                Ok(found) => addresses.extend(found),
                Err(error) => failure = Some(error.to_string()),
            }
        }
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
        self.inputs.send_if_modified(|inputs| {
            let is_new = inputs.seeds != addresses;
            inputs.seeds = addresses;
            is_new
        });
        failure
    }

    fn report(&self, failure: Option<&str>) {
        let count = self.settings.current().seeds.iter().count();
        if count == 0 || self.stats.figures().members > 0 {
            self.health.restore(PART);
            return;
        }
        let why = failure.map(|failure| format!("; {failure}")).unwrap_or_default();
        self.health.degrade(PART, format!("this node is alone: none of its {count} seeds lets it in{why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_are_taken_as_they_are_and_names_looked_up() {
        let found = async |text: &str| look_up(&text.parse().unwrap()).await;
        assert_eq!(found("[fd00::7]:7").await.unwrap(), ["[fd00::7]:7".parse().unwrap()]);
        assert!(found("localhost:7").await.unwrap().iter().all(|address| address.ip().is_loopback()));
        assert!(found("no-such-host.invalid").await.is_err());
    }
}
