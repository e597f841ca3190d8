//! How long and how branched functions are.

use crate::Metric;
use sounding_core::{row, Summary, Table, Value};
use sounding_lex::{Document, ItemKind};
use std::collections::BTreeMap;

/// A function with its place.
#[derive(Debug)]
struct Entry {
    place: String,
    name: String,
    language: &'static str,
    length: u32,
    parameters: u32,
    nesting: u32,
    complexity: u32,
}

/// Length, nesting and complexity of functions.
#[derive(Debug, Default)]
pub struct Functions {
    entries: Vec<Entry>,
}

impl Metric for Functions {
    fn visit(&mut self, document: &Document) {
        let functions = document
            .items
            .iter()
            .filter(|item| item.kind == ItemKind::Function);
        for item in functions {
            self.entries.push(Entry {
                place: format!("{}:{}", document.path, item.lines.0),
                name: item.name.clone(),
                language: document.syntax.name,
                length: item.length(),
                parameters: item.parameters,
                nesting: item.nesting,
                complexity: item.complexity,
            });
        }
    }

    fn tables(&self, top: usize) -> Vec<Table> {
        vec![self.overview(), self.most_complex(top)]
    }
}

impl Functions {
    fn overview(&self) -> Table {
        let mut table = Table::new(
            "functions",
            "Functions by language (lines and complexity: median, 90 %, largest)",
            &[
                "language",
                "functions",
                "lines 50",
                "lines 90",
                "lines max",
                "complexity 50",
                "complexity 90",
                "complexity max",
            ],
        );
        let mut languages: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &self.entries {
            languages.entry(entry.language).or_default().push(entry);
        }
        for (language, entries) in languages {
            let lengths = Summary::of(entries.iter().map(|entry| u64::from(entry.length)));
            let paths = Summary::of(entries.iter().map(|entry| u64::from(entry.complexity)));
            let mut cells = row![language, lengths.count()];
            for summary in [&lengths, &paths] {
                cells.extend([50, 90].map(|percent| Value::from(summary.percentile(percent))));
                cells.push(Value::from(summary.max()));
            }
            table.push(cells);
        }
        table
    }

    fn most_complex(&self, top: usize) -> Table {
        let mut table = Table::new(
            "complex-functions",
            "Functions with the most branches",
            &[
                "function",
                "place",
                "complexity",
                "nesting",
                "lines",
                "parameters",
            ],
        );
        let mut ranked: Vec<&Entry> = self.entries.iter().collect();
        // A stable sort: functions that tie stay in the order of files and lines.
        ranked.sort_by_key(|entry| std::cmp::Reverse((entry.complexity, entry.length)));
        for entry in ranked.into_iter().take(top) {
            table.push(row![
                entry.name.as_str(),
                entry.place.as_str(),
                entry.complexity,
                entry.nesting,
                entry.length,
                entry.parameters
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn the_most_branched_function_comes_first() {
        let mut functions = Functions::default();
        let text = "def a():\n    pass\n\ndef b(x):\n    if x and x > 1:\n        return 1\n";
        functions.visit(&document("a.py", text));
        let tables = functions.tables(1);
        assert_eq!(tables[0].rows[0][1], Value::Count(2));
        assert_eq!(
            tables[1].rows,
            [row!["b", "a.py:4", 3u64, 1u64, 3u64, 1u64]]
        );
    }
}
