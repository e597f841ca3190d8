//! Edit distance between short sequences: spelling suggestions and look-alike names.

/// The number of insertions, deletions, substitutions and swaps of neighbours between `a` and `b`, or
/// `None` when it is larger than `limit`.
///
/// This is the *optimal string alignment* form of Damerau's distance: no part is edited twice. Only
/// the diagonal band that can still end within `limit` is computed.
pub fn bounded<T: PartialEq>(a: &[T], b: &[T], limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let width = b.len() + 1;
    let far = limit + 1;
    let mut before = vec![far; width];
    let mut previous: Vec<usize> = (0..width).map(|column| column.min(far)).collect();
    let mut current = vec![far; width];
    for row in 1..=a.len() {
        let from = row.saturating_sub(limit).max(1);
        let to = (row + limit).min(b.len());
        current[from - 1] = if from == 1 { row.min(far) } else { far };
        let mut best = current[from - 1];
        for column in from..=to {
            let same = a[row - 1] == b[column - 1];
            let mut cost = previous[column - 1] + usize::from(!same);
            cost = cost.min(previous[column] + 1).min(current[column - 1] + 1);
            if row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] {
                cost = cost.min(before[column - 2] + 1);
            }
            current[column] = cost.min(far);
            best = best.min(cost);
        }
        if to < b.len() {
            current[to + 1] = far;
        }
        if best > limit {
            return None;
        }
        std::mem::swap(&mut before, &mut previous);
        std::mem::swap(&mut previous, &mut current);
    }
    Some(previous[b.len()]).filter(|&distance| distance <= limit)
}

/// The candidate closest to `word`, when one is close enough to be a likely slip of the keyboard.
pub fn nearest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    let letters: Vec<char> = word.chars().collect();
    let limit = if letters.len() < 5 { 1 } else { 2 };
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.chars().collect();
            bounded(&letters, &other, limit).map(|distance| (distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
        bounded(a.as_bytes(), b.as_bytes(), limit)
    }

    #[test]
    fn counts_the_four_kinds_of_edit() {
        assert_eq!(distance("anchor", "anchor", 2), Some(0));
        assert_eq!(distance("anchor", "anchors", 2), Some(1));
        assert_eq!(distance("anchor", "ancor", 2), Some(1));
        assert_eq!(distance("anchor", "anckor", 2), Some(1));
        assert_eq!(distance("anchor", "anhcor", 2), Some(1));
    }

    #[test]
    fn gives_up_beyond_the_limit() {
        assert_eq!(distance("anchor", "rudder", 3), None);
        assert_eq!(distance("", "abc", 2), None);
        assert_eq!(distance("", "abc", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
    }

    #[test]
    fn nearest_prefers_the_smallest_distance() {
        let known = ["table", "json", "csv", "markdown"];
        assert_eq!(nearest("jsno", known), Some("json"));
        assert_eq!(nearest("markdwon", known), Some("markdown"));
        assert_eq!(nearest("xml", known), None);
    }
}
