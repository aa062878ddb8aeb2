use zeni_message::{Signed, limits::OPEN_CHALLENGES_MAX, peer::SendError};
use zeni_note::{
    ClosingPurpose,
    messages::bank::{
        ClosedChain, Deposit, DepositRefusal, DepositState, GetDeposit, GetDepositRefusal, HandInTakings, ItemState,
        OpenDeposit, OpenDepositRefusal,
    },
    testing::{amount, jpy, key, nonce, terms},
};

use crate::testing::{OPENING, Town, refusal};

fn refused(town: &Town, account: &str, message: &Deposit) -> DepositRefusal {
    refusal(town.send(account, message))
}

/// RN-F5.1, RN-F5.2, RN-O14, RN-O15: a verified deposit is credited as held, told, and answered again from the store.
#[test]
fn a_deposit_is_held() {
    let mut town = Town::new();
    let (message, state) = town.deposit("A-1", "one", &[1_000, 100]);
    let held =
        DepositState { currency: jpy(), items: vec![ItemState::Held(amount(1_000)), ItemState::Held(amount(100))] };
    assert_eq!(state, held);
    assert_eq!(town.balances("A-1"), (OPENING, 1_100));
    let before = town.dump();
    town.restart();
    assert_eq!(town.send("A-1", &message).expect("the same again"), held);
    assert_eq!(town.send("A-1", &GetDeposit { deposit: nonce("one") }).expect("told"), held);
    assert_eq!(town.dump(), before);
    town.sound();
}

/// RN-O14: the same deposit id gets the same challenge; another account cannot use it.
#[test]
fn a_challenge_belongs_to_one_account() {
    let town = Town::new();
    let first = town.open_deposit("A-1", "one");
    town.advance(10);
    assert_eq!(town.open_deposit("A-1", "one"), first);
    let open = OpenDeposit { deposit: nonce("one") };
    assert_eq!(refusal(town.send("A-2", &open)), OpenDepositRefusal::OtherAccount);
    let get = GetDeposit { deposit: nonce("one") };
    assert_eq!(refusal(town.send("A-1", &get)), GetDepositRefusal::UnknownDeposit);
    town.deposit("A-1", "one", &[100]);
    assert_eq!(refusal(town.send("A-2", &get)), GetDepositRefusal::UnknownDeposit);
}

/// RN-O14: an account has a bounded number of open challenges; those it has stay, and others' are not touched.
#[test]
fn open_challenges_are_bounded() {
    let town = Town::new();
    let open = |account: &str, n: usize| town.send(account, &OpenDeposit { deposit: nonce(&format!("{account} {n}")) });
    for n in 0..OPEN_CHALLENGES_MAX {
        open("A-1", n).expect("a challenge");
    }
    assert!(matches!(open("A-1", OPEN_CHALLENGES_MAX), Err(SendError::Busy { .. })));
    open("A-1", 5).expect("the same again");
    open("A-2", 0).expect("another account");
}

/// RN-P7: what the issuer sees of two deposits of one account has nothing in common; its bank takes both.
#[test]
fn deposits_of_an_account_share_nothing() {
    let mut town = Town::new();
    let (one, _) = town.deposit("A-1", "one", &[100]);
    let (two, _) = town.deposit("A-1", "two", &[100]);
    town.send("A-1", &town.takings("A-1", "three", &[100])).expect("takings");
    let [one, two] = [&one, &two].map(|message| message.purpose.account().expect("an account").account);
    let three = town.account_digest("A-1", "three");
    assert!(one != two && two != three && one != three);
    town.settle();
    let sent = town.sent::<zeni_note::messages::issuer::Return>().concat();
    let holds = |digest: &zeni_crypto::Digest| sent.windows(32).any(|window| window == digest.0);
    assert!(holds(&one) && holds(&two) && holds(&three), "control: the issuer does see each");
    assert_eq!(town.balances("A-1"), (OPENING + 300, 0));
}

