//! How far each bank's log of identifications has come, by the bank's signed word (HC-F5.6, DESIGN §5 "Trace").
//!
//! A report in which the log does not go on from where the last one left it is a break: an alarm, and both words are kept as evidence.
//! From then on the log is followed from its new end, so that the next break is seen as well. The audit tells of a break until an
//! operator has accepted it ([`Issuer::accept_log`]).

use zeni_crypto::{Digest, LogEnd, tagged};
use zeni_message::{Signed, Time, decode, encode, limits::MESSAGE_BYTES_MAX};
use zeni_note::messages::issuer::{Counts, LogReport};
use zeni_store::{Caller, Tx, TxError, params};

use crate::{Done, Issuer, count_value, digest, schema, tick::TickError, time_value};

/// Breaks of one bank's log that are kept: who makes more of them is convicted by these.
const BREAKS_KEPT: u64 = 256;

/// A break, as its row has it.
struct Break {
    at: u64,
    /// Where the issuer knew the log's end.
    had: LogEnd,
    /// What the bank then told of it.
    told: Option<LogReport>,
}

/// Keeps how far the log has come, with the bank's signature on it. The counts that tell it are taken whatever it says:
/// customers' notes depend on them.
pub(crate) fn mark(tx: &mut Tx<'_>, counts: &Signed<Counts>, now: Time) -> Result<(), TxError> {
    let bank = &counts.record.bank;
    let told = counts.record.identifications;
    let known = log_mark(tx, bank)?;
    let goes_on = match (&known, &told) {
        (None, _) => true,
        (Some(known), Some(told)) => told.continues(known),
        (Some(known), None) => *known == LogEnd::START,
    };
    if let Some(had) = known.filter(|_| !goes_on) {
        broken(tx, counts, &had, now)?;
    }
    match told {
        None if !goes_on => tx.execute(schema::DELETE_LOG_MARK, params![bank]).map(drop),
        Some(told) if known != Some(told.end) => {
            let row =
                [bank.clone().into(), count_value(told.end.number), told.end.head.0.into(), encode(counts).into()];
            tx.execute(schema::PUT_LOG_MARK, &row).map(drop)
        }
        _ => Ok(()),
    }
}

fn broken(tx: &mut Tx<'_>, counts: &Signed<Counts>, had: &LogEnd, now: Time) -> Result<(), TxError> {
    let bank = &counts.record.bank;
    let found = Break { at: now.0, had: *had, told: counts.record.identifications };
    tracing::error!(bank, "alarm: {}", found.text());
    if tx.row(schema::COUNT_LOG_BREAKS, params![bank])?.map_or(Ok(0), |row| row.u64(0))? >= BREAKS_KEPT {
        return Ok(());
    }
    let told = encode(counts);
    let known = tx.row(schema::LOG_MARK_WORD, params![bank])?.map(|row| row.blob(0).map(<[u8]>::to_vec)).transpose()?;
    let id = tagged("zeni/log-cut", &[bank.as_bytes(), &counts.record.number.to_be_bytes(), &had.head.0]);
    let row = [
        id.0.into(),
        bank.clone().into(),
        time_value(now),
        count_value(had.number),
        had.head.0.into(),
        known.unwrap_or_default().into(),
        told.clone().into(),
    ];
    tx.execute(schema::INSERT_LOG_BREAK, &row)?;
    tx.execute(schema::INSERT_ALARM, params![id.0, time_value(now), "identification_log", told]).map(drop)
}

impl Break {
    /// Whether the bank goes on from an entry that the issuer has not heard of. Then its two words can both be true.
    fn is_ahead(&self) -> bool {
        self.told.is_some_and(|told| told.before.number > self.had.number)
    }

    fn text(&self) -> String {
        let had = self.had.number;
        match self.told {
            Some(told) if self.is_ahead() => format!(
                "its log of identifications goes on from entry {}, and the last that was reported here is {had}: this issuer was restored \
                 from an older backup, or the bank wrote its log anew",
                told.before.number
            ),
            Some(told) if told.before.number == had && told.before.head == Digest([0; 32]) => format!(
                "its log of identifications had {had} entries, and by the bank's own word entry {had} is gone, {} are left: the bank \
                 restored an older backup, or somebody cut the log",
                told.end.number
            ),
            Some(told) => format!(
                "its log of identifications had {had} entries, {} are left of it or follow others: by two signed words of the bank \
                 it was cut off or written anew",
                told.end.number
            ),
            None => format!("its log of identifications had {had} entries, and the bank tells of it no more"),
        }
    }
}

/// How far a bank's log of identifications has come by its reports; none before the first that says so.
pub(crate) fn log_mark(tx: &mut Tx<'_>, bank: &str) -> Result<Option<LogEnd>, TxError> {
    let row = tx.row(schema::READ_LOG_MARK, params![bank])?;
    row.map(|row| Ok(LogEnd { number: row.u64(0)?, head: digest(&row, 1)? })).transpose()
}

/// What the audit says of the breaks of a bank's log that nobody has accepted.
pub(crate) fn accusations(tx: &mut Tx<'_>, bank: &str) -> Result<Vec<String>, TxError> {
    let rows = tx.rows(schema::LOG_BREAKS, params![bank])?;
    let accusation = |row: &zeni_store::Row| -> Result<String, TxError> {
        let had = LogEnd { number: row.u64(1)?, head: digest(row, 2)? };
        let told = decode::<Signed<Counts>>(row.blob(3)?, MESSAGE_BYTES_MAX).ok();
        let told = told.and_then(|told| told.record.identifications);
        let found = Break { at: row.u64(0)?, had, told };
        Ok(format!("{bank}, at {}: {}", Time(found.at), found.text()))
    };
    rows.iter().map(accusation).collect()
}

impl Issuer {
    /// Takes a bank's log of identifications as it is, after an operator has looked into its breaks: the audit tells of them no
    /// more; alarms and both words of each stay. Answers what was accepted, as the audit told it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn accept_log(&self, bank: &str) -> Result<Vec<String>, TickError> {
        let (bank, now) = (bank.to_owned(), self.clock.now());
        let accept = move |tx: &mut Tx<'_>| -> Done<Vec<String>> {
            let accepted = accusations(tx, &bank)?;
            tx.execute(schema::ACCEPT_LOG, params![&bank, time_value(now)])?;
            Ok(accepted)
        };
        Ok(self.store.write(Caller::default(), accept).await?)
    }
}
