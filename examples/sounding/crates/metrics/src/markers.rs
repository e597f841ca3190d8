//! Notes to oneself that were left in comments.

use crate::Metric;
use sounding_core::{row, Counter, Table};
use sounding_lex::{Document, Kind};

const MARKERS: &[&str] = &["BUG", "FIXME", "HACK", "TODO", "XXX"];

/// The longest note that is quoted, in characters.
const QUOTE: usize = 60;

#[derive(Debug)]
struct Note {
    marker: &'static str,
    place: String,
    text: String,
}

/// `TODO`, `FIXME` and the like in comments.
#[derive(Debug, Default)]
pub struct Markers {
    counts: Counter<&'static str>,
    notes: Vec<Note>,
}

impl Metric for Markers {
    fn visit(&mut self, document: &Document) {
        let comments = document
            .tokens
            .iter()
            .filter(|token| token.kind == Kind::Comment);
        for token in comments {
            let first = document.line(token);
            for (line, text) in (first..).zip(document.text(token).lines()) {
                if let Some((marker, rest)) = find_marker(text) {
                    self.counts.add(marker);
                    self.notes.push(Note {
                        marker,
                        place: format!("{}:{line}", document.path),
                        text: tidy(rest),
                    });
                }
            }
        }
    }

    fn tables(&self, top: usize) -> Vec<Table> {
        let title = match self.counts.total() {
            0 => "Markers".to_owned(),
            total => {
                let counts: Vec<String> = self
                    .counts
                    .ranked()
                    .iter()
                    .map(|(marker, count)| format!("{count} {marker}"))
                    .collect();
                format!("Markers ({total}: {})", counts.join(", "))
            }
        };
        let mut table = Table::new("markers", title, &["marker", "place", "note"]);
        for note in self.notes.iter().take(top) {
            table.push(row![note.marker, note.place.as_str(), note.text.as_str()]);
        }
        vec![table]
    }
}

/// The first marker that stands in a line as a word of its own, and what follows it.
fn find_marker(line: &str) -> Option<(&'static str, &str)> {
    let mut rest = line;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_uppercase()) {
        // One of the letters before belongs to the same word when it is no separator.
        let joined =
            rest[..start].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        let word_on = &rest[start..];
        let length = word_on
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(word_on.len());
        let word = &word_on[..length];
        if let (false, Ok(found)) = (joined, MARKERS.binary_search(&word)) {
            return Some((MARKERS[found], &word_on[length..]));
        }
        rest = &word_on[length..];
    }
    None
}

fn tidy(text: &str) -> String {
    let text = text.trim_start_matches([':', ' ', '-']);
    let text = text.trim_end().trim_end_matches("*/").trim_end();
    if text.chars().count() <= QUOTE {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(QUOTE - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn markers_are_words_in_comments() {
        let text = "// TODO: sound again\nlet TODO = 1; // see METHODOLOGY\n/* nothing\n   FIXME later */\n";
        let mut markers = Markers::default();
        markers.visit(&document("a.rs", text));
        let table = markers.tables(10).remove(0);
        assert_eq!(table.title, "Markers (2: 1 FIXME, 1 TODO)");
        assert_eq!(table.rows[0], row!["TODO", "a.rs:1", "sound again"]);
        assert_eq!(table.rows[1], row!["FIXME", "a.rs:4", "later"]);
    }

    #[test]
    fn words_that_contain_a_marker_do_not_count() {
        assert_eq!(find_marker("a TODOs, xTODO, TODO_LIST"), None);
        assert_eq!(find_marker("TODOs and a TODO"), Some(("TODO", "")));
        assert_eq!(find_marker("é XXX é"), Some(("XXX", " é")));
    }

    #[test]
    fn long_notes_are_cut() {
        let note = tidy(&"é".repeat(80));
        assert_eq!(note.chars().count(), QUOTE);
        assert!(note.ends_with('…'));
    }
}
