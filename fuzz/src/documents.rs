//! Documents as people hand them around: armour and binary.

use std::sync::LazyLock;

use zeni_crypto::armor;
use zeni_holder::Document;
use zeni_message::{Signed, limits::DOCUMENT_BYTES_MAX};
use zeni_note::testing::{START, key};

use super::samples::{CHAIN, CHALLENGE, PAYMENT, WORLD, payer, sample_or_wild};

/// Text or bytes are a document that is written and read alike, or refused; nothing in one makes `inspect` panic, and
/// none that was altered is found genuine.
pub fn documents(data: &[u8]) {
    let bytes = sample_or_wild(&SAMPLES, data);
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    if let Ok(armored) = armor::decode(text, DOCUMENT_BYTES_MAX) {
        let again = armor::decode(&armor::encode(&armored.label, &armored.bytes), DOCUMENT_BYTES_MAX);
        assert_eq!(again.as_ref(), Ok(&armored));
    }
    let Ok(document) = Document::parse(&bytes) else { return };
    let network = WORLD.network();
    assert_eq!(Document::parse(document.to_text(network).as_bytes()), Ok(document.clone()));
    let found = document.inspect(&WORLD.roots, &[WORLD.key_list()], START, None);
    let signed =
        matches!(document, Document::Challenge(_) | Document::Note(_) | Document::Licence(_) | Document::KeyList(_));
    if signed && found.holds() {
        assert!(GENUINE.contains(&document), "an altered document was found genuine");
    }
}

static GENUINE: LazyLock<Vec<Document>> = LazyLock::new(|| {
    let payer = payer();
    vec![
        Document::Challenge(Signed::sign(WORLD.network(), CHALLENGE.clone(), &key("payee"))),
        Document::Payment(PAYMENT.clone()),
        Document::Note(CHAIN.note.clone()),
        Document::Licence(CHAIN.holder.licence().expect("a licensed holder").clone()),
        Document::KeyList(WORLD.key_list()),
        Document::Revocations(Signed::sign(WORLD.network(), WORLD.revocations(START), &WORLD.authority)),
        Document::HandIn(WORLD.hand_in(&[], &payer, WORLD.account("aoba", "A-1", "takings"))),
        Document::EncryptedBackup(vec![7; 100]),
    ]
});

/// Text and binary form of each.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let network = WORLD.network();
    GENUINE.iter().flat_map(|one| [one.to_text(network).into_bytes(), one.to_bytes(network)]).collect()
});
