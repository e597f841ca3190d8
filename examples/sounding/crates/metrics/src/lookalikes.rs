//! Rare names that differ from a frequent one by a single letter: often a slip of the keyboard, always
//! hard to tell apart.

use crate::Metric;
use sounding_core::distance::bounded;
use sounding_core::{row, Counter, Table};
use sounding_lex::Document;

/// Shorter names differ by one letter all the time.
const SHORTEST: usize = 5;

/// A name is rare when it is used at most this often.
const RARE: u64 = 2;

/// How much more often the other name has to be used.
const RATIO: u64 = 3;

/// Pairs of names that are easily confused.
#[derive(Debug, Default)]
pub struct Lookalikes {
    names: Counter<String>,
}

impl Metric for Lookalikes {
    fn visit(&mut self, document: &Document) {
        let long_enough = |word: &&str| word.chars().count() >= SHORTEST;
        self.names
            .extend(document.words().filter(long_enough).map(str::to_owned));
    }

    fn tables(&self, top: usize) -> Vec<Table> {
        let mut table = Table::new(
            "lookalikes",
            "Rare names one letter away from a frequent one",
            &["name", "uses", "looks like", "its uses"],
        );
        for (rare, uses, frequent, its_uses) in self.pairs().into_iter().take(top) {
            table.push(row![rare, uses, frequent, its_uses]);
        }
        vec![table]
    }
}

impl Lookalikes {
    /// The pairs, those with the most frequent partner first.
    fn pairs(&self) -> Vec<(String, u64, String, u64)> {
        let ranked: Vec<(String, u64, Vec<char>)> = self
            .names
            .ranked()
            .into_iter()
            .map(|(name, count)| {
                let letters = name.chars().collect();
                (name, count, letters)
            })
            .collect();
        let rare_from = ranked.partition_point(|(_, count, _)| *count > RARE);
        let mut pairs = Vec::new();
        for (name, count, letters) in &ranked[rare_from..] {
            let partner = ranked[..rare_from]
                .iter()
                .take_while(|(_, other, _)| *other >= count * RATIO)
                .find(|(other, _, others)| {
                    bounded(letters, others, 1) == Some(1) && !differs_in_number(name, other)
                });
            if let Some((other, its_count, _)) = partner {
                pairs.push((name.clone(), *count, other.clone(), *its_count));
            }
        }
        pairs.sort_by(|a, b| b.3.cmp(&a.3).then_with(|| a.0.cmp(&b.0)));
        pairs
    }
}

/// A plural, a number or a capital letter is a difference that was made on purpose.
fn differs_in_number(a: &str, b: &str) -> bool {
    let stem = |name: &str| {
        name.trim_end_matches(|letter: char| {
            letter.is_ascii_digit() || matches!(letter, 's' | 'd' | '_')
        })
        .to_lowercase()
    };
    stem(a) == stem(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn slips_are_found_and_plurals_are_not() {
        let mut text = "harbour = 1; ".repeat(9);
        text.push_str("harbuor = 1; harbours = 1; anchor = 2;");
        let mut lookalikes = Lookalikes::default();
        lookalikes.visit(&document("a.c", &text));
        let rows = lookalikes.tables(10).remove(0).rows;
        assert_eq!(rows, [row!["harbuor", 1u64, "harbour", 9u64]]);
    }
}