/// RN-X25: the same holding deposited twice at this bank is credited once; another deposit is its control.
#[test]
fn a_holding_is_deposited_once() {
    let town = Town::new();
    let (message, _) = town.deposit("A-1", "one", &[1_000]);
    let holder = key("one holder 0");
    let before = town.balances("A-2");
    for account in ["A-1", "A-2"] {
        let purpose = ClosingPurpose::Deposit(town.open_deposit(account, &format!("again {account}")));
        let items = vec![town.closed(&message.items[0].chain, &holder, 1_000, &purpose)];
        let again = Deposit { purpose, items };
        assert_eq!(refused(&town, account, &again), DepositRefusal::Repeated { item: 0 });
    }
    assert_eq!(town.balances("A-1"), (OPENING, 1_000));
    assert_eq!(town.balances("A-2"), before);
    town.deposit("A-2", "control", &[1_000]);
    assert_eq!(town.balances("A-2"), (OPENING, 1_000));
    town.sound();
}

/// RN-X30: who stole the chains but not the key deposits nothing; with the key he could (control).
#[test]
fn stolen_chains_are_worth_nothing() {
    let town = Town::new();
    let victim = key("victim");
    let chain = town.world.note(&victim, 1_000, "stolen");
    let purpose = ClosingPurpose::Deposit(town.open_deposit("A-2", "theft"));
    let before = town.dump();
    let own = town.closed(&chain, &key("thief"), 1_000, &purpose);
    let message = Deposit { purpose: purpose.clone(), items: vec![own] };
    assert_eq!(refused(&town, "A-2", &message), DepositRefusal::WrongClosing { item: 0 });
    // the victim's own closing, overheard on its way to his account, names that account
    let overheard = ClosingPurpose::Deposit(town.open_deposit("A-1", "victim's"));
    let items = vec![town.closed(&chain, &victim, 1_000, &overheard)];
    let replay = Deposit { purpose: overheard.clone(), items: items.clone() };
    assert_eq!(refused(&town, "A-2", &replay), DepositRefusal::UnknownChallenge);
    let rewritten = Deposit { purpose: purpose.clone(), items };
    assert_eq!(refused(&town, "A-2", &rewritten), DepositRefusal::WrongClosing { item: 0 });
    assert_eq!(town.dump().len(), before.len());
    assert_eq!(town.balances("A-2"), (OPENING, 0));
    let control = Deposit { purpose: purpose.clone(), items: vec![town.closed(&chain, &victim, 1_000, &purpose)] };
    town.send("A-2", &control).expect("with the key");
}

