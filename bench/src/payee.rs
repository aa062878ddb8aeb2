//! The payee's offline check (RN-F4.2…F4.6).

use std::time::Duration;

use zeni_crypto::SharedEntropy;
use zeni_message::{Signed, decode, encode, limits::DOCUMENT_BYTES_MAX};
use zeni_note::{
    Answer, Challenge, KeyList, Payment, RevocationList,
    chain::Endorsement,
    payment::Knowledge,
    testing::{World, amount},
};

use crate::{
    BenchError, Scenario, Section, Settings,
    chains::{Made, Maker, Person, time},
    measure::{Rounds, processor},
    report::{Figure, Unit},
};

const INCLUDES: &str = "processor time a payment of one holding at the payee, from its bytes: decoding, every signature of the chain, its \
     licences and the payment by the strict equation, amounts, terms, revocation list; nothing remembered from before, nothing \
     stored. The last endorsement is the payment's.";

/// Payments with the challenge that they answer.
pub struct Payee {
    world: World,
    lists: Vec<KeyList>,
    revocations: RevocationList,
    payments: Vec<(Challenge, Vec<u8>)>,
}

impl Payee {
    /// So many payments of one holding with that many endorsements each.
    pub fn new(payments: usize, endorsements: usize) -> Payee {
        let world = World::new("bench payee");
        let mut maker = Maker::new(&world);
        let payments = (0..payments)
            .map(|_| {
                let (challenge, payment) = payment(&world, &mut maker, endorsements);
                (challenge, encode(&payment))
            })
            .collect();
        let revocations = RevocationList { revoked: revoked(), ..world.revocations(time()) };
        Payee { lists: vec![world.key_list()], revocations, payments, world }
    }

    /// Processor time of checking all payments.
    ///
    /// # Errors
    /// When one is refused.
    pub fn measure(&self) -> Result<Duration, BenchError> {
        let known =
            Knowledge { roots: &self.world.roots, terms: &self.lists, revocations: &self.revocations, now: time() };
        let check = |(challenge, bytes): &(Challenge, Vec<u8>)| {
            let payment: Option<Payment> = decode(bytes, DOCUMENT_BYTES_MAX).ok();
            payment.is_some_and(|payment| payment.check(challenge, &known).is_ok())
        };
        let (time, good) = processor(|| self.payments.iter().filter(|one| check(one)).count());
        if good == self.payments.len() { Ok(time) } else { Err(BenchError::Outcome { path: "payment" }) }
    }
}

/// A revocation list of a thousand keys, sorted as the authority's is.
fn revoked() -> Vec<zeni_crypto::Digest> {
    let entropy = SharedEntropy::seeded([4; 32]);
    let mut revoked: Vec<_> = (0..1_000).map(|_| zeni_crypto::Digest(entropy.bytes())).collect();
    revoked.sort_unstable();
    revoked
}

/// A payment of one holding whose chain has `endorsements` with the payment's own.
pub(crate) fn payment(world: &World, maker: &mut Maker, endorsements: usize) -> (Challenge, Payment) {
    let persons: Vec<Person> = maker.persons(world, endorsements + 1);
    let (payee, holders) = persons.split_last().expect("there is a payee");
    let payer = holders.last().expect("there is a payer");
    let Made { chain, leaf } = maker.chain(world, holders, 1_000, 300);
    let challenge = maker.challenge(payee, 300);
    let answer = challenge.answer(world.network());
    let record = Endorsement { parent: leaf, amount: amount(300), answer };
    let signature = Signed::sign(world.network(), record, &payer.secret).signature;
    let answers = vec![Answer { chain, amount: amount(300), signature }];
    (challenge, Payment { network: world.network(), answer, answers })
}

pub(crate) fn run(settings: &Settings) -> Result<Section, BenchError> {
    let payments = settings.pick(200, 4);
    let mut figures = Vec::new();
    for endorsements in [1, 5, 16] {
        let payee = Payee::new(payments, endorsements);
        let mut taken = Rounds::default();
        for _ in 0..settings.pick(9, 1) {
            taken.add_time(payee.measure()?, payments);
        }
        let word = if endorsements == 1 { "endorsement" } else { "endorsements" };
        let figure = Figure::new(format!("{endorsements} {word}"), Unit::Micros, &taken);
        figures.push(if endorsements == 1 { figure.at_most(250.0) } else { figure });
    }
    Ok(Section { scenario: Scenario::Payee, includes: INCLUDES, figures })
}
