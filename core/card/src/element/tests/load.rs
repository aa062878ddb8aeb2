//! What the card lets in.

use zeni_note::{ChainFault, challenge::give_back_opening};

use super::*;
use crate::CardError::{Currency, LoadedBefore, NoSlot, Retired, Ticket, UnknownKey};

/// RN-P1: a note loads into the slot that its ticket names, with its face value, and is listed.
#[test]
fn a_note_loads_once() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let expected = HoldingStatus {
        closed: Amount::ZERO,
        node: money.chain.note.identity(desk.world.network()),
        key: money.key,
        currency: jpy(),
        value: amount(500),
        remaining: amount(500),
        state: HoldingState::Live,
    };
    assert_eq!(desk.card.holding(&money.node), Ok(Some(expected)));
    assert_eq!(desk.card.holdings(), Ok(vec![expected]));
    assert_eq!(desk.card.holding(&answer("none")), Ok(None));
}

/// The same load again gives the same answer while nothing was signed from it, and never a second counter.
#[test]
fn the_same_load_again() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let chain = desk.note_to(key, 500, "1");
    let ticket = desk.ticket(&chain, slot);
    let first = desk.card.load_note(&chain, &ticket).unwrap();
    assert_eq!(desk.card.load_note(&chain, &ticket), Ok(first));
    desk.endorse(&first.node, amount(1), &answer("a")).unwrap();
    assert_eq!(desk.card.load_note(&chain, &ticket), Err(LoadedBefore));
    assert_eq!(desk.status(&first.node), (500, 499, HoldingState::Live));
}

/// RN-P1: a node never loads twice: in another slot, spent to nothing, closed, after 1,000 other loads.
#[test]
fn never_twice() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let second = desk.card.open_load(&money.key).unwrap();
    assert_eq!(desk.card.load_note(&money.chain, &desk.ticket(&money.chain, second)), Err(LoadedBefore));
    desk.endorse(&money.node, amount(500), &answer("all")).unwrap();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 5, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    for serial in 0..1_000 {
        desk.card.load_payment(&desk.paid(&challenge, 5, &format!("n{serial}"))).unwrap();
    }
    assert_eq!(desk.card.load_note(&money.chain, &desk.ticket(&money.chain, second)), Err(LoadedBefore));
    assert_eq!(desk.status(&money.node), (500, 0, HoldingState::Live));
    let paid = desk.paid(&challenge, 5, "n0");
    let node = desk.world.leaf(&paid);
    desk.card.close(&node, &ClosingPurpose::Deposit(account("d"))).unwrap();
    assert_eq!(desk.card.load_payment(&paid), Err(LoadedBefore));
    assert_eq!(desk.status(&node), (5, 0, HoldingState::Closed));
    assert_eq!(desk.card.holdings().unwrap().len(), 999);
    assert_conserved(&desk.memory);
}

/// A slot takes one note: not another one, not that of another key, not without having been opened.
#[test]
fn one_slot_one_note() {
    let mut desk = Desk::new();
    let (one, other) = (desk.card.generate_key().unwrap(), desk.card.generate_key().unwrap());
    let slot = desk.card.open_load(&one).unwrap();
    assert_eq!(desk.card.open_load(&one), Ok(slot), "one key, one open slot, one nonce");
    let elsewhere = desk.note_to(key("elsewhere").public(), 100, "0");
    assert_eq!(desk.card.load_note(&elsewhere, &desk.ticket(&elsewhere, slot)), Err(UnknownKey));
    let chain = desk.note_to(one, 100, "1");
    assert_eq!(desk.card.load_note(&chain, &desk.ticket(&chain, nonce("never opened"))), Err(NoSlot));
    let foreign = desk.note_to(other, 100, "2");
    assert_eq!(desk.card.load_note(&foreign, &desk.ticket(&foreign, slot)), Err(NoSlot));
    desk.card.load_note(&chain, &desk.ticket(&chain, slot)).unwrap();
    let next = desk.note_to(one, 100, "3");
    assert_eq!(desk.card.load_note(&next, &desk.ticket(&next, slot)), Err(NoSlot));
    let fresh = desk.card.open_load(&one).unwrap();
    assert_ne!(fresh, slot);
    assert!(desk.card.load_note(&next, &desk.ticket(&next, fresh)).is_ok());
    assert_eq!(desk.card.open_load(&key("elsewhere").public()), Err(UnknownKey));
}

