//! The command line.

use crate::error::Error;
use sounding_core::distance::nearest;
use sounding_report::{reporters, Reporter};
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub const HELP: &str = "\
Takes soundings of a source tree: lines, functions, names and duplicated passages.

Usage:
  sounding report [OPTIONS] PATH...   everything about the files under PATH
  sounding dup [OPTIONS] PATH...      only what stands there more than once
  sounding tokens FILE                the tokens of one file, as sounding sees them
  sounding languages                  the languages that it can read

Options of report and dup:
  --format FORMAT      table (default), json, csv or markdown
  --top N              the number of rows in ranked tables (default 10)
  --min-tokens N       the shortest duplicated passage and function, in tokens (default 30)
  --similarity PERCENT how alike functions have to be to be listed (default 60)
  --ignore-names       passages are equal when only names, numbers and strings differ

Options of dup:
  --max-share PERCENT  end with status 1 when more of the tokens stand in duplicated passages

  -h, --help           show this text
  -V, --version        show the version

Exit status: 0 done; 1 more duplication than --max-share allows; 2 wrong usage or unreadable PATH.
";

const COMMANDS: &[&str] = &["report", "dup", "tokens", "languages", "help"];

const OPTIONS: &[&str] = &[
    "--format",
    "--top",
    "--min-tokens",
    "--similarity",
    "--ignore-names",
    "--max-share",
    "--help",
    "--version",
];

/// What the user wants.
pub enum Request {
    Help,
    Version,
    Languages,
    Tokens(PathBuf),
    Report(Settings),
    Duplicates(Settings),
}

/// The options of `report` and `dup`.
pub struct Settings {
    pub paths: Vec<PathBuf>,
    pub reporter: Box<dyn Reporter>,
    pub top: usize,
    pub min_tokens: usize,
    pub similarity: f64,
    pub ignore_names: bool,
    /// The largest share of duplicated tokens that is accepted, 0 to 1.
    pub max_share: Option<f64>,
}

/// Reads the arguments that follow the program's name.
pub fn parse<I: IntoIterator<Item = OsString>>(arguments: I) -> Result<Request, Error> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        return Err(Error::usage("no command was given"));
    };
    let command = first.to_string_lossy().into_owned();
    match command.as_str() {
        "-h" | "--help" | "help" => return Ok(Request::Help),
        "-V" | "--version" => return Ok(Request::Version),
        known if COMMANDS.contains(&known) => {}
        other => {
            let known = COMMANDS.iter().chain(OPTIONS).copied();
            return Err(unknown("command", other, known));
        }
    }

    let mut reader = Reader {
        arguments,
        only_paths: false,
    };
    let mut paths = Vec::new();
    let mut settings = Settings {
        paths: Vec::new(),
        reporter: reporters().swap_remove(0),
        top: 10,
        min_tokens: 30,
        similarity: 0.6,
        ignore_names: false,
        max_share: None,
    };
    while let Some(argument) = reader.next()? {
        match argument {
            Argument::Path(path) => paths.push(path),
            Argument::Option(name, value) => match name.as_str() {
                "-h" | "--help" => return Ok(Request::Help),
                "-V" | "--version" => return Ok(Request::Version),
                "--format" => settings.reporter = format(&reader.value(&name, value)?)?,
                "--top" => settings.top = count(&name, &reader.value(&name, value)?)?,
                "--min-tokens" => {
                    settings.min_tokens = count(&name, &reader.value(&name, value)?)?;
                    if settings.min_tokens < 5 {
                        return Err(Error::usage("--min-tokens has to be at least 5"));
                    }
                }
                "--similarity" => settings.similarity = share(&name, &reader.value(&name, value)?)?,
                "--max-share" if command == "dup" => {
                    settings.max_share = Some(share(&name, &reader.value(&name, value)?)?);
                }
                "--ignore-names" if value.is_none() => settings.ignore_names = true,
                "--ignore-names" => return Err(Error::usage("--ignore-names takes no value")),
                other => return Err(unknown("option", other, OPTIONS.iter().copied())),
            },
        }
    }

    match command.as_str() {
        "languages" if paths.is_empty() => Ok(Request::Languages),
        "languages" => Err(Error::usage("languages takes no paths")),
        "tokens" => match <[PathBuf; 1]>::try_from(paths) {
            Ok([path]) => Ok(Request::Tokens(path)),
            Err(_) => Err(Error::usage("tokens takes exactly one file")),
        },
        _ if paths.is_empty() => Err(Error::usage(format!("{command} needs at least one path"))),
        "report" => Ok(Request::Report(Settings { paths, ..settings })),
        _ => Ok(Request::Duplicates(Settings { paths, ..settings })),
    }
}

