//! Who spent what: the pool of all shops, all banks and the issuer against one person (RN-P6, RN-P7).

use std::collections::BTreeSet;

use num_bigint::BigUint;
use zeni_crypto::{
    PublicKey, SharedEntropy,
    blind::{RsaPublicKey, generate_key},
    raw_rsa::BlindSigner,
};
use zeni_holder::Privacy;
use zeni_message::{Message, decode, encode};
use zeni_note::messages::{
    bank::{ClaimRequest, Deposit, Enrol, GetStatement, OpenDeposit, Withdraw},
    issuer::{GetNonce, Redeem},
};
use zeni_store::testing::block_on;

use super::{
    Redemption, Story,
    naive::{self, Flaw},
    search::{Pile, public},
};
use crate::world::{Dump, deposit_by_card};

/// Exponent of every bank key.
const EXPONENT: u32 = 65_537;

fn number(bytes: &[u8]) -> BigUint {
    BigUint::from_bytes_be(bytes)
}

/// The blinding factor that would explain that this session gave this request: `r = s' / σ`, if `r^e · σ^e` is what was
/// blinded.
fn explanation(modulus: &[u8], blinded: &[u8], answer: &[u8], signature: &[u8]) -> Option<BigUint> {
    let (n, e) = (number(modulus), BigUint::from(EXPONENT));
    let inverse = number(signature).modinv(&n)?;
    let factor = number(answer) * inverse % &n;
    let encoded = number(signature).modpow(&e, &n);
    (factor.modpow(&e, &n) * encoded % &n == number(blinded)).then_some(factor)
}

/// RN-P6 (1): for every bank session and every redeemed request of the same key entry there is a blinding factor that
/// explains the one by the other: the pooled view fits everybody equally.
#[test]
fn every_session_explains_every_request() {
    let story = Story::run(Privacy::Unlinkable);
    let (sessions, redemptions) = (story.sessions(), story.redemptions());
    let lists = block_on(story.taro.open().key_lists()).unwrap();
    let (mut pairs, mut factors) = (0, BTreeSet::new());
    for (_, order, signed) in &sessions {
        for (item, answer) in order.items.iter().zip(&signed.signatures) {
            let entry = lists.iter().find_map(|list| list.record.entry(&item.entry)).unwrap();
            for Redemption { redeem, .. } in &redemptions {
                if redeem.request.entry != item.entry {
                    continue;
                }
                let signature = &redeem.request.signature;
                let factor = explanation(&entry.modulus[..], &item.blinded[..], &answer[..], &signature[..]);
                assert!(factors.insert(factor.expect("a pair that no blinding factor explains")));
                pairs += 1;
            }
        }
    }
    assert_eq!((sessions.len(), redemptions.len(), pairs), (2, 6, 12));
}

/// RN-P6 (1): the fit means something because the wallet's factors are uniform. Control: a wallet that does not blind has
/// the factor 1 with its own request and no other.
#[test]
fn blinding_factors_are_uniform() {
    const SAMPLES: usize = 192;
    // five standard deviations
    const BOUND: usize = 35;
    let signer = BlindSigner::from_pkcs8(generate_key().unwrap().dangerous_pkcs8()).unwrap();
    let key = RsaPublicKey::from_modulus(*signer.public().modulus()).unwrap();
    let half = number(key.modulus()) >> 1;
    let mut entropy = SharedEntropy::seeded([3; 32]);
    let (mut factors, mut low, mut odd) = (BTreeSet::new(), 0, 0);
    let mut naive = None;
    for _ in 0..SAMPLES {
        let blinding = key.blind(b"the same message", &mut entropy).unwrap();
        let answer = signer.sign_blinded(blinding.blinded()).unwrap();
        let signature = blinding.finalize(&key, &answer).unwrap().signature;
        let factor = explanation(key.modulus(), blinding.blinded(), &answer, &signature).unwrap();
        low += usize::from(factor < half);
        odd += usize::from(factor.bit(0));
        assert!(factors.insert(factor));
        if let Some(unblinded) = &naive {
            let (encoded, answer): &(Vec<u8>, [u8; 256]) = unblinded;
            let other = explanation(key.modulus(), encoded, answer, &signature).unwrap();
            assert_ne!(other, BigUint::from(1u8));
        } else {
            let encoded = number(&signature).modpow(&BigUint::from(EXPONENT), &number(key.modulus())).to_bytes_be();
            let own = explanation(key.modulus(), &encoded, &signature, &signature).unwrap();
            assert_eq!(own, BigUint::from(1u8));
            naive = Some((encoded, signature));
        }
    }
    for count in [low, odd] {
        assert!(count.abs_diff(SAMPLES / 2) <= BOUND, "{count} of {SAMPLES}");
    }
}

/// Messages of a customer's session in which no chain travels.
const SESSION: [&str; 4] = [Withdraw::PATH, OpenDeposit::PATH, GetStatement::PATH, Enrol::PATH];

fn bank_and_issuer(story: &Story) -> (Pile, Pile) {
    let sessions = story.exchanges("bank ");
    let mut bank = Pile::of_exchanges(sessions.iter().filter(|one| SESSION.contains(&one.path)));
    for store in &story.world.stores.banks {
        let tables = ["account", "certificate", "withdrawal", "signature", "tally"];
        bank.extend(&Pile::of_tables(&Dump::of(store), |table| tables.contains(&table)));
    }
    let redemptions = story.exchanges("issuer <- ");
    let paths = [GetNonce::PATH, Redeem::PATH];
    let mut issuer = Pile::of_exchanges(redemptions.iter().filter(|one| paths.contains(&one.path)));
    issuer.extend(&Pile::of_tables(&Dump::of(&story.world.stores.issuer), |table| {
        ["request", "note", "archive_note"].contains(&table)
    }));
    assert!(bank.len() > 1_000 && issuer.len() > 1_000);
    (bank, issuer)
}

