//! Names against proofs, and against nothing else. The issuer of these tests is malicious where it can be.

mod dated;
mod held;

use std::sync::Arc;

use zeni_message::{
    Message, Role, Signed,
    peer::{SendError, Transport},
    route::{Caller, MemoryTransport},
};
use zeni_note::{
    OverspendingProof, Right,
    messages::bank::{Identification, IdentifyOverspender, IdentifyRefusal, SealedOutcome, WithdrawSealedRefusal},
    proof::{Child, Held},
    sealed::{Certified, Identified, IdentifiedFault, IssuerMadeKeys, KeyMaker, WithdrawalOrder},
    testing::{amount, key},
};
use zeni_store::WriteError;

use super::{IdentificationOutcome as Outcome, LiftRefusal};
use crate::testing::{OPENING, Town, account_key, now, refusal};

fn outcomes(town: &Town) -> Vec<Outcome> {
    town.cases().log.iter().map(|entry| entry.outcome).collect()
}

/// HC-F5.3, F5.4, F5.5, F5.6, HC-A18, A20, A21, HC-P4, HC-P15, HC-D18, D19, HC-V31: a true proof names the right customer in the
/// bank's case file, with documents that a third party can check by himself; the issuer learns no name.
#[test]
fn a_true_proof_names_the_customer() {
    let mut town = Town::new();
    let (cheat, chain) = town.issued("A-2", "cheat", 1_000);
    town.issued("A-1", "honest", 1_000);
    assert!(town.cases().cases.is_empty(), "nothing before the evidence (HC-A21)");
    let question = town.question(&cheat, &chain, &[600, 600]);
    assert_eq!(town.identify(&question), Ok(Identification::Identified));
    let report = town.cases();
    let case = &report.cases[0];
    assert_eq!((case.account.as_str(), case.name.as_str()), ("A-2", "person A-2"));
    assert_eq!((case.held.as_str(), case.signed.as_str()), ("JPY:1000", "JPY:1200"));
    assert_eq!((report.suspended, report.broken_at), (vec!["A-2".to_owned()], None));

    let document = Signed::<Identified>::from_document(&case.document).expect("a document");
    let lists = town.desk().lists.clone();
    let list = |epoch| lists.iter().map(|list| &list.record).find(|list| list.epoch == epoch);
    let (roots, bank) = (&town.world.roots, town.issuer.document());
    document.verify(roots.network, &bank).expect("the bank's signature");
    let evidence = document.record.verify(roots, list, IssuerMadeKeys::Refused).expect("the whole way");
    assert_eq!(evidence.convicted.signed(), amount(1_200));
    assert_eq!(document.record.order.record.account, "A-2");
    assert_eq!(document.record.account_key, account_key("A-2"));
    let mut other = document.record.clone();
    other.order = town.purse("A-1", "honest", 1_000).item.order;
    assert_eq!(
        other.verify(roots, list, IssuerMadeKeys::Refused).map(drop),
        Err(IdentifiedFault::OtherRequest),
        "nobody else's order fits"
    );

    let mut unsigned = document.record.clone();
    unsigned.order.signature.0[0] ^= 1;
    assert_eq!(unsigned.verify(roots, list, IssuerMadeKeys::Refused).map(drop), Err(IdentifiedFault::NotSigned));
    let mut bare = document.record;
    bare.content = [0; 117].into();
    let fault = IdentifiedFault::Evidence(IdentifyRefusal::OtherNote);
    assert_eq!(bare.verify(roots, list, IssuerMadeKeys::Refused).map(drop), Err(fault));

    let before = town.dump();
    town.restart();
    assert_eq!(town.identify(&question), Ok(Identification::Identified));
    let more = town.question(&cheat, &chain, &[600, 600, 600]);
    assert_eq!(town.identify(&more), Ok(Identification::Identified));
    assert_eq!(town.dump(), before, "one case for one note");
    town.sound();
}

