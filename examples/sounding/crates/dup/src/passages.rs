//! Stretches of equal tokens that stand in more than one place.

use crate::corpus::Corpus;
use crate::fingerprint::{winnow, Fingerprint};
use sounding_core::hash::{hash_of, rolling};
use sounding_core::{FastMap, Table, Value};
use sounding_lex::Lexeme;
use std::collections::BTreeSet;

/// Hashes that stand in more places than this are boilerplate; following them costs a lot and tells
/// nothing.
const COMMON: usize = 64;

/// What counts as a duplicated passage.
#[derive(Clone, Copy, Debug)]
pub struct PassageOptions {
    /// The shortest passage that is reported, in tokens. No passage of this length is missed.
    pub min_tokens: usize,
    /// Whether passages are equal when only names, numbers and strings differ.
    pub ignore_names: bool,
}

impl Default for PassageOptions {
    fn default() -> Self {
        PassageOptions {
            min_tokens: 30,
            ignore_names: false,
        }
    }
}

/// Where a passage stands: the document and its first lexeme there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The number of the document in the corpus.
    pub document: usize,
    /// The number of the lexeme in the document.
    pub start: usize,
}

/// A stretch of tokens with all the places where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Its length in tokens.
    pub length: usize,
    /// At least two places, sorted.
    pub spots: Vec<Spot>,
}

impl Passage {
    /// The tokens that would go away if the passage stood in one place only.
    pub fn surplus(&self) -> usize {
        self.length * (self.spots.len() - 1)
    }
}

/// All duplicated passages, and how much of the corpus they cover.
#[derive(Clone, Debug, Default)]
pub struct Passages {
    /// The largest surplus first.
    pub list: Vec<Passage>,
    /// For each document the number of tokens that belong to some passage.
    pub covered: Vec<usize>,
}

/// Finds the duplicated passages of a corpus.
///
/// A passage of `min_tokens` tokens has `min_tokens - k + 1` hashes of `k` tokens, so a window of that
/// many hashes guarantees that both copies carry the same fingerprint.
pub fn find_passages(corpus: &Corpus<'_>, options: &PassageOptions) -> Passages {
    let min_tokens = options.min_tokens.max(2);
    let gram = (min_tokens / 2).clamp(1, 12);
    let window = min_tokens - gram + 1;
    let code = |lexeme: &Lexeme| {
        if options.ignore_names {
            lexeme.shape()
        } else {
            lexeme.exact()
        }
    };
    let codes: Vec<Vec<u64>> = (0..corpus.len())
        .map(|number| corpus.lexemes(number).iter().map(code).collect())
        .collect();
    let prints: Vec<Vec<Fingerprint<u64>>> = codes
        .iter()
        .map(|list| winnow(&rolling(list, gram, |&code| code), window))
        .collect();

    let matches = Matcher::new(&codes, &prints, min_tokens).run();
    collect(&codes, matches)
}

/// Two equal stretches.
struct Match {
    a: Spot,
    b: Spot,
    length: usize,
}

/// Follows equal fingerprints to maximal equal stretches.
struct Matcher<'c> {
    codes: &'c [Vec<u64>],
    prints: &'c [Vec<Fingerprint<u64>>],
    min_tokens: usize,
    index: FastMap<u64, Vec<Spot>>,
    /// For two documents and the distance between the copies: where the last match ended in the first
    /// one. Fingerprints before that belong to a match that is already known.
    ends: FastMap<(usize, usize, isize), usize>,
}

impl<'c> Matcher<'c> {
    fn new(codes: &'c [Vec<u64>], prints: &'c [Vec<Fingerprint<u64>>], min_tokens: usize) -> Self {
        let mut index: FastMap<u64, Vec<Spot>> = FastMap::default();
        for (document, list) in prints.iter().enumerate() {
            for print in list {
                index.entry(print.hash).or_default().push(Spot {
                    document,
                    start: print.position as usize,
                });
            }
        }
        Matcher {
            codes,
            prints,
            min_tokens,
            index,
            ends: FastMap::default(),
        }
    }

    fn run(mut self) -> Vec<Match> {
        let mut matches = Vec::new();
        let index = std::mem::take(&mut self.index);
        for (document, list) in self.prints.iter().enumerate() {
            for print in list {
                let here = Spot {
                    document,
                    start: print.position as usize,
                };
                let spots = &index[&print.hash];
                if spots.len() > COMMON {
                    continue;
                }
                // The spots are sorted, and every pair is looked at from its earlier side.
                let later = spots.partition_point(|&spot| spot <= here);
                for &there in &spots[later..] {
                    matches.extend(self.follow(here, there));
                }
            }
        }
        matches
    }

    fn follow(&mut self, here: Spot, there: Spot) -> Option<Match> {
        let distance = there.start as isize - here.start as isize;
        let key = (here.document, there.document, distance);
        if self.ends.get(&key).is_some_and(|&end| here.start < end) {
            return None;
        }
        let (a, b) = (&self.codes[here.document], &self.codes[there.document]);
        let back = a[..here.start]
            .iter()
            .rev()
            .zip(b[..there.start].iter().rev())
            .take_while(|(left, right)| left == right)
            .count();
        let (from, other) = (here.start - back, there.start - back);
        let mut length = a[from..]
            .iter()
            .zip(&b[other..])
            .take_while(|(left, right)| left == right)
            .count();
        if here.document == there.document {
            // A passage must not overlap its own copy, as in a long list of zeros.
            length = length.min(other - from);
        }
        self.ends.insert(key, from + length);
        (length >= self.min_tokens).then_some(Match {
            a: Spot {
                document: here.document,
                start: from,
            },
            b: Spot {
                document: there.document,
                start: other,
            },
            length,
        })
    }
}

