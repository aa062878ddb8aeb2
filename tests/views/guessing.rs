//! A guesser who is given whole views of notes under seal and has to say who is who (HC-P2, HC-P3). He plays many shuffled trials: two
//! customers, two payments or two notes, which belongs to whom.

use std::collections::BTreeMap;

use zeni_crypto::{Digest, sha256};
use zeni_holder::Kind;
use zeni_message::{Message, encode};
use zeni_note::{
    Payment,
    keylist::SeriesTerms,
    messages::bank::WithdrawSealed,
    sealed::{Envelope, KeyMaker, SealedContent},
};
use zeni_store::{Value, testing::block_on};

use super::sealed::opened;
use crate::world::{Dump, Person, World, yen};

/// Trials, of two customers each.
const TRIALS: usize = 48;
/// Right guesses that are chance: half of the trials, five standard deviations up and down.
const CHANCE: std::ops::RangeInclusive<usize> = 7..=41;
/// Seconds between two withdrawals, and between two payments.
const APART_S: u64 = 7;
/// One note each, of the same face value.
const FACE: u64 = 500;
/// Bytes that two independent things do not have in common.
const WINDOW: usize = 8;

/// What is known of one customer, one payment or one note.
type Record = Vec<Vec<u8>>;

/// Customers with what they did; the truth is that the n-th did the n-th.
struct Day {
    world: World,
    customers: Vec<Person>,
    payments: Vec<Payment>,
}

/// Whether the things of a trial are shown to the guesser in the other order.
fn swapped(trial: usize) -> bool {
    sha256(&[b"shuffle", &trial.to_be_bytes()]).0[0] & 1 == 1
}

/// Everybody withdraws one note at the same bank and pays it to the same shop of the other; who pays when has nothing to do with who
/// withdrew when.
fn day() -> Day {
    let world = World::new();
    let shop = world.unregistered("books", "kita", Kind::Shop);
    // homes are named by constants elsewhere
    let customer = |n: usize| world.unregistered(format!("customer{n}").leak(), "aoba", Kind::Wallet);
    let customers: Vec<Person> = (0..2 * TRIALS).map(customer).collect();
    for customer in &customers {
        world.pass(APART_S);
        block_on(customer.open().withdraw(yen(FACE), false)).unwrap();
    }
    let mut order: Vec<usize> = (0..customers.len()).collect();
    order.sort_by_key(|who| paid_at(*who));
    let mut payments = vec![None; customers.len()];
    for who in order {
        world.pass(APART_S);
        let paid = customers[who].pay(&shop.request(FACE));
        shop.receive(&paid);
        payments[who] = Some(paid.document);
    }
    Day { world, customers, payments: payments.into_iter().flatten().collect() }
}

impl Day {
    /// All that the customers' bank has received from one of them, told him and stored about him.
    fn at_the_bank(&self) -> Vec<Record> {
        let all = self.world.net.record.exchanges();
        let stored = Dump::of(&self.world.stores.banks[0]);
        let of = |customer: &Person| {
            let line = format!("bank aoba <- aoba/{}", customer.account());
            let mut record: Record = Vec::new();
            for one in all.iter().filter(|one| one.peer == line) {
                record.push(one.request.clone());
                record.extend(one.answer.iter().map(|(_, answer)| answer.clone()));
            }
            let account = Value::Text(customer.account());
            let rows = stored.0.values().flatten().filter(|row| row.contains(&account));
            record.extend(rows.flatten().map(bytes));
            assert!(record.len() > 10);
            record
        };
        self.customers.iter().map(of).collect()
    }

    /// What the shop has of each payment.
    fn at_the_shop(&self) -> Vec<Record> {
        self.payments.iter().map(|payment| vec![encode(payment)]).collect()
    }

    /// Requests and contents of the orders, as the issuer opens them.
    fn opened(&self) -> Vec<(Vec<u8>, SealedContent)> {
        let sent = self.world.net.record.exchanges();
        let sent: Vec<_> = sent.into_iter().filter(|one| one.path == WithdrawSealed::PATH).collect();
        opened(&self.world, &sent)
    }

