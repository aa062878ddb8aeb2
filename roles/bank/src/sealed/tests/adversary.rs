//! What the bank cannot learn, and what becomes of a bank that cheats.

use std::collections::BTreeSet;

use zeni_crypto::Digest;
use zeni_message::{Refusal as _, Signed, encode};
use zeni_note::{
    ClosingPurpose,
    messages::{
        bank::{Deposit, SealedOutcome, SealedState},
        issuer::{IssueSealed, SealedRefusal},
    },
    sealed::{Envelope, IssuanceOrder, Reply, WithdrawalOrder},
    testing::{amount, key},
};
use zeni_store::Value;

use crate::testing::{Cut, OPENING, Purse, Town, account_key};

/// HC-P1, HC-P9, HC-R2: nothing particular to the note stands anywhere in the bank: not N_U, K, TM and slot, S_I, nor the note's
/// number. As a control, the search finds what passes through, and N_U and K once the issuer has shown them against a proof.
#[test]
fn the_bank_learns_nothing_of_the_note() {
    let mut town = Town::new();
    town.cut(&[Cut::After]);
    let purse = town.purse("A-1", "one", 1_000);
    town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("heard");
    assert!(town.knows(&purse.item.request), "control: E_I");
    let secrets = |town: &Town, chain: Option<&zeni_note::Chain>| {
        let content = &purse.content;
        let mut secrets = vec![purse.user().public().0.to_vec(), content.k.to_vec(), content.slot.to_vec()];
        secrets.push(content.serial(&purse.user().public()).to_vec());
        secrets.extend(chain.map(|chain| chain.note.signature.0.to_vec()));
        secrets.iter().map(|secret| town.knows(secret)).collect::<Vec<_>>()
    };
    assert_eq!(secrets(&town, None), [false; 4]);
    town.settle();
    let states = town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("told");
    let chain = town.chain(&purse, &states[0]);
    assert_eq!(secrets(&town, Some(&chain)), [false; 5]);
    assert!(!town.knows(&purse.item.request), "E_I goes when it is answered");
    assert!(town.knows(&purse.request().0), "control: its digest stays");
    town.identify(&town.question(&purse, &chain, &[600, 600])).expect("named");
    assert_eq!(secrets(&town, Some(&chain)), [true, true, true, true, true], "control: told against a proof");
}

/// HC-P3, HC-F2.8, HC-A17: no word of what goes to the issuer tells who ordered: not account, name, account key or order id. As a
/// control, the search finds the request itself.
#[test]
fn the_issuer_learns_nothing_of_the_customer() {
    let mut town = Town::new();
    let (purse, _) = town.issued("A-1", "one", 1_000);
    town.settle();
    let sent = town.all_sent();
    let tells = |needle: &[u8]| sent.iter().any(|body| body.windows(needle.len()).any(|window| window == needle));
    assert!(tells(&purse.item.request), "control");
    let order = &purse.item.order;
    for needle in [&b"A-1"[..], b"person", &account_key("A-1").0, &order.record.order[..], &order.signature.0] {
        assert!(!tells(needle));
    }
}

/// Whether anything particular stands both in these bytes and in an account's order: 16 bytes, which is more than series, epoch,
/// currency and X come to.
fn linked(town: &Town, account: &str, bytes: &[u8]) -> bool {
    let windows: BTreeSet<&[u8]> = bytes.windows(16).collect();
    let rows = town.table("sealed_order");
    let own = rows.iter().filter(|row| row.contains(&Value::Text(account.to_owned())));
    own.flatten().any(|value| match value {
        Value::Blob(blob) => blob.windows(16).any(|window| windows.contains(window)),
        _ => false,
    })
}

/// HC-P2, HC-P4, HC-P27, HC-O12: two customers withdraw the same amount and pay at one shop, which deposits at their bank: what bank
/// and shop have together links no payment to an order. With what the issuer alone has, E_I links it to exactly one (control).
#[test]
fn bank_and_shop_together_cannot_tell_who_paid() {
    let mut town = Town::new();
    let customers = ["A-1", "A-2"].map(|account| (account, town.issued(account, account, 1_000)));
    let shop = key("shop");
    let purpose = ClosingPurpose::Deposit(town.open_deposit("A-1", "takings"));
    let paid =
        customers.each_ref().map(|(account, (purse, chain))| town.world.pay(chain, &purse.user(), &shop, 300, account));
    let items = paid.iter().map(|chain| town.closed(chain, &shop, 300, &purpose)).collect();
    town.send("A-1", &Deposit { purpose, items }).expect("held");
    town.settle();
    for ((payer, (purse, _)), chain) in customers.iter().zip(&paid) {
        assert!(town.knows(&encode(chain)), "the bank has the payment");
        assert!(!linked(&town, "A-1", &encode(chain)) && !linked(&town, "A-2", &encode(chain)));
        let content = town.desk().opened.values().find(|it| it.holder == purse.content.holder).cloned();
        let sealed = town.seal(&content.expect("at the issuer"));
        let found = ["A-1", "A-2"].map(|account| linked(&town, account, &Envelope::digest(&sealed).0));
        assert_eq!(found, [*payer == "A-1", *payer == "A-2"], "control");
    }
}