/// Whether a third party takes a case's account key for the one that the customer enrolled.
fn checked(town: &Town, case: &Identified) -> Result<(), IdentifiedFault> {
    let trust = zeni_identity::Trust::from_pem(&town.root().certificate_pem()).expect("a root");
    case.check_account_key(|pem, at| {
        let identity = trust.verify_chain(pem, at).ok()?;
        let (bank, account) = identity.party().customer()?;
        let account_key = zeni_crypto::Digest(*identity.account_key()?.digest());
        Some(Certified { bank: bank.into(), account: account.into(), account_key })
    })
}

/// HC-O3, HC-P15, HC-P16, HC-P24: a bank that frames a customer signs an order in his name with a key of its own. Whoever checks the case
/// sees that it is not the key with which he enrolled, whichever certificate the bank shows: his own, that of another, or none.
/// Controls: the true case passes, and without the certificate the framed one does too.
#[test]
fn a_bank_cannot_foist_an_account_key() {
    let town = Town::new();
    let (cheat, chain) = town.issued("A-2", "cheat", 1_000);
    assert_eq!(town.identify(&town.question(&cheat, &chain, &[600, 600])), Ok(Identification::Identified));
    let genuine = Signed::<Identified>::from_document(&town.cases().cases[0].document).expect("a document").record;
    assert_eq!(checked(&town, &genuine), Ok(()), "control");

    let (bank, roots) = (key("a key of the bank"), &town.world.roots);
    let framed = |account: &str, certificate: &str| {
        let record = WithdrawalOrder { account: account.into(), ..genuine.order.record.clone() };
        let order = Signed::sign(roots.network, record, &bank);
        Identified { order, account_key: bank.public(), certificate: certificate.into(), ..genuine.clone() }
    };
    let victims = town.enrol("A-1", account_key("A-1")).chain;
    let lists = town.desk().lists.clone();
    let list = |epoch| lists.iter().map(|list| &list.record).find(|list| list.epoch == epoch);
    let case = framed("A-1", &victims);
    assert!(case.verify(roots, list, IssuerMadeKeys::Refused).is_ok(), "control: without the certificate");
    assert_eq!(checked(&town, &case), Err(IdentifiedFault::OtherKey));
    assert_eq!(checked(&town, &framed("A-1", &genuine.certificate)), Err(IdentifiedFault::Certificate));
    assert_eq!(checked(&town, &framed("A-1", "")), Err(IdentifiedFault::Certificate));
    let cut = victims.split_inclusive("-----END CERTIFICATE-----").next().expect("the first");
    assert_eq!(checked(&town, &framed("A-1", cut)), Err(IdentifiedFault::Certificate), "nothing leads to the root");
}

