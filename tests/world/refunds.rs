//! Refunds in advance and reports of loss against payees: who was paid stays paid.

use zeni_card::element::testing::Cut;
use zeni_crypto::SharedEntropy;
use zeni_holder::{ContactOutcome, Explain, Kind, Privacy, Progress};
use zeni_note::messages::bank::REFUNDS_KEPT_MAX;
use zeni_store::testing::block_on;

use super::{DAYS, OPENING, Person, World, transfer, yen};

/// A new card and an empty database of the same customer, seeded otherwise than the lost one.
fn replacement(world: &World, of: &Person, seed: u8) -> Person {
    let blank = Person::empty(&world.net, world.roots, (of.name, of.bank), Kind::Wallet, Privacy::Unlinkable);
    let home = Person { entropy: SharedEntropy::seeded([seed; 32]), ..blank };
    block_on(home.open().join(home.joining())).unwrap();
    home
}

/// To the end of retention, with all that is due on the way.
fn to_the_end(world: &World, homes: &[&Person]) {
    let [_, _, _, deposit, _, retain] = DAYS;
    for day in [deposit, retain] {
        world.at_day(day);
        for home in homes {
            block_on(home.open().resume()).unwrap();
        }
        world.settle();
    }
    for home in homes {
        block_on(home.open().resume()).unwrap();
    }
    world.settle();
}

/// A payer has his card sign a refund of 500, pays them, and presents it; the payee's card is lost as well, and she claims by
/// a refund of her own if `payee_claims`. Answers what both accounts have.
fn refunds_of_both(payee_claims: bool, payer_first: bool) -> [u64; 2] {
    let world = World::new();
    let (taro, hanako) = (world.funded("taro", 500), world.person("hanako"));
    let his = block_on(taro.open().refund_file()).unwrap();
    transfer(&taro, &hanako, 500);
    let hers = block_on(hanako.open().refund_file()).unwrap();
    let (his_home, her_home) = (replacement(&world, &taro, 5), replacement(&world, &hanako, 6));
    block_on(his_home.open().present_refunds(&his.file)).unwrap();
    if payee_claims {
        block_on(her_home.open().present_refunds(&hers.file)).unwrap();
    }
    let mut homes = [&his_home, &her_home];
    if !payer_first {
        homes.reverse();
    }
    to_the_end(&world, &homes);
    assert_eq!(world.cases(), []);
    let books = world.check_books();
    assert_eq!(books.outstanding, 0);
    [world.account(&his_home)[0], world.account(&her_home)[0]]
}

/// RN-X31, docs/card.md: the refund that a payer had signed before he paid takes nothing from a payee who claims by a refund of
/// that kind. Control: where nobody shows what he passed on, the same file is paid in full.
#[test]
fn a_payer_is_not_refunded_before_his_payee() {
    for payer_first in [true, false] {
        assert_eq!(refunds_of_both(true, payer_first), [OPENING - 500, OPENING + 500]);
    }
    assert_eq!(refunds_of_both(false, true), [OPENING, OPENING]);
}

/// RN-X31, docs/card.md "Refunds in advance": a bank that has forgotten the challenge of an old refund file refuses it: `resume` tells it as
/// refused, with word and amount, and as nothing else; the newest file is paid. Control: one challenge fewer, and the old one is
/// paid.
#[test]
fn a_refund_that_the_bank_forgot_is_told_as_refused() {
    for newer in [REFUNDS_KEPT_MAX, REFUNDS_KEPT_MAX - 1] {
        let world = World::new();
        let taro = world.funded("taro", 500);
        let old = block_on(taro.open().refund_file()).unwrap();
        let again = |_| {
            world.pass(1);
            block_on(taro.open().refund_file()).unwrap()
        };
        let newest = (0..newer).map(again).last().unwrap();
        let home = replacement(&world, &taro, 5);
        block_on(home.open().present_refunds(&old.file)).unwrap();
        let resumed = || block_on(home.open().resume()).unwrap().remove(0);
        assert_eq!(resumed().progress, Progress::Waiting);
        world.at_day(DAYS[3]);
        let told = resumed();
        if newer == REFUNDS_KEPT_MAX {
            assert_eq!(told.progress, Progress::Refused, "{told:?}");
            assert!(told.reason.starts_with("refused (unknown_challenge): 500 JPY is not credited"), "{told:?}");
            block_on(home.open().present_refunds(&newest.file)).unwrap();
        }
        to_the_end(&world, &[&home]);
        assert_eq!(world.account(&home), [OPENING, 0]);
        let refused = block_on(home.open().history()).unwrap().into_iter().filter(|it| it.kind == "refund_refused");
        assert_eq!(refused.count(), usize::from(newer == REFUNDS_KEPT_MAX));
    }
}

