//! Who may depend on whom: `cargo metadata` held against the table of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate with those of ours that it may depend on. A crate that is not here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("service", &["protocol"]),
    ("scheduling", &["protocol"]),
    ("learning", &["protocol"]),
    ("membership", &["protocol"]),
    ("link", &["protocol"]),
    ("scheduler", &["scheduling", "link", "service", "protocol"]),
    ("learner", &["learning", "service", "protocol"]),
    ("discovery", &["membership", "service", "protocol"]),
    ("simulator", &["scheduling", "learning", "membership", "protocol"]),
    ("bench", &["simulator", "protocol"]),
    ("function-runtime", &[]),
    ("echo", &["function-runtime"]),
    ("exponential-loop", &["function-runtime"]),
    ("face-recognition", &["function-runtime"]),
];

/// Crates that decide and never do: no clock, no socket, no runtime.
const PURE: &[&str] = &["scheduling", "learning", "membership", "simulator"];

/// May depend on everything, and nothing on it.
const TESTS: &str = "tests";

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(tests::repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap()
}

/// The crates of the workspace, each with the packages that it names as dependencies outside its tests.
fn crates(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<_> =
        metadata["workspace_members"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap();
    let ours = packages.iter().filter(|package| members.contains(text(package, "id")));
    let dependencies = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(dependency, "name").into())
            .collect()
    };
    ours.map(|package| (text(package, "name").to_owned(), dependencies(package))).collect()
}

#[test]
fn dependencies_follow_the_arrows() {
    let crates = crates(&metadata());
    let names: BTreeSet<&String> = crates.keys().collect();
    for (name, dependencies) in &crates {
        if name == TESTS {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| known == name) else {
            panic!("{name} is not in the table of arrows");
        };
        for dependency in dependencies.iter().filter(|dependency| names.contains(dependency)) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_the_scheduler_holds_the_docker_socket() {
    for (name, dependencies) in crates(&metadata()) {
        assert_eq!(dependencies.contains("bollard"), name == "scheduler", "{name}");
    }
}

#[test]
fn pure_crates_have_no_runtime_and_carry_the_same_bans() {
    let bans = std::fs::read_to_string(tests::repository().join("crates/scheduling/clippy.toml")).unwrap();
    for (name, dependencies) in crates(&metadata()) {
        if !PURE.contains(&name.as_str()) {
            continue;
        }
        for runtime in ["tokio", "hyper", "axum", "reqwest", "socket2"] {
            assert!(!dependencies.contains(runtime), "{name} must not depend on {runtime}");
        }
        let own = std::fs::read_to_string(tests::repository().join("crates").join(&name).join("clippy.toml"));
        assert_eq!(own.unwrap_or_default(), bans, "crates/{name}/clippy.toml differs from the others");
    }
}

/// Read from deny.toml, so that `cargo deny` and this test cannot disagree.
#[test]
fn banned_crates_are_nowhere_in_the_tree() {
    let deny = std::fs::read_to_string(tests::repository().join("deny.toml")).unwrap();
    let banned: Vec<_> = deny
        .lines()
        .filter(|line| line.contains("name =") && !line.contains("wrappers"))
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    assert!(banned.contains(&"openssl") && banned.contains(&"aws-lc-rs"), "{banned:?}");
    for package in metadata()["packages"].as_array().unwrap() {
        assert!(!banned.contains(&text(package, "name")), "{} is banned by deny.toml", package["name"]);
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in metadata()["packages"].as_array().unwrap() {
        let manifest = text(package, "manifest_path");
        if !manifest.starts_with(tests::repository().to_str().unwrap()) {
            continue;
        }
        let manifest_text = std::fs::read_to_string(manifest).unwrap();
        assert!(manifest_text.contains("[lints]\nworkspace = true"), "{manifest}");
    }
}
