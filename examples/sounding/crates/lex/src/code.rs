//! The lexer for programming and configuration languages, driven by a [`Syntax`] table.

use crate::cursor::Cursor;
use crate::registry::Language;
use crate::syntax::Syntax;
use crate::token::{Kind, Sink, Token};

/// A language that its table describes completely.
#[derive(Clone, Copy, Debug)]
pub struct CodeLanguage {
    syntax: &'static Syntax,
}

impl CodeLanguage {
    pub fn new(syntax: &'static Syntax) -> Self {
        CodeLanguage { syntax }
    }
}

impl Language for CodeLanguage {
    fn syntax(&self) -> &'static Syntax {
        self.syntax
    }

    fn lex(&self, text: &str, start: usize, end: usize, sink: &mut dyn Sink) {
        let mut lexer = CodeLexer {
            syntax: self.syntax,
            cursor: Cursor::new(text, start, end),
            sink,
            heredocs: Vec::new(),
            line_is_fresh: true,
            statement_is_fresh: true,
        };
        lexer.run();
    }
}

struct CodeLexer<'t, 's> {
    syntax: &'static Syntax,
    cursor: Cursor<'t>,
    sink: &'s mut dyn Sink,
    /// Words that end the here-documents announced on this line.
    heredocs: Vec<&'t str>,
    /// No token yet on this line.
    line_is_fresh: bool,
    /// A string that stands here would be a statement of its own: nothing was read yet, or the last
    /// code token was the `:` of a block.
    statement_is_fresh: bool,
}

