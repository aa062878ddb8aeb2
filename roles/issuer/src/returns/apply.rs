//! In the transaction: what each item comes to, in the order of DESIGN §5 "Return". No signature is verified here.

use std::collections::{BTreeMap, HashMap, HashSet, hash_map::Entry};

use zeni_crypto::Digest;
use zeni_message::{Time, encode};
use zeni_money::{Amount, Currency};
use zeni_note::{
    SeriesTerms,
    messages::issuer::{Outcome, ReturnAnswer, ReturnRefusal},
};
use zeni_store::{JobError, Tx, TxError, params, refuse};

use super::{
    origin,
    prepare::{Followed, Kind, PreparedBatch, PreparedItem},
    tree::{Balance, Closed, NoteKey, Tree, bundle::Lots},
};
use crate::{
    Account,
    books::{self, Posting, PostingIds},
    claims, keylist, schema, time_value,
};

/// What one job has looked at and decided so far.
#[derive(Default)]
pub(crate) struct Work {
    /// Notes by key; none for a note that is in neither register nor archive.
    pub(crate) trees: HashMap<NoteKey, Option<Tree>>,
    leaves: HashSet<Digest>,
    /// When the job began: nothing is entered after a round that began earlier has decided what is left.
    begun: Time,
    /// Per series and currency: paid as of right.
    paid: BTreeMap<(u32, Currency), Amount>,
    released: origin::Released,
}

pub(crate) fn apply(
    tx: &mut Tx<'_>,
    batch: &PreparedBatch,
    begun: Time,
    ids: &mut PostingIds,
) -> Result<ReturnAnswer, JobError<ReturnRefusal>> {
    if let Some(row) = tx.row(schema::READ_BATCH, params![&batch.bank, batch.id])? {
        if row.array(0)? != batch.content.0 {
            return refuse(ReturnRefusal::OtherBatch);
        }
        return Ok(keylist::stored(&row, 1)?);
    }
    let mut work = Work { begun, ..Work::default() };
    let mut outcomes = Vec::with_capacity(batch.items.len());
    for item in &batch.items {
        outcomes.push(match item {
            PreparedItem::Shapeless => Outcome::Malformed,
            PreparedItem::Followed(item) => work.take(tx, batch, item)?,
        });
    }
    for hand_in in &batch.hand_ins {
        let leaves: Vec<u8> = hand_in.leaves.iter().flat_map(|leaf| leaf.0).collect();
        let row = params![hand_in.identity.0, time_value(batch.now), &hand_in.signed, leaves];
        tx.execute(schema::INSERT_HAND_IN, row)?;
    }
    work.finish(tx, &batch.bank, ids)?;
    let answer = ReturnAnswer { batch: batch.id.into(), bank: batch.bank.clone(), outcomes };
    let row = params![&batch.bank, batch.id, batch.content.0, time_value(batch.now), encode(&answer)];
    tx.execute(schema::INSERT_BATCH, row)?;
    Ok(answer)
}

impl Work {
    fn take(&mut self, tx: &mut Tx<'_>, batch: &PreparedBatch, item: &Followed) -> Result<Outcome, TxError> {
        let leaf = item.leaf().identity;
        let repeated = !self.leaves.insert(leaf);
        let known = self.look_up(tx, item)?;
        if let Some(closed) = known {
            // within one batch a repetition is no retry: the batch is what is retried
            let same = closed.bank == batch.bank && closed.identity == item.closing && !repeated;
            return Ok(if same { outcome(item, &closed) } else { Outcome::Duplicate });
        }
        if !item.sound || item.kind == Kind::Renewal {
            return Ok(Outcome::Malformed);
        }
        if let Some(early_or_late) = lateness(item, batch.now.max(self.begun)) {
            return Ok(early_or_late);
        }
        let Some(tree) = self.tree(item) else { return unknown(tx, item, batch.now) };
        // two amounts over one e: the first counts, and nobody is accused (HC-X49, HC-O7)
        if tree.conflicts(tx, &item.path)? {
            return Ok(Outcome::Duplicate);
        }
        let closed = Closed {
            identity: item.closing,
            bank: batch.bank.clone(),
            amount: item.amount,
            paid: Amount::ZERO,
            waiting: None,
            signed: item.signed.clone(),
        };
        match item.kind {
            Kind::Refund | Kind::BackupRefund => self.defer(tx, item, closed, batch.now),
            Kind::Deposit | Kind::Renewal => self.settle(tx, item, closed, batch.now),
        }
    }

