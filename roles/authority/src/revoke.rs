//! Revocation by hand (`zeni authority revoke LICENCE`).

use serde::Serialize;
use zeni_crypto::{Digest, PublicKey};
use zeni_message::{Signed, Time, route::Failure};
use zeni_note::RevocationList;
use zeni_store::{Caller, Tx, TxError, params};

use crate::{
    Authority, Reason,
    publication::{Added, Standing, revoke, standing, store_list},
    rows::{self, LicenceRow},
    schema,
    settle::{Decision, settle},
};

/// What [`Authority::revoke`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// The key as revocation lists name it, in hexadecimal.
    pub licence: String,
    /// Number of the list that names it: the current one.
    pub list: u64,
    /// Whether it was revoked before.
    pub already: bool,
}

/// Why no licence is revoked, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevokeRefusal {
    /// Not 64 hexadecimal digits.
    #[error("a licence is named by its key or the digest of its key, 64 hexadecimal digits")]
    NotADigest,
    /// No licence has this key or key digest.
    #[error("no licence has this key or key digest")]
    UnknownLicence,
}

type Seen = (Option<LicenceRow>, Standing);

impl Authority {
    /// Revokes one licence, named by its key or by the digest of its key, in hexadecimal.
    ///
    /// # Errors
    /// [`RevokeRefusal`], or trouble of the store.
    pub async fn revoke(&self, licence: &str, reason: Reason) -> Result<Revoked, Failure<RevokeRefusal>> {
        let named = Digest::from_hex(licence).map_err(|_| Failure::Refused(RevokeRefusal::NotADigest))?;
        let now = self.clock.now();
        let view = move |tx: &mut Tx<'_>| Ok((find(tx, &named)?, standing(tx, now)?));
        let prepare = |(row, standing): &Seen| {
            let row = row.as_ref().ok_or(Failure::Refused(RevokeRefusal::UnknownLicence))?;
            if row.revoked {
                return Ok(Decision::Done(revoked(&row.digest, standing.number, true)));
            }
            let named = Some(row.digest).filter(|_| row.licence.record.until >= now);
            let list = self.next_list(standing, standing.log.head, Added::Licensed(named.as_slice()), now);
            Ok(Decision::Apply((row.digest, list)))
        };
        settle(
            &self.store,
            Caller::default(),
            view,
            prepare,
            move |tx, _, (digest, list): &(Digest, Signed<RevocationList>)| apply(tx, digest, list, now, reason),
        )
        .await
    }
}

fn find(tx: &mut Tx<'_>, named: &Digest) -> Result<Option<LicenceRow>, TxError> {
    match rows::licence_by_key(tx, &PublicKey(named.0))? {
        Some(row) => Ok(Some(row)),
        None => tx.row(schema::LICENCE_BY_DIGEST, params![named.0])?.as_ref().map(rows::licence).transpose(),
    }
}

fn apply(
    tx: &mut Tx<'_>,
    digest: &Digest,
    list: &Signed<RevocationList>,
    now: Time,
    reason: Reason,
) -> Result<Revoked, TxError> {
    revoke(tx, &[*digest], now, reason)?;
    store_list(tx, list)?;
    Ok(revoked(digest, list.record.number, false))
}

fn revoked(digest: &Digest, list: u64, already: bool) -> Revoked {
    Revoked { licence: digest.to_string(), list, already }
}

#[cfg(test)]
mod tests;