/// HC-P16, HC-X39, HC-F5.4, HC-A20: a malicious issuer asks with too little, one payment twice, an altered amount, another's key
/// with the victim's request, a bare request: nothing is looked up, nobody named, each attempt is logged; as a control a true
/// proof opens.
#[test]
fn a_malicious_issuer_learns_and_starts_nothing() {
    let town = Town::new();
    let (victim, chain) = town.issued("A-1", "victim", 1_000);
    let (stooge, foreign) = town.issued("A-2", "stooge", 1_000);
    let honest = town.question(&victim, &chain, &[600, 400]);
    let with = |children: Vec<Child>| {
        let proof = OverspendingProof { children, ..honest.proof.clone() };
        IdentifyOverspender { proof, ..honest.clone() }
    };
    let one = honest.proof.children[0].clone();
    let mut raised = honest.proof.children.clone();
    if let Child::Endorsement { endorsement, .. } = &mut raised[1] {
        endorsement.amount = amount(500);
    }
    let forged = town.child(&chain, &town.world.issuer, 1_000, "forged");
    let overspent = town.question(&stooge, &foreign, &[600, 600]);
    let mut grafted = victim.content.clone();
    grafted.holder = KeyMaker::User(stooge.user().public());
    let other_licence = Right::Licensed(town.world.licence(victim.user().public()));
    let attempts = [
        (honest.clone(), IdentifyRefusal::NoProof),
        (with(vec![one.clone(), one.clone()]), IdentifyRefusal::NoProof),
        (with(raised), IdentifyRefusal::NoProof),
        (with(vec![one, forged]), IdentifyRefusal::NoProof),
        (IdentifyOverspender { content: honest.content, ..overspent.clone() }, IdentifyRefusal::OtherNote),
        (IdentifyOverspender { content: [0; 117].into(), ..overspent.clone() }, IdentifyRefusal::OtherNote),
        (
            IdentifyOverspender { content: made_by_issuer(&victim.content), ..overspent.clone() },
            IdentifyRefusal::KeyMaker,
        ),
        (
            IdentifyOverspender {
                proof: OverspendingProof { right: other_licence, ..town.question(&victim, &chain, &[1]).proof },
                ..honest.clone()
            },
            IdentifyRefusal::NoProof,
        ),
    ];
    let (accounts, orders) = (town.table("account"), town.table("sealed_order"));
    for (attempt, (question, refused)) in attempts.iter().enumerate() {
        assert_eq!(refusal(town.identify(question)), *refused, "attempt {attempt}");
        assert_eq!(refusal(town.identify(question)), *refused, "attempt {attempt} again");
        assert!(town.cases().cases.is_empty());
    }
    // another's N_U in the victim's content leads to another request, which nobody ordered
    let grafted_note = grafted.note(zeni_note::keylist::Way::Sealed, &stooge.user().public());
    let note = Signed::sign(town.world.network(), grafted_note, &town.world.issuer);
    let false_chain = zeni_note::Chain { note, ..foreign.clone() };
    let question =
        IdentifyOverspender { content: grafted.to_bytes().into(), ..town.question(&stooge, &false_chain, &[600, 600]) };
    assert_eq!(town.identify(&question), Ok(Identification::Unknown));
    let report = town.cases();
    assert_eq!((report.log.len(), report.suspended.len()), (attempts.len() + 1, 0));
    assert_eq!((town.table("account"), town.table("sealed_order")), (accounts, orders));
    town.sound();
    assert_eq!(town.identify(&overspent), Ok(Identification::Identified), "control: a true proof");
    assert_eq!(town.cases().cases[0].account, "A-2");
}

fn made_by_issuer(content: &zeni_note::sealed::SealedContent) -> minicbor::bytes::ByteArray<117> {
    let mut made = content.clone();
    made.holder = KeyMaker::Issuer;
    made.to_bytes().into()
}

/// HC-F5.4: a licensed overspender is the authority's; a bank names nobody.
#[test]
fn a_licensed_key_is_not_the_banks() {
    let town = Town::new();
    let cheat = key("licensed cheat");
    let chain = town.world.note(&cheat, 1_000, "licensed");
    let children = [600, 600].iter().enumerate();
    let children = children.map(|(n, value)| town.child(&chain, &cheat, *value, &format!("shop {n}"))).collect();
    let proof = OverspendingProof { held: Held::Note(chain.note.clone()), children, right: chain.holder };
    let (victim, _) = town.issued("A-1", "victim", 1_000);
    let question = IdentifyOverspender { proof, content: victim.content.to_bytes().into() };
    assert_eq!(refusal(town.identify(&question)), IdentifyRefusal::NotSealed);
    assert_eq!(outcomes(&town), [Outcome::NotSealed]);
}

