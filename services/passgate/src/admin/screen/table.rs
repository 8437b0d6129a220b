//! Tables without lines: columns for people, and easy to cut for programs.

use comfy_table::{ColumnConstraint, Table, Width, presets};

use super::plain;

/// No cell of a list is wider.
const CELL: usize = 100;
/// No value of a single thing is longer.
const VALUE: usize = 4_000;

/// A page of a list. `widths` holds the columns' widths so far, and grows: later pages line up with earlier ones.
pub fn page(header: Option<&[&str]>, rows: &[Vec<String>], widths: &mut Vec<u16>) -> String {
    let mut table = empty();
    if let Some(header) = header {
        table.add_row(header);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| plain(cell, CELL)));
    }
    for (at, width) in table.column_max_content_widths().into_iter().enumerate() {
        widths.resize(widths.len().max(at + 1), 0);
        if let (Some(widest), Some(column)) = (widths.get_mut(at), table.column_mut(at)) {
            *widest = width.max(*widest);
            let least = widest.saturating_add(column.padding_width());
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    trimmed(&table)
}

/// Names and values, one pair a line.
pub fn pairs(pairs: &[(String, String)]) -> String {
    let mut table = empty();
    for (name, value) in pairs {
        table.add_row([plain(name, CELL), plain(value, VALUE)]);
    }
    trimmed(&table)
}

fn empty() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

/// The lines without the spaces around them, each ended.
fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|cell| (*cell).to_owned()).collect()
    }

    #[test]
    fn later_pages_line_up_with_earlier_ones() {
        let mut widths = Vec::new();

        let first = page(Some(&["NAME", "STATE"]), &[row(&["a long name", "ENABLED"])], &mut widths);
        let second = page(None, &[row(&["b", "DISABLED"])], &mut widths);

        assert_eq!(first, "NAME         STATE\na long name  ENABLED\n");
        assert_eq!(second, "b            DISABLED\n");
    }

    #[test]
    fn a_hostile_name_stays_in_its_cell() {
        let mut widths = Vec::new();

        let told = page(None, &[row(&["\u{1b}[2J\nroot  ENABLED", "x"])], &mut widths);

        assert_eq!(told, "\\u{1b}[2J\\u{a}root  ENABLED  x\n");
    }

    #[test]
    fn wide_characters_count_as_the_terminal_counts_them() {
        let mut widths = Vec::new();

        let told = page(None, &[row(&["東京", "x"]), row(&["abcd", "y"])], &mut widths);

        assert_eq!(told, "東京  x\nabcd  y\n");
    }

    #[test]
    fn names_and_values_are_pairs_in_two_columns() {
        let told = pairs(&[("id".to_owned(), "1".to_owned()), ("display_name".to_owned(), "Zoë".to_owned())]);

        assert_eq!(told, "id            1\ndisplay_name  Zoë\n");
    }
}
