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

mod limits;
mod refunds;

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