/// HC-F6.1, F6.2, F6.3, HC-O6: a request without a key is withdrawn for as any other. Where the issuer made the key, it could show anybody's content with a key of its own. The bank names nobody on
/// that; as a control, a bank whose operator accepts it names the victim whom the issuer chose.
#[test]
fn keys_that_the_issuer_made_name_nobody() {
    let accepted = |accepted: IssuerMadeKeys| {
        let mut town = Town::new();
        town.accept_issuer_made(accepted);
        let mut victim = town.purse("A-1", "victim", 1_000);
        victim.content.holder = KeyMaker::Issuer;
        victim.item = town.ordered("A-1", "victim", &victim.content);
        town.desk().makes_keys = Some(key("made for the victim").public());
        let states = town.withdraw_sealed("A-1", std::slice::from_ref(&victim)).expect("heard");
        assert!(matches!(states[0].outcome, SealedOutcome::Issued(_)));
        assert_eq!((town.balances("A-1"), town.outstanding()), ((OPENING - 1_000, 0), 1_000));
        // the issuer signs a note to a key of its own, and overspends it
        let own = key("the issuer's own");
        let note = victim.content.note(zeni_note::keylist::Way::Sealed, &own.public());
        let note = Signed::sign(town.world.network(), note, &town.world.issuer);
        let holder = Right::Unlicensed(own.public());
        let chain = zeni_note::Chain { note, holder, hops: Vec::new() };
        let children = (0..2).map(|n| town.child(&chain, &own, 600, &format!("shop {n}"))).collect();
        let proof = OverspendingProof { held: Held::Note(chain.note), children, right: chain.holder };
        let question = IdentifyOverspender { proof, content: victim.content.to_bytes().into() };
        let answer = town.identify(&question);
        (answer, town.cases().cases.len())
    };
    let (answer, cases) = accepted(IssuerMadeKeys::Refused);
    assert_eq!((refusal(answer), cases), (IdentifyRefusal::KeyMaker, 0));
    assert_eq!(accepted(IssuerMadeKeys::Accepted), (Ok(Identification::Identified), 1));
}

/// HC-X40, HC-X41, HC-P5: a proof that leads to a request nobody ordered here names nobody, and is told as such.
#[test]
fn a_request_of_another_bank_is_unknown() {
    let town = Town::new();
    let purse = town.purse("A-1", "elsewhere", 1_000);
    let note = purse.content.note(zeni_note::keylist::Way::Sealed, &purse.user().public());
    let note = Signed::sign(town.world.network(), note, &town.world.issuer);
    let chain = zeni_note::Chain { note, holder: Right::Unlicensed(purse.user().public()), hops: Vec::new() };
    let question = town.question(&purse, &chain, &[600, 600]);
    assert_eq!(town.identify(&question), Ok(Identification::Unknown));
    assert_eq!(town.identify(&question), Ok(Identification::Unknown));
    assert_eq!(outcomes(&town), [Outcome::Unknown]);
    assert!(town.cases().cases.is_empty());
}

/// HC-O3, HC-V9, HC-P24: who alters the bank's records to have another named fails: only a signed order names. As a control, the
/// records as they were name the right customer.
#[test]
fn an_altered_record_names_nobody() {
    let sabotage = [
        "UPDATE sealed_order SET account = 'A-2'",
        "UPDATE sealed_order SET account = 'A-2', (key, certificate) = (SELECT key, request FROM certificate WHERE account = 'A-2')",
        "UPDATE certificate SET account = 'A-2', key = zeroblob(32) WHERE account = 'A-1'",
    ];
    for sql in sabotage {
        let town = Town::new();
        let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
        let question = town.question(&cheat, &chain, &[600, 600]);
        assert!(town.sabotage(sql, vec![]) > 0);
        assert_eq!(town.identify(&question), Ok(Identification::Unknown), "{sql}");
        assert_eq!(outcomes(&town), [Outcome::Unproven], "{sql}");
        assert!(town.cases().cases.is_empty());
    }
    let town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    assert_eq!(town.identify(&town.question(&cheat, &chain, &[600, 600])), Ok(Identification::Identified));
    assert_eq!(town.cases().cases[0].account, "A-1");
}