/// RN-P1: the issuer's ticket is for this note and truly the issuer's.
#[test]
fn tickets() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let chain = desk.note_to(key, 100, "1");
    let mut false_one = desk.ticket(&chain, slot);
    false_one.signature.0[5] ^= 1;
    assert_eq!(desk.card.load_note(&chain, &false_one), Err(Ticket));
    let other_note = desk.ticket(&desk.note_to(key, 100, "2"), slot);
    assert_eq!(desk.card.load_note(&chain, &other_note), Err(Ticket));
    let own = LoadTicket { note: chain.note.identity(desk.world.network()), nonce: slot };
    let by_authority = Signed::sign(desk.world.network(), own, &desk.world.authority);
    assert_eq!(desk.card.load_note(&chain, &by_authority), Err(Ticket));
    // even the issuer's leave brings no endorsement in as a note
    let payer = zeni_note::testing::key("payer");
    let opening = desk.challenge(key, 5, "c").opening(desk.world.network());
    let passed = desk.pass(&desk.world.note(&payer, 100, "3"), &payer, 5, opening, key);
    let leave = LoadTicket { note: desk.world.leaf(&passed), nonce: slot };
    let leave = Signed::sign(desk.world.network(), leave, &desk.world.issuer);
    assert_eq!(desk.card.load_note(&passed, &leave), Err(Ticket));
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
    assert!(desk.card.load_note(&chain, &desk.ticket(&chain, slot)).is_ok(), "the slot is still open");
}

/// RN-P1: a raised face, a false signature, a licence not the authority's, another network's note: refused.
#[test]
fn forged_notes() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let chain = desk.note_to(key, 100, "1");
    let mut raised = chain.clone();
    raised.note.record.face = amount(10_000);
    let refused = |desk: &mut Desk, chain: &Chain| {
        let ticket = desk.ticket(chain, slot);
        desk.card.load_note(chain, &ticket).unwrap_err()
    };
    assert_eq!(refused(&mut desk, &raised), ChainFault::Note.into());
    let mut unlicensed = chain.clone();
    let zeni_note::Right::Licensed(licence) = &mut unlicensed.holder else {
        panic!("the note is of a licensed holder")
    };
    licence.signature.0[0] ^= 1;
    assert_eq!(refused(&mut desk, &unlicensed), ChainFault::Licence { hop: 0 }.into());
    let foreign = Desk { world: World::new("elsewhere"), ..desk.copied() }.note_to(key, 100, "1");
    assert_eq!(refused(&mut desk, &foreign), ChainFault::Licence { hop: 0 }.into());
    let mut nothing = chain.clone();
    nothing.note.record.face = Amount::ZERO;
    assert_eq!(refused(&mut desk, &nothing), ChainFault::Amount { hop: 0 }.into());
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
}

/// RN-X18: what answers a challenge of this card loads, several distinct endorsements too, each once.
#[test]
fn payments() {
    let mut desk = Desk::new();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 300, "c");
    let chain = desk.paid(&challenge, 300, "1");
    assert_eq!(desk.card.load_payment(&chain), Err(NoSlot), "nobody asked");
    let signature = desk.card.sign_challenge(&challenge).unwrap();
    assert!(desk.signed_by(&payee, &challenge, &signature));
    assert_eq!(desk.card.sign_challenge(&challenge), Ok(signature));
    let first = desk.card.load_payment(&chain).unwrap();
    assert_eq!((first.value, first.remaining, first.key), (amount(300), amount(300), payee));
    assert_eq!(desk.card.load_payment(&chain), Ok(first));
    assert!(desk.card.load_payment(&desk.paid(&challenge, 299, "2")).is_ok());
    assert_eq!(desk.card.holdings().unwrap().len(), 2);
    desk.endorse(&first.node, amount(300), &answer("on")).unwrap();
    assert_eq!(desk.card.load_payment(&chain), Err(LoadedBefore));
    let stranger = desk.challenge(key("stranger").public(), 300, "c");
    assert_eq!(desk.card.sign_challenge(&stranger), Err(UnknownKey));
    assert_eq!(desk.card.load_payment(&desk.paid(&stranger, 300, "3")), Err(UnknownKey));
    let plain_note = desk.note_to(payee, 100, "4");
    assert_eq!(desk.card.load_payment(&plain_note), Err(NoSlot));
}

