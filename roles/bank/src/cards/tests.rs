use zeni_message::{peer::SendError, route::Clock};
use zeni_money::Currency;
use zeni_note::{
    CardRules,
    licence::key_digest,
    messages::bank::{DepositChallenge, OpenDeposit, OpenRefund, REFUNDS_KEPT_MAX},
    operator::RULES_MAX,
    testing::{DAY, amount, jpy, key, newest, nonce},
};
use zeni_store::{Options, WriteError, testing::block_on};

use super::*;
use crate::{
    deposit::REFUNDS_OF_ACCOUNT_MAX,
    testing::{Town, now, refusal},
};

fn shown(card: &str, token: Option<Nonce>, drawn: &str) -> ContactCard {
    ContactCard { card: nonce(card), token, nonce: nonce(drawn), rules: 0, filter: None }
}

fn contact_of(town: &Town, account: &str, message: &ContactCard) -> ContactTicket {
    let reply = town.send(account, message).unwrap();
    let record = reply.ticket.verify(town.world.network(), &key("bank document").public()).unwrap().record().clone();
    assert_eq!((record.card, record.nonce), (message.card, message.nonce));
    record
}

/// docs/card.md: each ticket names the next token; the same contact again gets the same ticket, also after a restart; nothing freezes
/// a card that shows what it was given.
#[test]
fn tokens_follow_each_other() {
    let mut town = Town::new();
    let mut token = None;
    for drawn in ["1", "2", "3"] {
        let message = shown("card", token, drawn);
        let first = contact_of(&town, "A-1", &message);
        town.restart();
        town.advance(60);
        let again = contact_of(&town, "A-1", &message);
        assert_eq!((&first, first.frozen, first.rules.len()), (&again, false, 0));
        assert_ne!(Some(first.token), token);
        token = Some(first.token);
    }
}

/// docs/card.md: a copy is found at the second contact of either: before the first contact, and after it.
#[test]
fn a_copy_is_found() {
    let town = Town::new();
    // both are new
    let first = contact_of(&town, "A-1", &shown("one", None, "original"));
    assert!(!first.frozen);
    assert!(contact_of(&town, "A-1", &shown("one", None, "copy")).frozen);
    assert!(contact_of(&town, "A-1", &shown("one", Some(first.token), "original 2")).frozen, "and so is the other");
    // copied with a token
    let first = contact_of(&town, "A-1", &shown("two", None, "a"));
    let second = contact_of(&town, "A-1", &shown("two", Some(first.token), "b"));
    assert!(!second.frozen);
    assert!(contact_of(&town, "A-1", &shown("two", Some(first.token), "copy's")).frozen);
    assert!(contact_of(&town, "A-1", &shown("two", Some(second.token), "c")).frozen);
    let never = contact_of(&town, "A-1", &shown("two", Some(second.token), "c"));
    assert!(never.frozen, "frozen for good");
    // the copy knew the nonce as well: it gets the same ticket, and the second contact of either finds it
    let first = contact_of(&town, "A-1", &shown("three", None, "a"));
    assert_eq!(contact_of(&town, "A-1", &shown("three", None, "a")), first);
    assert!(!contact_of(&town, "A-1", &shown("three", Some(first.token), "b")).frozen);
    assert!(contact_of(&town, "A-1", &shown("three", Some(first.token), "copy's")).frozen);
}

/// docs/card.md: a card that goes back behind its last ticket shows an old token with a new nonce, and is frozen for good.
#[test]
fn a_rolled_back_card_is_found() {
    for back in 0..4 {
        let town = Town::new();
        let mut tokens = vec![None];
        for drawn in ["a", "b", "c", "d", "e"] {
            let last = *tokens.last().unwrap();
            tokens.push(Some(contact_of(&town, "A-1", &shown("card", last, drawn)).token));
        }
        assert!(contact_of(&town, "A-1", &shown("card", tokens[back], "of the copy")).frozen, "{back}");
        assert!(contact_of(&town, "A-1", &shown("card", tokens[5], "f")).frozen, "{back}");
    }
}

/// docs/card.md: messages that come late, however late, freeze nobody: the card that went on has drawn another nonce since. Whoever
/// waits for an answer to the old one is an older state, and is told that it is frozen. Old halves put together anew are a copy's.
#[test]
fn late_messages_freeze_nobody() {
    let mut town = Town::new();
    let (mut old, mut token) = (Vec::new(), None);
    for drawn in ["a", "b", "c", "d", "e"] {
        let message = shown("card", token, drawn);
        token = Some(contact_of(&town, "A-1", &message).token);
        for late in &old {
            let before = town.dump();
            let told = contact_of(&town, "A-1", late);
            assert!(told.frozen && told.nonce == late.nonce && town.dump() == before);
        }
        town.restart();
        old.push(message);
    }
    assert!(!contact_of(&town, "A-1", &shown("card", token, "f")).frozen);
    let mixed = ContactCard { nonce: old[0].nonce, ..old[1].clone() };
    assert!(contact_of(&town, "A-1", &mixed).frozen);
}

