//! Refunds that were signed in advance, of several holders of one note.

use std::collections::BTreeMap;

use proptest::prelude::*;
use zeni_crypto::Digest;

use super::*;

const MIDORI: &str = BANKS[1];

fn refund_at(
    setup: &Setup,
    (bank, id): (&str, &str),
    chain: &Chain,
    holder: &SecretKey,
    amount: u64,
    into: fn(ToAccount) -> ClosingPurpose,
) -> Outcome {
    let purpose = into(setup.world.account(bank, "A-1", id));
    let item = ReturnItem { chain: chain.clone(), closing: setup.world.close(chain, holder, amount, purpose) };
    block_on(setup.give_back(bank, id, vec![item])).unwrap().record.outcomes[0]
}

/// What was paid, by leaf: a claim of what is missing is a decision of its own.
fn told(setup: &Setup) -> BTreeMap<Digest, u64> {
    let of = |bank| block_on(setup.member(bank, GetDecisions { after: 0 })).unwrap();
    let mut sums = BTreeMap::new();
    for decision in BANKS.iter().flat_map(|bank| of(bank)) {
        *sums.entry(decision.leaf).or_default() += decision.paid.minor();
    }
    sums
}

/// A payer has a refund of 500 signed, then pays the 500; payer and payee claim out of what they have. Answers what each is
/// paid, and whether anybody is named.
fn payer_and_payee(payers: fn(ToAccount) -> ClosingPurpose, payee_claims: bool, payer_first: bool) -> (u64, u64, bool) {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (taro, hanako) = (setup.person("taro"), setup.person("hanako"));
    let his = block_on(setup.note(&taro, 500, "n1"));
    let hers = setup.world.pay(&his, &taro, &hanako, 500, "tea");
    setup.clock.put(START.plus(211 * DAY));
    for payer in [payer_first, !payer_first] {
        if payer {
            refund_at(&setup, (AOBA, "his"), &his, &taro, 500, payers);
        } else if payee_claims {
            refund_at(&setup, (MIDORI, "hers"), &hers, &hanako, 500, ClosingPurpose::BackupRefund);
        }
    }
    for time in [START.plus(240 * DAY), END] {
        setup.clock.put(time);
        block_on(setup.settle_down());
    }
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    let (told, named) = (told(&setup), !block_on(setup.issuer.cases()).unwrap().is_empty());
    let paid = |chain| told.get(&setup.world.leaf(chain)).copied().unwrap_or(0);
    (paid(&his), paid(&hers), named)
}

/// RN-X31: a payer who had a refund signed before he paid takes nothing from a payee who claims by a refund of that kind,
/// whoever comes first. Controls: nobody else shows anything, and what is left is his; as an exact rest it is decided first,
/// takes all, and names him.
#[test]
fn a_refund_in_advance_takes_nothing_from_a_payee() {
    for payer_first in [true, false] {
        assert_eq!(payer_and_payee(ClosingPurpose::BackupRefund, true, payer_first), (0, 500, false));
        assert_eq!(payer_and_payee(ClosingPurpose::BackupRefund, false, payer_first), (500, 0, false));
        assert_eq!(payer_and_payee(ClosingPurpose::Refund, true, payer_first), (500, 0, true));
    }
}

/// Above both an overspender left too little: the payee's part comes first also then, and what the payer is shown to have
/// passed on is no loss of his own that anybody answers for.
#[test]
fn the_deepest_comes_first_under_an_overspender() {
    // also by whose digest comes first
    for (payer_first, serial) in
        [true, false].into_iter().flat_map(|first| ["n1", "n2", "n3", "n4", "n5", "n6"].map(|it| (first, it)))
    {
        let setup = block_on(Setup::new(Policy::Refuse));
        let people = ["ueda", "shop", "taro", "hanako"].map(|name| setup.person(name));
        let [ueda, shop, taro, hanako] = &people;
        let note = block_on(setup.note(ueda, 500, serial));
        let sold = setup.world.pay(&note, ueda, shop, 300, "sold");
        let his = setup.world.pay(&note, ueda, taro, 500, "again");
        let hers = setup.world.pay(&his, taro, hanako, 300, "tea");
        assert_eq!(outcome(&setup, "b1", setup.deposit(&sold, shop, AOBA, "d1")), Outcome::Paid);
        setup.clock.put(START.plus(211 * DAY));
        for payer in [payer_first, !payer_first] {
            let (bank, id, chain, holder) =
                if payer { (AOBA, "his", &his, taro) } else { (MIDORI, "hers", &hers, hanako) };
            let of = if payer { 500 } else { 300 };
            refund_at(&setup, (bank, id), chain, holder, of, ClosingPurpose::BackupRefund);
        }
        setup.clock.put(END);
        block_on(setup.settle_down());
        let told = told(&setup);
        assert_eq!([&hers, &his].map(|chain| told[&setup.world.leaf(chain)]), [200, 0]);
    }
}

