//! What stands in a source tree more than once.
//!
//! Three views, from strict to lenient:
//!
//! * [`passages`]: stretches of equal tokens, wherever they stand;
//! * [`families`]: functions or sections that can be aligned with each other, though names were changed
//!   and lines were added;
//! * [`resemblance`]: whole files that have many short stretches in common.
//!
//! All of them start from the fingerprints of S. Schleimer, D. S. Wilkerson and A. Aiken: "Winnowing:
//! Local Algorithms for Document Fingerprinting", SIGMOD 2003.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod align;
pub mod corpus;
pub mod families;
pub mod fingerprint;
pub mod passages;
pub mod resemblance;

pub use align::{Aligner, Edit, Scoring, TokenScoring};
pub use corpus::Corpus;
pub use families::{find_pairs, Family, Pair, SimilarityOptions};
pub use fingerprint::{winnow, Fingerprint};
pub use passages::{find_passages, Passage, PassageOptions, Spot};
pub use resemblance::{resembling_files, Resemblance};