/// docs/card.md: of what a card showed the bank keeps the newest 1,024 pairs: one that is older counts as a copy's.
#[test]
fn what_was_shown_is_bounded() {
    let town = Town::new();
    let first = shown("card", None, "0");
    let mut token = Some(contact_of(&town, "A-1", &first).token);
    let contact = |number: u64, token| Some(contact_of(&town, "A-1", &shown("card", token, &number.to_string())).token);
    for number in 1..=SHOWN_KEPT_MAX {
        token = contact(number, token);
    }
    assert!(contact_of(&town, "A-1", &first).frozen);
    token = contact(SHOWN_KEPT_MAX + 1, token);
    assert!(!contact_of(&town, "A-1", &shown("card", token, "goes on")).frozen);
    assert!(contact_of(&town, "A-1", &first).frozen);
    assert!(contact_of(&town, "A-1", &shown("card", token, "goes on")).frozen, "and so is the card");
}

/// docs/card.md: a contact whose commit fails gives no ticket and leaves nothing; the same contact later is served, and freezes nobody.
#[test]
fn a_failed_commit_freezes_nobody() {
    let mut town = Town::new();
    let mut token = None;
    for drawn in ["1", "2", "3"] {
        let message = shown("card", token, drawn);
        let before = town.dump();
        town.bank.store.stop();
        assert!(matches!(town.send("A-1", &message), Err(SendError::Busy { .. })));
        town.restart();
        assert_eq!(town.dump(), before);
        let ticket = contact_of(&town, "A-1", &message);
        assert!(!ticket.frozen);
        token = Some(ticket.token);
    }
}

/// A ticket as an earlier version laid it out.
#[derive(Clone, Debug, minicbor::Encode, minicbor::Decode)]
struct OldTicket {
    #[n(0)]
    card: Nonce,
    #[n(1)]
    nonce: Nonce,
    #[n(2)]
    token: Nonce,
    #[n(3)]
    time: Time,
    #[n(4)]
    rules: u64,
    #[n(5)]
    frozen: bool,
    #[n(6)]
    currency: Currency,
}

impl zeni_message::Record for OldTicket {
    const KIND: &'static str = "zeni/contact-ticket";
    const MAX: usize = 128;
}

/// docs/card.md: a card whose reply was lost, and whose bank then went on to a version with another layout of tickets, gets a ticket for
/// the same pair that names the same next token: from then on the same, byte for byte, and it goes on.
#[test]
fn tickets_of_an_earlier_version_are_signed_anew() {
    for frozen in [false, true] {
        let mut town = Town::new();
        let message = shown("card", None, "a");
        let first = contact_of(&town, "A-1", &message);
        let ContactTicket { card, nonce, token, time, .. } = first.clone();
        let old = OldTicket { card, nonce, token, time, rules: 0, frozen, currency: jpy() };
        let old = encode(&Signed::sign(town.world.network(), old, &key("bank document")));
        assert!(decode::<Signed<ContactTicket>>(&old, SMALL_MESSAGE_BYTES_MAX).is_err());
        let plant = move |tx: &mut Tx<'_>| -> Result<u64, JobError<std::convert::Infallible>> {
            Ok(tx.execute(schema::UPDATE_TICKET, params![*card, old.clone()])?)
        };
        now(town.bank.store.write(Default::default(), plant)).unwrap();
        if frozen {
            now(town.bank.freeze_card(card)).unwrap();
        }
        // all but the ticket
        let kept = |town: &Town| {
            let mut rows = town.table("card");
            rows.iter_mut().for_each(|row| drop(row.remove(5)));
            (rows, town.table("card_shown"))
        };
        let before = kept(&town);
        town.advance(60);
        let anew = contact_of(&town, "A-1", &message);
        assert_eq!((anew.token, anew.frozen), (token, frozen));
        town.restart();
        town.advance(60);
        assert_eq!(contact_of(&town, "A-1", &message), anew);
        assert_eq!(kept(&town), before);
        assert_eq!(contact_of(&town, "A-1", &shown("card", Some(token), "b")).frozen, frozen);
    }
}