enum Argument {
    Path(PathBuf),
    Option(String, Option<String>),
}

/// Tells options from paths, which need not be Unicode.
struct Reader<I> {
    arguments: I,
    only_paths: bool,
}

impl<I: Iterator<Item = OsString>> Reader<I> {
    fn next(&mut self) -> Result<Option<Argument>, Error> {
        let Some(argument) = self.arguments.next() else {
            return Ok(None);
        };
        let text = argument.to_string_lossy();
        if self.only_paths || !text.starts_with('-') || text == "-" {
            return Ok(Some(Argument::Path(PathBuf::from(argument))));
        }
        if text == "--" {
            self.only_paths = true;
            return self.next();
        }
        let option = match text.split_once('=') {
            Some((name, value)) => Argument::Option(name.to_owned(), Some(value.to_owned())),
            None => Argument::Option(text.into_owned(), None),
        };
        Ok(Some(option))
    }

    /// The value of an option: what follows `=`, or the next argument.
    fn value(&mut self, name: &str, inline: Option<String>) -> Result<String, Error> {
        inline
            .or_else(|| {
                self.arguments
                    .next()
                    .map(|value| value.to_string_lossy().into_owned())
            })
            .ok_or_else(|| Error::usage(format!("{name} needs a value")))
    }
}

fn format(name: &str) -> Result<Box<dyn Reporter>, Error> {
    let names: Vec<&'static str> = reporters().iter().map(|reporter| reporter.name()).collect();
    reporters()
        .into_iter()
        .find(|reporter| reporter.name() == name)
        .ok_or_else(|| unknown("format", name, names))
}

fn count(option: &str, value: &str) -> Result<usize, Error> {
    value.parse().map_err(|_| {
        Error::usage(format!(
            "{option} needs a whole number, and {value:?} is none"
        ))
    })
}

/// A percentage, with or without its sign, as a number from 0 to 1.
fn share(option: &str, value: &str) -> Result<f64, Error> {
    let digits = value.strip_suffix('%').unwrap_or(value);
    match digits.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => Err(Error::usage(format!(
            "{option} needs a percentage from 0 to 100, and {value:?} is none"
        ))),
    }
}

fn unknown<'a>(what: &str, word: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let message = format!("there is no {what} {word:?}");
    match nearest(word, known) {
        Some(close) => Error::Usage {
            message,
            hint: Some(format!("did you mean {close:?}?")),
        },
        None => Error::usage(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Request, Error> {
        parse(words.iter().map(OsString::from))
    }

    fn complaint(words: &[&str]) -> (String, String) {
        match parsed(words) {
            Ok(_) => panic!("{words:?} was accepted"),
            Err(error) => (error.to_string(), error.hint().unwrap_or_default()),
        }
    }

    #[test]
    fn options_may_stand_anywhere() {
        let words = ["dup", "a", "--top=3", "b", "--max-share", "5%", "--", "--c"];
        let Ok(Request::Duplicates(settings)) = parsed(&words) else {
            panic!("not understood");
        };
        assert_eq!(settings.paths, ["a", "b", "--c"].map(PathBuf::from));
        assert_eq!(settings.top, 3);
        assert_eq!(settings.max_share, Some(0.05));
        assert_eq!(settings.reporter.name(), "table");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(complaint(&["reprot", "x"]).1, "did you mean \"report\"?");
        assert_eq!(
            complaint(&["report", "--fromat", "csv", "x"]).1,
            "did you mean \"--format\"?"
        );
        assert_eq!(
            complaint(&["report", "--format", "jsn", "x"]).1,
            "did you mean \"json\"?"
        );
        assert_eq!(complaint(&["report"]).0, "report needs at least one path");
        assert_eq!(complaint(&["report", "--top"]).0, "--top needs a value");
        assert!(complaint(&["report", "--top", "-1", "x"])
            .0
            .contains("whole number"));
        assert!(complaint(&["dup", "--max-share", "101", "x"])
            .0
            .contains("percentage"));
        assert!(complaint(&["report", "--max-share", "1", "x"])
            .0
            .contains("--max-share"));
        assert_eq!(complaint(&[]).0, "no command was given");
    }
}
