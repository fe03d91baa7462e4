//! Which registers to ask for: a device's points become as few block reads as its limits allow, and every
//! block knows where each of its points stands in the answer. A block that a device refuses is halved until
//! the address that offends it stands alone.

use std::sync::Arc;

use super::super::conversion::Scale;
use super::plain::Plain;
use super::recipe::Recipe;
use crate::model::limits::MODBUS_BITS_PER_READ_MAX;
use crate::model::{PointId, Text};
use crate::site::{ModbusDevice, Register, Signal, Table};

/// A run of registers or bits in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The table.
    pub(super) table: Table,
    /// Protocol address of the first one.
    pub(super) start: u16,
    /// How many, at least 1.
    pub(super) count: u16,
}

impl Span {
    /// What `register` takes.
    pub(super) const fn of(register: Register) -> Self {
        Self { table: register.table, start: register.address, count: register.encoding.width() }
    }

    /// Where `other` begins in an answer about this, if all of it is there.
    pub(super) fn place_of(self, other: Self) -> Option<usize> {
        let end = |span: Self| u32::from(span.start) + u32::from(span.count);
        let within = self.table == other.table && self.start <= other.start && end(other) <= end(self);
        within.then(|| usize::from(other.start - self.start))
    }

    /// For people.
    pub(super) fn words(self) -> Text {
        let (zh, en) = match self.table {
            Table::Coil => ("线圈", "coil"),
            Table::Discrete => ("离散输入", "discrete input"),
            Table::Holding => ("保持寄存器", "holding"),
            Table::Input => ("输入寄存器", "input"),
        };
        let addresses = match self.count {
            0 | 1 => self.start.to_string(),
            count => format!("{}…{}", self.start, u32::from(self.start) + u32::from(count) - 1),
        };
        Text::new(format!("{zh} {addresses}"), format!("{en} {addresses}"))
    }
}

/// A register that must be read, and what becomes of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    /// The point that it is read for.
    pub(super) point: PointId,
    /// The registers or bits that it takes.
    pub(super) span: Span,
    /// How it is written there.
    pub(super) register: Register,
    /// What makes a reading of it.
    pub(super) how: How,
}

/// What makes a reading of a register.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum How {
    /// A scale, and nothing else: nearly every point.
    Scaled(Scale),
    /// More than that, and perhaps other registers; once for each poll, when all of them have been asked for.
    Made(Arc<Recipe>),
    /// Nothing: it is one of those other registers.
    Part,
}

impl Located {
    /// The registers of `point`: the one that its reading is of, and those that it takes to make one.
    pub(super) fn all(point: PointId, signal: &Signal) -> Vec<Self> {
        let recipe = Recipe::new(signal);
        let located = |register: Register, how| Self { point, span: Span::of(register), register, how };
        let how = match recipe.plain() {
            Some(scale) => How::Scaled(scale),
            None => How::Made(Arc::new(recipe)),
        };
        let ratios = signal.ratios.iter().map(|ratio| ratio.register);
        let qualifiers = signal.qualifiers.iter().map(|qualifier| qualifier.register);
        let parts = ratios.chain(qualifiers).map(|register| located(register, How::Part));
        std::iter::once(located(signal.register, how)).chain(parts).collect()
    }

    /// Whether it is read for others alone: it has no reading of its own.
    pub(super) fn is_part(&self) -> bool {
        self.how == How::Part
    }

    fn end(&self) -> u32 {
        u32::from(self.span.start) + u32::from(self.span.count)
    }
}

/// One read, and the points that it answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    /// What to ask for.
    pub(super) span: Span,
    /// Its points by address; at least one.
    pub(super) points: Vec<Located>,
    /// The same, where all of them are plain.
    pub(super) plain: Option<Plain>,
}

impl Block {
    /// The smallest block that holds `points`, which are of one table, by address, and at least one.
    fn over(points: Vec<Located>) -> Self {
        let Span { table, start, .. } = points[0].span;
        let end = points.iter().map(Located::end).max().unwrap_or_default();
        let span = Span { table, start, count: (end - u32::from(start)) as u16 };
        Self { span, plain: Plain::of(span, &points), points }
    }

    /// A block of one point.
    pub(super) fn single(point: Located) -> Self {
        Self::over(vec![point])
    }

    /// Two blocks with half the points each, or the one point that there is.
    pub(super) fn halve(mut self) -> Result<[Self; 2], Located> {
        if self.points.len() < 2
            && let Some(point) = self.points.pop()
        {
            return Err(point);
        }
        let upper = self.points.split_off(self.points.len() / 2);
        Ok([Self::over(self.points), Self::over(upper)])
    }
}

/// The reads that get all of `points` from `device`. Each point stands in exactly one block; no block asks
/// for more than the device allows (but for a point that alone is wider) or bridges a wider gap than it allows.
pub(super) fn plan(mut points: Vec<Located>, device: &ModbusDevice) -> Vec<Block> {
    points.sort_by_key(|point| (point.span.table, point.span.start, point.is_part(), point.span.count));
    points.dedup_by(|later, earlier| later.is_part() && earlier.is_part() && later.span == earlier.span);
    let mut blocks: Vec<Vec<Located>> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for point in points {
        match blocks.last_mut() {
            Some(block) if joins(block[0].span.table, start, end, &point, device) => {
                end = end.max(point.end());
                block.push(point);
            }
            _ => {
                (start, end) = (u32::from(point.span.start), point.end());
                blocks.push(vec![point]);
            }
        }
    }
    blocks.into_iter().map(Block::over).collect()
}

