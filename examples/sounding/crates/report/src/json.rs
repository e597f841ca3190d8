//! One JSON document.

use crate::{Report, Reporter};
use sounding_core::{Table, Value};
use std::fmt::Write as _;
use std::io::{self, Write};

/// `{"schema": ..., "tables": {key: [row, ...]}, "notes": [...]}`
pub struct JsonReporter;

impl Reporter for JsonReporter {
    fn name(&self) -> &'static str {
        "json"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{")?;
        writeln!(out, "  \"schema\": \"sounding.{}/1\",", report.kind)?;
        writeln!(out, "  \"tables\": {{")?;
        for (number, table) in report.tables.iter().enumerate() {
            let comma = if number + 1 < report.tables.len() {
                ","
            } else {
                ""
            };
            write_table(table, comma, out)?;
        }
        writeln!(out, "  }},")?;
        let notes: Vec<String> = report.notes.iter().map(|note| quote(note)).collect();
        writeln!(out, "  \"notes\": [{}]", notes.join(", "))?;
        writeln!(out, "}}")
    }
}

fn write_table(table: &Table, comma: &str, out: &mut dyn Write) -> io::Result<()> {
    let key = quote(table.key);
    if table.rows.is_empty() {
        return writeln!(out, "    {key}: []{comma}");
    }
    writeln!(out, "    {key}: [")?;
    for (number, row) in table.rows.iter().enumerate() {
        let cells: Vec<String> = table
            .columns
            .iter()
            .zip(row)
            .map(|(column, cell)| format!("{}: {}", quote(column), encode(cell)))
            .collect();
        let comma = if number + 1 < table.rows.len() {
            ","
        } else {
            ""
        };
        writeln!(out, "      {{{}}}{comma}", cells.join(", "))?;
    }
    writeln!(out, "    ]{comma}")
}

fn encode(cell: &Value) -> String {
    match cell {
        Value::Text(text) => quote(text),
        Value::Count(count) => count.to_string(),
        Value::Number(number) | Value::Share(number) if number.is_finite() => {
            // Four decimals are more than the data carries, and keep the text the same everywhere.
            let rounded = format!("{number:.4}");
            let short = rounded.trim_end_matches('0').trim_end_matches('.');
            short.to_owned()
        }
        Value::Number(_) | Value::Share(_) | Value::Missing => "null".to_owned(),
    }
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", control as u32);
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
