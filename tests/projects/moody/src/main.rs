fn main() {
    println!("moody {}", env!("CARGO_PKG_VERSION"));
}
