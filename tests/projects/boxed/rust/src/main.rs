//! A program that comes in a wheel, beside a little Python.

/// How many steps a number takes to 1, halved when even, else tripled and one more.
fn steps(mut number: u64) -> u32 {
    let mut steps = 0;
    while number > 1 {
        number = if number % 2 == 0 { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("--version") => println!("boxed {}", env!("CARGO_PKG_VERSION")),
        Some(below) => println!("{:?}", (1..below.parse().unwrap()).max_by_key(|number| steps(*number))),
        None => std::process::exit(2),
    }
}
