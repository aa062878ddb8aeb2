//! The checks of a deposit that need no database (RN-F5.1), in the order of [`DepositRefusal`].

use std::collections::BTreeSet;

use zeni_crypto::{Digest, tagged};
use zeni_message::{
    Time, encode,
    limits::{BATCH_ITEMS_MAX, MESSAGE_BYTES_MAX},
};
use zeni_money::{Amount, Currency};
use zeni_note::{
    Chain, ChainFault, Closing, ClosingPurpose, VerifiedChain,
    keylist::Roots,
    merkle,
    messages::bank::{ClosedChain, Deposit, DepositRefusal, HandInTakings},
};

use crate::{accounts::Customer, lists::Lists};

/// Bytes that a hand-in and one taking's closing add to its chains in a batch of returns, at most.
const HAND_IN_BYTES_MAX: usize = 1_024;
const TAKING_BYTES_MAX: usize = 32;

/// A deposit whose every signature was checked.
pub(super) struct Checked {
    pub(super) content: Digest,
    /// Encoded, for takings.
    pub(super) hand_in: Option<Vec<u8>>,
    pub(super) items: Vec<CheckedItem>,
}

/// One holding of it.
pub(super) struct CheckedItem {
    pub(super) leaf: Digest,
    pub(super) amount: Amount,
    pub(super) refund: bool,
    pub(super) keep_until: Time,
    /// Whether its holder's licence is revoked, as far as this bank knows.
    pub(super) revoked: bool,
    pub(super) chain: Vec<u8>,
    /// Encoded; none for takings, whose closing says only where they stand in the batch.
    pub(super) closing: Option<Vec<u8>>,
}

/// Why a deposit was not checked to the end.
pub(super) enum Faulty {
    Refused(DepositRefusal),
    /// The key list of the item's note is not at hand.
    UnknownTerms {
        item: u32,
    },
}

impl From<DepositRefusal> for Faulty {
    fn from(refusal: DepositRefusal) -> Faulty {
        Faulty::Refused(refusal)
    }
}

/// What makes two deposits the same: purpose, leaves and amounts; no signature. None if a chain is not well formed.
pub(super) fn content(roots: &Roots, message: &Deposit) -> Option<Digest> {
    let leaves = message.items.iter().map(|item| leaf(roots, &item.chain)).collect::<Option<Vec<_>>>()?;
    let amounts: Vec<Amount> = message.items.iter().map(|item| item.amount).collect();
    Some(tagged("zeni/deposit-content", &[&encode(&message.purpose), &encode(&leaves), &encode(&amounts)]))
}

/// As [`content`], of takings.
pub(super) fn takings_content(roots: &Roots, message: &HandInTakings) -> Option<Digest> {
    let leaves = message.chains.iter().map(|chain| leaf(roots, chain)).collect::<Option<Vec<_>>>()?;
    Some(tagged("zeni/takings-content", &[&encode(&message.hand_in.record), &encode(&leaves)]))
}

/// How many of the takings fit into one batch of returns, since they all stand in one.
pub(super) fn takings_max(message: &HandInTakings) -> usize {
    let mut room = MESSAGE_BYTES_MAX - HAND_IN_BYTES_MAX;
    for (place, chain) in message.chains.iter().enumerate() {
        match room.checked_sub(encode(chain).len() + TAKING_BYTES_MAX) {
            Some(rest) => room = rest,
            None => return place.min(BATCH_ITEMS_MAX),
        }
    }
    BATCH_ITEMS_MAX
}

fn leaf(roots: &Roots, chain: &Chain) -> Option<Digest> {
    chain.walk(roots).ok()?.nodes.last().map(|node| node.identity)
}

/// Checks holdings that are closed one by one.
pub(super) fn deposit(
    roots: &Roots,
    lists: &Lists,
    customer: &Customer,
    message: &Deposit,
    now: Time,
) -> Result<Checked, Faulty> {
    let refund = message.purpose.is_refund();
    let verified = verify(roots, lists, customer.currency, message.items.iter().map(|item| &item.chain))?;
    for (place, (item, chain)) in (0_u32..).zip(message.items.iter().zip(&verified)) {
        if !is_closed(roots, item, chain, &message.purpose) {
            return Err(DepositRefusal::WrongClosing { item: place }.into());
        }
    }
    if refund {
        past_deposit(&verified, now)?;
    } else {
        in_time(&verified, now)?;
    }
    once(&verified)?;
    let items = message.items.iter().zip(&verified).map(|(item, chain)| {
        let closing =
            Closing::Single { amount: item.amount, purpose: message.purpose.clone(), signature: item.signature };
        checked_item(lists, &item.chain, chain, item.amount, refund, Some(encode(&closing)))
    });
    let items = items.collect();
    let content = content(roots, message).ok_or(DepositRefusal::Malformed { item: 0 })?;
    Ok(Checked { content, hand_in: None, items })
}