/// When the payee, who was cut between storing a payment and loading it, comes back.
#[derive(Clone, Copy)]
enum Back {
    /// By `resume`, after the payer reported his card lost.
    Resumes,
    /// Her card hears of the report before she carries anything on.
    HearsFirst,
    /// Never.
    Stays,
}

/// A payer pays 500 and reports his card lost while the payee's wallet has said yes and her card has nothing; then he
/// presents a refund that he had signed before. Answers her figures once she is back, and what both accounts have at the end.
fn reported_lost(back: Back) -> ([u64; 4], [u64; 2]) {
    let world = World::new();
    let (taro, hanako, jiro) = (world.funded("taro", 500), world.person("hanako"), world.person("jiro"));
    let contact = |person: &Person| block_on(person.open().contact()).unwrap();
    assert_eq!([contact(&taro), contact(&hanako)], [ContactOutcome::Done; 2]);
    let file = block_on(taro.open().refund_file()).unwrap();
    let paid = taro.pay(&hanako.request(500));
    let mut payee = hanako.open();
    hanako.memory.cut(2, Cut::BeforeCommit);
    assert!(block_on(payee.receive(&paid.document)).is_err());
    drop(payee);
    let home = replacement(&world, &taro, 5);
    assert!(block_on(home.open().report_lost()).unwrap() > 0);
    for seconds in [3_600, 86_400] {
        world.pass(seconds);
        world.settle();
    }
    if let Back::HearsFirst = back {
        assert_eq!(contact(&hanako), ContactOutcome::Done);
    }
    let mut figures = hanako.figures();
    if !matches!(back, Back::Stays) {
        let resumed = block_on(hanako.open().resume()).unwrap();
        assert_eq!(resumed.iter().map(|it| (it.what, it.outcome)).collect::<Vec<_>>(), [("load", "done")]);
        figures = hanako.figures();
        if let Back::HearsFirst = back {
            let refused = block_on(hanako.open().pay(&jiro.request(100).document)).unwrap_err();
            assert_eq!(refused.code(), "insufficient_funds");
        }
        block_on(hanako.open().deposit(yen(500))).unwrap();
        world.settle();
    }
    block_on(home.open().present_refunds(&file.file)).unwrap();
    to_the_end(&world, &[&home]);
    assert_eq!(world.cases(), []);
    (figures, [world.account(&home)[0], world.account(&hanako)[0]])
}

/// DESIGN §5, docs/card.md "LOAD": money that a wallet took is its holder's also when its payer is revoked before the card has
/// it: it is loaded before the bank is heard, and when the card knows better already it comes in closed, for the account
/// alone. Control: where it is never loaded the payer takes it back.
#[test]
fn a_payer_who_reports_his_card_lost_takes_nothing_back() {
    assert_eq!(reported_lost(Back::Resumes), ([500, 0, 0, 0], [OPENING - 500, OPENING + 500]));
    assert_eq!(reported_lost(Back::HearsFirst), ([0, 0, 0, 500], [OPENING - 500, OPENING + 500]));
    assert_eq!(reported_lost(Back::Stays), ([0, 500, 0, 0], [OPENING, OPENING]));
}
