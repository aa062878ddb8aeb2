//! Refunds of rests, decided when the dispute term is over, those out of backups at the end of retention (DESIGN §5 "Lost
//! money", RN-X31).
//!
//! The refund was entered as a closing of its node when it arrived: whatever its key signed besides is proof against it.
//! A refund out of a backup accuses nobody: it waits until nothing can lawfully come back any more, comes after all exact
//! refunds and takes at most what its holder is not shown to have passed on. Of several the deepest comes first, so that
//! whoever shows a chain is paid before those who paid him, also where an overspender above them left too little for all.
//! Each is decided in a transaction of its own; the order does not depend on how many rounds that takes, since nothing is
//! entered any more. Pruning leaves a series alone while a refund waits.

use zeni_crypto::Digest;
use zeni_message::Time;
use zeni_store::{Caller, Row, Tx, TxError, params};

use crate::{
    Done, Issuer,
    books::PostingIds,
    case::right_of,
    claims::{self, NewClaim},
    digest,
    returns::{
        apply::{Work, excess, open_cases},
        tree::{NoteKey, Tree},
    },
    schema,
    tick::{TickError, about},
    time_value,
};

struct Due {
    due: u64,
    leaf: Digest,
    key: NoteKey,
}

impl Issuer {
    pub(crate) async fn tick_refunds(&self) -> Result<u32, TickError> {
        let now = self.clock.now();
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Row>> { Ok(tx.rows(schema::DUE_REFUNDS, &[time_value(now)])?) };
        let mut decided = 0;
        for row in self.store.read(read).await? {
            let about = about(&row);
            let done = self.tick_refund(&row, now).await;
            decided += self.alone(about, done).await?.unwrap_or(0);
        }
        Ok(decided)
    }

    /// Decides the refund of a row; answers how many were decided.
    async fn tick_refund(&self, row: &Row, now: Time) -> Result<u32, TickError> {
        let refund = due(row).map_err(|_| TickError::Stored { table: "refund" })?;
        let ids = PostingIds::new(self.entropy.bytes());
        let decide = move |tx: &mut Tx<'_>| -> Done<u32> {
            let mut ids = ids;
            Ok(decide(tx, &refund, now, &mut ids)?)
        };
        Ok(self.store.write(Caller::default(), decide).await?)
    }
}

fn due(row: &Row) -> Result<Due, TxError> {
    let narrow = |column| row.u64(column).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let key = NoteKey { epoch: narrow(2)?, series: narrow(3)?, serial: row.array(4)? };
    Ok(Due { due: row.u64(1)?, leaf: digest(row, 0)?, key })
}

fn decide(tx: &mut Tx<'_>, refund: &Due, now: Time, ids: &mut PostingIds) -> Result<u32, TxError> {
    if tx.execute(schema::DELETE_REFUND, params![time_value(Time(refund.due)), refund.leaf.0])? == 0 {
        return Ok(0);
    }
    let Some(mut tree) = Tree::load(tx, refund.key)? else { return Ok(0) };
    if !tree.load_leaf(tx, &refund.leaf)? {
        return Ok(0);
    }
    let Some(node) = tree.node(&refund.leaf) else { return Ok(0) };
    let (holder, licensed) = (node.holder, right_of(node).is_some_and(|right| right.licence().is_some()));
    let Some(closed) = node.closed.clone() else { return Ok(0) };
    let balance = tree.settle(&refund.leaf);
    let currency = tree.currency;
    open_cases(tx, refund.key, &balance.convicted, now)?;
    let over = excess(&balance);
    claims::announce(tx, &closed.bank, &refund.leaf, balance.paid, over)?;
    if !over.is_zero() {
        let claim = NewClaim {
            leaf: refund.leaf,
            payee: holder,
            licensed,
            bank: &closed.bank,
            currency,
            excess: over,
            at: now,
        };
        claims::open(tx, &claim, &balance.limiting)?;
    }
    let mut work = Work::default();
    work.pay(refund.key, currency, balance.paid, true);
    work.trees.insert(refund.key, Some(tree));
    work.finish(tx, &closed.bank, ids)?;
    Ok(1)
}

#[cfg(test)]
mod tests;
