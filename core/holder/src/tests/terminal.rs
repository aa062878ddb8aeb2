//! Holders without a licence: payments from notes under seal, terminal payees, deposits, and what cheats on either side get.

use std::sync::Arc;

use zeni_message::{Message, Signed};
use zeni_note::{
    Chain, Payment, Right,
    keylist::Way,
    messages::bank::{Deposit, HandInTakings},
    testing::{DAY, START, amount, key, terms},
};
use zeni_store::testing::block_on;

use super::{home::*, town::*};
use crate::*;

/// A payer with 1,000 yen under seal and a shop, both without licences.
fn scene() -> (Arc<Town>, Home, Home) {
    let town = Town::with(Series::Sealed(Way::Sealed));
    let payer = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(payer.open().withdraw(yen(1_000), false)).unwrap();
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    (town, payer, shop)
}

fn ask(shop: &Home, minor: u64) -> Requested {
    block_on(shop.open().request(yen(minor), "tea")).unwrap()
}

fn pay(payer: &Home, request: &Requested) -> Payment {
    block_on(payer.open().pay(&request.document)).unwrap().document
}

/// HC-F3.1, HC-A12, HC-V22: x is shown before the payment and is x − y after it; HC-F3.2…F3.10, HC-P25, HC-A10, HC-A23: with every line cut, the payment
/// passes, and H is stored before the shop says yes.
#[test]
fn a_payment_without_any_line() {
    let (town, payer, shop) = scene();
    let seen = town.books().seen.len();
    let request = ask(&shop, 300);
    assert!(request.terminal && request.document.record.right.licence().is_none());
    let preview = block_on(payer.open().preview(&request.document)).unwrap();
    assert_eq!((preview.available, preview.money, preview.terminal), (yen(1_000), yen(300), true));
    let paid = pay(&payer, &request);
    let report = block_on(shop.open().receive(&paid)).unwrap();
    assert_eq!((report.outcome, report.hops_left), (ReceiveOutcome::Fulfilled, 0));
    assert_eq!(town.books().seen.len(), seen, "nobody was asked");
    assert_eq!(payer.figures(), [700, 0, 0, 0]);
    assert_eq!((shop.figures(), shop.deposit_only()), ([0; 4], 300));
    let next = block_on(payer.open().preview(&ask(&shop, 1).document)).unwrap();
    assert_eq!(next.available, yen(700));
}

/// RN-X42: a shop that no authority registers is shown under the name that its bank certified for its key, and by which bank. A bank's
/// word for a licensed payee, one that no key list names, for another key, or that has ended, is refused; without it the name is
/// shown as unverified.
#[test]
fn a_bank_names_its_shop() {
    let (town, payer, shop) = scene();
    let (network, genuine) = (town.world.network(), ask(&shop, 100).document);
    let named = |request: &Signed<zeni_note::Challenge>| block_on(payer.open().preview(request)).map(|it| it.payee);
    let bank = PayeeName::Certified { name: "TEA SHOP".into(), bank: Some(BANK.into()) };
    assert_eq!(named(&genuine), Ok(bank));
    assert_eq!(block_on(shop.open().profile()).unwrap().name, "TEA SHOP");

    let liar = key("liar");
    let certificate = genuine.record.certificate.clone().unwrap();
    let lie = |change: &dyn Fn(&mut zeni_note::Challenge)| {
        let mut record = genuine.record.clone();
        (record.payee, record.right) = (liar.public(), Right::Unlicensed(liar.public()));
        change(&mut record);
        named(&Signed::sign(network, record, &liar))
    };
    let vouched = |signer: &zeni_crypto::SecretKey, until| {
        let record = zeni_note::NameCertificate { key: liar.public(), until, ..certificate.record.clone() };
        Some(Signed::sign(network, record, signer))
    };
    let (until, ended) = (START.plus(DAY), START);
    let false_name = Err(PayError::FalseName { claimed: "TEA SHOP".into() });
    assert_eq!(lie(&|_| {}), false_name, "another's certificate");
    assert_eq!(lie(&|it| it.certificate = vouched(&key("no bank"), until)), false_name);
    assert_eq!(lie(&|it| it.certificate = vouched(&bank_key(), ended)), false_name);
    let licensed = lie(&|it| {
        it.right = town.world.licence(liar.public()).into();
        it.certificate = vouched(&bank_key(), until);
    });
    assert_eq!(licensed, false_name, "whom the authority registers it names");
    assert!(matches!(lie(&|it| it.certificate = None), Ok(PayeeName::Unverified { .. })));
    assert!(
        matches!(lie(&|it| it.certificate = vouched(&bank_key(), until)), Ok(PayeeName::Certified { .. })),
        "control"
    );
}

