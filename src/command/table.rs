//! Tables of text for people: columns as wide as their widest cell.

use std::io::{self, Write};

/// A whole number with its thousands set apart: `1,234,567`.
pub use taskreel_replay::figure::count_text as grouped;

/// Rows of cells; the first row is the heading.
#[derive(Debug)]
pub struct Table {
    /// One per column: whether its cells stand to the right, as numbers do.
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns; a name that begins with `>` stands to the right.
    pub fn new(columns: &[&str]) -> Self {
        let right = columns.iter().map(|name| name.starts_with('>')).collect();
        let heading = columns.iter().map(|name| name.trim_start_matches('>').to_owned()).collect();
        Self { right, rows: vec![heading] }
    }

    /// Adds a row, a cell per column. Names come from strangers: control characters do not get
    /// through to a terminal.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// Writes it, indented by two spaces.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let width_of = |column: usize| {
            self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width_of).collect();
        for row in &self.rows {
            let mut line = String::from("  ");
            for (column, cell) in row.iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                let (before, after) = if self.right[column] { (&*pad, "") } else { ("", &*pad) };
                line.push_str(&format!("{before}{cell}{after}  "));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A text without control characters, so that a name cannot steer a terminal.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `1 task`, `2 tasks`.
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_columns() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "task"), "1 task");
        let mut table = Table::new(&["name", ">n"]);
        table.row(["ä\u{1b}[31m".to_owned(), "7".to_owned()]);
        table.row(["longer name".to_owned(), "12".to_owned()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        let expected = "  name          n\n  ä\u{fffd}[31m        7\n  longer name  12\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
