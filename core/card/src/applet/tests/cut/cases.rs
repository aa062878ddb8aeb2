//! The commands that are cut, and what they work on.

use alloc::{format, string::ToString, vec, vec::Vec};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, encode};
use zeni_note::{
    Chain, Challenge, ClosingPurpose, ContactTicket, Nonce, RevocationFilter,
    challenge::give_back_opening,
    licence::key_digest,
    operator::{CardRules, Clearance},
    request::{Possession, RequestClaim},
    testing::{DAY, START, amount, jpy, key, nonce},
};
use zeroize::Zeroizing;

use super::super::desk::*;
use crate::{
    ApduCard, Card, CardError, Contact, HoldingStatus, Statement,
    element::testing::{
        money::{challenge_to, note_to, paid, pass, ticket},
        operator,
    },
};

/// What the commands work on.
pub(super) struct Scene {
    pub(super) desk: Desk,
    /// 1,000, of which 100 were given.
    note: Money,
    whole: [Money; 2],
    blank: Nonce,
    fresh: PublicKey,
    pending: (Chain, Nonce),
    challenge: Challenge,
    /// Five links, asked for.
    pub(super) asked: Chain,
    given_back: Chain,
    /// A contact that was begun.
    contact: Contact,
    /// All that may be on the card.
    pub(super) nodes: Vec<Digest>,
}

pub(super) type Pulled = ApduCard<Reader>;
pub(super) type Step = fn(&mut Pulled, &Scene) -> Result<Vec<u8>, CardError>;

/// A command, what comes before it, and how often it writes.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) before: Step,
    pub(super) commits: u64,
    pub(super) command: Step,
}

const fn case(name: &'static str, commits: u64, command: Step) -> Case {
    Case { name, before: |_, _| Ok(Vec::new()), commits, command }
}

const fn after(before: Step, name: &'static str, commits: u64, command: Step) -> Case {
    Case { name, before, commits, command }
}

/// Endorsements of the chain that is received.
pub(super) const LINKS: usize = 5;

pub(super) fn scene() -> Scene {
    let mut desk = Desk::new();
    let note = desk.note(1_000, "1");
    let whole = [desk.note(200, "2"), desk.note(300, "3")];
    let payee = key("payee");
    let network = desk.world.network();
    let opening = challenge_to(&desk.world, payee.public(), 100, "given").opening(network);
    let answer = opening.answer_for(&payee.public());
    let signature = desk.card.endorse(&note.node, amount(100), &answer).unwrap();
    desk.card.confirm(&answer).unwrap();
    let right = desk.world.licence(payee.public()).into();
    let given = note.chain.extended(zeni_note::Hop { opening, amount: amount(100), signature, payee: right });
    let opening = give_back_opening(START.plus(DAY), &desk.world.leaf(&given));
    let given_back = pass(&desk.world, &given, &payee, 100, opening, note.key);
    let [fresh, pending, asking] = [(); 3].map(|()| desk.card.generate_key().unwrap());
    let slot = desk.card.open_load(&pending).unwrap();
    let blank = desk.card.open_blank().unwrap();
    let asks = challenge_to(&desk.world, asking, 300, "asked");
    desk.card.sign_challenge(&asks).unwrap();
    let challenge = challenge_to(&desk.world, fresh, 300, "new");
    let asked = paid(&desk.world, &asks, LINKS, "asked");
    let pending = (note_to(&desk.world, pending, 50, "pending"), slot);
    let mut nodes = vec![note.node, whole[0].node, whole[1].node];
    nodes.extend([&pending.0, &asked, &given_back].map(|chain| desk.world.leaf(chain)));
    let contact = desk.card.open_contact().unwrap();
    Scene { nodes, contact, note, whole, blank, fresh, pending, challenge, asked, given_back, desk }
}

impl Scene {
    fn signed<T: zeni_message::Record>(&self, record: T) -> Signed<T> {
        Signed::sign(self.desk.world.network(), record, &operator())
    }

