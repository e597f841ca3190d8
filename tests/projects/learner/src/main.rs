//! Work that training does (`common`), and work that it never touches (`seldom`).

use std::hint::black_box;

fn common(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.len() % magic::two!() == 0).count()
}

fn seldom(text: &str) -> usize {
    text.bytes().rev().filter(|byte| byte.is_ascii_punctuation()).count()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().unwrap_or_default();
    if mode == "abort" {
        std::process::abort();
    }
    if mode == "hang" {
        loop {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
    let text = std::fs::read_to_string(arguments.next().unwrap()).unwrap();
    let times = arguments.next().map_or(1, |times| times.parse().unwrap());
    let work = if mode == "seldom" { seldom } else { common };
    println!("{}", (0..times).map(|_| work(black_box(&text))).max().unwrap());
}
