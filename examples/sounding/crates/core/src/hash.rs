//! A fast hasher without random state, and Karp–Rabin rolling hashes.
//!
//! The standard library seeds its hasher randomly for every process. Reports have to come out the same
//! twice, and the keys are the user's own files rather than an attacker's, so a plain multiplicative
//! mixer is the better trade here.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// An odd constant near 2^64 divided by the golden ratio: spreads consecutive integers well.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A map that hashes with [`MixHasher`].
pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<MixHasher>>;

/// A set that hashes with [`MixHasher`].
pub type FastSet<K> = HashSet<K, BuildHasherDefault<MixHasher>>;

/// A deterministic, non-cryptographic hasher that eats eight bytes at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct MixHasher {
    state: u64,
}

impl MixHasher {
    fn add(&mut self, word: u64) {
        self.state = (self.state.rotate_left(23) ^ word).wrapping_mul(SPREAD);
    }
}

impl Hasher for MixHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            // The length keeps "a" and "a\0" apart.
            self.add(u64::from_le_bytes(word) ^ ((rest.len() as u64) << 56));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        scramble(self.state)
    }
}

/// Hashes one value on its own.
pub fn hash_of<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = MixHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Lets every input bit reach the low bits, which is where winnowing looks for its minimum.
pub fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 31)).wrapping_mul(SPREAD);
    value ^ (value >> 29)
}

/// Hashes of all windows of `size` items, in order: `result[i]` covers `items[i..i + size]`.
///
/// Karp and Rabin (1987): the window is a polynomial whose coefficients are the items' codes, taken
/// modulo 2^64. Moving on by one item costs two multiplications whatever the size of the window.
/// Returns nothing when there are fewer than `size` items or `size` is zero.
pub fn rolling<T, F>(items: &[T], size: usize, code: F) -> Vec<u64>
where
    F: Fn(&T) -> u64,
{
    if size == 0 || items.len() < size {
        return Vec::new();
    }
    let leading = (1..size).fold(1u64, |power, _| power.wrapping_mul(SPREAD));
    let mut value = 0u64;
    for item in &items[..size] {
        value = value
            .wrapping_mul(SPREAD)
            .wrapping_add(scramble(code(item)));
    }
    let mut hashes = Vec::with_capacity(items.len() - size + 1);
    hashes.push(scramble(value));
    for (leaving, entering) in items.iter().zip(&items[size..]) {
        value = value
            .wrapping_sub(scramble(code(leaving)).wrapping_mul(leading))
            .wrapping_mul(SPREAD)
            .wrapping_add(scramble(code(entering)));
        hashes.push(scramble(value));
    }
    hashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_windows_hash_equally_wherever_they_stand() {
        let text = b"one two, one two";
        let hashes = rolling(text, 7, |&byte| u64::from(byte));
        assert_eq!(hashes.len(), text.len() - 6);
        assert_eq!(hashes[0], hashes[9]);
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn short_inputs_have_no_windows() {
        assert!(rolling(b"abc", 4, |&byte| u64::from(byte)).is_empty());
        assert!(rolling(b"abc", 0, |&byte| u64::from(byte)).is_empty());
        assert_eq!(rolling(b"abc", 3, |&byte| u64::from(byte)).len(), 1);
    }

    #[test]
    fn the_hasher_tells_lengths_apart() {
        assert_ne!(hash_of("a"), hash_of("a\0"));
        assert_eq!(hash_of("harbour"), hash_of(&String::from("harbour")[..]));
    }
}
