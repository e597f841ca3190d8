//! Work that training does (`common`), and work that it never touches (`seldom`).

use std::hint::black_box;

fn common(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.len() % magic::two!() == 0).count()
}

/// Its loop is worth unrolling, which is not done to code that counts as cold.
fn seldom(text: &str) -> usize {
    let mut seen = [0_usize; 256];
    for three in text.as_bytes().windows(3) {
        seen[(usize::from(three[0]) * 7 + usize::from(three[1]) * 3 + usize::from(three[2])) & 255] += 1;
    }
    seen.iter().map(|times| times * times).fold(0, |all, one| all ^ one)
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