/// HC-F5.5, HC-P16, HC-P24: who alters the bank's records so that a cheat's request leads to the order of an honest customer, with his own
/// key, certificate and signature, frames nobody: his order names another request, or another bank. Control: where his order is of the
/// request the same row names him.
#[test]
fn a_redirected_request_frames_nobody() {
    let redirected = |order: Option<fn(&mut WithdrawalOrder, &WithdrawalOrder)>| {
        let town = Town::new();
        let (cheat, chain) = town.issued("A-2", "cheat", 1_000);
        let (victim, _) = town.issued("A-1", "victim", 1_000);
        let delete = "DELETE FROM sealed_order WHERE request = ?1";
        assert_eq!(town.sabotage(delete, vec![cheat.request().0.into()]), 1);
        let redirect = "UPDATE sealed_order SET request = ?2 WHERE request = ?1";
        assert_eq!(town.sabotage(redirect, vec![victim.request().0.into(), cheat.request().0.into()]), 1);
        if let Some(alter) = order {
            // what the victim signed elsewhere, under the same key
            let mut record = victim.item.order.record.clone();
            alter(&mut record, &cheat.item.order.record);
            let signed = zeni_message::encode(&town.signed(record, "A-1"));
            assert_eq!(town.sabotage("UPDATE sealed_order SET signed = ?1", vec![signed.into()]), 1);
        }
        let answer = town.identify(&town.question(&cheat, &chain, &[600, 600]));
        (answer, outcomes(&town), town.cases().cases.len(), town.cases().suspended.len())
    };
    let nobody = (Ok(Identification::Unknown), vec![Outcome::Unproven], 0, 0);
    assert_eq!(redirected(None), nobody, "another request");
    let elsewhere = redirected(Some(|order, cheats| {
        order.of = cheats.of;
        order.bank = "sakura".into();
    }));
    assert_eq!(elsewhere, nobody, "another bank");
    let own = redirected(Some(|order, cheats| order.of = cheats.of));
    assert_eq!(own, (Ok(Identification::Identified), vec![Outcome::Identified], 1, 1), "control");
}

/// HC-F5.6, HC-A21: withdrawals under seal of who was named are refused until the operator lifts it; what was ordered before is
/// answered, others are not touched, and the same evidence suspends nobody twice.
#[test]
fn who_was_named_is_suspended_until_lifted() {
    let town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    let question = town.question(&cheat, &chain, &[600, 600]);
    town.identify(&question).expect("named");
    let before = town.dump();
    let next = [town.purse("A-1", "next", 100)];
    assert_eq!(refusal(town.withdraw_sealed("A-1", &next)), WithdrawSealedRefusal::Suspended);
    assert_eq!(town.dump(), before);
    town.withdraw_sealed("A-1", &[cheat]).expect("what was ordered before is told");
    town.issued("A-2", "other", 100);
    let refused = |account| now(town.bank.lift(account)).expect_err("refused");
    assert_eq!(refused("A-9"), WriteError::Refused(LiftRefusal::UnknownAccount));
    assert_eq!(refused("A-2"), WriteError::Refused(LiftRefusal::NotSuspended));
    assert_eq!(now(town.bank.lift("A-1")), Ok(()));
    assert_eq!(refused("A-1"), WriteError::Refused(LiftRefusal::NotSuspended));
    town.withdraw_sealed("A-1", &next).expect("lifted");
    town.identify(&question).expect("again");
    assert_eq!(outcomes(&town), [Outcome::Identified, Outcome::Lifted]);
    assert!(town.cases().suspended.is_empty());
    town.sound();
}

