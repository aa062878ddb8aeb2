//! Real things of one small world, and ways to spoil them.

use std::sync::LazyLock;

use zeni_crypto::SecretKey;
use zeni_note::{
    Chain, Challenge, ClosingPurpose, Payment,
    testing::{DAY, START, World, key, nonce},
};

/// The world of all samples.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(|| World::new("fuzz"));

/// The payer whose chains end in the samples.
pub(crate) fn payer() -> SecretKey {
    key("payer")
}

/// A note of 1,000 that passed through three hands to the payer, who holds 600 of it.
pub(crate) static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let hands = [key("first"), key("second"), key("third"), payer()];
    let mut chain = WORLD.note(&hands[0], 1_000, "long");
    for (place, value) in [900, 700, 600].into_iter().enumerate() {
        chain = WORLD.pay(&chain, &hands[place], &hands[place + 1], value, &format!("hop {place}"));
    }
    chain
});

/// A request for 750.
pub(crate) static CHALLENGE: LazyLock<Challenge> =
    LazyLock::new(|| WORLD.challenge(&key("payee"), 750, "asked", START.plus(DAY)));

/// The payment that answers [`CHALLENGE`] from three holdings of the payer.
pub(crate) static PAYMENT: LazyLock<Payment> = LazyLock::new(|| {
    let (payer, network) = (payer(), WORLD.network());
    let (one, other) = (WORLD.note(&payer, 500, "one"), WORLD.note(&payer, 100, "other"));
    let answers = [(&*CHAIN, 600), (&one, 100), (&other, 50)];
    let answers = answers.map(|(chain, value)| WORLD.answer(chain, &payer, value, &CHALLENGE)).into();
    Payment { network, answer: CHALLENGE.answer(network), answers }
});

/// A renewal for a fresh key.
pub(crate) fn renewal() -> ClosingPurpose {
    ClosingPurpose::Renewal { nonce: nonce("renewal"), licence: WORLD.licence(key("fresh").public()) }
}

/// `bytes` after the edits: each four bytes of `edits` set, flip, cut out or insert one byte somewhere.
pub(crate) fn edited(mut bytes: Vec<u8>, edits: &[u8]) -> Vec<u8> {
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[1], edit[2]]));
        let Some(at) = at.checked_rem(bytes.len()) else { break };
        match edit[0] % 4 {
            0 => bytes[at] = edit[3],
            1 => bytes[at] ^= 1 << (edit[3] % 8),
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, edit[3]),
        }
    }
    bytes
}

/// One of the samples altered as the rest of `data` says, or that rest itself.
pub(crate) fn sample_or_wild(samples: &[Vec<u8>], data: &[u8]) -> Vec<u8> {
    let Some((which, rest)) = data.split_first() else { return Vec::new() };
    samples.get(usize::from(*which)).map_or_else(|| rest.to_vec(), |sample| edited(sample.clone(), rest))
}
