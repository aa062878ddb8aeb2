use super::*;

#[test]
fn the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() {
    let mut rounds = Rounds::default();
    for value in [4.0, 1.0, 3.0, 2.0] {
        rounds.add(value);
    }
    assert_eq!((rounds.min(), rounds.median(), rounds.max()), (1.0, 2.5, 4.0));
    rounds.add(9.0);
    assert_eq!((rounds.median(), rounds.len()), (3.0, 5));
}

#[test]
fn work_costs_processor_time() {
    let mut digest = zeni_crypto::sha256(&[b"work"]);
    let (time, ()) = processor(|| (0..10_000).for_each(|_| digest = zeni_crypto::sha256(&[&digest.0])));
    assert!(time > Duration::ZERO);
}
