//! From a value that a person knows to the ways in which the registers may hold it: every type, order and common scale, at
//! and around an address, with the most plausible first. Plausible is what manuals do: the address that was named or its
//! neighbour (numbers that begin at 1 are taken for numbers that begin at 0), floats unscaled, whole numbers with as many
//! decimals as the display shows, high word first or low word first rather than swapped bytes.

use std::str::FromStr;

use hazgate::acquire::modbus::probe::interpret;
use hazgate::site::{ByteOrder, Encoding};

use super::face::{ORDERS, letters, type_name};
use super::place::{Block, reference};

/// What registers are tried as.
const TYPES: [Encoding; 10] = [
    Encoding::U16,
    Encoding::I16,
    Encoding::F32,
    Encoding::U32,
    Encoding::I32,
    Encoding::F64,
    Encoding::Bcd16,
    Encoding::Bcd32,
    Encoding::U64,
    Encoding::I64,
];
/// What whole numbers are multiplied by.
const SCALES: [f64; 8] = [1.0, 0.1, 0.01, 0.001, 0.0001, 10.0, 100.0, 1000.0];
/// What floats are multiplied by: another prefix of the unit, or per cent.
const FLOAT_SCALES: [f64; 5] = [1.0, 0.001, 1000.0, 0.01, 100.0];
/// Two candidates whose costs differ by less than this are equally plausible.
const TIE: f64 = 0.5;
/// From this cost on, something that fits does so by chance more often than not.
const CHANCE: f64 = 3.0;

/// The value that is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sought {
    value: f64,
    /// Decimals that the display shows.
    decimals: u32,
}

impl FromStr for Sought {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let value = text.parse().ok().filter(|value: &f64| plain && value.is_finite());
        let value = value.ok_or_else(|| format!("`{text}` is not a number such as 230.1"))?;
        if value == 0.0 {
            return Err("0 stands everywhere: wait until the display shows something else".to_owned());
        }
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len() as u32);
        Ok(Self { value, decimals })
    }
}

impl Sought {
    /// How far `value` is off. A display rounds: half of its last digit is no difference.
    fn off(self, value: f64) -> f64 {
        let rounding = 0.500_000_1 * 0.1_f64.powi(self.decimals as i32);
        ((value - self.value).abs() - rounding).max(0.0)
    }
}

/// How far off a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Tolerance {
    /// As a part of the value.
    Relative(f64),
    /// In the value's unit.
    Absolute(f64),
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, relative) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text, false),
        };
        let number = number.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        match number {
            Some(percent) if relative && percent <= 50.0 => Ok(Self::Relative(percent / 100.0)),
            Some(absolute) if !relative => Ok(Self::Absolute(absolute)),
            _ => Err(format!(
                "`{text}` is not a tolerance: write 1% (at most 50%) or, in the value's unit, 0.5"
            )),
        }
    }
}

impl Tolerance {
    fn of(self, sought: Sought) -> f64 {
        match self {
            Self::Relative(part) => part * sought.value.abs(),
            Self::Absolute(wide) => wide,
        }
    }
}

/// One way in which registers hold the value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) address: u32,
    pub(crate) encoding: Encoding,
    pub(crate) order: ByteOrder,
    pub(crate) scale: f64,
    /// What the registers say so.
    pub(crate) value: f64,
    /// How far from plausible it is; 0 is what every manual does.
    pub(crate) cost: f64,
}

/// What is looked for, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    /// The address that a person named.
    pub(crate) asked: u32,
    /// What the display shows.
    pub(crate) sought: Sought,
    /// How far it may be off.
    pub(crate) tolerance: Tolerance,
}

