//! What can go wrong for the whole program. A single file that cannot be read is a note, not an error.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A reason to give up; every one ends with exit status 2.
#[derive(Debug)]
pub enum Error {
    /// The command line makes no sense.
    Usage {
        message: String,
        hint: Option<String>,
    },
    /// A path that was asked for cannot be read.
    Input { path: PathBuf, source: io::Error },
    /// A file that was asked for by name is in no known language, or is no text.
    Unreadable { path: PathBuf, why: &'static str },
    /// The result cannot be written.
    Output(io::Error),
}

impl Error {
    pub fn usage(message: impl Into<String>) -> Self {
        Error::Usage {
            message: message.into(),
            hint: Some("\"sounding --help\" shows the options".to_owned()),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. } => hint.clone(),
            Error::Unreadable { .. } => {
                Some("\"sounding languages\" shows what can be read".to_owned())
            }
            Error::Input { .. } | Error::Output(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage { message, .. } => out.write_str(message),
            Error::Input { path, source } => write!(out, "{}: {source}", path.display()),
            Error::Unreadable { path, why } => write!(out, "{}: {why}", path.display()),
            Error::Output(source) => write!(out, "cannot write the result: {source}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Output(error)
    }
}
