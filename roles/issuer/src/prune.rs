//! Pruning: what has served its term goes, and what never came back is kept as dormant (RN-X35, RN-O20, RN-O21).

use std::collections::BTreeMap;

use zeni_message::Time;
use zeni_money::Amount;
use zeni_note::SeriesTerms;
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Account, Done, Issuer,
    books::{self, Posting, PostingIds},
    returns::origin,
    schema,
    tick::TickError,
    time_value, transfers,
};

/// What goes after the longest retention: answers, hand-ins, renewals, and cases with the evidence for their banks, counted from when
/// they were closed.
const ENDED: [&str; 5] =
    [schema::PRUNE_BATCHES, schema::PRUNE_HAND_INS, schema::PRUNE_RENEWALS, schema::PRUNE_CASES, schema::PRUNE_TRACES];

impl Issuer {
    /// Drops request rows after T2 of their epoch, and notes, trees and answers after their retention; answers whether
    /// there is more.
    pub(crate) async fn prune(&self) -> Result<bool, TickError> {
        let now = self.clock.now();
        let lists = self.lists().await?;
        let (mut longest, mut more) = (0, false);
        for list in &lists.lists {
            let epoch = list.record.epoch;
            more |= self.erase_made_keys(&list.record, now).await?;
            for terms in &list.record.series {
                longest = longest.max(terms.retain_until.since(list.record.from));
                if now > terms.claim_until {
                    more |= self.prune_series(epoch, terms, now).await?;
                }
            }
        }
        if longest > 0 {
            let before = now.minus(longest);
            let prune = move |tx: &mut Tx<'_>| -> Done<u64> {
                for statement in ENDED {
                    tx.execute(statement, &[time_value(before)])?;
                }
                Ok(transfers::prune(tx, before)?)
            };
            more |= self.store.write(Caller::default(), prune).await? > 0;
        }
        Ok(more)
    }

    /// One bounded piece of one series; nothing is written where nothing is left.
    async fn prune_series(&self, epoch: u32, terms: &SeriesTerms, now: Time) -> Result<bool, TickError> {
        let series = terms.series;
        let look = move |tx: &mut Tx<'_>| -> Done<bool> {
            let key = params![epoch, series];
            let mut left = false;
            for statement in [schema::HAS_REQUESTS, schema::ENDED_NOTES, schema::ENDED_ARCHIVE, schema::HAS_LOTS] {
                left |= !tx.rows(statement, key)?.is_empty();
            }
            Ok(left)
        };
        if !self.store.read(look).await? {
            return Ok(false);
        }
        let (terms, ids) = (terms.clone(), PostingIds::new(self.entropy.bytes()));
        let prune = move |tx: &mut Tx<'_>| -> Done<u64> {
            let mut ids = ids;
            let requests = tx.execute(schema::PRUNE_REQUESTS, params![epoch, series])?;
            if now <= terms.retain_until {
                return Ok(requests);
            }
            Ok(requests + prune_notes(tx, epoch, &terms, &mut ids)?)
        };
        Ok(self.store.write(Caller::default(), prune).await? > 0)
    }
}

/// Some notes of a series whose retention is over: their rests become dormant. Answers how many there were.
fn prune_notes(tx: &mut Tx<'_>, epoch: u32, terms: &SeriesTerms, ids: &mut PostingIds) -> Result<u64, TxError> {
    let key = params![epoch, terms.series];
    // evidence stays while a case still needs it or a refund waits
    for statement in [schema::OPEN_OF_SERIES, schema::REFUNDS_OF_SERIES] {
        if tx.row(statement, key)?.map_or(Ok(0), |row| row.u64(0))? > 0 {
            return Ok(0);
        }
    }
    let ended = tx.rows(schema::ENDED_NOTES, key)?;
    let mut rest = Amount::ZERO;
    let mut released: BTreeMap<String, Amount> = BTreeMap::new();
    for row in &ended {
        let open = row.amount(1)?.checked_sub(row.amount(2)?).expect("a note is never used beyond its value");
        rest = rest.checked_add(open).expect("no more is outstanding than was ever issued");
        if let Some(bank) = row.opt_text(3)? {
            let sum = released.entry(bank.to_owned()).or_default();
            *sum = sum.checked_add(open).expect("no more is outstanding than was ever issued");
        }
    }
    for (bank, open) in released {
        origin::release(tx, ids, bank, terms.currency, open)?;
    }
    let posting = Posting {
        debit: Account::Outstanding(terms.series),
        credit: Account::Dormant,
        currency: terms.currency,
        amount: rest,
        reference: "dormant",
    };
    books::post(tx, ids, &posting)?;
    let archived = tx.rows(schema::ENDED_ARCHIVE, key)?;
    for (rows, statements) in [
        (&ended, [schema::PRUNE_NODES, schema::PRUNE_ORIGINS, schema::PRUNE_NOTES]),
        (&archived, [schema::PRUNE_ARCHIVE_NODES, schema::PRUNE_ARCHIVE_ORIGINS, schema::PRUNE_ARCHIVE_NOTES]),
    ] {
        let Some(last) = rows.last() else { continue };
        for statement in statements {
            tx.execute(statement, params![epoch, terms.series, last.blob(0)?])?;
        }
    }
    // a lot serves many notes: the lots go when the last note has gone
    let lots = if archived.is_empty() { tx.execute(schema::PRUNE_LOTS, key)? } else { 0 };
    Ok((ended.len() + archived.len()) as u64 + lots)
}

#[cfg(test)]
mod tests;
