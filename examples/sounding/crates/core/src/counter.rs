//! Counting things and listing the most frequent ones.

use crate::hash::FastMap;
use std::hash::Hash;

/// How often each key was seen.
#[derive(Clone, Debug)]
pub struct Counter<K> {
    counts: FastMap<K, u64>,
    total: u64,
}

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Counter {
            counts: FastMap::default(),
            total: 0,
        }
    }
}

impl<K: Eq + Hash + Ord + Clone> Counter<K> {
    /// Adds one sighting of `key`.
    pub fn add(&mut self, key: K) {
        self.add_many(key, 1);
    }

    /// Adds `count` sightings of `key`.
    pub fn add_many(&mut self, key: K, count: u64) {
        *self.counts.entry(key).or_insert(0) += count;
        self.total += count;
    }

    /// How often `key` was seen.
    pub fn get(&self, key: &K) -> u64 {
        self.counts.get(key).copied().unwrap_or(0)
    }

    /// The number of different keys.
    pub fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// The number of sightings.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// All keys with their counts, most frequent first; ties in the order of the keys.
    pub fn ranked(&self) -> Vec<(K, u64)> {
        let mut ranked: Vec<(K, u64)> = self
            .counts
            .iter()
            .map(|(key, &count)| (key.clone(), count))
            .collect();
        ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        ranked
    }

    /// The `limit` most frequent keys.
    pub fn top(&self, limit: usize) -> Vec<(K, u64)> {
        let mut ranked = self.ranked();
        ranked.truncate(limit);
        ranked
    }

    /// Shannon entropy of the counts in bits: 0 when only one key was seen.
    pub fn entropy(&self) -> f64 {
        let total = self.total as f64;
        // Summing in ranked order keeps the rounding, and so the report, the same in every run.
        let sum: f64 = self
            .ranked()
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|&(_, count)| {
                let share = count as f64 / total;
                -share * share.log2()
            })
            .sum();
        sum.max(0.0)
    }
}

impl<K: Eq + Hash + Ord + Clone> Extend<K> for Counter<K> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        for key in keys {
            self.add(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_listed_in_key_order() {
        let mut counter = Counter::default();
        counter.extend("the rope, the oar and the keel and".split(' '));
        assert_eq!(counter.top(2), vec![("the", 3), ("and", 2)]);
        assert_eq!(counter.ranked()[2].0, "keel");
        assert_eq!((counter.distinct(), counter.total()), (5, 8));
        assert_eq!(counter.get(&"mast"), 0);
    }

    #[test]
    fn entropy_of_a_fair_coin_is_one_bit() {
        let mut counter = Counter::default();
        counter.extend([true, false, false, true]);
        assert!((counter.entropy() - 1.0).abs() < 1e-12);
        assert_eq!(Counter::<u8>::default().entropy(), 0.0);
    }
}