/// RN-F5.1: each refusal in the order of the checks; none changes anything.
#[test]
fn refusals_come_in_order_and_change_nothing() {
    let town = Town::new();
    let (done, _) = town.deposit("A-1", "done", &[100]);
    let good = town.deposit_message("A-1", "good", &[100, 1_000]);
    let ClosingPurpose::Deposit(to) = &good.purpose else { unreachable!() };
    let holder = key("good holder 0");
    let chain = good.items[0].chain.clone();
    let before = town.dump();
    let expect = |message: &Deposit, expected: DepositRefusal| {
        assert_eq!(refused(&town, "A-1", message), expected);
        assert_eq!(town.dump(), before);
    };
    let purposed =
        |purpose: ClosingPurpose| Deposit { items: vec![town.closed(&chain, &holder, 100, &purpose)], purpose };

    expect(&Deposit { items: vec![], ..good.clone() }, DepositRefusal::BatchSize { found: 0, max: 1_024 });
    let mut elsewhere = to.clone();
    elsewhere.nonce = nonce("not the bank's");
    expect(&purposed(ClosingPurpose::Deposit(elsewhere)), DepositRefusal::UnknownChallenge);
    let mut never = to.clone();
    never.deposit = nonce("never opened");
    expect(&purposed(ClosingPurpose::Deposit(never)), DepositRefusal::UnknownChallenge);
    let other = Deposit { purpose: done.purpose.clone(), items: good.items.clone() };
    expect(&other, DepositRefusal::OtherContent);
    let mut account = to.clone();
    account.account = town.account_digest("A-2", "good");
    expect(&purposed(ClosingPurpose::Deposit(account)), DepositRefusal::WrongAccount);
    let mut earlier = to.clone();
    earlier.account = town.account_digest("A-1", "done");
    expect(&purposed(ClosingPurpose::Deposit(earlier)), DepositRefusal::WrongAccount);
    let mut bank = to.clone();
    bank.bank = "sakura".into();
    expect(&purposed(ClosingPurpose::Deposit(bank)), DepositRefusal::WrongAccount);
    let renewal = ClosingPurpose::Renewal { nonce: nonce("n"), licence: town.world.licence(holder.public()) };
    expect(&purposed(renewal), DepositRefusal::WrongAccount);

    let mut dollars = good.clone();
    dollars.items[1].chain.note.record.currency = zeni_money::Currency::from_code("USD").expect("USD");
    expect(&dollars, DepositRefusal::MixedCurrencies);
    let mut false_note = good.clone();
    false_note.items[1].chain.note.signature.0[0] ^= 1;
    expect(&false_note, DepositRefusal::Malformed { item: 1 });
    let mut no_terms = good.clone();
    no_terms.items[0].chain.note.record.epoch = 99;
    expect(&no_terms, DepositRefusal::Malformed { item: 0 });
    let part = Deposit { items: vec![town.closed(&chain, &holder, 99, &good.purpose)], ..good.clone() };
    expect(&part, DepositRefusal::WrongClosing { item: 0 });
    let twice = Deposit { items: vec![good.items[0].clone(), good.items[0].clone()], ..good.clone() };
    expect(&twice, DepositRefusal::Repeated { item: 1 });
    town.set_time(terms().deposit_until.plus(1));
    expect(&good, DepositRefusal::Late { item: 0 });
    town.set_time(terms().deposit_until);
    town.send("A-1", &good).expect("control: the last second");
}

/// RN-X31, DESIGN §5 "Lost money": a refund takes a rest of the node and comes also after the deposit limit.
#[test]
fn a_refund_takes_a_rest() {
    let town = Town::new();
    town.set_time(terms().refund_from);
    let holder = key("lost");
    let chain = town.world.note(&holder, 1_000, "lost");
    let purpose = ClosingPurpose::Refund(town.open_deposit("A-1", "refund"));
    let refund =
        |value| Deposit { purpose: purpose.clone(), items: vec![town.closed(&chain, &holder, value, &purpose)] };
    assert_eq!(refused(&town, "A-1", &refund(0)), DepositRefusal::WrongClosing { item: 0 });
    assert_eq!(refused(&town, "A-1", &refund(1_001)), DepositRefusal::WrongClosing { item: 0 });
    town.send("A-1", &refund(400)).expect("a rest");
    assert_eq!(town.balances("A-1"), (OPENING, 400));
}

/// DESIGN §5 "Lost money": a refund while the holding can still be deposited is refused whole, before anything is stored,
/// and told when it is heard; the deposit is still taken then, and a second later the refund is (control).
#[test]
fn a_refund_waits_for_the_deposit_limit() {
    type Kind = fn(zeni_note::closing::ToAccount) -> ClosingPurpose;
    for kind in [ClosingPurpose::Refund as Kind, ClosingPurpose::BackupRefund as Kind] {
        let town = Town::new();
        let holder = key("hasty");
        let chains = ["one", "two"].map(|serial| town.world.note(&holder, 1_000, serial));
        let purpose = kind(town.open_deposit("A-1", "refund"));
        let items = chains.iter().map(|chain| town.closed(chain, &holder, 400, &purpose)).collect();
        let refund = Deposit { purpose, items };
        let before = town.dump();
        let early = DepositRefusal::TooEarly { item: 0, from: terms().deposit_until.plus(1) };
        for time in [terms().deposit_until.minus(100), terms().deposit_until] {
            town.set_time(time);
            let refusal = refused(&town, "A-1", &refund);
            assert_eq!(zeni_message::Refusal::retry(&refusal), zeni_message::Retry::Later);
            assert_eq!(refusal, early);
            assert_eq!(town.dump(), before);
        }
        let purpose = ClosingPurpose::Deposit(town.open_deposit("A-1", "deposit"));
        let items = vec![town.closed(&chains[1], &holder, 1_000, &purpose)];
        town.send("A-1", &Deposit { purpose, items }).expect("still in time");
        town.set_time(terms().deposit_until.plus(1));
        assert_eq!(refused(&town, "A-1", &refund), DepositRefusal::Repeated { item: 1 });
        let purpose = kind(town.open_deposit("A-1", "alone"));
        let items = vec![town.closed(&chains[0], &holder, 400, &purpose)];
        town.send("A-1", &Deposit { purpose, items }).expect("control: a second later");
        assert_eq!(town.balances("A-1"), (OPENING, 1_400));
        town.sound();
    }
}

