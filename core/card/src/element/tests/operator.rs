//! Open payments, limits, the filter and the token.

use zeni_money::Currency;
use zeni_note::{
    CardRules, Clearance, ContactTicket, RevocationFilter,
    closing::BackupRefund,
    licence::key_digest,
    operator::CLEARED_MAX,
    testing::{rules, yen},
};

use super::{
    super::testing::{Cut, operator},
    *,
};
use crate::{Contact, KeyPolicy, Limit, Limits};

const DAY_S: u64 = 86_400;

impl Desk {
    pub(super) fn order<T: Record>(&self, record: T) -> Signed<T> {
        Signed::sign(self.world.network(), record, &operator())
    }

    pub(super) fn limit(&mut self, rules: CardRules) {
        let rules = self.order(rules);
        self.card.take_rules(&rules).unwrap();
    }

    /// A ticket for what the card shows.
    pub(super) fn ticket_of(&self, shown: &Contact, token: &str, time: Time) -> ContactTicket {
        let Contact { card, nonce: drawn, .. } = *shown;
        ContactTicket { card, nonce: drawn, token: nonce(token), time, rules: 0, frozen: false, currency: jpy() }
    }

    pub(super) fn contact(&mut self, time: Time) {
        let shown = self.card.open_contact().unwrap();
        let ticket = self.order(self.ticket_of(&shown, "token", time));
        self.card.close_contact(&ticket).unwrap();
    }

    fn pay(&mut self, money: &Money, minor: u64, to: &str) -> Result<Signature, CardError> {
        self.endorse(&money.node, amount(minor), &answer(to))
    }

    /// Passes on to a key of the card's own, and loads it.
    fn pay_itself(&mut self, money: &Money, minor: u64, seed: &str) -> Result<HoldingStatus, CardError> {
        let key = self.card.generate_key()?;
        let challenge = self.challenge(key, minor, seed);
        self.card.sign_challenge(&challenge)?;
        let opening = challenge.opening(self.world.network());
        let signature = self.endorse(&money.node, amount(minor), &opening.answer_for(&key))?;
        let hop = Hop { opening, amount: amount(minor), signature, payee: self.world.licence(key).into() };
        self.card.load_payment(&money.chain.extended(hop))
    }
}

fn limited(limit: Limit) -> CardError {
    CardError::Limit(limit)
}

/// FX-D9, FX-F8, docs/card.md: an endorsement opens its payment in the same commit; several holdings answer under one; what was signed
/// is told; confirming twice is confirming once; the identical endorsement opens nothing anew.
#[test]
fn an_open_payment() {
    let mut desk = Desk::new();
    let (one, other) = (desk.note(500, "1"), desk.note(300, "2"));
    assert_eq!(desk.card.open_payment(), Ok(None));
    let commits = desk.memory.commits();
    let first = desk.card.endorse(&one.node, amount(500), &answer("a")).unwrap();
    assert_eq!(desk.memory.commits(), commits + 1);
    desk.reinsert(9);
    let second = desk.card.endorse(&other.node, amount(100), &answer("a")).unwrap();
    let open = desk.card.open_payment().unwrap().unwrap();
    assert_eq!(open.answer, answer("a"));
    let mut parts: Vec<_> = open.parts.iter().map(|part| (part.amount.minor(), part.signature)).collect();
    parts.sort_by_key(|(minor, _)| *minor);
    assert_eq!(parts, [(100, second), (500, first)]);
    let first_again = CardError::ResumeFirst { answer: answer("a") };
    assert_eq!(desk.card.endorse(&other.node, amount(100), &answer("b")), Err(first_again.clone()));
    assert_eq!(desk.card.endorse(&one.node, amount(500), &answer("a")), Ok(first));
    assert_eq!(desk.card.confirm(&answer("b")), Err(first_again));
    desk.card.confirm(&answer("a")).unwrap();
    desk.card.confirm(&answer("a")).unwrap();
    assert_eq!(desk.card.open_payment(), Ok(None));
    assert_eq!(desk.card.endorse(&one.node, amount(500), &answer("a")), Ok(first));
    assert_eq!(desk.card.open_payment(), Ok(None), "the same bytes again are no new payment");
}

