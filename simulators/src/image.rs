//! A unit's registers as a master sees them: blocks of neighbouring addresses, filled from the plant. What no block
//! holds does not exist, and reading it is an error, as on a real device.

use crate::bench::{ByteOrder, Cell, Constant, Encoding, OutputCell, Table, UnitSpec};
use crate::encode;
use crate::error::BenchError;
use crate::limits;
use crate::plant::{Plant, SignalId};

/// The four tables of one unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Image {
    banks: Banks,
    cells: Vec<(Cell, SignalId)>,
    constants: Vec<Constant>,
    outputs: Vec<OutputCell>,
}

/// A value's registers: table, address, encoding.
type Place = (Table, u16, Encoding);

impl Image {
    /// The image of a unit, all zero until it is sampled.
    pub(crate) fn new(unit: &UnitSpec, plant: &Plant) -> Result<Self, BenchError> {
        let mut cells = Vec::with_capacity(unit.cells.len());
        for cell in &unit.cells {
            let problem = |problem| BenchError::Signal { point: cell.signal.point.clone(), problem };
            check(place(cell)).and_then(|()| check_scale(cell.scale, cell.offset)).map_err(problem)?;
            let signal = plant.signal(&cell.signal.point);
            let signal = signal.ok_or_else(|| problem("it is not in the plant"))?;
            // Where a master writes, the plant does not.
            let of_cell = span(cell.address, cell.encoding.width().into());
            if !unit.outputs.iter().any(|output| output.table == cell.table && meet(of_cell, output.span())) {
                cells.push((cell.clone(), signal));
            }
        }
        let constant = |one: &Constant| (one.table, one.address, one.encoding);
        for one in &unit.constants {
            let problem = |problem| BenchError::Signal { point: unit.device.clone(), problem };
            check(constant(one)).map_err(problem)?;
        }
        let mut places: Vec<Place> =
            unit.cells.iter().map(place).chain(unit.constants.iter().map(constant)).collect();
        places.extend(unit.outputs.iter().flat_map(OutputCell::places));
        let (constants, outputs) = (unit.constants.clone(), unit.outputs.clone());
        let mut image = Self { banks: Banks::new(&places), cells, constants, outputs };
        for output in &unit.outputs {
            image.put(output.table, output.address, &output.start);
        }
        Ok(image)
    }

    /// Takes every value from the plant as it stands.
    pub(crate) fn sample(&mut self, plant: &Plant) {
        for (cell, signal) in &self.cells {
            let raw = plant.value(*signal).map(|value| (value - cell.offset) / cell.scale);
            let raw = raw.map(|raw| nearest(&cell.codes, raw)).or(cell.broken);
            self.banks.write(place(cell), cell.order, raw);
        }
        for one in &self.constants {
            self.banks.write((one.table, one.address, one.encoding), one.order, Some(one.number));
        }
    }

    /// Whether a master may write anything.
    pub(crate) fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Writes what a master sends, if all of it may be written; says whether it may.
    pub(crate) fn write(&mut self, table: Table, start: u16, words: &[u16]) -> bool {
        let may = words.iter().zip(u32::from(start)..).all(|(_, address)| {
            let covers =
                |output: &&OutputCell| output.table == table && meet(output.span(), (address, address + 1));
            self.outputs.iter().any(|output| covers(&output))
        });
        if may {
            self.put(table, start, words);
        }
        may
    }

    fn put(&mut self, table: Table, start: u16, words: &[u16]) {
        match table {
            Table::Coil => {
                let bits: Vec<bool> = words.iter().map(|word| *word != 0).collect();
                self.banks.coils.write(start, &bits);
            }
            Table::Holding => self.banks.holdings.write(start, words),
            Table::Discrete | Table::Input => {}
        }
    }

    /// `count` bits from `start`, if all of them exist.
    pub(crate) fn bits(&self, table: Table, start: u16, count: u16) -> Option<&[bool]> {
        match table {
            Table::Coil => self.banks.coils.read(start, count),
            Table::Discrete => self.banks.discretes.read(start, count),
            Table::Holding | Table::Input => None,
        }
    }

    /// `count` registers from `start`, if all of them exist.
    pub(crate) fn registers(&self, table: Table, start: u16, count: u16) -> Option<&[u16]> {
        match table {
            Table::Holding => self.banks.holdings.read(start, count),
            Table::Input => self.banks.inputs.read(start, count),
            Table::Coil | Table::Discrete => None,
        }
    }
}

const fn place(cell: &Cell) -> Place {
    (cell.table, cell.address, cell.encoding)
}

/// The code that is nearest to `raw`, or `raw` itself where any number will do.
pub(crate) fn nearest(codes: &[f64], raw: f64) -> f64 {
    let distance = |code: &&f64| (*code - raw).abs();
    codes.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied().unwrap_or(raw)
}

/// The four tables.
#[derive(Debug, Clone, PartialEq)]
struct Banks {
    coils: Bank<bool>,
    discretes: Bank<bool>,
    holdings: Bank<u16>,
    inputs: Bank<u16>,
}