/// HC-F3.5, HC-V13, HC-V14, HC-A8, HC-A11, HC-X16, HC-P11, HC-A24: the user makes e again from TIME and W, which commits to key and name: a challenge in which the
/// shop, or someone between, changed TIME, payee, nonce, amount or memo is not signed and x stays. Control: the unchanged one is.
#[test]
fn a_shop_that_lies_about_time_or_payee() {
    let (_town, payer, shop) = scene();
    let genuine = ask(&shop, 300).document;
    let network = payer.town.world.network();
    let e = genuine.record.answer(network);
    let mut lies: Vec<_> = (0..5).map(|_| genuine.clone()).collect();
    lies[0].record.time = lies[0].record.time.plus(1);
    lies[1].record.payee = key("somebody else").public();
    lies[2].record.nonce = [7; 16].into();
    lies[3].record.total = amount(301);
    lies[4].record.memo = "coffee".into();
    for (case, lie) in lies.iter().enumerate() {
        let error = block_on(payer.open().pay(lie)).unwrap_err();
        assert_eq!(error.code(), "bad_request_signature", "case {case}");
        assert_ne!(lie.record.answer(network), e, "case {case}: another e");
    }
    let liar = key("liar");
    let mut other = genuine.record.clone();
    other.payee = liar.public();
    let other = Signed::sign(payer.town.world.network(), other, &liar);
    assert_eq!(block_on(payer.open().pay(&other)).unwrap_err().code(), "payee_key", "one key asks, another would hold");
    assert_eq!(payer.figures(), [1_000, 0, 0, 0]);
    let paid = block_on(payer.open().pay(&genuine)).unwrap().document;
    assert_eq!(payer.figures(), [700, 0, 0, 0], "control");
    // what he signed is the e that he made himself, and no other
    let answered = &paid.answers[0];
    let parent = zeni_message::identity(network, &answered.chain.note.record);
    let signs = |answer| {
        let record = zeni_note::chain::Endorsement { parent, amount: answered.amount, answer };
        Signed { record, signature: answered.signature }.verify(network, &answered.chain.holder.key()).is_ok()
    };
    assert!(signs(e));
    assert!(lies.iter().all(|lie| !signs(lie.record.answer(network))));
}

/// HC-F1.4, HC-F3.3, HC-A22, HC-X15, HC-P6, HC-V12: the shop checks S_I with the key it has, offline, after its inquiry: a note that nobody issued, or of another face
/// value or key, is refused and nothing is kept. Control: the genuine one is taken.
#[test]
fn a_note_that_the_issuer_did_not_sign() {
    let (town, payer, shop) = scene();
    let request = ask(&shop, 300);
    let genuine = pay(&payer, &request);
    let cheat = key("cheat");
    let mut own = town.world.sealed_note(&cheat, 1_000, "self-made");
    own.note.record.series = genuine.answers[0].chain.note.record.series;
    own.note = Signed::sign(town.world.network(), own.note.record, &cheat);
    let forged = town.world.payment(&own, &cheat, 300, &request.document.record);
    let mut raised = genuine.clone();
    raised.answers[0].chain.note.record.face = amount(10_000);
    let mut stolen = genuine.clone();
    stolen.answers[0].chain.holder = Right::Unlicensed(cheat.public());
    for (case, payment) in [forged, raised, stolen].iter().enumerate() {
        let error = block_on(shop.open().receive(payment)).unwrap_err();
        assert_eq!(error.code(), "bad_chain", "case {case}");
    }
    assert_eq!(shop.deposit_only(), 0);
    block_on(shop.open().receive(&genuine)).unwrap();
    assert_eq!(shop.deposit_only(), 300, "control");
}

