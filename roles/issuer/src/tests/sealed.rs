//! Notes under seal on the one return path.

mod cases;
mod damaged;
mod listed;
mod terms;

use std::sync::{Arc, atomic::Ordering};

use futures::executor::block_on;
use zeni_crypto::SecretKey;
use zeni_money::Amount;
use zeni_note::{
    Chain, ClosingPurpose, Hop, Right,
    keylist::Way,
    messages::issuer::{Outcome, ReturnItem, SealedAnswer},
    sealed::{KeyMaker, Reply},
    testing::{DAY, START, World, amount, key},
};
use zeni_store::{Options, Store};

use super::dump;
use crate::{
    Policy, SCHEMA,
    testing::{BANKS, SEALED, Setup, config},
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

struct Town {
    setup: Setup,
    user: Arc<SecretKey>,
    chain: Chain,
    shop: SecretKey,
}

/// A customer of aoba with a note of 1,000 under seal, and a shop with a licence.
fn town() -> Town {
    town_with(|_| {})
}

fn town_with(change: impl FnOnce(&mut crate::Config)) -> Town {
    let world = World::new("issuer tests");
    let mut config = config(&world, Policy::Refuse);
    change(&mut config);
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    let setup = block_on(Setup::with(world, store, config));
    let (user, chain) = block_on(setup.sealed_note(AOBA, "Taro", "note", 1_000));
    let shop = setup.person("shop");
    Town { setup, user, chain, shop }
}

impl Town {
    fn paid(&self, value: u64, word: &str) -> ReturnItem {
        let paid = self.setup.world.pay(&self.chain, &self.user, &self.shop, value, word);
        self.setup.deposit(&paid, &self.shop, MIDORI, word)
    }

    fn bring(&self, batch: &str, items: Vec<ReturnItem>) -> Vec<Outcome> {
        block_on(self.setup.give_back(MIDORI, batch, items)).unwrap().record.outcomes
    }

    /// Pays and brings back.
    fn pay(&self, value: u64, word: &str) -> Outcome {
        self.bring(word, vec![self.paid(value, word)])[0]
    }

    fn states(&self) -> Vec<String> {
        block_on(self.setup.settle_down());
        assert_eq!(block_on(self.setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
        block_on(self.setup.issuer.cases()).unwrap().into_iter().map(|case| case.state).collect()
    }

    fn rows(&self) -> [u64; 3] {
        block_on(self.setup.issuer.circulation()).unwrap()[0].rows
    }

    fn held(&self) -> u64 {
        block_on(self.setup.issuer.circulation()).unwrap()[0].banks[0].outstanding
    }

    fn names(&self) -> Vec<String> {
        self.setup.desk(AOBA).names()
    }

    fn asked(&self) -> u64 {
        self.setup.desk(AOBA).asked.load(Ordering::Relaxed)
    }
}

/// HC-F4.1, HC-F4.4, HC-F4.5, HC-F4.6, HC-F4.7, HC-F4.8, HC-F4.12, HC-A33, HC-P5, HC-P17, HC-X30, HC-O11, HC-N13: payments out of a note, through whichever bank, are paid while Y ≤ X; at
/// Y = X the note leaves the register for the archive, with its origin, and nobody is accused; the bank no longer holds it.
#[test]
fn a_note_is_paid_to_the_last_unit() {
    let town = town();
    assert_eq!(town.pay(400, "a"), Outcome::Paid);
    assert_eq!((town.held(), town.rows()[..2].to_vec()), (600, vec![1, 0]));
    assert_eq!(town.pay(599, "b"), Outcome::Paid);
    assert_eq!(town.pay(1, "c"), Outcome::Paid);
    assert_eq!((town.held(), town.rows()[..2].to_vec()), (0, vec![0, 1]));
    assert!(town.states().is_empty());
}

/// HC-X25, HC-F4.3: the same return again, in its batch, in another, and after the note has left the register, is
/// answered as before or as a duplicate: paid once, never a case.
#[test]
fn a_replay_is_never_an_overspending() {
    let town = town();
    let (first, rest) = (town.paid(600, "a"), town.paid(400, "b"));
    assert_eq!(town.bring("b1", vec![first.clone(), first.clone()]), [Outcome::Paid, Outcome::Duplicate]);
    assert_eq!(town.bring("b2", vec![first.clone()]), [Outcome::Paid]);
    assert_eq!(town.bring("b3", vec![rest.clone()]), [Outcome::Paid]);
    for batch in ["b4", "b5"] {
        assert_eq!(town.bring(batch, vec![rest.clone(), first.clone()]), [Outcome::Paid, Outcome::Paid]);
    }
    let (aoba, midori) = {
        let circulation = block_on(town.setup.issuer.circulation()).unwrap();
        (circulation[0].returned[0].1, circulation[0].returned[1].1)
    };
    assert_eq!((aoba, midori), (0, 1_000));
    assert!(town.states().is_empty());
    assert_eq!(town.asked(), 0);
}

/// HC-X33: payments out of one note that come at once through both banks are summed exactly: no more than X is paid, whatever the order,
/// and the overspending is one case.
#[test]
fn returns_at_once_sum_exactly() {
    let world = World::new("issuer tests");
    let config = config(&world, Policy::Refuse);
    let store = Store::open_memory_with(&SCHEMA, Options::default()).unwrap();
    let setup = block_on(Setup::with(world, store, config));
    let (user, chain) = block_on(setup.sealed_note(AOBA, "Taro", "note", 1_000));
    let shop = setup.person("shop");
    let returns: Vec<_> = (0..12)
        .map(|n| {
            let (bank, word) = (BANKS[n % 2], format!("p{n}"));
            let paid = setup.world.pay(&chain, &user, &shop, 150, &word);
            (bank, setup.deposit(&paid, &shop, bank, &word), word)
        })
        .collect();
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let threads: Vec<_> = returns
            .iter()
            .map(|(bank, item, word)| {
                let setup = &setup;
                scope.spawn(move || {
                    block_on(setup.give_back(bank, word, vec![item.clone()])).unwrap().record.outcomes[0]
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let paid = outcomes.iter().map(|outcome| match outcome {
        Outcome::Paid => 150,
        Outcome::Partly { paid } => paid.minor(),
        _ => 0,
    });
    assert_eq!(paid.sum::<u64>(), 1_000, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Paid).count(), 6);
    block_on(setup.settle_down());
    assert_eq!(block_on(setup.issuer.cases()).unwrap().len(), 1);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    assert_eq!(block_on(setup.issuer.circulation()).unwrap()[0].outstanding, 0);
}

/// HC-X26, HC-X29, HC-P6, HC-P11, HC-P12, HC-F4.2: a return altered in X, N_U, S_I, TIME, W, y or S_U, or a note that its finder
/// signed himself, is refused as malformed; the balance stays and nobody is traced. Control: unaltered it is paid.
#[test]
fn an_altered_return_is_refused_and_accuses_nobody() {
    let town = town();
    let good = town.paid(600, "a");
    let mut altered: Vec<ReturnItem> = (0..8).map(|_| good.clone()).collect();
    altered[0].chain.note.record.face = amount(2_000);
    altered[1].chain.note.record.holder = key("another").public();
    altered[2].chain.holder = Right::Unlicensed(key("another").public());
    altered[3].chain.hops[0].opening.time = START.plus(5);
    altered[4].chain.hops[0].opening.rest.0[0] ^= 1;
    altered[5].chain.hops[0].amount = amount(700);
    altered[6].chain.hops[0].signature.0[5] ^= 1;
    let forger = World::new("a forger");
    let forged = Chain {
        note: zeni_message::Signed::sign(
            town.setup.world.network(),
            zeni_note::Note { serial: [9; 16].into(), ..town.chain.note.record.clone() },
            &forger.issuer,
        ),
        ..town.chain.clone()
    };
    let forged = town.setup.world.pay(&forged, &town.user, &town.shop, 600, "f");
    altered[7] = town.setup.deposit(&forged, &town.shop, MIDORI, "f");
    for (number, item) in altered.into_iter().enumerate() {
        let before = town.held();
        assert_eq!(town.bring(&format!("b{number}"), vec![item]), [Outcome::Malformed], "{number}");
        assert_eq!(town.held(), before);
    }
    assert_eq!(town.bring("good", vec![good]), [Outcome::Paid]);
    assert!(town.states().is_empty());
    assert_eq!(town.asked(), 0);
}

/// HC-X27: another shop cannot bring what was paid to this one, nor have it paid elsewhere.
#[test]
fn only_the_payee_brings_a_payment_back() {
    let town = town();
    let thief = town.setup.person("thief");
    let paid = town.setup.world.pay(&town.chain, &town.user, &town.shop, 600, "a");
    let stolen = town.setup.deposit(&paid, &thief, MIDORI, "t");
    assert_eq!(town.bring("b1", vec![stolen]), [Outcome::Malformed]);
    assert_eq!(town.bring("b2", vec![town.paid(600, "a")]), [Outcome::Paid]);
    assert!(town.states().is_empty());
}

/// HC-X37, HC-F4.2: after the deposit limit a return is late: not paid, no case, although it exceeds the note.
#[test]
fn a_late_return_is_no_overspending() {
    let town = town();
    assert_eq!(town.pay(1_000, "a"), Outcome::Paid);
    town.setup.clock.put(START.plus(210 * DAY + 1));
    assert_eq!(town.pay(500, "late"), Outcome::Late);
    assert!(town.states().is_empty());
}

/// HC-X49, HC-O7: two amounts over one e of one note: the first is paid, the other refused as a conflict, and nobody is accused,
/// although both together exceed the note. Control: over two e the same amounts open a case.
#[test]
fn one_question_is_answered_once() {
    let town = town();
    let challenge = town.setup.world.challenge(&town.shop, 600, "one question", START.plus(DAY));
    let answered = |value: u64| {
        let answer = town.setup.world.answer(&town.chain, &town.user, value, &challenge);
        let chain = town.chain.extended(Hop {
            opening: challenge.opening(town.setup.world.network()),
            amount: answer.amount,
            signature: answer.signature,
            payee: challenge.right.clone(),
        });
        town.setup.deposit(&chain, &town.shop, MIDORI, &format!("d{value}"))
    };
    let (first, second, small) = (answered(600), answered(700), answered(10));
    assert_eq!(town.bring("b1", vec![first.clone(), second.clone()]), [Outcome::Paid, Outcome::Duplicate]);
    assert_eq!(town.bring("b2", vec![second]), [Outcome::Duplicate]);
    assert_eq!(town.bring("b3", vec![small, first]), [Outcome::Duplicate, Outcome::Paid]);
    assert!(town.states().is_empty());
    assert_eq!(town.pay(700, "another"), Outcome::Partly { paid: amount(400) });
    assert_eq!(town.states(), ["identified"]);
}

/// HC-X49, HC-P13, HC-P15: two and more amounts over one e to an accomplice, who deposits the least and passes the others to
/// honest payees: what they hold counts against the one who signed it, and he is identified.
#[test]
fn many_answers_to_one_question_are_found_behind_an_accomplice() {
    let town = town();
    let accomplice = town.setup.person("accomplice");
    let challenge = town.setup.world.challenge(&accomplice, 1_000, "one e", START.plus(DAY));
    let over = |value: u64| {
        let answer = town.setup.world.answer(&town.chain, &town.user, value, &challenge);
        town.chain.extended(Hop {
            opening: challenge.opening(town.setup.world.network()),
            amount: answer.amount,
            signature: answer.signature,
            payee: challenge.right.clone(),
        })
    };
    assert_eq!(town.bring("b0", vec![town.setup.deposit(&over(1), &accomplice, MIDORI, "small")]), [Outcome::Paid]);
    let bought = |value: u64| {
        let shop = town.setup.person(&format!("honest shop {value}"));
        let bought = town.setup.world.pay(&over(value), &accomplice, &shop, value, "goods");
        town.bring(&format!("b{value}"), vec![town.setup.deposit(&bought, &shop, MIDORI, &format!("d{value}"))])
    };
    assert_eq!(bought(1_000), [Outcome::Partly { paid: amount(999) }]);
    assert_eq!(bought(998), [Outcome::Partly { paid: Amount::ZERO }]);
    assert_eq!(town.states(), ["identified"]);
}

/// HC-P15, HC-V1…V3: who has g(X, key) sealed in place of his key gets a note that is not his to anyone who checks it.
#[test]
fn a_note_to_g_of_a_key_is_not_that_keys() {
    let town = town();
    let of = |word: u32| key(&format!("grind {word}"));
    let g = |user: &SecretKey| zeni_note::spec::g(amount(1_000), &user.public());
    let user = Arc::new((0..).map(of).find(|user| g(user).check().is_ok()).unwrap());
    let (_, mut content) = town.setup.content("disguise", 1_000);
    content.holder = KeyMaker::User(g(&user));
    let purse = block_on(town.setup.sealed(AOBA, user.clone(), content));
    let SealedAnswer::Issued(reply) = block_on(town.setup.forward_one(AOBA, &purse)) else { panic!("refused") };
    let reply = Reply::decipher(&purse.content.k, &purse.request(), &reply[..]).unwrap();
    let (_, issued) = purse.content.issued(town.setup.world.network(), Way::Sealed, &reply).unwrap();
    let chain = Chain { note: issued.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let fault = chain.verify_form(&town.setup.world.roots).unwrap_err();
    assert_eq!(fault, zeni_note::ChainFault::OtherHolder);
    let own = block_on(town.setup.sealed_note(AOBA, "hanako", "own", 1_000)).1;
    assert!(own.verify_form(&town.setup.world.roots).is_ok(), "control: the key that was sealed");
}

/// HC-P23, HC-F7.4: what a bank brought back of others' notes makes no room under its ceiling.
#[test]
fn others_notes_make_no_room_under_a_ceiling() {
    let town = town();
    let set =
        |bank: &str| block_on(town.setup.issuer.set_ceiling(bank, zeni_note::testing::jpy(), amount(1_000))).unwrap();
    set(MIDORI);
    let issue = |seed: &str| {
        let purse = block_on(town.setup.purse(MIDORI, "hanako", seed, 1_000));
        matches!(block_on(town.setup.forward_one(MIDORI, &purse)), SealedAnswer::Issued(_))
    };
    assert!(issue("one"));
    assert!(!issue("two"));
    assert_eq!(town.pay(1_000, "a"), Outcome::Paid);
    assert!(!issue("three"), "a note of aoba came back through midori");
    block_on(town.setup.issuer.settle()).unwrap();
    assert!(!issue("four"), "its own is still out");
}

/// HC-X42: a note that is genuine and in neither database (the register was lost or restored old): an alarm that stops the
/// series, never an accusation; until an operator lifts the stop nothing more is issued in it.
#[test]
fn a_lost_register_accuses_nobody() {
    let town = town();
    let lose = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
        tx.execute("DELETE FROM origin WHERE series = ?1", zeni_store::params![SEALED])?;
        Ok(tx.execute("DELETE FROM note WHERE series = ?1", zeni_store::params![SEALED])?)
    };
    let issue = |seed: &str| {
        let purse = block_on(town.setup.purse(MIDORI, "hanako", seed, 1_000));
        block_on(town.setup.forward_one(MIDORI, &purse))
    };
    assert!(matches!(issue("before"), SealedAnswer::Issued(_)), "control");
    assert_eq!(town.setup.store.write_blocking(zeni_store::Caller::default(), lose).unwrap(), 2);
    assert_eq!(town.pay(600, "a"), Outcome::Unknown);
    let stopped = SealedAnswer::Refused(zeni_note::messages::issuer::SealedRefusal::Stopped);
    assert_eq!((issue("after"), issue("later")), (stopped.clone(), stopped));
    assert_eq!(town.pay(600, "b"), Outcome::Unknown);
    assert!(block_on(town.setup.issuer.cases()).unwrap().is_empty());
    assert_eq!(block_on(town.setup.issuer.stopped_series()).unwrap(), [SEALED]);
    assert!(!block_on(town.setup.issuer.audit()).unwrap().is_sound());
    assert!(matches!(block_on(town.setup.issuer.settle()), Err(crate::SettleError::Register { .. })));
}

/// HC-R4, HC-V14: W is the payee's key alone, without a licence: whoever else brings the money gets nothing. Such a payee is terminal: what
/// it got it deposits; what it passes on instead is malformed, and it cannot renew.
#[test]
fn a_payee_without_licence_can_only_deposit() {
    let town = town();
    let stall = key("a market stall");
    let mut paid = town.setup.world.pay(&town.chain, &town.user, &stall, 300, "a");
    paid.hops[0].payee = Right::Unlicensed(stall.public());
    let on = town.setup.world.pay(&town.chain, &town.user, &stall, 300, "b");
    let mut on = town.setup.world.pay(&on, &stall, &town.shop, 300, "c");
    on.hops[0].payee = Right::Unlicensed(stall.public());
    let passed_on = ReturnItem { closing: town.setup.deposit(&paid, &town.shop, MIDORI, "c").closing, chain: on };
    assert_eq!(town.bring("b1", vec![passed_on]), [Outcome::Malformed]);
    let licence = town.setup.world.licence(key("fresh").public());
    let purpose = ClosingPurpose::Renewal { nonce: crate::testing::id("n"), licence };
    let closing = town.setup.world.close(&paid, &stall, 300, purpose);
    let renew = zeni_note::messages::issuer::Renew { chain: paid.clone(), closing, slot: crate::testing::id("s") };
    assert!(block_on(town.setup.public(renew)).is_err());
    let mut stolen = paid.clone();
    stolen.hops[0].payee = Right::Unlicensed(key("a finder").public());
    let items = [&paid, &stolen].map(|chain| town.setup.deposit(chain, &key("a finder"), MIDORI, "t")).to_vec();
    assert_eq!(town.bring("t", items), [Outcome::Malformed; 2]);
    assert_eq!(town.bring("b2", vec![town.setup.deposit(&paid, &stall, MIDORI, "d")]), [Outcome::Paid]);
    assert!(town.states().is_empty());
}

/// HC-P29, HC-F7.3, RN-X34: a licensed holder renews what he got from a note under seal: the renewed note has no origin, the bank
/// owes what it held, and what is outstanding stays the same.
#[test]
fn a_renewed_note_leaves_its_bank() {
    let town = town();
    let saburo = town.setup.person("saburo");
    let lent = town.setup.world.pay(&town.chain, &town.user, &saburo, 700, "lent");
    let fresh = key("fresh");
    let licence = town.setup.world.licence(fresh.public());
    let purpose = ClosingPurpose::Renewal { nonce: crate::testing::id("n"), licence: licence.clone() };
    let closing = town.setup.world.close(&lent, &saburo, 700, purpose);
    let renew = zeni_note::messages::issuer::Renew { chain: lent, closing, slot: crate::testing::id("s") };
    let issued = block_on(town.setup.public(renew)).unwrap();
    assert!(!issued.note.record.way.is_sealed());
    let circulation = &block_on(town.setup.issuer.circulation()).unwrap()[0];
    assert_eq!(
        (circulation.outstanding, circulation.banks[0].outstanding, circulation.banks[0].owes),
        (1_000, 300, 700)
    );
    let chain = Chain { note: issued.note, holder: licence.into(), hops: Vec::new() };
    assert_eq!(town.bring("b", vec![town.setup.deposit(&chain, &fresh, MIDORI, "d")]), [Outcome::Paid]);
    assert!(town.states().is_empty());
    assert_eq!(town.held(), 300);
}

/// HC-P29, HC-P22, HC-X33, HC-X34: a random run over both banks: payments, replays, overspendings, refusals, settlements; after
/// each step what the banks hold is what their notes stand for, and what customers were debited is what came back, is out, or is
/// in dispute.
#[test]
fn money_is_conserved_in_a_random_run() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let shop = setup.person("shop");
    let mut random = zeni_crypto::SeededEntropy::from_number(11);
    let mut draw = |below: u64| {
        let mut bytes = [0; 8];
        zeni_crypto::Entropy::fill(&mut random, &mut bytes);
        u64::from_be_bytes(bytes) % below
    };
    let mut notes: Vec<(Arc<SecretKey>, Chain)> = Vec::new();
    let mut brought: Vec<(usize, ReturnItem)> = Vec::new();
    let mut debited = 0;
    for step in 0..60 {
        let word = format!("s{step}");
        match draw(4) {
            0 => {
                let bank = BANKS[usize::try_from(draw(2)).unwrap()];
                notes.push(block_on(setup.sealed_note(bank, "someone", &word, 500)));
                debited += 500;
            }
            1 | 2 if !notes.is_empty() => {
                let (user, chain) = &notes[usize::try_from(draw(notes.len() as u64)).unwrap()];
                let paid = setup.world.pay(chain, user, &shop, 1 + draw(300), &word);
                let at = usize::try_from(draw(2)).unwrap();
                let item = setup.deposit(&paid, &shop, BANKS[at], &word);
                block_on(setup.give_back(BANKS[at], &word, vec![item.clone()])).unwrap();
                brought.push((at, item));
            }
            3 if !brought.is_empty() => {
                let (at, item) = brought[usize::try_from(draw(brought.len() as u64)).unwrap()].clone();
                block_on(setup.give_back(BANKS[at], &word, vec![item])).unwrap();
            }
            _ => drop(block_on(setup.issuer.settle()).unwrap()),
        }
        block_on(setup.settle_down());
        assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new(), "step {step}");
        let circulation = &block_on(setup.issuer.circulation()).unwrap()[0];
        let returned: u64 = circulation.returned.iter().map(|(_, amount)| amount).sum();
        assert_eq!(debited, returned + circulation.outstanding, "step {step}");
        let held: u64 = circulation.banks.iter().map(|bank| bank.outstanding).sum();
        assert_eq!(held, circulation.outstanding, "step {step}");
    }
    assert!(!block_on(setup.issuer.cases()).unwrap().is_empty(), "the run has overspenders");
}

/// HC-X34, HC-X43, HC-P28, HC-A34: where the history cannot be written, nothing of a return has happened: no
/// credit, no erasure, no posting; when it can be again, the same batch is done, once.
#[test]
fn nothing_is_settled_without_its_evidence() {
    let town = town();
    let run = |statement: &'static str| {
        let job = move |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
            Ok(tx.execute(statement, &[])?)
        };
        town.setup.store.write_blocking(zeni_store::Caller::default(), job).unwrap()
    };
    let items = vec![town.paid(600, "a"), town.paid(600, "b")];
    // a row in the way of one of the writes
    for (spoil, clear) in [
        ("INSERT INTO archive_origin SELECT * FROM origin", "DELETE FROM archive_origin"),
        ("INSERT INTO archive_note SELECT *, NULL, NULL, NULL FROM note", "DELETE FROM archive_note"),
    ] {
        assert_eq!(run(spoil), 1);
        let before = dump(&town.setup.store);
        let failed = block_on(town.setup.give_back(MIDORI, "b", items.clone()));
        assert!(matches!(failed, Err(zeni_message::peer::SendError::Busy { .. })), "{spoil}");
        assert_eq!(dump(&town.setup.store), before, "{spoil}");
        assert_eq!(run(clear), 1);
    }
    assert_eq!(town.bring("b", items.clone()), [Outcome::Paid, Outcome::Partly { paid: amount(400) }]);
    assert_eq!(town.bring("b", items), [Outcome::Paid, Outcome::Partly { paid: amount(400) }]);
    assert_eq!(town.states(), ["identified"]);
}
