//! Which registers to ask for: a device's points become as few block reads as its limits allow, and every
//! block knows where each of its points stands in the answer. A block that a device refuses is halved until
//! the address that offends it stands alone.

use std::fmt;

use super::super::scale::Scale;
use crate::model::PointId;
use crate::model::limits::MODBUS_BITS_PER_READ_MAX;
use crate::site::{ByteOrder, Encoding, ModbusDevice, Register, Table};

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

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self.table {
            Table::Coil => "coil",
            Table::Discrete => "discrete input",
            Table::Holding => "holding",
            Table::Input => "input",
        };
        match self.count {
            0 | 1 => write!(f, "{table} {}", self.start),
            count => write!(f, "{table} {}…{}", self.start, u32::from(self.start) + u32::from(count) - 1),
        }
    }
}

/// A point and where it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Located {
    /// The point.
    pub(super) point: PointId,
    /// The registers or bits that it takes.
    pub(super) span: Span,
    /// How it is written there.
    pub(super) encoding: Encoding,
    /// Order of bytes and words.
    pub(super) order: ByteOrder,
    /// What its number means.
    pub(super) scale: Scale,
}

impl Located {
    /// Where `point` stands, by its source.
    pub(super) fn new(point: PointId, register: &Register) -> Self {
        let Register { table, address, encoding, order, scale, offset } = *register;
        let span = Span { table, start: address, count: encoding.width() };
        Self { point, span, encoding, order, scale: Scale::new(scale, offset) }
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
}

impl Block {
    /// The smallest block that holds `points`, which are of one table, by address, and at least one.
    fn over(points: Vec<Located>) -> Self {
        let Span { table, start, .. } = points[0].span;
        let end = points.iter().map(Located::end).max().unwrap_or_default();
        Self { span: Span { table, start, count: (end - u32::from(start)) as u16 }, points }
    }

    /// A block of one point.
    pub(super) fn single(point: Located) -> Self {
        Self::over(vec![point])
    }

    /// Two blocks with half the points each, or the one point that there is.
    pub(super) fn halve(mut self) -> Result<[Self; 2], Located> {
        match self.points.as_slice() {
            [point] => Err(*point),
            points => {
                let upper = self.points.split_off(points.len() / 2);
                Ok([Self::over(self.points), Self::over(upper)])
            }
        }
    }
}

/// The reads that get all of `points` from `device`. Each point stands in exactly one block; no block asks
/// for more than the device allows (but for a point that alone is wider) or bridges a wider gap than it allows.
pub(super) fn plan(mut points: Vec<Located>, device: &ModbusDevice) -> Vec<Block> {
    points.sort_by_key(|point| (point.span.table, point.span.start));
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
