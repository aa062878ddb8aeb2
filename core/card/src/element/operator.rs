//! The operator's orders: the rules of payments to others, the counts they are held against.
//!
//! Counted is what leaves this card: an endorsement that answers a challenge which this card signed with a key of its own
//! stays on it, and is neither counted nor refused. Closings are not limited. So a card that may pay nothing any more can
//! still deposit everything. Days are those of the operator's time: a stranger, whose signed time raises the time floor, could
//! otherwise begin a new day, or end the card, at will. A ticket answers a nonce of this card and a filter is newer than the one
//! before, so that neither can be told twice: their times are taken as they are, and a clock that was wrong once is
//! right again with the next of them.

use zeni_crypto::Digest;
use zeni_message::{Record, Signed, Time};
use zeni_money::{Amount, Currency};
use zeni_note::{CardRules, Nonce};

use super::{
    Element, fault,
    memory::Memory,
    record::{ADOPTED, CHALLENGES, COUNTS, CardRecord, ChallengeSlot, OPERATOR, Origin, PAID, Paid, RULES, Writes},
};
use crate::{CardError, Counts, KeyPolicy, Limits, OperatorStatus};

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// How far the operator's orders have come.
#[derive(Clone, Debug, Default, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub(super) struct Orders {
    /// The greatest number of rules, of whatever currency.
    #[n(0)]
    pub(super) rules: u64,
    /// What the card shows at the next contact; none before the first.
    #[n(1)]
    pub(super) token: Option<Nonce>,
    /// Drawn for a contact that has no ticket yet.
    #[n(2)]
    pub(super) nonce: Option<Nonce>,
    /// Nonce of the last ticket that was taken.
    #[n(3)]
    pub(super) answered: Option<Nonce>,
    /// Time of the last ticket, seconds since 1970.
    #[n(4)]
    pub(super) time: u64,
    /// What the card holds can only be refunded.
    #[n(5)]
    pub(super) frozen: bool,
}

/// The record, if the card's operator signed it.
pub(super) fn ordered<'a, T: Record>(card: &CardRecord, order: &'a Signed<T>) -> Result<&'a T, CardError> {
    order.verify(card.identity.network, &card.identity.operator).map_err(|_| CardError::Operator)?;
    Ok(&order.record)
}

impl<M: Memory> Element<M> {
    pub(super) fn orders(&mut self) -> Result<Orders, CardError> {
        Ok(self.read(OPERATOR, &[])?.unwrap_or_default())
    }

    /// Whether the operator froze this card.
    pub(super) fn is_frozen(&mut self) -> Result<bool, CardError> {
        Ok(self.orders()?.frozen)
    }

    pub(super) fn not_frozen(&mut self) -> Result<(), CardError> {
        if self.is_frozen()? { Err(CardError::Frozen) } else { Ok(()) }
    }

    pub(super) fn do_operator(&mut self) -> Result<OperatorStatus, CardError> {
        self.card()?;
        let orders = self.orders()?;
        let time = self.operators_time(&orders)?;
        Ok(OperatorStatus { rules: orders.rules, filter: self.filter_number()?, time, frozen: orders.frozen })
    }

    /// The later of the times of the last ticket and of the filter.
    fn operators_time(&mut self, orders: &Orders) -> Result<Time, CardError> {
        Ok(Time(orders.time).max(self.filter_time()?))
    }

    /// Number of the rules in a currency; 0 without any.
    pub(super) fn rules_number(&mut self, currency: Currency) -> Result<u64, CardError> {
        let held: Option<CardRules> = self.read(RULES, &[currency.code().as_bytes()])?;
        Ok(held.map_or(0, |rules| rules.number))
    }

    pub(super) fn do_limits(&mut self, currency: Currency) -> Result<Limits, CardError> {
        let keys = self.card()?.identity.keys;
        let orders = self.orders()?;
        let time = self.operators_time(&orders)?;
        // a host that holds the keys needs no card to pay, so of such a card nothing is asked
        let awaits_contact = keys == KeyPolicy::Stay && orders.answered.is_none();
        let rules = self.read(RULES, &[currency.code().as_bytes()])?;
        let counts = self.counts(currency, time)?;
        Ok(Limits { rules, counts, time, awaits_contact })
    }

