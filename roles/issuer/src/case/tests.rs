use futures::executor::block_on;
use zeni_message::Signed;
use zeni_note::{
    OverspendingProof,
    messages::issuer::Outcome,
    proof::{Child, Equation},
    testing::{DAY, START, amount},
};

use crate::{
    Policy,
    testing::{BANKS, Setup},
};

const AOBA: &str = BANKS[0];

fn overspent(setup: &Setup, spoil: impl Fn(&mut zeni_note::Chain)) -> Vec<Outcome> {
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let mut chain = block_on(setup.note(&ueda, 500, "n1"));
    spoil(&mut chain);
    let items = [(450, "a"), (30, "b"), (200, "c")].map(|(value, word)| {
        let paid = setup.world.pay(&chain, &ueda, &shop, value, word);
        setup.deposit(&paid, &shop, AOBA, word)
    });
    block_on(setup.give_back(AOBA, "b1", items.to_vec())).unwrap().record.outcomes
}

/// RN-F8.1, F8.2, RN-D17: the exported proof is signed by the issuer, verifies by itself and holds the smallest set.
#[test]
fn the_proof_is_a_document_with_the_smallest_set() {
    let setup = block_on(Setup::new(Policy::Refuse));
    overspent(&setup, |_| {});
    block_on(setup.settle_down());
    let exports = block_on(setup.issuer.export_proofs()).unwrap();
    assert_eq!(exports.len(), 1);
    let signed: Signed<OverspendingProof> = Signed::from_document(&exports[0].document).unwrap();
    let proof = signed.verify(setup.world.network(), &setup.world.roots.issuer).unwrap();
    let convicted = proof.record().verify(&setup.world.roots).unwrap();
    assert_eq!(convicted.key(), setup.person("ueda").public());
    assert_eq!((convicted.held(), convicted.signed()), (amount(500), amount(650)));
    assert_eq!(proof.record().children.len(), 2);
}

/// A bank that returns a note under a spoilt signature cannot spoil the evidence: the register knows notes by content.
#[test]
fn a_spoilt_note_signature_spoils_no_proof() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let found = overspent(&setup, |chain| chain.note.signature.0[3] ^= 1);
    assert_eq!(found[0], Outcome::Paid);
    block_on(setup.settle_down());
    let cases = block_on(setup.issuer.cases()).unwrap();
    assert_eq!(cases[0].state, "disclosed");
}

/// Somebody whom the authority does not know pays the same 500 yen twice, and both come back.
fn a_ghost_overspends(setup: &Setup) {
    let (ghost, shop) = (zeni_note::testing::key("ghost"), setup.person("shop"));
    let chain = block_on(setup.note(&ghost, 500, "n1"));
    let items = ["a", "b"].map(|word| {
        let paid = setup.world.pay(&chain, &ghost, &shop, 500, word);
        setup.deposit(&paid, &shop, AOBA, word)
    });
    block_on(setup.give_back(AOBA, "b1", items.to_vec())).unwrap();
}

/// RN-X39: a key that the authority does not know is an alarm there; the case stays without a name and claims stay held.
#[test]
fn an_unknown_key_releases_no_name() {
    let setup = block_on(Setup::new(Policy::Refuse));
    a_ghost_overspends(&setup);
    block_on(setup.settle_down());
    let cases = block_on(setup.issuer.cases()).unwrap();
    assert_eq!((cases[0].state.as_str(), cases[0].name.clone()), ("refused", None));
    let told = block_on(setup.member(AOBA, zeni_note::messages::issuer::GetDecisions { after: 0 })).unwrap();
    assert_eq!(told, []);
}

/// HC-O8, HC-P21, RN-X39: a refused case whose claim is still open serves no term: whoever decides the claim finds what it is about.
#[test]
fn a_case_stays_while_its_claim_is_open() {
    let most = amount(1_000_000);
    let setup =
        block_on(Setup::new(Policy::Capped { per_key: most, per_person: most, per_issuer_day: most, cutoff: 86_400 }));
    a_ghost_overspends(&setup);
    let states = || {
        block_on(setup.settle_down());
        block_on(setup.issuer.cases()).unwrap().into_iter().map(|case| case.state).collect::<Vec<_>>()
    };
    assert_eq!(states(), ["refused"]);
    setup.clock.put(START.plus(500 * DAY));
    assert_eq!(states(), ["refused"], "the claim is open");
    let decide = |tx: &mut zeni_store::Tx<'_>| -> Result<u64, zeni_store::JobError<()>> {
        Ok(tx.execute("UPDATE claim SET state = 'decided'", &[])?)
    };
    assert_eq!(setup.store.write_blocking(zeni_store::Caller::default(), decide).unwrap(), 1);
    assert!(states().is_empty(), "control");
}

