use alloc::{vec, vec::Vec};

use zeni_crypto::{SecretKey, seal::SealKeyPair};

use super::*;
use crate::{
    Chain,
    chain::Endorsement,
    proof::{Child, Equation},
    testing::{EPOCH, SERIES, START, World, amount, jpy, key, nonce},
};

/// A world whose key list of the test epoch has a key to seal to.
fn office() -> (World, KeyListRecord, Envelope) {
    let world = World::new("trace");
    let sealing = (*SealKeyPair::from_seed([1; 32]).public().as_bytes()).into();
    let envelope = Envelope::new(world.network(), &sealing).expect("a real key");
    let list = KeyListRecord { sealing: Some(sealing), ..world.key_list().record };
    (world, list, envelope)
}

fn content(holder: &SecretKey) -> SealedContent {
    SealedContent {
        series: SERIES,
        epoch: EPOCH,
        currency: jpy(),
        face: amount(1_000),
        k: [7; 32],
        holder: KeyMaker::User(holder.public()),
        tm: [0; 16].into(),
        slot: nonce("slot"),
    }
}

/// The proof that `holder` passed on 1,200 of the note that a content led to.
fn overspent(world: &World, content: &SealedContent, holder: &SecretKey) -> OverspendingProof {
    let note = Signed::sign(world.network(), content.note(Way::Sealed, &holder.public()), &world.issuer);
    let right = Right::Unlicensed(holder.public());
    let chain = Chain { note: note.clone(), holder: right.clone(), hops: Vec::new() };
    let child = |seed: &str| {
        let answer = world.challenge(&key(seed), 600, seed, START).answer(world.network());
        let endorsement = Endorsement { parent: world.leaf(&chain), amount: amount(600), answer };
        let signature = Signed::sign(world.network(), endorsement, holder).signature;
        Child::Endorsement { endorsement, signature, equation: Equation::Strict }
    };
    OverspendingProof { held: Held::Note(note), children: vec![child("x"), child("y")], right }
}

/// HC-F5.4, HC-O2, HC-P15: the evidence leads to the request that was sealed, and with the customer's order to his account; without
/// the key list of the epoch it leads nowhere.
#[test]
fn evidence_leads_to_the_request() {
    let (world, list, envelope) = office();
    let (cheat, account) = (key("cheat"), key("account"));
    let content = content(&cheat);
    let proof = overspent(&world, &content, &cheat);
    let bytes = content.to_bytes();
    let at = |epoch| (epoch == EPOCH).then_some(&list);
    let evidence = Evidence::check(&proof, &bytes, &world.roots, at, IssuerMadeKeys::Refused).expect("true evidence");
    assert_eq!(evidence.request, Envelope::digest(&envelope.seal(&content)));
    assert_eq!((evidence.convicted.held(), evidence.convicted.signed()), (amount(1_000), amount(1_200)));
    let none = Evidence::check(&proof, &bytes, &world.roots, |_| None, IssuerMadeKeys::Refused);
    assert_eq!(none.map(drop), Err(IdentifyRefusal::UnknownEpoch));

    let order = WithdrawalOrder {
        bank: "aoba".into(),
        account: "A-1".into(),
        order: nonce("order"),
        time: START,
        of: content.ordered(evidence.request),
    };
    let order = Signed::sign(world.network(), order, &account);
    let account_key = account.public();
    let case = Identified { proof, content: bytes.into(), order, account_key, certificate: "PEM".into() };
    assert!(case.verify(&world.roots, at, IssuerMadeKeys::Refused).is_ok());
    let certified = |account: &str, key: &PublicKey| {
        let account_key = account_key_digest(key);
        let named = Certified { bank: "aoba".into(), account: account.into(), account_key };
        case.check_account_key(|pem, at| (pem == "PEM" && at == START).then(|| named.clone()))
    };
    assert_eq!(certified("A-1", &account_key), Ok(()));
    assert_eq!(certified("A-2", &account_key), Err(IdentifiedFault::Certificate));
    assert_eq!(certified("A-1", &cheat.public()), Err(IdentifiedFault::OtherKey));
    assert_eq!(case.check_account_key(|_, _| None), Err(IdentifiedFault::Certificate));
    let denied = Identified { account_key: cheat.public(), ..case };
    let fault = denied.verify(&world.roots, at, IssuerMadeKeys::Refused).map(drop);
    assert_eq!(fault, Err(IdentifiedFault::NotSigned));
}

