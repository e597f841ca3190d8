//! What is measured in every file on its own: lines, functions, markers and names.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod functions;
mod lines;
mod lookalikes;
mod markers;
mod names;
mod volume;

pub use functions::Functions;
pub use lines::{count_lines, LineCounts, Lines};
pub use lookalikes::Lookalikes;
pub use markers::Markers;
pub use names::Names;
pub use volume::Volume;

use sounding_core::Table;
use sounding_lex::Document;

/// A measurement that looks at one document after the other.
pub trait Metric {
    /// Takes a document into account.
    fn visit(&mut self, document: &Document);

    /// The result, in tables of at most `top` rows where rows are ranked.
    fn tables(&self, top: usize) -> Vec<Table>;
}

/// All metrics, in the order in which they are reported.
pub fn standard() -> Vec<Box<dyn Metric>> {
    vec![
        Box::<Lines>::default(),
        Box::<Functions>::default(),
        Box::<Volume>::default(),
        Box::<Names>::default(),
        Box::<Lookalikes>::default(),
        Box::<Markers>::default(),
    ]
}

#[cfg(test)]
pub(crate) fn document(path: &str, text: &str) -> Document {
    let registry = sounding_lex::Registry::standard();
    let source = sounding_core::SourceText::from_text(text);
    Document::read(&registry, path, source).expect("a known language")
}
