mod bundles;
mod limits;

use futures::executor::block_on;
use zeni_message::{Signed, peer::SendError};
use zeni_money::Amount;
use zeni_note::{
    Chain, Closing, HandIn,
    messages::issuer::{Outcome, Return, ReturnItem, ReturnRefusal},
    testing::{DAY, START, amount, nonce},
};
use zeni_store::{Caller, JobError, Options, Store, Tx};

use crate::{
    AuditReport, Policy, SCHEMA,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

fn setup() -> Setup {
    block_on(Setup::new(Policy::Refuse))
}

fn outcomes(setup: &Setup, bank: &str, batch: &str, items: Vec<ReturnItem>) -> Vec<Outcome> {
    block_on(setup.give_back(bank, batch, items)).unwrap().record.outcomes
}

fn sound(setup: &Setup) -> AuditReport {
    let report = block_on(setup.issuer.audit()).unwrap();
    assert_eq!(report.violations, Vec::<String>::new());
    report
}

fn cases(setup: &Setup) -> Vec<(String, Option<String>)> {
    block_on(setup.settle_down_and_audit());
    let cases = block_on(setup.issuer.cases()).unwrap();
    cases.into_iter().map(|case| (case.state, case.name)).collect()
}

trait Audited {
    fn settle_down_and_audit(&self) -> impl Future<Output = ()>;
}

impl Audited for Setup {
    async fn settle_down_and_audit(&self) {
        self.settle_down().await;
        assert_eq!(self.issuer.audit().await.unwrap().violations, Vec::<String>::new());
    }
}

/// RN-F6.1, RN-F6.2, RN-F7.5: a note that comes back in full is paid and goes to the archive.
#[test]
fn a_note_that_comes_back_in_full_is_archived() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 500, "tea");
    assert_eq!(outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&paid, &shop, MIDORI, "d1")]), [Outcome::Paid]);
    let report = sound(&setup);
    assert_eq!((report.register, report.archive), (0, 1));
    assert_eq!(report.currencies[0].outstanding, 0);
    assert_eq!(cases(&setup), []);
}

/// RN-F7.1, RN-F7.2, F7.4: of a note that comes back in parts the rest stays in the register.
#[test]
fn a_note_that_comes_back_in_parts_stays_until_the_last() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    for (part, rest) in [(120, 380), (300, 80), (80, 0)] {
        let paid = setup.world.pay(&chain, &hanako, &shop, part, &format!("part {part}"));
        let item = setup.deposit(&paid, &shop, AOBA, &format!("d{part}"));
        assert_eq!(outcomes(&setup, AOBA, &format!("b{part}"), vec![item]), [Outcome::Paid]);
        assert_eq!(sound(&setup).currencies[0].rests, rest);
    }
    assert_eq!(sound(&setup).archive, 1);
    assert_eq!(cases(&setup), []);
}

/// RN-X27: a batch sent again gives the same bytes; other content under its id is refused and changes nothing.
#[test]
fn a_batch_is_idempotent() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let one = block_on(setup.note(&hanako, 500, "n1"));
    let two = block_on(setup.note(&hanako, 100, "n2"));
    let item = setup.deposit(&one, &hanako, AOBA, "d1");
    let first = block_on(setup.give_back(AOBA, "b1", vec![item.clone()])).unwrap();
    let again = block_on(setup.give_back(AOBA, "b1", vec![item.clone()])).unwrap();
    assert_eq!(first, again);
    let before = crate::tests::dump(&setup.store);
    let other = setup.deposit(&two, &hanako, AOBA, "d2");
    let refused = block_on(setup.give_back(AOBA, "b1", vec![other]));
    assert_eq!(refused, Err(SendError::Refused(ReturnRefusal::OtherBatch)));
    assert_eq!(crate::tests::dump(&setup.store), before);
    // the item alone, in another batch: the stored outcome, nothing is booked twice
    assert_eq!(outcomes(&setup, AOBA, "b2", vec![item]), [Outcome::Paid]);
    assert_eq!(sound(&setup).currencies[0].returned, 500);
    assert_eq!(cases(&setup), []);
}