/// HC-F3.7, HC-A25, HC-X17, HC-P12: an altered y, or a signature that is not by N_U, is refused. HC-F3.8, HC-A26, HC-V16, HC-X18: y = 0 and y above X too, whoever signed
/// it. HC-F3.9: one failing check is enough; control: the payment as it was made is taken.
#[test]
fn altered_amounts_and_signatures() {
    let (_town, payer, shop) = scene();
    let request = ask(&shop, 300);
    let genuine = pay(&payer, &request);
    let with = |change: fn(&mut Payment)| {
        let mut payment = genuine.clone();
        change(&mut payment);
        payment
    };
    let cases = [
        (with(|it| it.answers[0].amount = amount(999)), "bad_signature"),
        (with(|it| it.answers[0].signature.0[3] ^= 1), "bad_signature"),
        (with(|it| it.answers[0].amount = amount(0)), "amount"),
        (with(|it| it.answers[0].amount = amount(1_001)), "amount"),
        (with(|it| it.answers.clear()), "holdings"),
    ];
    for (payment, code) in cases {
        assert_eq!(block_on(shop.open().receive(&payment)).unwrap_err().code(), code);
    }
    block_on(shop.open().receive(&genuine)).unwrap();
    assert_eq!(shop.deposit_only(), 300, "control");
}

/// HC-X14: more than x is not begun. HC-X18: nor is nothing; less than the price fulfils no request.
#[test]
fn more_than_is_held_is_not_begun() {
    let (_town, payer, shop) = scene();
    assert_eq!(block_on(payer.open().pay(&ask(&shop, 1_001).document)).unwrap_err().code(), "insufficient_funds");
    assert_eq!(block_on(shop.open().request(yen(0), "")).unwrap_err().code(), "zero");
    assert_eq!(payer.figures(), [1_000, 0, 0, 0]);
}

/// HC-P10: C and S_U that a shop saw buy nothing elsewhere: another shop, and the same one later, refuse them. Control: where they belong they are taken, once.
#[test]
fn a_copied_payment_buys_nothing() {
    let (town, payer, shop) = scene();
    let request = ask(&shop, 300);
    let paid = pay(&payer, &request);
    block_on(shop.open().receive(&paid)).unwrap();
    let other = Home::unregistered(&town, "books", Kind::Shop);
    let elsewhere = ask(&other, 300);
    assert_eq!(block_on(other.open().receive(&paid)).unwrap_err().code(), "unknown_request");
    let mut relabelled = paid.clone();
    relabelled.answer = elsewhere.document.record.answer(town.world.network());
    assert_eq!(block_on(other.open().receive(&relabelled)).unwrap_err().code(), "bad_signature");
    let later = ask(&shop, 300);
    relabelled.answer = later.document.record.answer(town.world.network());
    assert_eq!(block_on(shop.open().receive(&relabelled)).unwrap_err().code(), "bad_signature");
    assert_eq!(block_on(shop.open().receive(&paid)).unwrap_err().code(), "already_received");
    assert_eq!((other.deposit_only(), shop.deposit_only()), (0, 300));
}

/// HC-X19, HC-X20: y counts as spent from before the payment leaves: after a crash, and whatever the shop says, the same request gets the same bytes and no second
/// signature. HC-X21: before it is signed, nothing is owed.
#[test]
fn what_was_signed_is_spent() {
    let (_town, payer, shop) = scene();
    let request = ask(&shop, 300);
    block_on(payer.open().preview(&request.document)).unwrap();
    assert_eq!(payer.figures(), [1_000, 0, 0, 0], "shown and not signed");
    let first = pay(&payer, &request);
    assert_eq!(payer.figures(), [700, 0, 0, 0], "the answer of the shop is not waited for");
    assert_eq!(pay(&payer, &request), first);
    assert_eq!(block_on(payer.open().payments()).unwrap()[0].document, first);
    assert_eq!(payer.figures(), [700, 0, 0, 0]);
    block_on(shop.open().receive(&first)).unwrap();
    assert_eq!(shop.deposit_only(), 300);
}

