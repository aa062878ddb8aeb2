use super::*;
use crate::testing::key;

/// RN-D11, RN-O8: each function of the papers depends on all of its arguments.
#[test]
fn every_argument_counts() {
    let (one, two) = (Digest([1; 32]), Digest([2; 32]));
    assert_ne!(f(Time(1), &one), f(Time(2), &one));
    assert_ne!(f(Time(1), &one), f(Time(1), &two));
    assert_ne!(w(&one, &one), w(&two, &one));
    assert_ne!(w(&one, &one), w(&one, &two));
    let (a, b) = (key("a").public(), key("b").public());
    assert_ne!(payee_commitment(&[1; 16], &a), payee_commitment(&[2; 16], &a));
    assert_ne!(payee_commitment(&[1; 16], &a), payee_commitment(&[1; 16], &b));
    assert_ne!(name_commitment(&[1; 16], "Hanako"), name_commitment(&[2; 16], "Hanako"));
    assert_ne!(name_commitment(&[1; 16], "Hanako"), name_commitment(&[1; 16], "Taro"));
}

/// RN-P7: an account is named otherwise in each deposit, and no one reads it without bank, account and salt.
#[test]
fn an_account_is_named_otherwise_each_time() {
    let named = deposit_account("aoba", "A-1", &[1; 16], &[2; 16]);
    let others = [
        deposit_account("kita", "A-1", &[1; 16], &[2; 16]),
        deposit_account("aoba", "A-2", &[1; 16], &[2; 16]),
        deposit_account("aoba", "A-1", &[3; 16], &[2; 16]),
        deposit_account("aoba", "A-1", &[1; 16], &[3; 16]),
        deposit_account("aobaA", "-1", &[1; 16], &[2; 16]),
    ];
    assert!(!others.contains(&named));
    assert_eq!(named, deposit_account("aoba", "A-1", &[1; 16], &[2; 16]), "its bank finds it again");
}
