//! The certificates of an account: which keys sign its orders, and when.

use std::{collections::BTreeSet, convert::Infallible};

use zeni_crypto::{Digest, PublicKey};
use zeni_identity::Validity;
use zeni_message::Time;
use zeni_store::{Caller, JobError, Row, Tx, TxError, params};

use crate::{
    bank::Bank,
    chores::{Chore, Progress},
    schema,
};

type Job<T> = Result<T, JobError<Infallible>>;

/// What a certificate says of its account's orders.
#[derive(Clone, Debug)]
pub(crate) struct KeyCertificate {
    /// Digest of the enrolment.
    pub(crate) request: Digest,
    /// The key of orders that it names; none in those of before there were orders.
    pub(crate) key: Option<PublicKey>,
    /// When the whole chain holds.
    pub(crate) holds: Validity,
}

/// The certificates of an account, oldest first.
pub(crate) fn of(tx: &mut Tx<'_>, account: &str) -> Result<Vec<KeyCertificate>, TxError> {
    let rows = tx.rows(schema::SELECT_CERTIFICATES, params![account])?;
    rows.iter()
        .map(|row| {
            let stored = Validity::between(Time(row.u64(2)?), Time(row.u64(3)?));
            // of before this was stored; what cannot be read holds never
            let holds = Validity::of_chain(row.text(4)?).unwrap_or(stored);
            let key = row.opt_blob(1)?.and_then(|bytes| bytes.try_into().ok()).map(PublicKey);
            Ok(KeyCertificate { request: Digest(row.array(0)?), key, holds })
        })
        .collect()
}

/// Forgets the certificates of an account that have ended and were of no order that is kept (HC-O9). How many are left.
pub(crate) fn forget_ended(tx: &mut Tx<'_>, account: &str, now: Time) -> Result<usize, TxError> {
    let used = tx.rows(schema::SELECT_CERTIFICATES_USED, params![account])?;
    let used: BTreeSet<[u8; 32]> = used.iter().map(|row| row.array(0)).collect::<Result<_, _>>()?;
    let mut left = 0;
    for certificate in of(tx, account)? {
        if certificate.holds.until() < now && !used.contains(&certificate.request.0) {
            tx.execute(schema::DELETE_CERTIFICATE, params![account, certificate.request.0])?;
        } else {
            left += 1;
        }
    }
    Ok(left)
}

/// Certificates forgotten in one round.
const FORGET_MAX: u32 = 256;

impl Bank {
    /// Forgets certificates that have ended and were of no order that is kept.
    pub(crate) async fn forget_certificates(&self, now: Time) -> Chore {
        let read = move |tx: &mut Tx<'_>| -> Job<bool> { Ok(!ended(tx, now)?.is_empty()) };
        if !self.store.read(read).await? {
            return Ok(Progress::Idle);
        }
        let job = move |tx: &mut Tx<'_>| -> Job<()> {
            for row in ended(tx, now)? {
                tx.execute(schema::DELETE_CERTIFICATE, params![row.text(0)?, row.array::<32>(1)?])?;
            }
            Ok(())
        };
        self.store.write(Caller::default(), job).await?;
        Ok(Progress::More)
    }
}

fn ended(tx: &mut Tx<'_>, now: Time) -> Result<Vec<Row>, TxError> {
    tx.rows(schema::SELECT_CERTIFICATES_ENDED, params![schema::int(now.0), FORGET_MAX])
}
