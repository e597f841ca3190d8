//! Small shared tools: deterministic hashing, interning, counting, edit distance and result tables.
//!
//! Everything in here is independent of any programming language that `sounding` reads.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod counter;
pub mod disjoint;
pub mod distance;
pub mod hash;
pub mod intern;
pub mod source;
pub mod summary;
pub mod table;

pub use counter::Counter;
pub use disjoint::DisjointSets;
pub use hash::{FastMap, FastSet};
pub use intern::{Interner, Symbol};
pub use source::SourceText;
pub use summary::Summary;
pub use table::{Table, Value};
