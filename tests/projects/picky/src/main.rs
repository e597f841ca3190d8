//! Compiles unless a panic aborts: as a program does that relies on `catch_unwind`.

#[cfg(panic = "abort")]
compile_error!("picky needs panics that unwind");

fn main() {
    println!("picky {}", env!("CARGO_PKG_VERSION"));
}
