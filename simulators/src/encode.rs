//! From a value to registers: scale, quantise, lay out. What does not fit saturates, as instruments do.

use crate::bench::{ByteOrder, Encoding};

/// One to four registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    words: [u16; 4],
    len: usize,
}

impl Words {
    /// Lays bytes, high byte first, out in `order`.
    fn lay(bytes: &[u8], order: ByteOrder) -> Self {
        let len = bytes.len() / 2;
        let mut words = [0; 4];
        for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
            *word = u16::from_be_bytes([pair[0], pair[1]]);
        }
        if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
            words[..len].reverse();
        }
        if matches!(order, ByteOrder::Badc | ByteOrder::Dcba) {
            for word in &mut words {
                *word = word.swap_bytes();
            }
        }
        Self { words, len }
    }

    /// The registers, in the order of their addresses.
    pub(crate) fn as_slice(&self) -> &[u16] {
        &self.words[..self.len]
    }
}

/// The registers of a raw number; of none, what a broken sensor leaves: the sign bit alone, or not-a-number.
/// The two bit encodings are not numbers and come out as one register, 0 or 1.
pub(crate) fn number(raw: Option<f64>, encoding: Encoding, order: ByteOrder) -> Words {
    // A float becomes an integer by saturation in Rust.
    let whole = raw.map(f64::round);
    match encoding {
        Encoding::U16 => Words::lay(&whole.map_or(0x8000, |x| x as u16).to_be_bytes(), order),
        Encoding::I16 => Words::lay(&whole.map_or(i16::MIN, |x| x as i16).to_be_bytes(), order),
        Encoding::U32 => Words::lay(&whole.map_or(0x8000_0000, |x| x as u32).to_be_bytes(), order),
        Encoding::I32 => Words::lay(&whole.map_or(i32::MIN, |x| x as i32).to_be_bytes(), order),
        Encoding::F32 => Words::lay(&raw.map_or(f32::NAN, |x| x as f32).to_be_bytes(), order),
        Encoding::F64 => Words::lay(&raw.unwrap_or(f64::NAN).to_be_bytes(), order),
        Encoding::Bit | Encoding::BitOf(_) => {
            Words::lay(&u16::from(switch(raw)).to_be_bytes(), ByteOrder::Abcd)
        }
    }
}

/// The state of a switch; off where its sensor is broken.
pub(crate) fn switch(raw: Option<f64>) -> bool {
    raw.is_some_and(|x| x >= 0.5)
}

/// The bit of a register at which bit `bit` of its value stands: the two orders that put the low byte first swap the
/// halves of single registers too.
pub(crate) fn bit_mask(bit: u8, order: ByteOrder) -> u16 {
    let mask = 1u16 << (bit % 16);
    match order {
        ByteOrder::Abcd | ByteOrder::Cdab => mask,
        ByteOrder::Badc | ByteOrder::Dcba => mask.swap_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];

    /// Reads registers by what the letters of an order say: where each byte of a value stands.
    fn bytes_by_letters(words: &[u16], order: &str) -> Vec<u8> {
        let wire: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        (0..wire.len())
            .map(|i| match order {
                "CDAB" => wire[wire.len() - 2 - (i & !1) + (i & 1)],
                "BADC" => wire[i ^ 1],
                "DCBA" => wire[wire.len() - 1 - i],
                _ => wire[i],
            })
            .collect()
    }

    fn decode(words: &[u16], encoding: Encoding, order: ByteOrder) -> f64 {
        let letters = match order {
            ByteOrder::Abcd => "ABCD",
            ByteOrder::Cdab => "CDAB",
            ByteOrder::Badc => "BADC",
            ByteOrder::Dcba => "DCBA",
        };
        let bytes = bytes_by_letters(words, letters);
        match encoding {
            Encoding::U16 => f64::from(u16::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::I16 => f64::from(i16::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::U32 => f64::from(u32::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::I32 => f64::from(i32::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::F32 => f64::from(f32::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::F64 => f64::from_be_bytes(bytes.try_into().unwrap()),
            Encoding::Bit | Encoding::BitOf(_) => unreachable!("not a number"),
        }
    }

    #[test]
    fn every_encoding_comes_back_in_every_order() {
        let cases: [(Encoding, &[f64]); 6] = [
            (Encoding::U16, &[0.0, 1.0, 258.0, 65535.0]),
            (Encoding::I16, &[-32768.0, -2.0, 0.0, 258.0, 32767.0]),
            (Encoding::U32, &[0.0, 16_909_060.0, 4_294_967_295.0]),
            (Encoding::I32, &[-2_147_483_648.0, -3.0, 16_909_060.0, 2_147_483_647.0]),
            (Encoding::F32, &[-0.5, 0.0, 123.25, 1.0e20]),
            (Encoding::F64, &[-0.1, 0.0, 123.456, 1.0e300]),
        ];
        for (encoding, values) in cases {
            for order in ORDERS {
                for &value in values {
                    let words = number(Some(value), encoding, order);
                    assert_eq!(words.as_slice().len(), usize::from(encoding.width()));
                    let back = decode(words.as_slice(), encoding, order);
                    let exact = if encoding == Encoding::F32 { f64::from(value as f32) } else { value };
                    assert_eq!(back, exact, "{encoding:?} {order:?}");
                }
            }
        }
    }

    #[test]
    fn orders_are_those_of_the_manuals() {
        let value = f64::from(0x0102_0304);
        let words = |order| number(Some(value), Encoding::U32, order).as_slice().to_vec();
        assert_eq!(words(ByteOrder::Abcd), [0x0102, 0x0304]);
        assert_eq!(words(ByteOrder::Cdab), [0x0304, 0x0102]);
        assert_eq!(words(ByteOrder::Badc), [0x0201, 0x0403]);
        assert_eq!(words(ByteOrder::Dcba), [0x0403, 0x0201]);
    }

    #[test]
    fn what_does_not_fit_saturates_and_what_is_broken_says_so() {
        let one = |raw, encoding| number(raw, encoding, ByteOrder::Abcd).as_slice()[0];
        assert_eq!(one(Some(70_000.0), Encoding::U16), 0xFFFF);
        assert_eq!(one(Some(-1.0), Encoding::U16), 0);
        assert_eq!(one(Some(-40_000.0), Encoding::I16), 0x8000);
        assert_eq!(one(Some(1.5), Encoding::U16), 2);
        assert_eq!(one(None, Encoding::I16), 0x8000);
        assert_eq!(one(None, Encoding::U32), 0x8000);
        let nan = number(None, Encoding::F32, ByteOrder::Cdab);
        assert!(decode(nan.as_slice(), Encoding::F32, ByteOrder::Cdab).is_nan());
    }

    #[test]
    fn a_bit_of_a_swapped_register_stands_in_its_other_half() {
        assert_eq!(bit_mask(0, ByteOrder::Abcd), 0x0001);
        assert_eq!(bit_mask(15, ByteOrder::Cdab), 0x8000);
        assert_eq!(bit_mask(0, ByteOrder::Badc), 0x0100);
        assert_eq!(bit_mask(15, ByteOrder::Dcba), 0x0080);
    }
}
