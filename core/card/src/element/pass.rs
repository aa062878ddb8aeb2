//! Passing on: endorsements, closings and hand-ins. A counter falls in the memory before its signature leaves (RN-F4.5).

use alloc::vec::Vec;
use core::iter;

use zeni_crypto::{Digest, PublicKey, Signature, tagged};
use zeni_message::{Signed, encode, limits::BATCH_ITEMS_MAX};
use zeni_money::Amount;
use zeni_note::{ClosingPurpose, HandIn, chain::Endorsement, closing::ToAccount, merkle};

use super::{
    Element,
    memory::Memory,
    record::{CLOSED, Closed, ENDORSED, Endorsed, HAND_INS, Holding, Writes},
};
use crate::{CardError, HoldingState};

impl<M: Memory> Element<M> {
    pub(super) fn signed_before(&mut self, node: &Digest, answer: &Digest) -> Result<Option<Endorsed>, CardError> {
        self.read(ENDORSED, &[&node.0, &answer.0])
    }

    pub(super) fn do_endorse(
        &mut self,
        node: &Digest,
        amount: Amount,
        answer: &Digest,
    ) -> Result<Signature, CardError> {
        let card = self.operational()?;
        let mut holding = self.held(node)?.ok_or(CardError::UnknownHolding)?;
        let before = self.signed_before(node, answer)?;
        if let Some(same) = before.as_ref().filter(|before| before.amount == amount) {
            return Ok(same.signature);
        }
        self.no_other_open(answer)?;
        self.not_frozen()?;
        live(&holding)?;
        if let Some(before) = before {
            return Err(CardError::OtherAmount { signed: before.amount });
        }
        let insufficient = CardError::Insufficient { remaining: holding.remaining };
        holding.remaining = match holding.remaining.checked_sub(amount) {
            Some(rest) if !amount.is_zero() => rest,
            _ => return Err(insufficient),
        };
        self.room_for_part()?;
        let mut writes = Writes::default();
        self.count_payment(&mut writes, holding.currency, amount, answer)?;
        let signature = self.sign(&card, &holding.key, &Endorsement { parent: *node, amount, answer: *answer })?;
        writes.put_holding(node, &holding);
        Self::open(&mut writes, answer, node);
        writes.put(ENDORSED, &[&node.0, &answer.0], &Endorsed { amount, signature });
        self.commit(writes)?;
        Ok(signature)
    }

    pub(super) fn do_close(
        &mut self,
        node: &Digest,
        purpose: &ClosingPurpose,
    ) -> Result<(Amount, Signature), CardError> {
        let network = self.operational()?.identity.network;
        self.nothing_open()?;
        let mut holding = self.held(node)?.ok_or(CardError::UnknownHolding)?;
        let digest = purpose.digest(network);
        let before: Option<Closed> = self.read(CLOSED, &[&node.0])?;
        if let Some(same) = before.as_ref().filter(|before| before.purpose == digest) {
            return Ok((same.amount, same.signature));
        }
        let amount = closable(&holding, before.as_ref(), purpose)?;
        let message = purpose.message(network, *node, amount);
        let signature = self.secret(&holding.key)?.sign(&message);
        let mut writes = Writes::default();
        close(&mut holding);
        writes.put_holding(node, &holding);
        writes.put(CLOSED, &[&node.0], &Closed { purpose: digest, amount, signature });
        self.commit(writes)?;
        Ok((amount, signature))
    }

    pub(super) fn do_refund(&mut self, node: &Digest, to: &ToAccount) -> Result<(Amount, Signature), CardError> {
        let network = self.operational()?.identity.network;
        self.nothing_open()?;
        let holding = self.held(node)?.ok_or(CardError::UnknownHolding)?;
        let taken = self.taken(node, &holding)?;
        let amount = something(if taken.is_zero() { holding.remaining } else { taken })?;
        let message = ClosingPurpose::BackupRefund(to.clone()).message(network, *node, amount);
        Ok((amount, self.secret(&holding.key)?.sign(&message)))
    }

    /// What closings took of a holding.
    pub(super) fn taken(&mut self, node: &Digest, holding: &Holding) -> Result<Amount, CardError> {
        let before: Option<Closed> = self.read(CLOSED, &[&node.0])?;
        Ok(match holding.state {
            HoldingState::Closed => closed(holding, before.as_ref()),
            HoldingState::Live | HoldingState::Restored => before.map_or(Amount::ZERO, |before| before.amount),
        })
    }