/// RN-X26: a deposit at two banks: the second is a duplicate, without credit and without a case.
#[test]
fn a_deposit_at_two_banks_is_paid_once() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 200, "tea");
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&paid, &shop, AOBA, "d1")]), [Outcome::Paid]);
    assert_eq!(outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&paid, &shop, MIDORI, "d1")]), [Outcome::Duplicate]);
    assert_eq!(sound(&setup).currencies[0].returned, 200);
    assert_eq!(cases(&setup), []);
}

/// RN-X25: a holder of a small branch who deposits twice, to two accounts, and one item twice in a batch.
#[test]
fn the_same_leaf_twice_is_a_duplicate() {
    let setup = setup();
    let (hanako, taro) = (setup.person("hanako"), setup.person("taro"));
    let chain = block_on(setup.note(&hanako, 1_000, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &taro, 10, "sweet");
    let first = setup.deposit(&paid, &taro, AOBA, "d1");
    let second = setup.deposit(&paid, &taro, AOBA, "d2");
    let found = outcomes(&setup, AOBA, "b1", vec![first.clone(), first, second]);
    assert_eq!(found, [Outcome::Paid, Outcome::Duplicate, Outcome::Duplicate]);
    assert_eq!(sound(&setup).currencies[0].returned, 10);
    assert_eq!(cases(&setup), []);
}

/// RN-V3, RN-F7.6, RN-X23, RN-F7.7, RN-X22: the two payments of a copied wallet; the first is paid, the second convicts the key.
#[test]
fn a_copied_wallet_is_convicted() {
    let setup = setup();
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let one = setup.world.pay(&chain, &ueda, &shop, 500, "one");
    let two = setup.world.pay(&chain, &ueda, &shop, 500, "two");
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&one, &shop, AOBA, "d1")]), [Outcome::Paid]);
    assert_eq!(cases(&setup), []);
    // the note is in the archive by now: RN-F7.6, RN-X23
    let late = outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&two, &shop, MIDORI, "d2")]);
    assert_eq!(late, [Outcome::Partly { paid: Amount::ZERO }]);
    assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("ueda".to_owned()))]);
}

/// RN-X26 with a copied wallet that deposits its own note twice: the same leaf, so a duplicate and no case.
#[test]
fn a_copied_wallet_that_deposits_one_leaf_twice_gains_nothing() {
    let setup = setup();
    let ueda = setup.person("ueda");
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&chain, &ueda, AOBA, "d1")]), [Outcome::Paid]);
    assert_eq!(outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&chain, &ueda, MIDORI, "d2")]), [Outcome::Duplicate]);
    assert_eq!(cases(&setup), []);
}

/// RN-X28: a middle holder overspends his branch while the total is still below the face value.
#[test]
fn a_branch_is_watched_below_the_total() {
    let setup = setup();
    let (hanako, ueda, shop) = (setup.person("hanako"), setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 1_000, "n1"));
    let branch = setup.world.pay(&chain, &hanako, &ueda, 100, "branch");
    let items = ["a", "b"].map(|word| {
        let paid = setup.world.pay(&branch, &ueda, &shop, 70, word);
        setup.deposit(&paid, &shop, AOBA, word)
    });
    let found = outcomes(&setup, AOBA, "b1", items.to_vec());
    assert_eq!(found, [Outcome::Paid, Outcome::Partly { paid: amount(30) }]);
    assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("ueda".to_owned()))]);
    // others are not touched: the rest of the note is paid
    let rest = setup.world.pay(&chain, &hanako, &shop, 900, "rest");
    assert_eq!(outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&rest, &shop, MIDORI, "d1")]), [Outcome::Paid]);
    assert_eq!(cases(&setup).len(), 1);
}

