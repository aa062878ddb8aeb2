#![cfg(feature = "std")]

use super::*;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).unwrap()
}

#[test]
fn codes_are_three_capital_letters() {
    assert_eq!(currency("JPY").code(), "JPY");
    for code in ["", "JP", "JPYX", "jpy", "J1Y", "JÄ", "J Y"] {
        assert_eq!(Currency::from_code(code), None, "{code}");
    }
}

#[test]
fn encoding_is_a_text_of_three() {
    let bytes = minicbor::to_vec(currency("JPY")).unwrap();
    assert_eq!(bytes, b"\x63JPY");
    assert_eq!(minicbor::decode::<Currency>(&bytes).unwrap(), currency("JPY"));
    for bytes in [&b"\x78\x03JPY"[..], b"\x43JPY", b"\x63jpy", b"\x62JP", b"\x7f\x63JPY\xff"] {
        assert!(minicbor::decode::<Currency>(bytes).is_err(), "{bytes:02x?}");
    }
}

#[cfg(feature = "std")]
#[test]
fn exponents_are_those_of_the_iso_table() {
    for (code, listed, exponent) in
        [("JPY", true, 0), ("USD", true, 2), ("KWD", true, 3), ("CLF", true, 4), ("ZZZ", false, 0)]
    {
        assert_eq!(currency(code).is_listed(), listed, "{code}");
        assert_eq!(currency(code).exponent(), exponent, "{code}");
    }
}
