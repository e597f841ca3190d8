//! Comma-separated values (RFC 4180), one line for each cell, since tables differ in their columns.

use crate::{Report, Reporter};
use sounding_core::Value;
use std::io::{self, Write};

/// `table,row,column,value`
pub struct CsvReporter;

impl Reporter for CsvReporter {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"table,row,column,value\r\n")?;
        for table in &report.tables {
            for (number, row) in (1..).zip(&table.rows) {
                for (column, cell) in table.columns.iter().zip(row) {
                    let value = field(&plain(cell));
                    write!(out, "{},{number},{},{value}\r\n", table.key, field(column))?;
                }
            }
        }
        Ok(())
    }
}

fn plain(cell: &Value) -> String {
    match cell {
        Value::Share(share) => format!("{share:.4}"),
        other => other.display(),
    }
}

fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
