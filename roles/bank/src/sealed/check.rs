//! The checks of orders under seal that need no books, in the order of [`WithdrawSealedRefusal`].

use std::collections::{BTreeMap, BTreeSet};

use zeni_crypto::{Digest, PublicKey};
use zeni_identity::CLOCK_TOLERANCE_S;
use zeni_message::{Network, Time};
use zeni_note::{
    SeriesTerms,
    messages::bank::{SealedItem, WithdrawSealedRefusal},
    sealed::{Envelope, Ordered},
};

use crate::{accounts::Customer, certificates::KeyCertificate, lists::Lists};

/// Seconds by which the time of an order may differ from the bank's: its evidence is judged as of that time, and a customer whose
/// message was lost sends the same bytes again. A certificate begins as much earlier, so it holds at every such time from the first.
pub(super) const ORDER_TIME_TOLERANCE_S: u64 = CLOCK_TOLERANCE_S;

/// What is known of an account and of the ids in a message before anything is checked.
pub(super) struct Known {
    /// Its certificates, which name the keys that may sign its orders.
    pub(super) certificates: Vec<KeyCertificate>,
    /// Per item, the identity of the order that has its id.
    pub(super) orders: Vec<Option<Digest>>,
}

/// An order that passed.
pub(super) struct Checked {
    pub(super) item: u32,
    pub(super) order: SealedItem,
    /// Identity of the order.
    pub(super) content: Digest,
    /// The account key that signed it.
    pub(super) key: PublicKey,
    /// The certificate that names the key and holds at the time of the order.
    pub(super) certificate: Digest,
    /// Until when it is kept (HC-O9).
    pub(super) keep_until: Time,
}

/// For whom and by whom is checked.
pub(super) struct Desk<'a> {
    pub(super) network: Network,
    pub(super) bank: &'a str,
    /// The key of the bank's receipts.
    pub(super) document: PublicKey,
    pub(super) customer: &'a Customer,
    pub(super) lists: &'a Lists,
    pub(super) now: Time,
}

struct Asked {
    item: u32,
    order: SealedItem,
    content: Digest,
    stored: Option<Digest>,
    signer: Option<PublicKey>,
}

impl Asked {
    fn is_new(&self) -> bool {
        self.stored != Some(self.content)
    }

    fn of(&self) -> &Ordered {
        &self.order.order.record.of
    }
}

impl Desk<'_> {
    /// Answers the orders that are not stored yet; what is stored already was checked then.
    pub(super) fn check(&self, items: Vec<SealedItem>, known: Known) -> Result<Vec<Checked>, WithdrawSealedRefusal> {
        let asked = (0_u32..).zip(items).zip(known.orders).map(|((item, order), stored)| {
            let content = order.order.identity(self.network);
            Asked { item, order, content, stored, signer: None }
        });
        let mut asked: Vec<Asked> = asked.collect();
        let own = |it: &Asked| {
            let record = &it.order.order.record;
            record.bank == self.bank && record.account == self.customer.account
        };
        if let Some(it) = asked.iter().find(|it| !own(it)) {
            return Err(WithdrawSealedRefusal::WrongAccount { item: it.item });
        }
        // the newest first: which most orders are signed with
        let mut keys: Vec<PublicKey> = Vec::new();
        for key in known.certificates.iter().rev().filter_map(|certificate| certificate.key) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        for it in asked.iter_mut().filter(|it| it.is_new()) {
            let signer = keys.iter().find(|key| it.order.order.verify(self.network, key).is_ok());
            it.signer = Some(*signer.ok_or(WithdrawSealedRefusal::NotSigned { item: it.item })?);
        }
        // what has another length would not open, and might not even fit into a message to the issuer
        let named = |it: &Asked| {
            it.order.request.len() == Envelope::LEN && Envelope::digest(&it.order.request) == it.of().request
        };
        if let Some(it) = asked.iter().find(|it| !named(it)) {
            return Err(WithdrawSealedRefusal::OtherRequest { item: it.item });
        }
        one_order_per_id(&asked)?;
        let terms = self.terms(&asked)?;
        one_request_per_order(&asked)?;
        self.dated(&asked)?;
        let mut passed = Vec::with_capacity(terms.len());
        for (it, terms) in asked.into_iter().filter(Asked::is_new).zip(terms) {
            let Asked { item, order, content, signer, .. } = it;
            let names = |one: &&KeyCertificate| one.key == signer && one.holds.contains(order.order.record.time);
            let (Some(key), Some(certificate)) = (signer, known.certificates.iter().rev().find(names)) else {
                return Err(WithdrawSealedRefusal::NotCertified { item });
            };
            let (certificate, keep_until) = (certificate.request, terms.retain_until);
            passed.push(Checked { item, order, content, key, certificate, keep_until });
        }
        Ok(passed)
    }

    /// Whether each new order is of about now: a third party checks its key as of that time (HC-P15).
    fn dated(&self, asked: &[Asked]) -> Result<(), WithdrawSealedRefusal> {
        let (earliest, latest) = (self.now.minus(ORDER_TIME_TOLERANCE_S), self.now.plus(ORDER_TIME_TOLERANCE_S));
        let present = earliest..=latest;
        match asked.iter().filter(|it| it.is_new()).find(|it| !present.contains(&it.order.order.record.time)) {
            Some(it) => Err(WithdrawSealedRefusal::OtherTime { item: it.item, now: self.now }),
            None => Ok(()),
        }
    }

    /// The terms of each new order, if the bank issues such notes now, to this account.
    fn terms(&self, asked: &[Asked]) -> Result<Vec<&SeriesTerms>, WithdrawSealedRefusal> {
        let new = || asked.iter().filter(|it| it.is_new());
        let mut all = Vec::new();
        for it in new() {
            let terms = self.lists.sealed_terms((self.bank, &self.document), it.of(), self.now);
            all.push(terms.ok_or(WithdrawSealedRefusal::UnknownSeries { item: it.item })?);
        }
        if let Some((it, _)) = new().zip(&all).find(|(_, terms)| self.now > terms.withdraw_until) {
            return Err(WithdrawSealedRefusal::Closed { item: it.item });
        }
        if new().any(|it| it.of().currency != self.customer.currency) {
            return Err(WithdrawSealedRefusal::MixedCurrencies);
        }
        Ok(all)
    }
}

/// No id stands for two orders, neither in the store nor in one message.
fn one_order_per_id(asked: &[Asked]) -> Result<(), WithdrawSealedRefusal> {
    let mut contents = BTreeMap::new();
    for it in asked {
        let content = *contents.entry(*it.order.order.record.order).or_insert(it.content);
        if content != it.content || it.stored.is_some_and(|stored| stored != it.content) {
            return Err(WithdrawSealedRefusal::OtherOrder { item: it.item });
        }
    }
    Ok(())
}

/// No request is ordered twice in one message; whether it was in another is for the books to say.
fn one_request_per_order(asked: &[Asked]) -> Result<(), WithdrawSealedRefusal> {
    let mut requests = BTreeSet::new();
    match asked.iter().find(|it| !requests.insert(it.of().request)) {
        Some(it) => Err(WithdrawSealedRefusal::Repeated { item: it.item }),
        None => Ok(()),
    }
}
