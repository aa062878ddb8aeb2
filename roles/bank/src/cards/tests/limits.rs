//! Limits of payments without contact.

use super::*;

fn limits(payment_max: u64) -> CardLimits {
    CardLimits { payment_max: Some(amount(payment_max)), ..CardLimits::none(jpy()) }
}

/// What a card is given at its contact, with the numbers that its ticket names.
fn all_rules_of(town: &Town, card: &str, held: u64) -> (Vec<CardRules>, Vec<u64>) {
    let drawn = format!("{card} {}", now(town.bank.cards_of("A-1")).unwrap().unwrap().len());
    let message = ContactCard { rules: held, ..shown(card, None, &drawn) };
    let reply = town.send("A-1", &message).unwrap();
    let verified = |it: Signed<CardRules>| {
        it.verify(town.world.network(), &key("bank document").public()).unwrap().record().clone()
    };
    let rules = reply.rules.into_iter().map(verified).collect();
    (rules, reply.ticket.record.rules.iter().map(|it| it.number).collect())
}

fn rules_of(town: &Town, card: &str, held: u64) -> Option<CardRules> {
    all_rules_of(town, card, held).0.pop()
}

/// docs/card.md: limits come from the configuration or from the operator at run time, each change with a higher number, for all cards
/// or one; a ticket names the rules that the card must have.
#[test]
fn limits_reach_cards_at_their_contacts() {
    let mut town = Town::new();
    assert_eq!(rules_of(&town, "none", 0), None);
    *town.line.cards.lock().unwrap() = vec![limits(300)];
    town.restart();
    let first = rules_of(&town, "a", 0).unwrap();
    assert_eq!((first.number, first.payment_max, first.card), (1, Some(amount(300)), None));
    assert_eq!(contact_of(&town, "A-1", &shown("b", None, "b")).rules, newest(1));
    assert_eq!(rules_of(&town, "c", 1), None, "the card has them");
    let set = now(town.bank.set_card_limits(limits(200), None)).unwrap();
    assert_eq!((set.number, set.payment), (2, Some("JPY:200".to_owned())));
    assert_eq!(rules_of(&town, "d", 1).unwrap().payment_max, Some(amount(200)));
    let nobodys = now(town.bank.set_card_limits(limits(50), Some(nonce("e"))));
    assert_eq!(nobodys, Err(WriteError::Refused(LimitsRefusal::UnknownCard)));
    contact_of(&town, "A-1", &shown("e", None, "e"));
    let one = now(town.bank.set_card_limits(limits(50), Some(nonce("e")))).unwrap();
    assert_eq!(rules_of(&town, "e", 0).unwrap().number, one.number);
    assert_eq!(rules_of(&town, "f", 0).unwrap().number, 2, "others keep theirs");
    assert_eq!(now(town.bank.card_limits()).unwrap().len(), 2);
    town.restart();
    assert_eq!(rules_of(&town, "g", 0).unwrap().number, 2, "the same configuration is nothing new");
    *town.line.cards.lock().unwrap() = Vec::new();
    town.restart();
    let open = rules_of(&town, "h", 0).unwrap();
    assert_eq!((open.number, open.payment_max), (4, None));
    assert_eq!(rules_of(&town, "i", 0).unwrap().number, 4, "and is stored once");
    assert_eq!(now(town.bank.card_limits()).unwrap().len(), 0, "nothing is limited");
}

/// docs/card.md: an account's card holds money of other currencies as well: it is given the rules of all, in ascending order, and
/// its ticket names them; a card that has some is given the rest.
#[test]
fn rules_of_all_currencies_reach_a_card() {
    let town = Town::new();
    let currency = |code: &str| Currency::from_code(code).unwrap();
    let of = |code: &str| CardLimits { payment_max: Some(amount(7)), ..CardLimits::none(currency(code)) };
    for code in ["USD", "JPY", "EUR", "USD"] {
        now(town.bank.set_card_limits(of(code), None)).unwrap();
    }
    let numbers = |rules: &[CardRules]| rules.iter().map(|it| (it.number, it.currency)).collect::<Vec<_>>();
    let (rules, named) = all_rules_of(&town, "a", 0);
    assert_eq!(numbers(&rules), [(2, jpy()), (3, currency("EUR")), (4, currency("USD"))]);
    assert_eq!(named, [2, 3, 4]);
    let (rules, named) = all_rules_of(&town, "b", 2);
    assert_eq!((numbers(&rules).len(), named.len()), (2, 3));
    for letter in b'A'..=b'M' {
        let code = String::from_utf8(vec![b'X', b'X', letter]).unwrap();
        now(town.bank.set_card_limits(of(&code), None)).unwrap();
    }
    let full = now(town.bank.set_card_limits(of("CHF"), None));
    assert_eq!(full, Err(WriteError::Refused(LimitsRefusal::Currencies)));
    assert_eq!(all_rules_of(&town, "c", 0).1.len(), RULES_MAX);
    now(town.bank.set_card_limits(of("XXM"), None)).unwrap();
}