/// RN-X29: guilty is the node out of balance, found when a later honest part shows it, not the last depositor.
#[test]
fn a_middle_holder_is_found_later() {
    let setup = setup();
    let (hanako, ueda, taro, shop) =
        (setup.person("hanako"), setup.person("ueda"), setup.person("taro"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let middle = setup.world.pay(&chain, &hanako, &ueda, 500, "middle");
    let to_taro = setup.world.pay(&middle, &ueda, &taro, 500, "taro");
    let to_shop = setup.world.pay(&middle, &ueda, &shop, 300, "shop");
    let half = setup.world.pay(&to_taro, &taro, &shop, 250, "half");
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![setup.deposit(&half, &shop, AOBA, "d1")]), [Outcome::Paid]);
    // what ueda passed on already exceeds what he held, before any money is missing
    let second = outcomes(&setup, AOBA, "b2", vec![setup.deposit(&to_shop, &shop, AOBA, "d2")]);
    assert_eq!(second, [Outcome::Partly { paid: amount(250) }]);
    assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("ueda".to_owned()))]);
    let other = setup.world.pay(&to_taro, &taro, &shop, 250, "other half");
    let last = outcomes(&setup, AOBA, "b3", vec![setup.deposit(&other, &shop, AOBA, "d3")]);
    assert_eq!(last, [Outcome::Partly { paid: Amount::ZERO }]);
    assert_eq!(cases(&setup).len(), 1);
}

fn hand_in(setup: &Setup, chains: &[Chain], shop: &zeni_crypto::SecretKey, bank: &str, id: &str) -> Return {
    let to = setup.world.account(bank, "S-1", id);
    let signed: Signed<HandIn> = setup.world.hand_in(chains, shop, to);
    let items = chains
        .iter()
        .zip(0..)
        .map(|(chain, index)| ReturnItem { chain: chain.clone(), closing: Closing::Taking { hand_in: 0, index } })
        .collect();
    Return { batch: nonce(id), hand_ins: vec![signed], items }
}

/// DESIGN §5 "Deposit", RN-F7.8: takings under one signature are paid; one that is also paid on convicts the shop, with the
/// place under the root as evidence.
#[test]
fn a_hand_in_that_is_also_paid_on_convicts_the_shop() {
    let setup = setup();
    let (hanako, shop, taro) = (setup.person("hanako"), setup.person("shop"), setup.person("taro"));
    let mut takings = Vec::new();
    for (serial, value) in [("n1", 100), ("n2", 40), ("n3", 60)] {
        let chain = block_on(setup.note(&hanako, 100, serial));
        takings.push(setup.world.pay(&chain, &hanako, &shop, value, serial));
    }
    let answer = block_on(setup.member(AOBA, hand_in(&setup, &takings, &shop, AOBA, "h1"))).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Paid; 3]);
    assert_eq!(cases(&setup), []);
    let onward = setup.world.pay(&takings[1], &shop, &taro, 25, "onward");
    let found = outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&onward, &taro, MIDORI, "d1")]);
    assert_eq!(found, [Outcome::Partly { paid: Amount::ZERO }]);
    assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("shop".to_owned()))]);
}

/// RN-F8: a bank that first returns a hand-in under a spoilt signature shields nobody: the case is disclosed all the same.
#[test]
fn a_spoilt_hand_in_shields_no_shop() {
    let setup = setup();
    let (hanako, shop, taro) = (setup.person("hanako"), setup.person("shop"), setup.person("taro"));
    let chain = block_on(setup.note(&hanako, 100, "n1"));
    let taking = setup.world.pay(&chain, &hanako, &shop, 100, "tea");
    let good = hand_in(&setup, std::slice::from_ref(&taking), &shop, AOBA, "h1");
    let mut spoilt = Return { batch: nonce("spoilt"), ..good.clone() };
    spoilt.hand_ins[0].signature.0[40] ^= 1;
    assert_eq!(block_on(setup.member(AOBA, spoilt)).unwrap().record.outcomes, [Outcome::Malformed]);
    assert_eq!(block_on(setup.member(AOBA, good)).unwrap().record.outcomes, [Outcome::Paid]);
    let onward = setup.world.pay(&taking, &shop, &taro, 25, "onward");
    let found = outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&onward, &taro, MIDORI, "d1")]);
    assert_eq!(found, [Outcome::Partly { paid: Amount::ZERO }]);
    assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("shop".to_owned()))]);
}

