//! Challenges kept for refunds in advance.

use super::*;

/// RN-X31: a challenge for a refund signed in advance waits for years, the others for weeks; each card of an account keeps so
/// many, and those of a lost one outlive what its replacement asks for. Numbers that nobody knows are counted together.
#[test]
fn challenges_for_refunds_wait() {
    let mut town = Town::new();
    let of_card = |town: &Town, card: &str, id: &str| {
        town.send("A-1", &OpenRefund { deposit: nonce(id), card: nonce(card) }).unwrap()
    };
    let open = |town: &Town, id: &str| of_card(town, "card", id);
    let ordinary = |town: &Town, id: &str| town.send("A-1", &OpenDeposit { deposit: nonce(id) }).unwrap();
    let kept: DepositChallenge = open(&town, "kept");
    let short = ordinary(&town, "short");
    for _ in 0..40 {
        town.advance(10 * DAY);
        town.settle();
    }
    assert_eq!(open(&town, "kept"), kept);
    assert_eq!(ordinary(&town, "kept"), kept);
    assert_ne!(ordinary(&town, "short"), short);
    for card in ["lost", "replacement"] {
        contact_of(&town, "A-1", &shown(card, None, "a"));
    }
    let lost = of_card(&town, "lost", "of the lost card");
    for id in 0..REFUNDS_KEPT_MAX {
        town.advance(DAY);
        of_card(&town, "replacement", &format!("new {id}"));
        of_card(&town, &format!("invented {id}"), &format!("{id}"));
    }
    assert_eq!(of_card(&town, "lost", "of the lost card"), lost);
    assert_ne!(open(&town, "kept"), kept, "displaced by newer ones");
    ordinary(&town, "deposits have room still");
    assert!(town.clock.now() > kept.time);
}

/// RN-X31: invented cards, frozen one after the other, do not fill the bank's database: an account has so many challenges kept in all.
/// Then a card's next displaces its own oldest, and a card that has none is put off; no other card's gives way, and no other account's.
#[test]
fn challenges_for_refunds_are_bounded_per_account() {
    let town = Town::new();
    let ask = |account: &str, card: u32, id: String| {
        town.send(
            account,
            &OpenRefund { deposit: nonce(&format!("{account} {card} {id}")), card: nonce(&card.to_string()) },
        )
    };
    let cards = REFUNDS_OF_ACCOUNT_MAX / REFUNDS_KEPT_MAX;
    for card in 0..=cards {
        contact_of(&town, "A-1", &shown(&card.to_string(), None, "a"));
        now(town.bank.freeze_card(nonce(&card.to_string()))).unwrap();
    }
    let first: Vec<_> = (0..cards).map(|card| ask("A-1", card, "first".into()).unwrap()).collect();
    town.advance(1);
    for card in 0..cards {
        for id in 1..REFUNDS_KEPT_MAX {
            ask("A-1", card, id.to_string()).unwrap();
        }
    }
    let rows = town.table("deposit").len();
    assert_eq!(rows, usize::try_from(REFUNDS_OF_ACCOUNT_MAX).unwrap());
    for card in [cards, 777] {
        assert!(matches!(ask("A-1", card, "one more".into()), Err(SendError::Busy { .. })), "{card}");
    }
    assert_eq!(ask("A-1", 3, "first".into()).unwrap(), first[3], "the same again");
    ask("A-1", 3, "one more".into()).unwrap();
    assert_eq!(town.table("deposit").len(), rows + 2, "two wait as ordinary ones");
    let kept = (0_u32..).zip(&first).filter(|(card, first)| {
        let again = town.send("A-1", &OpenDeposit { deposit: nonce(&format!("A-1 {card} first")) }).unwrap();
        again == **first
    });
    assert_eq!(kept.count(), first.len() - 1, "its own oldest gave way");
    ask("A-2", 0, "first".into()).unwrap();
}