/// docs/card.md: currencies without limits take none of the sixteen places of a ticket, and a card that has older limits in them is
/// given the rules that lift these all the same.
#[test]
fn lifted_limits_take_no_place() {
    let town = Town::new();
    let of = |place: usize| {
        let code = format!("XX{}", char::from(b'A' + u8::try_from(place).unwrap()));
        CardLimits { payment_max: Some(amount(7)), ..CardLimits::none(Currency::from_code(&code).unwrap()) }
    };
    let set = |limits| now(town.bank.set_card_limits(limits, None));
    for place in 0..RULES_MAX {
        set(of(place)).unwrap();
    }
    let held = all_rules_of(&town, "a", 0).0.last().unwrap().number;
    let full = Err(WriteError::Refused(LimitsRefusal::Currencies));
    assert_eq!(set(of(RULES_MAX)), full);
    let unlimited = CardLimits::none(of(RULES_MAX + 1).currency);
    set(unlimited).unwrap();
    assert_eq!(set(of(RULES_MAX)), full);
    for place in 0..2 {
        set(CardLimits::none(of(place).currency)).unwrap();
        set(of(RULES_MAX + place)).unwrap();
    }
    assert_eq!(now(town.bank.limited_currencies()), Ok(RULES_MAX));
    assert_eq!(now(town.bank.card_limits()).unwrap().len(), RULES_MAX);

    let (given, named) = all_rules_of(&town, "b", held);
    let lifted: Vec<Currency> = given.iter().filter(|it| it.payment_max.is_none()).map(|it| it.currency).collect();
    assert_eq!(lifted, [of(0).currency, of(1).currency], "{given:?}");
    assert!(given.is_sorted_by_key(|it| it.number) && named.is_sorted());
    let all = all_rules_of(&town, "c", 0).0;
    let limited: Vec<u64> = all.iter().filter(|it| it.payment_max.is_some()).map(|it| it.number).collect();
    assert_eq!((all.len(), limited.len()), (RULES_MAX + 2, RULES_MAX));
    assert_eq!(named, limited, "a ticket names the limits");
}

/// docs/card.md: limits for one card take a place as well; what frees one card of the limits of all takes none.
#[test]
fn limits_of_one_card_take_a_place() {
    let mut town = Town::new();
    let of = |code: &str| CardLimits {
        payment_max: Some(amount(7)),
        ..CardLimits::none(Currency::from_code(code).unwrap())
    };
    let codes: Vec<String> = (b'A'..b'A' + 15).map(|letter| format!("XX{}", char::from(letter))).collect();
    *town.line.cards.lock().unwrap() = codes.iter().map(|code| of(code)).collect();
    town.restart();
    assert_eq!(now(town.bank.limited_currencies()), Ok(15), "before any card was in contact");
    contact_of(&town, "A-1", &shown("one", None, "a"));
    now(town.bank.set_card_limits(of("USD"), Some(nonce("one")))).unwrap();
    let full = Err(WriteError::Refused(LimitsRefusal::Currencies));
    assert_eq!(now(town.bank.set_card_limits(of("EUR"), None)), full);
    now(town.bank.set_card_limits(CardLimits::none(jpy()), Some(nonce("one")))).unwrap();
    now(town.bank.set_card_limits(CardLimits::none(of("XXA").currency), Some(nonce("one")))).unwrap();
    assert_eq!(now(town.bank.limited_currencies()), Ok(16));
    let told = now(town.bank.card_limits()).unwrap();
    let free: Vec<&str> = told.iter().filter(|it| it.payment.is_none()).map(|it| it.currency.as_str()).collect();
    assert_eq!((told.len(), free), (17, vec!["XXA"]), "that one card is free is told, that nobody is limited is not");
    *town.line.cards.lock().unwrap() = Vec::new();
    town.restart();
    assert_eq!(now(town.bank.limited_currencies()), Ok(1));
    now(town.bank.set_card_limits(of("EUR"), None)).unwrap();
}