impl Search {
    /// Every way in which `values`, which begin at address `first`, hold the value; the most plausible first.
    pub(crate) fn candidates(&self, values: &[Option<u16>], first: u32) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = (first..)
            .zip(0..values.len())
            .flat_map(|(address, at)| self.at(address, &values[at..]))
            .collect();
        found.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.address.cmp(&b.address)));
        found
    }

    /// The ways from one address on.
    fn at(&self, address: u32, values: &[Option<u16>]) -> Vec<Candidate> {
        let mut found = Vec::new();
        for encoding in TYPES {
            let Some(words) = values.get(..usize::from(encoding.width())) else { continue };
            let Some(words) = words.iter().copied().collect::<Option<Vec<u16>>>() else { continue };
            if is_twin(&words, encoding) {
                continue;
            }
            for order in orders(encoding) {
                for scale in scales(encoding) {
                    found.extend(self.candidate(address, &words, encoding, *order, *scale));
                }
            }
        }
        found
    }

    fn candidate(
        &self,
        address: u32,
        words: &[u16],
        encoding: Encoding,
        order: ByteOrder,
        scale: f64,
    ) -> Option<Candidate> {
        let value = interpret(words, encoding, order, scale).value()?.as_f64();
        let (off, tolerance) = (self.sought.off(value), self.tolerance.of(self.sought));
        if off > tolerance || (is_signed(encoding) && value > 0.0) {
            return None;
        }
        let cost_of_distance = if off == 0.0 { 0.0 } else { 1.5 * off / tolerance };
        let cost = cost_of_distance
            + self.cost_of_address(address)
            + cost_of_order(encoding, order)
            + self.cost_of_scale(encoding, scale)
            + cost_of_type(words, encoding);
        Some(Candidate { address, encoding, order, scale, value, cost })
    }

    fn cost_of_address(&self, address: u32) -> f64 {
        match address.abs_diff(self.asked) {
            0 => 0.0,
            1 => 1.0,
            far => 2.0 + f64::from(far) / 10.0,
        }
    }

    fn cost_of_scale(&self, encoding: Encoding, scale: f64) -> f64 {
        if is_float(encoding) {
            return if scale == 1.0 { 0.0 } else { 2.5 };
        }
        let decimals = -scale.log10().round() as i32;
        match decimals - self.sought.decimals as i32 {
            0 => 0.0,
            // A register often knows more digits than the display has room for, seldom fewer.
            finer @ 1.. => 0.4 * f64::from(finer),
            coarser => 1.2 * f64::from(-coarser),
        }
    }
}

/// Whether nothing in what was found says which of the first two is meant.
pub(crate) fn is_tie(found: &[Candidate]) -> bool {
    matches!(found, [first, second, ..] if second.cost - first.cost < TIE)
}

/// Whether even the most plausible of what was found probably fits by chance.
pub(crate) fn is_chance(found: &[Candidate]) -> bool {
    found.first().is_some_and(|best| best.cost >= CHANCE)
}

/// The rank of a candidate that shares a register with the first one, so that a coarse value fits both: the high half of a
/// float alone says what it is to within 1 %, whatever stands in the other register.
pub(crate) fn overlapping(found: &[Candidate]) -> Option<usize> {
    let (first, others) = found.split_first()?;
    let reach = |candidate: &Candidate| u32::from(candidate.encoding.width());
    let overlaps = |other: &Candidate| {
        other.encoding == first.encoding
            && other.address != first.address
            && other.address < first.address + reach(first)
            && first.address < other.address + reach(other)
    };
    others.iter().position(overlaps).map(|at| at + 2)
}

/// Of signed types only negative values are candidates: others are the unsigned ones' too.
const fn is_signed(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::I16 | Encoding::I32 | Encoding::I64)
}

const fn is_float(encoding: Encoding) -> bool {
    matches!(encoding, Encoding::F32 | Encoding::F64)
}

/// Whether a wide type sees nothing but zeros: any scale of it is zero too.
fn is_twin(words: &[u16], encoding: Encoding) -> bool {
    encoding.width() > 1 && words.iter().all(|word| *word == 0)
}

/// The orders that differ for a type.
const fn orders(encoding: Encoding) -> &'static [ByteOrder] {
    match encoding.width() {
        1 => &[ByteOrder::Abcd, ByteOrder::Badc],
        _ => &ORDERS,
    }
}

const fn scales(encoding: Encoding) -> &'static [f64] {
    if is_float(encoding) { &FLOAT_SCALES } else { &SCALES }
}

const fn cost_of_order(encoding: Encoding, order: ByteOrder) -> f64 {
    match (order, encoding.width()) {
        (ByteOrder::Abcd, _) => 0.0,
        (ByteOrder::Cdab, _) => 0.2,
        (ByteOrder::Dcba, _) => 0.5,
        (ByteOrder::Badc, 1) => 1.5,
        (ByteOrder::Badc, _) => 0.6,
    }
}

fn cost_of_type(words: &[u16], encoding: Encoding) -> f64 {
    match encoding {
        // Half of it is empty, or only carries the sign: it may be a single register.
        Encoding::U32 | Encoding::I32 if words.iter().any(|word| matches!(word, 0 | 0xFFFF)) => 0.7,
        Encoding::U32 | Encoding::I32 | Encoding::F64 => 0.3,
        Encoding::Bcd16 | Encoding::Bcd32 => 1.0,
        Encoding::U64 | Encoding::I64 => 1.5,
        _ => 0.0,
    }
}

