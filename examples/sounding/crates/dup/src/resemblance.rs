//! Files that have much in common.

use crate::corpus::Corpus;
use crate::fingerprint::winnow;
use sounding_core::hash::rolling;
use sounding_core::{Table, Value};
use sounding_lex::Lexeme;
use std::cmp::Ordering;

/// Two files and what they share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resemblance {
    /// The number of the first document.
    pub a: usize,
    /// The number of the second one.
    pub b: usize,
    /// Shared fingerprints in relation to all fingerprints of both (Broder 1997).
    pub resemblance: f64,
    /// Shared fingerprints in relation to those of the file that has fewer.
    pub containment: f64,
}

/// Compares every file with every other one; the most alike first, pairs without anything in common
/// left out.
pub fn resembling_files(corpus: &Corpus<'_>) -> Vec<Resemblance> {
    let prints: Vec<Vec<u64>> = (0..corpus.len())
        .map(|number| {
            let hashes = rolling(corpus.lexemes(number), 5, Lexeme::exact);
            let mut list: Vec<u64> = winnow(&hashes, 4)
                .into_iter()
                .map(|print| print.hash)
                .collect();
            list.sort_unstable();
            list.dedup();
            list
        })
        .collect();
    let mut found = Vec::new();
    for (a, left) in prints.iter().enumerate() {
        for (b, right) in prints.iter().enumerate().skip(a + 1) {
            let shared = intersection(left, right);
            if shared == 0 {
                continue;
            }
            let union = left.len() + right.len() - shared;
            found.push(Resemblance {
                a,
                b,
                resemblance: shared as f64 / union as f64,
                containment: shared as f64 / left.len().min(right.len()) as f64,
            });
        }
    }
    found.sort_by(|x, y| {
        y.resemblance
            .total_cmp(&x.resemblance)
            .then_with(|| (x.a, x.b).cmp(&(y.a, y.b)))
    });
    found
}

/// How many members two sorted lists share.
fn intersection<T: Ord>(a: &[T], b: &[T]) -> usize {
    let (mut left, mut right, mut shared) = (0, 0, 0);
    while left < a.len() && right < b.len() {
        match a[left].cmp(&b[right]) {
            Ordering::Less => left += 1,
            Ordering::Greater => right += 1,
            Ordering::Equal => {
                shared += 1;
                left += 1;
                right += 1;
            }
        }
    }
    shared
}

/// The files that are most alike.
pub fn table(corpus: &Corpus<'_>, found: &[Resemblance], limit: usize) -> Table {
    let mut table = Table::new(
        "files",
        "Files that resemble each other",
        &["resemblance", "containment", "first", "second"],
    );
    for pair in found.iter().take(limit) {
        table.push(vec![
            Value::Share(pair.resemblance),
            Value::Share(pair.containment),
            Value::from(corpus.document(pair.a).path.as_str()),
            Value::from(corpus.document(pair.b).path.as_str()),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersections_of_sorted_lists() {
        assert_eq!(intersection(&[1, 3, 5, 7], &[2, 3, 7, 9]), 2);
        assert_eq!(intersection::<u8>(&[], &[1]), 0);
    }
}