/// DESIGN §5 "Right to hold", RN-F8: who deposits without showing his licence and passes the same money on with it is named all
/// the same, from rows and from lots; shown the other way round too.
#[test]
fn a_licence_that_was_not_shown_at_first_is_found() {
    for (other_half, onward_first) in [(false, false), (true, false), (false, true)] {
        let setup = setup();
        let (hanako, cheat, taro) = (setup.person("hanako"), setup.person("cheat"), setup.person("taro"));
        let chain = block_on(setup.note(&hanako, 100, "n1"));
        // 100 is the whole note, which goes to the archive at once
        let value = if other_half { 50 } else { 100 };
        let shown = setup.world.pay(&chain, &hanako, &cheat, value, "tea");
        let mut hidden = shown.clone();
        hidden.hops[0].payee = zeni_note::Right::Unlicensed(cheat.public());
        let onward = setup.world.pay(&shown, &cheat, &taro, 30, "onward");
        let mut items = [setup.deposit(&hidden, &cheat, AOBA, "d1"), setup.deposit(&onward, &taro, MIDORI, "d2")];
        if onward_first {
            items.reverse();
        }
        for (item, bank) in items.into_iter().zip([AOBA, MIDORI]) {
            let bank = if onward_first { if bank == AOBA { MIDORI } else { AOBA } } else { bank };
            assert_ne!(outcomes(&setup, bank, bank, vec![item]), [Outcome::Malformed]);
        }
        assert_eq!(cases(&setup), [("disclosed".to_owned(), Some("cheat".to_owned()))], "{other_half} {onward_first}");
    }
}

/// A hand-in whose leaves are not all there, or in another order, refuses the batch whole.
#[test]
fn a_hand_in_covers_its_leaves() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let mut takings = Vec::new();
    for serial in ["n1", "n2"] {
        let chain = block_on(setup.note(&hanako, 100, serial));
        takings.push(setup.world.pay(&chain, &hanako, &shop, 100, serial));
    }
    let whole = hand_in(&setup, &takings, &shop, AOBA, "h1");
    let mut short = whole.clone();
    short.items.pop();
    let mut swapped = whole.clone();
    swapped.items.swap(0, 1);
    for (item, index) in swapped.items.iter_mut().zip(0..) {
        item.closing = Closing::Taking { hand_in: 0, index };
    }
    let other_bank = hand_in(&setup, &takings, &shop, MIDORI, "h1");
    for bad in [short, swapped, other_bank] {
        let refused = block_on(setup.member(AOBA, bad));
        assert_eq!(refused, Err(SendError::Refused(ReturnRefusal::HandIn { hand_in: 0 })));
    }
    assert_eq!(sound(&setup).currencies[0].returned, 0);
    assert_eq!(block_on(setup.member(AOBA, whole)).unwrap().record.outcomes, [Outcome::Paid; 2]);
}

/// RN-X1, DESIGN §5 "Deposit": a hand-in passes on only what its signer holds: a leaf of another holder among its leaves is
/// malformed, and its own holder deposits it.
#[test]
fn a_hand_in_takes_nothing_of_another_holder() {
    let setup = setup();
    let (hanako, shop, victim) = (setup.person("hanako"), setup.person("shop"), setup.person("victim"));
    let paid_to = |payee: &zeni_crypto::SecretKey, serial: &str| {
        let chain = block_on(setup.note(&hanako, 100, serial));
        setup.world.pay(&chain, &hanako, payee, 100, serial)
    };
    let takings = [paid_to(&shop, "n1"), paid_to(&victim, "n2")];
    let answer = block_on(setup.member(AOBA, hand_in(&setup, &takings, &shop, AOBA, "h1"))).unwrap();
    assert_eq!(answer.record.outcomes, [Outcome::Paid, Outcome::Malformed]);
    let own = outcomes(&setup, MIDORI, "b1", vec![setup.deposit(&takings[1], &victim, MIDORI, "d1")]);
    assert_eq!(own, [Outcome::Paid]);
    assert_eq!(cases(&setup), []);
}