/// docs/card.md: what answers "resume first" while a payment is open, and what does not.
#[test]
fn what_waits_for_an_open_payment() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let fresh = desk.card.generate_key().unwrap();
    let asking = desk.challenge(fresh, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    let paid = desk.paid(&asking, 300, "paid");
    let slot = desk.card.open_load(&fresh).unwrap();
    let chain = desk.note_to(fresh, 100, "2");
    let ticket = desk.ticket(&chain, slot);
    let shown = desk.card.open_contact().unwrap();
    let contact = desk.order(desk.ticket_of(&shown, "t", START));
    let (rules, filter) = (desk.order(rules(1)), desk.order(RevocationFilter::of(1, START, &[])));
    let next = desk.challenge(fresh, 1, "next");
    desk.card.endorse(&money.node, amount(100), &answer("a")).unwrap();
    let waits = CardError::ResumeFirst { answer: answer("a") };
    let card = &mut desk.card;
    assert_eq!(card.sign_challenge(&next).unwrap_err(), waits);
    assert_eq!(card.load_payment(&paid).unwrap_err(), waits);
    assert_eq!(card.load_note(&chain, &ticket).unwrap_err(), waits);
    assert_eq!(card.close(&money.node, &ClosingPurpose::Refund(account("r"))).unwrap_err(), waits);
    assert_eq!(card.hand_in(&account("h"), &[money.node]).unwrap_err(), waits);
    assert_eq!(card.refund(&money.node, &account("r")).unwrap_err(), waits);
    assert_eq!(card.export().unwrap_err(), waits);
    assert_eq!(card.export_move().unwrap_err(), waits);
    assert_eq!(card.retire().unwrap_err(), waits);
    assert_eq!(card.take_rules(&rules).unwrap_err(), waits);
    assert_eq!(card.close_contact(&contact).unwrap_err(), waits);
    card.generate_key().unwrap();
    card.open_load(&fresh).unwrap();
    card.take_filter(&filter).unwrap();
    assert_eq!(card.open_contact(), Ok(shown));
    card.confirm(&answer("a")).unwrap();
    card.load_payment(&paid).unwrap();
    card.load_note(&chain, &ticket).unwrap();
    card.take_rules(&rules).unwrap();
    card.close_contact(&contact).unwrap();
}

/// docs/card.md: each limit with its refusal, which changes nothing; a contact begins the counts anew, days go on.
#[test]
fn limits() {
    let mut desk = Desk::new();
    let money = desk.note(10_000, "1");
    desk.contact(START);
    desk.limit(CardRules {
        payment_max: Some(amount(500)),
        day_max: Some(amount(1_000)),
        payments_max: Some(3),
        total_max: Some(amount(900)),
        until: Some(START.plus(DAY_S)),
        ..rules(1)
    });
    let before = desk.memory.dump();
    assert_eq!(desk.pay(&money, 501, "a"), Err(limited(Limit::Payment { most: yen(500) })));
    assert_eq!(desk.memory.dump(), before);
    desk.pay(&money, 500, "a").unwrap();
    assert_eq!(desk.pay(&money, 401, "b"), Err(limited(Limit::Total { left: yen(400) })));
    desk.pay(&money, 1, "b").unwrap();
    desk.pay(&money, 1, "c").unwrap();
    assert_eq!(desk.pay(&money, 1, "d"), Err(limited(Limit::Payments { most: 3 })));
    desk.contact(START.plus(60));
    assert_eq!(desk.pay(&money, 499, "d"), Err(limited(Limit::Day { left: yen(498) })));
    desk.pay(&money, 498, "d").unwrap();
    assert_eq!(desk.pay(&money, 1, "e"), Err(limited(Limit::Day { left: yen(0) })));
    desk.contact(START.plus(DAY_S));
    desk.pay(&money, 500, "e").unwrap();
    desk.contact(START.plus(DAY_S + 1));
    assert_eq!(desk.pay(&money, 1, "f"), Err(limited(Limit::Ended { until: START.plus(DAY_S) })));
    desk.limit(rules(2));
    desk.pay(&money, 5_000, "f").unwrap();
}

