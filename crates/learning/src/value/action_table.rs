use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use super::table::Rows;
use super::{Cursor, Key, Table, Values};
use crate::Parameters;
use crate::agent::{Choices, Point};

/// Values of actions in tables: a row for each state with a column for each numbered action, and a row for
/// each cell of the space of features, which all candidates share.
pub struct ActionTable {
    numbered: Table,
    offered: Table,
    feature_steps: f64,
}

impl ActionTable {
    /// Empty tables.
    pub fn new(parameters: &Parameters) -> Self {
        let rows_max = parameters.states_max as usize;
        Self {
            numbered: Table::new(parameters.actions_n as usize, rows_max),
            offered: Table::new(1, rows_max),
            feature_steps: parameters.feature_steps,
        }
    }

    /// Takes another bound of the rows.
    pub fn configure(&mut self, parameters: &Parameters) {
        self.numbered.limit(parameters.states_max as usize);
        self.offered.limit(parameters.states_max as usize);
    }

    /// Rows that there are.
    pub fn len(&self) -> usize {
        self.numbered.len() + self.offered.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds to the value of an action; false where there is no room for it.
    pub fn add(&mut self, point: Point<'_>, change: f64) -> bool {
        match point.features {
            None => self.numbered.add(Key::of_state(point.state).parts(), point.action as usize, change),
            Some(features) => self.offered.add(self.key(features).parts(), 0, change),
        }
    }

    fn key(&self, features: &[f64]) -> Key {
        Key::of_features(features, self.feature_steps)
    }

    fn offered(&self, features: &[f64]) -> Option<f64> {
        self.offered.find(self.key(features).parts()).map(|row| row.values[0].into())
    }

    /// Appends a part of both tables: `{<head> "numbered": [rows], "offered": [rows]}`.
    pub(crate) fn write(&self, head: &str, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        if cursor.is_at_start() {
            out.extend_from_slice(format!("{{{head}\"numbered\":[").as_bytes());
        }
        let places = cursor.part([self.numbered.len(), self.offered.len()]);
        let boundary = cursor.first_length();
        for place in places.clone() {
            if place == boundary {
                out.extend_from_slice(b"],\"offered\":[");
            } else if place > 0 {
                out.push(b',');
            }
            match place.checked_sub(boundary) {
                None => self.numbered.write_row(place, out),
                Some(place) => self.offered.write_row(place, out),
            }
        }
        if !cursor.is_done() {
            return false;
        }
        let end: &[u8] = if cursor.has_second() { b"]}" } else { b"],\"offered\":[]}" };
        out.extend_from_slice(end);
        true
    }

    /// Reads what [`Self::write`] wrote into tables that are empty.
    pub(crate) fn read(&mut self, weights: &Weights<'_>) -> Result<(), String> {
        for (table, rows) in [(&mut self.numbered, weights.numbered), (&mut self.offered, weights.offered)] {
            let mut json = serde_json::Deserializer::from_str(rows.get());
            Rows(table).deserialize(&mut json).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// The weights of an agent with tables.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weights<'a> {
    /// Of differential agents only.
    #[serde(default)]
    pub(crate) average_reward: f64,
    #[serde(borrow)]
    numbered: &'a RawValue,
    #[serde(borrow)]
    offered: &'a RawValue,
}

impl Values for ActionTable {
    fn value(&self, point: Point<'_>) -> f64 {
        match point.features {
            None => {
                let row = self.numbered.find(Key::of_state(point.state).parts());
                row.map_or(0.0, |row| row.values[point.action as usize].into())
            }
            Some(features) => self.offered(features).unwrap_or_default(),
        }
    }

    fn fill(&self, state: &[f64], choices: Choices<'_>, out: &mut Vec<Option<f64>>) {
        out.clear();
        match choices {
            Choices::Numbered(actions_n) => match self.numbered.find(Key::of_state(state).parts()) {
                Some(row) => {
                    out.extend(row.values.iter().map(|&value| Some(f64::from(value))));
                    if !row.first_tried {
                        out[0] = None;
                    }
                }
                None => out.resize(actions_n as usize, None),
            },
            Choices::Offered(candidates) => {
                out.extend(candidates.iter().map(|candidate| self.offered(&candidate.features)));
            }
        }
    }
}
