//! Functions and sections that are nearly the same.

use crate::align::{count_edits, Aligner, EditCounts, TokenScoring};
use crate::corpus::Corpus;
use crate::fingerprint::winnow;
use sounding_core::hash::rolling;
use sounding_core::{DisjointSets, FastMap, Table, Value};
use sounding_lex::{Item, Lexeme};

/// Which pairs are looked at and which are reported.
#[derive(Clone, Copy, Debug)]
pub struct SimilarityOptions {
    /// Items with fewer tokens are left out: short functions are all alike.
    pub min_tokens: usize,
    /// Items with more tokens are left out: aligning two of them takes time and space for every pair of
    /// their tokens, and a copy that long shows up among the passages anyway.
    pub max_tokens: usize,
    /// The similarity from which a pair is reported, 0 to 1.
    pub threshold: f64,
    /// Tokens in one hashed stretch.
    pub gram: usize,
    /// Hashes in one winnowing window.
    pub window: usize,
    /// The share of the smaller item's fingerprints, common ones left out, that both have to have before
    /// they are aligned. From 0.1 to 0.3 the same pairs are found, in a fourth of the time; 0.4 begins to
    /// lose some.
    pub overlap: f64,
}

impl Default for SimilarityOptions {
    fn default() -> Self {
        SimilarityOptions {
            min_tokens: 30,
            max_tokens: 4000,
            threshold: 0.6,
            gram: 4,
            window: 4,
            overlap: 0.3,
        }
    }
}

/// A function or section of the corpus.
struct Unit<'c> {
    document: usize,
    language: &'static str,
    item: &'c Item,
    lexemes: &'c [Lexeme],
    prints: Vec<u64>,
}

/// Two items that resemble each other.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The number of the first item, as in [`Family::members`].
    pub a: usize,
    /// The number of the second one.
    pub b: usize,
    /// 0 to 1.
    pub similarity: f64,
    /// What has to be changed to turn one into the other.
    pub edits: EditCounts,
}

/// Items that are connected by pairs.
#[derive(Clone, Debug)]
pub struct Family {
    /// The document and the item in it.
    pub members: Vec<(usize, Item)>,
    /// The pairs between them, the most similar first.
    pub pairs: Vec<Pair>,
}

/// Finds all pairs of similar items and joins them into families, the most similar pair first.
pub fn find_pairs(corpus: &Corpus<'_>, options: &SimilarityOptions) -> Vec<Family> {
    let units = units(corpus, options);
    let mut aligner = Aligner::new(TokenScoring);
    let mut pairs = Vec::new();
    for (a, b) in candidates(&units, options) {
        let (left, right) = (units[a].lexemes, units[b].lexemes);
        let similarity = aligner.similarity(left, right);
        if similarity >= options.threshold {
            let edits = count_edits(&aligner.edits(left, right), left, right);
            pairs.push(Pair {
                a,
                b,
                similarity,
                edits,
            });
        }
    }
    pairs.sort_by(|x, y| {
        y.similarity
            .total_cmp(&x.similarity)
            .then_with(|| (x.a, x.b).cmp(&(y.a, y.b)))
    });
    join(&units, pairs)
}

fn units<'c>(corpus: &'c Corpus<'_>, options: &SimilarityOptions) -> Vec<Unit<'c>> {
    let mut units = Vec::new();
    for document in 0..corpus.len() {
        for item in &corpus.document(document).items {
            let lexemes = corpus.within(document, &item.tokens);
            if lexemes.len() < options.min_tokens || lexemes.len() > options.max_tokens {
                continue;
            }
            // In a text for people nearly every token is a word, so that shapes would all be the same.
            let code = if corpus.document(document).syntax.prose {
                Lexeme::exact
            } else {
                Lexeme::shape
            };
            let hashes = rolling(lexemes, options.gram, code);
            let mut prints: Vec<u64> = winnow(&hashes, options.window)
                .into_iter()
                .map(|print| print.hash)
                .collect();
            prints.sort_unstable();
            prints.dedup();
            units.push(Unit {
                document,
                language: corpus.document(document).syntax.name,
                item,
                lexemes,
                prints,
            });
        }
    }
    units
}