/// docs/card.md: the rules of one currency, taken before those of another with a lesser number, skip nothing: numbers are held
/// per currency, and the ticket asks for those of the account's currency. Control: without rules the payment goes out.
#[test]
fn rules_of_another_currency_skip_none() {
    let eur = Currency::from_code("EUR").unwrap();
    let mut desk = Desk::new();
    let money = desk.note(10_000, "1");
    desk.limit(CardRules { currency: eur, ..rules(7) });
    let shown = desk.card.open_contact().unwrap();
    let ticket = desk.order(ContactTicket { rules: 6, ..desk.ticket_of(&shown, "t", START) });
    assert_eq!(desk.card.close_contact(&ticket), Err(CardError::RulesFirst { number: 6 }), "7 is another currency's");
    desk.limit(CardRules { payment_max: Some(amount(10)), ..rules(6) });
    desk.card.close_contact(&ticket).unwrap();
    assert_eq!(desk.pay(&money, 11, "a"), Err(limited(Limit::Payment { most: yen(10) })));
    let older = desk.order(rules(5));
    assert_eq!(desk.card.take_rules(&older), Err(CardError::Older { held: 6, found: 5 }));
    let mut control = Desk::new();
    let money = control.note(10_000, "1");
    control.limit(CardRules { currency: eur, ..rules(7) });
    assert!(control.pay(&money, 11, "a").is_ok());
}

/// docs/card.md: a host that confirms between the parts of one answer makes one payment; one that keeps an answer for after the next
/// contact makes another.
#[test]
fn one_answer_is_one_payment_until_the_next_contact() {
    let mut desk = Desk::new();
    let notes = ["1", "2", "3", "4"].map(|serial| desk.note(500, serial));
    desk.limit(CardRules { payments_max: Some(1), ..rules(1) });
    desk.pay(&notes[0], 100, "a").unwrap();
    desk.pay(&notes[1], 100, "a").unwrap();
    assert_eq!(desk.pay(&notes[2], 100, "b"), Err(limited(Limit::Payments { most: 1 })));
    assert_eq!(desk.card.limits(jpy()).unwrap().counts.payments, 1);
    desk.contact(START);
    desk.pay(&notes[2], 100, "b").unwrap();
    assert_eq!(desk.pay(&notes[3], 100, "a"), Err(limited(Limit::Payments { most: 1 })), "one answer for each contact");
}

/// docs/card.md: a bank whose clock was wrong for one contact: the next ticket sets it right, and setting it back gives nothing.
#[test]
fn a_clock_that_was_wrong_once() {
    let mut desk = Desk::new();
    let money = desk.note(10_000, "1");
    desk.limit(CardRules { day_max: Some(amount(100)), until: Some(START.plus(100 * DAY_S)), ..rules(1) });
    desk.contact(START);
    desk.pay(&money, 60, "a").unwrap();
    desk.contact(START.plus(10_000 * DAY_S));
    assert!(matches!(desk.pay(&money, 1, "b"), Err(CardError::Limit(Limit::Ended { .. }))));
    desk.contact(START);
    desk.pay(&money, 100, "b").unwrap();
    // set back a day: what was spent stays spent
    desk.contact(Time(START.0 - DAY_S));
    assert_eq!(desk.pay(&money, 1, "c"), Err(limited(Limit::Day { left: yen(0) })));
    desk.contact(START);
    desk.pay(&money, 100, "c").unwrap();
    let wrong = RevocationFilter::of(1, START.plus(10_000 * DAY_S), &[]);
    desk.card.take_filter(&desk.order(wrong)).unwrap();
    assert!(matches!(desk.pay(&money, 1, "d"), Err(CardError::Limit(Limit::Ended { .. }))));
    desk.card.take_filter(&desk.order(RevocationFilter::of(2, START, &[]))).unwrap();
    assert_eq!(desk.pay(&money, 1, "d"), Err(limited(Limit::Day { left: yen(0) })), "the newest filter counts");
}

