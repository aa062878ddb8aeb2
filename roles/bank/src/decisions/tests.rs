use zeni_note::{
    messages::{
        bank::{GetDeposit, ItemState},
        issuer::{Decision, GetDecisions, Outcome},
    },
    testing::{amount, nonce},
};

use crate::testing::{Cut, OPENING, POLL_S, Town};

fn state(town: &Town) -> ItemState {
    let state = town.send("A-1", &GetDeposit { deposit: nonce("one") }).expect("told");
    state.items[0].clone()
}

/// A deposit of 1,000 with this outcome; answers its leaf.
fn undecided(town: &mut Town, outcome: Outcome) -> zeni_crypto::Digest {
    let message = town.deposit_message("A-1", "one", &[1_000]);
    let leaf = town.world.leaf(&message.items[0].chain);
    town.desk().outcomes.insert(leaf, outcome);
    town.send("A-1", &message).expect("a deposit");
    town.settle();
    leaf
}

fn decide(town: &mut Town, number: u64, leaf: zeni_crypto::Digest, [paid, claimed]: [u64; 2]) {
    town.desk().decisions.push(Decision { number, leaf, paid: amount(paid), claimed: amount(claimed) });
    town.settle();
    town.settle();
}

/// RN-F6.2, DESIGN §5 "Excess": a decided claim is credited on top, once, also when its answer was lost or the bank died.
#[test]
fn an_excess_is_credited_once() {
    for cut in [Cut::Not, Cut::Before, Cut::After, Cut::Crash] {
        let mut town = Town::new();
        let leaf = undecided(&mut town, Outcome::Partly { paid: amount(300) });
        town.desk().decisions.push(Decision { number: 1, leaf, paid: amount(200), claimed: amount(0) });
        town.advance(POLL_S);
        town.cut(&[cut]);
        assert_eq!(town.tick().is_err(), cut != Cut::Not, "{cut:?}");
        town.restart();
        town.settle();
        assert_eq!(town.balances("A-1"), (OPENING + 500, 0), "{cut:?}");
        assert_eq!(state(&town), ItemState::Partly { available: amount(500), claimed: amount(0) }, "{cut:?}");
        town.sound();
    }
}

/// DESIGN §5: a refund and an unknown note are held until decided; what the decision leaves claimed the next one ends.
#[test]
fn held_items_follow_the_decision() {
    let waiting = Outcome::Waiting { until: zeni_message::Time(5) };
    for (outcome, paid) in [(waiting, 1_000), (waiting, 0), (Outcome::Unknown, 1_000), (Outcome::Unknown, 300)] {
        let mut town = Town::new();
        let leaf = undecided(&mut town, outcome);
        assert_eq!(town.balances("A-1"), (OPENING, 1_000));
        decide(&mut town, 1, leaf, [paid, 1_000 - paid]);
        assert_eq!(town.balances("A-1"), (OPENING + paid, 0));
        if paid == 1_000 {
            assert_eq!(state(&town), ItemState::Available(amount(1_000)));
            continue;
        }
        assert_eq!(state(&town), ItemState::Partly { available: amount(paid), claimed: amount(1_000 - paid) });
        decide(&mut town, 2, leaf, [250, 0]);
        assert_eq!(town.balances("A-1"), (OPENING + paid + 250, 0));
        assert_eq!(state(&town), ItemState::Partly { available: amount(paid + 250), claimed: amount(0) });
        town.sound();
    }
}

/// RN-X31: a refund that is refused in the end leaves nothing behind.
#[test]
fn a_refused_refund_leaves_nothing() {
    let mut town = Town::new();
    let leaf = undecided(&mut town, Outcome::Waiting { until: zeni_message::Time(5) });
    decide(&mut town, 1, leaf, [0, 1_000]);
    decide(&mut town, 2, leaf, [0, 0]);
    assert_eq!(state(&town), ItemState::Refused("refused".into()));
    assert_eq!(town.balances("A-1"), (OPENING, 0));
    town.sound();
}

/// RN-X31: what a backup's refund asked above what was left is nobody's claim: one decision tells all, and no more is asked.
#[test]
fn what_a_backup_asked_in_vain_is_no_claim() {
    let waiting = Outcome::Waiting { until: zeni_message::Time(5) };
    let vain = ItemState::Refused("refused".into());
    for (paid, told) in [(700, ItemState::Partly { available: amount(700), claimed: amount(0) }), (0, vain)] {
        let mut town = Town::new();
        let leaf = undecided(&mut town, waiting);
        decide(&mut town, 1, leaf, [paid, 0]);
        assert_eq!(state(&town), told);
        assert_eq!(town.balances("A-1"), (OPENING + paid, 0));
        let asked = town.sent::<GetDecisions>().len();
        town.settle();
        assert_eq!(town.sent::<GetDecisions>().len(), asked);
        town.sound();
    }
}

/// RN-F6.2: a claim that is refused stays at what was paid, and nobody is asked any more.
#[test]
fn a_refused_claim_is_closed() {
    let mut town = Town::new();
    let leaf = undecided(&mut town, Outcome::Partly { paid: amount(300) });
    decide(&mut town, 1, leaf, [0, 0]);
    assert_eq!(state(&town), ItemState::Partly { available: amount(300), claimed: amount(0) });
    let asked = town.sent::<GetDecisions>().len();
    town.settle();
    assert_eq!(town.sent::<GetDecisions>().len(), asked);
    town.sound();
}

/// RN-P22: a decision that pays or leaves claimed more than there is, or about nothing, is not booked, and the audit tells it.
#[test]
fn a_wild_decision_is_told() {
    let mut town = Town::new();
    let leaf = undecided(&mut town, Outcome::Partly { paid: amount(300) });
    decide(&mut town, 1, leaf, [701, 0]);
    decide(&mut town, 2, zeni_crypto::Digest([5; 32]), [1, 0]);
    decide(&mut town, 3, leaf, [600, 101]);
    assert_eq!(town.balances("A-1"), (OPENING + 300, 0));
    assert_eq!(town.audit().violations.len(), 1);
    decide(&mut town, 4, leaf, [700, 0]);
    assert_eq!(town.balances("A-1"), (OPENING + 1_000, 0));
}