/// Pairs that share enough fingerprints to be worth an alignment, whose cost is the product of the
/// lengths.
fn candidates(units: &[Unit<'_>], options: &SimilarityOptions) -> Vec<(usize, usize)> {
    let mut index: FastMap<u64, Vec<usize>> = FastMap::default();
    for (number, unit) in units.iter().enumerate() {
        for &print in &unit.prints {
            index.entry(print).or_default().push(number);
        }
    }
    // What stands in every tenth function is how the language is written, and tells nothing.
    let common = units.len() / 10 + 8;
    index.retain(|_, numbers| numbers.len() <= common);
    let telling: Vec<usize> = units
        .iter()
        .map(|unit| {
            let known = |print: &&u64| index.contains_key(print);
            unit.prints.iter().filter(known).count()
        })
        .collect();
    let mut pairs = Vec::new();
    let mut shared = vec![0usize; units.len()];
    for (a, unit) in units.iter().enumerate() {
        shared.iter_mut().for_each(|count| *count = 0);
        for print in &unit.prints {
            let others = index.get(print).map_or(&[][..], Vec::as_slice);
            for &b in others.iter().filter(|&&b| b > a) {
                shared[b] += 1;
            }
        }
        for b in a + 1..units.len() {
            let other = &units[b];
            if unit.language != other.language || contains(unit, other) {
                continue;
            }
            // Even a perfect fit of the shorter one cannot reach the threshold when it is too short.
            let (short, long) = order(unit.lexemes.len(), other.lexemes.len());
            if 2.0 * (short as f64) < options.threshold * (short + long) as f64 {
                continue;
            }
            let smaller = telling[a].min(telling[b]);
            if shared[b] > 0 && shared[b] as f64 >= options.overlap * smaller as f64 {
                pairs.push((a, b));
            }
        }
    }
    pairs
}

/// A function inside another one is no copy of it.
fn contains(outer: &Unit<'_>, inner: &Unit<'_>) -> bool {
    outer.document == inner.document
        && outer.item.tokens.start <= inner.item.tokens.start
        && inner.item.tokens.end <= outer.item.tokens.end
}

fn order(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn join(units: &[Unit<'_>], pairs: Vec<Pair>) -> Vec<Family> {
    let mut sets = DisjointSets::new(units.len());
    for pair in &pairs {
        sets.join(pair.a, pair.b);
    }
    let mut families = Vec::new();
    for numbers in sets.families() {
        let own = |pair: &&Pair| numbers.binary_search(&pair.a).is_ok();
        let place = |number: usize| numbers.binary_search(&number).unwrap_or(0);
        let pairs = pairs
            .iter()
            .filter(own)
            .map(|pair| Pair {
                a: place(pair.a),
                b: place(pair.b),
                ..pair.clone()
            })
            .collect();
        let members = numbers
            .iter()
            .map(|&number| (units[number].document, units[number].item.clone()))
            .collect();
        families.push(Family { members, pairs });
    }
    let best = |family: &Family| family.pairs.first().map_or(0.0, |pair| pair.similarity);
    families.sort_by(|x, y| best(y).total_cmp(&best(x)));
    families
}

/// The most similar pairs of every family.
pub fn table(corpus: &Corpus<'_>, families: &[Family], limit: usize) -> Table {
    let mut pairs: Vec<(usize, &Family, &Pair)> = Vec::new();
    for (number, family) in families.iter().enumerate() {
        pairs.extend(family.pairs.iter().map(|pair| (number, family, pair)));
    }
    pairs.sort_by(|x, y| y.2.similarity.total_cmp(&x.2.similarity));
    let mut table = Table::new(
        "similar",
        format!(
            "Similar functions and sections ({} pairs in {} families)",
            pairs.len(),
            families.len()
        ),
        &[
            "similarity",
            "first",
            "second",
            "family",
            "same",
            "renamed",
            "changed",
            "moved",
        ],
    );
    for (number, family, pair) in pairs.into_iter().take(limit) {
        let place = |member: usize| {
            let (document, item) = &family.members[member];
            let path = &corpus.document(*document).path;
            format!("{path}:{} {}", item.lines.0, item.name)
        };
        table.push(vec![
            Value::Share(pair.similarity),
            Value::from(place(pair.a)),
            Value::from(place(pair.b)),
            Value::from(number + 1),
            Value::from(pair.edits.same),
            Value::from(pair.edits.renamed),
            Value::from(pair.edits.changed),
            Value::from(pair.edits.moved),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use sounding_core::SourceText;
    use sounding_lex::{Document, Registry};

    const SUM: &str = "fn sum(list: &[u32]) -> u32 {\n let mut total = 0;\n for item in list {\n  if *item > 3 { total += item; }\n }\n total\n}\n";

    fn families(files: &[(&str, &str)]) -> Vec<Family> {
        let registry = Registry::standard();
        let documents: Vec<Document> = files
            .iter()
            .map(|(path, text)| {
                Document::read(&registry, path, SourceText::from_text(text)).expect("known")
            })
            .collect();
        find_pairs(&Corpus::new(&documents), &SimilarityOptions::default())
    }

    #[test]
    fn renamed_functions_form_a_family() {
        let renamed = SUM.replace("total", "deepest").replace("sum", "depth");
        let changed = renamed.replace("+=", "-=").replace("depth", "shoal");
        let found = families(&[("a.rs", SUM), ("b.rs", &format!("{renamed}\n{changed}"))]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members.len(), 3);
        assert_eq!(found[0].pairs.len(), 3);
        let best = &found[0].pairs[0];
        assert!(best.similarity > 0.9 && best.similarity < 1.0);
        assert_eq!(best.edits.moved, 0);
    }

    #[test]
    fn unlike_functions_are_left_alone() {
        let other = "fn name(&self) -> String {\n match self.kind {\n  Kind::A => \"a\".to_string(),\n  Kind::B => format!(\"{}-{}\", self.left, self.right),\n  _ => panic!(\"none\"),\n }\n}\n";
        assert!(families(&[("a.rs", SUM), ("b.rs", other)]).is_empty());
    }

    #[test]
    fn a_function_is_no_copy_of_the_one_around_it() {
        let nested = format!("fn outer() {{\n{SUM}\n}}\n");
        assert!(families(&[("a.rs", &nested)]).is_empty());
    }
}
