//! Orders under seal: notes issued through the bank, which cannot read them (HC-F2, HC-F6).

use std::collections::BTreeSet;

use zeni_card::{CardError, Statement};
use zeni_crypto::PublicKey;
use zeni_message::{Refusal, Signed, Time, peer::SendError};
use zeni_money::Money;
use zeni_note::{
    Chain, KeyList, Nonce, Right,
    keylist::{SealedEntry, Way},
    messages::bank::{
        SEALED_ITEMS_MAX, SealedItem, SealedOutcome, SealedReply, SealedState, WithdrawSealed, WithdrawSealedRefusal,
    },
    sealed::{Envelope, IssuanceOrder, KeyMaker, Reply, SealedContent, WithdrawalOrder},
};

use crate::{
    Explain, Holder, Profile, Redeemed, Trouble, Via, WithdrawError, Withdrawn,
    error::{errors, settled},
    record::{KeptContent, Line, SealedOrder, SealedOrderState},
    table::Change,
    withdraw::faces_of,
};

errors! {
    /// Why orders under seal are not notes yet. What was stored stays: `resume` sends the same bytes again.
    pub enum SealedError {
        BadReply { found: usize, ordered: usize } = Later, "bad_reply", "the bank sent {found} answers for {ordered} orders: run resume";
        BadAnswer { orders: usize } = Later, "bad_answer", "the answers to {orders} orders do not open or are not the issuer's word on them: request, order and receipt are kept for a dispute; run resume, or show them to the bank";
        BadReceipt { orders: usize } = Later, "bad_receipt", "the bank's receipts for {orders} orders are not signed by it or are for others: run resume, or show the orders to the bank";
        Refused { reason: String } = Never, "sealed_refused", "the bank says that the notes were refused and the money is back on the account: {reason}";
    } passes {
        Trouble(Trouble);
        Bank(SendError<WithdrawSealedRefusal>);
    }
}

impl From<CardError> for SealedError {
    fn from(error: CardError) -> Self {
        SealedError::Trouble(error.into())
    }
}

/// Whose keys the notes of a withdrawal under seal are made out to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedKeys {
    /// A fresh key for each note (HC-V8).
    Fresh,
    /// One note more for a key that has notes already: the request differs by TM (HC-V7). Payees and issuer see that these notes
    /// are one holder's.
    Again(PublicKey),
    /// Keys that the issuer makes, if it offers that (HC-F6): **it could sign in the holder's place** (HC-O6).
    MadeByIssuer,
}

/// What carrying orders of one withdrawal on came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carried {
    pub(crate) issued: usize,
    pub(crate) pending: usize,
    pub(crate) refused: Vec<String>,
    disputed: usize,
    bad_receipts: usize,
}

/// What a key list says of withdrawals under seal at one bank.
struct Offer<'a> {
    entry: &'a SealedEntry,
    envelope: Envelope,
    epoch: u32,
}

mod doubt;
mod orders;

use doubt::term;

impl Holder {
    /// Orders notes under seal: prepares and stores request, key, K and signed order of each, then sends all to the bank, and
    /// takes what the issuer answered through it (HC-F2). What the issuer has not answered yet is carried on by
    /// [`Holder::run_due`] and [`Holder::resume`] with the same bytes.
    pub async fn withdraw_sealed(&mut self, money: Money, keys: SealedKeys) -> Result<Withdrawn, WithdrawError> {
        self.settle().await?;
        self.freshen().await?;
        let profile = self.profile().await?;
        let (withdrawal, notes) = self.order_sealed(&profile, money, keys).await?;
        let carried = self.carry_sealed(withdrawal).await?;
        if carried.refused.len() == notes
            && let Some(reason) = carried.refused.first()
        {
            return Err(SealedError::Refused { reason: reason.clone() }.into());
        }
        Ok(Withdrawn {
            order: zeni_crypto::hex(&withdrawal[..]),
            via: Via::Sealed,
            money,
            requests: notes,
            redeemed: carried.issued,
            refused: carried.refused,
            credited_back: None,
            next_due: self.next_due().await?,
        })
    }

