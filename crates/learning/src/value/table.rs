use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashTable;
use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::STATE_PARTS_MAX;

/// Rows that are allocated at a time: a table grows without ever being copied.
const CHUNK_ROWS: usize = 1_024;

/// Rows of numbers by keys of whole numbers. All keys have the length of the first.
///
/// It never holds more than `rows_max` rows: once full it goes on with those that it has, and a key without a
/// row gets none. A row takes 4 bytes a value and a part of the key, and about 7 more.
pub struct Table {
    width: usize,
    rows_max: usize,
    key_length: usize,
    index: HashTable<u32>,
    keys: Vec<Box<[i32]>>,
    values: Vec<Box<[f32]>>,
    /// Whether the first value of a row was ever changed: that of rejecting, which is not chosen untried.
    first_tried: Vec<bool>,
}

/// A row of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// Its key.
    pub key: &'a [i32],
    /// Its values.
    pub values: &'a [f32],
    /// Whether its first value was ever changed.
    pub first_tried: bool,
}

impl Table {
    /// An empty table with so many values a row.
    pub fn new(width: usize, rows_max: usize) -> Self {
        Self {
            width,
            rows_max,
            key_length: 0,
            index: HashTable::new(),
            keys: Vec::new(),
            values: Vec::new(),
            first_tried: Vec::new(),
        }
    }

    /// Holds at most so many rows from now on; those that it has, it keeps.
    pub fn limit(&mut self, rows_max: usize) {
        self.rows_max = rows_max;
    }

    /// Rows that there are.
    pub fn len(&self) -> usize {
        self.first_tried.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row at this place, counted in the order in which they were made.
    pub fn row(&self, place: usize) -> Row<'_> {
        let (chunk, within) = (place / CHUNK_ROWS, place % CHUNK_ROWS);
        let part = |length: usize| within * length..(within + 1) * length;
        Row {
            key: &self.keys[chunk][part(self.key_length)],
            values: &self.values[chunk][part(self.width)],
            first_tried: self.first_tried[place],
        }
    }

    /// The row of this key.
    pub fn find(&self, key: &[i32]) -> Option<Row<'_>> {
        self.place(key).map(|place| self.row(place))
    }

    /// Adds to a value of the row of this key, which is made if need be; false where there is no room for it.
    /// A sum that is no finite number leaves the value as it is.
    pub fn add(&mut self, key: &[i32], column: usize, change: f64) -> bool {
        let Some(place) = self.place(key).or_else(|| self.insert(key)) else {
            return false;
        };
        let value = &mut self.values[place / CHUNK_ROWS][place % CHUNK_ROWS * self.width + column];
        let sum = (f64::from(*value) + change) as f32;
        if sum.is_finite() {
            *value = sum;
        }
        self.first_tried[place] |= column == 0;
        true
    }

    fn place(&self, key: &[i32]) -> Option<usize> {
        self.index.find(hash(key), |&place| self.row(place as usize).key == key).map(|&place| place as usize)
    }

    fn insert(&mut self, key: &[i32]) -> Option<usize> {
        let place = self.len();
        if place == 0 {
            self.key_length = key.len();
        }
        if place >= self.rows_max || key.len() != self.key_length {
            return None;
        }
        let (chunk, within) = (place / CHUNK_ROWS, place % CHUNK_ROWS);
        if within == 0 {
            self.keys.push(vec![0; CHUNK_ROWS * self.key_length].into());
            self.values.push(vec![0.0; CHUNK_ROWS * self.width].into());
        }
        self.keys[chunk][within * self.key_length..(within + 1) * self.key_length].copy_from_slice(key);
        self.first_tried.push(false);
        let (keys, length) = (&self.keys, self.key_length);
        let hash_of = |place: &u32| {
            let (chunk, within) = (*place as usize / CHUNK_ROWS, *place as usize % CHUNK_ROWS);
            hash(&keys[chunk][within * length..(within + 1) * length])
        };
        self.index.insert_unique(hash(key), place as u32, hash_of);
        Some(place)
    }

    /// Appends the row at this place as JSON: `[[key], [values], first_tried]`.
    pub(super) fn write_row(&self, place: usize, out: &mut Vec<u8>) {
        let row = self.row(place);
        super::write_json(&(row.key, row.values, row.first_tried), out);
    }
}

/// Without a secret: the same samples must lead to the same table, and a flood of colliding keys is bounded by
/// the number of rows.
fn hash(key: &[i32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Reads rows into an empty table, one by one: nothing is held twice.
pub(super) struct Rows<'a>(pub(super) &'a mut Table);

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of rows [[key], [{} values], true or false]", self.0.width)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(RowRead(key, values, first_tried)) = rows.next_element()? {
            self.0.take_row(&key, &values, first_tried).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct RowRead(Vec<i32>, Vec<f32>, bool);

impl Table {
    fn take_row(&mut self, key: &[i32], values: &[f32], first_tried: bool) -> Result<(), String> {
        if values.len() != self.width {
            return Err(format!("the row of {key:?} has {} values, not {}", values.len(), self.width));
        }
        if !(1..=STATE_PARTS_MAX).contains(&key.len()) || !values.iter().all(|value| value.is_finite()) {
            return Err(format!("the row of {key:?} has a bad key or value"));
        }
        if self.place(key).is_some() {
            return Err(format!("there are two rows of {key:?}"));
        }
        let Some(place) = self.insert(key) else {
            return Err(format!("there is no room for the row of {key:?}, or its key has another length"));
        };
        let (chunk, within) = (place / CHUNK_ROWS, place % CHUNK_ROWS);
        self.values[chunk][within * self.width..(within + 1) * self.width].copy_from_slice(values);
        self.first_tried[place] = first_tried;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_again_over_many_chunks() {
        let mut table = Table::new(3, 100_000);
        for number in 0..5_000 {
            assert!(table.add(&[number, 7], 1, f64::from(number)));
        }
        assert_eq!(table.len(), 5_000);
        let row = table.find(&[4_321, 7]).unwrap();
        assert_eq!((row.values, row.first_tried), (&[0.0, 4_321.0, 0.0][..], false));
        assert_eq!(table.find(&[4_321, 8]), None);
    }

    #[test]
    fn a_full_table_goes_on_with_the_rows_that_it_has() {
        let mut table = Table::new(1, 2);
        assert!(table.add(&[1], 0, 1.0) && table.add(&[2], 0, 1.0));
        assert!(!table.add(&[3], 0, 1.0));
        assert!(table.add(&[1], 0, 1.0));
        assert_eq!(table.find(&[1]).unwrap().values, [2.0]);
        assert!(!table.add(&[1, 2], 0, 1.0), "keys of another length have no row");
    }

    #[test]
    fn no_change_makes_a_value_infinite() {
        let mut table = Table::new(1, 2);
        for change in [1.0, f64::NAN, f64::INFINITY, 1e300] {
            table.add(&[1], 0, change);
        }
        assert_eq!(table.find(&[1]).unwrap().values, [1.0]);
    }
}