/// Joins matches of the same text and leaves out those that say nothing new.
fn collect(codes: &[Vec<u64>], matches: Vec<Match>) -> Passages {
    let mut classes: FastMap<(usize, u64), BTreeSet<Spot>> = FastMap::default();
    for found in matches {
        let text = &codes[found.a.document][found.a.start..found.a.start + found.length];
        let spots = classes.entry((found.length, hash_of(text))).or_default();
        spots.insert(found.a);
        spots.insert(found.b);
    }
    let mut candidates: Vec<Passage> = classes
        .into_iter()
        .map(|((length, _), spots)| Passage {
            length,
            spots: spots.into_iter().collect(),
        })
        .collect();
    candidates.sort_unstable_by(|a, b| {
        b.surplus()
            .cmp(&a.surplus())
            .then_with(|| b.length.cmp(&a.length))
            .then_with(|| a.spots.cmp(&b.spots))
    });

    let mut seen: Vec<Vec<bool>> = codes.iter().map(|list| vec![false; list.len()]).collect();
    let mut list = Vec::new();
    for passage in candidates {
        let mut fresh = 0;
        for spot in &passage.spots {
            let range = spot.start..spot.start + passage.length;
            for known in &mut seen[spot.document][range] {
                fresh += usize::from(!*known);
                *known = true;
            }
        }
        // Half of one copy has to be news; the rest is a variation of a passage listed before.
        if fresh * 2 >= passage.length {
            list.push(passage);
        }
    }
    let covered = seen
        .iter()
        .map(|flags| flags.iter().filter(|&&known| known).count())
        .collect();
    Passages { list, covered }
}

impl Passages {
    /// The share of all tokens that belong to some passage.
    pub fn share(&self, corpus: &Corpus<'_>) -> f64 {
        let total = corpus.total();
        if total == 0 {
            return 0.0;
        }
        self.covered.iter().sum::<usize>() as f64 / total as f64
    }

    /// The passages with the largest surplus, one row for each place.
    pub fn table(&self, corpus: &Corpus<'_>, limit: usize) -> Table {
        let mut table = Table::new(
            "passages",
            format!("Duplicated passages ({} in all)", self.list.len()),
            &["passage", "tokens", "copies", "file", "from", "to"],
        );
        for (number, passage) in self.list.iter().take(limit).enumerate() {
            for spot in &passage.spots {
                let (from, to) = corpus.lines(spot.document, spot.start, passage.length);
                table.push(vec![
                    Value::from(number + 1),
                    Value::from(passage.length),
                    Value::from(passage.spots.len()),
                    Value::from(corpus.document(spot.document).path.as_str()),
                    Value::from(from),
                    Value::from(to),
                ]);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sounding_core::SourceText;
    use sounding_lex::{Document, Registry};

    fn documents(files: &[(&str, &str)]) -> Vec<Document> {
        let registry = Registry::standard();
        files
            .iter()
            .map(|(path, text)| {
                Document::read(&registry, path, SourceText::from_text(text)).expect("known")
            })
            .collect()
    }

    const LOOP: &str = "for i in 0..n { total += depth[i] * width[i]; count += 1; }\n";

    #[test]
    fn copies_are_found_around_different_text() {
        let first = format!("fn a() {{ start(); {LOOP} }}");
        let second = format!("// other\nfn b(x: u8) {{\n  {LOOP}  finish(x) }}");
        let documents = documents(&[("a.rs", &first), ("b.rs", &second)]);
        let corpus = Corpus::new(&documents);
        let options = PassageOptions {
            min_tokens: 20,
            ignore_names: false,
        };
        let passages = find_passages(&corpus, &options);
        assert_eq!(passages.list.len(), 1);
        let passage = &passages.list[0];
        assert_eq!(passage.length, 24);
        assert_eq!(
            corpus.lines(1, passage.spots[1].start, passage.length),
            (3, 3)
        );
        assert_eq!(passages.covered, [24, 24]);
        assert_eq!(passages.table(&corpus, 5).rows.len(), 2);
    }

    #[test]
    fn renamed_copies_are_found_on_request() {
        let renamed = LOOP.replace("depth", "height").replace("total", "sum");
        let documents = documents(&[("a.rs", LOOP), ("b.rs", &renamed)]);
        let corpus = Corpus::new(&documents);
        let mut options = PassageOptions {
            min_tokens: 20,
            ignore_names: false,
        };
        assert!(find_passages(&corpus, &options).list.is_empty());
        options.ignore_names = true;
        assert_eq!(find_passages(&corpus, &options).list.len(), 1);
    }

    #[test]
    fn three_copies_are_one_passage() {
        let text = LOOP.repeat(3);
        let documents = documents(&[("a.rs", &text)]);
        let corpus = Corpus::new(&documents);
        let options = PassageOptions {
            min_tokens: 20,
            ignore_names: false,
        };
        let passages = find_passages(&corpus, &options);
        assert_eq!(passages.list[0].spots.len(), 3);
        assert_eq!(passages.share(&corpus), 1.0);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        let corpus = Corpus::new(&[]);
        let passages = find_passages(&corpus, &PassageOptions::default());
        assert!(passages.list.is_empty());
        assert_eq!(passages.share(&corpus), 0.0);
    }
}
