//! Order statistics of a list of counts.

/// Smallest, largest, mean and percentiles of some numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    sorted: Vec<u64>,
}

impl Summary {
    /// Sorts a copy of the values.
    pub fn of<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut sorted: Vec<u64> = values.into_iter().collect();
        sorted.sort_unstable();
        Summary { sorted }
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The arithmetic mean; zero when there are no values.
    pub fn mean(&self) -> f64 {
        if self.sorted.is_empty() {
            return 0.0;
        }
        self.sorted.iter().sum::<u64>() as f64 / self.sorted.len() as f64
    }

    /// The value below or at which `percent` of the values lie (nearest rank).
    pub fn percentile(&self, percent: usize) -> u64 {
        if self.sorted.is_empty() {
            return 0;
        }
        let rank = (self.sorted.len() * percent.min(100) + 99) / 100;
        self.sorted[rank.max(1) - 1]
    }

    /// The largest value, or zero.
    pub fn max(&self) -> u64 {
        self.sorted.last().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_percentiles() {
        let summary = Summary::of([15, 20, 35, 40, 50]);
        assert_eq!(summary.percentile(0), 15);
        assert_eq!(summary.percentile(30), 20);
        assert_eq!(summary.percentile(50), 35);
        assert_eq!(summary.percentile(100), 50);
        assert_eq!((summary.count(), summary.max()), (5, 50));
        assert!((summary.mean() - 32.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_all_zeros() {
        let empty = Summary::of([]);
        assert_eq!((empty.percentile(50), empty.max()), (0, 0));
        assert_eq!(empty.mean(), 0.0);
    }
}
