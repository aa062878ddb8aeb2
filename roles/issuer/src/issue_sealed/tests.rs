mod answers;
mod made;

use std::sync::Arc;

use futures::executor::block_on;
use zeni_crypto::PublicKey;
use zeni_message::{Signed, peer::SendError};
use zeni_note::{
    Chain, Right,
    keylist::Way,
    messages::{
        bank::SEALED_ITEMS_MAX,
        issuer::{IssueSealed, IssueSealedRefusal, SealedAnswer, SealedRefusal},
    },
    sealed::{Envelope, KeyMaker},
    testing::{DAY, START, World, amount, key},
};
use zeni_store::{Options, Store};

use crate::{
    Config, Policy, SCHEMA,
    testing::{BANKS, Purse, SEALED, Setup, config},
    tests::dump,
};

const AOBA: &str = BANKS[0];
const MIDORI: &str = BANKS[1];

fn setup() -> Setup {
    block_on(Setup::new(Policy::Refuse))
}

fn setup_with(change: impl FnOnce(&mut Config)) -> Setup {
    let world = World::new("issuer tests");
    let mut config = config(&world, Policy::Refuse);
    change(&mut config);
    let store = Store::open_memory_with(&SCHEMA, Options::inline()).unwrap();
    block_on(Setup::with(world, store, config))
}

fn forward(setup: &Setup, bank: &str, purse: &Purse) -> SealedAnswer {
    block_on(setup.forward_one(bank, purse))
}

fn refused(refusal: SealedRefusal) -> SealedAnswer {
    SealedAnswer::Refused(refusal)
}

fn purse(setup: &Setup, seed: &str, face: u64) -> Purse {
    block_on(setup.purse(AOBA, "taro", seed, face))
}

fn issued(setup: &Setup) -> [u64; 4] {
    let circulation = block_on(setup.issuer.circulation()).unwrap();
    let [aoba, midori] = &circulation[0].banks[..] else { panic!("two banks") };
    [aoba.issued, aoba.outstanding, midori.issued, circulation[0].rows[0]]
}

/// HC-F2.8, HC-F2.9, HC-F2.10, HC-F2.11, HC-F2.13, HC-F2.14, HC-F2.15, HC-F2.16, HC-F7.1, HC-A28, HC-A29, HC-A32, HC-A30, HC-A31, HC-V1, HC-V18, HC-V25: requests that a bank forwards with its signature are opened,
/// compared, registered with their bank and answered under K: a note made out to N_U, with the leave to load it into the slot
/// that was asked for. The books say what the bank holds.
#[test]
fn requests_under_seal_become_notes() {
    let setup = setup();
    let purses = [purse(&setup, "one", 1_000), purse(&setup, "two", 100)];
    let answers = block_on(setup.forward(AOBA, &purses)).unwrap();
    for (purse, answer) in purses.iter().zip(&answers) {
        let (user, issued) = setup.opened(purse, answer).expect("a note under K");
        let note = &issued.note.record;
        assert_eq!((note.holder, note.face, note.way.is_sealed()), (user.public(), purse.content.face, true));
        assert_eq!(issued.ticket.record.nonce, purse.content.slot);
        assert_eq!(issued.ticket.record.note, issued.note.identity(setup.world.network()));
    }
    assert_eq!(issued(&setup), [1_100, 1_100, 0, 2]);
    // beside each note stand its bank's short name, E_I by its digest, and what was sealed
    let origins = |bank: &'static str| {
        let read = move |tx: &mut zeni_store::Tx<'_>| -> Result<usize, zeni_store::JobError<()>> {
            Ok(tx.rows("SELECT bank FROM origin WHERE bank = ?1", zeni_store::params![bank])?.len())
        };
        setup.store.read_blocking(read).unwrap()
    };
    assert_eq!((origins(AOBA), origins(MIDORI)), (2, 0));
    let dump = dump(&setup.store);
    for purse in &purses {
        assert!(
            crate::tests::holds(&dump, &purse.request().0) && crate::tests::holds(&dump, &purse.content.to_bytes())
        );
    }
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-P3, HC-P9: what the bank carries is the same length for any request, shows neither note nor key, and a flipped bit is
/// found; under another wallet's K it opens nothing. Control: untouched, with its own K, it opens.
#[test]
fn a_reply_is_for_its_wallet_alone() {
    let setup = setup();
    let (one, two) = (purse(&setup, "one", 1_000), purse(&setup, "two", 100));
    let answer = forward(&setup, AOBA, &one);
    let SealedAnswer::Issued(reply) = &answer else { panic!("issued") };
    let mut bent = *reply;
    bent[9] ^= 1;
    assert!(setup.opened(&one, &SealedAnswer::Issued(bent)).is_none());
    assert!(setup.opened(&two, &answer).is_none());
    let (_, issued) = setup.opened(&one, &answer).unwrap();
    let contains = |part: &[u8]| reply.windows(part.len()).any(|window| window == part);
    assert!(!contains(&issued.note.signature.0) && !contains(&one.user.public().0));
}

