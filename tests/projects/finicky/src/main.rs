//! See `lib.rs` for what is finicky about it.

#[cfg_attr(any(windows, feature = "everywhere"), no_mangle)]
pub extern "C" fn finicky_answer() -> u32 {
    42
}

fn main() {
    println!("{}", finicky::shown(finicky_answer()));
}