    /// Brings the note of a chain into memory; answers how the leaf was closed before, if it was.
    pub(crate) fn look_up(&mut self, tx: &mut Tx<'_>, item: &Followed) -> Result<Option<Closed>, TxError> {
        if let Entry::Vacant(vacant) = self.trees.entry(item.key) {
            vacant.insert(Tree::load(tx, item.key)?);
        }
        // a note of another identity under the same number is another note
        let Some(tree) = self.trees.get_mut(&item.key).and_then(Option::as_mut) else { return Ok(None) };
        if tree.root != item.path[0].identity {
            return Ok(None);
        }
        tree.load_path(tx, &item.path)?;
        Ok(tree.node(&item.leaf().identity).and_then(|node| node.closed.clone()))
    }

    /// The note of a chain, if it is in register or archive.
    pub(crate) fn tree(&mut self, item: &Followed) -> Option<&mut Tree> {
        let tree = self.trees.get_mut(&item.key).and_then(Option::as_mut);
        tree.filter(|tree| tree.root == item.path[0].identity)
    }

    fn settle(&mut self, tx: &mut Tx<'_>, item: &Followed, closed: Closed, now: Time) -> Result<Outcome, TxError> {
        let bank = closed.bank.clone();
        let leaf = item.leaf();
        let Some(tree) = self.tree(item) else { return Ok(Outcome::Malformed) };
        tree.enter(&item.path);
        tree.close(&leaf.identity, closed);
        let balance = tree.settle(&leaf.identity);
        let currency = tree.currency;
        open_cases(tx, item.key, &balance.convicted, now)?;
        self.pay(item.key, currency, balance.paid, item.sealed);
        let excess = excess(&balance);
        if excess.is_zero() {
            return Ok(Outcome::Paid);
        }
        let claim = claims::NewClaim {
            leaf: leaf.identity,
            payee: leaf.holder,
            licensed: item.licensed,
            bank: &bank,
            currency,
            excess,
            at: now,
        };
        claims::open(tx, &claim, &balance.limiting)?;
        Ok(Outcome::Partly { paid: balance.paid })
    }

    /// Enters a refund, an exact one as a child of its node, and leaves it waiting for its time.
    fn defer(&mut self, tx: &mut Tx<'_>, item: &Followed, mut closed: Closed, now: Time) -> Result<Outcome, TxError> {
        let Some(terms) = &item.terms else { return Ok(Outcome::Malformed) };
        let leaf = item.leaf().identity;
        let until = decided_from(item.kind, terms);
        closed.waiting = Some(until.0);
        let Some(tree) = self.tree(item) else { return Ok(Outcome::Malformed) };
        tree.enter(&item.path);
        tree.close(&leaf, closed);
        let convicted = tree.convicted(&leaf);
        open_cases(tx, item.key, &convicted, now)?;
        let key = item.key;
        let backup = item.kind == Kind::BackupRefund;
        let depth = if backup { crate::count_value(item.path.len() as u64) } else { 0.into() };
        let row = params![time_value(until), leaf.0, key.epoch, key.series, key.serial, u32::from(backup), depth];
        tx.execute(schema::INSERT_REFUND, row)?;
        Ok(Outcome::Waiting { until })
    }

    /// Counts what of a note is paid to the bank that brought it; for one that may have an origin also what its bank releases.
    pub(crate) fn pay(&mut self, key: NoteKey, currency: Currency, paid: Amount, sealed: bool) {
        let sum = self.paid.entry((key.series, currency)).or_default();
        *sum = sum.checked_add(paid).expect("no more is paid than was ever issued");
        if sealed {
            self.released.add(key, currency, paid);
        }
    }

