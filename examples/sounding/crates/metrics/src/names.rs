//! Which names are used most, and how they are written.

use crate::Metric;
use sounding_core::{row, Counter, FastMap, Table, Value};
use sounding_lex::Document;

/// How the words of a name are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Style {
    Short,
    Lower,
    Snake,
    Kebab,
    Camel,
    Pascal,
    Upper,
    Mixed,
}

impl Style {
    fn of(name: &str) -> Style {
        let name = name.trim_matches(|letter| letter == '_' || letter == '\'');
        let upper = name.chars().any(char::is_uppercase);
        let lower = name.chars().any(char::is_lowercase);
        let first_upper = name.starts_with(char::is_uppercase);
        match (name.contains('_'), name.contains('-'), upper, lower) {
            _ if name.chars().count() <= 1 => Style::Short,
            (false, false, false, _) => Style::Lower,
            (_, false, true, false) => Style::Upper,
            (true, false, false, _) => Style::Snake,
            (false, true, false, _) => Style::Kebab,
            (false, false, true, true) if first_upper => Style::Pascal,
            (false, false, true, true) => Style::Camel,
            _ => Style::Mixed,
        }
    }

    fn example(self) -> &'static str {
        match self {
            Style::Short => "x",
            Style::Lower => "lower",
            Style::Snake => "snake_case",
            Style::Kebab => "kebab-case",
            Style::Camel => "camelCase",
            Style::Pascal => "PascalCase",
            Style::Upper => "UPPER",
            Style::Mixed => "other",
        }
    }
}

/// Names, the words that they are made of, and how they are written.
#[derive(Debug, Default)]
pub struct Names {
    names: Counter<String>,
    files: FastMap<String, u64>,
    parts: Counter<String>,
    styles: Counter<(&'static str, Style)>,
    documents: u64,
}

impl Metric for Names {
    fn visit(&mut self, document: &Document) {
        if document.syntax.prose {
            return;
        }
        self.documents += 1;
        let mut local: Counter<&str> = Counter::default();
        local.extend(document.words());
        for (name, count) in local.ranked() {
            self.names.add_many(name.to_owned(), count);
            *self.files.entry(name.to_owned()).or_insert(0) += 1;
            self.styles.add((document.syntax.name, Style::of(name)));
            for part in split_name(name) {
                self.parts.add_many(part, count);
            }
        }
    }

    fn tables(&self, top: usize) -> Vec<Table> {
        let mut names = Table::new(
            "names",
            format!(
                "Most frequent names ({} different ones, {:.1} bits each)",
                self.names.distinct(),
                self.names.entropy()
            ),
            &["name", "uses", "files", "share of files"],
        );
        for (name, uses) in self.names.top(top) {
            let files = self.files.get(&name).copied().unwrap_or(0);
            let share = files as f64 / self.documents.max(1) as f64;
            names.push(row![name, uses, files, Value::Share(share)]);
        }

        let mut parts = Table::new("words", "Most frequent words in names", &["word", "uses"]);
        for (part, uses) in self.parts.top(top) {
            parts.push(row![part, uses]);
        }

        let mut styles = Table::new(
            "styles",
            "How names are written",
            &["language", "style", "names"],
        );
        let mut ranked = self.styles.ranked();
        ranked.sort_by_key(|&((language, _), _)| language);
        for ((language, style), count) in ranked {
            styles.push(row![language, style.example(), count]);
        }
        vec![names, parts, styles]
    }
}

/// The words of a name in lower case: `readHTTPHeader2` is read, http, header.
fn split_name(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut parts = Vec::new();
    let mut part = String::new();
    for (place, &letter) in letters.iter().enumerate() {
        if !letter.is_alphabetic() {
            finish(&mut parts, &mut part);
            continue;
        }
        let after_lower = place > 0 && letters[place - 1].is_lowercase();
        let before_lower = letters
            .get(place + 1)
            .is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            finish(&mut parts, &mut part);
        }
        part.extend(letter.to_lowercase());
    }
    finish(&mut parts, &mut part);
    parts
}

/// Single letters are no words.
fn finish(parts: &mut Vec<String>, part: &mut String) {
    if part.chars().count() > 1 {
        parts.push(std::mem::take(part));
    } else {
        part.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document;

    #[test]
    fn names_are_split_into_words() {
        assert_eq!(split_name("readHTTPHeader2"), ["read", "http", "header"]);
        assert_eq!(split_name("_max_DEPTH_m"), ["max", "depth"]);
        assert!(split_name("x1").is_empty());
    }

    #[test]
    fn styles_are_told_apart() {
        let styles = [
            ("x", Style::Short),
            ("_depth", Style::Lower),
            ("max_depth", Style::Snake),
            ("max-depth", Style::Kebab),
            ("maxDepth", Style::Camel),
            ("MaxDepth", Style::Pascal),
            ("MAX_DEPTH", Style::Upper),
            ("Max_Depth", Style::Mixed),
        ];
        for (name, style) in styles {
            assert_eq!(Style::of(name), style, "{name}");
        }
    }

    #[test]
    fn names_are_counted_over_files() {
        let mut names = Names::default();
        names.visit(&document("a.py", "depth = depth + width\n"));
        names.visit(&document("b.py", "depth = 1\n"));
        names.visit(&document("c.md", "depth depth\n"));
        let tables = names.tables(1);
        assert_eq!(
            tables[0].rows,
            [row!["depth", 3u64, 2u64, Value::Share(1.0)]]
        );
    }
}