/// RN-X31: a refund out of a backup is a record of its own: the signature of one kind is not taken for the other, and the
/// issuer gets the purpose as it was signed.
#[test]
fn a_backups_refund_is_its_own_record() {
    let mut town = Town::new();
    town.set_time(terms().deposit_until.plus(1));
    let holder = key("lost");
    let chain = town.world.note(&holder, 1_000, "lost");
    let to = town.open_deposit("A-1", "backup");
    let (backup, plain) = (ClosingPurpose::BackupRefund(to.clone()), ClosingPurpose::Refund(to));
    let leaf = town.world.leaf(&chain);
    let network = town.world.network();
    // the bytes of the other kind over this very purpose
    let record =
        zeni_note::closing::ClosingRecord { parent: leaf, amount: amount(400), purpose: backup.digest(network) };
    let signature = Signed::sign(network, record, &holder).signature;
    let before = town.dump();
    let good = town.closed(&chain, &holder, 400, &backup);
    let posed = ClosedChain { signature, ..good.clone() };
    let crossed = [(&backup, posed), (&plain, good.clone()), (&backup, town.closed(&chain, &holder, 400, &plain))];
    for (purpose, item) in crossed {
        let message = Deposit { purpose: purpose.clone(), items: vec![item] };
        assert_eq!(refused(&town, "A-1", &message), DepositRefusal::WrongClosing { item: 0 });
    }
    for value in [0, 1_001] {
        let items = vec![town.closed(&chain, &holder, value, &backup)];
        let message = Deposit { purpose: backup.clone(), items };
        assert_eq!(refused(&town, "A-1", &message), DepositRefusal::WrongClosing { item: 0 });
    }
    assert_eq!(town.dump(), before);

    town.send("A-1", &Deposit { purpose: backup.clone(), items: vec![good.clone()] }).expect("the backup's refund");
    town.settle();
    let sent = town.sent::<zeni_note::messages::issuer::Return>();
    let batch: zeni_note::messages::issuer::Return =
        zeni_message::decode(&sent[0], zeni_message::limits::MESSAGE_BYTES_MAX).expect("a batch");
    let closing = zeni_note::Closing::Single { amount: amount(400), purpose: backup, signature: good.signature };
    assert_eq!(batch.items[0].closing, closing);
    assert_eq!(town.balances("A-1"), (OPENING + 400, 0));
    town.sound();
}

/// RN-F5.1: of many holdings the one that is bad is named, wherever it stands; without it the rest is taken (control).
#[test]
fn the_bad_item_is_named() {
    let town = Town::new();
    let good = town.deposit_message("A-1", "good", &[100; 5]);
    let before = town.dump();
    for item in [0_u32, 2, 4] {
        let place = usize::try_from(item).expect("small");
        let mut closing = good.clone();
        closing.items[place].signature.0[0] ^= 1;
        assert_eq!(refused(&town, "A-1", &closing), DepositRefusal::WrongClosing { item });
        let mut chain = good.clone();
        chain.items[place].chain.note.signature.0[0] ^= 1;
        assert_eq!(refused(&town, "A-1", &chain), DepositRefusal::Malformed { item });
    }
    assert_eq!(town.dump(), before);
    let mut rest = good.clone();
    rest.items.remove(2);
    town.send("A-1", &rest).expect("the rest");
    assert_eq!(town.balances("A-1"), (OPENING, 400));
}

