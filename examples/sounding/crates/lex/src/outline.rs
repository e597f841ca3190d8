//! Functions and sections: where they begin and end, and how deep they nest.

use crate::syntax::{Blocks, Syntax};
use crate::token::{Kind, Token};
use sounding_core::SourceText;
use std::ops::Range;

/// What an outline is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A function or a method.
    Function,
    /// A heading and the text under it.
    Section,
}

/// A function or a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Its name, or the words of the heading.
    pub name: String,
    /// All its tokens, the name included.
    pub tokens: Range<usize>,
    /// The first and the last line, one-based.
    pub lines: (u32, u32),
    /// The number of parameters.
    pub parameters: u32,
    /// The deepest block inside the body; 0 for a body without blocks.
    pub nesting: u32,
    /// One more than the number of branches (McCabe 1976, counted by tokens).
    pub complexity: u32,
}

impl Item {
    /// The number of lines.
    pub fn length(&self) -> u32 {
        self.lines.1 - self.lines.0 + 1
    }
}

/// Finds the functions or the sections of a file.
pub(crate) fn outline(source: &SourceText, syntax: &Syntax, tokens: &[Token]) -> Vec<Item> {
    let outliner = Outliner::new(source, syntax, tokens);
    if syntax.headings {
        return outliner.sections();
    }
    let mut items = Vec::new();
    for place in 0..outliner.code.len() {
        let found = match syntax.blocks {
            Blocks::Braces => outliner.braced(place),
            Blocks::Indentation => outliner.indented(place),
            Blocks::None => None,
        };
        items.extend(found);
    }
    items
}

/// A *place* is an index into `code`, which leaves the comments out.
struct Outliner<'a> {
    source: &'a SourceText,
    syntax: &'a Syntax,
    tokens: &'a [Token],
    code: Vec<usize>,
    /// For each opening bracket the place after which it is closed again; others hold their own place.
    mates: Vec<usize>,
}

impl<'a> Outliner<'a> {
    fn new(source: &'a SourceText, syntax: &'a Syntax, tokens: &'a [Token]) -> Self {
        let code: Vec<usize> = (0..tokens.len())
            .filter(|&index| tokens[index].kind.is_code())
            .collect();
        let mut mates: Vec<usize> = (0..code.len()).collect();
        let mut open = Vec::new();
        for place in 0..code.len() {
            match tokens[code[place]].kind {
                Kind::Open => open.push(place),
                Kind::Close => {
                    if let Some(start) = open.pop() {
                        mates[start] = place;
                    }
                }
                _ => {}
            }
        }
        // What is never closed reaches to the end.
        for start in open {
            mates[start] = code.len() - 1;
        }
        Outliner {
            source,
            syntax,
            tokens,
            code,
            mates,
        }
    }

    fn kind(&self, place: usize) -> Option<Kind> {
        self.code.get(place).map(|&index| self.tokens[index].kind)
    }

