//! The lexer for Markdown: words and headings, with fenced code in its own language.

use crate::code::CodeLanguage;
use crate::cursor::Cursor;
use crate::registry::Language;
use crate::syntax::{self, Syntax};
use crate::token::{Kind, Sink, Token};

/// Text for people.
#[derive(Clone, Copy, Debug)]
pub struct ProseLanguage {
    syntax: &'static Syntax,
}

impl ProseLanguage {
    pub fn new(syntax: &'static Syntax) -> Self {
        ProseLanguage { syntax }
    }
}

impl Language for ProseLanguage {
    fn syntax(&self) -> &'static Syntax {
        self.syntax
    }

    fn lex(&self, text: &str, start: usize, end: usize, sink: &mut dyn Sink) {
        let mut cursor = Cursor::new(text, start, end);
        while cursor.peek().is_some() {
            let line_start = cursor.position();
            if cursor.looking_at("```") || cursor.looking_at("~~~") {
                read_fence(text, &mut cursor, sink);
            } else if cursor.looking_at("#") {
                cursor.eat_line();
                emit(Kind::Heading, line_start, cursor.position(), sink);
            } else {
                read_line(self.syntax, &mut cursor, sink);
            }
            cursor.eat("\n");
        }
    }
}

fn emit(kind: Kind, start: usize, end: usize, sink: &mut dyn Sink) {
    sink.token(Token {
        kind,
        start: start as u32,
        end: end as u32,
    });
}

/// The words of one line. A comment may reach over several.
fn read_line(syntax: &Syntax, cursor: &mut Cursor<'_>, sink: &mut dyn Sink) {
    while let Some(next) = cursor.peek() {
        let start = cursor.position();
        let comment = syntax
            .block_comments
            .iter()
            .find(|comment| cursor.looking_at(comment.open));
        if let Some(comment) = comment {
            cursor.eat_through(comment.close, false, true);
            emit(Kind::Comment, start, cursor.position(), sink);
        } else if next == '\n' {
            return;
        } else if next.is_whitespace() {
            cursor.bump();
        } else if next == '`' {
            cursor.bump();
            cursor.eat_through("`", false, false);
            emit(Kind::Text, start, cursor.position(), sink);
        } else if next.is_numeric() {
            cursor.eat_while(|letter| letter.is_alphanumeric());
            emit(Kind::Number, start, cursor.position(), sink);
        } else if next.is_alphabetic() {
            cursor
                .eat_while(|letter| letter.is_alphanumeric() || matches!(letter, '\'' | '’' | '_'));
            emit(Kind::Word, start, cursor.position(), sink);
        } else {
            cursor.bump();
            emit(Kind::Operator, start, cursor.position(), sink);
        }
    }
}

/// A fence, the code in it, and the closing fence. Code in a language without a table counts as one
/// string.
fn read_fence(text: &str, cursor: &mut Cursor<'_>, sink: &mut dyn Sink) {
    let fence_start = cursor.position();
    let mark = &cursor.rest()[..3];
    cursor.eat_line();
    emit(Kind::Operator, fence_start, cursor.position(), sink);
    let info = cursor.since(fence_start)[3..].trim();
    cursor.eat("\n");

    let code_start = cursor.position();
    while cursor.peek().is_some() && !cursor.looking_at(mark) {
        cursor.eat_line();
        cursor.eat("\n");
    }
    let code_end = cursor.position();
    match embedded(info) {
        Some(syntax) => CodeLanguage::new(syntax).lex(text, code_start, code_end, sink),
        None if code_end > code_start => emit(Kind::Text, code_start, code_end, sink),
        None => {}
    }
    if cursor.peek().is_some() {
        let close_start = cursor.position();
        cursor.eat_line();
        emit(Kind::Operator, close_start, cursor.position(), sink);
    }
}

/// The language that the words after a fence name, as in "rust,ignore" or "sh".
fn embedded(info: &str) -> Option<&'static Syntax> {
    let word = info.split([',', ' ', '{']).next()?.to_lowercase();
    syntax::ALL.iter().copied().find(|syntax| {
        !syntax.prose
            && (syntax.name.to_lowercase() == word || syntax.extensions.contains(&word.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexed(text: &str) -> Vec<(Kind, &str)> {
        let mut tokens: Vec<Token> = Vec::new();
        ProseLanguage::new(&syntax::MARKDOWN).lex(text, 0, text.len(), &mut tokens);
        tokens
            .iter()
            .map(|token| (token.kind, &text[token.start as usize..token.end as usize]))
            .collect()
    }

    #[test]
    fn words_headings_and_code_spans() {
        let tokens = lexed("# Depth\n\nIt's `7 m` deep.<!-- at\nlow tide -->\n");
        assert_eq!(tokens[0], (Kind::Heading, "# Depth"));
        assert_eq!(tokens[1], (Kind::Word, "It's"));
        assert_eq!(tokens[2], (Kind::Text, "`7 m`"));
        assert_eq!(tokens[5], (Kind::Comment, "<!-- at\nlow tide -->"));
    }

    #[test]
    fn fenced_code_is_lexed_in_its_own_language() {
        let tokens = lexed("```rust,ignore\nlet x = 1; // one\n```\nafter\n");
        assert!(tokens.contains(&(Kind::Keyword, "let")));
        assert!(tokens.contains(&(Kind::Comment, "// one")));
        assert_eq!(tokens.last(), Some(&(Kind::Word, "after")));
        assert_eq!(lexed("```klingon\nqapla\n```")[1], (Kind::Text, "qapla\n"));
    }

    #[test]
    fn an_open_fence_ends_with_the_text() {
        assert_eq!(lexed("```").len(), 1);
        assert_eq!(lexed("```py\nx").last(), Some(&(Kind::Word, "x")));
    }
}