/// HC-X2, HC-P7, HC-F2.9: without the bank's own signature over exactly this request nothing is opened and nothing is issued:
/// unsigned, signed by another bank, for another bank, for another request, altered, or sent over another bank's line. Control:
/// the honest order is answered with a note.
#[test]
fn only_a_banks_own_order_yields_a_note() {
    let setup = setup();
    let (good, other) = (purse(&setup, "one", 500), purse(&setup, "two", 500));
    let before = dump(&setup.store);
    let network = setup.world.network();
    let mut theirs = good.clone();
    theirs.item.order.record.bank = MIDORI.to_owned();
    theirs.item.order = Signed::sign(network, theirs.item.order.record, &setup.bank(AOBA).document);
    let mut swapped = good.clone();
    swapped.item.request.clone_from(&other.item.request);
    for adversary in [&theirs, &swapped] {
        assert_eq!(forward(&setup, AOBA, adversary), refused(SealedRefusal::BadOrder));
    }
    assert_eq!(forward(&setup, MIDORI, &good), refused(SealedRefusal::BadOrder));
    let nobody = block_on(setup.member("nobody", IssueSealed { items: vec![good.item.clone()] }));
    assert!(nobody.is_err());
    assert_eq!(dump(&setup.store), before);

    // what the bank itself brings under no signature of its own is refused once and for all: it releases the money
    let mut unsigned = purse(&setup, "unsigned", 500);
    unsigned.item.order.signature.0[7] ^= 1;
    let mut strangers = purse(&setup, "strangers", 500);
    strangers.item.order = Signed::sign(network, strangers.item.order.record, &key("a stranger"));
    let mut dearer = purse(&setup, "dearer", 500);
    dearer.item.order.record.of.face = amount(1_000);
    for adversary in [&unsigned, &strangers, &dearer] {
        assert_eq!(forward(&setup, AOBA, adversary), refused(SealedRefusal::BadOrder));
        assert_eq!(forward(&setup, AOBA, adversary), refused(SealedRefusal::Void));
    }
    assert_eq!(forward(&setup, AOBA, &purse(&setup, "unsigned", 500)), refused(SealedRefusal::Void));
    assert_eq!(issued(&setup), [0; 4]);

    // many together are verified together: one bad order spoils no other
    let mut bent = purse(&setup, "bent", 500);
    bent.item.order.signature.0[7] ^= 1;
    let together = block_on(setup.forward(AOBA, &[bent, other.clone(), dearer, good.clone()])).unwrap();
    assert_eq!([&together[0], &together[2]], [&refused(SealedRefusal::BadOrder), &refused(SealedRefusal::Void)]);
    assert!(setup.opened(&other, &together[1]).is_some() && setup.opened(&good, &together[3]).is_some());
}

