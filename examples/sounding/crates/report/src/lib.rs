//! Reports: the same tables as text, JSON, CSV or Markdown.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod csv;
mod json;
mod markdown;
mod text;

use sounding_core::Table;
use std::io::{self, Write};

/// Everything that one command has found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The kind of report, as in "report" or "dup".
    pub kind: &'static str,
    /// The tables, in the order in which they are printed.
    pub tables: Vec<Table>,
    /// Files that were left out, and why.
    pub notes: Vec<String>,
}

/// Prints reports in one format.
pub trait Reporter {
    /// The name that people ask for it by.
    fn name(&self) -> &'static str;

    /// Prints a report.
    ///
    /// # Errors
    ///
    /// Only those of `out`.
    fn write(&self, report: &Report, out: &mut dyn Write) -> io::Result<()>;
}

/// All formats; the first one is the default.
pub fn reporters() -> Vec<Box<dyn Reporter>> {
    vec![
        Box::new(text::TextReporter),
        Box::new(json::JsonReporter),
        Box::new(csv::CsvReporter),
        Box::new(markdown::MarkdownReporter),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use sounding_core::{row, Value};

    fn printed(format: &str) -> String {
        let mut depths = Table::new("depths", "Depths", &["place", "depth", "share"]);
        depths.push(row!["bay \"A\"", 7u64, Value::Share(0.25)]);
        depths.push(row!["sound|B,\nwest", 1200u64]);
        let report = Report {
            kind: "test",
            tables: vec![depths, Table::new("empty", "Empty", &["nothing"])],
            notes: vec!["x.bin: not text".to_owned()],
        };
        let reporter = reporters()
            .into_iter()
            .find(|reporter| reporter.name() == format)
            .expect("a known format");
        let mut out = Vec::new();
        reporter
            .write(&report, &mut out)
            .expect("writing to memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn text_is_aligned() {
        let expected = "Depths\n  place           depth  share\n  bay \"A\"             7  25.0%\n  sound|B,\\nwest   1200\n\nEmpty\n  (none)\n\nnote: x.bin: not text\n";
        assert_eq!(printed("table"), expected);
    }

    #[test]
    fn json_is_escaped_and_typed() {
        let text = printed("json");
        assert!(text.starts_with("{\n  \"schema\": \"sounding.test/1\",\n"));
        assert!(text.contains(r#"{"place": "bay \"A\"", "depth": 7, "share": 0.25}"#));
        assert!(text.contains(r#"{"place": "sound|B,\nwest", "depth": 1200, "share": null}"#));
        assert!(text.contains("\"empty\": []"));
    }

    #[test]
    fn csv_has_one_line_for_each_cell() {
        let text = printed("csv");
        assert!(text.starts_with("table,row,column,value\r\n"));
        assert!(text.contains("depths,1,place,\"bay \"\"A\"\"\"\r\n"));
        assert!(text.contains("depths,2,depth,1200\r\n"));
    }

    #[test]
    fn markdown_cells_cannot_break_the_table() {
        let text = printed("markdown");
        assert!(text.contains("| place | depth | share |\n| --- | ---: | ---: |\n"));
        assert!(text.contains("| sound\\|B, west | 1200 |  |\n"));
    }
}
