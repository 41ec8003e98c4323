/// Where the writing of weights has come to. The extent is fixed at the start: what is learned meanwhile
/// changes the weights that are yet to be written, not how many there are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    extent: Option<[usize; 2]>,
    at: usize,
}

/// So many rows are written at a time, which takes a fraction of a millisecond.
const PART: usize = 512;

impl Cursor {
    /// Nothing is written yet.
    pub fn is_at_start(&self) -> bool {
        self.extent.is_none()
    }

    /// The places to be written now, of two lists of these lengths one after the other.
    pub(crate) fn part(&mut self, lengths: [usize; 2]) -> std::ops::Range<usize> {
        let extent = *self.extent.get_or_insert(lengths);
        let all: usize = extent.iter().sum();
        let from = self.at;
        self.at = all.min(from + PART);
        from..self.at
    }

    /// The length of the first list, as it was at the start.
    pub(crate) fn first_length(&self) -> usize {
        self.extent.map_or(0, |extent| extent[0])
    }

    /// Whether the second list has anything in it.
    pub(crate) fn has_second(&self) -> bool {
        self.extent.is_some_and(|extent| extent[1] > 0)
    }

    /// Everything is written.
    pub(crate) fn is_done(&self) -> bool {
        self.extent.is_some_and(|extent| self.at == extent.iter().sum::<usize>())
    }
}