/// DESIGN §5 "Trace": whoever can name keys is asked side by side: an answer that waits for nothing does not wait for another.
#[test]
fn questions_are_asked_side_by_side() {
    let (send, receive) = futures::channel::oneshot::channel::<u32>();
    let first: std::pin::Pin<Box<dyn Future<Output = u32>>> = Box::pin(async { receive.await.unwrap() });
    let second: std::pin::Pin<Box<dyn Future<Output = u32>>> = Box::pin(async {
        send.send(1).unwrap();
        2
    });
    // one after the other this would never end
    assert_eq!(block_on(super::ask::all([first, second].into_iter())), [1, 2]);
    let none: [std::future::Ready<u32>; 0] = [];
    assert_eq!(block_on(super::ask::all(none.into_iter())), [0; 0]);
}

/// RN-F8.4: a case is disclosed once, however often rounds are done, and revocation reaches the issuer's own checks.
#[test]
fn a_case_is_disclosed_once() {
    let setup = block_on(Setup::new(Policy::Refuse));
    overspent(&setup, |_| {});
    for _ in 0..3 {
        block_on(setup.settle_down());
    }
    assert_eq!(setup.registrar.disclosures.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
}

/// DESIGN §4: a payment whose signature passes ZIP 215 only counts, and its proof says so and still verifies.
#[test]
fn a_signature_that_only_the_batch_accepts_is_marked() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let mut odd = setup.world.pay(&chain, &ueda, &shop, 500, "odd");
    let message = odd.walk(&setup.world.roots).unwrap().checks[1].message.clone();
    odd.hops[0].signature = crate::tests::sign_for_zip215_only(&ueda, &message);
    assert!(ueda.public().verify(&message, &odd.hops[0].signature).is_err());
    let plain = setup.world.pay(&chain, &ueda, &shop, 300, "plain");
    let items = vec![setup.deposit(&odd, &shop, AOBA, "d1"), setup.deposit(&plain, &shop, AOBA, "d2")];
    let answer = block_on(setup.give_back(AOBA, "b1", items)).unwrap();
    assert_eq!(answer.record.outcomes[0], Outcome::Paid);
    block_on(setup.settle_down());
    let exports = block_on(setup.issuer.export_proofs()).unwrap();
    let proof: Signed<OverspendingProof> = Signed::from_document(&exports[0].document).unwrap();
    assert!(proof.record.verify(&setup.world.roots).is_ok());
    let marked = |child: &Child| matches!(child, Child::Endorsement { equation: Equation::Zip215, .. });
    assert_eq!(proof.record.children.iter().filter(|child| marked(child)).count(), 1);
    assert_eq!(block_on(setup.issuer.cases()).unwrap()[0].name.as_deref(), Some("ueda"));
}

/// RN-F8: a round says how many cases it brought on, so that whoever runs rounds knows when all is done.
#[test]
fn a_round_counts_what_it_did() {
    let setup = block_on(Setup::new(Policy::Refuse));
    overspent(&setup, |_| {});
    let round = || block_on(setup.issuer.tick()).unwrap();
    let first = round();
    assert_eq!((first.cases, first.decisions, first.more), (2, 1, true), "proven and disclosed; one claim");
    let second = round();
    assert_eq!((second.cases, second.decisions, second.more), (0, 0, false));
}

/// RN-X39: a proof that the authority refuses is done with, too: it is sent once.
#[test]
fn a_refused_case_is_at_rest() {
    let setup = block_on(Setup::new(Policy::Refuse));
    a_ghost_overspends(&setup);
    let cases = [0, 1].map(|_| block_on(setup.issuer.tick()).unwrap().cases);
    assert_eq!(cases, [2, 0]);
}