/// RN-X31: a batch that was begun in the last second of retention and is entered after a round has decided comes too late.
#[test]
fn nothing_is_entered_behind_a_decision() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let hanako = setup.person("hanako");
    let chain = block_on(setup.note(&hanako, 500, "n1"));
    let purpose = ClosingPurpose::BackupRefund(setup.world.account(AOBA, "A-1", "r1"));
    let item = ReturnItem { chain: chain.clone(), closing: setup.world.close(&chain, &hanako, 500, purpose) };
    let message = zeni_note::messages::issuer::Return {
        batch: zeni_note::testing::nonce("b1"),
        hand_ins: vec![],
        items: vec![item],
    };
    let prepared = block_on(setup.issuer.prepare_return(END.minus(1), AOBA.to_owned(), message)).unwrap();
    let enter = move |tx: &mut zeni_store::Tx<'_>| {
        crate::returns::apply::apply(tx, &prepared, END, &mut crate::books::PostingIds::new([1; 32]))
    };
    let answer = setup.store.write_blocking(zeni_store::Caller::default(), enter).unwrap();
    assert_eq!(answer.outcomes, [Outcome::Late]);
}

#[derive(Clone, Copy, Debug)]
enum Claim {
    Nothing,
    /// In time and whole, by who passed nothing on.
    Deposit,
    /// Of the exact rest, by who signed away no more than he had.
    Exact,
    /// Of what was left when so many of his payments were made.
    Advance(usize),
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    /// Chooses who paid him, and how much of what was left.
    payer: usize,
    part: u64,
    claim: Claim,
}

#[derive(Clone, Debug)]
struct Tree {
    holders: Vec<Holder>,
    /// Who signs away more than he has, if anybody does.
    cheat: Option<usize>,
}

/// Who paid, what, and how it is claimed.
struct Held {
    payer: Option<usize>,
    value: u64,
    left: u64,
    paid_out: Vec<u64>,
    chain: Chain,
    key: SecretKey,
    claim: Claim,
    /// What it claims.
    asked: u64,
}

fn trees() -> impl Strategy<Value = Vec<Tree>> {
    let claim = prop_oneof![
        Just(Claim::Nothing),
        Just(Claim::Deposit),
        Just(Claim::Exact),
        (0_usize..3).prop_map(Claim::Advance),
        Just(Claim::Advance(0)),
    ];
    let holder = (any::<usize>(), any::<u64>(), claim);
    let holder = holder.prop_map(|(payer, part, claim)| Holder { payer, part, claim });
    let tree = (prop::collection::vec(holder, 1..9), prop::option::of(0_usize..4));
    prop::collection::vec(tree.prop_map(|(holders, cheat)| Tree { holders, cheat }), 1..4)
}

/// Pays along the tree.
fn grow(setup: &Setup, tree: &Tree, name: &str) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for (at, holder) in tree.holders.iter().enumerate() {
        let key = setup.person(&format!("{name}-{at}"));
        let (mut value, mut payer) = (1_000, None);
        let chain = if at == 0 {
            block_on(setup.note(&key, value, name))
        } else {
            let from = holder.payer % at;
            let before = &mut held[from];
            let has = if tree.cheat == Some(from) { before.value } else { before.left };
            if has == 0 {
                break;
            }
            value = 1 + holder.part % has;
            before.left = before.left.saturating_sub(value);
            before.paid_out.push(value);
            payer = Some(from);
            setup.world.pay(&before.chain, &before.key, &key, value, &format!("{name}-{at}"))
        };
        held.push(Held { payer, value, left: value, paid_out: vec![], chain, key, claim: holder.claim, asked: 0 });
    }
    for (at, one) in held.iter_mut().enumerate() {
        one.asked = match one.claim {
            Claim::Nothing => 0,
            Claim::Deposit => one.value * u64::from(one.paid_out.is_empty()),
            Claim::Exact => one.left * u64::from(tree.cheat != Some(at)),
            Claim::Advance(after) => one.value.saturating_sub(one.paid_out.iter().take(after).sum()),
        };
    }
    held
}

