//! The static description of a language, filled in by `build.rs`.

/// How statements are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// Between `{` and `}`.
    Braces,
    /// By the white space that lines begin with.
    Indentation,
    /// Not at all.
    None,
}

/// A comment that is closed explicitly.
#[derive(Debug)]
pub struct BlockComment {
    pub open: &'static str,
    pub close: &'static str,
    pub nests: bool,
}

/// One way to write a string.
#[derive(Debug)]
pub struct StringRule {
    pub open: &'static str,
    pub close: &'static str,
    pub escapes: bool,
    pub multiline: bool,
    pub doc: bool,
}

/// What the lexers know about a language. The lists of words are sorted.
#[derive(Debug)]
pub struct Syntax {
    /// What people call the language.
    pub name: &'static str,
    /// File name endings, without the dot.
    pub extensions: &'static [&'static str],
    /// Whole file names.
    pub filenames: &'static [&'static str],
    /// Programs that a `#!` line may name.
    pub interpreters: &'static [&'static str],
    /// Whether the text is written for people rather than for a compiler.
    pub prose: bool,
    pub(crate) line_comments: &'static [&'static str],
    pub(crate) block_comments: &'static [BlockComment],
    pub(crate) strings: &'static [StringRule],
    pub(crate) characters: bool,
    pub(crate) heredocs: bool,
    pub(crate) spaced_hash: bool,
    pub(crate) word_chars: &'static [char],
    /// Reserved words.
    pub keywords: &'static [&'static str],
    /// Words and operators that add a path through a function.
    pub branches: &'static [&'static str],
    pub(crate) introducers: &'static [&'static str],
    pub(crate) called: bool,
    pub(crate) headings: bool,
    /// How statements are grouped.
    pub blocks: Blocks,
    pub(crate) operators: &'static [&'static str],
}

impl Syntax {
    /// Whether `word` is reserved.
    pub fn is_keyword(&self, word: &str) -> bool {
        self.keywords.binary_search(&word).is_ok()
    }

    /// Whether `text` adds a path through a function.
    pub fn is_branch(&self, text: &str) -> bool {
        self.branches.binary_search(&text).is_ok()
    }

    /// Whether a word may begin with `letter`.
    pub fn begins_word(&self, letter: char) -> bool {
        letter == '_'
            || letter.is_alphabetic()
            || (letter == '$' && self.word_chars.contains(&letter))
    }

    /// Whether a word may go on with `letter`.
    pub fn continues_word(&self, letter: char) -> bool {
        letter == '_' || letter.is_alphanumeric() || self.word_chars.contains(&letter)
    }
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The group of a word or an operator, 0 when it has none.
pub(crate) fn group_of(text: &str) -> u8 {
    GROUPS
        .binary_search_by(|(member, _)| (*member).cmp(text))
        .map_or(0, |found| GROUPS[found].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_so_that_searching_works() {
        for syntax in ALL {
            assert!(
                syntax.keywords.windows(2).all(|pair| pair[0] < pair[1]),
                "{}",
                syntax.name
            );
            assert!(syntax.branches.windows(2).all(|pair| pair[0] < pair[1]));
        }
        assert!(GROUPS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn longer_openings_come_first() {
        let openings: Vec<usize> = RUST.strings.iter().map(|rule| rule.open.len()).collect();
        assert!(openings.windows(2).all(|pair| pair[0] >= pair[1]));
        assert_eq!(RUST.strings[0].open, "r##\"");
    }

    #[test]
    fn related_operators_share_a_group() {
        assert_eq!(group_of("=="), group_of("!="));
        assert_ne!(group_of("=="), group_of("+"));
        assert_eq!(group_of("harbour"), 0);
    }
}
