//! Banks of the world: their keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use zeni_crypto::{SecretKey, blind, raw_rsa::BlindSigner};
use zeni_note::{
    KeyEntry,
    keylist::Way,
    testing::{SERIES, amount, jpy, key},
};

use super::FACES;
use crate::Config;

/// A bank's keys in this world: one per face value and epoch.
pub struct TestBank {
    /// Short name.
    pub name: &'static str,
    /// Signs its documents.
    pub document: SecretKey,
    /// Its entries with the keys to sign blindly.
    pub signers: Vec<(KeyEntry, Arc<BlindSigner>)>,
}

impl TestBank {
    pub(super) fn new(config: &Config, at: usize, name: &'static str) -> TestBank {
        let mut signers = Vec::new();
        let registered = config.series.iter().find(|series| series.way == Way::Registered);
        for epoch in registered.iter().flat_map(|_| [1, 2]) {
            for (face, place) in FACES.into_iter().zip(0usize..) {
                let signer = rsa_key((at * 2 + epoch - 1) * FACES.len() + place);
                let entry = KeyEntry {
                    bank: name.to_owned(),
                    series: registered.map_or(SERIES, |series| series.series),
                    epoch: u32::try_from(epoch).expect("a small number"),
                    currency: registered.map_or(jpy(), |series| series.currency),
                    face: amount(face),
                    modulus: (*signer.public().modulus()).into(),
                };
                signers.push((entry, signer));
            }
        }
        TestBank { name, document: key(&format!("{name} documents")), signers }
    }
}

/// RSA keys are slow to make: a process makes each once.
fn rsa_key(index: usize) -> Arc<BlindSigner> {
    static KEYS: OnceLock<Mutex<HashMap<usize, Arc<BlindSigner>>>> = OnceLock::new();
    let keys = KEYS.get_or_init(Mutex::default);
    let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let secret = blind::generate_key().expect("AWS-LC makes keys");
        Arc::new(BlindSigner::from_pkcs8(secret.dangerous_pkcs8()).expect("a key just made"))
    };
    keys.entry(index).or_insert_with(make).clone()
}