    /// Chooses the notes, prepares a request for each and stores all before anything is sent (HC-F2.1…F2.3).
    async fn order_sealed(
        &mut self,
        profile: &Profile,
        money: Money,
        keys: SealedKeys,
    ) -> Result<(Nonce, usize), WithdrawError> {
        let list = self.list_to_withdraw().await?;
        let now = self.now();
        let offer = self.offer(&list, &profile.bank, money, now)?;
        let faces = faces_of(offer.entry.faces.iter().copied(), money, SEALED_ITEMS_MAX)?;
        if let SealedKeys::Again(key) = keys {
            let mut busy = self.active::<SealedOrder>().await?;
            busy.retain(|it| content_of(it).is_some_and(|content| content.holder == KeyMaker::User(key)));
            // an order that is said to be refused may still need the slot of its key
            if let Some(doubted) = busy.iter().find(|it| it.is_doubted()) {
                let until = term(doubted, &self.key_lists().await?).unwrap_or(Time(u64::MAX));
                return Err(WithdrawError::KeyDoubted { until });
            }
            if faces.len() != 1 || !busy.is_empty() {
                return Err(WithdrawError::OneAtATime);
            }
        }
        let withdrawal = self.nonce();
        let mut orders = Vec::with_capacity(faces.len());
        for face in faces {
            orders.push(self.prepare(profile, &offer, Money::new(face, money.currency), keys, withdrawal)?);
        }
        self.commit(orders.iter().map(Change::put).collect()).await?;
        Ok((withdrawal, orders.len()))
    }

