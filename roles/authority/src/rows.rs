//! Rows of the tables as values of the program.

use serde::Serialize;
use zeni_crypto::{Digest, PublicKey, Signature};
use zeni_message::{Signed, Time};
use zeni_note::{Licence, licence::Keeper};
use zeni_store::{Kind, Row, Tx, TxError, Value, params};

use crate::schema;

/// How a person stands with the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// May have licences.
    Good,
    /// Reported a card as lost or broken (RN-X31): no licences until reinstated; accused of nothing.
    Lost,
    /// A proof of overspending opened his name (RN-O16): no licences until reinstated.
    Suspended,
}

impl Status {
    pub(crate) fn code(self) -> i64 {
        match self {
            Status::Good => 0,
            Status::Lost => 1,
            Status::Suspended => 2,
        }
    }

    fn from_code(code: i64) -> Option<Status> {
        [Status::Good, Status::Lost, Status::Suspended].into_iter().find(|status| status.code() == code)
    }
}

/// Why a licence was revoked (the reason class of RN-D22).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its person overspent (RN-O16).
    Overspent,
    /// Its person lost his card (RN-X31).
    Lost,
    /// Revoked by hand.
    Administrative,
}

impl Reason {
    pub(crate) fn code(self) -> i64 {
        match self {
            Reason::Overspent => 1,
            Reason::Lost => 2,
            Reason::Administrative => 3,
        }
    }
}

/// A registered person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonRow {
    pub(crate) id: String,
    pub(crate) secret: Digest,
    pub(crate) name: String,
    pub(crate) public: bool,
    pub(crate) keeper: Keeper,
    pub(crate) status: Status,
}

/// A licensed key and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LicenceRow {
    pub(crate) digest: Digest,
    pub(crate) person: String,
    pub(crate) licence: Signed<Licence>,
    pub(crate) revoked: bool,
}

/// A time as a column holds it; what lies beyond the column's range is its end.
pub(crate) fn time_value(time: Time) -> Value {
    Value::Int(i64::try_from(time.0).unwrap_or(i64::MAX))
}

pub(crate) fn number_value(number: u64) -> Value {
    Value::Int(i64::try_from(number).expect("numbers count up by one from 1 and were read from this column"))
}

pub(crate) fn digest(row: &Row, index: usize) -> Result<Digest, TxError> {
    row.array(index).map(Digest)
}

pub(crate) fn keeper_code(keeper: Keeper) -> i64 {
    match keeper {
        Keeper::Software => 0,
        Keeper::Card => 1,
    }
}

fn keeper(row: &Row, index: usize) -> Result<Keeper, TxError> {
    match row.int(index)? {
        0 => Ok(Keeper::Software),
        1 => Ok(Keeper::Card),
        _ => Err(out_of_range(index)),
    }
}

/// A code that this program never writes.
pub(crate) fn out_of_range(index: usize) -> TxError {
    TxError::Column { index, expected: Kind::Unsigned, found: Kind::Int }
}

pub(crate) fn person(row: &Row) -> Result<PersonRow, TxError> {
    Ok(PersonRow {
        id: row.text(0)?.to_owned(),
        secret: digest(row, 1)?,
        name: row.text(2)?.to_owned(),
        public: row.int(3)? != 0,
        keeper: keeper(row, 4)?,
        status: Status::from_code(row.int(5)?).ok_or_else(|| out_of_range(5))?,
    })
}

pub(crate) fn licence(row: &Row) -> Result<LicenceRow, TxError> {
    let record = Licence { key: PublicKey(row.array(0)?), until: Time(row.u64(3)?), keeper: keeper(row, 4)? };
    Ok(LicenceRow {
        digest: digest(row, 1)?,
        person: row.text(2)?.to_owned(),
        licence: Signed { record, signature: Signature(row.array(5)?) },
        revoked: row.opt_int(6)?.is_some(),
    })
}

pub(crate) fn person_by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<PersonRow>, TxError> {
    tx.row(schema::PERSON_BY_ID, params![id])?.as_ref().map(person).transpose()
}

pub(crate) fn person_by_secret(tx: &mut Tx<'_>, secret: &Digest) -> Result<Option<PersonRow>, TxError> {
    tx.row(schema::PERSON_BY_SECRET, params![secret.0])?.as_ref().map(person).transpose()
}

pub(crate) fn licence_by_key(tx: &mut Tx<'_>, key: &PublicKey) -> Result<Option<LicenceRow>, TxError> {
    tx.row(schema::LICENCE_BY_KEY, params![key.0])?.as_ref().map(licence).transpose()
}

/// The owner of a licensed key.
pub(crate) fn owner(tx: &mut Tx<'_>, key: &PublicKey) -> Result<Option<PersonRow>, TxError> {
    match licence_by_key(tx, key)? {
        Some(row) => person_by_id(tx, &row.person),
        None => Ok(None),
    }
}

/// One licence of a person, as revocation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) digest: Digest,
    pub(crate) revoked: bool,
    pub(crate) until: Time,
}

/// What a revocation list names at `now` once those of `licences` that are not revoked yet are.
pub(crate) fn newly_listed(licences: &[Held], now: Time) -> Vec<Digest> {
    licences.iter().filter(|held| !held.revoked && held.until >= now).map(|held| held.digest).collect()
}

pub(crate) fn licences_of(tx: &mut Tx<'_>, person: &str) -> Result<Vec<Held>, TxError> {
    tx.rows(schema::LICENCES_OF_PERSON, params![person])?
        .iter()
        .map(|row| Ok(Held { digest: digest(row, 0)?, revoked: row.opt_int(1)?.is_some(), until: Time(row.u64(2)?) }))
        .collect()
}
