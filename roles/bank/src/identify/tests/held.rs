//! What holds a bank to its log and to its word.

use super::*;

/// HC-F5.6, HC-A21, DESIGN §5 "Trace": whoever cuts off the end of the log, with its case files and suspensions, writes it anew, or
/// hides it behind new entries is found: the issuer holds the ends that were reported, and the bank's own audit compares them.
/// Control: a log that only grows goes on from each report.
#[test]
fn the_end_of_the_log_is_held_by_another() {
    let told = |town: &mut Town| {
        town.settle();
        town.desk().counts.clone().expect("a report").record.identifications.expect("the log")
    };
    let sabotage: [&[&'static str]; 4] = [
        &["DELETE FROM identification WHERE number = 2"],
        &["DELETE FROM suspension", "DELETE FROM case_file", "DELETE FROM identification"],
        &["UPDATE identification SET head = zeroblob(32) WHERE number = 2"],
        // and the bank's own record of what it has reported
        &["DELETE FROM identification WHERE number = 2", "DELETE FROM report"],
    ];
    for (case, statements) in sabotage.into_iter().enumerate() {
        let mut town = Town::new();
        let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
        let first = told(&mut town);
        assert_eq!((first.before.number, first.end.number), (0, 0));
        town.identify(&town.question(&cheat, &chain, &[600, 600])).expect("named");
        let second = told(&mut town);
        assert!(second.continues(&first.end) && second.end.number == 1);
        assert!(town.identify(&town.question(&cheat, &chain, &[1])).is_err());
        let third = told(&mut town);
        assert!(third.continues(&second.end) && third.end.number == 2);
        town.sound();
        for sql in statements {
            assert!(town.sabotage(sql, vec![]) > 0);
        }
        if case < 3 {
            let found = town.audit();
            assert!(
                found
                    .violations
                    .iter()
                    .any(|it| it.rule == "the log of identifications goes on from what was reported")
            );
        }
        // behind new entries
        for value in [2, 3] {
            assert!(town.identify(&town.question(&cheat, &chain, &[value])).is_err());
        }
        if case == 3 {
            // a bank that starts its reports anew is behind the issuer's number, and says so
            assert!(town.tick().is_err());
            continue;
        }
        let fourth = told(&mut town);
        assert!(!fourth.continues(&third.end), "{case}");
    }
}

/// HC-O6, HC-P15: a bank that has said in its order that it names a customer by a key that the issuer makes is held to it: switching
/// it off helps none who ordered before. Control: an order of afterwards names nobody.
#[test]
fn a_bank_is_held_to_what_it_ordered() {
    let mut town = Town::new();
    town.accept_issuer_made(IssuerMadeKeys::Accepted);
    let own = key("made for the customer");
    town.desk().makes_keys = Some(own.public());
    let made = |town: &mut Town, seed: &str| {
        let mut purse = town.purse("A-1", seed, 1_000);
        purse.content.holder = KeyMaker::Issuer;
        purse.item = town.ordered("A-1", seed, &purse.content);
        town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("heard");
        let note = purse.content.note(zeni_note::keylist::Way::Sealed, &own.public());
        let note = Signed::sign(town.world.network(), note, &town.world.issuer);
        let chain = zeni_note::Chain { note, holder: Right::Unlicensed(own.public()), hops: Vec::new() };
        let children = (0..2).map(|n| town.child(&chain, &own, 600, &format!("shop {n}"))).collect();
        let proof = OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder };
        IdentifyOverspender { proof, content: purse.content.to_bytes().into() }
    };
    let before = made(&mut town, "before");
    town.accept_issuer_made(IssuerMadeKeys::Refused);
    let after = made(&mut town, "after");
    assert_eq!(refusal(town.identify(&after)), IdentifyRefusal::KeyMaker);
    assert_eq!(town.identify(&before), Ok(Identification::Identified));
    assert_eq!(outcomes(&town), [Outcome::KeyMaker, Outcome::Identified]);
}
