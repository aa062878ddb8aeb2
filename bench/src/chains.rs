//! Many real chains, made without following each again at every endorsement as the test world does.

use zeni_crypto::{Digest, SecretKey, sha256};
use zeni_message::{Signed, Time, identity};
use zeni_note::{
    Chain, Challenge, Closing, ClosingPurpose, HandIn, Hop, Licence, Nonce, Note,
    chain::Endorsement,
    closing::ClosingRecord,
    merkle,
    messages::issuer::ReturnItem,
    testing::{DAY, EPOCH, SERIES, START, World, amount, jpy, key, nonce},
};

/// A licensed key.
pub(crate) struct Person {
    pub(crate) secret: SecretKey,
    pub(crate) licence: Signed<Licence>,
}

/// A chain and where it ends.
pub(crate) struct Made {
    pub(crate) chain: Chain,
    /// Identity of its last node.
    pub(crate) leaf: Digest,
}

/// Numbers what it makes, so that nothing is made twice.
pub(crate) struct Maker {
    template: Challenge,
    made: u64,
}

impl Maker {
    pub(crate) fn new(world: &World) -> Maker {
        Maker { template: world.challenge(&key("bench payee"), 1, "bench", time()), made: 0 }
    }

    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(crate) fn persons(&mut self, world: &World, count: usize) -> Vec<Person> {
        (0..count)
            .map(|_| {
                let secret = SecretKey::from_seed(sha256(&[b"bench person", &self.number().to_be_bytes()]).0);
                let licence = world.licence(secret.public());
                Person { secret, licence }
            })
            .collect()
    }

    /// So many payers, each followed by the same shop.
    pub(crate) fn customers(&mut self, world: &World, count: usize) -> Vec<[Person; 2]> {
        let shop = sha256(&[b"bench shop", &self.number().to_be_bytes()]).0;
        let shop = || {
            let secret = SecretKey::from_seed(shop);
            let licence = world.licence(secret.public());
            Person { secret, licence }
        };
        self.persons(world, count).into_iter().map(|payer| [payer, shop()]).collect()
    }

    fn nonce(&mut self) -> Nonce {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&sha256(&[b"bench nonce", &self.number().to_be_bytes()]).0[..16]);
        bytes.into()
    }

    /// What `payee` asks.
    pub(crate) fn challenge(&mut self, payee: &Person, value: u64) -> Challenge {
        Challenge {
            payee: payee.secret.public(),
            right: payee.licence.clone().into(),
            key_salt: self.nonce(),
            nonce: self.nonce(),
            total: amount(value),
            ..self.template.clone()
        }
    }

    /// A note of `face` to the first person, of which `value` was passed on from each to the next.
    pub(crate) fn chain(&mut self, world: &World, holders: &[Person], face: u64, value: u64) -> Made {
        let network = world.network();
        let (first, others) = holders.split_first().expect("a note has a holder");
        let note = Note {
            serial: self.nonce(),
            series: SERIES,
            epoch: EPOCH,
            currency: jpy(),
            face: amount(face),
            holder: first.secret.public(),
            way: zeni_note::keylist::Way::Registered,
        };
        let mut leaf = identity(network, &note);
        let mut hops = Vec::with_capacity(others.len());
        for (payer, payee) in holders.iter().zip(others) {
            let opening = self.challenge(payee, value).opening(network);
            let answer = opening.answer_for(&payee.secret.public());
            let endorsement = Endorsement { parent: leaf, amount: amount(value), answer };
            let signature = Signed::sign(network, endorsement, &payer.secret).signature;
            leaf = identity(network, &endorsement);
            hops.push(Hop { opening, amount: amount(value), signature, payee: payee.licence.clone().into() });
        }
        let note = Signed::sign(network, note, &world.issuer);
        Made { chain: Chain { note, holder: first.licence.clone().into(), hops }, leaf }
    }

    /// A chain over all `holders`, closed by the last for a deposit at `bank`.
    pub(crate) fn item(&mut self, world: &World, holders: &[Person], face: u64, value: u64, bank: &str) -> ReturnItem {
        let Made { chain, leaf } = self.chain(world, holders, face, value);
        let mut to = world.account(bank, "A-1", "bench");
        (to.deposit, to.nonce) = (self.nonce(), nonce("bench bank"));
        let purpose = ClosingPurpose::Deposit(to);
        let record = ClosingRecord { parent: leaf, amount: amount(value), purpose: purpose.digest(world.network()) };
        let holder = &holders.last().expect("a note has a holder").secret;
        let signature = Signed::sign(world.network(), record, holder).signature;
        ReturnItem { chain, closing: Closing::Single { amount: amount(value), purpose, signature } }
    }
}

/// What a shop hands in under one signature: a whole note of `face` from each customer.
pub(crate) fn takings(
    maker: &mut Maker,
    world: &World,
    customers: &[[Person; 2]],
    face: u64,
    bank: &str,
) -> (Signed<HandIn>, Vec<ReturnItem>) {
    let made: Vec<Made> = customers.iter().map(|holders| maker.chain(world, holders, face, face)).collect();
    let leaves: Vec<Digest> = made.iter().map(|made| made.leaf).collect();
    let mut to = world.account(bank, "S-1", "bench");
    (to.deposit, to.nonce) = (maker.nonce(), nonce("bench bank"));
    let count = u32::try_from(leaves.len()).expect("a batch is small");
    let [_, shop] = customers.first().expect("takings have a first customer");
    let hand_in = Signed::sign(world.network(), HandIn { to, count, root: merkle::root(&leaves) }, &shop.secret);
    let items = made.into_iter().zip(0..).map(|(made, index)| {
        let closing = Closing::Taking { hand_in: 0, index };
        ReturnItem { chain: made.chain, closing }
    });
    (hand_in, items.collect())
}

/// When everything happens: the second day of the first epoch.
pub(crate) fn time() -> Time {
    START.plus(DAY)
}