    pub(super) fn do_take_rules(&mut self, rules: &Signed<CardRules>) -> Result<(), CardError> {
        let card = self.operational()?;
        let orders = self.orders()?;
        let record = ordered(&card, rules)?;
        if record.card.is_some_and(|number| number != card.number) {
            return Err(CardError::Operator);
        }
        let place: &[&[u8]] = &[record.currency.code().as_bytes()];
        let held: Option<CardRules> = self.read(RULES, place)?;
        if held.as_ref() == Some(record) {
            return Ok(());
        }
        // the rules of one currency say nothing of another's
        if let Some(held) = held.filter(|held| held.number >= record.number) {
            return Err(CardError::Older { held: held.number, found: record.number });
        }
        self.nothing_open()?;
        let mut writes = Writes::default();
        writes.put(RULES, place, record);
        writes.put(OPERATOR, &[], &Orders { rules: orders.rules.max(record.number), ..orders });
        self.commit(writes)
    }

    /// Counts `amount` more of the payment `answer`, unless it goes to a key of this card.
    ///
    /// # Errors
    /// [`CardError::Limit`] where the rules do not allow it.
    pub(super) fn count_payment(
        &mut self,
        writes: &mut Writes,
        currency: Currency,
        amount: Amount,
        answer: &Digest,
    ) -> Result<(), CardError> {
        if self.stays_here(answer)? {
            return Ok(());
        }
        let since = self.orders()?.answered;
        let before: Option<Paid> = self.read(PAID, &[&answer.0])?;
        // confirming in between begins no other payment, a contact does: it began the counts anew
        let begun = before.as_ref().is_some_and(|before| before.since == since);
        let paid = before.map_or(Amount::ZERO, |before| before.amount);
        let limits = self.do_limits(currency)?;
        limits.allow(paid, amount, begun).map_err(CardError::Limit)?;
        writes.put(PAID, &[&answer.0], &Paid { amount: saturating(paid, amount), since });
        let counts = limits.counts;
        let counts = Counts {
            payments: counts.payments.saturating_add(u32::from(!begun)),
            total: saturating(counts.total, amount),
            day: counts.day,
            spent: saturating(counts.spent, amount),
        };
        writes.put(COUNTS, &[currency.code().as_bytes()], &counts);
        Ok(())
    }

    /// Whether what answers `answer` goes to a key that was made on this card, so that nobody else can sign with it.
    fn stays_here(&mut self, answer: &Digest) -> Result<bool, CardError> {
        let Some(slot) = self.read::<ChallengeSlot>(CHALLENGES, &[&answer.0])? else { return Ok(false) };
        let adopted = self.read::<Nonce>(ADOPTED, &[&slot.key.0])?.is_some();
        Ok(!adopted && self.key(&slot.key)?.origin == Origin::Own)
    }

    /// The counts of a currency on the day of `time`.
    fn counts(&mut self, currency: Currency, time: Time) -> Result<Counts, CardError> {
        let counts: Counts = self.read(COUNTS, &[currency.code().as_bytes()])?.unwrap_or_default();
        Ok(on_day(counts, time))
    }

    /// Begins the counts since the last contact anew, at the operator's time `ticket` or that of the filter; days go on.
    pub(super) fn begin_counts(&mut self, writes: &mut Writes, ticket: Time) -> Result<(), CardError> {
        let time = ticket.max(self.filter_time()?);
        for (place, bytes) in self.memory.scan(&[COUNTS])? {
            let counts: Counts = super::record::open(&place, &bytes)?;
            let id = place.get(1..).ok_or_else(|| fault("its counts are damaged"))?;
            writes.put(COUNTS, &[id], &Counts { payments: 0, total: Amount::ZERO, ..on_day(counts, time) });
        }
        Ok(())
    }
}

/// The counts on the day of `time`: nothing is spent on a new day. Where the operator's clock was set back, what was spent on
/// the later day stands for the earlier one, so that setting it back gives nothing.
fn on_day(counts: Counts, time: Time) -> Counts {
    let day = time.0 / DAY_S;
    let spent = if day > counts.day { Amount::ZERO } else { counts.spent };
    Counts { day, spent, ..counts }
}

fn saturating(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(Amount::MAX)
}