/// docs/card.md: cards of one account that are in contact at the same time, and the same contact many times at once, freeze nobody.
#[test]
fn contacts_at_once() {
    let mut town = Town::new();
    town.restart_with(Options::default());
    let tickets: Vec<ContactTicket> = std::thread::scope(|scope| {
        let town = &town;
        let ask = |card: usize| {
            let message = shown(&format!("{}", card % 4), None, "a");
            block_on(town.customer("A-1").send(&message)).unwrap().ticket.record
        };
        let threads: Vec<_> = (0..16).map(|card| scope.spawn(move || ask(card))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (place, ticket) in tickets.iter().enumerate() {
        assert!(!ticket.frozen && *ticket == tickets[place % 4]);
    }
}

/// docs/card.md: the operator freezes a card by hand; it learns it at its next contact.
#[test]
fn the_operator_freezes_a_card() {
    let town = Town::new();
    let first = contact_of(&town, "A-1", &shown("lost", None, "a"));
    assert_eq!(now(town.bank.freeze_card(nonce("lost"))), Ok(true));
    assert_eq!(now(town.bank.freeze_card(nonce("unknown"))), Ok(false));
    assert!(contact_of(&town, "A-1", &shown("lost", Some(first.token), "b")).frozen);
}

/// docs/card.md: an account uses several cards at a time, up to a limit; a card is one account's.
#[test]
fn cards_per_account() {
    let town = Town::new();
    for card in 0..CARDS_MAX {
        assert!(!contact_of(&town, "A-1", &shown(&card.to_string(), None, "a")).frozen);
    }
    let more = shown("more", None, "a");
    assert_eq!(refusal(town.send("A-1", &more)), ContactRefusal::TooManyCards { max: 16 });
    assert!(!contact_of(&town, "A-2", &more).frozen);
    assert_eq!(refusal(town.send("A-1", &more)), ContactRefusal::OtherAccount);
    let unknown = shown("unknown", Some(nonce("token")), "a");
    assert_eq!(refusal(town.send("A-2", &unknown)), ContactRefusal::UnknownCard);
    assert!(contact_of(&town, "A-1", &shown("3", None, "other")).frozen);
    assert!(!contact_of(&town, "A-1", &shown("replacement", None, "a")).frozen, "a frozen one makes room");
}

/// docs/card.md: sixteen replaced cards do not shut out the seventeenth: without contact for 30 days a card makes room. It is known
/// still: it comes back with its token, and a copy of it is found.
#[test]
fn replaced_cards_make_room() {
    let town = Town::new();
    let tokens: Vec<Nonce> =
        (0..CARDS_MAX).map(|card| contact_of(&town, "A-1", &shown(&card.to_string(), None, "a")).token).collect();
    town.advance(29 * DAY);
    let next = shown("next", None, "a");
    assert_eq!(refusal(town.send("A-1", &next)), ContactRefusal::TooManyCards { max: 16 });
    town.advance(DAY);
    assert!(!contact_of(&town, "A-1", &next).frozen);
    assert!(!contact_of(&town, "A-1", &shown("0", Some(tokens[0]), "b")).frozen);
    assert!(contact_of(&town, "A-1", &shown("1", None, "of a copy")).frozen);
}

/// docs/card.md: a thief whose copy was found invents numbers so that the bank forgets it: the frozen number is kept for good, and a
/// day takes so many new ones.
#[test]
fn invented_numbers_make_nobody_forgotten() {
    let town = Town::new();
    contact_of(&town, "A-1", &shown("copied", None, "original"));
    let copy = shown("copied", None, "copy");
    assert!(contact_of(&town, "A-1", &copy).frozen);
    let mut invented = 1;
    for day in 0..3 {
        loop {
            let number = format!("{day} {invented}");
            match town.send("A-1", &shown(&number, None, "a")) {
                Ok(_) => invented += 1,
                Err(_) => break,
            }
            // freezing it himself, he makes room for another
            assert!(contact_of(&town, "A-1", &shown(&number, None, "b")).frozen);
        }
        assert_eq!(invented, NEW_CARDS_MAX * (day + 1), "day {day}");
        let many = refusal(town.send("A-1", &shown("one more", None, "a")));
        assert_eq!(many, ContactRefusal::TooManyNew { max: NEW_CARDS_MAX });
        assert!(contact_of(&town, "A-1", &copy).frozen);
        town.advance(DAY);
    }
    assert!(contact_of(&town, "A-1", &shown("copied", None, "again")).frozen);
}

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

/// RN-D22: the filter is the authority's newest list, given when asked for; keys on the list are not cleared.
#[test]
fn filters_and_clearances() {
    let mut town = Town::new();
    let thief = key("thief").public();
    town.desk().revoked = vec![key_digest(&thief)];
    town.settle();
    let message = ContactCard { filter: Some(0), ..shown("card", None, "a") };
    let filter = town.send("A-1", &message).unwrap().filter.unwrap();
    let operator = key("bank document").public();
    let filter = filter.verify(town.world.network(), &operator).unwrap().record().clone();
    assert!(filter.names(&thief) && !filter.names(&key("honest").public()));
    let held = ContactCard { filter: Some(filter.number), ..message.clone() };
    assert_eq!(town.send("A-1", &held).unwrap().filter, None);
    assert_eq!(town.send("A-1", &shown("card", None, "a")).unwrap().filter, None);

    let bank = town.as_caller(None);
    let ask = |filter, keys| now(bank.send(&GetClearance { filter, keys }));
    let honest = key_digest(&key("honest").public());
    let cleared = ask(filter.number, vec![honest]).unwrap();
    assert_eq!(cleared.verify(town.world.network(), &operator).unwrap().record().keys, vec![honest]);
    let guilty = ask(filter.number, vec![honest, key_digest(&thief)]);
    assert_eq!(refusal(guilty), ClearanceRefusal::Revoked { item: 1 });
    let newest = ClearanceRefusal::OtherFilter { newest: filter.number };
    assert_eq!(refusal(ask(filter.number + 1, vec![honest])), newest);
    assert_eq!(refusal(ask(filter.number, Vec::new())), ClearanceRefusal::Count { found: 0, max: 64 });
}

/// RN-X31: a challenge for a refund signed in advance waits for years, the others for weeks; each card of an account keeps so
/// many, and those of a lost one outlive what its replacement asks for. Numbers that nobody knows are counted together.
#[test]
fn challenges_for_refunds_wait() {
    let mut town = Town::new();
    let of_card = |town: &Town, card: &str, id: &str| {
        town.send("A-1", &OpenRefund { deposit: nonce(id), card: nonce(card) }).unwrap()
    };
    let open = |town: &Town, id: &str| of_card(town, "card", id);
    let ordinary = |town: &Town, id: &str| town.send("A-1", &OpenDeposit { deposit: nonce(id) }).unwrap();
    let kept: DepositChallenge = open(&town, "kept");
    let short = ordinary(&town, "short");
    for _ in 0..40 {
        town.advance(10 * DAY);
        town.settle();
    }
    assert_eq!(open(&town, "kept"), kept);
    assert_eq!(ordinary(&town, "kept"), kept);
    assert_ne!(ordinary(&town, "short"), short);
    for card in ["lost", "replacement"] {
        contact_of(&town, "A-1", &shown(card, None, "a"));
    }
    let lost = of_card(&town, "lost", "of the lost card");
    for id in 0..REFUNDS_KEPT_MAX {
        town.advance(DAY);
        of_card(&town, "replacement", &format!("new {id}"));
        of_card(&town, &format!("invented {id}"), &format!("{id}"));
    }
    assert_eq!(of_card(&town, "lost", "of the lost card"), lost);
    assert_ne!(open(&town, "kept"), kept, "displaced by newer ones");
    ordinary(&town, "deposits have room still");
    assert!(town.clock.now() > kept.time);
}

/// RN-X31: invented cards, frozen one after the other, do not fill the bank's database: an account has so many challenges kept in all.
/// Then a card's next displaces its own oldest, and a card that has none is put off; no other card's gives way, and no other account's.
#[test]
fn challenges_for_refunds_are_bounded_per_account() {
    let town = Town::new();
    let ask = |account: &str, card: u32, id: String| {
        town.send(
            account,
            &OpenRefund { deposit: nonce(&format!("{account} {card} {id}")), card: nonce(&card.to_string()) },
        )
    };
    let cards = REFUNDS_OF_ACCOUNT_MAX / REFUNDS_KEPT_MAX;
    for card in 0..=cards {
        contact_of(&town, "A-1", &shown(&card.to_string(), None, "a"));
        now(town.bank.freeze_card(nonce(&card.to_string()))).unwrap();
    }
    let first: Vec<_> = (0..cards).map(|card| ask("A-1", card, "first".into()).unwrap()).collect();
    town.advance(1);
    for card in 0..cards {
        for id in 1..REFUNDS_KEPT_MAX {
            ask("A-1", card, id.to_string()).unwrap();
        }
    }
    let rows = town.table("deposit").len();
    assert_eq!(rows, usize::try_from(REFUNDS_OF_ACCOUNT_MAX).unwrap());
    for card in [cards, 777] {
        assert!(matches!(ask("A-1", card, "one more".into()), Err(SendError::Busy { .. })), "{card}");
    }
    assert_eq!(ask("A-1", 3, "first".into()).unwrap(), first[3], "the same again");
    ask("A-1", 3, "one more".into()).unwrap();
    assert_eq!(town.table("deposit").len(), rows + 2, "two wait as ordinary ones");
    let kept = (0_u32..).zip(&first).filter(|(card, first)| {
        let again = town.send("A-1", &OpenDeposit { deposit: nonce(&format!("A-1 {card} first")) }).unwrap();
        again == **first
    });
    assert_eq!(kept.count(), first.len() - 1, "its own oldest gave way");
    ask("A-2", 0, "first".into()).unwrap();
}
