//! Pulling the card: each command of each flow through its APDUs, the power cut before and after each write of its memory, the
//! card pulled before and after each exchange; then the session begun anew and the same again.

use alloc::{format, string::ToString, vec, vec::Vec};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, Time, encode};
use zeni_note::{
    Chain, Challenge, ClosingPurpose, ContactTicket, Nonce, RevocationFilter,
    challenge::give_back_opening,
    licence::key_digest,
    operator::{CardRules, Clearance},
    request::{Possession, RequestClaim},
    testing::{DAY, START, amount, jpy, key, nonce},
};
use zeroize::Zeroizing;

use super::desk::*;
use crate::{
    ApduCard, Backup, Card, CardError, Contact, HoldingState, HoldingStatus, Statement,
    element::testing::{
        Cut,
        money::{challenge_to, note_to, paid, pass, ticket},
        operator,
    },
};

/// What the commands work on.
struct Scene {
    desk: Desk,
    /// 1,000, of which 100 were given.
    note: Money,
    whole: [Money; 2],
    blank: Nonce,
    fresh: PublicKey,
    pending: (Chain, Nonce),
    challenge: Challenge,
    /// Five links, asked for.
    asked: Chain,
    given_back: Chain,
    /// A contact that was begun.
    contact: Contact,
    /// All that may be on the card.
    nodes: Vec<Digest>,
}

type Pulled = ApduCard<Reader>;
type Step = fn(&mut Pulled, &Scene) -> Result<Vec<u8>, CardError>;

/// A command, what comes before it, and how often it writes.
struct Case {
    name: &'static str,
    before: Step,
    commits: u64,
    command: Step,
}

const fn case(name: &'static str, commits: u64, command: Step) -> Case {
    Case { name, before: |_, _| Ok(Vec::new()), commits, command }
}

const fn after(before: Step, name: &'static str, commits: u64, command: Step) -> Case {
    Case { name, before, commits, command }
}

/// Endorsements of the chain that is received.
const LINKS: usize = 5;

fn scene() -> Scene {
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
    let ticket = ContactTicket { card: number, nonce: shown, token, time, rules: 0, frozen: false, currency: jpy() };
    card.close_contact(&scene.signed(ticket))?;
    Ok(Vec::new())
}

fn take_filter(card: &mut Pulled, scene: &Scene) -> Result<Vec<u8>, CardError> {
    card.take_filter(&scene.filter()).map(|()| Vec::new())
}

const CASES: &[Case] = &[
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

/// What the card says of each holding.
fn money(scene: &Scene, desk: &Desk) -> Vec<Option<([u64; 3], HoldingState)>> {
    scene.nodes.iter().map(|node| desk.status(node)).collect()
}

/// The card before a command, its PIN shown.
fn prepared(scene: &Scene, case: &Case) -> Desk {
    let mut first = scene.desk.copied(2);
    (case.before)(&mut first.card, scene).unwrap();
    let mut desk = Desk::over(first.memory, 3);
    desk.warm();
    desk
}

/// RN-P1, RN-F4.5, RN-X17, RN-X18, FX-D9, FX-F8: wherever the power fails, no money is lost or made; with the session begun anew the
/// same command gives the same bytes and leaves the same memory as without the failure.
#[test]
fn every_command_at_every_write() {
    let scene = scene();
    for case in CASES {
        let name = case.name;
        let mut calm = prepared(&scene, case);
        let before = (calm.memory.commits(), money(&scene, &calm));
        let expected = (case.command)(&mut calm.card, &scene).unwrap();
        assert_eq!(calm.memory.commits() - before.0, case.commits, "{name}");
        let allowed = [before.1, money(&scene, &calm)];
        for at in 0..case.commits {
            for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
                let mut desk = prepared(&scene, case);
                desk.memory.cut(at, cut);
                let failed = (case.command)(&mut desk.card, &scene);
                assert!(matches!(failed, Err(CardError::Link(_))), "{name}: {failed:?}");
                desk.memory.power_on();
                assert!(allowed.contains(&money(&scene, &desk)), "{name} {at} {cut:?}: money in between");
                let again = (case.command)(&mut desk.card, &scene);
                assert_eq!(again.as_ref(), Ok(&expected), "{name} {at} {cut:?}");
                assert_eq!(money(&scene, &desk), allowed[1], "{name} {at} {cut:?}");
                assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {cut:?}");
            }
        }
    }
}

