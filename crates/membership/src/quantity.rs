//! A count in one byte: exact up to 31, then rounded down to 5 significant bits, which is off by less than 1 in 16.

const MANTISSA_BITS: u32 = 4;
const IMPLICIT_ONE: u32 = 1 << MANTISSA_BITS;

/// The byte of `count`; counts above 507,904 are told as that.
pub(crate) fn pack(count: u32) -> u8 {
    if count < IMPLICIT_ONE {
        return count as u8;
    }
    let shift = count.ilog2() - MANTISSA_BITS;
    let mantissa = (count >> shift) - IMPLICIT_ONE;
    u8::try_from((shift + 1) * IMPLICIT_ONE + mantissa).unwrap_or(u8::MAX)
}

/// The count of `byte`.
pub(crate) fn unpack(byte: u8) -> u32 {
    let (step, mantissa) = (u32::from(byte) / IMPLICIT_ONE, u32::from(byte) % IMPLICIT_ONE);
    if step == 0 { mantissa } else { (IMPLICIT_ONE + mantissa) << (step - 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_byte_reads_back() {
        for byte in 0..=u8::MAX {
            assert_eq!(pack(unpack(byte)), byte);
        }
        assert_eq!(unpack(u8::MAX), 507_904);
        assert_eq!(pack(u32::MAX), u8::MAX);
    }

    proptest! {
        #[test]
        fn is_off_by_little_and_keeps_the_order(count in 0_u32..507_904) {
            let read = unpack(pack(count));
            prop_assert!(read <= count);
            prop_assert!(f64::from(count - read) <= 0.0625 * f64::from(count));
            prop_assert!(pack(count) <= pack(count + 1));
        }
    }
}
