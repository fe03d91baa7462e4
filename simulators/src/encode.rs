//! From a value to registers: scale, quantise, lay out. What does not fit saturates, as instruments do.

use crate::bench::{ByteOrder, Encoding};

/// Registers that one value takes at most.
pub(crate) const WIDTH_MAX: usize = 32;

/// The registers of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words {
    words: [u16; WIDTH_MAX],
    len: usize,
}

impl Words {
    /// Lays bytes, high byte first, out in `order`.
    fn lay(bytes: &[u8], order: ByteOrder) -> Self {
        let len = bytes.len() / 2;
        let mut words = [0; WIDTH_MAX];
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

/// The registers of a raw number; of none, what a broken sensor leaves: the sign bit alone, not-a-number, digits that are
/// none, or no characters. The two bit encodings are not numbers and come out as one register, 0 or 1.
pub(crate) fn number(raw: Option<f64>, encoding: Encoding, order: ByteOrder) -> Words {
    // A float becomes an integer by saturation in Rust.
    let whole = raw.map(f64::round);
    match encoding {
        Encoding::U16 => Words::lay(&whole.map_or(0x8000, |x| x as u16).to_be_bytes(), order),
        Encoding::I16 => Words::lay(&whole.map_or(i16::MIN, |x| x as i16).to_be_bytes(), order),
        Encoding::U32 => Words::lay(&whole.map_or(0x8000_0000, |x| x as u32).to_be_bytes(), order),
        Encoding::I32 => Words::lay(&whole.map_or(i32::MIN, |x| x as i32).to_be_bytes(), order),
        Encoding::U64 => Words::lay(&whole.map_or(1 << 63, |x| x as u64).to_be_bytes(), order),
        Encoding::I64 => Words::lay(&whole.map_or(i64::MIN, |x| x as i64).to_be_bytes(), order),
        Encoding::F32 => Words::lay(&raw.map_or(f32::NAN, |x| x as f32).to_be_bytes(), order),
        Encoding::F64 => Words::lay(&raw.unwrap_or(f64::NAN).to_be_bytes(), order),
        Encoding::Bcd16 => {
            let digits = whole.map_or(0xFFFF, |x| digits(x.clamp(0.0, 9999.0) as u32) as u16);
            Words::lay(&digits.to_be_bytes(), order)
        }
        Encoding::Bcd32 => {
            let digits = whole.map_or(u32::MAX, |x| digits(x.clamp(0.0, 99_999_999.0) as u32));
            Words::lay(&digits.to_be_bytes(), order)
        }
        Encoding::Ascii(registers) => text(raw, usize::from(registers), order),
        Encoding::Bit | Encoding::BitOf(_) => {
            Words::lay(&u16::from(switch(raw)).to_be_bytes(), ByteOrder::Abcd)
        }
    }
}

/// Four bits for each decimal digit.
fn digits(mut number: u32) -> u32 {
    let mut digits = 0;
    for place in 0..8 {
        digits |= (number % 10) << (4 * place);
        number /= 10;
    }
    digits
}

/// A number as text, with as many decimal places (at most three) as there is room for. Characters stand in the order of
/// their words; an order that puts the low byte first swaps those of each.
fn text(raw: Option<f64>, registers: usize, order: ByteOrder) -> Words {
    let room = 2 * registers.min(WIDTH_MAX);
    let fits = |places: &usize| raw.map_or(0, |x| format!("{x:.places$}").len()) <= room;
    let places = (0..=3).rev().find(fits).unwrap_or(0);
    let text = raw.map_or_else(String::new, |x| format!("{x:.places$}"));
    let mut bytes = [b' '; 2 * WIDTH_MAX];
    let len = text.len().min(room);
    bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
    let order = match order {
        ByteOrder::Abcd | ByteOrder::Cdab => ByteOrder::Abcd,
        ByteOrder::Badc | ByteOrder::Dcba => ByteOrder::Badc,
    };
    Words::lay(&bytes[..room], order)
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
            Encoding::U64 => u64::from_be_bytes(bytes.try_into().unwrap()) as f64,
            Encoding::I64 => i64::from_be_bytes(bytes.try_into().unwrap()) as f64,
            Encoding::Bcd16 | Encoding::Bcd32 => {
                let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
                digits.fold(0.0, |number, digit| number * 10.0 + f64::from(digit))
            }
            Encoding::F32 => f64::from(f32::from_be_bytes(bytes.try_into().unwrap())),
            Encoding::F64 => f64::from_be_bytes(bytes.try_into().unwrap()),
            Encoding::Bit | Encoding::BitOf(_) | Encoding::Ascii(_) => unreachable!("not a number"),
        }
    }

    #[test]
    fn every_encoding_comes_back_in_every_order() {
        let cases: [(Encoding, &[f64]); 10] = [
            (Encoding::U16, &[0.0, 1.0, 258.0, 65535.0]),
            (Encoding::I16, &[-32768.0, -2.0, 0.0, 258.0, 32767.0]),
            (Encoding::U32, &[0.0, 16_909_060.0, 4_294_967_295.0]),
            (Encoding::I32, &[-2_147_483_648.0, -3.0, 16_909_060.0, 2_147_483_647.0]),
            (Encoding::U64, &[0.0, 72_623_859_790_382_856.0]),
            (Encoding::I64, &[-72_623_859_790_382_856.0, -1.0]),
            (Encoding::Bcd16, &[0.0, 1234.0, 9999.0]),
            (Encoding::Bcd32, &[0.0, 12_345_678.0, 99_999_999.0]),
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
    fn characters_stand_in_the_order_of_their_words() {
        let written = |raw, registers, order| {
            let words = number(raw, Encoding::Ascii(registers), order);
            words.as_slice().iter().flat_map(|word| word.to_be_bytes()).map(char::from).collect::<String>()
        };
        assert_eq!(written(Some(12.5), 3, ByteOrder::Abcd), "12.500");
        assert_eq!(written(Some(-12.56), 2, ByteOrder::Cdab), "-13 ");
        assert_eq!(written(Some(7.0), 4, ByteOrder::Dcba), ".700 0  ");
        assert_eq!(written(None, 2, ByteOrder::Abcd), "    ");
        assert_eq!(written(Some(1234.0), 1, ByteOrder::Abcd), "12");
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
        assert_eq!(one(Some(-4.0), Encoding::Bcd16), 0);
        assert_eq!(one(Some(12_345.0), Encoding::Bcd16), 0x9999);
        assert_eq!(one(None, Encoding::Bcd16), 0xFFFF);
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
