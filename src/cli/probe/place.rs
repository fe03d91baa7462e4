//! Which addresses and which units are meant, as they are typed and as they are shown. Inside, addresses are those of the
//! protocol: 0-based.

use std::ops::Range;
use std::str::FromStr;

use hazgate::model::limits::PROBE_ADDRESSES_MAX;
use hazgate::site::Table;

/// Addresses of one table.
const TABLE_LEN: u32 = 65_536;
/// How many addresses are read if nothing is said.
const COUNT_DEFAULT: u32 = 10;

/// A table and an address in it, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    table: Table,
    first: u32,
    last: Option<u32>,
    /// Whether it is a manual's reference number, which is 1-based whatever else is said.
    reference: bool,
}

/// Addresses of one table, in the protocol's numbers; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) table: Table,
    pub(crate) addresses: Range<u32>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::by_reference(text).ok_or_else(|| wrong(text));
        }
        let (table, addresses) = text.split_once(':').ok_or_else(|| wrong(text))?;
        let table = match table {
            "coil" => Table::Coil,
            "discrete" => Table::Discrete,
            "input" => Table::Input,
            "holding" => Table::Holding,
            _ => return Err(wrong(text)),
        };
        let number = |text: &str| text.parse().ok().filter(|address| *address <= TABLE_LEN);
        let (first, last) = match addresses.split_once("..") {
            None => (number(addresses), None),
            Some((first, last)) => (number(first), Some(number(last).ok_or_else(|| wrong(text))?)),
        };
        let first = first.ok_or_else(|| wrong(text))?;
        if last.is_some_and(|last| last < first) {
            return Err(format!("`{text}` ends before it begins"));
        }
        Ok(Self { table, first, last, reference: false })
    }
}

fn wrong(text: &str) -> String {
    format!(
        "`{text}` is not a register: write table and address, as holding:20 or holding:20..31 (tables are coil, discrete, input, holding), or a manual's number, as 40021"
    )
}

impl Place {
    /// A manual's number: the table's digit, and four or five digits of a 1-based address.
    fn by_reference(text: &str) -> Option<Self> {
        let table = match text.as_bytes().first()? {
            b'0' => Table::Coil,
            b'1' => Table::Discrete,
            b'3' => Table::Input,
            b'4' => Table::Holding,
            _ => return None,
        };
        let first = text[1..].parse().ok().filter(|first| (1..=TABLE_LEN).contains(first))?;
        matches!(text.len(), 5 | 6).then_some(Self { table, first, last: None, reference: true })
    }

    /// The one address that is meant.
    pub(crate) fn address(&self, base: u32) -> Result<(Table, u16), String> {
        let Block { table, addresses } = self.block(base, Some(1))?;
        Ok((table, addresses.start as u16))
    }

    /// The addresses that are meant, where a table's first address is called `base`.
    pub(crate) fn block(&self, base: u32, count: Option<u32>) -> Result<Block, String> {
        let base = if self.reference { 1 } else { base };
        let start = self.first.checked_sub(base).filter(|start| *start < TABLE_LEN).ok_or_else(|| {
            format!("there is no address {}: the table's are {base} to {}", self.first, TABLE_LEN - 1 + base)
        })?;
        let end = match (self.last, count) {
            (Some(last), _) => last + 1 - base,
            (None, count) => start + count.unwrap_or(COUNT_DEFAULT),
        };
        let asked_for = self.last.is_some() || count.is_some();
        if end > TABLE_LEN && asked_for {
            return Err(format!("the table ends at {}", TABLE_LEN - 1 + base));
        }
        let end = end.min(TABLE_LEN);
        if end - start > PROBE_ADDRESSES_MAX {
            return Err(format!("{} addresses are too many: at most {PROBE_ADDRESSES_MAX}", end - start));
        }
        Ok(Block { table: self.table, addresses: start..end })
    }
}

impl Block {
    /// Whether its addresses hold bits.
    pub(crate) const fn is_bits(&self) -> bool {
        matches!(self.table, Table::Coil | Table::Discrete)
    }

    /// As a site file writes the address.
    pub(crate) fn written(&self, address: u32, base: u32) -> String {
        format!("{}:{}", table_name(self.table), address + base)
    }

