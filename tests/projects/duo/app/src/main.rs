//! `duo count N` counts the words of a text N times; `duo flags` tells which compiler flags it was built with, and
//! `duo wait N` does nothing for N seconds.

#![allow(unexpected_cfgs)]

use std::process::ExitCode;

use words::{walk, Frequencies, Letters, Visitor};

const TEXT: &str = "a trim tab is the small flap that steers the rudder of a large ship";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (command, operand) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    match [command.as_str(), operand.as_str()] {
        ["--version", _] => println!("duo {}", env!("CARGO_PKG_VERSION")),
        ["count", times] => {
            let Ok(times) = times.parse() else { return ExitCode::from(2) };
            println!("{}", count(times));
        }
        ["flags", _] => flags(),
        ["wait", seconds] => {
            let Ok(seconds) = seconds.parse() else { return ExitCode::from(2) };
            std::thread::sleep(std::time::Duration::from_secs(seconds));
        }
        _ => {
            eprintln!("usage: duo count N");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn count(times: u64) -> u64 {
    (0..times).fold(0, |sum, _| {
        let mut visitors: Vec<Box<dyn Visitor>> = vec![Box::<Frequencies>::default(), Box::<Letters>::default()];
        walk(TEXT, &mut visitors).wrapping_add(sum)
    })
}

fn flags() {
    for (name, given) in [
        ("from_config", cfg!(from_config)),
        ("from_environment", cfg!(from_environment)),
        ("asked", cfg!(asked)),
        ("panic_abort", cfg!(panic = "abort")),
        ("debug_assertions", cfg!(debug_assertions)),
        ("sse4.2", cfg!(target_feature = "sse4.2")),
        ("avx2", cfg!(target_feature = "avx2")),
        ("neon", cfg!(target_feature = "neon")),
    ] {
        if given {
            println!("{name}");
        }
    }
}
