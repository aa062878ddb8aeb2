use zeni_crypto::sha256;
use zeni_note::testing::{amount, jpy, key};

use super::*;

fn shown(word: &str, value: u64) -> PathNode {
    PathNode {
        identity: sha256(&[word.as_bytes()]),
        value: amount(value),
        holder: key(word).public(),
        evidence: word.as_bytes().to_vec(),
    }
}

fn tree(face: u64) -> (Tree, PathNode) {
    let root = shown("note", face);
    (Tree::fresh(NoteKey { epoch: 1, series: 1, serial: [1; 16] }, jpy(), &root), root)
}

fn give_back(tree: &mut Tree, path: &[PathNode]) -> Balance {
    let leaf = path.last().unwrap();
    tree.enter(path);
    let closed = Closed {
        identity: sha256(&[b"closing of", &leaf.identity.0]),
        bank: "aoba".to_owned(),
        amount: leaf.value,
        paid: Amount::ZERO,
        waiting: None,
        signed: Vec::new(),
    };
    tree.close(&leaf.identity, closed);
    tree.settle(&leaf.identity)
}

fn names(culprits: &[Culprit]) -> Vec<Digest> {
    culprits.iter().map(|culprit| culprit.node).collect()
}

/// RN-F7.3…F7.5, F7.7: sums below, at and above the face value.
#[test]
fn the_sum_is_compared_with_the_face_value() {
    let (mut tree, root) = tree(100);
    assert_eq!(give_back(&mut tree, &[root.clone(), shown("a", 60)]).paid, amount(60));
    assert!(!tree.is_complete());
    assert_eq!(give_back(&mut tree, &[root.clone(), shown("b", 40)]).paid, amount(40));
    assert!(tree.is_complete());
    let over = give_back(&mut tree, &[root.clone(), shown("c", 1)]);
    assert_eq!(over.paid, Amount::ZERO);
    assert_eq!(names(&over.convicted), [root.identity]);
    assert_eq!(names(&over.limiting), [root.identity]);
}

/// RN-X28: a cheat exhausts only his own branch; the holder above him is not convicted.
#[test]
fn a_branch_has_its_own_room() {
    let (mut tree, root) = tree(1_000);
    let branch = shown("branch", 100);
    assert_eq!(give_back(&mut tree, &[root.clone(), branch.clone(), shown("a", 80)]).paid, amount(80));
    let over = give_back(&mut tree, &[root.clone(), branch.clone(), shown("b", 80)]);
    assert_eq!(over.paid, amount(20));
    assert_eq!(names(&over.convicted), [branch.identity]);
    assert_eq!(give_back(&mut tree, &[root, shown("rest", 900)]).paid, amount(900));
    assert!(tree.is_complete());
}

/// RN-X29: a node is convicted by what it passed on, before any of it is missing.
#[test]
fn a_node_is_convicted_by_what_it_passed_on() {
    let (mut tree, root) = tree(100);
    let (one, two) = (shown("one", 70), shown("two", 70));
    assert_eq!(give_back(&mut tree, &[root.clone(), one, shown("one's part", 10)]).convicted, []);
    let second = give_back(&mut tree, &[root.clone(), two, shown("two's part", 10)]);
    assert_eq!(second.paid, amount(10));
    assert_eq!(names(&second.convicted), [root.identity]);
    assert_eq!(second.limiting, []);
}

/// RN-F7.2: the papers' sum Σ y is kept beside the balance.
#[test]
fn the_papers_sum_is_kept() {
    let (mut tree, root) = tree(100);
    give_back(&mut tree, &[root.clone(), shown("a", 100)]);
    give_back(&mut tree, &[root, shown("b", 100)]);
    assert_eq!(tree.returned, amount(200));
}

/// Seen twice a chain is entered once.
#[test]
fn a_node_is_entered_once() {
    let (mut tree, root) = tree(100);
    let branch = shown("branch", 100);
    give_back(&mut tree, &[root.clone(), branch.clone(), shown("a", 50)]);
    let again = give_back(&mut tree, &[root, branch, shown("b", 50)]);
    assert_eq!((again.paid, again.convicted), (amount(50), Vec::new()));
}
