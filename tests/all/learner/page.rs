//! `docs/learning.md` held against the code.

use std::fmt::Write;

use learning::Parameters;
use learning::agent::REGISTRY;
use tests::repository;

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/learning.md")).unwrap()
}

#[test]
fn it_tells_every_parameter_as_the_code_has_it() {
    let mut table = String::from("| parameter | meaning | allowed | default |\n|---|---|---|---|\n");
    let defaults = Parameters::default().to_map();
    for key in Parameters::KEYS {
        let alias = key.alias.map(|alias| format!(" (also `{alias}`)")).unwrap_or_default();
        let (name, meaning, allowed) = (key.name, key.meaning.trim(), key.allowed());
        writeln!(table, "| `{name}`{alias} | {meaning} | {allowed} | `{}` |", defaults[name]).unwrap();
    }
    assert!(page().contains(&table), "docs/learning.md must hold this table:\n\n{table}");
}

#[test]
fn it_tells_every_agent() {
    for entry in REGISTRY {
        let aliases: String = entry.aliases.iter().map(|alias| format!(" (also `{alias}`)")).collect();
        let row = format!("| `{}`{aliases} | {} |\n", entry.name, entry.summary);
        assert!(page().contains(&row), "docs/learning.md must hold {row}");
        let common = Parameters::default().to_map();
        for (name, value) in (entry.defaults)().to_map() {
            let differs = value != common[&name];
            assert!(
                !differs || page().contains(&format!("`{name}` {value}")),
                "{} has {name} {value}",
                entry.name
            );
        }
    }
}
