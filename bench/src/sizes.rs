//! Bytes and numbers of signatures (RN-P10).

use zeni_crypto::Digest;
use zeni_message::{Signed, encode};
use zeni_note::{IssuanceRequest, LoadTicket, testing::World};

use crate::{
    Scenario, Section,
    chains::Maker,
    measure::count,
    payee::payment,
    report::{Figure, Unit},
};

const INCLUDES: &str = "bytes as encoded in messages and documents, before ASCII armour; signatures of one payment of one holding, \
     by who makes and who checks them.";

pub(crate) fn run() -> Section {
    let world = World::new("bench sizes");
    let mut maker = Maker::new(&world);
    let (_, one) = payment(&world, &mut maker, 1);
    let answer = &one.answers[0];
    let (note, licence) = (&answer.chain.note, &answer.chain.holder);
    let ticket = LoadTicket { note: Digest([1; 32]), nonce: [1; 16].into() };
    let ticket = Signed::sign(world.network(), ticket, &world.issuer);
    let request = IssuanceRequest {
        key: licence.record.key,
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
        bytes("licence", encode(licence).len()),
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
        let checked = walk.checks.len() + chain.licences().count() + 1;
        let name = format!("signatures checked by the payee, {endorsements} endorsements");
        figures.push(Figure::exact(name, Unit::Count, count(checked)));
    }
    // what the payee's check verified of the payer is one signature over one endorsement per holding
    figures.push(Figure::exact("signatures made by the payer", Unit::Count, count(one.answers.len())));
    Section { scenario: Scenario::Sizes, includes: INCLUDES, figures }
}
