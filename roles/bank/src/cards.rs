//! `ContactCard` and `GetClearance`: the bank as operator of its customers' cards (docs/card.md "CONTACT").
//!
//! Per card the bank keeps the token that the card shows next, and digests of what it showed before. Who shows an old token
//! with a nonce that never came with it, or a token that was never given out, is a copy of the card or an older state of it:
//! from then on each contact of that card gets the word *frozen*, for good. That is no case and reaches nobody else.
//!
//! ```text
//! (token, nonce)          as stored                  → the same ticket
//! (next, fresh nonce)     the ticket was taken       → current = next, another ticket
//! any (token, nonce) of   an older state, or a late  → the word frozen for this nonce alone; nothing changes
//! before, exactly         message
//! anything else                                      → frozen for good
//! ```
//!
//! A card that went on after a pair of before has drawn another nonce since, so that a ticket for that pair is nothing to it: a
//! late message freezes nobody. Whoever still waits for an answer to that nonce is an older state.

mod rules;

use zeni_crypto::{Digest, tagged};
use zeni_message::{
    Signed, Time, decode, encode,
    limits::SMALL_MESSAGE_BYTES_MAX,
    route::{Ctx, Failure, Handle},
};
use zeni_note::{
    Clearance, ContactTicket, Nonce, RevocationFilter, RulesNumber,
    messages::bank::{ClearanceRefusal, ContactCard, ContactRefusal, Contacted, GetClearance},
    operator::CLEARED_MAX,
};
use zeni_store::{JobError, Row, Tx, TxError, params};

use crate::{
    accounts::Customer,
    bank::{Bank, failure},
    books::broken,
    schema,
};

pub use rules::{CardLimits, CardReport, LimitsRefusal, LimitsReport};

/// Cards of one account in use: not frozen, with a contact within [`IN_USE_S`].
pub(crate) const CARDS_MAX: u32 = 16;
/// New cards of one account in [`DAY_S`]: what is known of a card is kept for good, so that nobody makes the bank forget one
/// by inventing others.
pub(crate) const NEW_CARDS_MAX: u32 = 20;
/// A card without contact for so long makes room for others; it is known still. Seconds.
const IN_USE_S: u64 = 30 * DAY_S;
const DAY_S: u64 = 86_400;
/// What a card showed before, as digests, the newest: beyond them a late message counts as a copy's.
const SHOWN_KEPT_MAX: u64 = 1_024;

type Job<T> = Result<T, JobError<ContactRefusal>>;

/// What may be answered: both tickets are signed before it is known which is due; the other never leaves.
#[derive(Clone)]
struct Tickets {
    next: [u8; 16],
    good: Vec<u8>,
    frozen: Vec<u8>,
    /// In the place of a stored one that cannot be read.
    again: Option<(Unreadable, Vec<u8>)>,
}

/// What a stored ticket said that cannot be read: an earlier version wrote it.
#[derive(Clone, Copy, PartialEq)]
struct Unreadable {
    next: [u8; 16],
    frozen: bool,
}

enum Answer {
    Ticket(Vec<u8>),
    /// Nothing has changed: a ticket that says the same is to be signed first.
    Unreadable(Unreadable),
}

/// A card as the bank knows it.
struct Known {
    account: String,
    token: Option<[u8; 16]>,
    nonce: [u8; 16],
    next: [u8; 16],
    ticket: Vec<u8>,
    frozen: bool,
}

impl Known {
    fn read(row: &Row) -> Result<Known, TxError> {
        Ok(Known {
            account: row.text(0)?.to_owned(),
            token: row.opt_array(1)?,
            nonce: row.array(2)?,
            next: row.array(3)?,
            ticket: row.blob(4)?.to_vec(),
            frozen: row.int(5)? != 0,
        })
    }

    fn store(&self, tx: &mut Tx<'_>, card: &Nonce, now: Time) -> Result<(), TxError> {
        let time = schema::int(now.0);
        let row = params![**card, self.token, self.nonce, self.next, &self.ticket, self.frozen, time];
        match tx.execute(schema::UPDATE_CARD, row)? {
            1 => Ok(()),
            _ => Err(broken("a card's row is missing")),
        }
    }
}

