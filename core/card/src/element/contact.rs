//! The token that finds copies and older states of the card (docs/card.md "CONTACT").

use zeni_message::Signed;
use zeni_note::ContactTicket;

use super::{
    CARD, Element,
    memory::Memory,
    operator::{Orders, ordered},
    record::{CardRecord, OPERATOR, Writes},
};
use crate::{CardError, Contact};

impl<M: Memory> Element<M> {
    /// Shows the token beside a nonce that was stored before it is shown: the same until a ticket answers it.
    pub(super) fn do_open_contact(&mut self) -> Result<Contact, CardError> {
        let card = self.operational()?.number;
        let orders = self.orders()?;
        let token = orders.token;
        if let Some(nonce) = orders.nonce {
            return Ok(Contact { card, token, nonce });
        }
        let nonce = self.fresh_nonce();
        let mut writes = Writes::default();
        writes.put(OPERATOR, &[], &Orders { nonce: Some(nonce), ..orders });
        self.commit(writes)?;
        Ok(Contact { card, token, nonce })
    }

    /// Takes the operator's ticket for the nonce shown; the last one again changes nothing.
    pub(super) fn do_close_contact(&mut self, ticket: &Signed<ContactTicket>) -> Result<(), CardError> {
        let card = self.operational()?;
        let orders = self.orders()?;
        let record = ordered(&card, ticket)?;
        if record.card != card.number {
            return Err(CardError::Operator);
        }
        if orders.nonce != Some(record.nonce) {
            let again = orders.answered == Some(record.nonce);
            return if again { Ok(()) } else { Err(CardError::Operator) };
        }
        for newest in &record.rules {
            if newest.number > self.rules_number(newest.currency)? {
                return Err(CardError::RulesFirst { number: newest.number });
            }
        }
        self.nothing_open()?;
        let mut writes = Writes::default();
        let next = Orders {
            token: Some(record.token),
            nonce: None,
            answered: Some(record.nonce),
            time: record.time.0,
            frozen: orders.frozen || record.frozen,
            ..orders
        };
        writes.put(OPERATOR, &[], &next);
        let floor = card.floor.max(record.time);
        if floor != card.floor {
            writes.put(CARD, &[], &CardRecord { floor, ..card });
        }
        self.begin_counts(&mut writes, record.time)?;
        self.commit(writes)
    }
}
