//! `docs/configuration.md` held against the code, and `config/config.json` against both.

use std::fmt::Write;

use service::settings::{Effect, Key, Settings, Sources, Store};
use tests::repository;

/// What the documentation must say of a service's keys. The defaults that depend on the machine are
/// described in words, because the page must not change from machine to machine.
fn table(keys: &[Key]) -> String {
    let mut text = String::from(
        "| key | meaning | allowed | unit | default | takes effect |\n|---|---|---|---|---|---|\n",
    );
    for key in keys {
        let alias = key.alias.map(|alias| format!(" (also `{alias}`)")).unwrap_or_default();
        let effect = match key.effect {
            Effect::Live => "at once",
            Effect::Restart => "at a start",
        };
        let default = match key.name {
            "parallel_running_functions_max" => "max(4, 2 x cores)".to_owned(),
            _ => format!("`{}`", key.default),
        };
        let (name, meaning, allowed, unit) = (key.name, &key.meaning, &key.allowed, key.unit);
        writeln!(text, "| `{name}`{alias} | {meaning} | {allowed} | {unit} | {default} | {effect} |")
            .unwrap();
    }
    text
}

#[test]
fn the_documentation_tells_every_key_as_the_code_has_it() {
    let page = std::fs::read_to_string(repository().join("docs/configuration.md")).unwrap();
    for (service, keys) in [
        ("scheduler", scheduler::Settings::keys()),
        ("learner", learner::Settings::keys()),
        ("discovery", discovery::Settings::keys()),
    ] {
        let table = table(&keys);
        assert!(
            page.contains(&table),
            "docs/configuration.md must hold this table of the {service}:\n\n{table}"
        );
    }
}

#[test]
fn the_settings_file_of_the_repository_is_good_for_every_service() {
    fn check<S: Settings>() {
        let file = Some(repository().join("config/config.json"));
        if let Err(error) = Store::<S>::load(&Sources { file, variables: Vec::new() }) {
            panic!("{}: {error}", S::SERVICE);
        }
    }
    check::<scheduler::Settings>();
    check::<learner::Settings>();
    check::<discovery::Settings>();
}
