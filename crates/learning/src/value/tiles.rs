/// Weights that all tiles share; a power of two. Two tiles may have the same one, which costs little as long
/// as far fewer tiles are in use.
const WEIGHTS: usize = 1 << 16;

/// Weights of a tile coding (Sutton and Barto, section 9.5.4): tilings laid over each other, each shifted
/// against the others, so that near points share most of their tiles. Tiles are hashed into a fixed number of
/// weights, so that the memory does not grow.
pub struct Tiles {
    weights: Box<[f32]>,
    tilings: u32,
    used: usize,
}

impl Tiles {
    /// Weights of zero for so many tilings.
    pub fn new(tilings: u32) -> Self {
        Self { weights: vec![0.0; WEIGHTS].into(), tilings, used: 0 }
    }

    /// How many weights there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    /// Weights that were ever changed.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The places of the tiles, one of each tiling, in which this point lies.
    pub fn place(&self, point: &[f64], width: f64, out: &mut Vec<u64>) {
        out.clear();
        for tiling in 0..self.tilings {
            let mut place = mix(0, u64::from(tiling));
            for (dimension, number) in point.iter().enumerate() {
                // Odd shifts, a different one for each dimension, keep the tilings apart evenly.
                let shift = (tiling * (2 * dimension as u32 + 1)) % self.tilings;
                let cell = (number / width + f64::from(shift) / f64::from(self.tilings)).floor();
                place = mix(place, cell as i64 as u64);
            }
            out.push(place);
        }
    }

    /// The place of the same tile for this action alone.
    pub fn of_action(place: u64, action: u32) -> u64 {
        mix(place, u64::from(action) + 1)
    }

    /// The weight at this place.
    pub fn weight(&self, place: u64) -> f64 {
        self.weights[index(place)].into()
    }

    /// Adds to the weight at this place. A sum that is no finite number leaves it as it is.
    pub fn add(&mut self, place: u64, change: f64) {
        let weight = &mut self.weights[index(place)];
        let sum = (f64::from(*weight) + change) as f32;
        if sum.is_finite() {
            self.used += usize::from(*weight == 0.0 && sum != 0.0);
            *weight = sum;
        }
    }

    /// Appends the weights at these indices that are not zero, as a JSON list of pairs.
    pub(crate) fn write(&self, indices: std::ops::Range<usize>, out: &mut Vec<u8>) {
        let weights = indices.map(|index| (index, self.weights[index]));
        let pairs: Vec<_> = weights.filter(|(_, weight)| *weight != 0.0).collect();
        super::write_json(&pairs, out);
    }

    /// Takes a weight that [`Self::write`] wrote.
    pub(crate) fn read(&mut self, index: usize, weight: f32) -> Result<(), String> {
        let Some(own) = self.weights.get_mut(index).filter(|_| weight.is_finite()) else {
            return Err(format!("there is no weight {index}, or it cannot be {weight}"));
        };
        self.used += usize::from(*own == 0.0 && weight != 0.0);
        *own = weight;
        Ok(())
    }
}

fn index(place: u64) -> usize {
    (place >> 32) as usize & (WEIGHTS - 1)
}

/// The 64-bit finalizer of MurmurHash3 over what came before and a further number.
fn mix(before: u64, number: u64) -> u64 {
    let mut mixed = before.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(one: &[f64], other: &[f64]) -> usize {
        let tiles = Tiles::new(8);
        let places = |point| {
            let mut places = vec![];
            tiles.place(point, 1.0, &mut places);
            places
        };
        places(one).iter().zip(places(other)).filter(|(one, other)| **one == *other).count()
    }

    #[test]
    fn near_points_share_tiles_and_far_ones_none() {
        assert_eq!(shared(&[0.5, 0.5], &[0.5, 0.5]), 8);
        let near = shared(&[0.5, 0.5], &[0.7, 0.5]);
        assert!((5..8).contains(&near), "{near}");
        assert_eq!(shared(&[0.5, 0.5], &[2.0, 0.5]), 0);
    }

    #[test]
    fn actions_have_tiles_of_their_own() {
        let mut tiles = Tiles::new(8);
        let mut places = vec![];
        tiles.place(&[1.0], 1.0, &mut places);
        tiles.add(Tiles::of_action(places[0], 1), 2.0);
        assert_eq!(tiles.weight(Tiles::of_action(places[0], 1)), 2.0);
        assert_eq!(tiles.weight(Tiles::of_action(places[0], 2)), 0.0);
        tiles.add(places[0], f64::NAN);
        assert_eq!((tiles.weight(places[0]), tiles.used()), (0.0, 1));
    }
}