/// RN-P6 (2), RN-P15: no byte string is common to customers' sessions at the banks, received or stored, and to redemptions
/// at the issuer, beyond what everybody knows. Control: a wallet that uses one nonce on both sides is found.
#[test]
fn sessions_and_redemptions_have_nothing_in_common() {
    for privacy in [Privacy::Unlinkable, Privacy::Untraceable] {
        let story = Story::run(privacy);
        let (bank, issuer) = bank_and_issuer(&story);
        let known = public(&story);
        assert_eq!(bank.common(&issuer, &known), 0);
        assert!(bank.common(&issuer, &Pile::default()) > 0, "not even the key entries were found");
        naive::withdraw(&story.world, &story.taro, Flaw::ReusesNonce);
        let (bank, issuer) = bank_and_issuer(&story);
        assert!(bank.common(&issuer, &known) > 0, "the naive wallet was not found");
    }
}

/// RN-O6, RN-F3.1: each redemption has a connection of its own, and none carries a certificate. Control: the naive wallet's
/// does.
#[test]
fn every_redemption_is_anonymous_and_alone() {
    let story = Story::run(Privacy::Unlinkable);
    let redemptions = story.redemptions();
    let connections: BTreeSet<u64> = redemptions.iter().map(|one| one.exchange.connection).collect();
    assert_eq!(connections.len(), redemptions.len());
    let named = |story: &Story| story.exchanges("issuer <- ").iter().any(|one| one.peer != "issuer <- nobody");
    assert!(!named(&story));
    naive::withdraw(&story.world, &story.taro, Flaw::ShowsCertificate);
    assert!(named(&story));
}

/// Keys that closed something to a named account.
fn closers(story: &Story) -> BTreeSet<PublicKey> {
    let deposits = story.exchanges("bank ").into_iter().filter(|one| one.path == Deposit::PATH);
    deposits
        .flat_map(|one| decode::<Deposit>(&one.request, usize::MAX).unwrap().items)
        .map(|item| item.chain.hops.last().map_or(item.chain.note.record.holder, |hop| hop.payee.key()))
        .collect()
}

/// RN-O19, RN-P6: no key that withdrew or paid ever signs to a named account, in a run with a deposit of a remainder and of
/// a received payment. Control: a card that closes its own note to the account is found.
#[test]
fn no_key_that_withdrew_or_paid_signs_to_an_account() {
    let story = Story::run(Privacy::Unlinkable);
    let redeemed: BTreeSet<PublicKey> = story.redemptions().iter().map(|one| one.redeem.request.key).collect();
    let payers: BTreeSet<PublicKey> = [&story.taro, &story.hanako, &story.jiro]
        .iter()
        .flat_map(|person| block_on(person.open().payments()).unwrap())
        .flat_map(|paid| paid.document.answers)
        .map(|answer| answer.chain.hops.last().map_or(answer.chain.note.record.holder, |hop| hop.payee.key()))
        .collect();
    assert_eq!(closers(&story).len(), 3);
    assert!(closers(&story).is_disjoint(&redeemed));
    assert!(closers(&story).is_disjoint(&payers));
    let claims = story.exchanges("bank ").into_iter().filter(|one| one.path == ClaimRequest::PATH);
    assert_eq!(claims.count(), 0);
    // control: 1,000 of jiro's own note is still whole; its key signs to his account
    let request = story.hanako.request(1_000);
    let paid = story.jiro.copied().pay(&request);
    let own = &paid.document.answers[0].chain;
    assert!(own.hops.is_empty());
    deposit_by_card(&story.world, &story.jiro, "aoba", own, "naive").unwrap();
    assert!(!closers(&story).is_disjoint(&redeemed));
}

/// What two notes of one person show together: redemptions, and what a payee sees of them.
fn common_values(privacy: Privacy) -> (usize, usize) {
    let story = Story::run(privacy);
    let known = public(&story);
    // the six redemptions of two people: those of one person are neighbours by key in the control
    let piles: Vec<Pile> =
        story.redemptions().iter().map(|one| Pile::of([&one.exchange.request[..], &encode(&one.issued)])).collect();
    let mut together = 0;
    for (place, one) in piles.iter().enumerate() {
        together += piles[place + 1..].iter().filter(|other| one.common(other, &known) > 0).count();
    }
    // two payments of taro from two notes, to two people, whole notes each
    let Story { world, taro, hanako, shop, .. } = &story;
    world.withdraw(taro, 1_500);
    let mut shown = Vec::new();
    for (payee, minor) in [(hanako, 1_000), (shop, 500)] {
        let request = payee.request(minor);
        let paid = taro.pay(&request);
        payee.receive(&paid);
        let one = &paid.document.answers;
        assert_eq!(one.len(), 1);
        shown.push(Pile::of([&encode(&one[0])[..]]));
    }
    (together, shown[0].common(&shown[1], &known))
}

/// RN-P7: with a fresh licence for every note, two notes of one user share no value: key, licence, request, serial, nonce.
/// Control: with one licence for all (f-1) the search links them.
#[test]
fn notes_of_one_user_share_no_value() {
    assert_eq!(common_values(Privacy::Unlinkable), (0, 0));
    let (together, shown) = common_values(Privacy::Untraceable);
    // three notes of each of two people: three pairs each
    assert_eq!(together, 6);
    assert!(shown > 0);
}
