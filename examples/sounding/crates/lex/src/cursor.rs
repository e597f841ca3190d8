//! A reading position in a text.

/// Walks over a text from character to character; never stands inside one.
#[derive(Clone, Debug)]
pub struct Cursor<'t> {
    text: &'t str,
    position: usize,
    end: usize,
}

impl<'t> Cursor<'t> {
    /// Reads `text[start..end]`; both have to be character boundaries.
    pub fn new(text: &'t str, start: usize, end: usize) -> Self {
        Cursor {
            text,
            position: start,
            end,
        }
    }

    /// The byte offset of the next character.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What was read since `start`.
    pub fn since(&self, start: usize) -> &'t str {
        &self.text[start..self.position]
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'t str {
        &self.text[self.position..self.end]
    }

    /// The next character.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The character after the next one.
    pub fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    /// The character before the reading position.
    pub fn previous(&self) -> Option<char> {
        self.text[..self.position].chars().next_back()
    }

    /// Reads one character.
    pub fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    /// Whether `prefix` comes next.
    pub fn looking_at(&self, prefix: &str) -> bool {
        self.rest().as_bytes().starts_with(prefix.as_bytes())
    }

    /// Reads `prefix` if it comes next.
    pub fn eat(&mut self, prefix: &str) -> bool {
        let found = self.looking_at(prefix);
        if found {
            self.position += prefix.len();
        }
        found
    }

    /// Reads while `wanted` says so.
    pub fn eat_while<F: FnMut(char) -> bool>(&mut self, mut wanted: F) {
        while let Some(next) = self.peek() {
            if !wanted(next) {
                break;
            }
            self.position += next.len_utf8();
        }
    }

    /// Reads up to, not including, the next line break.
    pub fn eat_line(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.position += length;
    }

    /// Reads up to and including `close`, or to the end. With `escapes`, a backslash protects the next
    /// character; unless `multiline`, a line break ends the search (it belongs to nobody).
    pub fn eat_through(&mut self, close: &str, escapes: bool, multiline: bool) {
        loop {
            if self.eat(close) {
                return;
            }
            match self.peek() {
                None => return,
                Some('\n') if !multiline => return,
                Some('\\') if escapes => {
                    self.bump();
                    self.bump();
                }
                Some(_) => {
                    self.bump();
                }
            }
        }
    }
}
