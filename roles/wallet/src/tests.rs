use zeni_holder::{
    Explain,
    testing::{enrolment, offline},
};
use zeni_message::Retry;
use zeni_store::testing::block_on;

use super::*;

/// RN-F1: without a connection nobody joins, nothing is stored, and the same again can help.
#[test]
fn joining_needs_a_connection() {
    let mut wallet = Wallet::new(offline());
    let error = block_on(wallet.join(enrolment(), Privacy::Unlinkable)).unwrap_err();
    assert_eq!((error.code(), error.retry()), ("unreachable", Retry::Later));
    assert_eq!(block_on(wallet.profile()).unwrap_err().code(), "not_joined");
    assert!(block_on(wallet.balance()).unwrap().balances.is_empty());
}

/// Secrets stay out of what is printed for debugging.
#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?} {:?}", enrolment(), Wallet::new(offline()));
    assert!(!shown.contains("the secret"));
}
