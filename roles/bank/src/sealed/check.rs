//! The checks of orders under seal that need no books, in the order of [`WithdrawSealedRefusal`].

use std::collections::{BTreeMap, BTreeSet};

use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Network, Time};
use zeni_note::{
    SeriesTerms,
    messages::bank::{SealedItem, WithdrawSealedRefusal},
    sealed::{Envelope, Ordered},
};

use crate::{accounts::Customer, lists::Lists};

/// What is known of an account and of the ids in a message before anything is checked.
pub(super) struct Known {
    /// Keys that may sign its orders.
    pub(super) keys: Vec<PublicKey>,
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
        for it in asked.iter_mut().filter(|it| it.is_new()) {
            let signer = known.keys.iter().find(|key| it.order.order.verify(self.network, key).is_ok());
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
        let new = asked.into_iter().filter(Asked::is_new).zip(terms);
        let passed = new.map(|(it, terms)| {
            let Asked { item, order, content, signer, .. } = it;
            Some(Checked { item, order, content, key: signer?, keep_until: terms.retain_until })
        });
        Ok(passed.flatten().collect())
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