/// HC-P24, HC-V9, V10, HC-D5, HC-D7, HC-O3: a customer who denies a withdrawal is shown his order: it verifies under his account
/// key, which is not N_U; with another amount, request, account or bank it does not.
#[test]
fn a_denied_withdrawal_is_proven() {
    let town = Town::new();
    let (purse, _) = town.issued("A-1", "one", 1_000);
    let row = town.table("sealed_order").remove(0);
    let stored = row.iter().find_map(|value| match value {
        Value::Blob(bytes) => zeni_message::decode::<Signed<WithdrawalOrder>>(bytes, 1_024).ok(),
        _ => None,
    });
    let stored = stored.expect("the order is kept");
    assert_eq!(stored, purse.item.order);
    let network = town.world.network();
    assert!(stored.verify(network, &account_key("A-1")).is_ok());
    assert_ne!(account_key("A-1"), purse.user().public());
    assert!(stored.verify(network, &purse.user().public()).is_err());
    let alterations: [&dyn Fn(&mut WithdrawalOrder); 4] = [
        &|order| order.of.face = amount(100),
        &|order| order.of.request.0[0] ^= 1,
        &|order| order.account = "A-2".into(),
        &|order| order.bank = "sakura".into(),
    ];
    for alter in alterations {
        let mut altered = stored.clone();
        alter(&mut altered.record);
        assert!(altered.verify(network, &account_key("A-1")).is_err());
    }
    let reread = Signed::<WithdrawalOrder>::from_document(&stored.to_document(network)).expect("a document");
    assert_eq!(reread, stored);
}

/// Whether a customer is content: the bank's word is about his own order, and what he got opens.
fn content(town: &Town, purse: &Purse, state: &SealedState) -> bool {
    let own = state.receipt.record.of == purse.item.order.record.of
        && state.receipt.verify(town.world.network(), &town.issuer.document()).is_ok();
    own && town.opened(purse, state).is_some()
}

/// What the bank has stored of one pending order is exchanged for this.
fn exchange(town: &Town, purse: &Purse, receipt: &IssuanceOrder, request: &[u8]) {
    let receipt = Signed::sign(town.world.network(), receipt.clone(), &key("bank document"));
    let values = vec![encode(&receipt).into(), request.to_vec().into(), purse.request().0.into()];
    let sql = "UPDATE sealed_order SET receipt = ?1, sealed = ?2 WHERE request = ?3";
    assert_eq!(town.sabotage(sql, values), 1);
}

fn pending(town: &Town) -> [Purse; 2] {
    ["A-1", "A-2"].map(|account| {
        let purse = town.purse(account, account, 1_000);
        town.cut(&[Cut::Before]);
        town.withdraw_sealed(account, std::slice::from_ref(&purse)).expect("heard");
        purse
    })
}

fn order(purse: &Purse) -> IssuanceOrder {
    IssuanceOrder { bank: crate::testing::BANK.into(), of: purse.item.order.record.of, issuer_made: None }
}

/// HC-X10, HC-X11: a bank that swaps the requests of two customers is caught by both: neither can open what comes back, and each
/// holds his own signed order and the bank's signed word on another's. As a control, an honest bank's customers are content.
#[test]
fn a_bank_that_swaps_requests_is_caught() {
    for honest in [true, false] {
        let mut town = Town::new();
        let [one, two] = pending(&town);
        if !honest {
            exchange(&town, &one, &order(&two), &two.item.request);
            exchange(&town, &two, &order(&one), &one.item.request);
        }
        town.settle();
        for (account, purse) in [("A-1", &one), ("A-2", &two)] {
            let states = town.withdraw_sealed(account, std::slice::from_ref(purse)).expect("told");
            assert!(matches!(states[0].outcome, SealedOutcome::Issued(_)));
            assert_eq!(content(&town, purse, &states[0]), honest);
            let word =
                states[0].receipt.verify(town.world.network(), &town.issuer.document()).expect("the bank's word");
            let ordered = purse.item.order.verify(town.world.network(), &account_key(account)).expect("his order");
            assert_eq!(word.record().of == ordered.record().of, honest, "two signed words that differ");
        }
    }
}