/// HC-P16, HC-F5.4: an issuer shows a victim's content with the overspending of a stooge whose note has the same amount. Only that
/// the content names the key stands between the victim and his name: but for it the content would fit the stooge's note, and lead
/// to the victim's request (control).
#[test]
fn a_content_is_evidence_against_its_own_key_alone() {
    let (world, list, envelope) = office();
    let (victim, stooge) = (key("victim"), key("stooge"));
    let (theirs, own) = (content(&victim), content(&stooge));
    let proof = overspent(&world, &own, &stooge);
    let check = |content: &SealedContent| {
        Evidence::check(&proof, &content.to_bytes(), &world.roots, |_| Some(&list), IssuerMadeKeys::Refused)
    };
    assert_eq!(check(&theirs).map(drop), Err(IdentifyRefusal::OtherNote));
    let Held::Note(note) = &proof.held else { panic!("a note") };
    assert_eq!(theirs.note(Way::Sealed, &stooge.public()), note.record, "control: it fits but for the key");
    let victims = Envelope::digest(&envelope.seal(&theirs));
    let grafted = SealedContent { holder: KeyMaker::User(stooge.public()), ..theirs.clone() };
    assert_ne!(check(&grafted).expect("evidence, of no request of the victim's").request, victims);
    assert_ne!(check(&own).expect("control").request, victims);
}

/// HC-F6, HC-O6: a content that names no key fits any; it is evidence only where the issuer is believed.
#[test]
fn a_content_without_a_key_is_evidence_by_choice() {
    let (world, list, _) = office();
    let own = key("the issuer's own");
    let content = SealedContent { holder: KeyMaker::Issuer, ..content(&own) };
    let proof = overspent(&world, &content, &own);
    let check = |policy| Evidence::check(&proof, &content.to_bytes(), &world.roots, |_| Some(&list), policy).map(drop);
    assert_eq!(check(IssuerMadeKeys::Refused), Err(IdentifyRefusal::KeyMaker));
    assert_eq!(check(IssuerMadeKeys::Accepted), Ok(()));
}

/// HC-D19, HC-P15, HC-P17: whoever overspends in the smallest units is named like any other: the case with as many signatures as a
/// message carries is a document that can be read again, byte for byte, beyond what other documents take; above that it is none.
#[test]
fn a_case_of_many_signatures_is_a_document() {
    use zeni_message::limits::{DOCUMENT_BYTES_MAX, MESSAGE_BYTES_MAX};
    let (world, _, envelope) = office();
    let (cheat, account) = (key("cheat"), key("account"));
    let content = content(&cheat);
    let few = overspent(&world, &content, &cheat);
    let children = |count: usize| OverspendingProof { children: vec![few.children[0].clone(); count], ..few.clone() };
    let (one, two) = (zeni_message::encode(&children(1_000)).len(), zeni_message::encode(&children(2_000)).len());
    let most = (MESSAGE_BYTES_MAX - 1_024) * 1_000 / (two - one);
    assert!(most > 40_000, "{most}");
    let of = content.ordered(Envelope::digest(&envelope.seal(&content)));
    let record = WithdrawalOrder { bank: "aoba".into(), account: "A-1".into(), order: nonce("o"), time: START, of };
    let order = Signed::sign(world.network(), record, &account);
    // the longest chain that enrolment answers with
    let certificate: String = "c".repeat(8 * 1_024);
    let case = |count: usize| {
        let proof = children(count);
        let (content, order) = (content.to_bytes().into(), order.clone());
        Identified { proof, content, order, account_key: account.public(), certificate: certificate.clone() }
    };
    for (count, readable) in [(10_001, true), (most, true), (most + 1_000, false)] {
        let document = Signed::sign(world.network(), case(count), &account).to_document(world.network());
        assert!(document.len() > DOCUMENT_BYTES_MAX);
        assert_eq!(Signed::<Identified>::from_document(&document).is_ok(), readable, "{count} signatures");
        let proof = Signed::sign(world.network(), children(count), &account).to_document(world.network());
        assert_eq!(Signed::<OverspendingProof>::from_document(&proof).is_ok(), readable, "{count} signatures");
    }
}