    /// As a person would type the whole, with both ends.
    pub(crate) fn title(&self, base: u32) -> String {
        let Range { start, end } = self.addresses;
        let first = self.written(start, base);
        if end - start == 1 { first } else { format!("{first}..{}", end - 1 + base) }
    }
}

/// The name of a table in a site file.
pub(crate) const fn table_name(table: Table) -> &'static str {
    match table {
        Table::Coil => "coil",
        Table::Discrete => "discrete",
        Table::Holding => "holding",
        Table::Input => "input",
    }
}

/// A manual's number for an address: 40021 for holding register 20.
pub(crate) fn reference(table: Table, address: u32) -> String {
    let digit = match table {
        Table::Coil => 0,
        Table::Discrete => 1,
        Table::Input => 3,
        Table::Holding => 4,
    };
    let number = address + 1;
    if number > 9999 { format!("{digit}{number:05}") } else { format!("{digit}{number:04}") }
}

/// Unit ids to ask, in order, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Units(pub(crate) Vec<u8>);

impl FromStr for Units {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a list of units from 0 to 255: write 1..247 or 1,2,10..20");
        let mut units = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once("..").unwrap_or((part, part));
            let first: u8 = first.trim().parse().map_err(|_| wrong())?;
            let last: u8 = last.trim().parse().map_err(|_| wrong())?;
            if last < first {
                return Err(wrong());
            }
            units.extend((first..=last).filter(|unit| !units.contains(unit)).collect::<Vec<_>>());
        }
        Ok(Self(units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str, base: u32, count: Option<u32>) -> Result<(Table, Range<u32>), String> {
        let block = text.parse::<Place>()?.block(base, count)?;
        Ok((block.table, block.addresses))
    }

    #[test]
    fn a_register_is_written_as_in_the_site_file_or_as_in_the_manual() {
        assert_eq!(block("holding:20", 0, Some(12)), Ok((Table::Holding, 20..32)));
        assert_eq!(block("holding:20..31", 0, None), Ok((Table::Holding, 20..32)));
        assert_eq!(block("holding:21..32", 1, None), Ok((Table::Holding, 20..32)));
        assert_eq!(block("40021", 0, Some(1)), Ok((Table::Holding, 20..21)));
        assert_eq!(block("400021", 1, Some(1)), Ok((Table::Holding, 20..21)));
        assert_eq!(block("30001", 0, None), Ok((Table::Input, 0..10)));
        assert_eq!(block("00017", 0, Some(1)), Ok((Table::Coil, 16..17)));
        assert_eq!(block("discrete:65535", 0, None), Ok((Table::Discrete, 65_535..65_536)));
    }

    #[test]
    fn what_is_no_register_is_refused_in_words() {
        for text in [
            "20",
            "holdin:1",
            "holding:",
            "holding:70000",
            "50001",
            "40000",
            "4001",
            "holding:-1",
            "holding:9..3",
        ] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
        assert!(block("holding:0", 1, None).unwrap_err().contains("1 to 65536"));
        assert!(block("holding:65536", 0, None).is_err());
        assert!(block("holding:65530", 0, Some(10)).unwrap_err().contains("65535"));
        assert!(block("holding:0..65535", 0, None).unwrap_err().contains("at most"));
    }

    #[test]
    fn a_number_of_the_manual_reads_back() {
        for (table, address) in
            [(Table::Holding, 20), (Table::Input, 0), (Table::Coil, 9_998), (Table::Discrete, 40_000)]
        {
            let place: Place = reference(table, address).parse().unwrap();
            assert_eq!(place.address(0), Ok((table, address as u16)));
        }
    }

    #[test]
    fn units_are_listed_once_each() {
        assert_eq!("1,2,10..12,2".parse(), Ok(Units(vec![1, 2, 10, 11, 12])));
        assert_eq!("0..255".parse::<Units>().unwrap().0.len(), 256);
        for wrong in ["", "x", "5..1", "256", "1..", "1-5"] {
            assert!(wrong.parse::<Units>().is_err(), "{wrong}");
        }
    }
}