/// docs/card.md: parts of one payment are one payment, also when it was confirmed in between; the amount is all its parts'.
#[test]
fn parts_count_together() {
    let mut desk = Desk::new();
    let (one, other) = (desk.note(1_000, "1"), desk.note(1_000, "2"));
    desk.limit(CardRules { payment_max: Some(amount(500)), payments_max: Some(2), ..rules(1) });
    desk.card.endorse(&one.node, amount(300), &answer("a")).unwrap();
    let more = desk.card.endorse(&other.node, amount(201), &answer("a"));
    assert_eq!(more, Err(limited(Limit::Payment { most: yen(500) })));
    desk.card.endorse(&other.node, amount(200), &answer("a")).unwrap();
    desk.card.confirm(&answer("a")).unwrap();
    assert_eq!(desk.card.limits(jpy()).unwrap().counts.payments, 1);
    let third = desk.note(1_000, "3");
    let more = desk.pay(&third, 1, "a");
    assert_eq!(more, Err(limited(Limit::Payment { most: yen(500) })), "confirming begins no new payment");
}

/// docs/card.md: what stays on the card is neither counted nor limited, and closings are not: a card that may pay nothing still gives
/// everything to its account. Control: the same amount to somebody else is refused.
#[test]
fn a_blocked_card_deposits_everything() {
    let mut desk = Desk::new();
    let money = desk.note(1_000, "1");
    let until = Some(Time::START);
    desk.limit(CardRules { payments_max: Some(0), total_max: Some(Amount::ZERO), until, ..rules(1) });
    desk.contact(START);
    assert!(desk.pay(&money, 1, "somebody").is_err());
    let leaf = desk.pay_itself(&money, 400, "own").unwrap();
    desk.card.close(&leaf.node, &ClosingPurpose::Deposit(account("d"))).unwrap();
    let leaf = desk.pay_itself(&money, 600, "own again").unwrap();
    desk.card.hand_in(&account("h"), &[leaf.node]).unwrap();
    let counts = desk.card.limits(jpy()).unwrap().counts;
    assert_eq!((counts.payments, counts.total, counts.spent), (0, Amount::ZERO, Amount::ZERO));
    assert!(desk.card.holdings().unwrap().is_empty());
}

/// docs/card.md: a host that plants a key, whose secret it knows, and has the card ask with it, gets no payment past the limits.
#[test]
fn a_planted_key_is_somebody_elses() {
    let mut desk = Desk::new();
    let money = desk.note(1_000, "1");
    desk.limit(CardRules { payments_max: Some(0), ..rules(1) });
    let slot = desk.card.open_blank().unwrap();
    let planted = desk.card.adopt_key(&slot, &Zeroizing::new([7; 32])).unwrap();
    let challenge = desk.challenge(planted, 500, "planted");
    desk.card.sign_challenge(&challenge).unwrap();
    let to = challenge.opening(desk.world.network()).answer_for(&planted);
    let refused = desk.endorse(&money.node, amount(500), &to);
    assert_eq!(refused, Err(limited(Limit::Payments { most: 0 })));
    assert!(desk.pay_itself(&money, 500, "own").is_ok(), "control: a key that was made on the card");
}

/// docs/card.md: a card that nobody took to its bank yet knows no rules, so what leaves it waits; what stays on it or goes to the
/// account does not. Control: a card whose keys may leave is not held up, since its host needs no card to pay.
#[test]
fn nothing_is_paid_before_the_first_contact() {
    for (keys, waits) in [(KeyPolicy::Stay, true), (KeyPolicy::Leave, false)] {
        let mut desk = Desk::of(&Identity { keys, ..testing::identity(World::new("w").roots) });
        let (money, other) = (desk.note(1_000, "1"), desk.note(500, "2"));
        assert_eq!(desk.card.limits(jpy()).unwrap().awaits_contact, waits);
        let taken = desk.memory.dump();
        let paid = desk.pay(&money, 1, "a");
        if waits {
            assert_eq!(paid, Err(limited(Limit::NoContact)));
            assert_eq!(desk.memory.dump(), taken);
            // rules alone do not do: the ticket says that they are the newest
            desk.limit(rules(1));
            assert_eq!(desk.pay(&money, 1, "a"), Err(limited(Limit::NoContact)));
        } else {
            paid.unwrap();
        }
        desk.pay_itself(&money, 300, "own").unwrap();
        desk.card.close(&other.node, &ClosingPurpose::Deposit(account("d"))).unwrap();
        desk.contact(START);
        desk.pay(&money, 1, "b").unwrap();
        desk.reinsert(2);
        assert!(!desk.card.limits(jpy()).unwrap().awaits_contact);
    }
}