/// RN-X1, X3, RN-X30, DESIGN §1.6: each bad item is malformed, alone; its neighbours are paid; nothing of it is booked.
#[test]
fn one_bad_item_spoils_no_other() {
    let setup = setup();
    let (hanako, shop, thief) = (setup.person("hanako"), setup.person("shop"), setup.person("thief"));
    let mut items = Vec::new();
    for serial in 0..9 {
        let chain = block_on(setup.note(&hanako, 100, &format!("n{serial}")));
        let paid = setup.world.pay(&chain, &hanako, &shop, 100, "tea");
        items.push(setup.deposit(&paid, &shop, AOBA, &format!("d{serial}")));
    }
    crate::testing::spoil(&mut items[1].chain.holder);
    items[2].chain.note.record.face = amount(500);
    items[3].chain.hops[0].signature.0[40] ^= 1;
    items[4].chain.hops[0].amount = amount(101);
    let stolen = items[5].chain.clone();
    items[5] = setup.deposit(&stolen, &thief, AOBA, "stolen");
    let elsewhere = items[6].chain.clone();
    items[6] = setup.deposit(&elsewhere, &shop, MIDORI, "elsewhere");
    items[7].chain.hops[0].payee = setup.forged_licence(shop.public()).into();
    let found = outcomes(&setup, AOBA, "b1", items);
    let mut expected = [Outcome::Malformed; 9];
    expected[0] = Outcome::Paid;
    expected[8] = Outcome::Paid;
    assert_eq!(found, expected);
    assert_eq!(sound(&setup).currencies[0].returned, 200);
    assert_eq!(cases(&setup), []);
}

/// RN-X24, RN-X37: a genuine note in neither database raises an alarm and stops the series; nobody is accused. A forged
/// one does neither.
#[test]
fn a_genuine_note_in_no_register_is_an_alarm() {
    let setup = setup();
    let ueda = setup.person("ueda");
    let mut forged = setup.world.note(&ueda, 500, "never issued");
    forged.note.signature.0[0] ^= 1;
    let item = setup.deposit(&forged, &ueda, AOBA, "d1");
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![item]), [Outcome::Malformed]);
    assert_eq!(block_on(setup.issuer.stopped_series()).unwrap(), []);
    let genuine = setup.world.note(&ueda, 500, "never issued");
    let item = setup.deposit(&genuine, &ueda, AOBA, "d2");
    assert_eq!(outcomes(&setup, AOBA, "b2", vec![item.clone()]), [Outcome::Unknown]);
    assert_eq!(block_on(setup.issuer.stopped_series()).unwrap(), [1]);
    assert_eq!(block_on(setup.issuer.alarms()).unwrap(), [(START.plus(DAY).0, "unknown_note".to_owned())]);
    assert_eq!(cases(&setup), []);
    // once the register is rebuilt the item is paid in another batch
    block_on(setup.enter_notes(AOBA, vec![genuine.note.clone()]));
    assert_eq!(outcomes(&setup, AOBA, "b3", vec![item]), [Outcome::Paid]);
    assert!(block_on(setup.issuer.lift_stop(1)).unwrap());
}

/// DESIGN §5 "Return": what arrives after the deposit limit is late, which is no case.
#[test]
fn a_late_return_is_no_case() {
    let setup = setup();
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let items = ["one", "two"].map(|word| {
        let paid = setup.world.pay(&chain, &ueda, &shop, 500, word);
        setup.deposit(&paid, &shop, AOBA, word)
    });
    setup.clock.put(START.plus(211 * DAY));
    assert_eq!(outcomes(&setup, AOBA, "b1", items.to_vec()), [Outcome::Late; 2]);
    assert_eq!(cases(&setup), []);
}

/// RN-X31: a leaf that came too late as a deposit, or too early as a refund, comes again under another closing: neither
/// answer closed it.
#[test]
fn a_leaf_answered_late_or_too_early_comes_again() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let other = block_on(setup.note(&hanako, 100, "n2"));
    let refund = |chain: &Chain, rest, id| {
        let purpose = zeni_note::ClosingPurpose::Refund(setup.world.account(AOBA, "A-1", id));
        ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, &hanako, rest, purpose) }
    };
    let notes =
        || crate::tests::dump(&setup.store).into_iter().filter(|(table, _)| table != "batch").collect::<Vec<_>>();
    let before = notes();
    assert_eq!(outcomes(&setup, AOBA, "b1", vec![refund(&other, 100, "r1")]), [Outcome::TooEarly]);
    assert_eq!(notes(), before);
    assert_eq!(outcomes(&setup, MIDORI, "b2", vec![setup.deposit(&other, &hanako, MIDORI, "d1")]), [Outcome::Paid]);
    setup.clock.put(START.plus(211 * DAY));
    let before = notes();
    assert_eq!(outcomes(&setup, AOBA, "b3", vec![setup.deposit(&chain, &hanako, AOBA, "d2")]), [Outcome::Late]);
    assert_eq!(notes(), before);
    let until = START.plus(240 * DAY);
    assert_eq!(outcomes(&setup, AOBA, "b4", vec![refund(&chain, 500, "r2")]), [Outcome::Waiting { until }]);
    setup.clock.put(until);
    assert_eq!(cases(&setup), []);
    assert_eq!(sound(&setup).currencies[0].returned, 600);
}