    /// The bank's part of the sealed series of a currency, as long as withdrawals are open.
    fn offer<'a>(&self, list: &'a KeyList, bank: &str, money: Money, now: Time) -> Result<Offer<'a>, WithdrawError> {
        let record = &list.record;
        let no_keys = || WithdrawError::NoKeys { code: money.currency.code().into() };
        let of_currency = |entry: &&SealedEntry| {
            entry.bank == bank && record.terms(entry.series).is_some_and(|terms| terms.currency == money.currency)
        };
        let entry = record.sealed.iter().filter(of_currency).min_by_key(|entry| entry.series).ok_or_else(no_keys)?;
        let terms = record.terms(entry.series).ok_or_else(no_keys)?;
        if now > terms.withdraw_until {
            return Err(WithdrawError::Closed);
        }
        let sealing = record.sealing.as_ref().ok_or_else(no_keys)?;
        let envelope = Envelope::new(self.config.roots.network, sealing).map_err(|_| WithdrawError::BadKey)?;
        Ok(Offer { entry, envelope, epoch: record.epoch })
    }

    /// One request with all that it needs: the key pair and the slot in the card, K, the sealed bytes, the signed order.
    fn prepare(
        &mut self,
        profile: &Profile,
        offer: &Offer<'_>,
        money: Money,
        keys: SealedKeys,
        withdrawal: Nonce,
    ) -> Result<SealedOrder, Trouble> {
        let (holder, slot) = match keys {
            SealedKeys::Fresh => {
                let key = self.card.generate_key()?;
                (KeyMaker::User(key), self.card.open_load(&key)?)
            }
            SealedKeys::Again(key) => (KeyMaker::User(key), self.card.open_load(&key)?),
            SealedKeys::MadeByIssuer => (KeyMaker::Issuer, self.card.open_blank()?),
        };
        let tm = if matches!(keys, SealedKeys::Again(_)) { self.nonce() } else { [0; 16].into() };
        let content = SealedContent {
            series: offer.entry.series,
            epoch: offer.epoch,
            currency: money.currency,
            face: money.amount,
            k: self.entropy.bytes::<32>(),
            holder,
            tm,
            slot,
        };
        let request = offer.envelope.seal(&content);
        let (bank, account) = (profile.bank.clone(), profile.account.clone());
        let of = content.ordered(Envelope::digest(&request));
        let record = WithdrawalOrder { bank, account, order: self.nonce(), time: self.now(), of };
        let signature = self.card.sign_statement(&profile.account_key, &Statement::WithdrawalOrder(&record))?;
        Ok(SealedOrder {
            order: Signed { record, signature },
            request: request.into(),
            content: Some(KeptContent::of(&content)),
            withdrawal,
            receipt: None,
            due: self.now(),
            tries: 0,
            state: SealedOrderState::Ordered,
        })
    }

    /// Withdrawals under seal with open orders, oldest first.
    pub(crate) async fn open_sealed(&self) -> Result<Vec<Nonce>, Trouble> {
        let mut seen = BTreeSet::new();
        let open = self.open_orders().await?;
        Ok(open.into_iter().map(|it| it.withdrawal).filter(|it| seen.insert(**it)).collect())
    }

    /// Orders whose outcome is not known yet, oldest first.
    pub(crate) async fn open_orders(&self) -> Result<Vec<SealedOrder>, Trouble> {
        let mut orders = self.active::<SealedOrder>().await?;
        orders.retain(SealedOrder::is_open);
        Ok(orders)
    }

    /// Carries on what is due, and asks about what the bank said was refused.
    pub(crate) async fn run_due_sealed(&mut self, now: Time) -> Result<Redeemed, Trouble> {
        let due: BTreeSet<[u8; 16]> = {
            let open = self.open_orders().await?;
            open.iter().filter(|it| it.due <= now).map(|it| *it.withdrawal).collect()
        };
        let mut report = Redeemed::default();
        for withdrawal in due {
            match self.carry_sealed(withdrawal.into()).await {
                Ok(carried) => {
                    report.redeemed += carried.issued;
                    report.pending.extend((0..carried.pending).map(|_| "pending"));
                    report.refused.extend(carried.refused.iter().map(|_| "sealed_refused"));
                }
                Err(SealedError::Trouble(trouble)) if !trouble.is_of_one_request() => return Err(trouble),
                Err(error) if error.retry() == zeni_message::Retry::Later => report.pending.push(error.code()),
                Err(error) => report.refused.push(error.code()),
            }
        }
        let late = self.ask_refused(now).await?;
        report.redeemed += late.issued;
        report.pending.extend((0..late.pending + late.disputed).map(|_| "pending"));
        Ok(report)
    }

    /// Sends the open orders of one withdrawal, in the same bytes each time, and stores where each stands.
    pub(crate) async fn carry_sealed(&mut self, withdrawal: Nonce) -> Result<Carried, SealedError> {
        let mut orders = self.open_orders().await?;
        orders.retain(|it| it.withdrawal == withdrawal);
        let mut carried = Carried::default();
        if orders.is_empty() {
            return Ok(carried);
        }
        let item = |it: &SealedOrder| SealedItem { order: it.order.clone(), request: it.request.to_vec() };
        let message = WithdrawSealed { items: orders.iter().map(item).collect() };
        let states = match self.peers.bank.send(&message).await {
            Ok(states) => states,
            Err(error) => {
                self.not_taken(orders, &error).await?;
                return Err(error.into());
            }
        };
        let (found, ordered) = (states.len(), orders.len());
        if found != ordered {
            return Err(SealedError::BadReply { found, ordered });
        }
        let lists = self.key_lists().await?;
        for (order, state) in orders.into_iter().zip(states) {
            self.take_state(order, state, &lists, &mut carried).await?;
        }
        match (carried.disputed, carried.bad_receipts) {
            (0, 0) => Ok(carried),
            (0, orders) => Err(SealedError::BadReceipt { orders }),
            (orders, _) => Err(SealedError::BadAnswer { orders }),
        }
    }

    /// Refused whole, the bank says that nothing was taken for orders that the bank has not confirmed; what it has confirmed, and everything after
    /// a fault, waits.
    async fn not_taken(
        &mut self,
        orders: Vec<SealedOrder>,
        error: &SendError<WithdrawSealedRefusal>,
    ) -> Result<(), Trouble> {
        let mut changes = Vec::with_capacity(orders.len());
        for order in orders {
            let order = match error {
                SendError::Refused(refusal) if settled(error) && order.state == SealedOrderState::Ordered => {
                    self.doubted(order, refusal.code())
                }
                _ => self.later(order),
            };
            changes.push(Change::put(&order));
        }
        self.commit(changes).await
    }

    fn later(&self, order: SealedOrder) -> SealedOrder {
        SealedOrder { due: self.next_try(order.tries), tries: order.tries.saturating_add(1), ..order }
    }

    /// Stores what the bank says of one order.
    async fn take_state(
        &mut self,
        order: SealedOrder,
        state: SealedState,
        lists: &[KeyList],
        carried: &mut Carried,
    ) -> Result<(), SealedError> {
        let genuine = self.is_receipt(&order, &state.receipt, lists);
        carried.bad_receipts += usize::from(!genuine);
        let receipt = order.receipt.clone().or(genuine.then_some(state.receipt));
        let order = SealedOrder { receipt, ..order };
        match state.outcome {
            SealedOutcome::Pending => {
                carried.pending += 1;
                let pending = SealedOrder { state: SealedOrderState::Pending, ..self.later(order) };
                Ok(self.put(&pending).await?)
            }
            SealedOutcome::Refused(reason) => {
                self.put(&self.doubted(order, &reason)).await?;
                carried.refused.push(reason);
                Ok(())
            }
            SealedOutcome::Issued(answer) => match self.take_answer(&order, &answer, lists).await? {
                true => {
                    carried.issued += 1;
                    Ok(())
                }
                false => {
                    carried.disputed += 1;
                    tracing::warn!("the answer to an order under seal is not the issuer's word on it");
                    let disputed = SealedOrder { state: SealedOrderState::Disputed(answer), ..self.later(order) };
                    Ok(self.put(&disputed).await?)
                }
            },
        }
    }

    /// Whether a receipt is the bank's word on exactly this order.
    fn is_receipt(&self, order: &SealedOrder, receipt: &Signed<IssuanceOrder>, lists: &[KeyList]) -> bool {
        let WithdrawalOrder { bank, of, .. } = &order.order.record;
        let list = lists.iter().find(|list| list.record.epoch == of.epoch);
        let Some(entry) = list.and_then(|list| list.record.sealed_entry(bank, of.series)) else { return false };
        let IssuanceOrder { bank: by, of: ordered, issuer_made: _ } = &receipt.record;
        (by, ordered) == (bank, of) && receipt.verify(self.config.roots.network, &entry.key).is_ok()
    }

    /// D_K, then S_I over one's own (X, N_U) and the ticket for one's own slot (HC-F2.18); only what verifies is stored, and with
    /// it K is wiped. Whether it was right.
    async fn take_answer(
        &mut self,
        order: &SealedOrder,
        answer: &SealedReply,
        lists: &[KeyList],
    ) -> Result<bool, SealedError> {
        let roots = self.config.roots;
        let Some(content) = content_of(order) else { return Err(Trouble::Damaged { table: "sealed_order" }.into()) };
        let list = lists.iter().find(|list| list.record.epoch == content.epoch);
        let way = list.and_then(|list| list.record.terms(content.series)).map_or(Way::Sealed, |terms| terms.way);
        let Some(reply) = Reply::decipher(&content.k, &order.order.record.of.request, &answer[..]) else {
            return Ok(false);
        };
        let Some((holder, issued)) = content.issued(roots.network, way, &reply) else { return Ok(false) };
        if !self.is_issued(&issued, &roots) {
            return Ok(false);
        }
        if let Some(key) = &reply.key {
            self.card.adopt_key(&content.slot, key)?;
        }
        let chain = Chain { note: issued.note.clone(), holder: Right::Unlicensed(holder), hops: Vec::new() };
        let holding = self.new_note(chain, &issued);
        let line = Line::new(self.now(), "withdrawal", &holding.node.0, order.money(), "").via(Via::Sealed);
        let done = SealedOrder { content: None, state: SealedOrderState::Issued, ..order.clone() };
        self.commit(vec![Change::put(&holding), Change::put(&done), Change::put(&line)]).await?;
        self.load(holding).await?;
        Ok(true)
    }
}

/// What is sealed in the request of an order, while it is kept.
fn content_of(order: &SealedOrder) -> Option<SealedContent> {
    order.content.as_ref()?.read()
}