/// Whether `point` may join the block of `table` over `start..end`.
fn joins(table: Table, start: u32, end: u32, point: &Located, device: &ModbusDevice) -> bool {
    let count_max = match table {
        Table::Coil | Table::Discrete => MODBUS_BITS_PER_READ_MAX,
        Table::Holding | Table::Input => device.registers_max,
    };
    table == point.span.table
        && u32::from(point.span.start) <= end + u32::from(device.gap_max)
        && end.max(point.end()) - start <= u32::from(count_max)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::model::limits::MODBUS_REGISTERS_PER_READ_MAX;
    use crate::site::{ByteOrder, Encoding};

    fn device(registers_max: u16, gap_max: u16) -> ModbusDevice {
        let (poll, timeout) = (Duration::from_secs(1), Duration::from_millis(500));
        ModbusDevice { unit: 1, poll, pause: Duration::ZERO, timeout, registers_max, gap_max }
    }

    fn located(n: usize, table: Table, address: u16, encoding: Encoding) -> Located {
        let register = Register { table, address, encoding, order: ByteOrder::Abcd };
        Located::all(PointId::new(n), &register.into()).remove(0)
    }

    fn spans(blocks: &[Block]) -> Vec<String> {
        blocks.iter().map(|block| block.span.words().en).collect()
    }

    #[test]
    fn neighbours_share_a_read_and_strangers_do_not() {
        let at = |n, address| located(n, Table::Holding, address, Encoding::U16);
        let points = vec![at(0, 5), at(1, 0), at(2, 30), located(3, Table::Input, 6, Encoding::F32)];
        assert_eq!(spans(&plan(points.clone(), &device(125, 4))), ["holding 0…5", "holding 30", "input 6…7"]);
        assert_eq!(spans(&plan(points.clone(), &device(125, 24))), ["holding 0…30", "input 6…7"]);
        assert_eq!(
            spans(&plan(points, &device(5, 24))),
            ["holding 0", "holding 5", "holding 30", "input 6…7"]
        );
    }

    #[test]
    fn the_last_address_is_within_reach() {
        let points = vec![located(0, Table::Coil, u16::MAX, Encoding::Bit)];
        assert_eq!(spans(&plan(points, &device(125, 124))), ["coil 65535"]);
        let points = vec![located(0, Table::Holding, u16::MAX - 3, Encoding::F64)];
        assert_eq!(spans(&plan(points, &device(125, 124))), ["holding 65532…65535"]);
    }

    fn any_point() -> impl Strategy<Value = (Table, u16, Encoding)> {
        let bits = (prop_oneof![Just(Table::Coil), Just(Table::Discrete)], 0_u16..5000, Just(Encoding::Bit));
        let encodings = prop_oneof![
            Just(Encoding::BitOf(3)),
            Just(Encoding::U16),
            Just(Encoding::I32),
            Just(Encoding::F32),
            Just(Encoding::U64),
            Just(Encoding::Ascii(4))
        ];
        let words = (prop_oneof![Just(Table::Holding), Just(Table::Input)], 0_u16..600, encodings);
        prop_oneof![bits, words]
    }

    fn any_case() -> impl Strategy<Value = (Vec<Located>, ModbusDevice)> {
        let points = proptest::collection::vec(any_point(), 0..200).prop_map(|points| {
            let locate = |(n, (table, address, encoding))| located(n, table, address, encoding);
            points.into_iter().enumerate().map(locate).collect()
        });
        (points, 4..=MODBUS_REGISTERS_PER_READ_MAX, 0_u16..=124)
            .prop_map(|(points, registers_max, gap_max)| (points, device(registers_max, gap_max)))
    }

    /// Every point stands in its block, and the block is no wider than allowed or needed.
    fn check_width(block: &Block, device: &ModbusDevice) {
        let bits = matches!(block.span.table, Table::Coil | Table::Discrete);
        let count_max = if bits { MODBUS_BITS_PER_READ_MAX } else { device.registers_max };
        assert!((1..=count_max).contains(&block.span.count), "{:?}", block.span);
        let end = u32::from(block.span.start) + u32::from(block.span.count);
        assert!(block.points.iter().all(|point| point.span.table == block.span.table));
        assert_eq!(block.points.iter().map(|point| point.span.start).min(), Some(block.span.start));
        assert_eq!(block.points.iter().map(Located::end).max(), Some(end));
    }

    /// No gap in the block is wider than allowed.
    fn check_gaps(block: &Block, device: &ModbusDevice) {
        let mut covered = u32::from(block.span.start);
        for point in &block.points {
            assert!(u32::from(point.span.start) <= covered + u32::from(device.gap_max), "{:?}", point.span);
            covered = covered.max(point.end());
        }
    }

    proptest! {
        #[test]
        fn every_point_is_read_exactly_once_within_the_limits((points, device) in any_case()) {
            let blocks = plan(points.clone(), &device);
            for block in &blocks {
                check_width(block, &device);
                check_gaps(block, &device);
            }
            let mut read: Vec<usize> =
                blocks.iter().flat_map(|block| &block.points).map(|p| p.point.index()).collect();
            read.sort_unstable();
            prop_assert_eq!(read, (0..points.len()).collect::<Vec<_>>());
        }

        #[test]
        fn halving_keeps_every_point_and_ends_with_one((points, device) in any_case()) {
            let expected = points.len();
            let mut todo = plan(points, &device);
            let mut alone = 0;
            while let Some(block) = todo.pop() {
                check_width(&block, &device);
                match block.halve() {
                    Ok(halves) => todo.extend(halves),
                    Err(_) => alone += 1,
                }
            }
            prop_assert_eq!(alone, expected);
        }
    }
}
