//! How much there is to read: Halstead's counts by language.

use crate::Metric;
use sounding_core::{row, Counter, Table, Value};
use sounding_lex::{Document, Kind};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
struct Halstead {
    operators: Counter<String>,
    operands: Counter<String>,
}

impl Halstead {
    fn vocabulary(&self) -> usize {
        self.operators.distinct() + self.operands.distinct()
    }

    fn length(&self) -> u64 {
        self.operators.total() + self.operands.total()
    }

    /// Length times bits for each token, in kilobits.
    fn volume(&self) -> f64 {
        if self.vocabulary() == 0 {
            return 0.0;
        }
        self.length() as f64 * (self.vocabulary() as f64).log2() / 1000.0
    }

    /// Halstead's difficulty: half the operators, times how often an operand comes back.
    fn difficulty(&self) -> f64 {
        let distinct = self.operands.distinct().max(1) as f64;
        self.operators.distinct() as f64 / 2.0 * self.operands.total() as f64 / distinct
    }
}

/// Operators and operands (Halstead 1977), counted over all files of a language.
#[derive(Debug, Default)]
pub struct Volume {
    languages: BTreeMap<&'static str, Halstead>,
}

impl Metric for Volume {
    fn visit(&mut self, document: &Document) {
        let halstead = self.languages.entry(document.syntax.name).or_default();
        for token in &document.tokens {
            let text = || document.text(token).to_owned();
            match token.kind {
                Kind::Keyword | Kind::Operator | Kind::Open => halstead.operators.add(text()),
                Kind::Word | Kind::Number | Kind::Text => halstead.operands.add(text()),
                Kind::Close | Kind::Comment | Kind::Heading => {}
            }
        }
    }

    fn tables(&self, _top: usize) -> Vec<Table> {
        let mut table = Table::new(
            "volume",
            "Tokens by language (Halstead's volume in kilobits, and difficulty)",
            &["language", "tokens", "different", "volume", "difficulty"],
        );
        for (&language, halstead) in &self.languages {
            table.push(row![
                language,
                halstead.length(),
                halstead.vocabulary(),
                Value::Number(halstead.volume()),
                Value::Number(halstead.difficulty())
            ]);
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn operators_and_operands_are_counted() {
        let mut volume = Volume::default();
        volume.visit(&document("a.c", "a = b + b; // sum"));
        let table = volume.tables(10).remove(0);
        assert_eq!(table.rows[0][..3], row!["C", 6u64, 5u64]);
        let halstead = &volume.languages["C"];
        assert!((halstead.difficulty() - 2.25).abs() < 1e-12);
        assert_eq!(Halstead::default().volume(), 0.0);
    }
}
