//! Tokens: what kind of text stands where.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A name.
    Word,
    /// A reserved word.
    Keyword,
    /// A number.
    Number,
    /// A string or a character.
    Text,
    /// A comment or a documentation string.
    Comment,
    /// An operator or a separator.
    Operator,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// A heading of a text.
    Heading,
}

impl Kind {
    /// The name that `sounding tokens` prints.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Word => "word",
            Kind::Keyword => "keyword",
            Kind::Number => "number",
            Kind::Text => "string",
            Kind::Comment => "comment",
            Kind::Operator => "operator",
            Kind::Open => "open",
            Kind::Close => "close",
            Kind::Heading => "heading",
        }
    }

    /// Whether the token means something to a compiler (or to a reader, for prose).
    pub fn is_code(self) -> bool {
        self != Kind::Comment
    }
}

/// A piece of a file, by byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub start: u32,
    /// Where it ends (exclusive).
    pub end: u32,
}

/// Takes tokens in the order of the text.
pub trait Sink {
    /// Receives the next token.
    fn token(&mut self, token: Token);
}

impl Sink for Vec<Token> {
    fn token(&mut self, token: Token) {
        self.push(token);
    }
}
