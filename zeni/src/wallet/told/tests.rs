use serde_json::json;
use zeni_holder::DepositReport;
use zeni_money::Money;

use super::credited;
use crate::output::{Failure, Output};

fn yen(minor: u64) -> Money {
    format!("{minor} JPY").parse().expect("yen")
}

/// A deposit of 500 of which so much was not credited.
fn report(not_credited: u64) -> DepositReport {
    let refused = if not_credited == 0 { Vec::new() } else { vec!["late".to_owned()] };
    DepositReport {
        deposit: "00".into(),
        money: yen(500),
        holdings: 2,
        available: yen(500 - not_credited),
        held: yen(0),
        waiting_until: None,
        claimed: yen(0),
        refused,
        not_credited: yen(not_credited),
        done: true,
    }
}

/// A deposit of which the bank took nothing is a refusal, with its reason and all that was told; one of which it took something is
/// none, nor is one beside it.
#[test]
fn nothing_credited_is_a_refusal() {
    let told =
        |reports: &[DepositReport]| credited(Output { json: true }, reports, json!({"deposits": []}), String::new());
    let Err(Failure::Result { end, .. }) = told(&[report(500)]) else { panic!("a refusal") };
    let (exit, code, text) = end.told();
    assert_eq!((exit, code, text.contains("late")), (1, "not_credited", true));
    assert!(told(&[report(500), report(500)]).is_err());
    for fine in [&[][..], &[report(0)], &[report(200)], &[report(500), report(0)]] {
        assert!(told(fine).is_ok(), "{fine:?}");
    }
}
