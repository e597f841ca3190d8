//! Counts words; generic and dynamic enough that link-time optimization has something to do.

use std::collections::BTreeMap;

pub trait Visitor {
    fn visit(&mut self, word: &str);
    fn finish(&self) -> u64;
}

#[derive(Default)]
pub struct Frequencies(BTreeMap<String, u64>);

impl Visitor for Frequencies {
    fn visit(&mut self, word: &str) {
        *self.0.entry(word.to_lowercase()).or_insert(0) += 1;
    }

    fn finish(&self) -> u64 {
        self.0.values().map(|count| count * count).sum()
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
    for word in text.split_whitespace() {
        for visitor in visitors.iter_mut() {
            visitor.visit(word);
        }
    }
    visitors.iter().map(|visitor| visitor.finish()).fold(0, u64::wrapping_add)
}
