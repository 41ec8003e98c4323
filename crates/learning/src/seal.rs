//! How a broken snapshot is told from a good one: the last line of the file is the CRC-32 of what precedes it.

use crc32fast::Hasher;

/// Length of the last line: eight hexadecimal digits between two line ends.
const TRAILER_BYTES: usize = 10;

/// A snapshot that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It does not end with a checksum: it was cut off, or is something else.
    #[error("it does not end with a checksum")]
    Unsealed,
    /// Its checksum is that of another content.
    #[error("its checksum does not fit its content")]
    Checksum,
}

/// Computes the checksum of a snapshot while that is written.
#[derive(Debug, Default)]
pub struct Seal(Hasher);

impl Seal {
    /// A part of the snapshot.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The last line, to be written after all parts.
    pub fn trailer(self) -> String {
        format!("\n{:08x}\n", self.0.finalize())
    }
}

/// The content of a sealed snapshot.
///
/// # Errors
/// When it is not as it was written.
pub fn open(sealed: &[u8]) -> Result<&[u8], Broken> {
    let length = sealed.len().checked_sub(TRAILER_BYTES).ok_or(Broken::Unsealed)?;
    let (content, trailer) = sealed.split_at(length);
    let mut seal = Seal::default();
    seal.update(content);
    if !(trailer.starts_with(b"\n") && trailer.ends_with(b"\n")) {
        return Err(Broken::Unsealed);
    }
    if seal.trailer().as_bytes() == trailer { Ok(content) } else { Err(Broken::Checksum) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(content: &[u8]) -> Vec<u8> {
        let mut seal = Seal::default();
        seal.update(content);
        [content, seal.trailer().as_bytes()].concat()
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_and_no_cut_goes_unseen(
            content in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), flip in 1..=255u8
        ) {
            let good = sealed(&content);
            prop_assert_eq!(open(&good), Ok(content.as_slice()));
            let at = at.index(good.len());
            let mut changed = good.clone();
            changed[at] ^= flip;
            prop_assert!(open(&changed).is_err());
            prop_assert!(open(&good[..at]).is_err());
        }
    }
}
