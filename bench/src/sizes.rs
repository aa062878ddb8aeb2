//! Bytes and numbers of signatures (RN-P10).

use zeni_crypto::Digest;
use zeni_message::{Signed, encode};
use zeni_note::{IssuanceRequest, LoadTicket, spec, testing::World};

use crate::{
    Scenario, Section,
    chains::Maker,
    measure::count,
    payee::payment,
    report::{Figure, Unit},
};

const INCLUDES: &str = "bytes as encoded in messages and documents, before ASCII armour; signatures of one payment of one holding, \
     by who makes and who checks them. The exchange of a payment is what one round of question and answer says, TIME, W, e, y, \
     S_U, as the source of hierarchical cash counts it: without the note, the accepting word, framing and transport, which \
     stand beside it.";

/// Bits of the comparison: Chaum, Fiat and Naor repeat three values of so many bits thirty times (HC-N2, HC-N3, HC-N5).
const VALUES_OF_A_ROUND: usize = 3;
const ROUNDS: usize = 30;
/// What the source allows for one round (HC-N8), and against 128-bit hashes (HC-N9).
const EXCHANGE_BITS_MAX: f64 = 1_200.0;
const RATIO_MAX: f64 = 0.105;

pub(crate) fn run() -> Section {
    let world = World::new("bench sizes");
    let mut maker = Maker::new(&world);
    let (_, one) = payment(&world, &mut maker, 1);
    let answer = &one.answers[0];
    let (note, right) = (&answer.chain.note, &answer.chain.holder);
    let ticket = LoadTicket { note: Digest([1; 32]), nonce: [1; 16].into() };
    let ticket = Signed::sign(world.network(), ticket, &world.issuer);
    let request = IssuanceRequest {
        key: right.key(),
        entry: Digest([1; 32]),
        randomizer: [1; 32].into(),
        signature: [1; 256].into(),
    };
    let beside = encode(answer).len() - encode(&answer.chain).len();
    let whole = encode(&one).len() - encode(&answer.chain).len();
    let bytes = |name: &str, length: usize| Figure::exact(name, Unit::Bytes, count(length));
    let mut figures = vec![
        bytes("payment answer beside its chain", beside).at_most(150.0),
        bytes("payment of one holding beside its chain", whole).at_most(150.0),
        bytes("licence", encode(right).len()),
        bytes("note", encode(note).len()),
        bytes("load ticket", encode(&ticket).len()),
        bytes("issuance request", encode(&request).len()),
    ];
    let chain = |endorsements: usize, maker: &mut Maker| {
        let persons = maker.persons(&world, endorsements + 1);
        maker.chain(&world, &persons, 1_000, 300).chain
    };
    let mut lengths = Vec::new();
    for endorsements in [0, 1, 5, 10, 16] {
        let length = encode(&chain(endorsements, &mut maker)).len();
        lengths.push(length);
        figures.push(bytes(&format!("chain of {endorsements} endorsements"), length));
    }
    figures
        .push(bytes("chain, an endorsement with its licence", (lengths[4] - lengths[1]).div_ceil(15)).at_most(330.0));
    for endorsements in [1, 5, 16] {
        let (_, payment) = payment(&world, &mut maker, endorsements);
        let chain = &payment.answers[0].chain;
        let walk = chain.walk(&world.roots).expect("a chain just made is well formed");
        let checked = walk.checks.len() + chain.licence_checks(&world.roots).count() + 1;
        let name = format!("signatures checked by the payee, {endorsements} endorsements");
        figures.push(Figure::exact(name, Unit::Count, count(checked)));
    }
    figures.extend(exchange(&world, &mut maker));
    // what the payee's check verified of the payer is one signature over one endorsement per holding
    figures.push(Figure::exact("signatures made by the payer", Unit::Count, count(one.answers.len())));
    Section { scenario: Scenario::Sizes, includes: INCLUDES, figures }
}

/// One round of question and answer in bits, beside what it is compared with (HC-N5…N9, HC-N11).
fn exchange(world: &World, maker: &mut Maker) -> Vec<Figure> {
    let (challenge, one) = payment(world, maker, 1);
    let answer = &one.answers[0];
    let opening = challenge.opening(world.network());
    let w = spec::w(&spec::payee_commitment(&opening.salt, &challenge.payee), &opening.rest);
    let e = challenge.answer(world.network());
    assert_eq!(e, spec::f(challenge.time, &w), "e is what TIME and W give");
    let said = encode(&(challenge.time, w, e, answer.amount, answer.signature));
    let bits = |name: &str, bits: usize| Figure::exact(name, Unit::Bits, count(bits));
    let exchange = 8 * said.len();
    let of = |hash_bits: usize| VALUES_OF_A_ROUND * ROUNDS * hash_bits;
    vec![
        bits("exchange of a payment: TIME, W, e, y, S_U", exchange).at_most(EXCHANGE_BITS_MAX),
        bits("for comparison: Chaum, Fiat, Naor with hashes of 128 bits", of(128)),
        bits("for comparison: Chaum, Fiat, Naor with hashes of 256 bits", of(256)),
        Figure::exact("exchange against hashes of 128 bits", Unit::Ratio, count(exchange) / count(of(128)))
            .at_most(RATIO_MAX),
        Figure::exact("exchange against hashes of 256 bits", Unit::Ratio, count(exchange) / count(of(256))),
        bits("beside the exchange: the note that is shown", 8 * encode(&answer.chain).len()),
        bits("beside the exchange: the challenge as a document", 8 * encode(&challenge).len()),
        bits("the payment as a document", 8 * encode(&one).len()),
    ]
}
