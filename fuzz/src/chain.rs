//! Chains and payments: what is not as it was signed is refused.

use zeni_message::{decode, encode, limits::DOCUMENT_BYTES_MAX};
use zeni_money::Amount;
use zeni_note::{Chain, KeyList, Payment, payment::Knowledge, testing::START};

use super::samples::{CHAIN, CHALLENGE, PAYMENT, WORLD, edited};

/// A chain altered in any way is refused, unless what is left of it is its own beginning: the first byte says how many
/// endorsements stay, the others edit the encoding.
pub fn chain(data: &[u8]) {
    let Some((hops, edits)) = data.split_first() else { return };
    let mut shorter = CHAIN.clone();
    shorter.hops.truncate(usize::from(*hops) % (CHAIN.hops.len() + 1));
    let Ok(chain) = decode::<Chain>(&edited(encode(&shorter), edits), DOCUMENT_BYTES_MAX) else { return };
    let walk = chain.walk(&WORLD.roots);
    let lists = [WORLD.key_list()];
    let Ok(verified) = chain.verify(&WORLD.roots, &lists[..]) else {
        assert_ne!(chain, shorter, "a beginning of a good chain is good");
        return;
    };
    assert!(is_beginning(&chain), "an altered chain was accepted");
    assert_eq!(walk.expect("what is verified is well formed").nodes, verified.nodes());
    assert!(
        verified.nodes().windows(2).all(|pair| pair[1].value <= pair[0].value),
        "a holder passed on more than he held"
    );
}

fn is_beginning(chain: &Chain) -> bool {
    (&chain.note, &chain.holder) == (&CHAIN.note, &CHAIN.holder) && CHAIN.hops.starts_with(&chain.hops)
}

/// A payment altered in any way is refused, unless it is made of some of its own answers, each once: the first two bytes
/// say which answers come in which order, the others edit the encoding.
pub fn payment(data: &[u8]) {
    let [order, repeated, edits @ ..] = data else { return };
    let mut mixed = PAYMENT.clone();
    mixed.answers.rotate_left(usize::from(*order) % 3);
    mixed.answers.truncate(1 + usize::from(*order / 3) % 3);
    if let Some(answer) = PAYMENT.answers.get(usize::from(*repeated)) {
        mixed.answers.push(answer.clone());
    }
    let Ok(payment) = decode::<Payment>(&edited(encode(&mixed), edits), DOCUMENT_BYTES_MAX) else { return };
    let lists: Vec<KeyList> = vec![WORLD.key_list()];
    let now = CHALLENGE.time;
    let known = Knowledge { roots: &WORLD.roots, terms: &lists, revocations: &WORLD.revocations(START), now };
    let genuine = payment.answers.iter().all(|answer| PAYMENT.answers.contains(answer));
    let once = (1..payment.answers.len()).all(|at| !payment.answers[..at].contains(&payment.answers[at]));
    let Ok(checked) = payment.check(&CHALLENGE, &known) else {
        assert!(!(genuine && once && payment == mixed), "good answers were refused");
        return;
    };
    assert!(genuine, "an altered answer was accepted");
    assert!(once, "one answer was accepted twice");
    assert_eq!(Some(checked.total), Amount::sum(payment.answers.iter().map(|answer| answer.amount)));
    assert!(checked.received.iter().all(|one| one.chain.verify(&WORLD.roots, &lists).is_ok()));
}