impl<'t> CodeLexer<'t, '_> {
    fn run(&mut self) {
        if self.cursor.looking_at("#!") && !self.cursor.looking_at("#![") {
            let start = self.cursor.position();
            self.cursor.eat_line();
            self.emit(Kind::Comment, start);
        }
        while let Some(next) = self.cursor.peek() {
            let start = self.cursor.position();
            if next == '\n' {
                self.cursor.bump();
                self.line_is_fresh = true;
                self.read_heredocs();
            } else if next.is_whitespace() {
                self.cursor.bump();
            } else {
                let kind = self.read(next, start);
                self.emit(kind, start);
            }
        }
    }

    fn emit(&mut self, kind: Kind, start: usize) {
        let end = self.cursor.position();
        self.line_is_fresh = false;
        if kind.is_code() {
            self.statement_is_fresh = kind == Kind::Operator && self.cursor.since(start) == ":";
        }
        self.sink.token(Token {
            kind,
            start: start as u32,
            end: end as u32,
        });
    }

    /// Reads one token, which is not white space, and says what it is.
    fn read(&mut self, next: char, start: usize) -> Kind {
        if self.read_comment() {
            return Kind::Comment;
        }
        if let Some(doc) = self.read_string() {
            return if doc { Kind::Comment } else { Kind::Text };
        }
        if next.is_ascii_digit() {
            self.read_number();
            return Kind::Number;
        }
        if self.syntax.begins_word(next) {
            let syntax = self.syntax;
            self.cursor
                .eat_while(|letter| syntax.continues_word(letter));
            return if syntax.is_keyword(self.cursor.since(start)) {
                Kind::Keyword
            } else {
                Kind::Word
            };
        }
        if next == '\'' && self.syntax.characters {
            return self.read_quote();
        }
        if self.syntax.heredocs && self.cursor.looking_at("<<") {
            return self.read_heredoc_mark();
        }
        self.read_operator(next)
    }

    fn read_comment(&mut self) -> bool {
        for open in self.syntax.line_comments {
            if self.cursor.looking_at(open) {
                let after_space = self.cursor.previous().map_or(true, char::is_whitespace);
                if self.syntax.spaced_hash && !after_space {
                    continue;
                }
                self.cursor.eat_line();
                return true;
            }
        }
        for comment in self.syntax.block_comments {
            if !self.cursor.eat(comment.open) {
                continue;
            }
            let mut depth = 1;
            while depth > 0 {
                if self.cursor.eat(comment.close) {
                    depth -= 1;
                } else if comment.nests && self.cursor.eat(comment.open) {
                    depth += 1;
                } else if self.cursor.bump().is_none() {
                    break;
                }
            }
            return true;
        }
        false
    }

    /// `Some(true)` for a documentation string, `Some(false)` for any other one.
    fn read_string(&mut self) -> Option<bool> {
        let rule = self
            .syntax
            .strings
            .iter()
            .find(|rule| self.cursor.looking_at(rule.open))?;
        let alone = self.line_is_fresh && self.statement_is_fresh;
        self.cursor.eat(rule.open);
        self.cursor
            .eat_through(rule.close, rule.escapes, rule.multiline);
        Some(rule.doc && alone)
    }

    fn read_number(&mut self) {
        loop {
            let mut last = '0';
            self.cursor.eat_while(|letter| {
                let wanted = letter.is_ascii_alphanumeric() || letter == '_';
                if wanted {
                    last = letter;
                }
                wanted
            });
            let digit_follows = self
                .cursor
                .peek_second()
                .is_some_and(|c| c.is_ascii_digit());
            let goes_on = match self.cursor.peek() {
                Some('.') => digit_follows,
                Some('+' | '-') => matches!(last, 'e' | 'E') && digit_follows,
                _ => false,
            };
            if !goes_on {
                return;
            }
            self.cursor.bump();
        }
    }

    /// A character (`'x'`, `'\n'`) or a lifetime (`'a`), which only the second quote tells apart.
    fn read_quote(&mut self) -> Kind {
        self.cursor.bump();
        if self.cursor.peek() == Some('\\') || self.cursor.peek_second() == Some('\'') {
            self.cursor.eat_through("'", true, false);
            return Kind::Text;
        }
        let syntax = self.syntax;
        self.cursor
            .eat_while(|letter| syntax.continues_word(letter));
        Kind::Word
    }

    /// Reads `<<` and remembers the word that follows; its text begins on the next line.
    fn read_heredoc_mark(&mut self) -> Kind {
        self.cursor.eat("<<");
        if self.cursor.eat("<") {
            return Kind::Operator;
        }
        self.cursor.eat("-");
        let rest = self
            .cursor
            .rest()
            .trim_start_matches([' ', '\'', '"', '\\']);
        let length = rest
            .find(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .unwrap_or(rest.len());
        let word = &rest[..length];
        // A shift in $((1 << 4)) is followed by a number.
        if word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') {
            self.heredocs.push(word);
        }
        Kind::Operator
    }

    fn read_heredocs(&mut self) {
        for word in std::mem::take(&mut self.heredocs) {
            let start = self.cursor.position();
            loop {
                let line_start = self.cursor.position();
                self.cursor.eat_line();
                let found = self.cursor.since(line_start).trim() == word;
                if found || self.cursor.peek().is_none() {
                    break;
                }
                self.cursor.bump();
            }
            if self.cursor.position() > start {
                self.emit(Kind::Text, start);
            }
        }
    }

    fn read_operator(&mut self, next: char) -> Kind {
        match next {
            '(' | '[' | '{' => {
                self.cursor.bump();
                return Kind::Open;
            }
            ')' | ']' | '}' => {
                self.cursor.bump();
                return Kind::Close;
            }
            _ => {}
        }
        for operator in self.syntax.operators {
            if self.cursor.eat(operator) {
                return Kind::Operator;
            }
        }
        self.cursor.bump();
        Kind::Operator
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn lexed(syntax: &'static Syntax, text: &str) -> Vec<(Kind, String)> {
        let mut tokens: Vec<Token> = Vec::new();
        CodeLanguage::new(syntax).lex(text, 0, text.len(), &mut tokens);
        tokens
            .iter()
            .map(|token| {
                let piece = &text[token.start as usize..token.end as usize];
                (token.kind, piece.to_owned())
            })
            .collect()
    }

    fn kinds(syntax: &'static Syntax, text: &str) -> Vec<Kind> {
        lexed(syntax, text)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect()
    }

    #[test]
    fn rust_lifetimes_are_not_characters() {
        let tokens = lexed(&syntax::RUST, r"fn f<'a>(x: &'a str) -> char { '\'' }");
        assert!(tokens.contains(&(Kind::Word, "'a".to_owned())));
        assert!(tokens.contains(&(Kind::Text, r"'\''".to_owned())));
        assert_eq!(tokens[0], (Kind::Keyword, "fn".to_owned()));
    }

    #[test]
    fn rust_raw_strings_and_nested_comments_are_one_token() {
        let text = "/* a /* b */ c */ r#\"quote \" inside\"#;";
        assert_eq!(
            kinds(&syntax::RUST, text),
            [Kind::Comment, Kind::Text, Kind::Operator]
        );
    }

    #[test]
    fn python_docstrings_are_comments_and_other_strings_are_not() {
        let text =
            "\"\"\"Module.\"\"\"\ndef f():\n    \"\"\"Doc.\"\"\"\n    return \"\"\"x\"\"\"\n";
        let strings: Vec<Kind> = kinds(&syntax::PYTHON, text)
            .into_iter()
            .filter(|kind| matches!(kind, Kind::Comment | Kind::Text))
            .collect();
        assert_eq!(strings, [Kind::Comment, Kind::Comment, Kind::Text]);
    }

    #[test]
    fn shell_heredocs_and_lengths() {
        let text = "cat <<'END' # note\n# not a comment\nEND\necho ${#name}\n";
        let tokens = lexed(&syntax::SHELL, text);
        let comments = tokens.iter().filter(|(kind, _)| *kind == Kind::Comment);
        assert_eq!(comments.count(), 1);
        assert!(tokens.contains(&(Kind::Text, "# not a comment\nEND".to_owned())));
    }

    #[test]
    fn numbers_keep_their_exponents_but_not_ranges() {
        let tokens = lexed(&syntax::RUST, "1.5e-3 0..10 0xFF_u8");
        let pieces: Vec<&str> = tokens.iter().map(|(_, piece)| piece.as_str()).collect();
        assert_eq!(pieces, ["1.5e-3", "0", "..", "10", "0xFF_u8"]);
    }

    #[test]
    fn unfinished_things_end_with_the_text() {
        for text in ["\"abc", "/* abc", "'", "r#\"x", "\\", "\u{FFFD}", "é\"é"] {
            let tokens = lexed(&syntax::RUST, text);
            assert_eq!(
                tokens.last().map(|(_, piece)| text.ends_with(piece)),
                Some(true)
            );
        }
    }
}
