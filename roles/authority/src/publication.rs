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
/// Of these, keys under seal. Each kind has its share: a note of one unit is enough for a key under seal, and whoever overspends many
/// of them to himself pushes out no revoked licence.
pub(crate) const SEALED_MAX: usize = REVOKED_MAX / 2;
/// Of these, keys of licences.
pub(crate) const LICENSED_MAX: usize = REVOKED_MAX - SEALED_MAX;

/// What the next revocation list and the next log entry follow from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Number of the current list, 0 before the first.
    pub(crate) number: u64,
    /// End of the log of disclosures.
    pub(crate) log: LogEnd,
    /// Digests of revoked keys whose licence has not ended, at most [`LICENSED_MAX`], the last revoked first.
    pub(crate) licensed: Vec<Digest>,
    /// Digests of keys under seal that overspent and whose term has not ended, at most [`SEALED_MAX`], the last first.
    pub(crate) sealed: Vec<Digest>,
}

/// Keys that are revoked now and were not before.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Added<'a> {
    /// Keys of licences.
    Licensed(&'a [Digest]),
    /// A key under seal, if its term has not ended.
    Sealed(Option<Digest>),
}

impl Added<'_> {
    /// None.
    pub(crate) const NONE: Added<'static> = Added::Licensed(&[]);
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
    let mut digests = |statement, most: usize| -> Result<Vec<Digest>, TxError> {
        let rows = tx.rows(statement, params![time_value(now), i64::try_from(most).unwrap_or(i64::MAX)])?;
        rows.iter().map(|row| digest(row, 0)).collect()
    };
    let licensed = digests(schema::REVOKED_LICENCES, LICENSED_MAX)?;
    let sealed = digests(schema::REVOKED_SEALED, SEALED_MAX)?;
    Ok(Standing { number, log: log::last(tx)?, licensed, sealed })
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
        added: Added<'_>,
        now: Time,
    ) -> Signed<RevocationList> {
        let (licences, key) = match added {
            Added::Licensed(licences) => (licences, None),
            Added::Sealed(key) => (&[][..], key),
        };
        let mut revoked = share(licences.iter().chain(&standing.licensed), LICENSED_MAX, "licences");
        revoked.extend(share(key.iter().chain(&standing.sealed), SEALED_MAX, "keys under seal"));
        revoked.sort_unstable();
        // a key that is licensed may have been sealed as well
        revoked.dedup();
        let list = RevocationList { number: standing.number + 1, time: now, log_head, revoked };
        Signed::sign(self.config.network, list, &self.keys.signing)
    }
}

/// The first `most` digests.
fn share<'a>(digests: impl Iterator<Item = &'a Digest>, most: usize, kind: &'static str) -> Vec<Digest> {
    let share: Vec<Digest> = digests.take(most).copied().collect();
    if share.len() == most {
        tracing::error!(
            kind,
            "the share of a kind in the revocation list is full: keys that were revoked first are left out"
        );
    }
    share
}