/// A write that fails, or finds no room, where the power stays: the command says which, nothing it would have written last is there, no
/// money is lost or made, and with room again the same command gives the same bytes.
#[test]
fn every_command_at_every_write_that_fails() {
    let scene = scene();
    for case in CASES {
        let name = case.name;
        let mut calm = prepared(&scene, case);
        let allowed = money(&scene, &calm);
        let expected = (case.command)(&mut calm.card, &scene).unwrap();
        for at in 0..case.commits {
            for (cut, refused) in
                [(Cut::Full, CardError::Full), (Cut::Fault, CardError::Memory("as the card says".into()))]
            {
                let mut desk = prepared(&scene, case);
                let before = desk.memory.dump();
                desk.memory.cut(at, cut);
                assert_eq!((case.command)(&mut desk.card, &scene), Err(refused), "{name} {at}");
                assert_eq!(money(&scene, &desk), allowed, "{name} {at}: money");
                assert!(at > 0 || desk.memory.dump() == before, "{name}: nothing has changed");
                // what it draws it draws from the beginning
                let mut desk = Desk::over(desk.memory, 3);
                desk.warm();
                assert_eq!((case.command)(&mut desk.card, &scene).as_ref(), Ok(&expected), "{name} {at} {cut:?}");
                assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {cut:?}");
            }
        }
    }
}

/// The same with the card pulled before and after each exchange of each command, of extended length and of short: also between
/// the parts of a chained command and of a long reply.
#[test]
fn every_command_at_every_exchange() {
    let scene = scene();
    let mut exchanges = 0;
    for short in [false, true] {
        for case in CASES {
            let name = case.name;
            let mut calm = prepared(&scene, case);
            lock(&calm.wire).short = short;
            let expected = (case.command)(&mut calm.card, &scene).unwrap();
            for at in 0.. {
                let mut finished = false;
                for lost in [Lost::Command, Lost::Reply] {
                    let mut desk = prepared(&scene, case);
                    *lock(&desk.wire) = Wire { short, pull: Some((at, lost)), ..Wire::default() };
                    let first = (case.command)(&mut desk.card, &scene);
                    finished = lock(&desk.wire).pull.is_some();
                    if finished {
                        break;
                    }
                    exchanges += 1;
                    assert!(matches!(first, Err(CardError::Link(_))), "{name}: {first:?}");
                    let again = (case.command)(&mut desk.card, &scene);
                    assert_eq!(again.as_ref(), Ok(&expected), "{name} {at} {lost:?}");
                    // a key pair that nobody heard of stays behind
                    if case.commits > 0 && !["GENERATE KEY", "OPEN LOAD of a blank slot"].contains(&name) {
                        assert!(desk.memory.dump() == calm.memory.dump(), "{name} {at} {lost:?}");
                    }
                }
                if finished {
                    break;
                }
            }
        }
    }
    assert!(exchanges > 4 * CASES.len(), "{exchanges}");
}

/// RN-X18: a load that was cut off goes on at the link where it stood, whichever that was.
#[test]
fn a_load_goes_on_where_it_stood() {
    let scene = scene();
    let load = CASES.iter().find(|case| case.name == "LOAD of a payment").unwrap();
    for taken in 0..=LINKS {
        let mut desk = prepared(&scene, load);
        // the note, and so many endorsements
        desk.memory.cut(taken as u64, Cut::AfterCommit);
        desk.card.load_payment(&scene.asked).unwrap_err();
        desk.memory.power_on();
        lock(&desk.wire).sent.clear();
        desk.card.load_payment(&scene.asked).unwrap();
        let sent = lock(&desk.wire).sent.clone();
        let of =
            |step: u8| sent.iter().filter(|header| header[1] == 0x20 && header[0] == 0x80 && header[2] == step).count();
        assert_eq!([of(0), of(1), of(3)], [1, LINKS - taken, 1], "{taken} links were in");
    }
}

