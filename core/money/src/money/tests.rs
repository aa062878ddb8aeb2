#![cfg(feature = "std")]

use proptest::prelude::*;

use super::*;

fn money(minor: u64, code: &str) -> Money {
    Money::new(Amount::from_minor(minor).unwrap(), Currency::from_code(code).unwrap())
}

#[test]
fn currencies_do_not_mix() {
    assert_eq!(money(3, "JPY").checked_add(money(4, "JPY")), Some(money(7, "JPY")));
    assert_eq!(money(3, "JPY").checked_add(money(4, "USD")), None);
    assert_eq!(money(4, "JPY").checked_sub(money(3, "USD")), None);
    assert_eq!(money(3, "JPY").checked_sub(money(4, "JPY")), None);
}

#[test]
fn both_forms_show_all_decimal_places() {
    for (value, people, machines) in [
        (money(300, "JPY"), "300 JPY", "JPY:300"),
        (money(150, "USD"), "1.50 USD", "USD:1.50"),
        (money(5, "USD"), "0.05 USD", "USD:0.05"),
        (money(0, "USD"), "0.00 USD", "USD:0.00"),
        (money(1, "KWD"), "0.001 KWD", "KWD:0.001"),
    ] {
        assert_eq!(value.to_string(), people);
        assert_eq!(people.parse(), Ok(value));
        assert_eq!(value.to_wire(), machines);
        assert_eq!(Money::from_wire(machines), Ok(value));
    }
    assert_eq!("2 USD".parse(), Ok(money(200, "USD")));
}

#[test]
fn refusals_name_the_first_fault() {
    let usd = Currency::from_code("USD").unwrap();
    let jpy = Currency::from_code("JPY").unwrap();
    for (text, error) in [
        ("", MoneyError::Form),
        ("300", MoneyError::Form),
        ("JPY:300", MoneyError::Form),
        (" JPY", MoneyError::Form),
        ("300 ", MoneyError::Form),
        ("300 yen", MoneyError::CurrencyCode("yen".into())),
        ("300  JPY", MoneyError::CurrencyCode(" JPY".into())),
        ("300 ZZZ", MoneyError::CurrencyUnknown(Currency::from_code("ZZZ").unwrap())),
        ("-300 JPY", MoneyError::Character('-')),
        ("+300 JPY", MoneyError::Character('+')),
        ("1,000 JPY", MoneyError::Character(',')),
        ("1.000.00 USD", MoneyError::Character('.')),
        ("１ JPY", MoneyError::Character('１')),
        (".50 USD", MoneyError::DigitsMissing),
        ("1. USD", MoneyError::DigitsMissing),
        ("00 JPY", MoneyError::LeadingZero),
        ("01.50 USD", MoneyError::LeadingZero),
        ("1.5 USD", MoneyError::DecimalPlaces { currency: usd, expected: 2, found: 1 }),
        ("1.500 USD", MoneyError::DecimalPlaces { currency: usd, expected: 2, found: 3 }),
        ("300.0 JPY", MoneyError::DecimalPlaces { currency: jpy, expected: 0, found: 1 }),
        ("9223372036854775808 JPY", MoneyError::TooLarge(jpy)),
        ("92233720368547758.08 USD", MoneyError::TooLarge(usd)),
        ("92233720368547759 USD", MoneyError::TooLarge(usd)),
        ("99999999999999999999999999999999999999999 JPY", MoneyError::TooLarge(jpy)),
    ] {
        assert_eq!(text.parse::<Money>(), Err(error), "{text}");
    }
    assert_eq!("9223372036854775807 JPY".parse(), Ok(Money::new(Amount::MAX, jpy)));
}

#[test]
fn the_machine_form_has_one_spelling() {
    let usd = Currency::from_code("USD").unwrap();
    assert_eq!(Money::from_wire("USD:2"), Err(MoneyError::DecimalPlaces { currency: usd, expected: 2, found: 0 }));
    assert_eq!(Money::from_wire("300 JPY"), Err(MoneyError::Form));
}

proptest! {
    #[test]
    fn all_forms_round_trip(
        minor in 0..=Amount::MAX.minor(),
        code in prop::sample::select(vec!["JPY", "USD", "KWD", "CLF", "EUR"]),
    ) {
        let value = money(minor, code);
        prop_assert_eq!(value.to_string().parse(), Ok(value));
        prop_assert_eq!(Money::from_wire(&value.to_wire()), Ok(value));
        let bytes = minicbor::to_vec(value).unwrap();
        prop_assert_eq!(minicbor::decode::<Money>(&bytes).unwrap(), value);
    }

    #[test]
    fn reading_never_panics_and_accepts_only_what_it_writes(text in "[0-9.,: +JPYUSD-]{0,24}") {
        if let Ok(value) = Money::from_wire(&text) {
            prop_assert_eq!(value.to_wire(), text.clone());
        }
        let _ = text.parse::<Money>();
    }
}
