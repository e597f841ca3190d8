//! Winnowing: choosing a few hashes of a sequence so that long matches cannot be missed.

/// A chosen hash and where its window begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint<H> {
    /// The hash.
    pub hash: H,
    /// The number of the first item of the hashed window.
    pub position: u32,
}

/// Chooses from every `window` neighbouring hashes the smallest, the rightmost one among equals, and
/// keeps an old choice as long as it is still the smallest (robust winnowing, section 5.1 of the paper).
///
/// Two sequences that share `window` consecutive hashes share at least one fingerprint. On random hashes
/// about two in `window + 1` are chosen.
pub fn winnow<H: Copy + Ord>(hashes: &[H], window: usize) -> Vec<Fingerprint<H>> {
    let window = window.max(1);
    let mut chosen: Vec<Fingerprint<H>> = Vec::new();
    if hashes.is_empty() {
        return chosen;
    }
    // A sequence shorter than a window still gets one fingerprint.
    let windows = hashes.len().saturating_sub(window) + 1;
    let mut smallest = usize::MAX;
    for start in 0..windows {
        let end = (start + window).min(hashes.len());
        if smallest == usize::MAX || smallest < start {
            smallest = rightmost_smallest(hashes, start, end);
        } else if hashes[end - 1] < hashes[smallest] {
            smallest = end - 1;
        } else {
            continue;
        }
        chosen.push(Fingerprint {
            hash: hashes[smallest],
            position: smallest as u32,
        });
    }
    chosen
}

fn rightmost_smallest<H: Copy + Ord>(hashes: &[H], start: usize, end: usize) -> usize {
    let mut smallest = start;
    for place in start + 1..end {
        if hashes[place] <= hashes[smallest] {
            smallest = place;
        }
    }
    smallest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of figure 2 in the paper: hashes of the 5-grams of "adorunrunrunadorunrun".
    const PAPER: [u32; 17] = [
        77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77, 74, 42, 17, 98,
    ];

    #[test]
    fn the_example_of_the_paper() {
        let chosen: Vec<(u32, u32)> = winnow(&PAPER, 4)
            .iter()
            .map(|print| (print.hash, print.position))
            .collect();
        assert_eq!(chosen, [(17, 3), (17, 6), (8, 8), (39, 11), (17, 15)]);
    }

    #[test]
    fn every_window_holds_a_fingerprint() {
        let hashes: Vec<u64> = (0..500u64).map(|n| n * n % 97).collect();
        let chosen = winnow(&hashes, 9);
        for start in 0..hashes.len() - 8 {
            let inside =
                |print: &&Fingerprint<u64>| (start..start + 9).contains(&(print.position as usize));
            assert!(chosen.iter().any(|print| inside(&print)), "window {start}");
        }
    }

    #[test]
    fn short_and_empty_sequences() {
        assert!(winnow::<u8>(&[], 4).is_empty());
        assert_eq!(winnow(&[3u8, 1, 2], 8).len(), 1);
    }
}