/// HC-F5.4, HC-F5.6, HC-A20, HC-A21, HC-X39: evidence that was cut anywhere opens no case: not a byte and not a payment may be missing; a case
/// document that was cut anywhere is none. Controls: whole, the evidence names the customer, and his document verifies.
#[test]
fn evidence_that_was_cut_names_nobody() {
    let town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    let question = town.question(&cheat, &chain, &[400, 400, 400]);
    let issuer = Caller { role: Role::Issuer, name: "issuer".into() };
    let line = MemoryTransport::new(Arc::new(town.bank.routes()), town.clock.clone(), Some(issuer));
    let ask = |bytes: &[u8]| {
        now(line.call(IdentifyOverspender::PATH, bytes.to_vec(), IdentifyOverspender::MAX)).expect("an answer").0
    };
    let bytes = zeni_message::encode(&question);
    let before = town.dump();
    for len in 0..bytes.len() {
        assert_ne!(ask(&bytes[..len]), 200, "{len} bytes");
    }
    assert_eq!(town.dump(), before, "what cannot be read is not even logged");
    for missing in 0..3 {
        let mut cut = question.clone();
        cut.proof.children.remove(missing);
        assert_eq!(refusal(town.identify(&cut)), IdentifyRefusal::NoProof);
    }
    assert!(town.cases().cases.is_empty());
    assert_eq!(ask(&bytes), 200, "control");

    let document = town.cases().cases[0].document.clone();
    for len in 0..document.len() {
        assert!(Signed::<Identified>::from_document(&document[..len]).is_err(), "{len} bytes");
    }
    let whole = Signed::<Identified>::from_document(&document).expect("control");
    assert!(whole.verify(town.world.network(), &town.issuer.document()).is_ok());
    let mut less = whole;
    less.record.proof.children.pop();
    assert!(less.verify(town.world.network(), &town.issuer.document()).is_err(), "the bank signed all of it");
}

/// HC-F5.6: entries and case files that are altered, left out or added are seen.
#[test]
fn the_log_is_chained() {
    let sabotage = [
        "UPDATE case_file SET name = 'somebody else'",
        "UPDATE case_file SET document = zeroblob(5)",
        "UPDATE case_file SET document = substr(document, 1, length(document) - 1)",
        "DELETE FROM case_file",
        "UPDATE identification SET time = time + 1 WHERE number = 1",
        "UPDATE identification SET outcome = 2 WHERE number = 1",
        "DELETE FROM identification WHERE number = 1",
    ];
    for sql in sabotage {
        let town = Town::new();
        let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
        town.identify(&town.question(&cheat, &chain, &[600, 600])).expect("named");
        assert!(town.identify(&town.question(&cheat, &chain, &[1])).is_err());
        assert_eq!((town.cases().broken_at, town.audit().is_sound()), (None, true), "control");
        assert!(town.sabotage(sql, vec![]) > 0);
        assert_eq!((town.cases().broken_at, town.audit().is_sound()), (Some(1), false), "{sql}");
    }
}

/// HC-X48: only the issuer asks for names.
#[test]
fn nobody_else_asks_for_names() {
    let town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    let question = town.question(&cheat, &chain, &[600, 600]);
    let before = town.dump();
    for role in [Role::Wallet, Role::Shop, Role::Bank, Role::Authority] {
        let caller = Caller { role, name: "aoba/A-2".into() };
        let answer = now(town.as_caller(Some(caller)).send(&question));
        assert!(matches!(answer, Err(SendError::Forbidden { .. })), "{role:?}: {answer:?}");
    }
    assert!(now(town.as_caller(None).send(&question)).is_err());
    assert_eq!(town.dump(), before);
}

/// HC-X47: a bank whose store fails names nobody by halves; the same question names him later.
#[test]
fn a_failed_commit_names_nobody() {
    let mut town = Town::new();
    let (cheat, chain) = town.issued("A-1", "cheat", 1_000);
    let question = town.question(&cheat, &chain, &[600, 600]);
    let before = town.dump();
    town.bank.store.stop();
    assert!(matches!(town.identify(&question), Err(SendError::Busy { .. })));
    town.restart();
    assert_eq!(town.dump(), before);
    assert_eq!(town.identify(&question), Ok(Identification::Identified));
    town.sound();
}