    fn rules(&self, number: u64) -> Signed<CardRules> {
        let most = Some(amount(500));
        let unlimited = zeni_note::testing::rules(number);
        self.signed(CardRules { payment_max: most, day_max: most, payments_max: Some(9), ..unlimited })
    }

    fn filter(&self) -> Signed<RevocationFilter> {
        let payer = key(&format!("asked holder {}", LINKS - 1));
        let named = [key("revoked"), payer].map(|key| key_digest(&key.public()));
        self.signed(RevocationFilter::of(1, START.plus(DAY), &named))
    }
}

fn shown(status: &HoldingStatus) -> Vec<u8> {
    encode(status)
}

fn endorse(card: &mut Pulled, money: &Money, minor: u64, to: &str) -> Result<Vec<u8>, CardError> {
    Ok(encode(&card.endorse(&money.node, amount(minor), &answer(to))?))
}

fn end_contact(card: &mut Pulled, scene: &Scene) -> Result<Vec<u8>, CardError> {
    let Contact { card: number, nonce: shown, .. } = scene.contact;
    let (token, time) = (nonce("token"), START.plus(DAY));
    let ticket = ContactTicket { card: number, nonce: shown, token, time, rules: Vec::new(), frozen: false };
    card.close_contact(&scene.signed(ticket))?;
    Ok(Vec::new())
}

fn take_filter(card: &mut Pulled, scene: &Scene) -> Result<Vec<u8>, CardError> {
    card.take_filter(&scene.filter()).map(|()| Vec::new())
}

