//! Lines of code, comments and blanks.

use crate::Metric;
use sounding_core::{row, Table};
use sounding_lex::Document;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// How many lines of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// Files.
    pub files: u64,
    /// Lines with at least one token that is not a comment.
    pub code: u64,
    /// Lines with nothing but comments.
    pub comments: u64,
    /// Lines with nothing at all, outside of comments and strings.
    pub blanks: u64,
}

impl LineCounts {
    /// All lines.
    pub fn lines(&self) -> u64 {
        self.code + self.comments + self.blanks
    }
}

impl AddAssign for LineCounts {
    fn add_assign(&mut self, other: LineCounts) {
        self.files += other.files;
        self.code += other.code;
        self.comments += other.comments;
        self.blanks += other.blanks;
    }
}

/// Classifies every line of a document.
pub fn count_lines(document: &Document) -> LineCounts {
    #[derive(Clone, Copy, PartialEq)]
    enum Line {
        Blank,
        Comment,
        Code,
    }
    let mut lines = vec![Line::Blank; document.source.line_count()];
    for token in &document.tokens {
        let (first, last) = (document.line(token), document.last_line(token));
        let to = (last as usize).min(lines.len());
        for line in &mut lines[first as usize - 1..to] {
            if token.kind.is_code() {
                *line = Line::Code;
            } else if *line == Line::Blank {
                *line = Line::Comment;
            }
        }
    }
    let count = |wanted: Line| lines.iter().filter(|&&line| line == wanted).count() as u64;
    LineCounts {
        files: 1,
        code: count(Line::Code),
        comments: count(Line::Comment),
        blanks: count(Line::Blank),
    }
}

/// Lines by language.
#[derive(Debug, Default)]
pub struct Lines {
    languages: BTreeMap<&'static str, LineCounts>,
}

impl Metric for Lines {
    fn visit(&mut self, document: &Document) {
        *self.languages.entry(document.syntax.name).or_default() += count_lines(document);
    }

    fn tables(&self, _top: usize) -> Vec<Table> {
        let mut table = Table::new(
            "languages",
            "Lines by language",
            &["language", "files", "lines", "code", "comments", "blanks"],
        );
        let mut ranked: Vec<(&str, LineCounts)> = self
            .languages
            .iter()
            .map(|(&name, &counts)| (name, counts))
            .collect();
        ranked.sort_by_key(|&(_, counts)| std::cmp::Reverse(counts.lines()));
        let mut total = LineCounts::default();
        for &(_, counts) in &ranked {
            total += counts;
        }
        if ranked.len() > 1 {
            ranked.push(("(all)", total));
        }
        for (name, counts) in ranked {
            table.push(row![
                name,
                counts.files,
                counts.lines(),
                counts.code,
                counts.comments,
                counts.blanks
            ]);
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    fn counted(path: &str, text: &str) -> (u64, u64, u64) {
        let counts = count_lines(&document(path, text));
        (counts.code, counts.comments, counts.blanks)
    }

    #[test]
    fn comments_beside_code_are_code() {
        let text = "// note\n\nlet x = 1; // one\n/* a\n\nb */ let y;\n";
        assert_eq!(counted("a.rs", text), (2, 3, 1));
    }

    #[test]
    fn blank_lines_in_strings_are_code() {
        assert_eq!(counted("a.py", "x = \"\"\"a\n\nb\"\"\"\n"), (3, 0, 0));
        assert_eq!(counted("a.py", ""), (0, 0, 0));
    }

    #[test]
    fn totals_come_last() {
        let mut lines = Lines::default();
        lines.visit(&document("a.py", "x = 1\n"));
        lines.visit(&document("b.c", "int x;\nint y;\n"));
        let table = lines.tables(10).remove(0);
        assert_eq!(table.rows[0][0].display(), "C");
        assert_eq!(table.rows[2], row!["(all)", 2u64, 3u64, 3u64, 0u64, 0u64]);
    }
}
