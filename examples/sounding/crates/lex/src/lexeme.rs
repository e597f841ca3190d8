//! Tokens made comparable: what matters when two passages are held side by side.

use crate::document::Document;
use crate::syntax::group_of;
use crate::token::{Kind, Token};
use sounding_core::hash::scramble;
use sounding_core::{Interner, Symbol};
use std::ops::Range;

/// A token without its place: its kind, its text, and what it is related to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme {
    kind: Kind,
    group: u8,
    symbol: Symbol,
}

impl Lexeme {
    /// A number that differs between different texts.
    pub fn exact(&self) -> u64 {
        u64::from(self.symbol.0)
    }

    /// A number that stays the same when names, numbers and strings are replaced by others.
    pub fn shape(&self) -> u64 {
        match self.kind {
            Kind::Word | Kind::Number | Kind::Text | Kind::Comment | Kind::Heading => {
                scramble(self.kind as u64 + 1)
            }
            Kind::Keyword | Kind::Operator | Kind::Open | Kind::Close => {
                u64::from(self.symbol.0) << 8
            }
        }
    }

    /// What the token is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How much a match of this token says: brackets and commas are alike everywhere.
    pub fn weight(&self) -> i32 {
        match self.kind {
            Kind::Word | Kind::Keyword | Kind::Heading => 4,
            Kind::Number | Kind::Text => 3,
            Kind::Operator if self.group != 0 => 3,
            Kind::Operator | Kind::Comment => 2,
            Kind::Open | Kind::Close => 1,
        }
    }
}

/// Whether two tokens do related work: two loops, two comparisons, two literals.
pub fn relatives(a: &Lexeme, b: &Lexeme) -> bool {
    match (a.kind, b.kind) {
        (Kind::Number | Kind::Text, Kind::Number | Kind::Text) => true,
        (Kind::Word, Kind::Word) => true,
        _ => a.group != 0 && a.group == b.group,
    }
}

/// How well two tokens go together: the weight of the token when they are equal, about half of it when
/// they are related, and less than nothing when they have no more in common than their place.
pub fn affinity(a: &Lexeme, b: &Lexeme) -> i32 {
    if a.symbol == b.symbol && a.kind == b.kind {
        a.weight()
    } else if relatives(a, b) {
        a.weight().min(b.weight()) / 2
    } else {
        -2
    }
}

/// Turns tokens into lexemes; documents that are to be compared have to share one vocabulary.
#[derive(Debug, Default)]
pub struct Vocabulary {
    interner: Interner,
    groups: Vec<u8>,
}

impl Vocabulary {
    /// The lexemes of some tokens of a document. Comments are left out; `positions` of the result
    /// tells which token each lexeme came from.
    pub fn encode(&mut self, document: &Document, range: Range<usize>) -> Encoded {
        let mut encoded = Encoded::default();
        let tokens = document.tokens.get(range.clone()).unwrap_or_default();
        for (position, token) in range.zip(tokens) {
            if token.kind.is_code() {
                encoded.lexemes.push(self.lexeme(document, token));
                encoded.positions.push(position as u32);
            }
        }
        encoded
    }

    fn lexeme(&mut self, document: &Document, token: &Token) -> Lexeme {
        let text = document.text(token);
        let symbol = self.interner.intern(text);
        // Looked up once for each different text, since symbols are given out in order.
        if symbol.0 as usize == self.groups.len() {
            self.groups.push(group_of(text));
        }
        let related = matches!(token.kind, Kind::Keyword | Kind::Operator);
        Lexeme {
            kind: token.kind,
            group: if related {
                self.groups[symbol.0 as usize]
            } else {
                0
            },
            symbol,
        }
    }

    /// The text of a lexeme.
    pub fn text(&self, lexeme: &Lexeme) -> &str {
        self.interner.name(lexeme.symbol)
    }

    /// How many different texts were seen.
    pub fn len(&self) -> usize {
        self.interner.len()
    }

    /// Whether nothing was encoded yet.
    pub fn is_empty(&self) -> bool {
        self.interner.is_empty()
    }
}

/// The result of [`Vocabulary::encode`].
#[derive(Clone, Debug, Default)]
pub struct Encoded {
    /// The lexemes, without comments.
    pub lexemes: Vec<Lexeme>,
    /// For each lexeme, the number of its token in the document.
    pub positions: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use sounding_core::SourceText;

    fn encode(vocabulary: &mut Vocabulary, text: &str) -> Vec<Lexeme> {
        let source = SourceText::from_text(text);
        let document = Document::read(&Registry::standard(), "x.rs", source).expect("Rust");
        let all = 0..document.tokens.len();
        vocabulary.encode(&document, all).lexemes
    }

    #[test]
    fn shapes_survive_renaming_and_exact_codes_do_not() {
        let mut vocabulary = Vocabulary::default();
        let a = encode(&mut vocabulary, "let depth = 7; // fathoms");
        let b = encode(&mut vocabulary, "let width = 12;");
        let shapes = |list: &[Lexeme]| list.iter().map(Lexeme::shape).collect::<Vec<_>>();
        assert_eq!(shapes(&a), shapes(&b));
        assert_eq!(a[0].exact(), b[0].exact());
        assert_ne!(a[1].exact(), b[1].exact());
        assert_eq!(vocabulary.text(&b[1]), "width");
    }

    #[test]
    fn equal_beats_related_beats_foreign() {
        let mut vocabulary = Vocabulary::default();
        let list = encode(&mut vocabulary, "for while a b ==");
        let [for_, while_, a, b, equals] = list.as_slice() else {
            panic!("{list:?}");
        };
        assert_eq!(affinity(for_, for_), 4);
        assert_eq!(affinity(for_, while_), 2);
        assert_eq!(affinity(a, b), 2);
        assert_eq!(affinity(a, equals), -2);
    }
}
