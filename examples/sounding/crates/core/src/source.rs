//! Turning bytes from disk into text, whatever they are.

/// How many leading bytes are searched for a NUL before a file is taken for text.
const SNIFF: usize = 8 * 1024;

/// The text of one file, with the starts of its lines.
#[derive(Clone, Debug)]
pub struct SourceText {
    text: String,
    lines: Vec<u32>,
    lossy: bool,
}

impl SourceText {
    /// Decodes `bytes`, or returns `None` when they are not text (a NUL byte near the beginning).
    ///
    /// A byte-order mark is dropped. Bytes that are not UTF-8 become U+FFFD and [`Self::lossy`] is set:
    /// half a file's worth of numbers with a warning is more useful than an error.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes[..bytes.len().min(SNIFF)].contains(&0) {
            return None;
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = String::from_utf8_lossy(bytes);
        let lossy = matches!(text, std::borrow::Cow::Owned(_));
        Some(Self::new(text.into_owned(), lossy))
    }

    /// Wraps text that is already decoded.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.to_owned(), false)
    }

    fn new(text: String, lossy: bool) -> Self {
        let mut lines = vec![0];
        for (offset, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                lines.push(offset as u32 + 1);
            }
        }
        // A newline ends a line; it does not begin another one at the end of the file.
        if lines.last() == Some(&(text.len() as u32)) {
            lines.pop();
        }
        SourceText { text, lines, lossy }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text between two byte offsets; empty when they are not character boundaries.
    pub fn slice(&self, start: u32, end: u32) -> &str {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// Whether some bytes had to be replaced.
    pub fn lossy(&self) -> bool {
        self.lossy
    }

    /// The number of lines.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The zero-based line that holds the byte at `offset`.
    pub fn line_of(&self, offset: u32) -> u32 {
        self.lines
            .partition_point(|&start| start <= offset)
            .saturating_sub(1) as u32
    }

    /// Line number `line` (zero-based) without its line ending.
    pub fn line(&self, line: usize) -> &str {
        let Some(&start) = self.lines.get(line) else {
            return "";
        };
        let end = match self.lines.get(line + 1) {
            Some(&next) => next as usize,
            None => self.text.len(),
        };
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// The width of the white space that `line` begins with; a tab moves on to a multiple of eight.
    pub fn indent(&self, line: usize) -> usize {
        let mut width = 0;
        for byte in self.line(line).bytes() {
            match byte {
                b' ' => width += 1,
                b'\t' => width = (width / 8 + 1) * 8,
                _ => break,
            }
        }
        width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_from_offsets() {
        let source = SourceText::from_text("one\r\n\ttwo\n\nfour");
        assert_eq!(source.line_count(), 4);
        assert_eq!(source.line(0), "one");
        assert_eq!(source.line(3), "four");
        assert_eq!(source.line(9), "");
        assert_eq!(source.line_of(0), 0);
        assert_eq!(source.line_of(5), 1);
        assert_eq!(source.indent(1), 8);
    }

    #[test]
    fn the_last_newline_begins_no_line() {
        assert_eq!(SourceText::from_text("a\nb\n").line_count(), 2);
        assert_eq!(SourceText::from_text("").line_count(), 0);
        assert_eq!(SourceText::from_text("\n").line_count(), 1);
    }

    #[test]
    fn odd_bytes_are_replaced_and_binaries_refused() {
        let source = SourceText::decode(b"caf\xE9 = 1").expect("text");
        assert!(source.lossy());
        assert_eq!(source.as_str(), "caf\u{FFFD} = 1");
        assert!(SourceText::decode(b"\x7FELF\0\0").is_none());
        assert_eq!(
            SourceText::decode(b"\xEF\xBB\xBFx").map(|s| s.as_str().to_owned()),
            Some("x".to_owned())
        );
    }

    #[test]
    fn slices_between_characters_are_empty_rather_than_a_panic() {
        let source = SourceText::from_text("é");
        assert_eq!(source.slice(0, 1), "");
        assert_eq!(source.slice(0, 2), "é");
        assert_eq!(source.slice(1, 9), "");
    }
}