impl Handle<ContactCard> for Bank {
    async fn handle(&self, ctx: &Ctx, message: ContactCard) -> Result<Contacted, Failure<ContactRefusal>> {
        let customer = self.customer(ctx).await?;
        let rules = self.rules_for(message.card).await?;
        let named = rules::named(&rules);
        let filter = match message.filter {
            Some(held) => self.newer_filter(held).await?,
            None => None,
        };
        let network = self.config.roots.network;
        let rules = rules.into_iter().filter(|rules| rules.number > message.rules);
        let rules = rules.map(|rules| Signed::sign(network, rules, &self.document)).collect();
        let currency = customer.currency;
        let ticket = self.ticket(customer, message, named, ctx.now).await?;
        let ticket = decode(&ticket, SMALL_MESSAGE_BYTES_MAX).map_err(|_| Failure::Internal)?;
        Ok(Contacted { ticket, rules, filter, currency })
    }
}

impl Handle<GetClearance> for Bank {
    async fn handle(&self, _: &Ctx, message: GetClearance) -> Result<Signed<Clearance>, Failure<ClearanceRefusal>> {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        if !(1..=CLEARED_MAX).contains(&message.keys.len()) {
            let (found, max) = (number(message.keys.len()), number(CLEARED_MAX));
            return Err(ClearanceRefusal::Count { found, max }.into());
        }
        let lists = self.lists::<ClearanceRefusal>().await.map_err(failure)?;
        let Some(list) = lists.revocations.as_ref().filter(|list| list.number == message.filter) else {
            let newest = lists.revocations.as_ref().map_or(0, |list| list.number);
            return Err(ClearanceRefusal::OtherFilter { newest }.into());
        };
        if let Some(item) = message.keys.iter().position(|key| list.revoked.binary_search(key).is_ok()) {
            return Err(ClearanceRefusal::Revoked { item: number(item) }.into());
        }
        let clearance = Clearance { filter: message.filter, keys: message.keys };
        Ok(Signed::sign(self.config.roots.network, clearance, &self.document))
    }
}

impl Bank {
    /// The ticket for what the card showed.
    async fn ticket(
        &self,
        customer: Customer,
        message: ContactCard,
        rules: Vec<RulesNumber>,
        now: Time,
    ) -> Result<Vec<u8>, Failure<ContactRefusal>> {
        let sign = |token: [u8; 16], frozen| {
            let (card, nonce, token, rules) = (message.card, message.nonce, token.into(), rules.clone());
            let ticket = ContactTicket { card, nonce, token, time: now, rules, frozen };
            encode(&Signed::sign(self.config.roots.network, ticket, &self.document))
        };
        let next = self.entropy.bytes();
        let mut tickets = Tickets { next, good: sign(next, false), frozen: sign(next, true), again: None };
        loop {
            let (lane, shown, before) = (self.lane(&customer.account), message.clone(), tickets.again.is_some());
            let (customer, tickets_due) = (customer.clone(), tickets.clone());
            let job = move |tx: &mut Tx<'_>| contact(tx, &customer, &shown, &tickets_due, now);
            match self.store.write(lane, job).await.map_err(failure)? {
                Answer::Ticket(ticket) => return Ok(ticket),
                // the card went on in between
                Answer::Unreadable(_) if before => return Err(Failure::Busy),
                Answer::Unreadable(of) => tickets.again = Some((of, sign(of.next, of.frozen))),
            }
        }
    }

    /// The filter of the authority's newest list, if it is newer than `held`.
    async fn newer_filter(&self, held: u64) -> Result<Option<Signed<RevocationFilter>>, Failure<ContactRefusal>> {
        let lists = self.lists::<ContactRefusal>().await.map_err(failure)?;
        Ok(lists.filter_after(held).map(|filter| Signed::sign(self.config.roots.network, filter, &self.document)))
    }
}

