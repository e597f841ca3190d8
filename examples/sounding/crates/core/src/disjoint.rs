//! Disjoint sets (union–find), used to join pairs into families.

/// A partition of the numbers `0..len` that starts with every number alone.
#[derive(Clone, Debug)]
pub struct DisjointSets {
    parent: Vec<usize>,
    size: Vec<usize>,
}

impl DisjointSets {
    /// `len` sets of one member each.
    pub fn new(len: usize) -> Self {
        DisjointSets {
            parent: (0..len).collect(),
            size: vec![1; len],
        }
    }

    /// The representative of `member`'s set. Halves the path on the way up.
    pub fn find(&mut self, mut member: usize) -> usize {
        while self.parent[member] != member {
            self.parent[member] = self.parent[self.parent[member]];
            member = self.parent[member];
        }
        member
    }

    /// Joins two sets; says whether they were apart before.
    pub fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return false;
        }
        let (small, large) = if self.size[a] < self.size[b] {
            (a, b)
        } else {
            (b, a)
        };
        self.parent[small] = large;
        self.size[large] += self.size[small];
        true
    }

    /// The sets with at least two members, each sorted, in the order of their first member.
    pub fn families(&mut self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.parent.len()];
        for member in 0..self.parent.len() {
            let root = self.find(member);
            members[root].push(member);
        }
        members.retain(|family| family.len() > 1);
        members.sort_unstable_by_key(|family| family[0]);
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_builds_families() {
        let mut sets = DisjointSets::new(6);
        assert!(sets.join(4, 1));
        assert!(sets.join(1, 5));
        assert!(!sets.join(4, 5));
        assert!(sets.join(0, 2));
        assert_eq!(sets.families(), vec![vec![0, 2], vec![1, 4, 5]]);
    }
}
