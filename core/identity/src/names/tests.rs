use super::*;

fn parse(text: &str) -> Result<PartyName, NameError> {
    text.parse()
}

#[test]
fn text_and_name_are_inverses() {
    for text in [
        "urn:zeni:sandbox:issuer:issuer",
        "urn:zeni:sandbox:bank:aoba",
        "urn:zeni:net-2:wallet:aoba/A-1001",
        "urn:zeni:net-2:shop:aoba/kiosk_7.b",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
    for text in ["urn:zeni:sandbox:root", "urn:zeni:sandbox:customers:aoba"] {
        assert_eq!(text.parse::<CaName>().unwrap().to_string(), text);
        assert!(parse(text).is_err());
    }
}

#[test]
fn names_of_account_keys_have_one_form() {
    let name = AccountKeyName::new("sandbox", [0xab; 32]).unwrap();
    let text = format!("urn:zeni:sandbox:account-key:{}", "ab".repeat(32));
    assert_eq!(name.to_string(), text);
    assert_eq!(text.parse(), Ok(name));
    assert!(parse(&text).is_err(), "no party's name");
    let refused = |text: String| text.parse::<AccountKeyName>().is_err();
    assert!(
        refused(text.replace("ab", "AB")) && refused(format!("{text}00")) && refused(text.replace("key:ab", "key:+b"))
    );
    assert!(refused(text.replace("sandbox", "Sandbox")) && refused(text.replace("account-key", "customers")));
}

#[test]
fn strange_names_are_refused() {
    let long = "a".repeat(NAME_CHARS_MAX + 1);
    let refused = |text: &str| parse(text).unwrap_err();
    assert!(matches!(refused("urn:zeni:sandbox"), NameError::Form { .. }));
    assert!(matches!(refused("URN:zeni:sandbox:bank:aoba"), NameError::Form { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:king:aoba"), NameError::Role { .. }));
    assert!(matches!(refused("urn:zeni::bank:aoba"), NameError::Length { .. }));
    assert!(matches!(refused(&format!("urn:zeni:sandbox:bank:{long}")), NameError::Length { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:bank:Aoba"), NameError::Character { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:bank:aoba/x"), NameError::Character { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:wallet:aoba"), NameError::Customer { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:wallet:aoba/a/b"), NameError::Character { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:wallet:aoba/"), NameError::Length { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:wallet:aoba/ä"), NameError::Character { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:bank:aoba "), NameError::Character { .. }));
    assert!(matches!(refused("urn:zeni:sandbox:bank:ao:ba"), NameError::Character { .. }));
}

#[test]
fn only_the_right_authority_may_certify() {
    let root = CaName::root("sandbox").unwrap();
    let customers = CaName::customers("sandbox", "aoba").unwrap();
    let bank = parse("urn:zeni:sandbox:bank:aoba").unwrap();
    let customer = parse("urn:zeni:sandbox:wallet:aoba/1").unwrap();
    assert!(root.may_certify(&bank) && !root.may_certify(&customer));
    assert!(customers.may_certify(&customer) && !customers.may_certify(&bank));
    assert!(!customers.may_certify(&parse("urn:zeni:sandbox:wallet:kiri/1").unwrap()));
    assert!(!customers.may_certify(&parse("urn:zeni:other:shop:aoba/1").unwrap()));
}