/// A move or a copy that is cut at any write or any exchange arrives whole by the same again, or not at all.
#[test]
fn an_import_at_every_write() {
    let mut from = scene().desk;
    for place in 0..40 {
        from.note(100 + place, &format!("many {place}"));
    }
    let held = from.card.holdings().unwrap();
    let backup = from.card.export_move().unwrap();
    let mut calm = Desk::new();
    let start = calm.memory.commits();
    calm.card.restore(&backup).unwrap();
    let commits = calm.memory.commits() - start;
    assert!(commits >= 3, "it comes in parts");
    for at in 0..commits {
        for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
            let mut desk = Desk::new();
            desk.memory.cut(at, cut);
            desk.card.restore(&backup).unwrap_err();
            desk.memory.power_on();
            let first = &held[0];
            let early = desk.card.endorse(&first.node, amount(1), &answer("early"));
            let whole = at + 1 == commits && cut == Cut::AfterCommit;
            assert_eq!(early.is_ok(), whole, "{early:?}: half a card pays nothing");
            if whole {
                continue;
            }
            // another backup instead: it alone is there, and the card takes no second one
            let mut another = desk.copied(7);
            let other = Backup::from_bytes(&Desk::new().card.export().unwrap().to_bytes()).unwrap();
            assert_eq!(another.card.restore(&other), Ok(()), "{at} {cut:?}");
            assert_eq!(another.card.holdings(), Ok(Vec::new()), "nothing of the one that was broken off");
            assert_eq!(another.card.restore(&backup), Err(crate::RestoreFault::NotEmpty));
            assert_eq!(desk.card.restore(&backup), Ok(()), "{at} {cut:?}");
            assert_eq!(desk.card.holdings().unwrap(), held, "{at} {cut:?}");
            assert!(desk.card.endorse(&first.node, amount(1), &answer("late")).is_ok());
        }
    }
    assert_eq!(calm.card.holdings().unwrap(), held);
    assert_eq!(from.card.endorse(&held[0].node, amount(1), &answer("a")), Err(CardError::Retired));
    assert!(calm.card.time_floor().unwrap() >= Time::START);
}

/// The control: a memory that keeps all of a commit but one record. Whichever it is, the same command again gives something else or
/// leaves something else, so that the harness above would see it.
#[test]
fn a_torn_commit_is_seen() {
    let scene = scene();
    let endorsement = CASES.iter().find(|case| case.name == "SIGN ENDORSEMENT of all that is left").unwrap();
    let mut calm = prepared(&scene, endorsement);
    let before = calm.memory.dump();
    let expected = (endorsement.command)(&mut calm.card, &scene).unwrap();
    let after = calm.memory.dump();
    let places: Vec<_> =
        after.keys().chain(before.keys()).filter(|place| before.get(*place) != after.get(*place)).collect();
    assert!(places.len() > 4, "holding, index, endorsement, open payment, counts");
    for place in places {
        let mut desk = prepared(&scene, endorsement);
        desk.memory.cut(0, Cut::AfterCommit);
        (endorsement.command)(&mut desk.card, &scene).unwrap_err();
        desk.memory.power_on();
        desk.memory.tamper(|memory| match before.get(place) {
            Some(value) => drop(memory.insert(place.clone(), value.clone())),
            None => drop(memory.remove(place)),
        });
        let again = (endorsement.command)(&mut desk.card, &scene);
        assert!(again.as_ref() != Ok(&expected) || desk.memory.dump() != after, "{place:?}");
    }
}
