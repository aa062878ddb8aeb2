#![cfg(feature = "std")]

use super::*;

#[test]
fn a_seed_fixes_the_stream() {
    let one = SharedEntropy::seeded([1; 32]);
    let other = SharedEntropy::seeded([1; 32]);
    assert_eq!(one.bytes::<40>(), other.bytes::<40>());
    assert_eq!(one.clone().bytes::<8>(), other.bytes::<8>());
    assert_ne!(one.bytes::<32>(), SharedEntropy::seeded([2; 32]).bytes::<32>());
    let draw = |number| {
        let mut bytes = [0; 16];
        SeededEntropy::from_number(number).fill(&mut bytes);
        bytes
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn clones_share_one_stream() {
    let one = SharedEntropy::seeded([1; 32]);
    let first = one.bytes::<32>();
    assert_ne!(one.clone().bytes::<32>(), first);
}

#[test]
fn the_system_does_not_repeat_itself() {
    assert_ne!(SharedEntropy::os().bytes::<32>(), SharedEntropy::os().bytes::<32>());
}

#[test]
fn the_adapter_hands_on_the_stream() {
    use rand_core::Rng;

    let mut plain = [0; 24];
    SeededEntropy::from_number(7).fill(&mut plain);
    let source = &mut SeededEntropy::from_number(7);
    let mut rng = EntropyRng(source);
    let mut bytes = [0; 24];
    rng.fill_bytes(&mut bytes);
    assert_eq!(bytes, plain);
    assert_ne!(rng.next_u64(), rng.next_u64());
}
