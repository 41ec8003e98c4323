use std::fs;

use serde_json::json;

use super::*;
use crate::settings::{Switch, Whole};

crate::settings! {
    /// Settings for these tests.
    struct Garden for "scheduler" on port 18000 {
        /// Plants that are watered at once.
        Live plants_max (plants): Whole<1, 100> = Whole::nearest(4), "plants";
        /// Plants that are kept.
        Live plants_kept: Whole<1, 1_000> = Whole::nearest(50), "plants";
        /// Whether weeds may stay.
        Live weeds: Switch = Switch(false), "";
    }
    check_together |garden| {
        if garden.plants_kept.value() < garden.plants_max.value() {
            return Err(("plants_kept", "is less than plants_max".into()));
        }
        Ok(())
    };
}

struct Place {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data").to_str().unwrap().to_owned();
        Self { folder, variables: vec![("P2PFAAS_DATA_PATH".into(), data)] }
    }

    fn set(mut self, name: &str, text: &str) -> Self {
        self.variables.push((name.into(), text.into()));
        self
    }

    fn file(self, text: &str) -> Self {
        fs::write(self.folder.path().join("config.json"), text).unwrap();
        self
    }

    fn kept(self, text: &str) -> Self {
        fs::create_dir_all(self.folder.path().join("data")).unwrap();
        fs::write(self.folder.path().join("data/scheduler-settings.json"), text).unwrap();
        self
    }

    fn load(&self) -> Result<Store<Garden>, SettingsError> {
        let file = self.folder.path().join("config.json");
        let file = file.exists().then_some(file);
        Store::load(&Sources { file, variables: self.variables.clone() })
    }

    fn error(&self) -> String {
        let error = self.load().err().expect("settings that must be refused");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error} {source}")
    }
}

#[test]
fn later_sources_win() {
    let place = Place::new();
    assert_eq!(place.load().unwrap().current().plants_max.value(), 4);
    let place = place.file(r#"{"scheduler": {"plants_max": 5}, "learner": {"whatever": 1}}"#);
    assert_eq!(place.load().unwrap().current().plants_max.value(), 5);
    let place = place.set("P2PFAAS_PLANTS_MAX", "6");
    assert_eq!(place.load().unwrap().current().plants_max.value(), 6);
    let place = place.kept(r#"{"plants_max": 7}"#);
    assert_eq!(place.load().unwrap().current().plants_max.value(), 7);
}

#[test]
fn an_older_name_is_taken_and_an_empty_variable_is_not() {
    let place = Place::new().set("P2PFAAS_PLANTS", "9").set("P2PFAAS_WEEDS", "");
    assert_eq!(place.load().unwrap().current().plants_max.value(), 9);
}

#[test]
fn an_error_names_source_key_value_and_what_is_allowed() {
    let error = Place::new().file(r#"{"scheduler": {"plants_max": 0}}"#).error();
    for part in ["config.json", "plants_max", "0", "a whole number from 1 to 100"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = Place::new().set("P2PFAAS_WEEDS", "some").error();
    for part in ["environment", "P2PFAAS_WEEDS", "some", "true or false"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    let error = Place::new().kept(r#"{"plants_max": "x"}"#).error();
    assert!(error.contains("scheduler-settings.json"), "{error}");
    assert!(Place::new().file("{").error().contains("config.json"));
    assert!(Place::new().file(r#"{"gardener": {}}"#).error().contains("gardener"));
    assert!(Place::new().file(r#"{"scheduler": {"plant_max": 1}}"#).error().contains("plants_max"));
    assert!(Place::new().file(r#"{"scheduler": {"plants_kept": 1}}"#).error().contains("less than"));
}

#[test]
fn every_bad_key_is_named() {
    let error = Place::new().file(r#"{"scheduler": {"plants_max": 0, "weeds": 3, "x": 1}}"#).error();
    for key in ["plants_max", "weeds", "\"x\""] {
        assert!(error.contains(key), "{key} in {error}");
    }
}

#[test]
fn a_patch_is_in_force_at_once_and_after_a_restart() {
    let place = Place::new();
    let store = place.load().unwrap();
    let mut changes = store.subscribe();
    let in_force = Arc::new(Mutex::new(Vec::new()));
    store.follow({
        let in_force = Arc::clone(&in_force);
        move |settings: &Garden| in_force.lock().unwrap().push(settings.plants_max.value())
    });
    let shown = store.patch(json!({"plants_max": 8})).unwrap();
    assert_eq!(shown["plants_max"], 8);
    assert_eq!(shown["plants"], 8, "old clients read the older name");
    assert_eq!(*in_force.lock().unwrap(), [4, 8]);
    assert!(changes.has_changed().unwrap());
    assert_eq!(changes.borrow_and_update().plants_max.value(), 8);
    assert_eq!(place.load().unwrap().current().plants_max.value(), 8);
    store.patch(json!({"plants_max": null})).unwrap();
    assert_eq!(place.load().unwrap().current().plants_max.value(), 4);
}

#[test]
fn a_refused_patch_changes_nothing() {
    let place = Place::new();
    let store = place.load().unwrap();
    let before = store.live();
    for patch in [
        json!({"plants_max": 8, "weeds": "perhaps"}),
        json!({"plants_max": 8, "plants": 9}),
        json!({"plants_max": 60}),
        json!({"plants_max": 8, "unknown": 1}),
    ] {
        assert!(matches!(store.patch(patch.clone()), Err(PatchError::Values(_))), "{patch}");
    }
    assert!(matches!(
        store.patch(json!({"plants_max": 8, "listening_port": 1})),
        Err(PatchError::NeedsRestart(keys)) if keys == ["listening_port"]
    ));
    assert!(matches!(store.patch(json!([1])), Err(PatchError::NotAnObject)));
    assert_eq!(store.live(), before);
    assert_eq!(place.load().unwrap().live(), before);
}

#[test]
fn a_patch_that_cannot_be_saved_changes_nothing() {
    let place = Place::new();
    let store = place.load().unwrap();
    fs::write(place.folder.path().join("data"), "a file where the folder should be").unwrap();
    let before = store.live();
    assert!(matches!(store.patch(json!({"plants_max": 8})), Err(PatchError::Save(_))));
    assert_eq!(store.live(), before);
}

#[test]
fn keys_that_need_a_restart_are_not_shown_as_live() {
    let live = Place::new().load().unwrap().live();
    assert!(live.get("listening_port").is_none());
    assert_eq!(live["weeds"], false);
}

#[test]
fn explains_where_a_value_comes_from() {
    let store = Place::new().set("P2PFAAS_WEEDS", "true").load().unwrap();
    let explained = store.explain();
    let (_, value, origin) = explained.iter().find(|(key, ..)| key.name == "weeds").unwrap();
    assert_eq!((value, origin), (&json!(true), &Origin::Environment));
}

#[test]
fn a_misspelt_variable_is_noticed() {
    let sources = Sources {
        file: None,
        variables: vec![("P2PFAAS_PLANT_MAX".into(), "1".into()), ("HOME".into(), "/".into())],
    };
    assert_eq!(sources.unknown_variables::<Garden>(), ["P2PFAAS_PLANT_MAX"]);
}
