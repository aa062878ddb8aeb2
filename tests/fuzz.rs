//! The fuzz targets under proptest: what `just fuzz` runs for hours, every run of the tests does for a moment.

use proptest::{collection::vec, prelude::*};

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a library when it is fuzzed")]
mod targets;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// A sample and a few edits, or wild bytes.
fn altered() -> impl Strategy<Value = Vec<u8>> {
    let edits = (0..20u8, vec(any::<[u8; 4]>(), 0..4));
    prop_oneof![edits.prop_map(|(which, edits)| [&[which], edits.as_flattened()].concat()), vec(any::<u8>(), 0..300),]
}

proptest! {
    #![proptest_config(config(2_000))]

    /// Bytes have one reading or none, for every message and document.
    #[test]
    fn codec(data in altered()) {
        targets::codec(&data);
    }

    #[test]
    fn documents(data in altered()) {
        targets::documents(&data);
    }

    #[test]
    fn text(data in r"([0-9]{1,21}(\.[0-9]{0,3})? [A-Z]{0,4})|([A-Z]{3}:[0-9]{1,4}(\.[0-9]{0,3})?)|(urn:zeni:[a-z]{0,3}:(bank|wallet|root|customers)(:[a-zA-Z/.-]{0,9})?)|\PC*") {
        targets::text(data.as_bytes());
    }
}

proptest! {
    #![proptest_config(config(400))]

    /// RN-F4.3, RN-X2…X4: an altered chain is refused.
    #[test]
    fn chain(data in altered()) {
        targets::chain(&data);
    }

    /// RN-F4.3, RN-X20: an altered payment is refused.
    #[test]
    fn payment(order in any::<[u8; 2]>(), edits in vec(any::<[u8; 4]>(), 0..2)) {
        targets::payment(&[&order, edits.as_flattened()].concat());
    }
}

proptest! {
    #![proptest_config(config(100))]

    /// RN-P1: whatever is sent to a card, no counter rises without a verified load and no more is signed than it fell by.
    #[test]
    fn card(data in vec(any::<u8>(), 0..256)) {
        targets::card(&data);
    }

    /// RN-P1, docs/card.md: the same through the card's commands as bytes, with the PIN and the card's life among what is guarded.
    #[test]
    fn apdu(fresh in 0..4u8, steps in vec(any::<[u8; 8]>(), 0..48)) {
        targets::apdu(&[&[fresh], steps.as_flattened()].concat());
    }

    #[test]
    fn key_file(data in altered()) {
        targets::key_file(&data);
    }
}

const NOTE: [u8; 4] = [0, 0, 3, 231];
const PAYMENT: [u8; 4] = [1, 0, 0, 99];
const ENDORSE: [u8; 4] = [6, 0, 0, 50];
const DEPOSIT: [u8; 4] = [9, 1, 0, 0];
const TOO_MUCH: [u8; 4] = [7, 0, 3, 200];

/// Valid commands get through to the card, so that the laws above are about something.
#[test]
fn a_card_does_what_is_right() {
    let right = [NOTE, PAYMENT, ENDORSE, DEPOSIT];
    assert_eq!(targets::card(right.as_flattened()), right.len());
    assert_eq!(targets::card([NOTE, ENDORSE, TOO_MUCH].as_flattened()), 2);
}

/// RN-P1, control: a card that forgets what it signed is caught.
#[test]
#[should_panic(expected = "a counter rose")]
fn a_forgetful_card_is_caught() {
    targets::forgetful_card([NOTE, ENDORSE].as_flattened());
}

const VERIFY: [u8; 8] = [2, 0, 0, 0, 0, 0, 0, 0];
const LOAD_NOTE: [u8; 8] = [7, 0, 0, 96, 0, 0, 0, 0];
const LOAD_PAYMENT: [u8; 8] = [8, 1, 0, 99, 0, 0, 0, 0];
const LOAD_CLOSED: [u8; 8] = [9, 1, 0, 99, 0, 0, 0, 0];
const CONTACT: [u8; 8] = [30, 1, 0, 0, 0, 0, 0, 0];
const FREEZE: [u8; 8] = [30, 255, 0, 0, 0, 0, 0, 0];
const NUMBER: [u8; 8] = [18, 12, 0, 1, 0, 0, 0, 0];
const PAY: [u8; 8] = [11, 0, 0, 40, 0, 0, 0, 0];
const CONFIRM: [u8; 8] = [14, 0, 0, 0, 0, 0, 0, 0];
const PAY_TOO_MUCH: [u8; 8] = [11, 64, 3, 200, 0, 0, 0, 0];

/// Valid commands get through to the applet, so that the laws above are about something.
#[test]
fn an_applet_does_what_is_right() {
    let run = |steps: &[[u8; 8]]| targets::apdu(&[&[1], steps.as_flattened()].concat());
    // open, begin, end; ask, begin, two links, end
    assert_eq!([run(&[VERIFY]), run(&[LOAD_NOTE]), run(&[LOAD_PAYMENT])], [1, 3, 5]);
    assert_eq!([run(&[LOAD_CLOSED]), run(&[CONTACT, CONTACT]), run(&[NUMBER])], [5, 4, 1]);
    assert_eq!(run(&[PAY, CONFIRM, PAY_TOO_MUCH]), 2);
    assert_eq!(run(&[FREEZE, PAY]), 2, "a frozen card pays nothing");
}

/// CHANGE PIN, its INS altered to that of SELECT.
const SELECT_REFUSED: [u8; 8] = [246, 0, 0, 0, 233, 134, 131, 119];
const OPEN_LOAD: [u8; 8] = [6, 0, 0, 0, 0, 0, 0, 0];

/// A SELECT that is refused ends the session too. Control: without it the PIN stays shown.
#[test]
fn a_refused_select_ends_the_session() {
    let run = |steps: &[[u8; 8]]| targets::apdu(&[&[1], steps.as_flattened()].concat());
    assert_eq!([run(&[OPEN_LOAD]), run(&[SELECT_REFUSED, OPEN_LOAD])], [1, 0]);
}

const OWN: [u8; 8] = [3, 0, 0, 0, 0, 0, 0, 0];
const SELECT: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
const MOVED: [u8; 8] = [29, 1, 0, 0, 0, 0, 0, 0];

/// A fresh card is made somebody's, takes over a moved card, and pays with what was on it.
#[test]
fn a_fresh_applet_takes_over_a_moved_card() {
    let steps = [SELECT, OWN, MOVED, PAY, CONFIRM];
    assert_eq!(targets::apdu(&[&[0], steps.as_flattened()].concat()), 1 + 2 + 2 + 1 + 1);
}

/// RN-P1, control: an applet that forgets what it signed is caught.
#[test]
#[should_panic(expected = "a counter rose")]
fn a_forgetful_applet_is_caught() {
    targets::forgetful_applet(VERIFY.as_slice());
}
