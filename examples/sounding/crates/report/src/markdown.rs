//! Pipe tables, for pull requests and wikis.

use crate::{Report, Reporter};
use sounding_core::Table;
use std::io::{self, Write};

/// A heading and a table for each table.
pub struct MarkdownReporter;

impl Reporter for MarkdownReporter {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for (number, table) in report.tables.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            writeln!(out, "## {}\n", escape(&table.title))?;
            if table.rows.is_empty() {
                writeln!(out, "None.")?;
            } else {
                write_table(table, out)?;
            }
        }
        if !report.notes.is_empty() {
            writeln!(out, "\n## Notes\n")?;
        }
        for note in &report.notes {
            writeln!(out, "- {}", escape(note))?;
        }
        Ok(())
    }
}

fn write_table(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| {} |", table.columns.join(" | "))?;
    let rules: Vec<&str> = (0..table.columns.len())
        .map(|column| {
            if table.rows.iter().any(|row| row[column].is_number()) {
                "---:"
            } else {
                "---"
            }
        })
        .collect();
    writeln!(out, "| {} |", rules.join(" | "))?;
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(|cell| escape(&cell.display())).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => escaped.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | '\\' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            other => escaped.push(other),
        }
    }
    escaped
}
