//! Takes soundings of a source tree: how much there is, how deep it nests, and what stands twice.

#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod error;
mod walk;

use arguments::{parse, Request, HELP};
use error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = run(&mut out).and_then(|verdict| {
        out.flush()?;
        Ok(verdict)
    });
    match outcome {
        Ok(verdict) => verdict,
        // The reader, `head` for example, has seen enough.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = out.flush();
            eprintln!("sounding: {error}");
            if let Some(hint) = error.hint() {
                eprintln!("  {hint}");
            }
            ExitCode::from(2)
        }
    }
}

fn run(out: &mut dyn Write) -> Result<ExitCode, Error> {
    match parse(std::env::args_os().skip(1))? {
        Request::Help => out.write_all(HELP.as_bytes())?,
        Request::Version => writeln!(out, "sounding {}", env!("CARGO_PKG_VERSION"))?,
        Request::Languages => commands::languages(out)?,
        Request::Tokens(path) => commands::tokens(&path, out)?,
        Request::Report(settings) => commands::report(&settings, out)?,
        Request::Duplicates(settings) => {
            if !commands::duplicates(&settings, out)? {
                return Ok(ExitCode::from(1));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