/// HC-X3, HC-P8, HC-F2.11: X, currency, series and epoch are compared inside and outside the seal: a customer who orders 100 and
/// seals 1,000, and a bank that orders 1,000 for a request of 100, get nothing. Control: with both alike there is a note.
#[test]
fn the_face_value_cannot_be_raised_on_the_way() {
    let setup = setup();
    let ordered = |seed: &str, sealed: u64, named: u64| {
        let mut purse = purse(&setup, seed, sealed);
        purse.item.order.record.of.face = amount(named);
        let order = purse.item.order.record.clone();
        purse.item.order = Signed::sign(setup.world.network(), order, &setup.bank(AOBA).document);
        purse
    };
    let before = dump(&setup.store);
    assert_eq!(forward(&setup, AOBA, &ordered("customer", 1_000, 100)), refused(SealedRefusal::OtherAmount));
    assert_eq!(forward(&setup, AOBA, &ordered("bank", 100, 1_000)), refused(SealedRefusal::OtherAmount));
    assert_eq!(dump(&setup.store), before);
    let honest = ordered("honest", 100, 100);
    let (_, issued) = setup.opened(&honest, &forward(&setup, AOBA, &honest)).unwrap();
    assert_eq!(issued.note.record.face, amount(100));
}

/// HC-X4, HC-F2.10: a request that does not open, of another length, sealed for another key, or not with the coins of its
/// content: refused. Were such coins taken, nobody could show later which request was whose (HC-O2).
#[test]
fn a_request_is_sealed_the_one_way_it_can_be() {
    let setup = setup();
    let resigned = |mut purse: Purse, request: Vec<u8>| {
        purse.item.order.record.of.request = Envelope::digest(&request);
        let order = purse.item.order.record.clone();
        purse.item.order = Signed::sign(setup.world.network(), order, &setup.bank(AOBA).document);
        purse.item.request = request;
        purse
    };
    let good = purse(&setup, "one", 500);
    let mut bent = good.item.request.clone();
    *bent.last_mut().unwrap() ^= 1;
    let short = good.item.request[..good.item.request.len() - 1].to_vec();
    let other_key = zeni_crypto::seal::SealKeyPair::from_seed([9; 32]);
    let (info, aad) = (b"zeni/sealed-request", setup.world.network().0.0);
    let elsewhere = other_key.public().seal_with_coins_of(&good.content.k, info, &aad, &good.content.to_bytes());
    // the adversary's own coins: it opens well, and nobody could ever seal it again
    let sealing = block_on(setup.issuer.lists()).unwrap().sealing(1).unwrap();
    let mut entropy = zeni_crypto::SeededEntropy::from_number(4);
    let own_coins = sealing.pair.public().seal(info, &aad, &good.content.to_bytes(), &mut entropy);
    assert!(sealing.pair.open(info, &aad, &own_coins).is_ok());
    let before = dump(&setup.store);
    for request in [bent, short, elsewhere, own_coins, Vec::new()] {
        assert_eq!(forward(&setup, AOBA, &resigned(good.clone(), request)), refused(SealedRefusal::Sealed));
    }
    assert_eq!(dump(&setup.store), before);
    assert!(setup.opened(&good, &forward(&setup, AOBA, &good)).is_some());
}

