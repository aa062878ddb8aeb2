use zeni_store::{Options, Store};

use super::*;

fn memory() -> StoreMemory {
    let options = Options { inline: true, ..Options::default() };
    StoreMemory::new(Store::open_memory_with(&MEMORY_SCHEMA, options).expect("opens"))
}

#[test]
fn keeps_what_is_committed_and_scans_by_prefix() {
    let mut memory = memory();
    let write = |key: &[u8], value: &[u8]| (key.to_vec(), Some(value.to_vec()));
    memory.commit(&[write(&[1, 0xFF], b"a"), write(&[1, 0xFF, 3], b"b"), write(&[2], b"c")]).expect("commits");
    assert_eq!(memory.get(&[2]).expect("reads"), Some(b"c".to_vec()));
    assert_eq!(memory.get(&[3]).expect("reads"), None);
    assert_eq!(memory.scan(&[1, 0xFF]).expect("reads").len(), 2);
    assert_eq!(memory.scan(&[1]).expect("reads").len(), 2);
    assert_eq!(memory.scan(&[]).expect("reads").len(), 3);
    memory.commit(&[(vec![2], None), write(&[1, 0xFF], b"d")]).expect("commits");
    assert_eq!(memory.get(&[2]).expect("reads"), None);
    assert_eq!(memory.get(&[1, 0xFF]).expect("reads"), Some(b"d".to_vec()));
}

#[test]
fn the_end_of_a_prefix_is_the_next_string() {
    assert_eq!(after(&[1, 2]), Some(vec![1, 3]));
    assert_eq!(after(&[1, 0xFF]), Some(vec![2]));
    assert_eq!(after(&[0xFF, 0xFF]), None);
    assert_eq!(after(&[]), None);
}

#[test]
fn every_statement_prepares() {
    let options = Options { inline: true, ..Options::default() };
    let store = Store::open_memory_with(&MEMORY_SCHEMA, options).expect("opens");
    zeni_store::prepare_all(&store, MEMORY_STATEMENTS).expect("prepares");
    let options = Options { inline: true, ..Options::default() };
    let store = Store::open_memory_with(&crate::SCHEMA, options).expect("opens");
    zeni_store::prepare_all(&store, crate::STATEMENTS).expect("prepares");
}
