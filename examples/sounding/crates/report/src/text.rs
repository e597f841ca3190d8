//! Aligned columns for a terminal.

use crate::{Report, Reporter};
use sounding_core::Table;
use std::io::{self, Write};

/// The default format.
pub struct TextReporter;

impl Reporter for TextReporter {
    fn name(&self) -> &'static str {
        "table"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for (number, table) in report.tables.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            write_table(table, out)?;
        }
        if !report.notes.is_empty() {
            writeln!(out)?;
        }
        for note in &report.notes {
            writeln!(out, "note: {note}")?;
        }
        Ok(())
    }
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", table.title)?;
    if table.rows.is_empty() {
        return writeln!(out, "  (none)");
    }
    let cells: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(|cell| visible(&cell.display())).collect())
        .collect();
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            cells
                .iter()
                .map(|row| width(&row[column]))
                .chain([width(table.columns[column])])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let to_the_right: Vec<bool> = (0..table.columns.len())
        .map(|column| table.rows.iter().any(|row| row[column].is_number()))
        .collect();

    let header: Vec<String> = table.columns.iter().map(|&name| name.to_owned()).collect();
    for row in std::iter::once(&header).chain(&cells) {
        let mut line = String::from(" ");
        for (column, cell) in row.iter().enumerate() {
            let padding = " ".repeat(widths[column] - width(cell));
            line.push_str(if column == 0 { " " } else { "  " });
            if to_the_right[column] {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

/// Control characters in file names must neither break the columns nor reach the terminal.
fn visible(cell: &str) -> String {
    if cell.chars().any(char::is_control) {
        cell.chars().flat_map(escape_control).collect()
    } else {
        cell.to_owned()
    }
}

fn escape_control(letter: char) -> Vec<char> {
    if letter.is_control() {
        letter.escape_default().collect()
    } else {
        vec![letter]
    }
}
