//! Text in columns, right-aligned but for the last, wide characters counted as wide.

use console::{Style, measure_text_width};

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Plain text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new() }
    }

    /// What can hardly be meant.
    pub(crate) fn dim(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new().dim() }
    }

    /// What catches the eye.
    pub(crate) fn bold(text: impl Into<String>) -> Self {
        Self { text: text.into(), style: Style::new().bold() }
    }
}

/// Rows of cells under a row of headings.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
    /// Columns from the left that are aligned to the left.
    left: usize,
}

impl Table {
    /// A table with these headings, of which the first `left` columns are aligned to the left.
    pub(crate) fn new<'a>(headings: impl IntoIterator<Item = &'a str>, left: usize) -> Self {
        Self { rows: vec![headings.into_iter().map(Cell::dim).collect()], left }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Its lines. Styles show on a terminal only.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &Cell| measure_text_width(&cell.text)).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[Cell], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let space = " ".repeat(width - measure_text_width(&cell.text));
            let text = cell.style.apply_to(&cell.text);
            let padded = if column < self.left { format!("{text}{space}") } else { format!("{space}{text}") };
            line.push_str(if column == 0 { "" } else { "  " });
            line.push_str(&padded);
        }
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_in_both_scripts() {
        let mut table = Table::new(["点位", "value"], 1);
        table.row([Cell::new("level"), Cell::new("7.25")]);
        table.row([Cell::new("液位"), Cell::bold("12")]);
        assert_eq!(table.lines(), ["点位   value", "level   7.25", "液位      12"]);
    }
}
