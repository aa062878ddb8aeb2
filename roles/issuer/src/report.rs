//! Reports for the administration command line.

use serde::Serialize;
use zeni_message::{Signed, decode, limits::MESSAGE_BYTES_MAX};
use zeni_note::OverspendingProof;
use zeni_store::{Caller, Tx, TxError, WriteError, params};

use crate::{Account, Done, Issuer, Never, books, ceilings, digest, schema, settlement};

/// Net position of a bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// Short name of the bank.
    pub bank: String,
    /// ISO 4217 code.
    pub currency: String,
    /// What the bank owes, in minor units; negative if it is owed.
    pub owes: i128,
}

/// What one bank has issued in one currency, in minor units (HC-F7, HC-D21).
///
/// Of notes under seal the issuer knows which bank they came from; of registered ones it knows what a bank's requests bought
/// and not which of them are still out (RN-O18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BankCirculation {
    /// Short name of the bank.
    pub bank: String,
    /// Issued under seal.
    pub issued: u64,
    /// Of these, no longer out: paid as of right, renewed or dormant.
    pub returned: u64,
    /// Of these, out.
    pub outstanding: u64,
    /// What the bank owes in all, negative if it is owed.
    pub owes: i128,
    /// The most it may owe and hold.
    pub ceiling: u64,
}

/// What circulates in one currency, in minor units.
///
/// Which bank an outstanding registered note came from is not known, so that only the total is told (RN-O18).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Circulation {
    /// ISO 4217 code.
    pub currency: String,
    /// Issued, by originating bank.
    pub issued: Vec<(String, u64)>,
    /// Returned and paid as of right, by depositing bank.
    pub returned: Vec<(String, u64)>,
    /// Honoured claims, by depositing bank.
    pub honoured: Vec<(String, u64)>,
    /// Per bank: what it issued under seal, and its ceiling.
    pub banks: Vec<BankCirculation>,
    /// Outstanding in total.
    pub outstanding: u64,
    /// What never came back within its retention.
    pub dormant: u64,
    /// Rows of the register, of the archive and of redeemed requests: all currencies (RN-P5).
    pub rows: [u64; 3],
}

/// What register and archive take, with nodes and origins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// Notes in the register.
    pub register_rows: u64,
    /// Bytes of their content and of what belongs to them, without the engine's own overhead.
    pub register_bytes: u64,
    /// Notes in the archive.
    pub archive_rows: u64,
    /// Bytes of theirs.
    pub archive_bytes: u64,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CaseReport {
    /// Identity of the overspent note or endorsement, hexadecimal.
    pub node: String,
    /// The convicted key, hexadecimal.
    pub key: String,
    /// When it was opened, seconds since 1970.
    pub opened: u64,
    /// `open`, `proven`, `disclosed`, `identified`, `unknown` or `refused`.
    pub state: String,
    /// For a key under seal, the bank that is asked to identify its holder.
    pub bank: Option<String>,
    /// The name that the authority released.
    pub name: Option<String>,
    /// Keys that were revoked: the person's licences, or under seal the one key once the authority has listed it.
    pub revoked: Option<u64>,
}

/// The proof of a case as a signed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// Identity of the overspent note or endorsement, hexadecimal.
    pub node: String,
    /// COSE_Sign1 document by the issuer's key, to be checked by any third party.
    pub document: Vec<u8>,
}