/// RN-X20: amounts above the inflow, of nothing, or altered after signing raise no counter.
#[test]
fn forged_payments() {
    let mut desk = Desk::new();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    let mut altered = desk.paid(&challenge, 300, "1");
    altered.hops[0].amount = amount(301);
    assert_eq!(desk.card.load_payment(&altered), Err(ChainFault::Endorsement { hop: 0 }.into()));
    let more = desk.paid(&challenge, 1_001, "1");
    assert_eq!(desk.card.load_payment(&more), Err(ChainFault::Amount { hop: 0 }.into()));
    let nothing = desk.paid(&challenge, 0, "1");
    assert_eq!(desk.card.load_payment(&nothing), Err(ChainFault::Amount { hop: 0 }.into()));
    assert_eq!(desk.card.holdings(), Ok(Vec::new()));
}

/// What the card passed on comes back into its key once per endorsement, at any time the giver writes.
#[test]
fn give_back() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let payee = key("payee");
    let given = desk.give(&money, 200, payee.public(), "late");
    let parent = desk.world.leaf(&given);
    let opening = give_back_opening(START.plus(DAY), &parent);
    let back = desk.pass(&given, &payee, 150, opening, money.key);
    let status = desk.card.load_payment(&back).unwrap();
    assert_eq!((status.value.minor(), status.key, status.state), (150, money.key, HoldingState::Live));
    assert_eq!(desk.card.load_payment(&back), Ok(status));
    let later = give_back_opening(START.plus(2 * DAY), &parent);
    assert_eq!(desk.card.load_payment(&desk.pass(&given, &payee, 50, later, money.key)), Err(NoSlot));
    assert_eq!(desk.card.load_payment(&desk.pass(&given, &payee, 50, opening, money.key)), Err(NoSlot));
    let other_given = desk.give(&money, 100, payee.public(), "another");
    let other_parent = desk.world.leaf(&other_given);
    let wrong = give_back_opening(START.plus(DAY), &parent);
    assert_eq!(desk.card.load_payment(&desk.pass(&other_given, &payee, 100, wrong, money.key)), Err(NoSlot));
    let right = give_back_opening(START.plus(DAY), &other_parent);
    let mut salted = right;
    salted.salt = nonce("salt");
    assert_eq!(desk.card.load_payment(&desk.pass(&other_given, &payee, 100, salted, money.key)), Err(NoSlot));
    assert!(desk.card.load_payment(&desk.pass(&other_given, &payee, 100, right, money.key)).is_ok());
    assert_conserved(&desk.memory);
}

/// What another key passed on is not given back to this card, neither to another of its keys.
#[test]
fn give_back_of_others() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let (payer, payee) = (key("payer"), key("payee"));
    let others = desk.world.pay(&desk.world.note(&payer, 500, "2"), &payer, &payee, 200, "x");
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&others));
    assert_eq!(desk.card.load_payment(&desk.pass(&others, &payee, 200, opening, money.key)), Err(NoSlot));
    let given = desk.give(&money, 200, payee.public(), "mine");
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&given));
    let other_key = desk.card.generate_key().unwrap();
    assert_eq!(desk.card.load_payment(&desk.pass(&given, &payee, 200, opening, other_key)), Err(NoSlot));
    // a chain in which this card's signature is only claimed
    let mut claimed = desk.world.note(&payer, 500, "3");
    claimed =
        desk.pass(&claimed, &payer, 400, desk.challenge(money.key, 1, "y").opening(desk.world.network()), money.key);
    claimed = desk.pass(
        &claimed,
        &payer,
        300,
        desk.challenge(payee.public(), 1, "z").opening(desk.world.network()),
        payee.public(),
    );
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&claimed));
    let claimed = desk.pass(&claimed, &payee, 300, opening, money.key);
    assert_eq!(desk.card.load_payment(&claimed), Err(ChainFault::Endorsement { hop: 1 }.into()));
    assert_eq!(desk.card.holdings().unwrap().len(), 1);
}