fn hand_in(town: &Town, message: &HandInTakings) -> Result<DepositState, SendError<DepositRefusal>> {
    town.send("A-1", message)
}

/// RN-F5.1 for a shop: one signature hands in all takings; it must cover exactly these leaves, all of one key.
#[test]
fn one_signature_hands_in_all_takings() {
    let town = Town::new();
    let good = town.takings("A-1", "shop", &[100, 200, 300]);
    let before = town.dump();
    let mut less = good.clone();
    less.chains.pop();
    assert_eq!(refusal(hand_in(&town, &less)), DepositRefusal::WrongClosing { item: 0 });
    let mut swapped = good.clone();
    swapped.chains.swap(0, 1);
    assert_eq!(refusal(hand_in(&town, &swapped)), DepositRefusal::WrongClosing { item: 0 });
    let mut forged = good.clone();
    forged.hand_in = Signed::sign(town.world.network(), good.hand_in.record.clone(), &key("thief"));
    assert_eq!(refusal(hand_in(&town, &forged)), DepositRefusal::WrongClosing { item: 0 });
    // a chain of somebody else under the shop's signature
    let stranger = key("stranger");
    let mut chains = good.chains.clone();
    chains[1] = town.world.note(&stranger, 100, "stranger's");
    let to = good.hand_in.record.to.clone();
    let foreign = HandInTakings { hand_in: town.world.hand_in(&chains, &key("shop shop"), to), chains };
    assert_eq!(refusal(hand_in(&town, &foreign)), DepositRefusal::WrongClosing { item: 1 });
    assert_eq!(town.dump(), before);

    let state = hand_in(&town, &good).expect("the takings");
    assert_eq!(state.items, [100, 200, 300].map(|value| ItemState::Held(amount(value))));
    assert_eq!(hand_in(&town, &good).expect("again"), state);
    assert_eq!(town.balances("A-1"), (OPENING, 600));
    town.sound();
}

/// HC-P5, HC-V20, HC-F4.1: what was issued under seal through one account comes back by another like any money, paid to a licensed
/// holder or to a shop without licence; whoever has none can pass nothing on but the note that was sealed for him.
#[test]
fn sealed_notes_are_deposited_like_others() {
    let mut town = Town::new();
    let (purse, chain) = town.issued("A-1", "one", 1_000);
    let (licensed, shop, next) = (key("licensed payee"), key("shop"), key("next"));
    let paid = town.world.pay(&chain, &purse.user(), &licensed, 300, "licensed");
    let terminal = town.pay_unlicensed(&chain, &purse.user(), &shop, 200, "terminal");
    let beyond = town.pay_unlicensed(&terminal, &shop, &next, 200, "beyond");
    let purpose = ClosingPurpose::Deposit(town.open_deposit("A-2", "deposit"));
    let deposit = |items| Deposit { purpose: purpose.clone(), items };
    let good = town.closed(&paid, &licensed, 300, &purpose);
    let bad = deposit(vec![good.clone(), ClosedChain { chain: beyond, ..good.clone() }]);
    assert_eq!(refused(&town, "A-2", &bad), DepositRefusal::Malformed { item: 1 });
    town.send("A-2", &deposit(vec![good, town.closed(&terminal, &shop, 200, &purpose)])).expect("held");
    assert_eq!(town.balances("A-2"), (OPENING, 500));
    town.settle();
    assert_eq!(town.balances("A-2"), (OPENING + 500, 0));
    assert_eq!(town.balances("A-1"), (OPENING - 1_000, 0));
    town.sound();
}
