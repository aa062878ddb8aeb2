use zeni_message::{decode, encode};

use super::*;
use crate::testing::{START, key};

fn digests(from: u32, count: u32) -> Vec<Digest> {
    (from..from + count).map(|it| zeni_crypto::sha256(&[&it.to_be_bytes()])).collect()
}

/// RN-D22, RN-X32: a filter names every revoked key, and about one other key in a thousand.
#[test]
fn false_names_are_one_in_a_thousand() {
    for (revoked, most) in [(1, 100), (100, 200), (2_000, 200)] {
        let list = digests(0, revoked);
        let filter = RevocationFilter::of(7, START, &list);
        assert!(filter.is_well_formed());
        assert!(list.iter().all(|digest| filter.names_digest(digest)));
        let false_names = digests(1_000_000, 100_000).iter().filter(|digest| filter.names_digest(digest)).count();
        assert!(false_names < most, "{false_names} of 100,000 beside {revoked} revoked keys");
    }
}

/// A list too long for the filter names more falsely and leaves none out.
#[test]
fn a_long_list_leaves_none_out() {
    let list = digests(0, 20_000);
    let filter = RevocationFilter::of(7, START, &list);
    assert_eq!(filter.bits.len(), FILTER_BYTES_MAX);
    assert!(list.iter().all(|digest| filter.names_digest(digest)));
    let false_names = digests(1_000_000, 10_000).iter().filter(|digest| filter.names_digest(digest)).count();
    assert!((3_000..6_000).contains(&false_names), "{false_names} of 10,000");
    let longest = RevocationFilter::of(8, START, &digests(0, 100_000));
    assert_eq!(longest.k, 1);
}

/// What one filter names falsely, the next does not.
#[test]
fn filters_err_apart() {
    let list = digests(0, 2_000);
    let (one, next) = (RevocationFilter::of(7, START, &list), RevocationFilter::of(8, START, &list));
    let others = digests(1_000_000, 100_000);
    let both = others.iter().filter(|digest| one.names_digest(digest) && next.names_digest(digest)).count();
    assert!(both < 5, "{both}");
}

/// An empty list names nobody; a filter without bits or places names everybody.
#[test]
fn edges() {
    let empty = RevocationFilter::of(1, START, &[]);
    assert!(!empty.names(&key("a").public()));
    for odd in [
        RevocationFilter { bits: Vec::new().into(), ..empty.clone() },
        RevocationFilter { k: 0, ..empty.clone() },
        RevocationFilter { k: 17, ..empty.clone() },
        RevocationFilter { bits: vec![0; FILTER_BYTES_MAX + 1].into(), ..empty.clone() },
    ] {
        assert!(odd.names(&key("a").public()));
    }
    let largest = RevocationFilter::of(u64::MAX, Time(u64::MAX), &digests(0, 5_000));
    let bytes = encode(&largest);
    assert!(bytes.len() <= RevocationFilter::MAX);
    assert_eq!(decode::<RevocationFilter>(&bytes, RevocationFilter::MAX), Ok(largest));
    let cleared = Clearance { filter: u64::MAX, keys: digests(0, 64) };
    assert!(encode(&cleared).len() <= Clearance::MAX);
}
