//! The revocation list: made anew in the transaction that changes what it says (RN-D22).

use zeni_crypto::{Digest, LogEnd};
use zeni_message::{Message, Signed, Time, decode, encode, limits::MESSAGE_BYTES_MAX, route::Failure};
use zeni_note::{RevocationList, messages::authority::GetRevocations};
use zeni_store::{Tx, TxError, params};

use crate::{
    Authority, log,
    rows::{Reason, digest, number_value, time_value},
    schema,
};

/// Bytes of a list besides its digests, and of one digest in it, at most.
const FRAME_BYTES: usize = 1_024;
const DIGEST_BYTES: usize = 34;
/// Digests in one list, so that it passes as the reply to those who ask for it. Beyond that the keys revoked first are left
/// out, which the audit tells: a list without them is better than none.
pub(crate) const REVOKED_MAX: usize = (GetRevocations::REPLY_MAX - FRAME_BYTES) / DIGEST_BYTES;

/// What the next revocation list and the next log entry follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Number of the current list, 0 before the first.
    pub(crate) number: u64,
    /// End of the log of disclosures.
    pub(crate) log: LogEnd,
    /// Digests of the revoked keys whose licence or, under seal, term has not ended, at most [`REVOKED_MAX`], the last revoked first.
    pub(crate) revoked: Vec<Digest>,
}

/// The current list as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Current {
    /// # Errors
    /// [`Failure::Internal`] for bytes that this program cannot have written.
    pub(crate) fn list<R>(&self) -> Result<Signed<RevocationList>, Failure<R>> {
        decode(&self.bytes, MESSAGE_BYTES_MAX).map_err(|_| {
            tracing::error!("the stored revocation list cannot be read");
            Failure::Internal
        })
    }
}

pub(crate) fn current(tx: &mut Tx<'_>) -> Result<Option<Current>, TxError> {
    tx.row(schema::CURRENT_LIST, params![])?
        .map(|row| Ok(Current { number: row.u64(0)?, bytes: row.blob(1)?.to_vec() }))
        .transpose()
}

/// A key whose licence has ended needs no revocation: whoever checks licences refuses it.
pub(crate) fn standing(tx: &mut Tx<'_>, now: Time) -> Result<Standing, TxError> {
    let number = current(tx)?.map_or(0, |current| current.number);
    let most = i64::try_from(REVOKED_MAX).unwrap_or(i64::MAX);
    let rows = tx.rows(schema::REVOKED_DIGESTS, params![time_value(now), most])?;
    let revoked = rows.iter().map(|row| digest(row, 0)).collect::<Result<_, _>>()?;
    Ok(Standing { number, log: log::last(tx)?, revoked })
}

pub(crate) fn store_list(tx: &mut Tx<'_>, list: &Signed<RevocationList>) -> Result<(), TxError> {
    tx.execute(schema::REPLACE_LIST, params![number_value(list.record.number), encode(list)])?;
    Ok(())
}

/// Revokes licences that are not revoked yet.
pub(crate) fn revoke(tx: &mut Tx<'_>, digests: &[Digest], at: Time, reason: Reason) -> Result<(), TxError> {
    for digest in digests {
        tx.execute(schema::REVOKE_LICENCE, params![digest.0, time_value(at), reason.code()])?;
    }
    Ok(())
}

impl Authority {
    /// Signs the list that follows `standing` when `added`, not revoked before, are revoked.
    pub(crate) fn next_list(
        &self,
        standing: &Standing,
        log_head: Digest,
        added: &[Digest],
        now: Time,
    ) -> Signed<RevocationList> {
        let named = added.iter().chain(&standing.revoked);
        let mut revoked: Vec<Digest> = named.take(REVOKED_MAX).copied().collect();
        if revoked.len() == REVOKED_MAX {
            tracing::error!("the revocation list is full: keys that were revoked first are left out");
        }
        revoked.sort_unstable();
        // a key that is licensed may have been sealed as well
        revoked.dedup();
        let list = RevocationList { number: standing.number + 1, time: now, log_head, revoked };
        Signed::sign(self.config.network, list, &self.keys.signing)
    }
}