impl Banks {
    fn new(places: &[Place]) -> Self {
        Self {
            coils: Bank::new(places, Table::Coil),
            discretes: Bank::new(places, Table::Discrete),
            holdings: Bank::new(places, Table::Holding),
            inputs: Bank::new(places, Table::Input),
        }
    }

    fn write(&mut self, (table, address, encoding): Place, order: ByteOrder, raw: Option<f64>) {
        match table {
            Table::Coil => self.coils.write(address, &[encode::switch(raw)]),
            Table::Discrete => self.discretes.write(address, &[encode::switch(raw)]),
            Table::Holding => write_register(&mut self.holdings, (address, encoding), order, raw),
            Table::Input => write_register(&mut self.inputs, (address, encoding), order, raw),
        }
    }
}

/// The addresses from `start`, and the one after the last.
fn span(start: u16, width: u32) -> (u32, u32) {
    (u32::from(start), u32::from(start) + width)
}

fn meet(one: (u32, u32), other: (u32, u32)) -> bool {
    one.0 < other.1 && other.0 < one.1
}

impl OutputCell {
    fn span(&self) -> (u32, u32) {
        span(self.address, self.start.len() as u32)
    }

    /// Each of its bits or registers.
    fn places(&self) -> impl Iterator<Item = Place> {
        let encoding = if self.table == Table::Coil { Encoding::Bit } else { Encoding::U16 };
        let addresses = (self.address..=u16::MAX).zip(&self.start);
        addresses.map(move |(address, _)| (self.table, address, encoding))
    }
}

fn write_register(
    bank: &mut Bank<u16>,
    (address, encoding): (u16, Encoding),
    order: ByteOrder,
    raw: Option<f64>,
) {
    if let Encoding::BitOf(bit) = encoding {
        let mask = encode::bit_mask(bit, order);
        bank.update(address, |word| if encode::switch(raw) { word | mask } else { word & !mask });
    } else {
        bank.write(address, encode::number(raw, encoding, order).as_slice());
    }
}

fn check((table, address, encoding): Place) -> Result<(), &'static str> {
    let bits = matches!(table, Table::Coil | Table::Discrete);
    if bits != (encoding == Encoding::Bit) {
        return Err("coils and discrete inputs hold bits, registers hold all else");
    }
    if matches!(encoding, Encoding::BitOf(16..)) {
        return Err("a register has bits 0 to 15");
    }
    if encoding.width() == 0 || usize::from(encoding.width()) > encode::WIDTH_MAX {
        return Err("a text takes 1 to 32 registers");
    }
    if u32::from(address) + u32::from(encoding.width()) > 1 << 16 {
        return Err("it reaches beyond address 65535");
    }
    Ok(())
}

/// A scale that can be undone.
pub(crate) fn check_scale(scale: f64, offset: f64) -> Result<(), &'static str> {
    if scale.is_finite() && scale != 0.0 && offset.is_finite() {
        Ok(())
    } else {
        Err("scale and offset must be finite, and the scale not 0")
    }
}

/// One table: blocks in the order of their addresses.
#[derive(Debug, Clone, PartialEq)]
struct Bank<T> {
    blocks: Vec<Block<T>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Block<T> {
    start: u32,
    values: Vec<T>,
}

impl<T: Copy + Default> Bank<T> {
    /// Blocks around the values of `table`; small holes between them are filled, as meters do.
    fn new(places: &[Place], table: Table) -> Self {
        let of_table = places.iter().filter(|place| place.0 == table);
        let span = |(_, address, encoding): &Place| {
            (u32::from(*address), u32::from(*address) + u32::from(encoding.width()))
        };
        let mut spans: Vec<(u32, u32)> = of_table.map(span).collect();
        spans.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start <= last.1 + limits::IMAGE_GAP_MAX => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        let block = |(start, end)| Block { start, values: vec![T::default(); (end - start) as usize] };
        Self { blocks: merged.into_iter().map(block).collect() }
    }

    /// The block that holds `address`, and where in it.
    fn find(&self, address: u16) -> Option<(usize, usize)> {
        let address = u32::from(address);
        let block = self.blocks.partition_point(|block| block.start <= address).checked_sub(1)?;
        Some((block, (address - self.blocks[block].start) as usize))
    }

    fn read(&self, start: u16, count: u16) -> Option<&[T]> {
        let (block, at) = self.find(start)?;
        self.blocks[block].values.get(at..at + usize::from(count))
    }

    fn write(&mut self, start: u16, values: &[T]) {
        for (address, &value) in (start..=u16::MAX).zip(values) {
            self.update(address, |_| value);
        }
    }

    fn update(&mut self, address: u16, change: impl FnOnce(T) -> T) {
        if let Some((block, at)) = self.find(address)
            && let Some(value) = self.blocks[block].values.get_mut(at)
        {
            *value = change(*value);
        }
    }
}

#[cfg(test)]
mod tests;
