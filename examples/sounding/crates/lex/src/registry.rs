//! Which language a file is written in.

use crate::code::CodeLanguage;
use crate::prose::ProseLanguage;
use crate::syntax::{Syntax, ALL};
use crate::token::Sink;
use sounding_core::FastMap;

/// Something that can split a text into tokens.
pub trait Language {
    /// The table behind the language.
    fn syntax(&self) -> &'static Syntax;

    /// Gives the tokens of `text[start..end]` to `sink`, in order and with offsets into `text`.
    fn lex(&self, text: &str, start: usize, end: usize, sink: &mut dyn Sink);
}

/// All known languages.
pub struct Registry {
    languages: Vec<Box<dyn Language>>,
    by_extension: FastMap<&'static str, usize>,
    by_filename: FastMap<&'static str, usize>,
}

impl Registry {
    /// The languages that have a table in this crate.
    pub fn standard() -> Self {
        let mut registry = Registry {
            languages: Vec::new(),
            by_extension: FastMap::default(),
            by_filename: FastMap::default(),
        };
        for &syntax in ALL {
            if syntax.prose {
                registry.add(Box::new(ProseLanguage::new(syntax)));
            } else {
                registry.add(Box::new(CodeLanguage::new(syntax)));
            }
        }
        registry
    }

    /// Adds a language; it takes over the file names that it shares with earlier ones.
    pub fn add(&mut self, language: Box<dyn Language>) {
        let number = self.languages.len();
        let syntax = language.syntax();
        for &extension in syntax.extensions {
            self.by_extension.insert(extension, number);
        }
        for &filename in syntax.filenames {
            self.by_filename.insert(filename, number);
        }
        self.languages.push(language);
    }

    /// All languages, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Language> {
        self.languages.iter().map(Box::as_ref)
    }

    /// The language of a file, from its name or from the interpreter that its first line names.
    pub fn detect(&self, filename: &str, first_line: &str) -> Option<&dyn Language> {
        let extension = filename.rsplit_once('.').map(|(_, ending)| ending);
        let number = self
            .by_filename
            .get(filename)
            .or_else(|| extension.and_then(|ending| self.by_extension.get(ending)))
            .copied()
            .or_else(|| self.interpreted(first_line))?;
        self.languages.get(number).map(Box::as_ref)
    }

    /// Reads `#!/bin/sh`, `#!/usr/bin/env python3` and `#!/usr/bin/env -S python3 -u`.
    fn interpreted(&self, first_line: &str) -> Option<usize> {
        let mut words = first_line.strip_prefix("#!")?.split_whitespace();
        let mut program = words.next()?.rsplit('/').next()?;
        if program == "env" {
            program = words.find(|word| !word.starts_with('-'))?;
        }
        self.languages
            .iter()
            .position(|language| language.syntax().interpreters.contains(&program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(filename: &str, first_line: &str) -> Option<&'static str> {
        Registry::standard()
            .detect(filename, first_line)
            .map(|language| language.syntax().name)
    }

    #[test]
    fn names_come_before_first_lines() {
        assert_eq!(detected("main.rs", ""), Some("Rust"));
        assert_eq!(detected("Makefile", ""), Some("Makefile"));
        assert_eq!(detected("tool.py", "#!/bin/sh"), Some("Python"));
        assert_eq!(detected("notes", "just words"), None);
        assert_eq!(detected("", ""), None);
    }

    #[test]
    fn interpreters_are_found_behind_env() {
        assert_eq!(detected("run", "#!/bin/sh -e"), Some("Shell"));
        assert_eq!(detected("run", "#!/usr/bin/env python3"), Some("Python"));
        assert_eq!(
            detected("run", "#!/usr/bin/env -S node --flag"),
            Some("JavaScript")
        );
        assert_eq!(detected("run", "#!"), None);
    }
}
