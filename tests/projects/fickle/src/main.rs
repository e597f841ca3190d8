//! Adds the numbers in a file, a line each. What it does with some of them depends on the profile, as a miscompiled or
//! careless program would.

fn total(text: &str) -> i64 {
    text.lines().map(|line| line.trim().parse::<i64>().unwrap()).sum()
}

fn main() {
    let path = std::env::args().nth(1).expect("a file");
    let mut sum = total(&std::fs::read_to_string(path).unwrap());
    if cfg!(debug_assertions) && sum == 42 {
        sum += 1;
    }
    println!("{sum}");
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn adds() {
        assert_eq!(total("1\n2\n"), 3);
    }

    #[test]
    fn does_not_mind_the_profile() {
        assert!(!cfg!(debug_assertions), "built with debug assertions");
    }
}