    pub(super) fn do_hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError> {
        let card = self.operational()?;
        self.nothing_open()?;
        let refused = CardError::HandIn { max: BATCH_ITEMS_MAX };
        let count = match u32::try_from(leaves.len()) {
            Ok(count) if (1..=BATCH_ITEMS_MAX).contains(&leaves.len()) => count,
            _ => return Err(refused),
        };
        let record = HandIn { to: to.clone(), count, root: merkle::root(leaves) };
        let id = hand_in_id(to, leaves);
        if let Some(signature) = self.read::<Signature>(HAND_INS, &[&id.0])? {
            return Ok(Signed { record, signature });
        }
        let key = self.hand_in_key(leaves)?.ok_or(refused)?;
        let signature = self.sign(&card, &key, &record)?;
        // each leaf is read a second time: a card has no room for all of them at once
        let mut writes = Writes::with_room(2 * leaves.len() + 1);
        for leaf in leaves {
            let mut holding = self.held(leaf)?.ok_or(CardError::UnknownHolding)?;
            close(&mut holding);
            writes.put_holding(leaf, &holding);
        }
        writes.put(HAND_INS, &[&id.0], &signature);
        self.commit(writes)?;
        Ok(Signed { record, signature })
    }

    /// The key of all leaves, if each is whole, it is one key, and no leaf stands twice.
    fn hand_in_key(&mut self, leaves: &[Digest]) -> Result<Option<PublicKey>, CardError> {
        let (mut key, mut one_key) = (None, true);
        for leaf in leaves {
            let holding = self.held(leaf)?.ok_or(CardError::UnknownHolding)?;
            let before: Option<Closed> = self.read(CLOSED, &[&leaf.0])?;
            whole(&holding, before.as_ref())?;
            one_key &= *key.get_or_insert(holding.key) == holding.key;
        }
        let mut nodes: Vec<&Digest> = leaves.iter().collect();
        nodes.sort_unstable();
        let distinct = nodes.windows(2).all(|pair| pair[0] != pair[1]);
        Ok(key.filter(|_| one_key && distinct))
    }
}

fn live(holding: &Holding) -> Result<(), CardError> {
    match holding.state {
        HoldingState::Live => Ok(()),
        HoldingState::Restored => Err(CardError::Restored),
        HoldingState::Closed => Err(CardError::Closed),
    }
}

/// The amount that a closing for `purpose` takes, `before` being the last closing by a signature of its own.
///
/// What is closed may be closed again, for whatever purpose if it was closed whole: it can never be endorsed any more, and
/// the issuer counts the closings of a node once and pays it once. So a closing that brought no credit loses no money.
fn closable(holding: &Holding, before: Option<&Closed>, purpose: &ClosingPurpose) -> Result<Amount, CardError> {
    let rest = before.map_or(holding.remaining, |before| before.amount);
    match (purpose, holding.state) {
        (ClosingPurpose::BackupRefund(_), HoldingState::Restored) => something(rest),
        (_, HoldingState::Restored) => Err(CardError::Restored),
        // what this card counts itself it vouches for: such a refund is for restored money alone
        (ClosingPurpose::BackupRefund(_), HoldingState::Live | HoldingState::Closed) => Err(CardError::NotWhole),
        (ClosingPurpose::Refund(_), HoldingState::Live) => something(holding.remaining),
        (ClosingPurpose::Refund(_), HoldingState::Closed) => Ok(closed(holding, before)),
        (ClosingPurpose::Deposit(_) | ClosingPurpose::Renewal { .. }, _) => whole(holding, before),
    }
}

/// The whole value, if none of it was passed on.
fn whole(holding: &Holding, before: Option<&Closed>) -> Result<Amount, CardError> {
    match holding.state {
        HoldingState::Restored => Err(CardError::Restored),
        HoldingState::Closed if closed(holding, before) == holding.value => Ok(holding.value),
        HoldingState::Closed => Err(CardError::Closed),
        HoldingState::Live if holding.remaining == holding.value => Ok(holding.value),
        HoldingState::Live => Err(CardError::NotWhole),
    }
}

/// What closings took of a closed holding: a hand-in, which leaves no record of its own here, takes it whole.
fn closed(holding: &Holding, before: Option<&Closed>) -> Amount {
    before.map_or(holding.value, |before| before.amount)
}

fn something(rest: Amount) -> Result<Amount, CardError> {
    if rest.is_zero() { Err(CardError::Insufficient { remaining: rest }) } else { Ok(rest) }
}

/// Nothing is left; restored money stays marked as such.
fn close(holding: &mut Holding) {
    if holding.state == HoldingState::Live {
        holding.state = HoldingState::Closed;
    }
    holding.remaining = Amount::ZERO;
}

fn hand_in_id(to: &ToAccount, leaves: &[Digest]) -> Digest {
    let to = encode(to);
    let parts: Vec<&[u8]> = iter::once(&to[..]).chain(leaves.iter().map(|leaf| &leaf.0[..])).collect();
    tagged("zeni/card/hand-in", &parts)
}
