//! What a caller may ask for, in the query or as JSON in the body.

use axum::extract::Query;
use axum::http::Uri;
use function_runtime::Error;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Deserialize;
use std::time::Duration;

/// Twenty milliseconds are a short, yet not trivial job: fifty a second fill a core.
const MEAN_MS_DEFAULT: f64 = 20.0;

/// A mean of ten seconds is longer than any job of an experiment at the edge.
const MEAN_MS_MAX: f64 = 10_000.0;

/// No single job burns longer than this, whatever is drawn. Even at the largest mean fewer than one draw in
/// a million million is cut, so that the bound does not bend the distribution.
const DRAWN_MS_MAX: f64 = 300_000.0;

/// One request, within its bounds.
#[derive(Debug, PartialEq)]
pub(crate) struct Input {
    /// Mean of the distribution in milliseconds: above 0, up to [`MEAN_MS_MAX`].
    pub(crate) mean_ms: f64,
    seed: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Raw {
    mean_ms: Option<f64>,
    seed: Option<u64>,
}

impl Input {
    /// Reads the query and the body, which may be empty. What the query says wins.
    ///
    /// # Errors
    /// 400 when either is not understood, or the mean is out of bounds.
    pub(crate) fn parse(query: &str, body: &[u8]) -> Result<Self, Error> {
        let (query, body) = (parse_query(query)?, parse_body(body)?);
        let mean_ms = query.mean_ms.or(body.mean_ms).unwrap_or(MEAN_MS_DEFAULT);
        if !(mean_ms > 0.0 && mean_ms <= MEAN_MS_MAX) {
            let allowed = format!("mean_ms must be above 0 and at most {MEAN_MS_MAX}, not {mean_ms}");
            return Err(Error::bad_request(allowed));
        }
        Ok(Self { mean_ms, seed: query.seed.or(body.seed) })
    }

    /// Draws the time to burn. The same seed always draws the same; without one it is random.
    pub(crate) fn draw(&self) -> Duration {
        let mut random = Pcg64Mcg::seed_from_u64(self.seed.unwrap_or_else(rand::random));
        // The inverse of the distribution function; 1 - u lies in (0, 1], where the logarithm is finite.
        let drawn_ms = -self.mean_ms * (1.0 - random.random::<f64>()).ln();
        Duration::from_secs_f64(drawn_ms.min(DRAWN_MS_MAX) / 1000.0)
    }
}

fn parse_query(query: &str) -> Result<Raw, Error> {
    let uri = Uri::builder()
        .path_and_query(format!("/?{query}"))
        .build()
        .map_err(|cause| Error::bad_request(cause.to_string()))?;
    let Query(raw) =
        Query::try_from_uri(&uri).map_err(|rejection| Error::bad_request(rejection.body_text()))?;
    Ok(raw)
}

fn parse_body(body: &[u8]) -> Result<Raw, Error> {
    if body.trim_ascii().is_empty() {
        return Ok(Raw::default());
    }
    serde_json::from_slice(body).map_err(|cause| {
        Error::bad_request(format!("the body must be empty or JSON like {{\"mean_ms\": 20}}: {cause}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_wins_over_body_and_body_over_default() {
        let body = br#"{"mean_ms": 7, "seed": 1}"#;
        assert_eq!(Input::parse("", b" \n").unwrap(), Input { mean_ms: MEAN_MS_DEFAULT, seed: None });
        assert_eq!(Input::parse("", body).unwrap(), Input { mean_ms: 7.0, seed: Some(1) });
        assert_eq!(Input::parse("mean_ms=2.5&x=y", body).unwrap(), Input { mean_ms: 2.5, seed: Some(1) });
        assert_eq!(Input::parse("seed=9", body).unwrap(), Input { mean_ms: 7.0, seed: Some(9) });
    }

    #[test]
    fn bad_input_is_told_with_its_reason() {
        for (query, body, reason) in [
            ("mean_ms=0", "", "above 0"),
            ("mean_ms=-3", "", "not -3"),
            ("mean_ms=NaN", "", "not NaN"),
            ("mean_ms=inf", "", "at most 10000"),
            ("mean_ms=20ms", "", "mean_ms"),
            ("seed=-1", "", "seed"),
            ("", "mean_ms=20", "must be empty or JSON"),
            ("", r#"{"mean_ms": "20"}"#, "must be empty or JSON"),
            ("", r#"{"mean_ms": 10001}"#, "not 10001"),
        ] {
            let error = Input::parse(query, body.as_bytes()).unwrap_err();
            assert_eq!(error.status(), 400);
            assert!(error.message().contains(reason), "{query} {body}: {}", error.message());
        }
    }

    #[test]
    fn a_seed_repeats_its_draw() {
        let draw = |seed| Input { mean_ms: 20.0, seed: Some(seed) }.draw();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_have_the_mean_and_the_tail_of_the_distribution() {
        let count = 20_000;
        let draws: Vec<f64> = (0..count)
            .map(|seed| Input { mean_ms: 20.0, seed: Some(seed) }.draw().as_secs_f64() * 1000.0)
            .collect();
        let mean = draws.iter().sum::<f64>() / count as f64;
        assert!((19.5..20.5).contains(&mean), "{mean}");
        // A draw is above the mean with probability 1/e.
        let above = draws.iter().filter(|drawn| **drawn > 20.0).count() as f64 / count as f64;
        assert!((0.35..0.385).contains(&above), "{above}");
    }
}
