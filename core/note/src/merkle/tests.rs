use super::*;

fn leaves(count: usize) -> Vec<Digest> {
    (0..count).map(|i| sha256(&[&i.to_be_bytes()])).collect()
}

#[test]
fn every_leaf_has_a_path_and_no_other_place() {
    for count in 1..=33usize {
        let leaves = leaves(count);
        let top = root(&leaves);
        for index in 0..count {
            let siblings = path(&leaves, index).unwrap();
            let (at, all) = (u32::try_from(index).unwrap(), u32::try_from(count).unwrap());
            assert!(contains(&top, &leaves[index], at, all, &siblings), "{index} of {count}");
            assert!(!contains(&top, &leaves[index], at + 1, all, &siblings));
            assert!(!contains(&top, &sha256(&[b"other"]), at, all, &siblings));
            let mut long = siblings.clone();
            long.push(top);
            assert!(!contains(&top, &leaves[index], at, all, &long));
        }
        assert_eq!(path(&leaves, count), None);
    }
}

/// The root over one leaf is not the leaf: no inner node can pass for a leaf (RFC 6962 §2.1).
#[test]
fn leaves_and_nodes_are_told_apart() {
    let pair = leaves(2);
    let top = root(&pair);
    assert_ne!(root(&[pair[0]]), pair[0]);
    assert!(!contains(&top, &top, 0, 1, &[]));
}
