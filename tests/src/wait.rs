//! Waiting for a condition, never for a time.

use std::future::Future;
use std::time::{Duration, Instant};

/// A condition that does not hold by then will not hold.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until the condition holds, and tells how long that took.
pub async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(PAUSE).await;
    }
    start.elapsed()
}