/// RN-F8.2, RN-X38: children that come to exactly what was held prove nothing; the proof holds one more.
#[test]
fn a_proof_exceeds_what_was_held() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let (ueda, shop) = (setup.person("ueda"), setup.person("shop"));
    let chain = block_on(setup.note(&ueda, 500, "n1"));
    let items = [(300, "a"), (200, "b"), (100, "c")].map(|(value, word)| {
        let paid = setup.world.pay(&chain, &ueda, &shop, value, word);
        setup.deposit(&paid, &shop, AOBA, word)
    });
    block_on(setup.give_back(AOBA, "b1", items.to_vec())).unwrap();
    block_on(setup.settle_down());
    let exports = block_on(setup.issuer.export_proofs()).unwrap();
    let proof: Signed<OverspendingProof> = Signed::from_document(&exports[0].document).unwrap();
    assert_eq!(proof.record.verify(&setup.world.roots).unwrap().signed(), amount(600));
}

/// RN-F8: cases that cannot be proved keep no other waiting, however many there are.
#[test]
fn cases_without_proof_starve_no_other() {
    let setup = block_on(Setup::new(Policy::Refuse));
    let job = |tx: &mut zeni_store::Tx<'_>| -> crate::Done<()> {
        for number in 1..=2 * super::CASES_OF_ROUND {
            let (mut node, serial, holder) = ([0; 32], [7; 16], [8; 32]);
            node[1..5].copy_from_slice(&number.to_be_bytes());
            tx.execute(crate::schema::INSERT_CASE, zeni_store::params![node, 1u32, 1u32, serial, holder, 0u32])?;
        }
        Ok(())
    };
    block_on(setup.store.write(zeni_store::Caller::default(), job)).unwrap();
    overspent(&setup, |_| {});
    for _ in 0..4 {
        block_on(setup.issuer.tick()).unwrap();
    }
    let named = block_on(setup.issuer.cases()).unwrap().into_iter().filter_map(|case| case.name);
    assert_eq!(named.collect::<Vec<_>>(), ["ueda"]);
}

/// RN-F8: a proof of more children than a message carries is not stored as one; what fits is.
#[test]
fn a_proof_fits_into_its_message() {
    let setup = block_on(Setup::new(Policy::Refuse));
    overspent(&setup, |_| {});
    block_on(setup.settle_down());
    let exports = block_on(setup.issuer.export_proofs()).unwrap();
    let mut proof = Signed::<OverspendingProof>::from_document(&exports[0].document).unwrap().record;
    assert!(super::sendable(&proof).is_some());
    let child = proof.children[0].clone();
    proof.children = std::iter::repeat_n(child, 100_000).collect();
    assert!(super::sendable(&proof).is_none());
}

/// RN-F8.2: a proof is sent as long as both messages that carry it stay within the limit of one, to the byte.
#[test]
fn the_largest_proof_fits_into_its_messages() {
    use zeni_message::{encode, limits::MESSAGE_BYTES_MAX};
    let setup = block_on(Setup::new(Policy::Refuse));
    overspent(&setup, |_| {});
    block_on(setup.settle_down());
    let exports = block_on(setup.issuer.export_proofs()).unwrap();
    let proof = Signed::<OverspendingProof>::from_document(&exports[0].document).unwrap().record;
    let shop = setup.person("shop");
    let sized = |bytes: usize| {
        let filler = |length: usize| {
            let mut to = setup.world.account(AOBA, "A-1", "filler");
            to.bank = "x".repeat(length);
            let hand_in = setup.world.hand_in(&[], &shop, to);
            Child::Taking { hand_in, index: 0, path: Vec::new(), equation: Equation::Strict }
        };
        let child = proof.children[0].clone();
        let count = (bytes - 30_000) / encode(&child).len();
        let mut large = proof.clone();
        large.children = std::iter::repeat_n(child, count).collect();
        large.children.push(filler(1_000));
        let missing = bytes - encode(&large).len();
        *large.children.last_mut().unwrap() = filler(1_000 + missing);
        assert_eq!(encode(&large).len(), bytes);
        large
    };
    let largest = sized(MESSAGE_BYTES_MAX - 64);
    assert!(super::sendable(&largest).is_some());
    assert!(super::sendable(&sized(MESSAGE_BYTES_MAX - 63)).is_none());
    let asked = zeni_note::messages::authority::SamePerson { proof: largest, payee: shop.public() };
    assert!(encode(&asked).len() <= MESSAGE_BYTES_MAX);
}
