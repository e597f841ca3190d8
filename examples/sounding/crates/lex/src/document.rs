//! One file, read and split.

use crate::outline::{outline, Item};
use crate::registry::{Language, Registry};
use crate::syntax::Syntax;
use crate::token::{Kind, Token};
use sounding_core::SourceText;

/// A file with its tokens and its functions.
#[derive(Clone, Debug)]
pub struct Document {
    /// The path as it is reported.
    pub path: String,
    /// The text.
    pub source: SourceText,
    /// The table of its language.
    pub syntax: &'static Syntax,
    /// All tokens, in order.
    pub tokens: Vec<Token>,
    /// Functions or sections, in the order in which they begin.
    pub items: Vec<Item>,
}

impl Document {
    /// Splits `source` with the language that its path or first line points to.
    pub fn read(registry: &Registry, path: &str, source: SourceText) -> Option<Self> {
        let filename = path.rsplit('/').next().unwrap_or(path);
        let language = registry.detect(filename, source.line(0))?;
        Some(Self::with_language(language, path, source))
    }

    /// Splits `source` with a given language.
    pub fn with_language(language: &dyn Language, path: &str, source: SourceText) -> Self {
        let mut tokens: Vec<Token> = Vec::new();
        let text = source.as_str();
        language.lex(text, 0, text.len(), &mut tokens);
        let syntax = language.syntax();
        let items = outline(&source, syntax, &tokens);
        Document {
            path: path.to_owned(),
            source,
            syntax,
            tokens,
            items,
        }
    }

    /// The text of a token.
    pub fn text(&self, token: &Token) -> &str {
        self.source.slice(token.start, token.end)
    }

    /// The one-based line that a token begins on.
    pub fn line(&self, token: &Token) -> u32 {
        self.source.line_of(token.start) + 1
    }

    /// The one-based line that a token ends on.
    pub fn last_line(&self, token: &Token) -> u32 {
        self.source
            .line_of(token.end.saturating_sub(1).max(token.start))
            + 1
    }

    /// The names in the file, in order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.tokens
            .iter()
            .filter(|token| token.kind == Kind::Word)
            .map(|token| self.text(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_token() {
        let source = SourceText::from_text("x = 1\n/* a\n b */\n");
        let document = Document::read(&Registry::standard(), "a/b.c", source).expect("C");
        let comment = document.tokens.last().expect("a comment");
        assert_eq!(
            (document.line(comment), document.last_line(comment)),
            (2, 3)
        );
        assert_eq!(document.words().collect::<Vec<_>>(), ["x"]);
    }
}