/// The ticket for what the card showed, stored.
fn contact(tx: &mut Tx<'_>, customer: &Customer, message: &ContactCard, tickets: &Tickets, now: Time) -> Job<Answer> {
    let shown = (message.token.map(|token| *token), *message.nonce);
    let row = tx.row(schema::SELECT_CARD, params![*message.card])?;
    let Some(known) = row.as_ref().map(Known::read).transpose()? else {
        return first_contact(tx, customer, message, tickets, now).map(Answer::Ticket);
    };
    if known.account != customer.account {
        return Err(JobError::Refused(ContactRefusal::OtherAccount));
    }
    if shown == (known.token, known.nonce) {
        return Ok(same_again(tx, &message.card, known, tickets)?);
    }
    if tx.row(schema::SELECT_SHOWN, params![*message.card, shown_digest(shown).0])?.is_some() {
        return Ok(Answer::Ticket(tickets.frozen.clone()));
    }
    let taken = shown.0 == Some(known.next) && shown.1 != known.nonce;
    let good = taken && !known.frozen;
    if !good && !known.frozen {
        tracing::warn!("a card showed a token that is not its newest: it is frozen");
    }
    remember(tx, &message.card, (known.token, known.nonce))?;
    let after = Known {
        token: shown.0,
        nonce: shown.1,
        next: tickets.next,
        ticket: if good { tickets.good.clone() } else { tickets.frozen.clone() },
        frozen: !good,
        ..known
    };
    after.store(tx, &message.card, now)?;
    Ok(Answer::Ticket(after.ticket))
}

/// The ticket that the card's last pair got.
fn same_again(tx: &mut Tx<'_>, card: &Nonce, known: Known, tickets: &Tickets) -> Result<Answer, TxError> {
    if decode::<Signed<ContactTicket>>(&known.ticket, SMALL_MESSAGE_BYTES_MAX).is_ok() {
        return Ok(Answer::Ticket(known.ticket));
    }
    let of = Unreadable { next: known.next, frozen: known.frozen };
    match &tickets.again {
        Some((same, ticket)) if *same == of => {
            tx.execute(schema::UPDATE_TICKET, params![**card, ticket])?;
            Ok(Answer::Ticket(ticket.clone()))
        }
        _ => Ok(Answer::Unreadable(of)),
    }
}

/// What a card showed, in few bytes.
fn shown_digest((token, nonce): (Option<[u8; 16]>, [u8; 16])) -> Digest {
    tagged("zeni/card-shown", &[token.as_ref().map_or(&[][..], |token| token), &nonce])
}

/// Keeps what a card showed until now; of what it showed long before the oldest is forgotten.
fn remember(tx: &mut Tx<'_>, card: &Nonce, shown: (Option<[u8; 16]>, [u8; 16])) -> Result<(), TxError> {
    let last = tx.row(schema::SELECT_SHOWN_NUMBER, params![**card])?.map(|row| row.u64(0)).transpose()?.unwrap_or(0);
    let number = last.saturating_add(1);
    tx.execute(schema::INSERT_SHOWN, params![**card, shown_digest(shown).0, schema::int(number)])?;
    if let Some(forgotten) = number.checked_sub(SHOWN_KEPT_MAX) {
        tx.execute(schema::DELETE_SHOWN, params![**card, schema::int(forgotten)])?;
    }
    Ok(())
}

fn first_contact(
    tx: &mut Tx<'_>,
    customer: &Customer,
    message: &ContactCard,
    tickets: &Tickets,
    now: Time,
) -> Job<Vec<u8>> {
    if message.token.is_some() {
        return Err(JobError::Refused(ContactRefusal::UnknownCard));
    }
    let mut count = |statement, seconds: u64| -> Result<u64, TxError> {
        let since = schema::int(now.0.saturating_sub(seconds));
        tx.row(statement, params![&customer.account, since])?.map_or(Ok(0), |row| row.u64(0))
    };
    let (new, used) = (count(schema::COUNT_NEW_CARDS, DAY_S)?, count(schema::COUNT_CARDS_IN_USE, IN_USE_S)?);
    if used >= u64::from(CARDS_MAX) {
        return Err(JobError::Refused(ContactRefusal::TooManyCards { max: CARDS_MAX }));
    }
    if new >= u64::from(NEW_CARDS_MAX) {
        return Err(JobError::Refused(ContactRefusal::TooManyNew { max: NEW_CARDS_MAX }));
    }
    let row =
        params![*message.card, &customer.account, *message.nonce, tickets.next, &tickets.good, schema::int(now.0)];
    match tx.execute(schema::INSERT_CARD, row)? {
        1 => Ok(tickets.good.clone()),
        _ => Err(broken("a card that was not there is there").into()),
    }
}

#[cfg(test)]
mod tests;
