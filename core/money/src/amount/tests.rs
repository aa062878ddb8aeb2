#![cfg(feature = "std")]

use proptest::prelude::*;

use super::*;

fn amounts() -> impl Strategy<Value = Amount> {
    prop_oneof![0..1000u64, Just(Amount::MAX.0), 0..=Amount::MAX.0].prop_map(Amount)
}

#[test]
fn range_ends_at_the_largest_database_integer() {
    assert_eq!(Amount::from_minor(i64::MAX as u64), Some(Amount::MAX));
    assert_eq!(Amount::from_minor(i64::MAX as u64 + 1), None);
    assert_eq!(Amount::MAX + Amount(1), None);
    assert_eq!(Amount::ZERO - Amount(1), None);
    assert_eq!(Amount::MAX.times(2), None);
    assert_eq!(Amount(7).times(6), Some(Amount(42)));
    assert!(Amount::ZERO.is_zero() && !Amount(1).is_zero());
}

#[test]
fn sums_stop_at_the_end_of_the_range() {
    assert_eq!(Amount::sum([]), Some(Amount::ZERO));
    assert_eq!(Amount::sum([Amount(1), Amount(2), Amount(3)]), Some(Amount(6)));
    assert_eq!(Amount::sum([Amount::MAX, Amount(1)]), None);
}

#[test]
fn decoding_refuses_long_forms_and_values_out_of_range() {
    for bytes in
        [&[0x18, 0x17][..], &[0x19, 0x00, 0xff], &[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0], &[0x20], &[0xf9, 0, 0], &[]]
    {
        assert!(minicbor::decode::<Amount>(bytes).is_err(), "{bytes:02x?}");
    }
    assert_eq!(minicbor::decode::<Amount>(&[0x18, 0x18]).unwrap(), Amount(24));
}

proptest! {
    #[test]
    fn encoding_round_trips(a in amounts()) {
        let bytes = minicbor::to_vec(a).unwrap();
        prop_assert_eq!(minicbor::decode::<Amount>(&bytes).unwrap(), a);
    }

    #[test]
    fn subtraction_undoes_addition(a in amounts(), b in amounts()) {
        prop_assert_eq!(a + b, b + a);
        if let Some(sum) = a + b {
            prop_assert_eq!(sum - b, Some(a));
            prop_assert!(sum >= a && sum >= b);
        } else {
            prop_assert!(u128::from(a.0) + u128::from(b.0) > u128::from(Amount::MAX.0));
        }
    }

    #[test]
    fn a_difference_exists_exactly_downwards(a in amounts(), b in amounts()) {
        prop_assert_eq!((a - b).is_some(), a >= b);
        prop_assert_eq!(a.min(b), core::cmp::min(a, b));
    }

    #[test]
    fn times_is_repeated_addition(a in amounts(), count in 0..40u32) {
        prop_assert_eq!(a.times(count), Amount::sum((0..count).map(|_| a)));
    }
}