/// HC-X6, HC-F2.13, HC-V8, HC-O22: another request for a number that is taken, while its note is out and after it came back,
/// through the same bank or another: refused; the note and its balance stay as they are.
#[test]
fn a_number_is_issued_once() {
    let setup = setup();
    let one = purse(&setup, "one", 500);
    let first = forward(&setup, AOBA, &one);
    let (user, issued) = setup.opened(&one, &first).unwrap();
    let mut content = one.content.clone();
    content.k = [3; 32];
    let again = |bank: &str| block_on(setup.sealed(bank, user.clone(), content.clone()));
    let before = dump(&setup.store);
    for bank in BANKS {
        assert_eq!(forward(&setup, bank, &again(bank)), refused(SealedRefusal::Registered));
        // the very same request, ordered by a bank that never paid for it
        let same = block_on(setup.sealed(bank, user.clone(), one.content.clone()));
        let expected = if bank == AOBA { first.clone() } else { refused(SealedRefusal::Registered) };
        assert_eq!(forward(&setup, bank, &same), expected);
    }
    assert_eq!(dump(&setup.store), before);
    let chain = Chain { note: issued.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let item = setup.deposit(&chain, &user, AOBA, "d");
    block_on(setup.give_back(AOBA, "b", vec![item])).unwrap();
    let before = dump(&setup.store);
    for bank in BANKS {
        assert_eq!(forward(&setup, bank, &again(bank)), refused(SealedRefusal::Registered));
    }
    assert_eq!(dump(&setup.store), before);
}

/// HC-V7, HC-O16: several live notes of the same X under one key, told apart by TM.
#[test]
fn one_key_holds_several_notes() {
    let setup = setup();
    let one = purse(&setup, "one", 500);
    let mut content = one.content.clone();
    content.tm = [1; 16].into();
    content.k = [4; 32];
    let two = block_on(setup.sealed(AOBA, one.user.clone(), content));
    let notes = [one, two].map(|purse| setup.opened(&purse, &forward(&setup, AOBA, &purse)).unwrap().1.note.record);
    assert_eq!(notes[0].holder, notes[1].holder);
    assert_ne!(notes[0].serial, notes[1].serial);
    assert_eq!(issued(&setup), [1_000, 1_000, 0, 2]);
}

/// HC-V2, HC-V3: a series that hides N_U: the note shows g of X and key, and is found by the key that is shown when it is spent.
#[test]
fn a_series_hides_its_keys() {
    let setup = setup_with(|config| config.series[1].way = Way::SealedHidden);
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "one", 500));
    assert_eq!(chain.note.record.holder, zeni_note::spec::g(amount(500), &user.public()));
    let item = setup.deposit(&chain, &user, AOBA, "d");
    let answer = block_on(setup.give_back(AOBA, "b", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [zeni_note::messages::issuer::Outcome::Paid]);
    assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-X4: a key that is not canonical and of prime order, to which anybody could find signatures: refused.
#[test]
fn bad_keys_get_no_note() {
    let setup = setup();
    let (user, mut content) = setup.content("one", 500);
    content.holder = KeyMaker::User(PublicKey([0; 32]));
    let purse = block_on(setup.sealed(AOBA, user, content));
    assert_eq!(forward(&setup, AOBA, &purse), refused(SealedRefusal::BadKey));
}

/// HC-F2.12, HC-R1: what a bank takes no part in is refused: a registered series, another face value, an epoch without a list, and, HC-X45,
/// at once what its operator took out; notes that are out already come back as before.
#[test]
fn banks_issue_what_they_take_part_in() {
    let setup = setup();
    let with = |change: &dyn Fn(&mut zeni_note::sealed::SealedContent)| {
        let (user, mut content) = setup.content("one", 500);
        let envelope = block_on(setup.envelope(1));
        change(&mut content);
        let request = envelope.seal(&content);
        let of = content.ordered(Envelope::digest(&request));
        let order = zeni_note::sealed::IssuanceOrder { bank: AOBA.to_owned(), of, issuer_made: None };
        let order = Signed::sign(setup.world.network(), order, &setup.bank(AOBA).document);
        Purse { user, content, item: zeni_note::messages::issuer::SealedIssue { order, request } }
    };
    let unknown = [
        with(&|content| content.series = 1),
        with(&|content| content.series = 9),
        with(&|content| content.face = amount(250)),
        with(&|content| content.epoch = 7),
        with(&|content| content.currency = zeni_money::Currency::from_code("USD").unwrap()),
    ];
    for purse in &unknown {
        assert_eq!(forward(&setup, AOBA, purse), refused(SealedRefusal::UnknownSeries));
    }
    let (user, chain) = block_on(setup.sealed_note(AOBA, "taro", "before", 500));
    let mut config = setup.issuer.config().clone();
    config.banks[0].sealed.clear();
    let revoked = block_on(Setup::with(World::new("issuer tests"), setup.store.clone(), config));
    // the second issuer of the test draws from the same seed: go on where the first one stands
    (0..64).for_each(|_| revoked.issuer.entropy.bytes::<32>().fill(0));
    let late = block_on(revoked.purse(AOBA, "taro", "late", 500));
    // a note that was issued before is still answered: its bank has debited a customer for it
    let repeated = block_on(revoked.purse(AOBA, "taro", "before", 500));
    assert!(revoked.opened(&repeated, &forward(&revoked, AOBA, &repeated)).is_some());
    assert_eq!(forward(&revoked, AOBA, &late), refused(SealedRefusal::UnknownSeries));
    // once refused for the time being, a request is void even if the bank takes part again: its money is released
    let void = forward(&setup, AOBA, &block_on(setup.purse(AOBA, "taro", "late", 500)));
    assert_eq!(void, refused(SealedRefusal::Void));
    let other = block_on(revoked.purse(MIDORI, "taro", "other", 500));
    assert!(revoked.opened(&other, &forward(&revoked, MIDORI, &other)).is_some());
    let item = revoked.deposit(&chain, &user, MIDORI, "d");
    let answer = block_on(revoked.give_back(MIDORI, "b", vec![item])).unwrap();
    assert_eq!(answer.record.outcomes, [zeni_note::messages::issuer::Outcome::Paid]);
    assert_eq!(block_on(revoked.issuer.audit()).unwrap().violations, Vec::<String>::new());
}

/// HC-F2.8: a message holds 1 to 256 requests.
#[test]
fn a_message_has_its_size() {
    let setup = setup();
    let one = purse(&setup, "one", 100);
    for found in [0, SEALED_ITEMS_MAX + 1] {
        let items = vec![one.item.clone(); found];
        let expected = IssueSealedRefusal::BatchSize { found: u32::try_from(found).unwrap(), max: 256 };
        assert_eq!(block_on(setup.member(AOBA, IssueSealed { items })), Err(SendError::Refused(expected)));
    }
}

/// HC-V27: the sections of an issuer are several processes over one store: what one issued another takes back, each gives the other's stored
/// answers, a note overspent through both is found, and a third does the rounds.
#[test]
fn sections_may_be_separate_processes() {
    let issuing = setup();
    let redeeming = answers::restarted(&issuing, |_| {});
    let rounds = answers::restarted(&redeeming, |_| {});
    (0..64).for_each(|_| rounds.issuer.entropy.bytes::<32>().fill(0));
    let purse = purse(&issuing, "one", 500);
    block_on(rounds.envelope(1));
    rounds.desk(AOBA).ordered(purse.request(), "Taro");
    let answer = forward(&issuing, AOBA, &purse);
    assert_eq!(forward(&redeeming, AOBA, &purse), answer);
    let (user, note) = issuing.opened(&purse, &answer).unwrap();
    let chain = Chain { note: note.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
    let item = |word: &str| {
        let paid = issuing.world.pay(&chain, &user, &key(word), 300, word);
        issuing.deposit(&paid, &key(word), MIDORI, word)
    };
    let (first, second) = (item("x"), item("y"));
    let taken = block_on(redeeming.give_back(MIDORI, "b1", vec![first.clone()])).unwrap();
    assert_eq!(block_on(issuing.give_back(MIDORI, "b1", vec![first])).unwrap(), taken);
    block_on(issuing.give_back(MIDORI, "b2", vec![second])).unwrap();
    block_on(rounds.settle_down());
    assert_eq!(rounds.desk(AOBA).names(), ["Taro"]);
    for setup in [&issuing, &redeeming, &rounds] {
        assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].state, "identified");
        assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    }
}