    fn text(&self, place: usize) -> &'a str {
        self.code.get(place).map_or("", |&index| {
            let token = &self.tokens[index];
            self.source.slice(token.start, token.end)
        })
    }

    fn line(&self, place: usize) -> u32 {
        self.source.line_of(self.tokens[self.code[place]].start)
    }

    fn last_line(&self, place: usize) -> u32 {
        let token = &self.tokens[self.code[place]];
        self.source.line_of(token.end.saturating_sub(1))
    }

    /// Whether a word that introduces functions stands at `place`, followed by a name.
    fn is_introduced(&self, place: usize) -> bool {
        self.kind(place) == Some(Kind::Keyword)
            && self.kind(place + 1) == Some(Kind::Word)
            && self.syntax.introducers.contains(&self.text(place))
    }

    fn braced(&self, place: usize) -> Option<Item> {
        let (name, list, body) = if self.is_introduced(place) {
            let (list, body) = self.body_after(place + 2)?;
            (place + 1, list, body)
        } else if self.syntax.called && self.kind(place) == Some(Kind::Word) {
            // name ( ... ) {     but not    function name ( ... ) {  once more
            if place > 0 && self.is_introduced(place - 1) {
                return None;
            }
            let list = place + 1;
            if self.text(list) != "(" {
                return None;
            }
            let body = self.mates[list] + 1;
            if self.text(body) != "{" {
                return None;
            }
            (place, list, body)
        } else {
            return None;
        };
        let end = self.mates[body];
        Some(self.item(
            name,
            place,
            list,
            body..end + 1,
            self.brace_depth(body, end),
        ))
    }

    /// From the end of a function's name: its parameter list and the brace that opens its body. A
    /// declaration, which ends with a semicolon, has none.
    fn body_after(&self, mut place: usize) -> Option<(usize, usize)> {
        let mut list = place;
        loop {
            match (self.kind(place)?, self.text(place)) {
                (Kind::Open, "{") => return Some((list, place)),
                (Kind::Open, bracket) => {
                    if bracket == "(" && self.text(list) != "(" {
                        list = place;
                    }
                    place = self.mates[place].max(place) + 1;
                }
                (Kind::Close, _) | (_, ";") => return None,
                _ => place += 1,
            }
        }
    }

    fn brace_depth(&self, body: usize, end: usize) -> u32 {
        let (mut depth, mut deepest) = (0u32, 0);
        for place in body + 1..end {
            match self.text(place) {
                "{" => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        deepest
    }

    fn indented(&self, place: usize) -> Option<Item> {
        if !self.is_introduced(place) || self.text(place + 2) != "(" {
            return None;
        }
        let list = place + 2;
        let margin = self.source.indent(self.line(place) as usize);
        let body = self.mates[list] + 1;
        let mut levels: Vec<usize> = Vec::new();
        let mut deepest = 0;
        let mut next = body;
        while next < self.code.len() {
            let line = self.line(next);
            if line > self.line(next - 1) {
                let indent = self.source.indent(line as usize);
                if indent <= margin {
                    break;
                }
                while levels.last().is_some_and(|&level| level > indent) {
                    levels.pop();
                }
                if levels.last() != Some(&indent) {
                    levels.push(indent);
                }
                deepest = deepest.max(levels.len());
            }
            // Brackets may be continued at any indentation.
            next = self.mates[next].max(next) + 1;
        }
        let nesting = deepest.saturating_sub(1) as u32;
        Some(self.item(place + 1, place, list, body..next, nesting))
    }

    fn item(
        &self,
        name: usize,
        start: usize,
        list: usize,
        body: Range<usize>,
        nesting: u32,
    ) -> Item {
        let last = body.end.min(self.code.len()).saturating_sub(1);
        let branches = body
            .clone()
            .filter(|&place| {
                matches!(self.kind(place), Some(Kind::Keyword | Kind::Operator))
                    && self.syntax.is_branch(self.text(place))
            })
            .count();
        Item {
            kind: ItemKind::Function,
            name: self.text(name).to_owned(),
            tokens: self.code[start]..self.code[last] + 1,
            lines: (self.line(start) + 1, self.last_line(last) + 1),
            parameters: self.parameters(list),
            nesting,
            complexity: branches as u32 + 1,
        }
    }

    fn parameters(&self, list: usize) -> u32 {
        if self.text(list) != "(" || self.mates[list] <= list + 1 {
            return 0;
        }
        let end = self.mates[list];
        let (mut commas, mut place) = (0, list + 1);
        while place < end {
            if self.text(place) == "," {
                commas += 1;
            }
            place = self.mates[place].max(place) + 1;
        }
        let trailing = u32::from(self.text(end - 1) == ",");
        commas + 1 - trailing
    }

    fn sections(&self) -> Vec<Item> {
        let headings: Vec<usize> = (0..self.code.len())
            .filter(|&place| self.kind(place) == Some(Kind::Heading))
            .collect();
        let ends = headings
            .iter()
            .copied()
            .skip(1)
            .chain(std::iter::once(self.code.len()));
        headings
            .iter()
            .zip(ends)
            .map(|(&start, end)| {
                let heading = self.text(start);
                let words = heading.trim_start_matches('#');
                Item {
                    kind: ItemKind::Section,
                    name: words.trim().to_owned(),
                    tokens: self.code[start]..self.code[end - 1] + 1,
                    lines: (self.line(start) + 1, self.last_line(end - 1) + 1),
                    parameters: 0,
                    nesting: (heading.len() - words.len()) as u32,
                    complexity: 1,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::document::Document;
    use crate::registry::Registry;
    use sounding_core::SourceText;

    /// name, lines, parameters, nesting, complexity
    type Row = (String, (u32, u32), u32, u32, u32);

    fn outlined(path: &str, text: &str) -> Vec<Row> {
        Document::read(&Registry::standard(), path, SourceText::from_text(text))
            .expect("a known language")
            .items
            .into_iter()
            .map(|item| {
                (
                    item.name,
                    item.lines,
                    item.parameters,
                    item.nesting,
                    item.complexity,
                )
            })
            .collect()
    }

    #[test]
    fn rust_functions_and_declarations() {
        let text = "trait T {\n fn declared(&self);\n}\nfn f<T>(a: [u8; 4], b: (u8, T),) -> [T; 2]\nwhere T: Copy {\n if a && b { loop {} }\n}\n";
        assert_eq!(outlined("a.rs", text), [("f".into(), (4, 7), 2, 2, 4)]);
    }

    #[test]
    fn python_functions_end_where_the_indentation_does() {
        let text = "def f(a,\nb):\n    if a:\n        return (1,\n2)\n\n    return 0\n\n\nclass C:\n    def g(self): pass\n\nx = 1\n";
        assert_eq!(
            outlined("a.py", text),
            [
                ("f".into(), (1, 7), 2, 1, 2),
                ("g".into(), (11, 11), 1, 0, 1)
            ]
        );
    }

    #[test]
    fn c_functions_are_told_from_calls_and_conditions() {
        let text =
            "int g(void);\nint f(int a, int b)\n{\n  if (a) { g(); }\n  return a ? b : 0;\n}\n";
        assert_eq!(outlined("a.c", text), [("f".into(), (2, 6), 2, 1, 3)]);
    }

    #[test]
    fn shell_functions_have_no_parameters() {
        assert_eq!(
            outlined("a.sh", "say() {\n  echo a && echo b\n}\n"),
            [("say".into(), (1, 3), 0, 0, 2)]
        );
    }

    #[test]
    fn markdown_sections_reach_to_the_next_heading() {
        let text = "# One\ntext\n\n## Two\n";
        assert_eq!(
            outlined("a.md", text),
            [
                ("One".into(), (1, 2), 0, 1, 1),
                ("Two".into(), (4, 4), 0, 2, 1)
            ]
        );
    }

    #[test]
    fn unbalanced_brackets_are_survived() {
        for text in [
            "fn f(",
            "fn f) {",
            "fn f() {{{",
            "}}}",
            "fn",
            "fn f",
            "{(})",
            "def f(:",
        ] {
            outlined("a.rs", text);
            outlined("a.py", text);
            outlined("a.c", text);
        }
    }
}