/// An altered envelope and a second signature over the same content are the same thing: no second child, no case.
#[test]
fn a_second_signature_over_the_same_content_is_the_same_child() {
    let setup = setup();
    let (hanako, shop) = (setup.person("hanako"), setup.person("shop"));
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let paid = setup.world.pay(&chain, &hanako, &shop, 300, "tea");
    let mut other = paid.clone();
    other.hops[0].signature = second_signature(&setup, &paid);
    assert_ne!(other, paid);
    let half = setup.person("half");
    let one = setup.world.pay(&paid, &shop, &half, 100, "one");
    let two = setup.world.pay(&other, &shop, &half, 200, "two");
    let items = vec![setup.deposit(&one, &half, AOBA, "d1"), setup.deposit(&two, &half, AOBA, "d2")];
    assert_eq!(outcomes(&setup, AOBA, "b1", items), [Outcome::Paid; 2]);
    assert_eq!(cases(&setup), []);
}

/// Another valid signature by the holder's own key: he knows his secret and may choose another nonce.
fn second_signature(setup: &Setup, paid: &Chain) -> zeni_crypto::Signature {
    let walk = paid.walk(setup.issuer.roots()).unwrap();
    let check = &walk.checks[1];
    crate::tests::sign_with_other_nonce(&zeni_note::testing::key("hanako"), &check.message)
}

/// A batch of none, or of too many, is refused whole.
#[test]
fn a_batch_has_its_size() {
    let setup = setup();
    let refused = block_on(setup.give_back(AOBA, "b1", Vec::new()));
    assert_eq!(refused, Err(SendError::Refused(ReturnRefusal::BatchSize { found: 0, max: 1_024 })));
}

/// RN-X36: archive and register change together: when one of the writes fails nothing of the batch has happened, and the
/// same batch is done later.
#[test]
fn a_batch_that_fails_in_the_middle_has_not_happened() {
    let setup = setup();
    let hanako = setup.person("hanako");
    let mut items = Vec::new();
    for serial in ["n1", "n2", "n3"] {
        let chain = block_on(setup.note(&hanako, 100, serial));
        items.push(setup.deposit(&chain, &hanako, AOBA, serial));
    }
    let write = |statement: &'static str| {
        let job = move |tx: &mut Tx<'_>| -> Result<u64, JobError<()>> { Ok(tx.execute(statement, &[])?) };
        setup.store.write_blocking(Caller::default(), job).unwrap()
    };
    write("INSERT INTO archive_note SELECT note.*, NULL, NULL, NULL FROM note ORDER BY serial DESC LIMIT 1");
    let before = crate::tests::dump(&setup.store);
    let failed = block_on(setup.give_back(AOBA, "b1", items.clone()));
    assert!(matches!(failed, Err(SendError::Busy { .. })));
    assert_eq!(crate::tests::dump(&setup.store), before);
    write("DELETE FROM archive_note");
    assert_eq!(outcomes(&setup, AOBA, "b1", items), [Outcome::Paid; 3]);
    assert_eq!(sound(&setup).archive, 3);
}

/// RN-X27, DESIGN §1.3: after a restart the same batch gives the same bytes.
#[test]
fn an_answer_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Store::open_sqlite(directory.path().join("issuer.db"), &SCHEMA, Options::inline()).unwrap();
    let world = || zeni_note::testing::World::new("issuer tests");
    let config = crate::testing::config(&world(), Policy::Refuse);
    let setup = block_on(Setup::with(world(), open(), config.clone()));
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let item = setup.deposit(&chain, &hanako, AOBA, "d1");
    let first = block_on(setup.give_back(AOBA, "b1", vec![item.clone()])).unwrap();
    drop(setup);
    let setup = block_on(Setup::with(world(), open(), config));
    assert_eq!(block_on(setup.give_back(AOBA, "b1", vec![item])).unwrap(), first);
    assert_eq!(sound(&setup).currencies[0].returned, 500);
}
