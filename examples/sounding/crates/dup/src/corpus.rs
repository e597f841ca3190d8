//! All documents in comparable form.

use sounding_lex::{Document, Encoded, Lexeme, Vocabulary};

/// The lexemes of some documents, under one vocabulary.
#[derive(Debug)]
pub struct Corpus<'d> {
    documents: &'d [Document],
    encoded: Vec<Encoded>,
    vocabulary: Vocabulary,
}

impl<'d> Corpus<'d> {
    /// Encodes all documents.
    pub fn new(documents: &'d [Document]) -> Self {
        let mut vocabulary = Vocabulary::default();
        let encoded = documents
            .iter()
            .map(|document| vocabulary.encode(document, 0..document.tokens.len()))
            .collect();
        Corpus {
            documents,
            encoded,
            vocabulary,
        }
    }

    /// The number of documents.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// A document.
    pub fn document(&self, number: usize) -> &'d Document {
        &self.documents[number]
    }

    /// The lexemes of a document.
    pub fn lexemes(&self, number: usize) -> &[Lexeme] {
        &self.encoded[number].lexemes
    }

    /// The words behind the lexemes.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The number of lexemes of all documents.
    pub fn total(&self) -> usize {
        self.encoded
            .iter()
            .map(|encoded| encoded.lexemes.len())
            .sum()
    }

    /// The first and last line (one-based) of some lexemes of a document.
    pub fn lines(&self, number: usize, start: usize, length: usize) -> (u32, u32) {
        let document = &self.documents[number];
        let positions = &self.encoded[number].positions;
        let token = |place: usize| {
            positions
                .get(place)
                .and_then(|&position| document.tokens.get(position as usize))
        };
        let first = token(start).map_or(1, |token| document.line(token));
        let last =
            token(start + length.max(1) - 1).map_or(first, |token| document.last_line(token));
        (first, last)
    }

    /// The lexemes that come from a range of tokens of a document.
    pub fn within(&self, number: usize, tokens: &std::ops::Range<usize>) -> &[Lexeme] {
        let encoded = &self.encoded[number];
        let from = encoded
            .positions
            .partition_point(|&position| (position as usize) < tokens.start);
        let to = encoded
            .positions
            .partition_point(|&position| (position as usize) < tokens.end);
        &encoded.lexemes[from..to]
    }
}
