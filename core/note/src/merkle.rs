//! The hash tree of RFC 6962 §2.1 over SHA-256 leaves, by which one signature hands in many holdings.

use alloc::vec::Vec;

use zeni_crypto::{Digest, sha256};

fn leaf_hash(leaf: &Digest) -> Digest {
    sha256(&[&[0], &leaf.0])
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    sha256(&[&[1], &left.0, &right.0])
}

/// Largest power of two below `n`, for `n` of at least 2.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// Root over `leaves`; over none, the hash of nothing.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => sha256(&[]),
        [one] => leaf_hash(one),
        many => {
            let (left, right) = many.split_at(split(many.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// The siblings from the leaf at `index` up to the root.
pub fn path(leaves: &[Digest], index: usize) -> Option<Vec<Digest>> {
    if index >= leaves.len() {
        return None;
    }
    let mut siblings = Vec::new();
    collect(leaves, index, &mut siblings);
    Some(siblings)
}

fn collect(leaves: &[Digest], index: usize, siblings: &mut Vec<Digest>) {
    if leaves.len() < 2 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        collect(left, index, siblings);
        siblings.push(root(right));
    } else {
        collect(right, index - left.len(), siblings);
        siblings.push(root(left));
    }
}

/// Whether `leaf` stands at `index` of `count` leaves under `root` (RFC 9162 §2.1.3.2).
pub fn contains(root: &Digest, leaf: &Digest, index: u32, count: u32, path: &[Digest]) -> bool {
    if index >= count {
        return false;
    }
    let (mut at, mut last) = (index, count - 1);
    let mut hash = leaf_hash(leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

#[cfg(test)]
mod tests;