/// DESIGN §6: the way under seal comes to the same on every engine.
#[test]
fn notes_under_seal_run_on_every_engine() {
    for store in zeni_store::testing::engines(&SCHEMA) {
        let world = World::new("issuer tests");
        let config = config(&world, Policy::Refuse);
        let setup = block_on(Setup::with(world, store, config));
        let purses: Vec<Purse> = (0..3).map(|at| purse(&setup, &format!("p{at}"), 100)).collect();
        let answers = block_on(setup.forward(AOBA, &purses)).unwrap();
        assert_eq!(block_on(setup.forward(AOBA, &purses)).unwrap(), answers);
        let (user, issued) = setup.opened(&purses[0], &answers[0]).unwrap();
        let chain = Chain { note: issued.note, holder: Right::Unlicensed(user.public()), hops: Vec::new() };
        let shops = ["x", "y"].map(|word| {
            let shop: Arc<_> = Arc::new(key(word));
            let paid = setup.world.pay(&chain, &user, &shop, 70, word);
            setup.deposit(&paid, &shop, MIDORI, word)
        });
        block_on(setup.give_back(MIDORI, "b", shops.to_vec())).unwrap();
        block_on(setup.settle_down());
        assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].state, "identified");
        block_on(setup.issuer.settle()).unwrap();
        assert_eq!(block_on(setup.issuer.audit()).unwrap().violations, Vec::<String>::new());
    }
}
