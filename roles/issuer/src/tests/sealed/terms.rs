//! What the clock ends: rests, history, deposits.

use futures::executor::block_on;
use zeni_note::{
    ClosingPurpose, Hop,
    messages::issuer::{Outcome, ReturnItem},
    testing::{DAY, START, amount},
};

use super::{AOBA, MIDORI, town, town_with};
use crate::tests::dump;

/// HC-O10, HC-X13, HC-F4.12: an unspent rest comes back by the holder's signed refund after all terms; what nobody claims is
/// dormant at the end of retention: either way the bank no longer holds it.
#[test]
fn rests_are_refunded_or_dormant() {
    let town = town();
    let (other, lost) = block_on(town.setup.sealed_note(AOBA, "Jiro", "lost", 500));
    drop((other, lost));
    assert_eq!(town.pay(400, "a"), Outcome::Paid);
    town.setup.clock.put(START.plus(211 * DAY));
    let to = town.setup.world.account(MIDORI, "A-1", "r");
    let closing = town.setup.world.close(&town.chain, &town.user, 600, ClosingPurpose::Refund(to));
    let item = ReturnItem { chain: town.chain.clone(), closing };
    assert!(matches!(town.bring("r", vec![item])[0], Outcome::Waiting { .. }));
    assert_eq!(town.held(), 1_100);
    town.setup.clock.put(START.plus(241 * DAY));
    assert!(town.states().is_empty());
    assert_eq!(town.held(), 500);
    town.setup.clock.put(START.plus(400 * DAY + 1));
    assert!(town.states().is_empty());
    let circulation = &block_on(town.setup.issuer.circulation()).unwrap()[0];
    assert_eq!((circulation.banks[0].outstanding, circulation.dormant, circulation.rows), (0, 500, [0, 0, 0]));
    assert_eq!((circulation.banks[0].issued, circulation.banks[0].returned), (1_500, 1_500));
}

/// HC-P20, HC-P21, HC-P22, HC-F7.3, HC-F7.5, HC-F7.6, HC-D24, HC-N10: with as much in circulation the register stays
/// level; the archive grows with what came back and is empty after its term; what is still out is not swept before. A list of what was spent would grow with every note (control: the sum of all that was ever issued).
#[test]
fn the_register_holds_live_money_only() {
    let town = town();
    let mut ever = 1;
    for cycle in 0..5 {
        for place in 0..6 {
            let (user, chain) = block_on(town.setup.sealed_note(AOBA, "Taro", &format!("n{cycle}/{place}"), 100));
            let word = format!("d{cycle}/{place}");
            ever += 1;
            assert_eq!(town.rows()[0], 2);
            let item = town.setup.deposit(&chain, &user, MIDORI, &word);
            assert_eq!(town.bring(&word, vec![item]), [Outcome::Paid]);
            assert_eq!(town.rows()[..2], [1, ever - 1]);
        }
        let circulation = &block_on(town.setup.issuer.circulation()).unwrap()[0];
        let bank = &circulation.banks[0];
        assert_eq!((circulation.outstanding, bank.issued - bank.returned), (1_000, 1_000));
    }
    assert_eq!(ever, 31);
    town.setup.clock.put(START.plus(400 * DAY));
    assert!(town.states().is_empty());
    assert_eq!(town.rows()[..2], [1, 30]);
    town.setup.clock.put(START.plus(400 * DAY + 1));
    assert!(town.states().is_empty());
    assert_eq!(town.rows(), [0, 0, 0]);
}

/// HC-X38, HC-V23, HC-O8: history serves the term that the operator gave it, and what is in dispute is not swept when it ends: neither the
/// note of a case that is not proven yet, nor its origin. Proven, it goes, and the overspender is found all the same.
#[test]
fn disputed_notes_are_not_swept() {
    for days in [400, 500] {
        let town = town_with(|config| config.series.iter_mut().for_each(|series| series.retain_s = days * DAY));
        assert_eq!(town.pay(600, "a"), Outcome::Paid);
        assert_eq!(town.pay(600, "b"), Outcome::Partly { paid: amount(400) });
        let (quiet, chain) = block_on(town.setup.sealed_note(AOBA, "Jiro", "quiet", 500));
        assert_eq!(town.bring("q", vec![town.setup.deposit(&chain, &quiet, MIDORI, "q")]), [Outcome::Paid]);
        let kept = || {
            let dump = dump(&town.setup.store);
            ["archive_note", "archive_node", "archive_origin"]
                .map(|name| dump.iter().find(|(table, _)| table == name).unwrap().1.len())
        };
        assert_eq!(kept(), [2, 2, 2]);
        town.setup.clock.put(START.plus(days * DAY + 1));
        block_on(town.setup.issuer.prune()).unwrap();
        assert_eq!(kept(), [2, 2, 2], "the case is not proven yet");
        assert_eq!(town.states(), ["identified"]);
        assert_eq!((kept(), town.names()), ([0; 3], vec!["Taro".to_owned()]));

        // control: without a case the term is all there is to it
        let town = town_with(|config| config.series.iter_mut().for_each(|series| series.retain_s = days * DAY));
        assert_eq!(town.pay(1_000, "a"), Outcome::Paid);
        for (second, expected) in [(0, 1), (1, 0)] {
            town.setup.clock.put(START.plus(days * DAY + second));
            block_on(town.setup.issuer.prune()).unwrap();
            assert_eq!(town.rows()[1], expected, "{days} days and {second} s");
        }
    }
}

/// HC-X23: the payer alone looks at TIME, and refuses one from the future; here it is a part of what was signed and decides nothing. A
/// payment with a TIME in the future or long past is paid while the issuer's own clock is before the deposit limit, and late after it.
#[test]
fn the_clock_of_a_shop_decides_nothing_here() {
    let town = town();
    let at = |time, word: &str| {
        let challenge = town.setup.world.challenge(&town.shop, 100, word, time);
        let answer = town.setup.world.answer(&town.chain, &town.user, 100, &challenge);
        let paid = town.chain.extended(Hop {
            opening: challenge.opening(town.setup.world.network()),
            amount: answer.amount,
            signature: answer.signature,
            payee: challenge.right,
        });
        town.setup.deposit(&paid, &town.shop, MIDORI, word)
    };
    let times = [START.plus(300 * DAY), START.plus(DAY), START.minus(300 * DAY)];
    let (now, late): (Vec<_>, Vec<_>) = times
        .iter()
        .zip(["a", "b", "c"])
        .map(|(time, word)| (at(*time, word), at(*time, &format!("{word} late"))))
        .unzip();
    assert_eq!(town.bring("now", now), [Outcome::Paid; 3]);
    town.setup.clock.put(START.plus(211 * DAY));
    assert_eq!(town.bring("late", late), [Outcome::Late; 3]);
    assert!(town.states().is_empty());
}