/// The bank alters a pending order; the issuer refuses it with this word, and the customer sees that his order was altered.
fn caught(what: &str, refused: &SealedRefusal, alter: impl Fn(&Town, &Purse)) {
    let mut town = Town::new();
    let [one, _] = pending(&town);
    alter(&town, &one);
    town.settle();
    let states = town.withdraw_sealed("A-1", std::slice::from_ref(&one)).expect("told");
    assert_eq!(states[0].outcome, SealedOutcome::Refused(refused.code().to_owned()), "{what}");
    assert_eq!((town.balances("A-1"), town.reserved("A-1")), ((OPENING, 0), 0), "{what}");
    assert!(!content(&town, &one, &states[0]), "{what}");
    town.sound();
}

/// HC-X2, HC-X3, HC-X4, HC-P7, HC-P8, HC-V18: a bank that alters X, E_I or S_B gets no note for it; what it reserved is released.
#[test]
fn a_bank_that_alters_an_order_gets_nothing() {
    caught("another X", &SealedRefusal::OtherAmount, |town, purse| {
        let mut less = order(purse);
        less.of.face = amount(100);
        exchange(town, purse, &less, &purse.item.request);
    });
    caught("another E_I under the word on the old one", &SealedRefusal::BadOrder, |town, purse| {
        let own = town.purse("A-1", "the bank's own", 1_000);
        exchange(town, purse, &order(purse), &own.item.request);
    });
    caught("a bit of E_I", &SealedRefusal::Sealed, |town, purse| {
        let mut request = purse.item.request.clone();
        request[100] ^= 1;
        let mut altered = order(purse);
        altered.of.request = Envelope::digest(&request);
        exchange(town, purse, &altered, &request);
    });
    caught("a false S_B", &SealedRefusal::BadOrder, |town, purse| {
        let forged = Signed::sign(town.world.network(), order(purse), &key("forger"));
        let values = vec![encode(&forged).into(), purse.request().0.into()];
        assert_eq!(town.sabotage("UPDATE sealed_order SET receipt = ?1 WHERE request = ?2", values), 1);
    });
}

/// HC-X11: a bank that puts a request of its own in the customer's place gets a note for itself, and the customer holds two signed
/// words that differ: his order of his request, and the bank's of another.
#[test]
fn a_bank_that_withdraws_for_itself_is_caught() {
    let mut town = Town::new();
    let [one, _] = pending(&town);
    let own = town.purse("A-1", "the bank's own", 1_000);
    exchange(&town, &one, &order(&own), &own.item.request);
    town.settle();
    let states = town.withdraw_sealed("A-1", std::slice::from_ref(&one)).expect("told");
    assert!(town.opened(&own, &states[0]).is_some(), "the theft as such");
    assert!(!content(&town, &one, &states[0]));
    assert_ne!(states[0].receipt.record.of.request, one.request());
    assert!(!town.desk().sealed.contains_key(&one.request()), "the bank cannot show a note issued for the order");
}

/// HC-P9, HC-F2.17, HC-X10, HC-A19: E_K passes unchanged; a bank that alters a bit of it, or hands one customer's to another, is
/// noticed, and the right bytes are still at the issuer.
#[test]
fn an_altered_answer_does_not_open() {
    let town = Town::new();
    let (purse, _) = town.issued("A-1", "one", 1_000);
    let at_issuer = town.desk().sealed.get(&purse.request()).cloned().expect("an answer");
    let states = town.withdraw_sealed("A-1", std::slice::from_ref(&purse)).expect("told");
    let SealedOutcome::Issued(reply) = &states[0].outcome else { panic!("issued") };
    assert_eq!(at_issuer, zeni_note::messages::issuer::SealedAnswer::Issued(*reply));
    let request = purse.request();
    let opens = |bytes: &[u8], k: &[u8; 32], request: &Digest| Reply::decipher(k, request, bytes).is_some();
    assert!(opens(&reply[..], &purse.content.k, &request), "control");
    let mut altered = *reply;
    altered[20] ^= 1;
    assert!(!opens(&altered[..], &purse.content.k, &request));
    let (other, _) = town.issued("A-2", "two", 1_000);
    assert!(!opens(&reply[..], &other.content.k, &other.request()));
    assert_eq!(town.sent::<IssueSealed>().len(), 2);
}
