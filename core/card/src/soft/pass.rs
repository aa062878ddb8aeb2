//! Passing on: endorsements, closings and hand-ins. A counter falls in the memory before its signature leaves (RN-F4.5).

use alloc::vec::Vec;
use core::iter;

use zeni_crypto::{Digest, PublicKey, Signature, tagged};
use zeni_message::{Signed, encode, limits::BATCH_ITEMS_MAX};
use zeni_money::Amount;
use zeni_note::{
    ClosingPurpose, HandIn,
    chain::Endorsement,
    closing::{ClosingRecord, ToAccount},
    merkle,
};

use super::{
    SoftCard,
    memory::Memory,
    record::{CLOSED, Closed, ENDORSED, Endorsed, HAND_INS, Holding, Writes},
};
use crate::{CardError, HoldingState};

impl<M: Memory> SoftCard<M> {
    pub(super) fn signed_before(&mut self, node: &Digest, answer: &Digest) -> Result<Option<Endorsed>, CardError> {
        self.read(ENDORSED, &[&node.0, &answer.0])
    }

    pub(super) fn do_endorse(
        &mut self,
        node: &Digest,
        amount: Amount,
        answer: &Digest,
    ) -> Result<Signature, CardError> {
        self.operational()?;
        let mut holding = self.held(node)?.ok_or(CardError::UnknownHolding)?;
        let before = self.signed_before(node, answer)?;
        if let Some(same) = before.as_ref().filter(|before| before.amount == amount) {
            return Ok(same.signature);
        }
        live(&holding)?;
        if let Some(before) = before {
            return Err(CardError::OtherAmount { signed: before.amount });
        }
        let insufficient = CardError::Insufficient { remaining: holding.remaining };
        holding.remaining = match holding.remaining.checked_sub(amount) {
            Some(rest) if !amount.is_zero() => rest,
            _ => return Err(insufficient),
        };
        let signature = self.sign(&holding.key, &Endorsement { parent: *node, amount, answer: *answer })?;
        let mut writes = Writes::default();
        writes.put_holding(node, &holding);
        writes.put(ENDORSED, &[&node.0, &answer.0], &Endorsed { amount, signature });
        self.commit(writes)?;
        Ok(signature)
    }

    pub(super) fn do_close(
        &mut self,
        node: &Digest,
        purpose: &ClosingPurpose,
    ) -> Result<(Amount, Signature), CardError> {
        self.operational()?;
        let mut holding = self.held(node)?.ok_or(CardError::UnknownHolding)?;
        let digest = purpose.digest(self.roots.network);
        let before: Option<Closed> = self.read(CLOSED, &[&node.0])?;
        if let Some(same) = before.filter(|before| before.purpose == digest) {
            return Ok((same.amount, same.signature));
        }
        match purpose {
            ClosingPurpose::Refund(_) | ClosingPurpose::BackupRefund(_) => refundable(&holding)?,
            ClosingPurpose::Deposit(_) | ClosingPurpose::Renewal { .. } => whole(&holding)?,
        }
        let amount = holding.remaining;
        let signature = self.sign(&holding.key, &ClosingRecord { parent: *node, amount, purpose: digest })?;
        let mut writes = Writes::default();
        close(&mut holding);
        writes.put_holding(node, &holding);
        writes.put(CLOSED, &[&node.0], &Closed { purpose: digest, amount, signature });
        self.commit(writes)?;
        Ok((amount, signature))
    }

    pub(super) fn do_hand_in(&mut self, to: &ToAccount, leaves: &[Digest]) -> Result<Signed<HandIn>, CardError> {
        self.operational()?;
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
        let mut closed: Vec<(Digest, Holding)> = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let holding = self.held(leaf)?.ok_or(CardError::UnknownHolding)?;
            whole(&holding)?;
            closed.push((*leaf, holding));
        }
        let key = one_key(&closed).ok_or(refused)?;
        let signature = self.sign(&key, &record)?;
        let mut writes = Writes::default();
        for (leaf, mut holding) in closed {
            close(&mut holding);
            writes.put_holding(&leaf, &holding);
        }
        writes.put(HAND_INS, &[&id.0], &signature);
        self.commit(writes)?;
        Ok(Signed { record, signature })
    }
}

fn live(holding: &Holding) -> Result<(), CardError> {
    match holding.state {
        HoldingState::Live => Ok(()),
        HoldingState::Restored => Err(CardError::Restored),
        HoldingState::Closed => Err(CardError::Closed),
    }
}

fn whole(holding: &Holding) -> Result<(), CardError> {
    live(holding)?;
    if holding.remaining == holding.value { Ok(()) } else { Err(CardError::NotWhole) }
}

/// Something is left, whether or not it came back from a backup.
fn refundable(holding: &Holding) -> Result<(), CardError> {
    match holding.state {
        HoldingState::Closed => Err(CardError::Closed),
        _ if holding.remaining.is_zero() => Err(CardError::Insufficient { remaining: holding.remaining }),
        HoldingState::Live | HoldingState::Restored => Ok(()),
    }
}

fn close(holding: &mut Holding) {
    holding.state = HoldingState::Closed;
    holding.remaining = Amount::ZERO;
}

/// The key of all leaves, if it is one and no leaf stands twice.
fn one_key(leaves: &[(Digest, Holding)]) -> Option<PublicKey> {
    let key = leaves.first()?.1.key;
    let mut nodes: Vec<&Digest> = leaves.iter().map(|(node, _)| node).collect();
    nodes.sort_unstable();
    let distinct = nodes.windows(2).all(|pair| pair[0] != pair[1]);
    (distinct && leaves.iter().all(|(_, holding)| holding.key == key)).then_some(key)
}

fn hand_in_id(to: &ToAccount, leaves: &[Digest]) -> Digest {
    let to = encode(to);
    let parts: Vec<&[u8]> = iter::once(&to[..]).chain(leaves.iter().map(|leaf| &leaf.0[..])).collect();
    tagged("zeni/card/hand-in", &parts)
}
