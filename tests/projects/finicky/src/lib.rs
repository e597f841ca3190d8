//! Defines a symbol that the program defines too. A linker takes the program's and never looks at this one; link-time
//! optimization takes both and refuses. On Windows only, unless the feature `everywhere` is on.

/// What the program prints; generic, so that it is compiled into the program.
pub fn shown<T: std::fmt::Display>(answer: T) -> String {
    let system = match std::env::consts::OS {
        "" => "wasi", // nameless to older compilers
        name => name,
    };
    format!("finicky {} on {system}: {answer}", env!("CARGO_PKG_VERSION"))
}

#[cfg(any(windows, feature = "everywhere"))]
#[no_mangle]
pub extern "C" fn finicky_answer() -> u32 {
    23
}
