//! Tokens and outlines of several programming languages.
//!
//! The lexers know just enough of each language to tell code from comments and to find functions. They
//! never fail: whatever is not understood becomes a single-character operator.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod code;
mod cursor;
mod document;
mod lexeme;
mod outline;
mod prose;
mod registry;
mod syntax;
mod token;

pub use document::Document;
pub use lexeme::{affinity, relatives, Encoded, Lexeme, Vocabulary};
pub use outline::{Item, ItemKind};
pub use registry::{Language, Registry};
pub use syntax::{Blocks, Syntax};
pub use token::{Kind, Sink, Token};