pub(super) const CASES: &[Case] = &[
    case("GENERATE KEY", 1, |card, _| Ok(encode(&card.generate_key()?))),
    case("OPEN LOAD", 1, |card, it| Ok(encode(&card.open_load(&it.fresh)?))),
    case("OPEN LOAD again", 0, |card, it| Ok(encode(&card.open_load(&it.pending.0.note.record.holder)?))),
    case("OPEN LOAD of a blank slot", 1, |card, _| Ok(encode(&card.open_blank()?))),
    case("ADOPT KEY", 1, |card, it| Ok(encode(&card.adopt_key(&it.blank, &Zeroizing::new([5; 32]))?))),
    case("SIGN CHALLENGE", 1, |card, it| Ok(encode(&card.sign_challenge(&it.challenge)?))),
    case("SIGN STATEMENT", 0, |card, it| {
        let possession = Possession { content: answer("c"), nonce: [1; 32].into() };
        let one = card.sign_statement(&it.fresh, &Statement::Possession(&possession))?;
        let (request, bank, account, id) = (answer("r"), "aoba".to_string(), answer("a"), nonce("id"));
        let claim = RequestClaim { request, bank, account, id };
        Ok(encode(&(one, card.sign_statement(&it.fresh, &Statement::RequestClaim(&claim))?)))
    }),
    // begin and end
    case("LOAD of a note", 2, |card, it| {
        let (chain, slot) = &it.pending;
        Ok(shown(&card.load_note(chain, &ticket(&it.desk.world, chain, *slot))?))
    }),
    // begin, a link each, end
    case("LOAD of a payment", 2 + LINKS as u64, |card, it| Ok(shown(&card.load_payment(&it.asked)?))),
    case("LOAD of what was given back", 4, |card, it| Ok(shown(&card.load_payment(&it.given_back)?))),
    after(
        |card, it| card.load_payment(&it.asked).map(|status| shown(&status)),
        "LOAD again",
        // begins once more, goes through the links, and finds it held
        2 + LINKS as u64,
        |card, it| Ok(shown(&card.load_payment(&it.asked)?)),
    ),
    case("LOAD of a payment, closed", 2 + LINKS as u64, |card, it| Ok(shown(&card.load_closed(&it.asked)?))),
    after(take_filter, "LOAD of what a named payer paid, closed", 2 + LINKS as u64, |card, it| {
        Ok(shown(&card.load_closed(&it.asked)?))
    }),
    after(
        |card, it| card.load_closed(&it.asked).map(|status| shown(&status)),
        "LOAD, closed, again",
        2 + LINKS as u64,
        |card, it| Ok(shown(&card.load_closed(&it.asked)?)),
    ),
    after(
        |card, it| card.load_closed(&it.asked).map(|status| shown(&status)),
        "CLOSE of what was loaded closed",
        1,
        |card, it| {
            let deposit = ClosingPurpose::Deposit(account("d"));
            Ok(encode(&card.close(&it.desk.world.leaf(&it.asked), &deposit)?))
        },
    ),
    case("SIGN ENDORSEMENT", 1, |card, it| endorse(card, &it.note, 333, "shop")),
    case("SIGN ENDORSEMENT of all that is left", 1, |card, it| endorse(card, &it.note, 900, "shop")),
    after(
        |card, it| endorse(card, &it.note, 900, "shop"),
        "SIGN ENDORSEMENT of another holding for the open payment",
        1,
        |card, it| endorse(card, &it.whole[0], 200, "shop"),
    ),
    after(
        |card, it| endorse(card, &it.note, 900, "shop"),
        "SIGN ENDORSEMENT again",
        0,
        |card, it| endorse(card, &it.note, 900, "shop"),
    ),
    after(
        |card, it| endorse(card, &it.note, 900, "shop"),
        "CONFIRM",
        1,
        |card, _| card.confirm(&answer("shop")).map(|()| Vec::new()),
    ),
    case("CLOSE for a deposit", 1, |card, it| {
        Ok(encode(&card.close(&it.whole[0].node, &ClosingPurpose::Deposit(account("d")))?))
    }),
    case("CLOSE for a renewal", 1, |card, it| {
        let licence = it.desk.world.licence(it.fresh);
        Ok(encode(&card.close(&it.whole[0].node, &ClosingPurpose::Renewal { nonce: nonce("r"), licence })?))
    }),
    case("CLOSE for a refund", 1, |card, it| {
        Ok(encode(&card.close(&it.note.node, &ClosingPurpose::Refund(account("r")))?))
    }),
    case("HAND IN", 1, |card, it| Ok(encode(&card.hand_in(&account("d"), &[it.whole[0].node])?))),
    case("GET STATUS", 0, |card, it| {
        let (holdings, limits) = (card.holdings()?, card.limits(jpy())?);
        Ok(encode(&(holdings, limits, card.holding(&it.note.node)?, card.operator()?, card.time_floor()?)))
    }),
    case("CONTACT, begun before", 0, |card, _| Ok(encode(&card.open_contact()?))),
    case("CONTACT, ended", 1, end_contact),
    after(end_contact, "CONTACT, begun", 1, |card, _| Ok(encode(&card.open_contact()?))),
    after(
        |card, it| {
            card.take_rules(&it.rules(1))?;
            endorse(card, &it.note, 300, "first")?;
            card.confirm(&answer("first")).map(|()| Vec::new())
        },
        "SIGN ENDORSEMENT within limits",
        1,
        |card, it| endorse(card, &it.note, 100, "second"),
    ),
    case("SET LIMITS, rules", 1, |card, it| card.take_rules(&it.rules(1)).map(|()| Vec::new())),
    case("SET LIMITS, filter", 1, take_filter),
    after(take_filter, "SET LIMITS, clearance", 1, |card, it| {
        let clearance = Clearance { filter: 1, keys: vec![key_digest(&key("revoked").public())] };
        card.take_clearance(&it.signed(clearance)).map(|()| Vec::new())
    }),
    case("EXPORT of a refund", 0, |card, it| Ok(encode(&card.refund(&it.note.node, &account("b"))?))),
    case("EXPORT of a copy", 0, |card, _| Ok(card.export()?.to_bytes().to_vec())),
    case("EXPORT of a move", 1, |card, _| Ok(card.export_move()?.to_bytes().to_vec())),
];