    fn envelope(&self) -> (Envelope, SeriesTerms) {
        let list = block_on(self.customers[0].open().key_lists()).unwrap().remove(0).record;
        let envelope = Envelope::new(self.world.roots.network, list.sealing.as_ref().unwrap()).unwrap();
        (envelope, list.terms(crate::world::SEALED).unwrap().clone())
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Blob(bytes) => bytes.clone(),
        Value::Int(_) | Value::Null => Vec::new(),
    }
}

/// Right guesses, where `likeness` says how much a customer and a thing seem to belong together. Without a preference he names the
/// things in the order in which they are shown.
fn right(likeness: impl Fn(usize, usize) -> u64) -> usize {
    let guess = |trial: &usize| {
        let (one, other) = (2 * trial, 2 * trial + 1);
        let (first, second) = if swapped(*trial) { (other, one) } else { (one, other) };
        let straight = likeness(one, first) + likeness(other, second);
        let crossed = likeness(one, second) + likeness(other, first);
        let says_crossed = crossed > straight;
        says_crossed == swapped(*trial)
    };
    (0..TRIALS).filter(guess).count()
}

/// Likeness by what stands in one customer's record alone and in the thing's.
fn shared(customers: &[Record], things: &[Record]) -> Vec<BTreeMap<usize, u64>> {
    let mut owner: BTreeMap<&[u8], Option<usize>> = BTreeMap::new();
    for (who, record) in customers.iter().enumerate() {
        for window in record.iter().flat_map(|part| part.windows(WINDOW)) {
            owner.entry(window).and_modify(|it| *it = it.filter(|it| *it == who)).or_insert(Some(who));
        }
    }
    let of = |record: &Record| {
        let mut scores = BTreeMap::new();
        for window in record.iter().flat_map(|part| part.windows(WINDOW)) {
            if let Some(Some(who)) = owner.get(window) {
                *scores.entry(*who).or_default() += 1;
            }
        }
        scores
    };
    things.iter().map(of).collect()
}

fn right_by_shared(customers: &[Record], things: &[Record]) -> usize {
    let scores = shared(customers, things);
    right(|who, what| scores[what].get(&who).copied().unwrap_or(0))
}

/// Bits in which two strings agree.
fn agreement(one: &[u8], other: &[u8]) -> u64 {
    one.iter().zip(other).map(|(one, other)| u64::from((one ^ other).count_zeros())).sum()
}

