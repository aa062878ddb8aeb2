//! The bank as operator of cards, as docs/card.md describes it.

use std::{collections::BTreeMap, slice};

use zeni_card::element::testing::operator;
use zeni_message::{Signed, route::Clock};
use zeni_money::Currency;
use zeni_note::{
    CardRules, Clearance, ContactTicket, Nonce, RevocationFilter, RulesNumber,
    messages::bank::{ClearanceRefusal, ContactCard, ContactRefusal, Contacted, GetClearance},
    testing::{jpy, nonce},
};

use super::Town;

#[derive(Clone)]
struct Row {
    token: Option<Nonce>,
    nonce: Nonce,
    ticket: Signed<ContactTicket>,
    frozen: bool,
}

#[derive(Default)]
pub(crate) struct Cards {
    rows: BTreeMap<[u8; 16], Row>,
    given: u64,
    /// The newest rules, in ascending order.
    pub(crate) rules: Vec<CardRules>,
    /// Keys of the filter, which may name others than the list.
    pub(crate) filtered: Vec<zeni_crypto::Digest>,
    /// Number of the filter; 0 for none.
    pub(crate) filter: u64,
    /// Why the bank answers no contact of any card.
    pub(crate) refuses: Option<ContactRefusal>,
    /// The currency of the accounts, where it is not yen.
    pub(crate) currency: Option<Currency>,
    /// A ticket that a false bank sends instead of the right one.
    pub(crate) replayed: Option<Signed<ContactTicket>>,
}

impl Cards {
    /// The last ticket of the only card.
    pub(crate) fn ticket(&self) -> Option<&Signed<ContactTicket>> {
        self.rows.values().next().map(|row| &row.ticket)
    }
}

pub(super) fn contact(town: &Town, it: ContactCard) -> Result<Contacted, ContactRefusal> {
    let network = town.world.network();
    let books = &mut *town.books();
    let cards = &mut books.cards;
    if let Some(refusal) = &cards.refuses {
        return Err(refusal.clone());
    }
    let currency = cards.currency.unwrap_or_else(jpy);
    let before = cards.rows.get(&*it.card).cloned();
    let newest = |rules: &CardRules| RulesNumber { currency: rules.currency, number: rules.number };
    let newest: Vec<RulesNumber> = cards.rules.iter().map(newest).collect();
    let mut ticket = |frozen| {
        cards.given += 1;
        let token = nonce(&format!("token {}", cards.given));
        let ticket = ContactTicket {
            card: it.card,
            nonce: it.nonce,
            token,
            time: town.clock.now(),
            rules: newest.clone(),
            frozen,
        };
        Signed::sign(network, ticket, &operator())
    };
    let (token, nonce) = (it.token, it.nonce);
    let row = match before {
        Some(row) if (row.token, row.nonce) == (token, nonce) => row,
        Some(row) if token == Some(row.ticket.record.token) && !row.frozen && nonce != row.nonce => {
            Row { token, nonce, ticket: ticket(false), frozen: false }
        }
        Some(_) => Row { token, nonce, ticket: ticket(true), frozen: true },
        None if token.is_some() => return Err(ContactRefusal::UnknownCard),
        None => Row { token, nonce, ticket: ticket(false), frozen: false },
    };
    cards.rows.insert(*it.card, row.clone());
    let rules = cards.rules.iter().filter(|rules| rules.number > it.rules);
    let filter = it.filter.filter(|held| *held < cards.filter).map(|_| {
        let filter = RevocationFilter::of(cards.filter, town.clock.now(), &cards.filtered);
        Signed::sign(network, filter, &operator())
    });
    Ok(Contacted {
        ticket: cards.replayed.clone().unwrap_or(row.ticket),
        rules: rules.map(|rules| Signed::sign(network, rules.clone(), &operator())).collect(),
        filter,
        currency,
    })
}

pub(super) fn clearance(town: &Town, it: GetClearance) -> Result<Signed<Clearance>, ClearanceRefusal> {
    let books = town.books();
    if it.filter != books.cards.filter {
        return Err(ClearanceRefusal::OtherFilter { newest: books.cards.filter });
    }
    let [key] = slice::from_ref(&it.keys).concat()[..] else { panic!("one key at a time") };
    if books.revoked.contains(&key) {
        return Err(ClearanceRefusal::Revoked { item: 0 });
    }
    Ok(Signed::sign(town.world.network(), Clearance { filter: it.filter, keys: it.keys }, &operator()))
}
