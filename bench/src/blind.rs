//! Blind signatures at the bank (RN-F2.4…F2.6).

use std::time::Duration;

use zeni_crypto::{SharedEntropy, blind, raw_rsa::BlindSigner, sha256};
use zeni_message::Message;
use zeni_note::messages::bank::{BlindSignatures, Withdraw};

use crate::{
    BenchError, Scenario, Section, Settings,
    drive::drive,
    measure::{Rounds, processor},
    report::{Figure, Unit},
    town::Town,
};

const INCLUDES: &str = "processor time a signature. Alone: the private RSA operation of 2,048 bits and the check of its result. \
     Withdraw: the whole operation at the bank, from the bytes of the message to the bytes of the reply: decoding, checks, \
     signatures, debit, storing, durable commits; without HTTP and TLS.";

/// A bank's key by itself.
pub struct Signing {
    signer: BlindSigner,
    blinded: Vec<[u8; 256]>,
}

impl Signing {
    /// A fresh key and as many blinded values as are signed at once.
    ///
    /// # Panics
    /// When AWS-LC makes no key.
    pub fn new(count: usize) -> Signing {
        let secret = blind::generate_key().expect("AWS-LC makes keys");
        let signer = BlindSigner::from_pkcs8(secret.dangerous_pkcs8()).expect("a key just made");
        let mut entropy = SharedEntropy::seeded([5; 32]);
        let blinded = |number: usize| {
            let message = sha256(&[b"bench message", &number.to_be_bytes()]);
            *signer.public().blind(&message.0, &mut entropy).expect("a good key").blinded()
        };
        let blinded = (0..count).map(blinded).collect();
        Signing { signer, blinded }
    }

    /// Processor time of signing all values.
    ///
    /// # Panics
    /// When AWS-LC fails.
    pub fn measure(&self) -> Duration {
        let sign = |blinded: &[u8; 256]| self.signer.sign_blinded(blinded).expect("below the modulus");
        let (time, _) = processor(|| self.blinded.iter().map(sign).collect::<Vec<_>>());
        time
    }
}

/// A bank over a file, with orders for it.
pub struct Withdrawals {
    town: Town,
}

impl Withdrawals {
    /// A bank with its keys published.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn open(settings: &Settings) -> Result<Withdrawals, BenchError> {
        Ok(Withdrawals { town: Town::open(settings)? })
    }

    /// Processor time of that many orders of `items` notes each, so many of them at a time, each from another account.
    ///
    /// # Errors
    /// When an order is not carried out.
    pub fn measure(&mut self, orders: usize, items: usize, in_flight: usize) -> Result<Duration, BenchError> {
        let messages = (0..orders).map(|place| self.town.order(place, items)).collect();
        let (time, replies) = drive::<BlindSignatures>(self.town.routes(), Withdraw::PATH, messages, in_flight)?;
        if replies.len() != orders || replies.iter().any(|reply| reply.signatures.len() != items) {
            return Err(BenchError::Outcome { path: Withdraw::PATH });
        }
        Ok(time)
    }
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let rounds = settings.pick(9, 1);
    let signatures = settings.pick(512, 4);
    let signing = Signing::new(signatures);
    let mut taken = Rounds::default();
    for _ in 0..rounds {
        taken.add_time(signing.measure(), signatures);
    }
    let mut figures = vec![Figure::new("signature alone", Unit::Micros, &taken)];
    let mut withdrawals = Withdrawals::open(settings)?;
    for (orders, items, in_flight) in
        [(settings.pick(64, 2), 6, 32), (settings.pick(256, 4), 1, 32), (settings.pick(128, 2), 1, 1)]
    {
        let mut taken = Rounds::default();
        for _ in 0..rounds {
            taken.add_time(withdrawals.measure(orders, items, in_flight)?, orders * items);
        }
        let name = format!("Withdraw, {items} in an order, {in_flight} orders at a time");
        let figure = Figure::new(name, Unit::Micros, &taken);
        figures.push(if in_flight > 1 { figure.at_most(450.0) } else { figure });
    }
    Ok(Section { scenario: Scenario::Blind, includes: INCLUDES, figures })
}