/// HC-X22: two equal payments at one second answer different challenges, and both are taken.
#[test]
fn equal_payments_at_one_second() {
    let (town, payer, shop) = scene();
    let (one, other) = (ask(&shop, 100), ask(&shop, 100));
    assert_eq!(one.document.record.time, other.document.record.time);
    let network = town.world.network();
    assert_ne!(one.document.record.answer(network), other.document.record.answer(network));
    for request in [&other, &one] {
        block_on(shop.open().receive(&pay(&payer, request))).unwrap();
    }
    assert_eq!(shop.deposit_only(), 200);
}

/// HC-X23: the payer checks no clock but that a challenge is not from the future; what is signed late is taken as long as the note can be deposited.
#[test]
fn a_shop_whose_clock_is_wrong() {
    let (town, payer, shop) = scene();
    town.pass(DAY);
    let ahead = ask(&shop, 100);
    town.at(START.plus(DAY));
    assert_eq!(block_on(payer.open().pay(&ahead.document)).unwrap_err().code(), "from_the_future");
    town.pass(DAY);
    let paid = pay(&payer, &ahead);
    block_on(shop.open().receive(&paid)).unwrap();
    assert_eq!(shop.deposit_only(), 100);
}

/// HC-X24, HC-F3.11, HC-A27: H is on the shop's disk before its yes, survives a restart, and is handed in once its checks were passed; a shop that loses its disk
/// loses what it had not handed in, and nobody else does.
#[test]
fn takings_are_stored_before_the_answer() {
    let (town, payer, shop) = scene();
    let (first, second) = (ask(&shop, 300), ask(&shop, 200));
    block_on(shop.open().receive(&pay(&payer, &first))).unwrap();
    let mut bad = pay(&payer, &second);
    let good = bad.clone();
    bad.answers[0].signature.0[0] ^= 1;
    block_on(shop.open().receive(&bad)).unwrap_err();
    assert_eq!(shop.deposit_only(), 300);
    assert_eq!(block_on(shop.open().hand_in()).unwrap()[0].money, yen(300), "what failed is not handed in");
    block_on(shop.open().deposit_states()).unwrap();
    assert_eq!(town.books().balance[&format!("{BANK}/cafe")], OPENING + 300);
    // the payer still has what he signed, so that the loss of the shop's disk can be made good by showing it again
    block_on(shop.open().receive(&good)).unwrap();
    assert_eq!((shop.deposit_only(), payer.figures()[0]), (200, 500));
}

/// HC-X46, HC-P13: who restores an old copy of his purse and spends again is not stopped offline; both payees hold a proof against his one key together. The honest
/// wallet, copied or not, cannot make one.
#[test]
fn a_copied_purse_is_found_out() {
    let (town, payer, shop) = scene();
    let copy = payer.copied(block_on(copied_store(&payer)));
    let other = Home::unregistered(&town, "books", Kind::Shop);
    let (here, there) = (ask(&shop, 600), ask(&other, 600));
    let (one, two) = (pay(&payer, &here), pay(&copy, &there));
    block_on(shop.open().receive(&one)).unwrap();
    block_on(other.open().receive(&two)).unwrap();
    assert_eq!((shop.deposit_only(), other.deposit_only()), (600, 600), "control: offline nobody can tell");
    let chain = |request: &Requested, paid: &Payment| {
        let challenge = &request.document.record;
        paid.answers[0].chain.extended(zeni_note::Hop {
            opening: challenge.opening(town.world.network()),
            amount: paid.answers[0].amount,
            signature: paid.answers[0].signature,
            payee: challenge.right.clone(),
        })
    };
    let both = [chain(&here, &one), chain(&there, &two)];
    assert_eq!(zeni_note::payment::overspent(both.iter(), &town.world.roots), Some(1));
    assert_eq!(zeni_note::payment::overspent(both[..1].iter(), &town.world.roots), None, "control");
}

