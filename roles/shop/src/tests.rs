use zeni_holder::{
    Explain,
    testing::{enrolment, offline},
};
use zeni_message::Retry;
use zeni_store::testing::block_on;

use super::*;

/// RN-F1, RN-F5.1: a shop that has not joined takes and hands in nothing; without a connection it does not join.
#[test]
fn a_shop_joins_first() {
    let mut shop = Shop::new(offline());
    let error = block_on(shop.join(enrolment())).unwrap_err();
    assert_eq!((error.code(), error.retry()), ("unreachable", Retry::Later));
    assert_eq!(block_on(shop.deposit()).unwrap_err().code(), "not_joined");
    assert_eq!(block_on(shop.request("300 JPY".parse().unwrap(), "tea")).unwrap_err().code(), "not_joined");
}

/// Secrets stay out of what is printed for debugging.
#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", enrolment(), Shop::new(offline()));
    assert!(!shown.contains("the secret"));
}