impl Issuer {
    /// Circulation per currency.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn circulation(&self) -> Result<Vec<Circulation>, crate::TickError> {
        let config = self.config.clone();
        let read = move |tx: &mut Tx<'_>| -> Done<Vec<Circulation>> { Ok(circulation(tx, &config)?) };
        Ok(self.store.read(read).await?)
    }

    /// What register and archive take. Reads every row of both.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn storage(&self) -> Result<Storage, crate::TickError> {
        let read = |tx: &mut Tx<'_>| -> Done<Storage> {
            let mut sum = |statements: &[&'static str]| -> Result<u64, TxError> {
                let mut sum = 0;
                for statement in statements {
                    sum += tx.row(statement, &[])?.map_or(Ok(0), |row| row.u64(0))?;
                }
                Ok(sum)
            };
            Ok(Storage {
                register_rows: sum(&[schema::REGISTER_SIZE])?,
                register_bytes: sum(&[schema::NOTE_BYTES, schema::NODE_BYTES, schema::ORIGIN_BYTES])?,
                archive_rows: sum(&[schema::ARCHIVE_SIZE])?,
                archive_bytes: sum(&[
                    schema::ARCHIVE_NOTE_BYTES,
                    schema::ARCHIVE_NODE_BYTES,
                    schema::LOT_BYTES,
                    schema::ARCHIVE_ORIGIN_BYTES,
                ])?,
            })
        };
        Ok(self.store.read(read).await?)
    }

    /// All cases, oldest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn cases(&self) -> Result<Vec<CaseReport>, crate::TickError> {
        let read = |tx: &mut Tx<'_>| -> Done<Vec<CaseReport>> {
            let case = |row: &zeni_store::Row| -> Result<CaseReport, TxError> {
                Ok(CaseReport {
                    node: digest(row, 0)?.to_string(),
                    key: zeni_crypto::PublicKey(row.array(1)?).to_string(),
                    opened: row.u64(2)?,
                    state: row.text(3)?.to_owned(),
                    name: row.opt_text(4)?.map(str::to_owned),
                    revoked: row.opt_int(6)?.map(i64::unsigned_abs),
                    bank: row.opt_text(7)?.map(str::to_owned),
                })
            };
            Ok(tx.rows(schema::ALL_CASES, &[])?.iter().map(case).collect::<Result<_, _>>()?)
        };
        Ok(self.store.read(read).await?)
    }

    /// The proofs of all cases that have one, each signed by the issuer.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn export_proofs(&self) -> Result<Vec<Export>, crate::TickError> {
        let read = |tx: &mut Tx<'_>| -> Done<Vec<(zeni_crypto::Digest, Option<Vec<u8>>)>> {
            let rows = tx.rows(schema::ALL_CASES, &[])?;
            let case = |row: &zeni_store::Row| -> Result<_, TxError> {
                Ok((digest(row, 0)?, row.opt_blob(5)?.map(<[u8]>::to_vec)))
            };
            Ok(rows.iter().map(case).collect::<Result<_, _>>()?)
        };
        let mut exports = Vec::new();
        for (node, bytes) in self.store.read(read).await? {
            let Some(bytes) = bytes else { continue };
            let proof: OverspendingProof =
                decode(&bytes, MESSAGE_BYTES_MAX).map_err(|_| crate::TickError::Stored { table: "misuse" })?;
            let document = Signed::sign(self.network(), proof, &self.keys.signing).to_document(self.network());
            exports.push(Export { node: node.to_string(), document });
        }
        Ok(exports)
    }

    /// Alarms, oldest first: when, seconds since 1970, and of which kind.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn alarms(&self) -> Result<Vec<(u64, String)>, crate::TickError> {
        let read = |tx: &mut Tx<'_>| -> Done<Vec<(u64, String)>> {
            let rows = tx.rows(schema::ALARMS, &[])?;
            let alarm = |row: &zeni_store::Row| Ok::<_, TxError>((row.u64(0)?, row.text(1)?.to_owned()));
            Ok(rows.iter().map(alarm).collect::<Result<_, _>>()?)
        };
        Ok(self.store.read(read).await?)
    }

    /// Series that were stopped by an alarm.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn stopped_series(&self) -> Result<Vec<u32>, crate::TickError> {
        let read = |tx: &mut Tx<'_>| -> Done<Vec<u32>> {
            let rows = tx.rows(schema::STOPPED, &[])?;
            let series = |row: &zeni_store::Row| row.u64(0).map(|series| u32::try_from(series).unwrap_or(u32::MAX));
            Ok(rows.iter().map(series).collect::<Result<_, TxError>>()?)
        };
        Ok(self.store.read(read).await?)
    }

    /// Lets a stopped series go on, after an operator has looked into the alarm (RN-X24, RN-X37).
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn lift_stop(&self, series: u32) -> Result<bool, crate::TickError> {
        let lift = move |tx: &mut Tx<'_>| -> Done<u64> { Ok(tx.execute(schema::LIFT_STOP, params![series])?) };
        let lifted: Result<u64, WriteError<Never>> = self.store.write(Caller::default(), lift).await;
        Ok(lifted? == 1)
    }
}

fn circulation(tx: &mut Tx<'_>, config: &crate::Config) -> Result<Vec<Circulation>, TxError> {
    let mut rows = [0; 3];
    for (statement, rows) in
        [schema::REGISTER_SIZE, schema::ARCHIVE_SIZE, schema::REQUESTS_SIZE].into_iter().zip(&mut rows)
    {
        *rows = tx.row(statement, &[])?.map_or(Ok(0), |row| row.u64(0))?;
    }
    let mut report = Vec::new();
    for currency in settlement::currencies(config) {
        let mut of = |account: fn(String) -> Account| -> Result<Vec<(String, u64)>, TxError> {
            let bank = |bank: &crate::BankConfig| {
                let balance = books::balance(tx, &account(bank.name.clone()), currency)?;
                Ok((bank.name.clone(), magnitude(balance)))
            };
            config.banks.iter().map(bank).collect()
        };
        let (issued, returned, honoured) = (of(Account::Issued)?, of(Account::Returned)?, of(Account::Honoured)?);
        let of_bank = |bank: &crate::BankConfig| of_bank(tx, bank, currency);
        let banks = config.banks.iter().map(of_bank).collect::<Result<_, _>>()?;
        report.push(Circulation {
            currency: currency.code().to_owned(),
            issued,
            returned,
            honoured,
            banks,
            outstanding: magnitude(settlement::outstanding(tx, config, currency)?),
            dormant: magnitude(books::balance(tx, &Account::Dormant, currency)?),
            rows,
        });
    }
    Ok(report)
}

fn of_bank(
    tx: &mut Tx<'_>,
    bank: &crate::BankConfig,
    currency: zeni_money::Currency,
) -> Result<BankCirculation, TxError> {
    let released = -books::balance(tx, &Account::Released(bank.name.clone()), currency)?;
    let held = books::held(tx, &bank.name, currency)?;
    let of = ceilings::Bank { name: &bank.name, currency, configured: bank.ceiling(currency) };
    Ok(BankCirculation {
        bank: bank.name.clone(),
        issued: magnitude(held + released),
        returned: magnitude(released),
        outstanding: magnitude(held),
        owes: books::owed(tx, &bank.name, currency)?,
        ceiling: ceilings::ceiling(tx, &of)?.minor(),
    })
}

pub(crate) fn magnitude(balance: i128) -> u64 {
    u64::try_from(balance.unsigned_abs()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
