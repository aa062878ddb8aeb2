//! What falls due with time: a fresh revocation list, and rows whose time is over (RN-O21).

use serde::Serialize;
use zeni_crypto::PublicKey;
use zeni_message::{NoRefusal, Signed, Time, route::Failure};
use zeni_note::RevocationList;
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority,
    publication::{Added, Standing, standing, store_list},
    rows::time_value,
    schema,
    settle::{Decision, settle},
};

/// Rows erased in one round.
const ERASE_MAX: usize = 1_024;

/// What one round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Number of the current revocation list.
    pub list: u64,
    /// Licences whose rows were erased.
    pub erased: usize,
    /// Whether another round has something to do at once.
    pub more: bool,
}

/// A licence row whose time is over.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Old {
    key: PublicKey,
    revoked: bool,
}

impl Authority {
    /// One bounded round: erases rows that nothing traceable needs any more, then signs the revocation list afresh if it
    /// is older than [`Config::list_fresh_s`](crate::Config::list_fresh_s).
    ///
    /// # Errors
    /// Trouble of the store.
    pub async fn tick(&self) -> Result<Progress, Failure<NoRefusal>> {
        let now = self.clock.now();
        let erased = self.erase(now).await?;
        let list = self.publish(now, Some(now.minus(self.config.list_fresh_s))).await?;
        self.erase_sealed(list.record.time).await?;
        Ok(Progress { list: list.record.number, erased, more: erased == ERASE_MAX })
    }

    /// Erases keys under seal whose term ended before the current list was made: it does not name them any more.
    async fn erase_sealed(&self, listed: Time) -> Result<(), Failure<NoRefusal>> {
        let view = move |tx: &mut Tx<'_>| Ok(tx.row(schema::ENDED_SEALED_KEY, params![time_value(listed)])?.is_some());
        let prepare = |ended: &bool| Ok(if *ended { Decision::Apply(()) } else { Decision::Done(()) });
        settle(&self.store, Caller::default(), view, prepare, move |tx, _, ()| {
            tx.execute(schema::DELETE_SEALED_KEYS, params![time_value(listed)]).map(drop)
        })
        .await
    }

    async fn erase(&self, now: Time) -> Result<usize, Failure<NoRefusal>> {
        let ended_before = now.minus(self.config.retain_s);
        let view = move |tx: &mut Tx<'_>| -> Result<(Vec<Old>, Option<Standing>), TxError> {
            let old = erasable(tx, ended_before, now)?;
            let standing = if old.iter().any(|row| row.revoked) { Some(standing(tx, now)?) } else { None };
            Ok((old, standing))
        };
        let prepare = |(old, standing): &(Vec<Old>, Option<Standing>)| {
            if old.is_empty() {
                return Ok(Decision::Done(0));
            }
            // their licences have ended: the list that follows does not name them
            let list = standing.as_ref().map(|standing| self.next_list(standing, standing.log.head, Added::NONE, now));
            Ok(Decision::Apply(list))
        };
        settle(&self.store, Caller::default(), view, prepare, |tx, (old, _), list: &Option<Signed<RevocationList>>| {
            for row in old {
                tx.execute(schema::DELETE_ANSWERS, params![row.key.0])?;
                tx.execute(schema::DELETE_CERTIFICATE, params![row.key.0])?;
                tx.execute(schema::DELETE_LICENCE, params![row.key.0])?;
            }
            if let Some(list) = list {
                store_list(tx, list)?;
            }
            Ok(old.len())
        })
        .await
    }
}

fn erasable(tx: &mut Tx<'_>, ended_before: Time, now: Time) -> Result<Vec<Old>, TxError> {
    let most = i64::try_from(ERASE_MAX).unwrap_or(i64::MAX);
    tx.rows(schema::ERASABLE_LICENCES, params![time_value(ended_before), time_value(now), most])?
        .iter()
        .map(|row| Ok(Old { key: PublicKey(row.array(0)?), revoked: row.opt_int(2)?.is_some() }))
        .collect()
}

#[cfg(test)]
mod tests;