/// The time floor is the latest time in what others signed before, never the card's own challenge.
#[test]
fn time_floor() {
    let mut desk = Desk::new();
    let payee = desk.card.generate_key().unwrap();
    let challenge = desk.challenge(payee, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    desk.card.load_payment(&desk.paid(&challenge, 300, "1")).unwrap();
    assert_eq!(desk.card.time_floor(), Ok(Time::START));
    let (payer, middle) = (key("payer"), key("middle"));
    let long = desk.world.pay(&desk.world.note(&payer, 500, "2"), &payer, &middle, 200, "x");
    let long = desk.pass(&long, &middle, 100, challenge.opening(desk.world.network()), payee);
    desk.card.load_payment(&long).unwrap();
    assert_eq!(desk.card.time_floor(), Ok(START.plus(DAY)));
    desk.card.load_payment(&desk.paid(&challenge, 300, "3")).unwrap();
    assert_eq!(desk.card.time_floor(), Ok(START.plus(DAY)), "it never falls");
    let mut opening = challenge.opening(desk.world.network());
    opening.time = START.plus(3 * DAY);
    let long = desk.pass(&desk.world.note(&payer, 500, "4"), &payer, 200, opening, middle.public());
    let long = desk.world.pay(&long, &middle, &payer, 100, "y");
    desk.card.load_payment(&desk.pass(&long, &payer, 100, challenge.opening(desk.world.network()), payee)).unwrap();
    assert_eq!(desk.card.time_floor(), Ok(START.plus(3 * DAY)), "the latest, wherever it stands");
}

/// A retired card loads nothing and opens nothing.
#[test]
fn retired() {
    let mut desk = Desk::new();
    let key = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&key).unwrap();
    let challenge = desk.challenge(key, 300, "c");
    desk.card.sign_challenge(&challenge).unwrap();
    desk.card.retire().unwrap();
    let chain = desk.note_to(key, 100, "1");
    assert_eq!(desk.card.load_note(&chain, &desk.ticket(&chain, slot)), Err(Retired));
    assert_eq!(desk.card.load_payment(&desk.paid(&challenge, 300, "1")), Err(Retired));
    assert_eq!(desk.card.open_load(&key), Err(Retired));
    assert_eq!(desk.card.sign_challenge(&challenge), Err(Retired));
    assert_eq!(desk.card.generate_key(), Err(Retired));
}

/// FX-R4, FX-X41: a card that was made for one currency asks for no other and loads no other.
#[test]
fn one_currency_only() {
    let dollars = zeni_money::Currency::from_code("USD").expect("three letters");
    let mut desk = Desk::of(&Identity { currency: Some(dollars), ..testing::identity(World::new("w").roots) });
    let key = desk.card.generate_key().unwrap();
    let yen = desk.challenge(key, 5, "c");
    assert_eq!(desk.card.sign_challenge(&yen), Err(Currency { found: jpy() }));
    desk.card.sign_challenge(&Challenge { currency: dollars, ..yen }).unwrap();
    let (chain, slot) = (desk.note_to(key, 500, "1"), desk.card.open_load(&key).unwrap());
    assert_eq!(desk.card.load_note(&chain, &desk.ticket(&chain, slot)), Err(Currency { found: jpy() }));
    assert_eq!(desk.card.holdings(), Ok(vec![]));
}
