//! Whole nodes as processes that take work from each other, and what becomes of a job when something breaks in the
//! middle: every call gets one answer, and nothing runs twice.

mod chains;
mod clocks;
mod containers;
mod deadlines;
mod demo;
mod faults;
mod forwarding;
mod hot_spot;
mod keys;
mod leaks;
mod links;
mod peers;
mod rude;

use reqwest::Response;
use serde_json::Value;
use tests::cluster::Setup;
use tests::ledger::Ledger;

/// So many nodes which all have the function `f`.
async fn nodes(count: u8, ledger: &Ledger) -> Setup {
    let mut setup = Setup::of(count);
    for number in 1..=count {
        setup.function(number.into(), "f", &ledger.serve(&number.to_string()).await);
    }
    setup
}

/// Two nodes of which only the second one has the function `f`.
async fn one_way(ledger: &Ledger) -> Setup {
    let mut setup = Setup::of(2);
    setup.function(2, "f", &ledger.serve("2").await);
    setup
}

/// Asserts that a call was answered with this error, and answers its message.
async fn assert_error(answer: Response, status: u16, code: u64) -> String {
    let found = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert_eq!(found, status, "{text}");
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["code"], code, "{text}");
    error["message"].as_str().unwrap().to_owned()
}

/// Whether another node than the first one ran the call.
fn ran_elsewhere(answer: &Response) -> bool {
    answer.headers().contains_key("x-p2pfaas-externally-executed")
}

/// A header whose value is a JSON array.
fn list(answer: &Response, header: &str) -> Vec<Value> {
    serde_json::from_slice(answer.headers()[header].as_bytes()).unwrap()
}
