//! Counts words; generic and dynamic enough that link-time optimization has something to do, and soon compiled.

pub trait Visitor {
    fn visit(&mut self, word: &str);
    fn finish(&self) -> u64;
}

/// Of words by a hash of their bytes.
pub struct Frequencies([u64; 64]);

impl Default for Frequencies {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Visitor for Frequencies {
    fn visit(&mut self, word: &str) {
        let hash = word.bytes().fold(0u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte | 32));
        self.0[usize::from(hash & 63)] += 1;
    }

    fn finish(&self) -> u64 {
        self.0.iter().map(|count| count * count).sum()
    }
}

#[derive(Default)]
pub struct Letters([u64; 32]);

impl Visitor for Letters {
    fn visit(&mut self, word: &str) {
        for byte in word.bytes() {
            self.0[usize::from(byte & 31)] += 1;
        }
    }

    fn finish(&self) -> u64 {
        self.0.iter().enumerate().map(|(place, count)| place as u64 * count).sum()
    }
}

pub fn walk(text: &str, visitors: &mut [Box<dyn Visitor>]) -> u64 {
    for word in text.split(' ') {
        for visitor in visitors.iter_mut() {
            visitor.visit(word);
        }
    }
    visitors.iter().map(|visitor| visitor.finish()).fold(0, u64::wrapping_add)
}
