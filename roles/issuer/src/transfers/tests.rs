use futures::executor::block_on;
use zeni_note::{
    messages::issuer::{GetTransfers, Transfer},
    testing::{DAY, START, amount},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

fn transfers(setup: &Setup, bank: &str, after: u64) -> Vec<Transfer> {
    block_on(setup.member(bank, GetTransfers { after })).unwrap()
}

/// HC-F4.7, HC-F4.11, HC-A35, HC-V20, HC-V21, HC-O13: a note under seal that comes back through another bank makes its own bank pay and
/// the other receive, once per cycle, netted, with what the first no longer holds. What is still out is not paid.
#[test]
fn the_notes_bank_pays_and_the_shops_bank_receives() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let shop = setup.person("shop");
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "one", 1_000));
    let items: Vec<_> = [(300, "a"), (200, "b")]
        .map(|(value, word)| {
            let paid = setup.world.pay(&chain, &user, &shop, value, word);
            setup.deposit(&paid, &shop, MIDORI, word)
        })
        .into();
    block_on(setup.give_back(MIDORI, "b1", items)).unwrap();
    block_on(setup.issuer.settle()).unwrap();
    let (pays, receives) = (transfers(&setup, AOBA, 0), transfers(&setup, MIDORI, 0));
    let [pays] = &pays[..] else { panic!("{pays:?}") };
    let [receives] = &receives[..] else { panic!("{receives:?}") };
    assert_eq!((pays.number, pays.amount, pays.pays, pays.returned), (1, amount(500), true, amount(500)));
    assert_eq!(
        (receives.number, receives.amount, receives.pays, receives.returned),
        (1, amount(500), false, amount(0))
    );
    assert_eq!(pays.cycle, receives.cycle);

    // the next cycle orders only what is new
    let rest = setup.world.pay(&chain, &user, &shop, 500, "c");
    let item = setup.deposit(&rest, &shop, AOBA, "c");
    block_on(setup.give_back(AOBA, "b2", vec![item])).unwrap();
    block_on(setup.issuer.settle()).unwrap();
    let [next] = &transfers(&setup, AOBA, 1)[..] else { panic!("one more") };
    // issued and returned through the same bank: nothing to pay, but the bank no longer holds it
    assert_eq!((next.number, next.amount, next.returned), (2, amount(0), amount(500)));
    assert!(transfers(&setup, MIDORI, 1).is_empty());
    assert_ne!(next.cycle, pays.cycle);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-X34, HC-X35: an order that was lost is told again under its number, the same; a cycle in which nothing happened orders
/// nothing.
#[test]
fn a_transfer_is_told_until_it_is_heard() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "one", 500));
    let item = setup.deposit(&chain, &user, MIDORI, "d");
    block_on(setup.give_back(MIDORI, "b", vec![item])).unwrap();
    block_on(setup.issuer.settle()).unwrap();
    let first = transfers(&setup, AOBA, 0);
    assert_eq!(transfers(&setup, AOBA, 0), first);
    block_on(setup.issuer.settle()).unwrap();
    assert_eq!(transfers(&setup, AOBA, 0), first);
    assert!(transfers(&setup, AOBA, first[0].number).is_empty());
}

/// HC-D17, HC-R5: an order names no note, no payment, no payee: two cycles of other notes and shops, of the same amounts, differ
/// in their random ids alone.
#[test]
fn a_transfer_names_no_note() {
    let of = |note: &str, payee: &str| {
        let setup = block_on(Setup::new(Policy::Refuse));
        let shop = setup.person(payee);
        let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", note, 500));
        let paid = setup.world.pay(&chain, &user, &shop, 500, note);
        let item = setup.deposit(&paid, &shop, MIDORI, note);
        block_on(setup.give_back(MIDORI, "b", vec![item])).unwrap();
        block_on(setup.issuer.settle()).unwrap();
        transfers(&setup, AOBA, 0).remove(0)
    };
    let (one, other) = (of("one", "tea shop"), of("two", "book shop"));
    assert_eq!(one, Transfer { cycle: one.cycle, ..other });
}

/// HC-X34, HC-X35, HC-P21, HC-O8: transfers go when their cycle is as old as records get and their bank has asked for what follows them, but
/// the last of a bank; the next tells what is new and no more, under the next number.
#[test]
fn transfers_serve_a_term() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let cycle = |word: &str, face: u64| {
        let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", word, face));
        let item = setup.deposit(&chain, &user, MIDORI, word);
        block_on(setup.give_back(MIDORI, word, vec![item])).unwrap();
        block_on(setup.issuer.settle()).unwrap();
    };
    cycle("one", 1_000);
    cycle("two", 500);
    cycle("two and a half", 100);
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "three", 500));
    setup.clock.put(START.plus(100 * DAY));
    let item = setup.deposit(&chain, &user, MIDORI, "three");
    block_on(setup.give_back(MIDORI, "three", vec![item])).unwrap();
    // aoba has booked the first, midori nothing
    assert_eq!(transfers(&setup, AOBA, 1).len(), 2);
    setup.clock.put(START.plus(401 * DAY));
    block_on(setup.settle_down());
    assert_eq!(transfers(&setup, AOBA, 0).len(), 3, "a day too early");
    setup.clock.put(START.plus(401 * DAY + 1));
    block_on(setup.settle_down());
    assert_eq!(
        [AOBA, MIDORI].map(|bank| transfers(&setup, bank, 0).len()),
        [2, 3],
        "what a bank has not heard waits for it, however old"
    );
    // a bank has heard no transfer that there was not yet
    assert!(transfers(&setup, MIDORI, u64::MAX).is_empty());
    let dump = crate::tests::dump(&setup.store);
    let heard = |row: &zeni_store::Row| (row.text(0).unwrap().to_owned(), row.int(1).unwrap());
    let heard: Vec<_> =
        dump.iter().filter(|(table, _)| table == "transfer_heard").flat_map(|(_, it)| it).map(heard).collect();
    assert_eq!(heard, [(AOBA.to_owned(), 1), (MIDORI.to_owned(), 3)]);
    assert_eq!(transfers(&setup, AOBA, 2).len(), 1);
    setup.clock.put(START.plus(401 * DAY + 2));
    block_on(setup.settle_down());
    assert_eq!(transfers(&setup, MIDORI, 0).len(), 1);
    let kept = transfers(&setup, AOBA, 0);
    assert_eq!((kept.len(), kept[0].number, kept[0].returned), (1, 3, amount(100)));
    block_on(setup.issuer.settle()).unwrap();
    let new = transfers(&setup, AOBA, 3);
    assert_eq!((new.len(), new[0].number, new[0].amount, new[0].returned), (1, 4, amount(500), amount(500)));
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}
