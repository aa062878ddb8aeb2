//! The open payment: from its first endorsement until the wallet has stored it whole.
//!
//! A wallet that is cut off in between finds what it must finish on the card: nothing else moves money meanwhile, so no
//! endorsement is forgotten beside a wallet's database that is older than the card (FX-D9, FX-F8).

use alloc::vec::Vec;

use zeni_crypto::Digest;
use zeni_message::limits::HOLDINGS_IN_PAYMENT_MAX;

use super::{
    Element, fault,
    memory::Memory,
    record::{self, OPEN, PART, Writes},
};
use crate::{CardError, OpenPayment, PaymentPart};

impl<M: Memory> Element<M> {
    /// The answer of the open payment.
    pub(super) fn open_answer(&mut self) -> Result<Option<Digest>, CardError> {
        self.read(OPEN, &[])
    }

    /// Refuses while any payment is open.
    pub(super) fn nothing_open(&mut self) -> Result<(), CardError> {
        self.open_answer()?.map_or(Ok(()), |answer| Err(CardError::ResumeFirst { answer }))
    }

    /// Refuses while a payment with another answer is open.
    pub(super) fn no_other_open(&mut self, answer: &Digest) -> Result<(), CardError> {
        match self.open_answer()? {
            Some(open) if open != *answer => Err(CardError::ResumeFirst { answer: open }),
            _ => Ok(()),
        }
    }

    /// Refuses an endorsement more where the open payment has as many as a payment can carry.
    pub(super) fn room_for_part(&mut self) -> Result<(), CardError> {
        match self.memory.scan_after(&[PART], &[], HOLDINGS_IN_PAYMENT_MAX)?.len() {
            HOLDINGS_IN_PAYMENT_MAX => Err(CardError::Parts { max: HOLDINGS_IN_PAYMENT_MAX }),
            _ => Ok(()),
        }
    }

    /// Marks the payment `answer` open, with `node` as a part of it.
    pub(super) fn open(writes: &mut Writes, answer: &Digest, node: &Digest) {
        writes.put(OPEN, &[], answer);
        writes.0.push((record::place(PART, &[&node.0]), Some(Vec::new())));
    }

    pub(super) fn do_open_payment(&mut self) -> Result<Option<OpenPayment>, CardError> {
        self.card()?;
        let Some(answer) = self.open_answer()? else { return Ok(None) };
        let damaged = || fault("its open payment is damaged");
        let mut parts = Vec::new();
        // as many as any payment has: a card of an earlier program may have signed more
        for (place, _) in self.memory.scan_after(&[PART], &[], HOLDINGS_IN_PAYMENT_MAX)? {
            let node = Digest::from_slice(&place[1..]).ok_or_else(damaged)?;
            let signed = self.signed_before(&node, &answer)?.ok_or_else(damaged)?;
            parts.push(PaymentPart { node, amount: signed.amount, signature: signed.signature });
        }
        Ok(Some(OpenPayment { answer, parts }))
    }

    pub(super) fn do_confirm(&mut self, answer: &Digest) -> Result<(), CardError> {
        self.operational()?;
        self.no_other_open(answer)?;
        if self.open_answer()?.is_none() {
            return Ok(());
        }
        let mut writes = Writes::default();
        writes.remove(OPEN, &[]);
        for (place, _) in self.memory.scan(&[PART])? {
            writes.0.push((place, None));
        }
        self.commit(writes)
    }
}