/// Checks a shop's takings under one signature (DESIGN §5).
pub(super) fn takings(
    roots: &Roots,
    lists: &Lists,
    customer: &Customer,
    message: &HandInTakings,
    now: Time,
) -> Result<Checked, Faulty> {
    let verified = verify(roots, lists, customer.currency, message.chains.iter())?;
    let leaves: Vec<Digest> = verified.iter().map(|chain| chain.leaf().identity).collect();
    let hand_in = &message.hand_in;
    let holder = verified.first().ok_or(DepositRefusal::Malformed { item: 0 })?.leaf().holder;
    let covers = usize::try_from(hand_in.record.count) == Ok(leaves.len())
        && hand_in.record.root == merkle::root(&leaves)
        && hand_in.verify(roots.network, &holder).is_ok();
    if !covers {
        return Err(DepositRefusal::WrongClosing { item: 0 }.into());
    }
    if let Some((item, _)) = (0_u32..).zip(&verified).find(|(_, chain)| chain.leaf().holder != holder) {
        return Err(DepositRefusal::WrongClosing { item }.into());
    }
    in_time(&verified, now)?;
    once(&verified)?;
    let items = message.chains.iter().zip(&verified);
    let items = items.map(|(chain, verified)| checked_item(lists, chain, verified, verified.leaf().value, false, None));
    let items = items.collect();
    let content = takings_content(roots, message).ok_or(DepositRefusal::Malformed { item: 0 })?;
    Ok(Checked { content, hand_in: Some(encode(hand_in)), items })
}

/// Currencies, then each chain with all its signatures (RN-F4.2, F4.3), and a total that the books can hold.
fn verify<'a>(
    roots: &Roots,
    lists: &Lists,
    currency: Currency,
    chains: impl Iterator<Item = &'a Chain> + Clone,
) -> Result<Vec<VerifiedChain>, Faulty> {
    if chains.clone().any(|chain| chain.currency() != currency) {
        return Err(DepositRefusal::MixedCurrencies.into());
    }
    let mut verified: Vec<VerifiedChain> = Vec::new();
    let mut total = Amount::ZERO;
    for (item, chain) in (0_u32..).zip(chains) {
        let malformed = DepositRefusal::Malformed { item };
        let one = chain.verify(roots, lists).map_err(|fault| match fault {
            ChainFault::UnknownTerms { .. } => Faulty::UnknownTerms { item },
            _ => Faulty::Refused(malformed.clone()),
        })?;
        total = total.checked_add(one.leaf().value).ok_or(malformed)?;
        verified.push(one);
    }
    Ok(verified)
}

/// Whether the holder's key closed the holding for this purpose: the whole leaf, in a refund a rest of it.
fn is_closed(roots: &Roots, item: &ClosedChain, chain: &VerifiedChain, purpose: &ClosingPurpose) -> bool {
    let leaf = chain.leaf();
    let rest = !item.amount.is_zero() && item.amount <= leaf.value;
    let amount = if purpose.is_refund() { rest } else { item.amount == leaf.value };
    let message = purpose.message(roots.network, leaf.identity, item.amount);
    amount && leaf.holder.verify(&message, &item.signature).is_ok()
}

/// Refuses refunds of what can still be deposited: the issuer would refuse them, and meanwhile the term of the deposit
/// could run out.
fn past_deposit(verified: &[VerifiedChain], now: Time) -> Result<(), DepositRefusal> {
    match (0_u32..).zip(verified).find(|(_, chain)| now <= chain.terms().deposit_until) {
        Some((item, chain)) => Err(DepositRefusal::TooEarly { item, from: chain.terms().deposit_until.plus(1) }),
        None => Ok(()),
    }
}

fn in_time(verified: &[VerifiedChain], now: Time) -> Result<(), DepositRefusal> {
    match (0_u32..).zip(verified).find(|(_, chain)| now > chain.terms().deposit_until) {
        Some((item, _)) => Err(DepositRefusal::Late { item }),
        None => Ok(()),
    }
}

fn once(verified: &[VerifiedChain]) -> Result<(), DepositRefusal> {
    let mut seen = BTreeSet::new();
    match (0_u32..).zip(verified).find(|(_, chain)| !seen.insert(chain.leaf().identity)) {
        Some((item, _)) => Err(DepositRefusal::Repeated { item }),
        None => Ok(()),
    }
}

fn checked_item(
    lists: &Lists,
    chain: &Chain,
    verified: &VerifiedChain,
    amount: Amount,
    refund: bool,
    closing: Option<Vec<u8>>,
) -> CheckedItem {
    CheckedItem {
        leaf: verified.leaf().identity,
        amount,
        refund,
        keep_until: verified.terms().refund_from,
        revoked: lists.revocations.as_ref().is_some_and(|list| list.revokes(&verified.leaf().holder)),
        chain: encode(chain),
        closing,
    }
}
