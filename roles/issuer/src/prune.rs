//! Pruning: what has served its term goes, and what never came back is kept as dormant (RN-X35, RN-O20, RN-O21).

use zeni_message::Time;
use zeni_money::{Amount, Currency};
use zeni_note::SeriesTerms;
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Account, Done, Issuer,
    books::{self, Posting, PostingIds},
    schema,
    tick::TickError,
    time_value,
};

impl Issuer {
    /// Drops request rows after T2 of their epoch, and notes, trees and answers after their retention.
    pub(crate) async fn prune(&self) -> Result<(), TickError> {
        let now = self.clock.now();
        let lists = self.lists().await?;
        let mut longest = 0;
        for list in &lists.lists {
            let epoch = list.record.epoch;
            for terms in &list.record.series {
                longest = longest.max(terms.retain_until.since(list.record.from));
                let (terms, ids) = (terms.clone(), PostingIds::new(self.entropy.bytes()));
                if now <= terms.claim_until {
                    continue;
                }
                let prune = move |tx: &mut Tx<'_>| -> Done<()> {
                    let mut ids = ids;
                    Ok(prune_series(tx, epoch, &terms, now, &mut ids)?)
                };
                self.store.write(Caller::default(), prune).await?;
            }
        }
        if longest > 0 {
            let before = now.minus(longest);
            let prune = move |tx: &mut Tx<'_>| -> Done<()> {
                for statement in [schema::PRUNE_BATCHES, schema::PRUNE_HAND_INS, schema::PRUNE_RENEWALS] {
                    tx.execute(statement, &[time_value(before)])?;
                }
                Ok(())
            };
            self.store.write(Caller::default(), prune).await?;
        }
        Ok(())
    }
}

fn prune_series(
    tx: &mut Tx<'_>,
    epoch: u32,
    terms: &SeriesTerms,
    now: Time,
    ids: &mut PostingIds,
) -> Result<(), TxError> {
    let key = params![epoch, terms.series];
    tx.execute(schema::PRUNE_REQUESTS, key)?;
    if now <= terms.retain_until {
        return Ok(());
    }
    // evidence stays while a case still needs it or a refund waits
    for statement in [schema::OPEN_OF_SERIES, schema::REFUNDS_OF_SERIES] {
        if tx.row(statement, key)?.map_or(Ok(0), |row| row.u64(0))? > 0 {
            return Ok(());
        }
    }
    let rest = tx.row(schema::REST_OF_SERIES, key)?.map_or(Ok(Amount::ZERO), |row| row.amount(1))?;
    let currency: Currency = terms.currency;
    let posting = Posting {
        debit: Account::Outstanding(terms.series),
        credit: Account::Dormant,
        currency,
        amount: rest,
        reference: "dormant",
    };
    books::post(tx, ids, &posting)?;
    for statement in
        [schema::PRUNE_NODES, schema::PRUNE_NOTES, schema::PRUNE_ARCHIVE_NODES, schema::PRUNE_ARCHIVE_NOTES]
    {
        tx.execute(statement, key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
