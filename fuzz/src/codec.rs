//! The strict codec over everything that has an encoding.

use std::sync::LazyLock;

use zeni_message::{Message, Record, Signed, Wire, decode, encode, limits::MESSAGE_BYTES_MAX};
use zeni_note::{
    Chain, Challenge, Closing, ClosingPurpose, HandIn, IssuanceRequest, KeyList, Licence, LicenceRequest, LoadTicket,
    NameCertificate, Note, OverspendingProof, Payment, RevocationList,
    chain::Endorsement,
    closing::{BackupRefund, ClosingRecord},
    keylist::{KeyListRecord, TwoKeyLists},
    messages::{authority, bank, issuer},
    request::{Possession, RequestClaim},
    testing::{START, amount, key, nonce},
};

use super::samples::{CHAIN, CHALLENGE, PAYMENT, WORLD, payer, renewal, sample_or_wild};

/// Bytes decode to a value of a type whose only encoding they are, or not at all; whatever can be read of them leniently
/// has one encoding, and that one is accepted.
pub fn codec(data: &[u8]) {
    let bytes = sample_or_wild(&SAMPLES, data);
    for decodes in TYPES {
        decodes(&bytes);
    }
}

macro_rules! types {
    (messages: $($message:ty),* $(,)?; records: $($record:ty),* $(,)?; others: $($other:ty),* $(,)?) => {
        &[
            $(message::<$message>,)*
            $(record::<$record>,)*
            $(|bytes| one::<$other>(bytes, MESSAGE_BYTES_MAX),)*
        ]
    };
}

const TYPES: &[fn(&[u8])] = types! {
    messages:
        authority::GetLicences, authority::GetRevocations, authority::GetSignedKeyLists, authority::CosignKeyList,
        authority::Disclose, authority::SamePerson, authority::ReportLost,
        bank::Enrol, bank::Withdraw, bank::DisputeSignature, bank::OpenDeposit, bank::Deposit, bank::HandInTakings,
        bank::GetDeposit, bank::ClaimRequest, bank::GetStatement,
        issuer::GetKeyLists, issuer::GetNonce, issuer::Redeem, issuer::Renew, issuer::SubmitKeys, issuer::ReportCounts,
        issuer::Return, issuer::GetDecisions, issuer::VoidRequest;
    records:
        BackupRefund, Challenge, ClosingRecord, Endorsement, HandIn, KeyListRecord, Licence, LicenceRequest, LoadTicket,
        NameCertificate, Note, OverspendingProof, Possession, RequestClaim, RevocationList, issuer::Counts, issuer::ReturnAnswer;
    others:
        Chain, Closing, ClosingPurpose, IssuanceRequest, KeyList, Payment, TwoKeyLists
};

fn message<M: Message>(bytes: &[u8]) {
    one::<M>(bytes, M::MAX);
    one::<M::Reply>(bytes, M::REPLY_MAX);
    one::<M::Refusal>(bytes, MESSAGE_BYTES_MAX);
}

fn record<T: Record>(bytes: &[u8]) {
    one::<T>(bytes, T::MAX);
    one::<Signed<T>>(bytes, MESSAGE_BYTES_MAX);
    if let Ok(signed) = Signed::<T>::from_document(bytes) {
        assert_eq!(signed.to_document(WORLD.network()), bytes, "a second form of a signed document was accepted");
    }
}

fn one<T: Wire>(bytes: &[u8], max: usize) {
    if let Ok(value) = decode::<T>(bytes, max) {
        assert!(bytes.len() <= max, "more bytes than allowed were accepted");
        assert_eq!(encode(&value), bytes, "a second encoding was accepted");
    }
    if let Ok(value) = minicbor::decode::<T>(bytes) {
        let canonical = encode(&value);
        let again = decode::<T>(&canonical, usize::MAX).expect("what can be read can be written and read again");
        assert_eq!(encode(&again), canonical);
    }
}

/// Encodings to start from: the longest messages and all that travels alone.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (payer, network) = (payer(), WORLD.network());
    let closing = WORLD.close(&CHAIN, &payer, 600, renewal());
    let hand_in = WORLD.hand_in(std::slice::from_ref(&CHAIN), &payer, WORLD.account("aoba", "A-1", "takings"));
    let item = issuer::ReturnItem { chain: CHAIN.clone(), closing: closing.clone() };
    let deposit = ClosingPurpose::Deposit(WORLD.account("aoba", "A-1", "deposit"));
    let closed = bank::ClosedChain { chain: CHAIN.clone(), amount: amount(600), signature: payer.sign(b"") };
    let request = LicenceRequest {
        key: payer.public(),
        person: zeni_crypto::sha256(&[b"secret"]),
        epoch: 1,
        key_list: WORLD.key_list().record.identity(network),
    };
    vec![
        encode(&*CHAIN),
        encode(&*PAYMENT),
        encode(&closing),
        encode(&WORLD.key_list()),
        encode(&WORLD.revocations(START)),
        encode(&WORLD.licence(payer.public())),
        Signed::sign(network, CHALLENGE.clone(), &key("payee")).to_document(network),
        CHAIN.note.to_document(network),
        hand_in.to_document(network),
        encode(&authority::GetLicences {
            secret: "secret".into(),
            requests: vec![Signed::sign(network, request, &payer)],
            keeper: zeni_note::licence::Keeper::Software,
            certify_name: true,
        }),
        encode(&bank::Deposit { purpose: deposit, items: vec![closed] }),
        encode(&issuer::Renew { chain: CHAIN.clone(), closing, slot: nonce("slot") }),
        encode(&issuer::Return { batch: nonce("batch"), hand_ins: vec![hand_in], items: vec![item] }),
        encode(&vec![issuer::Outcome::Paid]),
    ]
});