/// HC-P2, HC-P1, HC-O12: the customers' bank and the shop put together all they received and stored, and guess which of two customers made which of two
/// payments: by anything that stands in both views, by likeness of requests, replies and orders to keys and signatures, by who came first, and by sealing
/// again what they know. They are right about as often as a coin. Controls: with one linkable field left in the payment, and with K and the slot of
/// each request told, they are right every time.
#[test]
fn bank_and_shop_guess_no_better_than_a_coin() {
    let day = day();
    let (customers, payments) = (day.at_the_bank(), day.at_the_shop());
    let by_shared = right_by_shared(&customers, &payments);
    assert!(CHANCE.contains(&by_shared), "{by_shared} of {TRIALS}");

    let opened = day.opened();
    let requests: Vec<&[u8]> = opened.iter().map(|(request, _)| &request[..]).collect();
    let orders: Vec<_> =
        day.customers.iter().map(|it| block_on(it.open().sealed_orders()).unwrap().remove(0)).collect();
    let shown = |what: usize| {
        let chain = &day.payments[what].answers[0].chain;
        (chain.holder.key().0, chain.note.signature.0)
    };
    let likenesses: [&dyn Fn(usize, usize) -> u64; 4] = [
        &|who, what| agreement(requests[who], &shown(what).0),
        &|who, what| agreement(&Envelope::digest(requests[who]).0, &shown(what).0),
        &|who, what| agreement(&orders[who].order.signature.0, &shown(what).1),
        &|who, what| u64::from(orders[who].account_key.0 < shown(what).0),
    ];
    for (place, likeness) in likenesses.iter().enumerate() {
        let guessed = right(likeness);
        assert!(CHANCE.contains(&guessed), "likeness {place}: {guessed} of {TRIALS}");
    }
    // the one who withdrew first is taken for the one who paid first
    let by_order = right(|who, what| u64::from(paid_first(what) == (who % 2 == 0)));
    assert!(CHANCE.contains(&by_order), "{by_order} of {TRIALS}");

    let (envelope, terms) = day.envelope();
    let sealed_again = |told: &dyn Fn(usize) -> ([u8; 32], [u8; 16])| {
        right(|who, what| {
            let (note, (k, slot)) = (&day.payments[what].answers[0].chain, told(who));
            let content = SealedContent {
                series: terms.series,
                epoch: note.note.record.epoch,
                currency: note.note.record.currency,
                face: note.note.record.face,
                k,
                holder: KeyMaker::User(note.holder.key()),
                tm: [0; 16].into(),
                slot: slot.into(),
            };
            u64::from(envelope.seal(&content) == requests[who])
        })
    };
    let blind = sealed_again(&|_| ([0; 32], [0; 16]));
    assert!(CHANCE.contains(&blind), "{blind} of {TRIALS}");

    assert_eq!(sealed_again(&|who| (opened[who].1.k, *opened[who].1.slot)), TRIALS, "control: K is told");
    let linkable = payments.iter().zip(&orders).map(|(payment, order)| {
        let field = order.order.record.order.to_vec();
        payment.iter().cloned().chain([field]).collect::<Record>()
    });
    assert_eq!(right_by_shared(&customers, &linkable.collect::<Vec<_>>()), TRIALS, "control: a field links them");
}

/// Payments are made in the order of this.
fn paid_at(who: usize) -> Digest {
    sha256(&[b"who pays when", &who.to_be_bytes()])
}

/// Whether this payment came before the other of its trial.
fn paid_first(what: usize) -> bool {
    paid_at(what) < paid_at(what ^ 1)
}

/// HC-P3, HC-P4, HC-R1: the issuer, with what it received, opened and stored of two notes and all that two customers are known by (name, account,
/// account key, certificate), guesses whose note is whose about as often as a coin. Control: with the bank's rows, it is right every time.
#[test]
fn the_issuer_guesses_no_better_than_a_coin() {
    let day = day();
    let known_by = |customer: &Person| {
        let profile = block_on(customer.open().profile()).unwrap();
        let texts = [customer.real_name(), customer.account(), customer.name.to_owned(), profile.certificates];
        let mut record: Record = texts.into_iter().map(String::into_bytes).collect();
        record.push(profile.account_key.0.to_vec());
        record.push(profile.account_salt.to_vec());
        record
    };
    let customers: Vec<Record> = day.customers.iter().map(known_by).collect();
    let stored = Dump::of(&day.world.stores.issuer);
    let crossed = day.world.net.record.exchanges();
    let note = |(request, content): &(Vec<u8>, SealedContent)| {
        let KeyMaker::User(key) = content.holder else { panic!("wallets make their keys") };
        let digest = Envelope::digest(request);
        let serial = content.serial(&key);
        let own =
            |row: &&Vec<Value>| row.iter().map(bytes).any(|it| it == digest.0 || it == key.0 || it == serial.to_vec());
        let mut record: Record = stored.0.values().flatten().filter(own).flatten().map(bytes).collect();
        let mine = |it: &&zeni_wire::wrappers::Exchange| {
            it.peer.starts_with("issuer") && super::search::contains(&it.request, request)
        };
        record.extend(crossed.iter().filter(mine).map(|it| it.request.clone()));
        record.extend([request.clone(), content.to_bytes().to_vec()]);
        assert!(record.len() > 3);
        record
    };
    let notes: Vec<Record> = day.opened().iter().map(note).collect();
    let guessed = right_by_shared(&customers, &notes);
    assert!(CHANCE.contains(&guessed), "{guessed} of {TRIALS}");
    assert_eq!(right_by_shared(&day.at_the_bank(), &notes), TRIALS, "control: the bank's rows lead to the customers");
}