/// docs/card.md: a stranger's signed time begins no new day and ends no card: the operator's time does.
#[test]
fn strangers_do_not_turn_the_day() {
    let mut desk = Desk::new();
    let money = desk.note(1_000, "1");
    desk.limit(CardRules { day_max: Some(amount(100)), until: Some(START.plus(DAY_S)), ..rules(1) });
    desk.contact(START);
    desk.pay(&money, 100, "a").unwrap();
    let (payer, middle) = (key("payer"), key("middle"));
    let till = desk.card.generate_key().unwrap();
    let asking = desk.challenge(till, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    let note = desk.world.note(&payer, 500, "late");
    let mut late = asking.opening(desk.world.network());
    late.time = START.plus(100 * DAY_S);
    let long = desk.pass(&note, &payer, 400, late, middle.public());
    let chain = desk.pass(&long, &middle, 300, asking.opening(desk.world.network()), till);
    desk.card.load_payment(&chain).unwrap();
    assert_eq!(desk.card.time_floor(), Ok(START.plus(100 * DAY_S)));
    assert_eq!(desk.pay(&money, 1, "b"), Err(limited(Limit::Day { left: yen(0) })));
}

/// Sums that no amount can hold are refusals, not wraps; without a limit they stop at the greatest.
#[test]
fn overflow_is_an_answer() {
    let most = Amount::MAX;
    let full = crate::Counts { payments: u32::MAX, total: most, day: u64::MAX, spent: most };
    let of = |rules| Limits { rules: Some(rules), counts: full, time: Time(u64::MAX), awaits_contact: false };
    let one = amount(1);
    assert_eq!(of(rules(1)).allow_payment(most), Ok(()));
    let total = CardRules { total_max: Some(most), ..rules(1) };
    assert_eq!(of(total).allow_payment(one), Err(Limit::Total { left: yen(0) }));
    let day = CardRules { day_max: Some(most), ..rules(1) };
    assert_eq!(of(day).allow_payment(one), Err(Limit::Day { left: yen(0) }));
    let row = CardRules { payments_max: Some(u32::MAX), ..rules(1) };
    assert_eq!(of(row).allow_payment(one), Err(Limit::Payments { most: u32::MAX }));
    let payment = CardRules { payment_max: Some(most), ..rules(1) };
    assert_eq!(of(payment).allow(most, one, true), Err(Limit::Payment { most: yen(most.minor()) }));

    let mut desk = Desk::new();
    let (one, other) = (desk.note(most.minor(), "1"), desk.note(most.minor(), "2"));
    desk.pay(&one, most.minor(), "a").unwrap();
    desk.pay(&other, most.minor(), "a").unwrap();
    assert_eq!(desk.card.limits(jpy()).unwrap().counts.total, most);
}

/// docs/card.md: numbers only go forward; other signers, other cards and other networks give no orders.
#[test]
fn orders_go_forward() {
    let mut desk = Desk::new();
    desk.limit(rules(5));
    let taken = desk.memory.dump();
    let number = desk.card.identity().unwrap().1;
    let older = CardError::Older { held: 5, found: 4 };
    let orders = [
        (desk.order(rules(4)), older),
        (desk.order(CardRules { payments_max: Some(1), ..rules(5) }), CardError::Older { held: 5, found: 5 }),
        (desk.order(CardRules { card: Some(nonce("another")), ..rules(6) }), CardError::Operator),
        (Signed::sign(desk.world.network(), rules(6), &key("somebody")), CardError::Operator),
        (Signed::sign(World::new("elsewhere").network(), rules(6), &operator()), CardError::Operator),
    ];
    for (order, refusal) in orders {
        assert_eq!(desk.card.take_rules(&order), Err(refusal));
    }
    desk.limit(rules(5));
    assert_eq!(desk.memory.dump(), taken);
    desk.limit(CardRules { card: Some(number), ..rules(6) });
    assert_eq!(desk.card.operator().unwrap().rules, 6);
}

/// RN-X32, docs/card.md: what a key pays that the filter names is not loaded, until it is cleared for that very filter; gifts back
/// and payments to oneself are.
#[test]
fn the_filter() {
    let mut desk = Desk::new();
    let till = desk.card.generate_key().unwrap();
    let asking = desk.challenge(till, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    let chain = desk.paid(&asking, 300, "paid");
    let payer = key("payer").public();
    let filter = |number| RevocationFilter::of(number, START, &[key_digest(&payer), key_digest(&till)]);
    desk.card.take_filter(&desk.order(filter(3))).unwrap();
    assert_eq!((desk.card.names(&payer), desk.card.names(&key("other").public())), (Ok(true), Ok(false)));
    assert_eq!(desk.card.load_payment(&chain), Err(CardError::Revoked { hop: 0 }));
    let cleared = |number| Clearance { filter: number, keys: vec![key_digest(&payer)] };
    let other = desk.order(cleared(2));
    assert_eq!(desk.card.take_clearance(&other), Err(CardError::Older { held: 3, found: 2 }));
    let forged = Signed::sign(desk.world.network(), cleared(3), &key("payer"));
    assert_eq!(desk.card.take_clearance(&forged), Err(CardError::Operator));
    let many = Clearance { filter: 3, keys: vec![key_digest(&payer); CLEARED_MAX + 1] };
    assert_eq!(desk.card.take_clearance(&desk.order(many)), Err(CardError::Operator));
    desk.card.take_clearance(&desk.order(cleared(3))).unwrap();
    let node = desk.card.load_payment(&chain).unwrap().node;
    let money = Money { chain, node, key: till };
    let leaf = desk.pay_itself(&money, 100, "own").unwrap();
    assert_eq!(leaf.value, amount(100), "its own revoked key takes the money to another of its own");

    desk.card.take_filter(&desk.order(filter(4))).unwrap();
    assert_eq!(desk.card.names(&payer), Ok(true), "the clearance was for the filter before");
    assert_eq!(desk.card.take_filter(&desk.order(filter(3))), Err(CardError::Older { held: 4, found: 3 }));
    let odd = RevocationFilter { k: 0, ..filter(5) };
    assert_eq!(desk.card.take_filter(&desk.order(odd)), Err(CardError::Operator));
    let given = desk.give(&money, 50, payer, "given");
    let opening = zeni_note::challenge::give_back_opening(START.plus(DAY), &desk.world.leaf(&given));
    let back = desk.pass(&given, &key("payer"), 50, opening, till);
    desk.card.load_payment(&back).unwrap();
}

/// Clearances of keys that are not named are not kept, and of the others only so many: nobody fills the card with them.
#[test]
fn clearances_are_bounded() {
    let mut desk = Desk::new();
    let keys: Vec<Digest> = (0..640).map(|number| answer(&format!("{number}"))).collect();
    desk.card.take_filter(&desk.order(RevocationFilter::of(1, START, &keys[..320]))).unwrap();
    let kept = |desk: &Desk| desk.memory.dump().keys().filter(|place| place[0] == record::CLEARED).count();
    for keys in keys[320..].chunks(CLEARED_MAX) {
        desk.card.take_clearance(&desk.order(Clearance { filter: 1, keys: keys.to_vec() })).unwrap();
    }
    assert!(kept(&desk) < 8, "all but a few were not named");
    for keys in keys[..320].chunks(CLEARED_MAX) {
        desk.card.take_clearance(&desk.order(Clearance { filter: 1, keys: keys.to_vec() })).unwrap();
        assert!((CLEARED_MAX..=256).contains(&kept(&desk)));
    }
}

/// docs/card.md: the nonce is stored before it is shown; a ticket is taken once, for the nonce shown, after the rules it names; what
/// is not for this card, not signed by its operator or from an earlier contact changes nothing.
#[test]
fn the_token() {
    let mut desk = Desk::new();
    let shown = desk.card.open_contact().unwrap();
    assert_eq!(shown.token, None);
    desk.reinsert(33);
    assert_eq!(desk.card.open_contact(), Ok(shown));
    let ticket = desk.ticket_of(&shown, "one", START);
    let before = desk.memory.dump();
    let refused = [
        (Signed::sign(desk.world.network(), ticket.clone(), &key("bank")), CardError::Operator),
        (desk.order(ContactTicket { card: nonce("another"), ..ticket.clone() }), CardError::Operator),
        (desk.order(ContactTicket { nonce: nonce("another"), ..ticket.clone() }), CardError::Operator),
        (desk.order(ContactTicket { rules: 1, ..ticket.clone() }), CardError::RulesFirst { number: 1 }),
    ];
    for (ticket, refusal) in refused {
        assert_eq!(desk.card.close_contact(&ticket), Err(refusal));
    }
    assert_eq!(desk.memory.dump(), before);
    let first = desk.order(ticket);
    desk.card.close_contact(&first).unwrap();
    let after = desk.memory.dump();
    desk.card.close_contact(&first).unwrap();
    assert_eq!(desk.memory.dump(), after, "the same ticket again");
    let next = desk.card.open_contact().unwrap();
    assert_eq!(next.token, Some(nonce("one")));
    assert_ne!(next.nonce, shown.nonce);
    assert_eq!(desk.card.close_contact(&first), Ok(()), "it is the last one still");
    assert_eq!(desk.card.open_contact(), Ok(next));
    let second = desk.order(desk.ticket_of(&next, "two", START));
    desk.card.close_contact(&second).unwrap();
    assert_eq!(desk.card.close_contact(&first), Err(CardError::Operator), "an old ticket");
}

/// docs/card.md: a frozen card pays, asks and loads nothing that could be spent; what it holds is refunded; a move of it brings back
/// nothing more.
#[test]
fn frozen() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    let closed = desk.note(200, "2");
    desk.card.close(&closed.node, &ClosingPurpose::Deposit(account("d"))).unwrap();
    let pending = desk.card.generate_key().unwrap();
    let slot = desk.card.open_load(&pending).unwrap();
    let asking = desk.challenge(pending, 300, "asked");
    desk.card.sign_challenge(&asking).unwrap();
    desk.pay(&money, 100, "a").unwrap();
    let shown = desk.card.open_contact().unwrap();
    let ticket = ContactTicket { frozen: true, ..desk.ticket_of(&shown, "t", START) };
    desk.card.close_contact(&desk.order(ticket)).unwrap();
    assert!(desk.card.operator().unwrap().frozen);
    assert_eq!(desk.pay(&money, 1, "b"), Err(CardError::Frozen));
    assert!(desk.pay(&money, 100, "a").is_ok(), "what was signed is told again");
    let new = desk.challenge(pending, 1, "new");
    assert_eq!(desk.card.sign_challenge(&new), Err(CardError::Frozen));
    assert_eq!(desk.status(&money.node), (500, 400, HoldingState::Restored));
    let chain = desk.note_to(pending, 50, "3");
    let ticket = desk.ticket(&chain, slot);
    assert_eq!(desk.card.load_note(&chain, &ticket).unwrap().state, HoldingState::Restored);
    let late = desk.paid(&asking, 300, "late");
    assert_eq!(desk.card.load_payment(&late).unwrap().state, HoldingState::Restored);
    assert_eq!(desk.card.close(&money.node, &ClosingPurpose::Deposit(account("d"))), Err(CardError::Restored));
    let (left, _) = desk.card.close(&money.node, &ClosingPurpose::BackupRefund(account("r"))).unwrap();
    assert_eq!(left, amount(400));
    let backup = desk.card.export_move().unwrap();
    let mut other = Desk::blank("w", 5);
    other.card.restore(&backup).unwrap();
    for holding in other.card.holdings().unwrap() {
        assert_eq!(holding.state, HoldingState::Restored);
        let spent = other.card.endorse(&holding.node, holding.remaining, &answer("x"));
        assert_eq!(spent, Err(CardError::Restored));
    }
    let new = other.challenge(pending, 1, "new");
    assert_eq!(other.card.sign_challenge(&new), Err(CardError::Restored));
}

/// RN-X31, FX-F9: a refund signed in advance is what is left then, changes nothing, and is a record that accuses nobody.
#[test]
fn refunds_in_advance() {
    let mut desk = Desk::new();
    let money = desk.note(500, "1");
    desk.pay(&money, 100, "a").unwrap();
    let before = desk.memory.dump();
    let (left, signature) = desk.card.refund(&money.node, &account("r")).unwrap();
    assert_eq!((left, desk.memory.dump()), (amount(400), before));
    let purpose = ClosingPurpose::BackupRefund(account("r")).digest(desk.world.network());
    let record = BackupRefund { parent: money.node, amount: left, purpose };
    assert!(desk.signed_by(&money.key, &record, &signature));
    let closing = ClosingRecord { parent: money.node, amount: left, purpose };
    assert!(!desk.signed_by(&money.key, &closing, &signature));
    desk.pay(&money, 400, "b").unwrap();
    let nothing = CardError::Insufficient { remaining: Amount::ZERO };
    assert_eq!(desk.card.refund(&money.node, &account("r")), Err(nothing));
}

/// A command of an operator's card and the bytes it answers.
type Command = fn(&mut Desk) -> Result<Vec<u8>, CardError>;

/// docs/card.md: the power fails before and after the commit of each command of this file: the same command again answers the same and
/// leaves the same memory.
#[test]
fn every_commit() {
    let commands: [(&str, Command); 6] = [
        ("confirm", |desk| desk.card.confirm(&answer("open")).map(|()| Vec::new())),
        ("rules", |desk| {
            desk.card.confirm(&answer("open"))?;
            desk.card.take_rules(&desk.order(rules(1))).map(|()| Vec::new())
        }),
        ("filter", |desk| desk.card.take_filter(&desk.order(RevocationFilter::of(2, START, &[]))).map(|()| Vec::new())),
        ("clearance", |desk| {
            let clearance = Clearance { filter: 1, keys: vec![key_digest(&key("a").public())] };
            desk.card.take_clearance(&desk.order(clearance)).map(|()| Vec::new())
        }),
        ("open contact", |desk| Ok(encode(&desk.card.open_contact()?))),
        ("close contact", |desk| {
            desk.card.confirm(&answer("open"))?;
            let shown = desk.card.open_contact()?;
            let ticket = desk.order(desk.ticket_of(&shown, "next", START.plus(5)));
            desk.card.close_contact(&ticket).map(|()| Vec::new())
        }),
    ];
    let scene = || {
        let mut desk = Desk::new();
        let money = desk.note(500, "1");
        let named = [key_digest(&key("a").public())];
        desk.card.take_filter(&desk.order(RevocationFilter::of(1, START, &named))).unwrap();
        desk.card.endorse(&money.node, amount(100), &answer("open")).unwrap();
        desk
    };
    for (name, command) in commands {
        let mut calm = scene();
        calm.reinsert(7);
        let before = calm.memory.commits();
        let expected = command(&mut calm).unwrap();
        let commits = calm.memory.commits() - before;
        assert!(commits > 0, "{name}");
        for at in 0..commits {
            for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
                let mut desk = scene();
                desk.reinsert(7);
                desk.memory.cut(at, cut);
                assert!(command(&mut desk).is_err() && desk.memory.is_off(), "{name}");
                // the same chance, as far as it was drawn from: a nonce that was stored is shown again
                desk.reinsert(7);
                assert_eq!(command(&mut desk).unwrap(), expected, "{name} {at} {cut:?}");
                assert_eq!(desk.memory.dump(), calm.memory.dump(), "{name} {at} {cut:?}");
            }
        }
    }
}