impl Candidate {
    /// The point for a site file.
    pub(crate) fn fragment(&self, block: &Block, base: u32) -> String {
        let manual = reference(block.table, self.address);
        let note = if base == 0 { manual } else { format!("{manual}; with address_base = 1 at the device") };
        let mut lines = vec![
            "[[point]]".to_owned(),
            "device = \"DEVICE\"    # the id of its [[device]]".to_owned(),
            "signal = \"SIGNAL\"".to_owned(),
            format!("register = \"{}\"    # {note}", block.written(self.address, base)),
            format!("type = \"{}\"", type_name(self.encoding)),
        ];
        if self.order != ByteOrder::Abcd {
            lines.push(format!("byte_order = \"{}\"", letters(self.order)));
        }
        if self.scale != 1.0 {
            lines.push(format!("scale = {}", self.scale));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use hazgate::site::{Line, ProcessEnvironment, Source, Table};
    use proptest::prelude::*;

    use super::*;

    const ASKED: u32 = 20;

    /// The registers in which a device writes these bytes, which are given high byte first, in this order.
    fn written(bytes: &[u8], order: ByteOrder) -> Vec<u16> {
        let mut words: Vec<u16> =
            bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
            words.reverse();
        }
        if matches!(order, ByteOrder::Badc | ByteOrder::Dcba) {
            words = words.into_iter().map(u16::swap_bytes).collect();
        }
        words
    }

    fn search(shown: &str) -> Search {
        let sought = shown.parse().unwrap();
        Search { asked: ASKED, sought, tolerance: "1%".parse().unwrap() }
    }

    /// The candidates where `words` stand `at` an address among registers that hold nothing.
    fn found(shown: &str, words: &[u16], at: u32) -> Vec<Candidate> {
        let mut values = vec![Some(0); 44];
        for (place, word) in values[at as usize..].iter_mut().zip(words) {
            *place = Some(*word);
        }
        search(shown).candidates(&values, 0)
    }

    fn best(shown: &str, words: &[u16], at: u32) -> (u32, Encoding, ByteOrder, f64) {
        let found = found(shown, words, at);
        let best = found.first().unwrap_or_else(|| panic!("nothing for {shown} in {words:04X?}"));
        (best.address, best.encoding, best.order, best.scale)
    }

    #[test]
    fn what_meters_do_is_found_first() {
        let abcd = ByteOrder::Abcd;
        assert_eq!(best("230.1", &[2301], 20), (20, Encoding::U16, abcd, 0.1));
        assert_eq!(best("230.1", &[9, 2301, 9], 20), (21, Encoding::U16, abcd, 0.1));
        assert_eq!(best("-1.5", &[0xFA24], 20), (20, Encoding::I16, abcd, 0.001));
        assert_eq!(best("-1.500", &[0xFFFF, 0xFA24], 20), (20, Encoding::I32, abcd, 0.001));
        assert_eq!(best("50", &[50], 20), (20, Encoding::U16, abcd, 1.0));
        let bytes = 230.4_f32.to_be_bytes();
        for order in ORDERS {
            assert_eq!(best("230.4", &written(&bytes, order), 20), (20, Encoding::F32, order, 1.0));
        }
        let cdab = written(&1_234_567_u32.to_be_bytes(), ByteOrder::Cdab);
        assert_eq!(best("12345.67", &cdab, 20), (20, Encoding::U32, ByteOrder::Cdab, 0.01));
        // The display shows kilowatts, the register holds watts.
        let watts = written(&1512.5_f32.to_be_bytes(), ByteOrder::Cdab);
        assert_eq!(best("1.51", &watts, 20), (20, Encoding::F32, ByteOrder::Cdab, 0.001));
    }

    #[test]
    fn the_named_address_is_tried_first_and_its_neighbours_next() {
        let mut values = vec![Some(0); 44];
        for at in [3, 19, 20] {
            values[at] = Some(2301);
        }
        let order: Vec<u32> = search("230.1")
            .candidates(&values, 0)
            .iter()
            .filter(|c| c.encoding == Encoding::U16 && c.scale == 0.1 && c.order == ByteOrder::Abcd)
            .map(|c| c.address)
            .collect();
        assert_eq!(order, [20, 19, 3]);
    }

    #[test]
    fn what_the_device_refuses_is_not_made_up() {
        let values = [Some(0x4366), None, Some(0x6666)];
        let found = Search { asked: 0, ..search("230.4") }.candidates(&values, 0);
        assert!(found.iter().all(|candidate| candidate.encoding.width() == 1), "{found:?}");
    }

    #[test]
    fn two_ways_that_cannot_be_told_apart_are_said_to_be_so() {
        let high = written(&230.1_f32.to_be_bytes(), ByteOrder::Abcd);
        assert!(!is_tie(&found("230.1", &high, 20)));
        let mut values = vec![Some(0); 44];
        values[19] = Some(2301);
        values[21] = Some(2301);
        assert!(is_tie(&search("230.1").candidates(&values, 0)));
        assert!(is_chance(&found("6.98", &[6912_u16.swap_bytes()], 33)));
    }

    #[test]
    fn floats_that_share_their_high_half_are_named_as_such() {
        // Low word first at 20; the high word and the neighbour's low word make nearly the same float at 21.
        let words = [written(&6.99_f32.to_be_bytes(), ByteOrder::Cdab), vec![0xC800]].concat();
        let coarse = found("7.0", &words, 20);
        assert_eq!((coarse[0].address, coarse[0].order), (20, ByteOrder::Cdab));
        assert_eq!(overlapping(&coarse), Some(2));
        let fine = Search { tolerance: Tolerance::Relative(0.0001), ..search("6.990") };
        let values: Vec<Option<u16>> = words.into_iter().map(Some).collect();
        let fine = Search { asked: 0, ..fine }.candidates(&values, 0);
        assert_eq!((fine[0].order, overlapping(&fine)), (ByteOrder::Cdab, None));
    }

    #[test]
    fn a_value_is_looked_for_as_exactly_as_it_was_read() {
        assert!("0".parse::<Sought>().is_err() && "0.00".parse::<Sought>().is_err());
        assert!(
            "x".parse::<Sought>().is_err()
                && "1e5".parse::<Sought>().is_err()
                && "nan".parse::<Sought>().is_err()
        );
        assert_eq!("-1.50".parse(), Ok(Sought { value: -1.5, decimals: 2 }));
        assert_eq!("2%".parse(), Ok(Tolerance::Relative(0.02)));
        assert_eq!("0.5".parse(), Ok(Tolerance::Absolute(0.5)));
        assert!("60%".parse::<Tolerance>().is_err() && "-1".parse::<Tolerance>().is_err());
        // The last digit of a display is rounded, whatever tolerance is asked for.
        let exact = Search { tolerance: Tolerance::Absolute(0.0), ..search("230.1") };
        let words = written(&230.14_f32.to_be_bytes(), ByteOrder::Abcd);
        assert!(!Search { asked: 0, ..exact }.candidates(&[Some(words[0]), Some(words[1])], 0).is_empty());
    }

    #[test]
    fn the_fragment_is_a_point_of_a_site_file() {
        let candidate = Candidate {
            address: 20,
            encoding: Encoding::F32,
            order: ByteOrder::Cdab,
            scale: 0.1,
            value: 1.0,
            cost: 0.0,
        };
        for base in [0, 1] {
            let block = Block { table: Table::Holding, addresses: 0..40 };
            let point =
                candidate.fragment(&block, base).replace("DEVICE", "meter").replace("SIGNAL", "volts");
            let text = format!(
                "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"x\"\ntimezone = \"Asia/Shanghai\"\n\
                 [store]\ndirectory = \"data\"\n\
                 [[device]]\nid = \"meter\"\nprotocol = \"modbus-tcp\"\naddress = \"10.0.0.5:502\"\nunit = 1\nname = \"m\"\naddress_base = {base}\n{point}\nname = \"U\"\n"
            );
            let site = hazgate::site::parse("fragment", &text, &ProcessEnvironment);
            let site = site.unwrap_or_else(|mistakes| panic!("{text}\n{}", mistakes.render(false)));
            let Source::Modbus(signal) = &site.points[0].source else { panic!("no register") };
            let register = signal.register;
            assert_eq!((register.table, register.address), (Table::Holding, 20));
            assert_eq!((register.encoding, register.order), (Encoding::F32, ByteOrder::Cdab));
            assert_eq!(signal.conversion.line, Line::Scale { scale: 0.1, offset: 0.0 });
        }
    }

    proptest! {
        #[test]
        fn whatever_float_a_device_writes_is_found_where_it_was_written(
            value in prop_oneof![0.001_f32..1e6, -1e6_f32..-0.001],
            at in 0_u32..=40,
            order in 0_usize..4,
        ) {
            let order = ORDERS[order];
            let words = written(&value.to_be_bytes(), order);
            let found = found(&value.to_string(), &words, at);
            let there = |c: &&Candidate| c.address == at && c.encoding == Encoding::F32 && c.order == order;
            prop_assert!(found.iter().any(|c| there(&c) && c.scale == 1.0), "{value} in {words:04X?}: {found:?}");
        }

        #[test]
        fn whatever_counter_a_device_writes_is_found_with_its_scale(
            raw in 1_u32..,
            order in 0_usize..4,
            decimals in 0_usize..4,
        ) {
            let order = ORDERS[order];
            let shown = format!("{:.decimals$}", f64::from(raw) / 10_f64.powi(decimals as i32));
            let found = found(&shown, &written(&raw.to_be_bytes(), order), ASKED);
            let scale = [1.0, 0.1, 0.01, 0.001][decimals];
            let there = |c: &Candidate| c.address == ASKED && c.encoding == Encoding::U32 && c.order == order && c.scale == scale;
            prop_assert!(found.iter().any(there), "{shown} as {raw}: {found:?}");
        }
    }
}
