//! Each optimization level fails in its own way; level 3 works.

use std::io::Write;
use std::time::Duration;

const MIB: usize = 1 << 20;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    match std::env::var("OPT_LEVEL").as_deref() {
        Ok("z") => never_ends(),
        Ok("s") => wants_memory(1024 * MIB),
        Ok("2") => wants_disk(256 * MIB),
        Ok("1") => {
            eprintln!("moody: level 1 is not to my liking");
            std::process::exit(3);
        }
        _ => {}
    }
}

/// A child ignores the wish that it end, and outlives its parent unless the whole tree is killed.
fn never_ends() {
    let script = "trap '' TERM HUP INT; while :; do sleep 1; done";
    std::process::Command::new("sh").args(["-c", script, "moody-never-ends"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3600));
}

fn wants_memory(bytes: usize) {
    let block = vec![1u8; bytes];
    println!("cargo:warning=got {} MiB", block.iter().step_by(4096).count() / 256);
    std::thread::sleep(Duration::from_millis(500)); // so that a busy machine sees it too
}

fn wants_disk(bytes: usize) {
    let folder = std::env::var_os("OUT_DIR").unwrap();
    let mut file = std::fs::File::create(std::path::Path::new(&folder).join("large")).unwrap();
    let chunk = vec![1u8; MIB];
    for _ in 0..bytes / MIB {
        file.write_all(&chunk).expect("cannot write");
    }
    drop(file);
    std::fs::remove_file(std::path::Path::new(&folder).join("large")).unwrap();
}