    /// Counts what of a note goes on in a renewed one: nothing is paid, but a bank no longer holds it.
    pub(crate) fn renew(&mut self, key: NoteKey, currency: Currency, amount: Amount, sealed: bool) {
        if sealed {
            self.released.add(key, currency, amount);
        }
    }

    /// Writes the notes and one posting per series: what is outstanding falls, the bank owes less. The banks of notes under
    /// seal owe what they held for them.
    pub(crate) fn finish(self, tx: &mut Tx<'_>, bank: &str, ids: &mut PostingIds) -> Result<(), TxError> {
        self.released.book(tx, &self.trees, ids)?;
        // in the order of the tables' keys: neighbours share pages, and a lot does not say in which order they were sent
        let mut trees: Vec<Tree> = self.trees.into_values().flatten().collect();
        trees.sort_unstable_by_key(|tree| tree.key);
        let mut lots = Lots::new(ids);
        for tree in trees {
            tree.save(tx, &mut lots)?;
        }
        lots.finish(tx)?;
        for ((series, currency), amount) in self.paid {
            let posting = Posting {
                debit: Account::Outstanding(series),
                credit: Account::Returned(bank.to_owned()),
                currency,
                amount,
                reference: "return",
            };
            books::post(tx, ids, &posting)?;
        }
        Ok(())
    }
}

/// The answer that a closing got when it was entered. What was decided since is told as a decision and nowhere else, so that
/// a bank which hears both books it once.
fn outcome(item: &Followed, closed: &Closed) -> Outcome {
    match (closed.waiting, item.kind, &item.terms) {
        (Some(until), ..) => Outcome::Waiting { until: Time(until) },
        (None, Kind::Refund | Kind::BackupRefund, Some(terms)) => {
            Outcome::Waiting { until: decided_from(item.kind, terms) }
        }
        _ if closed.paid == closed.amount => Outcome::Paid,
        _ => Outcome::Partly { paid: closed.paid },
    }
}

/// When a refund is decided: an exact one after the dispute term; one out of a backup, which takes what is left, when
/// nothing can lawfully come back any more.
fn decided_from(kind: Kind, terms: &SeriesTerms) -> Time {
    match kind {
        Kind::BackupRefund => terms.retain_until.plus(1),
        Kind::Deposit | Kind::Refund | Kind::Renewal => terms.refund_from,
    }
}

/// Refunds begin where deposits end.
fn lateness(item: &Followed, now: Time) -> Option<Outcome> {
    let terms = item.terms.as_ref()?;
    match item.kind {
        Kind::Refund | Kind::BackupRefund if now <= terms.deposit_until => Some(Outcome::TooEarly),
        Kind::Refund | Kind::BackupRefund => (now > terms.retain_until).then_some(Outcome::Late),
        Kind::Deposit | Kind::Renewal => (now > terms.deposit_until).then_some(Outcome::Late),
    }
}

/// RN-X24: the issuer's signature is genuine, but the note is in neither database: an alarm, never an accusation.
pub(crate) fn unknown(tx: &mut Tx<'_>, item: &Followed, now: Time) -> Result<Outcome, TxError> {
    if item.registered {
        // it was here when the batch was prepared, so its retention has just ended
        return Ok(Outcome::Late);
    }
    let root = &item.path[0];
    let row = params![root.identity.0, time_value(now), "unknown_note", &root.evidence];
    tx.execute(schema::INSERT_ALARM, row)?;
    tx.execute(schema::STOP_SERIES, params![item.key.series, time_value(now)])?;
    tracing::error!("alarm: a note with a genuine signature is in no register; its series is stopped");
    Ok(Outcome::Unknown)
}

pub(crate) fn open_cases(
    tx: &mut Tx<'_>,
    key: NoteKey,
    convicted: &[super::tree::Culprit],
    now: Time,
) -> Result<(), TxError> {
    for culprit in convicted {
        let row = params![culprit.node.0, key.epoch, key.series, key.serial, culprit.holder.0, time_value(now)];
        tx.execute(schema::INSERT_CASE, row)?;
    }
    Ok(())
}

pub(crate) fn excess(balance: &Balance) -> Amount {
    balance.asked.checked_sub(balance.paid).expect("no more is paid than is asked")
}
