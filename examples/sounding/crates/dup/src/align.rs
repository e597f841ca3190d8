//! Global alignment of two sequences (Needleman and Wunsch, 1970).

use sounding_lex::{affinity, relatives, Lexeme};

/// What an alignment of two `T`s is worth.
pub trait Scoring<T> {
    /// The score of putting `a` beside `b`.
    fn pair(&self, a: &T, b: &T) -> i32;

    /// The score of leaving out `item`; usually below zero.
    fn gap(&self, item: &T) -> i32;

    /// The score of `item` beside itself.
    fn own(&self, item: &T) -> i32 {
        self.pair(item, item)
    }
}

/// Scores tokens by what they mean to a reader.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenScoring;

impl Scoring<Lexeme> for TokenScoring {
    fn pair(&self, a: &Lexeme, b: &Lexeme) -> i32 {
        affinity(a, b)
    }

    fn gap(&self, item: &Lexeme) -> i32 {
        -(item.weight() / 2)
    }
}

/// One step of an alignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Equal items.
    Same,
    /// Different items that were put side by side.
    Replaced,
    /// An item that only the first sequence has.
    Removed,
    /// An item that only the second sequence has.
    Added,
}

/// Aligns sequences; keeps its rows between calls, since it is called many times.
#[derive(Debug)]
pub struct Aligner<S> {
    scoring: S,
    row: Vec<i32>,
    gaps: Vec<i32>,
}

impl<S> Aligner<S> {
    /// An aligner with the given scores.
    pub fn new(scoring: S) -> Self {
        Aligner {
            scoring,
            row: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// The score of the best alignment, in space for one row.
    pub fn score<T>(&mut self, a: &[T], b: &[T]) -> i32
    where
        S: Scoring<T>,
    {
        self.start(b);
        let mut edge = 0;
        for left in a {
            let gap = self.scoring.gap(left);
            let mut diagonal = edge;
            edge += gap;
            let mut best = edge;
            self.row[0] = edge;
            for (column, above) in b.iter().enumerate() {
                let beside = diagonal + self.scoring.pair(left, above);
                diagonal = self.row[column + 1];
                best = beside.max(diagonal + gap).max(best + self.gaps[column]);
                self.row[column + 1] = best;
            }
        }
        self.row[b.len()]
    }

    /// How alike two sequences are: 1 for equal ones, 0 for those that have nothing in common.
    pub fn similarity<T>(&mut self, a: &[T], b: &[T]) -> f64
    where
        S: Scoring<T>,
    {
        let own: i32 = a.iter().chain(b).map(|item| self.scoring.own(item)).sum();
        if own <= 0 {
            return 0.0;
        }
        let score = self.score(a, b);
        (2.0 * f64::from(score) / f64::from(own)).clamp(0.0, 1.0)
    }

    /// The steps of a best alignment. Takes one byte for every pair of items.
    pub fn edits<T: PartialEq>(&mut self, a: &[T], b: &[T]) -> Vec<Edit>
    where
        S: Scoring<T>,
    {
        self.start(b);
        let width = b.len() + 1;
        let mut steps = vec![Edit::Added; (a.len() + 1) * width];
        let mut edge = 0;
        for (line, left) in a.iter().enumerate() {
            let gap = self.scoring.gap(left);
            let mut diagonal = edge;
            edge += gap;
            let mut best = edge;
            self.row[0] = edge;
            steps[(line + 1) * width] = Edit::Removed;
            for (column, above) in b.iter().enumerate() {
                let beside = diagonal + self.scoring.pair(left, above);
                diagonal = self.row[column + 1];
                let removed = diagonal + gap;
                let added = best + self.gaps[column];
                best = beside.max(removed).max(added);
                self.row[column + 1] = best;
                steps[(line + 1) * width + column + 1] = if best == beside {
                    Edit::Replaced
                } else if best == removed {
                    Edit::Removed
                } else {
                    Edit::Added
                };
            }
        }

        let (mut line, mut column) = (a.len(), b.len());
        let mut edits = Vec::with_capacity(line + column);
        while line > 0 || column > 0 {
            let mut step = steps[line * width + column];
            if step != Edit::Added {
                line -= 1;
            }
            if step != Edit::Removed {
                column -= 1;
            }
            if step == Edit::Replaced && a[line] == b[column] {
                step = Edit::Same;
            }
            edits.push(step);
        }
        edits.reverse();
        edits
    }

    /// Fills the row of the empty prefix.
    fn start<T>(&mut self, b: &[T])
    where
        S: Scoring<T>,
    {
        self.gaps.clear();
        self.gaps
            .extend(b.iter().map(|item| self.scoring.gap(item)));
        self.row.clear();
        self.row.push(0);
        let mut total = 0;
        for gap in &self.gaps {
            total += gap;
            self.row.push(total);
        }
    }
}

/// How many tokens of an alignment were kept, replaced by a relative, replaced by something else, and
/// how many stand on one side only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditCounts {
    /// Equal on both sides.
    pub same: u32,
    /// Another name, number or related operator.
    pub renamed: u32,
    /// Something else.
    pub changed: u32,
    /// On one side only.
    pub moved: u32,
}

/// Counts the steps of an alignment of tokens.
pub fn count_edits(edits: &[Edit], a: &[Lexeme], b: &[Lexeme]) -> EditCounts {
    let mut counts = EditCounts::default();
    let (mut left, mut right) = (a.iter(), b.iter());
    for edit in edits {
        match edit {
            Edit::Removed => {
                left.next();
                counts.moved += 1;
            }
            Edit::Added => {
                right.next();
                counts.moved += 1;
            }
            Edit::Same | Edit::Replaced => {
                let (Some(from), Some(to)) = (left.next(), right.next()) else {
                    break;
                };
                if *edit == Edit::Same {
                    counts.same += 1;
                } else if relatives(from, to) {
                    counts.renamed += 1;
                } else {
                    counts.changed += 1;
                }
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Letters;

    impl Scoring<char> for Letters {
        fn pair(&self, a: &char, b: &char) -> i32 {
            if a == b {
                2
            } else {
                -1
            }
        }

        fn gap(&self, _: &char) -> i32 {
            -1
        }
    }

    fn letters(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn scores_and_steps_agree() {
        let (a, b) = (letters("shoreline"), letters("shoe lines"));
        let mut aligner = Aligner::new(Letters);
        let score = aligner.score(&a, &b);
        let edits = aligner.edits(&a, &b);
        let recounted: i32 = edits
            .iter()
            .map(|edit| if *edit == Edit::Same { 2 } else { -1 })
            .sum();
        assert_eq!(score, recounted);
        let kept = edits.iter().filter(|edit| **edit == Edit::Same).count();
        assert_eq!(kept, 8);
    }

    #[test]
    fn similarity_runs_from_zero_to_one() {
        let mut aligner = Aligner::new(Letters);
        assert_eq!(aligner.similarity(&letters("keel"), &letters("keel")), 1.0);
        assert_eq!(aligner.similarity(&letters("keel"), &letters("xyz")), 0.0);
        assert_eq!(aligner.similarity(&letters(""), &letters("")), 0.0);
    }

    #[test]
    fn one_side_may_be_empty() {
        let mut aligner = Aligner::new(Letters);
        assert_eq!(aligner.score(&letters(""), &letters("abc")), -3);
        assert_eq!(
            aligner.edits(&letters("ab"), &letters("")),
            [Edit::Removed; 2]
        );
    }
}