/// Claims all, refunds in one order or the other, and answers what was decided.
fn claim_all(setup: &Setup, trees: &[Vec<Held>], reversed: bool) -> BTreeMap<Digest, u64> {
    let mut all: Vec<(String, &Held)> = Vec::new();
    for (tree, held) in trees.iter().enumerate() {
        let claims = held.iter().enumerate().filter(|(_, one)| one.asked > 0);
        all.extend(claims.map(|(at, one)| (format!("c{tree}-{at}"), one)));
    }
    let bank = |at: usize| BANKS[at % BANKS.len()];
    for (at, (id, one)) in all.iter().enumerate().filter(|(_, (_, one))| matches!(one.claim, Claim::Deposit)) {
        refund_at(setup, (bank(at), id), &one.chain, &one.key, one.asked, ClosingPurpose::Deposit);
    }
    setup.clock.put(START.plus(211 * DAY));
    let mut refunds: Vec<usize> = (0..all.len()).filter(|at| !matches!(all[*at].1.claim, Claim::Deposit)).collect();
    if reversed {
        refunds.reverse();
    }
    let claim = |at: usize| {
        let (id, one) = &all[at];
        let exact = matches!(one.claim, Claim::Exact);
        let into = if exact { ClosingPurpose::Refund } else { ClosingPurpose::BackupRefund };
        (refund_at(setup, (bank(at), id), &one.chain, &one.key, one.asked, into), exact)
    };
    for at in &refunds {
        let until = |exact| if exact { START.plus(240 * DAY) } else { END };
        let (outcome, exact) = claim(*at);
        assert_eq!(outcome, Outcome::Waiting { until: until(exact) });
    }
    for time in [START.plus(240 * DAY), END] {
        setup.clock.put(time);
        while block_on(setup.issuer.tick_refunds()).unwrap() > 0 {}
    }
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    let told = told(setup);
    for at in &refunds {
        claim(*at);
    }
    block_on(setup.issuer.tick_refunds()).unwrap();
    assert_eq!(self::told(setup), told, "a repeat is paid nothing");
    told
}

/// What each claims that its holder is not shown to have passed on.
fn own(held: &[Held]) -> Vec<u64> {
    let mut shown = vec![false; held.len()];
    for at in 0..held.len() {
        let mut on_the_way = Some(at).filter(|at| held[*at].asked > 0);
        while let Some(node) = on_the_way {
            shown[node] = true;
            on_the_way = held[node].payer;
        }
    }
    let passed = |at| -> u64 {
        let payees = held.iter().enumerate().filter(|(payee, one)| one.payer == Some(at) && shown[*payee]);
        payees.map(|(_, one)| one.value).sum()
    };
    held.iter().enumerate().map(|(at, one)| one.asked.min(one.value.saturating_sub(passed(at)))).collect()
}

/// Holders from who paid `at` up to the note.
fn payers(held: &[Held], at: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(held[at].payer, |payer| held[*payer].payer)
}

fn check(tree: &Tree, held: &[Held], paid: &[Option<u64>]) {
    let own = own(held);
    let in_advance = |at: usize| matches!(held[at].claim, Claim::Advance(_));
    for at in 0..held.len() {
        let Some(got) = paid[at] else { continue };
        assert!(got <= own[at], "{at} is paid what he passed on");
        if tree.cheat.is_none_or(|cheat| held.len() <= cheat) {
            assert_eq!(got, own[at], "{at} is not paid his own");
        }
        for payer in payers(held, at).filter(|payer| in_advance(*payer)) {
            let cheated = payers(held, at).take_while(|one| *one != payer).any(|one| tree.cheat == Some(one));
            let robbed = !cheated && got < own[at] && paid[payer].is_some_and(|his| his > 0);
            assert!(!robbed, "{payer} is paid before his payee {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// RN-X31: a payee who shows a chain is paid before the advance refund of anybody who paid him, in whatever order they
    /// come and at whatever banks; where nobody overspends everybody is paid what he is not shown to have passed on, and
    /// nobody but an overspender is named.
    #[test]
    fn payees_come_before_refunds_in_advance(trees in trees()) {
        let mut before = None;
        for reversed in [false, true] {
            let setup = block_on(Setup::new(Policy::Refuse));
            let held: Vec<Vec<Held>> =
                trees.iter().enumerate().map(|(at, tree)| grow(&setup, tree, &format!("t{at}"))).collect();
            let told = claim_all(&setup, &held, reversed);
            for (tree, held) in trees.iter().zip(&held) {
                let paid: Vec<Option<u64>> =
                    held.iter().map(|one| told.get(&setup.world.leaf(&one.chain)).copied()).collect();
                check(tree, held, &paid);
            }
            block_on(setup.settle_down());
            let cheats = trees.iter().enumerate().filter_map(|(at, tree)| Some(format!("t{at}-{}", tree.cheat?)));
            let cheats: Vec<String> = cheats.collect();
            for case in block_on(setup.issuer.cases()).unwrap() {
                prop_assert!(case.name.is_some_and(|name| cheats.contains(&name)));
            }
            prop_assert!(before.as_ref().is_none_or(|before| *before == told), "the order in which they came decides");
            before = Some(told);
        }
    }
}