/// What a cheat's copy of the directory holds: the same records.
async fn copied_store(home: &Home) -> zeni_store::Store {
    let blank = home.blank();
    let card = home.card().export().unwrap().to_bytes();
    let bytes = home.open().backup(BackupKind::Move, &card).await.unwrap();
    let backup = Backup::from_bytes(&bytes).unwrap();
    blank.open().restore(&backup).await.unwrap();
    blank.store.clone()
}

/// HC-P17: any amounts until x is nothing, also single units; the next one is not begun. HC-P18: the first and the last payment have the same bytes but for the
/// figures, whatever was paid before and whatever X is. HC-V15, HC-A10: C carries no balance: x is nowhere in a payment.
#[test]
fn divided_to_the_last_unit() {
    let town = Town::with(Series::Sealed(Way::Sealed));
    let payer = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(payer.open().withdraw(yen(100), false)).unwrap();
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    let mut sizes = Vec::new();
    for _ in 0..100 {
        let paid = pay(&payer, &ask(&shop, 1));
        sizes.push(zeni_message::encode(&paid).len());
        let C { note, holder, hops } = C::of(&paid.answers[0].chain);
        assert_eq!((note, holder, hops), (amount(100), true, 0));
        block_on(shop.open().receive(&paid)).unwrap();
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
    let rich = Home::unregistered(&town, "hanako", Kind::Wallet);
    block_on(rich.open().withdraw(yen(1_000), false)).unwrap();
    for _ in 0..3 {
        let paid = pay(&rich, &ask(&shop, 1));
        assert_eq!(C::of(&paid.answers[0].chain).note, amount(1_000));
        assert_eq!(zeni_message::encode(&paid).len(), sizes[0] + 1, "1,000 is a byte longer than 100");
    }
    assert_eq!((payer.figures(), shop.deposit_only()), ([0; 4], 100));
    assert_eq!(block_on(payer.open().pay(&ask(&shop, 1).document)).unwrap_err().code(), "insufficient_funds");
    block_on(shop.open().hand_in()).unwrap();
    block_on(shop.open().deposit_states()).unwrap();
    assert_eq!((shop.wealth(), payer.wealth()), (OPENING + 100, OPENING - 100));
}

/// What a payment shows of the money: face value, whether its holder is unlicensed, hops; there is no field for x.
struct C {
    note: zeni_money::Amount,
    holder: bool,
    hops: usize,
}

impl C {
    fn of(chain: &Chain) -> C {
        let Chain { note, holder, hops } = chain;
        C { note: note.record.face, holder: holder.licence().is_none(), hops: hops.len() }
    }
}

/// DESIGN §5 "Right to hold", issue 3.6: a licensed payee takes a note under seal and passes it on; a terminal one cannot: its wallet has nothing to pay with, and a
/// second holder without a licence who signs all the same is refused by the next payee, offline. Control: the licensed holder in his place is taken.
#[test]
fn mixed_chains_and_sealed_second_holders() {
    let town = Town::with(Series::Both);
    let sealed = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(sealed.open().withdraw(yen(1_000), false)).unwrap();
    let licensed = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let last = Home::joined(&town, "hanako", Privacy::Unlinkable, Kind::Wallet);
    transfer(&sealed, &licensed, 400);
    assert_eq!(transfer(&licensed, &last, 300).outcome, ReceiveOutcome::Fulfilled, "control");
    assert_eq!(block_on(last.open().balance()).unwrap().balances[0].ways.sealed, yen(300));

    let terminal = Home::unregistered(&town, "mei", Kind::Wallet);
    transfer(&sealed, &terminal, 200);
    assert_eq!(terminal.deposit_only(), 200);
    let request = ask(&last, 100);
    assert_eq!(block_on(terminal.open().pay(&request.document)).unwrap_err().code(), "insufficient_funds");
    // a cheat's wallet would sign
    let (mine, cheat) = (town.world.sealed_note(&key("own"), 500, "own"), key("second holder"));
    let mut hop = town.world.challenge(&cheat, 200, "to the cheat", zeni_message::route::Clock::now(&*town.clock));
    hop.right = Right::Unlicensed(cheat.public());
    let answer = town.world.answer(&mine, &key("own"), 200, &hop);
    let chain = mine.extended(zeni_note::Hop {
        opening: hop.opening(town.world.network()),
        amount: answer.amount,
        signature: answer.signature,
        payee: hop.right,
    });
    let payment = town.world.payment(&chain, &cheat, 100, &request.document.record);
    let error = block_on(last.open().receive(&payment)).unwrap_err();
    assert_eq!(error.code(), "unlicensed_payer");
}

/// HC-P1, RN-O19: a wallet without licence deposits what it has not spent by paying a fresh key of its own first: the key that it ordered under seal signs to no
/// account. What it received it deposits as it is. Control: the key of what is closed is named in the deposit.
#[test]
fn deposits_name_no_sealed_key() {
    let (town, payer, shop) = scene();
    let report = block_on(payer.open().deposit(yen(400))).unwrap();
    assert_eq!(report.held, yen(400));
    let deposit = town.last_deposit();
    let chain = &deposit.items[0].chain;
    assert_eq!(chain.hops.len(), 1);
    assert_ne!(chain.right().key(), chain.holder.key());
    assert_eq!(chain.right().licence(), None);
    block_on(payer.open().deposit_states()).unwrap();
    assert_eq!((payer.figures()[0], payer.wealth()), (600, OPENING));
    let friend = Home::unregistered(&town, "mei", Kind::Wallet);
    transfer(&payer, &friend, 250);
    let before = town.books().seen.len();
    block_on(friend.open().deposit(yen(250))).unwrap();
    let sent: Vec<_> = town.books().seen[before..].iter().map(|it| it.2).collect();
    assert!(sent.contains(&Deposit::PATH));
    assert_eq!(town.last_deposit().items[0].chain.hops.len(), 1, "control: received money is closed by its own key");
    assert_eq!((friend.deposit_only(), shop.deposit_only()), (0, 0));
}

/// A shop's own note under seal passes to the shop's key before it is handed in, so that its bank, which ordered it for this account, sees no key of a note.
#[test]
fn a_shop_hands_in_its_own_note() {
    let (town, _, shop) = scene();
    block_on(shop.open().withdraw(yen(500), false)).unwrap();
    block_on(shop.open().hand_in()).unwrap();
    let message: HandInTakings = {
        let books = town.books();
        let (.., body) = books.seen.iter().rfind(|it| it.2 == HandInTakings::PATH).unwrap();
        zeni_message::decode(body, usize::MAX).unwrap()
    };
    assert_eq!(message.chains[0].hops.len(), 1);
    block_on(shop.open().deposit_states()).unwrap();
    assert_eq!(shop.wealth(), OPENING);
}

/// HC-P1: money that a licensed payee gave back to the key under which a shop had ordered it is not handed in with the takings, and is
/// refused by name when it is all there is; with the shop's word it is handed in, under that key (control).
#[test]
fn a_shop_is_told_of_given_back_money() {
    let town = Town::with(Series::Both);
    let shop = Home::unregistered(&town, "cafe", Kind::Shop);
    let licensed = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    block_on(shop.open().withdraw(yen(500), false)).unwrap();
    let request = ask(&licensed, 300);
    let paid = pay(&shop, &request);
    town.pass(2 * DAY);
    block_on(licensed.open().receive(&paid)).unwrap();
    let back = block_on(licensed.open().give_back()).unwrap().remove(0);
    block_on(shop.open().receive(&back.document)).unwrap();
    let ordered = paid.answers[0].chain.holder.key();
    let keys = |town: &Town| {
        let books = town.books();
        let (.., body) = books.seen.iter().rfind(|it| it.2 == HandInTakings::PATH).unwrap();
        let message: HandInTakings = zeni_message::decode(body, usize::MAX).unwrap();
        message.chains.iter().map(|chain| chain.right().key()).collect::<Vec<_>>()
    };
    assert_eq!(block_on(shop.open().hand_in()).unwrap()[0].money, yen(200), "the rest of its own note");
    assert!(!keys(&town).contains(&ordered));
    assert_eq!((shop.deposit_only(), block_on(shop.open().hand_in()).unwrap_err().code()), (300, "would_reveal"));
    assert_eq!(block_on(shop.open().hand_in_revealing()).unwrap()[0].money, yen(300));
    assert_eq!(keys(&town), [ordered]);
    block_on(shop.open().deposit_states()).unwrap();
    assert_eq!((shop.wealth(), block_on(shop.open().hand_in()).unwrap_err().code()), (OPENING, "nothing_to_deposit"));
}

/// What comes late or twice to a payee without a licence cannot be given back by it: it is told so, keeps the money for the account, and nothing is lost. Given back by
/// a licensed payee, money reaches the payer's sealed key and can be deposited.
#[test]
fn late_payments_and_given_back_money() {
    let (town, payer, shop) = scene();
    let request = ask(&shop, 300);
    let paid = pay(&payer, &request);
    town.pass(2 * DAY);
    let report = block_on(shop.open().receive(&paid)).unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Late);
    assert_eq!(block_on(shop.open().give_back()).unwrap_err().code(), "nothing_owed");
    assert_eq!(shop.deposit_only(), 300);
    block_on(shop.open().hand_in()).unwrap();

    let town = Town::with(Series::Both);
    let payer = Home::unregistered(&town, "taro", Kind::Wallet);
    block_on(payer.open().withdraw(yen(1_000), false)).unwrap();
    let licensed = Home::joined(&town, "jiro", Privacy::Unlinkable, Kind::Wallet);
    let request = ask(&licensed, 300);
    let paid = pay(&payer, &request);
    town.pass(2 * DAY);
    block_on(licensed.open().receive(&paid)).unwrap();
    let back = block_on(licensed.open().give_back()).unwrap().remove(0);
    let report = block_on(payer.open().receive(&back.document)).unwrap();
    assert_eq!((report.outcome, report.money), (ReceiveOutcome::GivenBack, yen(300)));
    assert_eq!((payer.figures()[0], payer.deposit_only()), (700, 300));
    assert_eq!(payer.wealth() + licensed.wealth(), 2 * OPENING);
    // the key that ordered signs to an account only if the person says so
    assert_eq!(block_on(payer.open().deposit(yen(1_000))).unwrap_err().code(), "would_reveal");
    block_on(payer.open().deposit(yen(700))).unwrap();
    let ordered = paid.answers[0].chain.holder.key();
    let keys = |town: &Town| town.last_deposit().items.iter().map(|it| it.chain.right().key()).collect::<Vec<_>>();
    assert!(!keys(&town).contains(&ordered));
    block_on(payer.open().deposit_revealing(yen(300))).unwrap();
    assert!(keys(&town).contains(&ordered), "control");
    block_on(payer.open().deposit_states()).unwrap();
    assert_eq!(payer.wealth() + licensed.wealth(), 2 * OPENING);
}

/// HC-X37 for the holder: money received without a licence and not deposited in time is claimed as a refund.
#[test]
fn deposit_only_money_past_its_limit() {
    let (town, payer, shop) = scene();
    transfer(&payer, &shop, 300);
    town.at(terms().deposit_until.plus(1));
    assert_eq!((shop.deposit_only(), shop.figures()[3]), (0, 300));
    assert_eq!(block_on(shop.open().refund()).unwrap()[0].money, yen(300));
    block_on(shop.open().deposit_states()).unwrap();
    assert_eq!(shop.wealth(), OPENING + 300);
}
